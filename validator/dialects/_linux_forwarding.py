"""Whether a Linux host forwards: what address translation sends to another host gets there only if it does.

The kernel asks when it routes a packet that came in (ip_route_input_slow in net/ipv4/route.c, ip6_forward in
net/ipv6/ip6_output.c), before any chain of FORWARD.
"""

from __future__ import annotations

from collections.abc import Sequence

from validator.dialects._linux_host import Host
from validator.dialects._linux_ruleset import BaseChain, Ruleset
from validator.model import ACCEPT, DROP, Chain, ConditionMatch, Hook, Rule
from validator.source import Span

_FIRST = -(1 << 31)
_NAME = "forwarding"


def forwarding(host: Host, rulesets: Sequence[Ruleset]) -> Ruleset | None:
    """What stands before FORWARD where the host does not forward, or where PREROUTING may translate and nobody told
    whether it does; else None."""
    if host.forwarding is None:
        found = [(base, ruleset) for ruleset in rulesets for base in ruleset.bases]
        nat = [(ruleset, ruleset.chains[base.name]) for base, ruleset in found if base.hook is Hook.PREROUTING]
        chain = next((_unknown(host, chain, ruleset.path) for ruleset, chain in nat if chain.first_packets), None)
        return None if chain is None else _before_forward(chain)
    does, span = host.forwarding
    if does:
        return None
    return _before_forward(Chain(_NAME, (), Rule((), DROP, span, span.text, "the host does not forward")))


def _before_forward(chain: Chain) -> Ruleset:
    path = chain.policy.span.path if chain.policy else ""
    return Ruleset("", path, {_NAME: chain}, (BaseChain(Hook.FORWARD, _FIRST, _NAME),))


def _unknown(host: Host, translating: Chain, path: str) -> Chain:
    """Accepts if the host forwards; `translating` is to name."""
    span = translating.policy.span if translating.policy else Span(path, 1, "")
    text = f"the host forwards {host.family.value}"
    forwards = ConditionMatch(host.assumed("forwarding", text, True, span))
    does = Rule((forwards,), ACCEPT, span, text, text, implicit=True)
    does_not = f"the host does not forward {host.family.value}"
    return Chain(_NAME, (does,), Rule((), DROP, span, does_not, does_not, implicit=True))
