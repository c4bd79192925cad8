"""What a match module is, and what its options are decided against.

Every option is decided exactly, by an assumption (normal load for rate limiters), or is a condition. A
condition asks one thing of a packet: two lines that ask the same words have the same variable, but what is
random, counts, or may have changed between two lines is asked by each line for itself.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

from msgspec import Struct, field

from validator.dialects._iptables_words import Group
from validator.dialects._linux_host import Host
from validator.model import Condition, ConditionMatch, Match
from validator.source import Span


class Treatment(enum.StrEnum):
    """How the options of a module or target are understood; the reference lists these words."""

    EXACT = "exact"
    NOMINAL = "at normal load"
    ASSUMED = "by an assumption"
    CONDITION = "condition"
    ALWAYS = "always matches"


class Context(Struct):
    """The host that a rule is on, and the line it stands in.

    `by_line` is set as soon as something is asked that holds for this line only. `dry`: to see what is understood;
    nothing but the words is known yet.
    """

    host: Host
    span: Span
    dry: bool = False
    by_line: bool = False

    def shared(self, text: str, expected: bool = True, *, per_packet: bool = True) -> Match:
        """An open condition, the same variable for every line with this text."""
        key = f"{self.host.name}: {text}"
        return ConditionMatch(Condition(key, f"whether `{text}` matches", per_packet=per_packet), expected)

    def own(self, text: str, expected: bool = True) -> Match:
        """An open condition of this line alone."""
        self.by_line = True
        key = f"{self.host.name}: {text} ({self.span.path}:{self.span.line})"
        return ConditionMatch(Condition(key, f"whether `{text}` matches", self.span, per_packet=True), expected)

    def assumed(self, assumption: str, text: str, value: bool, expected: bool = True) -> Match:
        """A condition of this line alone with the value that an assumption gives it, unless it was withdrawn."""
        self.by_line = True
        taken = None if assumption in self.host.withdrawn else value
        key = f"{self.host.name}: {text} ({self.span.path}:{self.span.line})"
        said = f"`{text}` {'matches' if value else 'does not match'}"
        return ConditionMatch(Condition(key, said, self.span, assumption, taken, per_packet=True), expected)


Convert = Callable[["MatchModule", Group, Context], tuple[Match, ...]]


class MatchModule(Struct, frozen=True):
    """A match module of iptables: its options, and how they are decided.

    `tests` are options that each decide something and can be negated, `details` say how; both give the number of
    values an option takes (-1: one or none). `needs`: protocols of which `-p` must name one. For conditions:
    `own` where each line asks for itself; `per_packet` False where all packets of a connection have the
    same answer; `steady` where no rule can change what it sees.
    """

    name: str
    treatment: Treatment
    note: str
    convert: Convert
    tests: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, int] = field(default_factory=dict)
    needs: frozenset[int] = frozenset()
    own: bool = False
    per_packet: bool = True
    steady: bool = False

    def size(self, option: str) -> int | None:
        """How many values an option takes; None for one that the module does not have."""
        return self.tests.get(option, self.details.get(option))
