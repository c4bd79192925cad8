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
    """What stands before FORWARD where PREROUTING may translate and the host is not known to forward, else None."""
    if host.forwarding is not None and host.forwarding[0]:
        return None
    for ruleset in rulesets:
        for base in ruleset.bases:
            if base.hook is Hook.PREROUTING and ruleset.chains[base.name].first_packets:
                chain = _chain(host, ruleset.chains[base.name], ruleset.path)
                return Ruleset("", ruleset.path, {_NAME: chain}, (BaseChain(Hook.FORWARD, _FIRST, _NAME),))
    return None


def _chain(host: Host, translating: Chain, path: str) -> Chain:
    """Accepts what the host forwards; `translating` is to name where nothing tells whether it does."""
    if host.forwarding is not None:
        span = host.forwarding[1]
        return Chain(_NAME, (), Rule((), DROP, span, span.text, "the host does not forward"))
    span = translating.policy.span if translating.policy else Span(path, 1, "")
    text = f"the host forwards {host.family.value}"
    forwards = ConditionMatch(host.assumed("forwarding", text, True, span))
    does = Rule((forwards,), ACCEPT, span, text, text, implicit=True)
    does_not = f"the host does not forward {host.family.value}"
    return Chain(_NAME, (does,), Rule((), DROP, span, does_not, does_not, implicit=True))
