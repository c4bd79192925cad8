"""Whether a Linux host forwards: what address translation sends to another host gets there only if it does.

The kernel asks when it routes a packet that came in (ip_route_input_slow in net/ipv4/route.c, ip6_forward in
net/ipv6/ip6_output.c), before any chain of FORWARD. A packet for 127.0.0.0/8 that came from outside it lets in
only where `route_localnet` is set (the same function, and ip-sysctl in the kernel's documentation).
"""

from __future__ import annotations

from collections.abc import Sequence

from validator.dialects._linux_addresses import LOOPBACK_NET
from validator.dialects._linux_facts import Host, Told
from validator.dialects._linux_ruleset import BaseChain, Ruleset
from validator.model import (
    ACCEPT,
    DROP,
    LOOPBACK,
    AnyOf,
    Chain,
    ConditionMatch,
    Hook,
    InterfaceMatch,
    Match,
    Rule,
)
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import intersect, meets
from validator.source import Span

_FIRST = -(1 << 31)
_NAME = "forwarding"
_LOCALNET = (
    "packets from outside may be sent to 127.0.0.0/8 "
    "(`sysctl net.ipv4.conf.all.route_localnet`, or that of the interface, is 1)"
)


def forwarding(host: Host, rulesets: Sequence[Ruleset]) -> Ruleset | None:
    """What stands before FORWARD where the host does not forward all that comes in, or where PREROUTING may translate
    and nobody told whether it does; else None."""
    told = host.forwarding
    rules = tuple(_of_interface(name, each) for name, each in told.differing.items())
    if told.others is None:
        found = [(base, ruleset) for ruleset in rulesets for base in ruleset.bases]
        nat = [(ruleset, ruleset.chains[base.name]) for base, ruleset in found if base.hook is Hook.PREROUTING]
        chain = next((_unknown(host, rules, chain, set_.path) for set_, chain in nat if chain.first_packets), None)
        return None if chain is None else _before_forward(chain)
    does, span = told.others
    if does:
        policy = Rule((), ACCEPT, span, span.text, "the host forwards", implicit=True)
        return _before_forward(Chain(_NAME, rules, policy)) if rules else None
    return _before_forward(Chain(_NAME, rules, Rule((), DROP, span, span.text, "the host does not forward")))


def _of_interface(name: str, told: Told) -> Rule:
    does, span = told
    came_in = (InterfaceMatch(Field.IN_INTERFACE, (name,)),)
    if does:
        return Rule(came_in, ACCEPT, span, span.text, f"the host forwards what comes in by {name}", implicit=True)
    return Rule(came_in, DROP, span, span.text, f"the host does not forward what comes in by {name}")


def _before_forward(chain: Chain) -> Ruleset:
    path = chain.policy.span.path if chain.policy else ""
    return Ruleset("", path, {_NAME: chain}, (BaseChain(Hook.FORWARD, _FIRST, _NAME),))


def _unknown(host: Host, told: tuple[Rule, ...], translating: Chain, path: str) -> Chain:
    """Accepts if the host forwards; `translating` is to name, `told` are rules for the interfaces that somebody told
    of."""
    span = translating.policy.span if translating.policy else Span(path, 1, "")
    text = f"the host forwards {host.family.value}"
    forwards = ConditionMatch(host.assumed("forwarding", text, True, span))
    by_others = (InterfaceMatch(Field.IN_INTERFACE, tuple(host.forwarding.interfaces), negated=True),) if told else ()
    does = Rule((*by_others, forwards), ACCEPT, span, text, text, implicit=True)
    does_not = f"the host does not forward {host.family.value}"
    return Chain(_NAME, (*told, does), Rule((), DROP, span, does_not, does_not, implicit=True))


def localnet(
    host: Host, matches: tuple[Match, ...], addresses: Intervals
) -> tuple[tuple[Rule, ...], tuple[Match, ...]]:
    """What a translation of packets from outside that `matches` to `addresses` takes: a rule before it that drops those
    which come in where it is not set, and what else must hold."""
    loopback = LOOPBACK_NET[Family.IPV4]
    told = host.localnet
    if host.family is not Family.IPV4 or not meets(addresses, loopback) or (told.others and told.others[0]):
        return (), ()
    is_set = tuple(name for name, (does, _) in told.interfaces.items() if does)
    if told.others and intersect(addresses, loopback) == addresses:
        elsewhere = InterfaceMatch(Field.IN_INTERFACE, (LOOPBACK, *is_set), negated=True)
        span, why = told.others[1], "what comes from outside is not sent to 127.0.0.0/8"
        return (Rule((*matches, elsewhere), DROP, span, span.text, why),), ()
    asked: Match = ConditionMatch(host.condition(_LOCALNET))
    return (), (AnyOf(((InterfaceMatch(Field.IN_INTERFACE, is_set),), (asked,))) if is_set else asked,)
