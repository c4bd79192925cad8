"""What the meaning of an expression of nftables depends on besides itself, and the conditions it may ask."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects._linux_host import Host
from validator.dialects._nft_data import Expr
from validator.dialects._nft_keys import OpaqueKey
from validator.dialects._nft_logic import Conj
from validator.dialects._nft_render import render
from validator.model import Condition
from validator.source import Span

_MOVING = tuple(
    repr(key)
    for key in ("numgen", "random", "cpu", "mark", "ttl", "hoplimit", "priority", "rtclassid", "rt", "label")
    + ("skuid", "skgid", "cgroup")
)
"""What is something else each time; or behind routing (ip_forward takes one from the TTL and sets the priority, and
what comes in gets its socket there); or is set by rules that count as leaving packets alone (marks, connlabel of
iptables). As `repr` has it."""
_STEADY = tuple(f"{{'key': '{key}'}}" for key in ("time", "day", "hour"))
"""What no rule changes, as `repr` has it."""


class Surroundings(Struct, frozen=True):
    """What an expression's meaning depends on besides itself.

    `early`: the rule is asked before connection tracking (priority below -200).
    `span` is the rule's; `identity` tells it from other rules of that line, where there are any.
    """

    host: Host
    early: bool
    span: Span
    identity: str = ""

    @property
    def here(self) -> str:
        """The rule, as a key of conditions that are its own."""
        return self.identity or f"{self.span.path}:{self.span.line}"

    def asks(self, text: str) -> Condition:
        """An open condition of which each packet has its own value."""
        return self.host.condition(text, per_packet=True, span=self.span)

    def asks_once(self, text: str) -> Condition:
        """An open condition that is the same for all packets of a connection."""
        return self.host.condition(text, span=self.span)

    def asks_here(self, text: str) -> Condition:
        """An open condition of this rule alone: what is random, or depends on what came before."""
        return self.asks(f"{text} ({self.here})")

    def own(self, expr: str) -> bool:
        """Whether an expression, as `repr` has it, may be something else in each rule: it is random, or counts, or the
        kernel or some rule may change what it reads."""
        if any(each in expr for each in _MOVING):
            return True
        return self.host.rewrites and not any(each in expr for each in _STEADY)

    def asks_of(self, expr: Expr) -> Callable[[str], Condition]:
        """What makes the open conditions about an expression."""
        return self.asks_here if self.own(repr(expr)) else self.asks

    def assumed(self, assumption: str, text: str, value: bool) -> Condition:
        """A condition of each packet with the value that `assumption` gives it."""
        return replace(self.host.assumed(assumption, text, value, self.span), per_packet=True)


def opaque(expr: Expr, around: Surroundings, deps: Conj = (), total: bool = False) -> OpaqueKey:
    """A key of which an export tells nothing."""
    return OpaqueKey(render(expr), around.asks_of(expr), render, deps, total)
