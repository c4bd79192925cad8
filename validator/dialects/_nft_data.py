"""An nftables ruleset as both its exports say it: tables of chains, sets and maps.

Statements and expressions keep the structure of libnftables-json(5): a statement is its name and its body, an
expression a string, a number, a list of flags, or an object of one key. The text is read into the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from validator.source import Span

Expr = None | bool | int | str | list["Expr"] | dict[str, "Expr"]
"""An expression of libnftables-json(5)."""
Statement = tuple[str, Expr]
"""A statement: its name (`match`, `accept`) and its body."""
HOOKS = ("prerouting", "input", "forward", "output", "postrouting", "ingress", "egress")
MOST_DEPTH = 24
"""How deep expressions may be nested before a rule counts as not understood."""


class Unclear(Exception):
    """Something whose meaning is not known; the message says what. Never leaves the dialects."""


class NftRule(Struct, frozen=True):
    """A rule: the statements that were understood, left to right, and `why` the rest was not, if anything.

    `text` is the rule without counters and comment, as nft writes it.
    """

    line: int
    span: Span
    text: str
    statements: tuple[Statement, ...]
    why: str = ""


class NftChain(Struct):
    """A chain; `hook` is empty for one that is not a base chain. `why` says what of its head was not understood;
    `hidden`: it may have rules that the listing does not show (_nft_listing.py).

    `devices` are those of a chain at `ingress` or `egress`, None where the export leaves them out.
    """

    name: str
    span: Span
    type: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    policy_span: Span | None = None
    devices: tuple[str, ...] | None = ()
    rules: list[NftRule] = field(default_factory=list)
    why: str = ""
    hidden: bool = False


class Element(Struct, frozen=True):
    """An element of a set or map; `value` is what a map gives, and `span` its own line where it has one."""

    key: Expr
    value: Expr = None
    span: Span | None = None


class NftSet(Struct):
    """A named set or map.

    `changing`: packets or time change its elements while it is in use. `filled`: rules do, so that a packet may be in
    it at one rule and not at another. `limited`: it counts for each element, which may end the rule for a packet.
    `listed`: the export has a list of its elements. `hidden`: there is none, and none of any other set, so that nft may
    have left them out (_nft_listing.py).
    """

    name: str
    span: Span
    changing: bool = False
    filled: bool = False
    limited: bool = False
    listed: bool = False
    hidden: bool = False
    elements: list[Element] = field(default_factory=list)
    why: str = ""


_OF_IPTABLES = ("raw", "mangle", "nat", "filter", "security")


class NftTable(Struct):
    """A table of one family (`ip`, `ip6`, `inet`, `arp`, `bridge`, `netdev`).

    `dormant`: it is not in force; None where the export does not tell. `limits` are its named limits: whether each is
    `over` a rate.
    """

    family: str
    name: str
    span: Span
    dormant: bool | None = False
    chains: dict[str, NftChain] = field(default_factory=dict)
    sets: dict[str, NftSet] = field(default_factory=dict)
    limits: dict[str, bool] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """`inet filter`, as nft names tables."""
        return f"{self.family} {self.name}"

    @property
    def may_be_of_iptables(self) -> bool:
        """Whether iptables-nft may manage it: it has the name of a table of iptables, and a chain that is named as its
        hook in capitals."""
        named = self.family in ("ip", "ip6") and self.name in _OF_IPTABLES
        return named and any(chain.hook and chain.name == chain.hook.upper() for chain in self.chains.values())


class NftRuleset(Struct, frozen=True):
    """Fragment data of both nftables dialects: the tables by family and name, in their order."""

    path: str
    tables: Mapping[tuple[str, str], NftTable]


def fields(expr: Expr) -> dict[str, Expr]:
    """The members of an object; none where `expr` is something else."""
    return expr if isinstance(expr, dict) else {}


def items(expr: Expr) -> list[Expr]:
    """The members of a list; an expression that is none counts as a list of itself."""
    return expr if isinstance(expr, list) else [expr]


def single(expr: Expr) -> tuple[str, Expr]:
    """The one key of an object and its value. Raises Unclear."""
    if isinstance(expr, dict) and len(expr) == 1:
        return next(iter(expr.items()))
    raise Unclear("an expression that is not of libnftables-json")


def too_deep(expr: Expr) -> bool:
    """Whether an expression is nested deeper than MOST_DEPTH."""
    level: list[Expr] = [expr]
    for _ in range(MOST_DEPTH):
        deeper: list[Expr] = []
        for each in level:
            if isinstance(each, dict):
                deeper += each.values()
            elif isinstance(each, list):
                deeper += each
        if not deeper:
            return False
        level = deeper
    return True
