"""The exceptions of Portproof.

::

    PortproofError
    ├── UserError             the user can mend it: one line `file:line: what; remedy`, exit 2
    │   ├── ExportError       an export that cannot be read (missing, empty, binary, cut, foreign)
    │   │   ├── UnknownExportError    a file that no dialect recognises
    │   │   ├── FactsExportError      a file that is known to hold no rules, in a form that is not read
    │   │   └── SeveralExportsError   a file in which another export stands as well
    │   ├── PolicyError       a policy file that is not one, or that does not exist
    │   ├── SiteError         a site file that is not one, or that names what does not exist
    │   ├── RuleError         a rule of the catalogue that is not well formed
    │   ├── RequestError      an option, a packet or a name on the command line that makes no sense
    │   └── BudgetError       a ruleset that needs more packet-set nodes than the budget allows
    └── DefectError           our own fault: exit 3, with how to report it
"""

from __future__ import annotations


class PortproofError(Exception):
    """Base of everything Portproof raises on purpose."""


class UserError(PortproofError):
    """A mistake the user can mend; prints as `file:line: problem; remedy`.

    `line` is 1-based, 0 where no line applies; `path` may be empty.
    """

    def __init__(self, problem: str, remedy: str, path: str = "", line: int = 0) -> None:
        self.problem, self.remedy, self.path, self.line = problem, remedy, path, line
        super().__init__(problem)

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}: " if self.line else f"{self.path}: " if self.path else ""
        return f"{place}{self.problem}; {self.remedy}"


class ExportError(UserError):
    """An export that cannot be read or that no dialect recognises."""


class UnknownExportError(ExportError):
    """A file that is readable text and no firewall export that is known."""


class FactsExportError(ExportError):
    """A file in a form that is not read, of a kind that holds no rules: what it tells stays unknown, and no more."""


class SeveralExportsError(ExportError):
    """A file in which another export stands as well, which may hold anything."""


class PolicyError(UserError):
    """A policy that does not exist or does not follow its schema."""


class SiteError(UserError):
    """A site file that does not follow its schema, or names something unknown."""


class RuleError(UserError):
    """A rule of the catalogue that does not follow its schema or whose condition is malformed."""


class RequestError(UserError):
    """A command-line value or an input packet that cannot be used."""


class BudgetError(UserError):
    """A ruleset whose packet sets outgrow the node budget; never a wrong answer instead."""


class DefectError(PortproofError):
    """A state that only a defect of Portproof can reach."""
