"""What an iptables dump says, in its own terms: tables of chains of rules."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from validator.dialects._iptables_words import RuleWords, TargetUse
from validator.dialects._linux_changes import rewrites
from validator.packets.fields import Family
from validator.source import Source, Span

BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
    "rawpost": ("POSTROUTING",),
}
"""The built-in chains of each table, iptables(8); rawpost is of xtables-addons."""


class IptRule(Struct, frozen=True, gc=False):
    """A rule and its line."""

    line: int
    words: RuleWords


class IptChain(Struct):
    """A chain: `policy` is empty for one that users made, and for a built-in one whose policy is not told;
    `line` is where it is declared, or first named. `fragment`: it is built in, and the file does not say so: what
    else is in it is not known."""

    name: str
    policy: str = ""
    line: int = 0
    rules: list[IptRule] = field(default_factory=list)
    fragment: bool = False


class IptDump(Struct, frozen=True):
    """The tables of one family by name; `span` gives a line of the source.

    `variant` is `nft` or `legacy`: the two hold at once, and `prefix` tells the chains of the second
    from those of the first. `incomplete` says what filters packets beside what is here, and
    `incomplete_line` which line of the source says so; empty where nothing does. `shown_by_nft`: what
    `nft list ruleset` shows in full. `targets` are those of its rules; `unclear`: some rule is not understood.
    """

    family: Family
    source: Source
    tables: Mapping[str, Mapping[str, IptChain]]
    variant: str = "legacy"
    prefix: str = ""
    incomplete: str = ""
    incomplete_line: int = 0
    shown_by_nft: bool = False
    targets: frozenset[TargetUse] = frozenset()
    unclear: bool = False

    @property
    def rewrites(self) -> bool:
        """Whether some rule may change packets or their connections."""
        chains = [name for table in self.tables.values() for name in table]
        return self.unclear or rewrites(self.targets, chains)

    def span(self, line: int) -> Span:
        """The span of a line."""
        return self.source.span(line)
