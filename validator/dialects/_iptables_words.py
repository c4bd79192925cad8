"""The words of a rule line, and how they are kept: options, by the module they belong to.

Quoting is that of iptables-restore(8), xshared.c `add_param_to_argv`: a double quote opens a quoted word and ends
with the next, a backslash inside takes the next character as it is; outside of quotes it is a character.
"""

from __future__ import annotations

from msgspec import Struct

from validator.model import Match


class Unclear(Exception):
    """An option whose value is not understood; the message says why. Never leaves the dialect."""


def words(line: str) -> list[str]:
    """The words of a line; a quoted word loses its quotes and escapes. Raises Unclear for an open quote."""
    if '"' not in line:
        return line.split()
    found: list[str] = []
    taken: list[str] = []
    quoted = inside = escaped = False
    for char in line:
        if inside and (escaped or char not in '\\"'):
            taken.append(char)
            escaped = False
        elif inside and char == "\\":
            escaped = True
        elif char == '"' and not inside:
            inside = quoted = True
        elif char == '"' or char.isspace():
            inside = False
            if taken or quoted:
                found.append("".join(taken))
            taken, quoted = [], False
        else:
            taken.append(char)
    if inside:
        raise Unclear("a quote is not closed")
    if taken:
        found.append("".join(taken))
    return found


class Option(Struct, frozen=True, gc=False):
    """An option with its values; the name in its shortest usual form (`-s`, `--sport`)."""

    name: str
    negated: bool
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        """As a line has it, without the sign of negation."""
        return " ".join((self.name, *self.values))


class Group(Struct, frozen=True, eq=False, gc=False):
    """Options that one match module decides together; `module` is empty for those of iptables itself (`-s`).

    `needs`: the protocols of which the rule's `-p` must name one, none if empty. `protocol` is what a `-p`
    that is not negated names, else -1. `conditional`: what it decides depends on what no dump tells. `plain` are
    its matches where they are the same on every host and in every line, else None.
    """

    module: str
    options: tuple[Option, ...]
    needs: frozenset[int] = frozenset()
    protocol: int = -1
    conditional: bool = False
    plain: tuple[Match, ...] | None = None


class TargetUse(Struct, frozen=True, eq=False, gc=False):
    """`-j NAME` or `-g NAME` with its options; the words as they stand where the target is not known."""

    name: str
    goto: bool = False
    options: tuple[Option, ...] = ()

    def values(self, name: str) -> tuple[str, ...]:
        """The values of an option that is given at most once; none if it is not given."""
        return next((option.values for option in self.options if option.name == name), ())

    def has(self, name: str) -> bool:
        """Whether an option is given."""
        return any(option.name == name for option in self.options)

    def has_only(self, *names: str) -> bool:
        """Whether no other options are given, and none is negated."""
        return all(option.name in names and not option.negated for option in self.options)


class RuleWords(Struct, frozen=True, gc=False):
    """A rule line read: what it matches, its target, and in `why` what was not understood.

    `groups` are then those in front of it: the rule matches at most where they do. `skipped` is
    a rule of the other family (`-4`, `-6`), which iptables-restore leaves out. `conditional`: what it does depends
    on what no dump tells.
    """

    groups: tuple[Group, ...] = ()
    target: TargetUse | None = None
    why: str = ""
    skipped: bool = False
    conditional: bool = False
