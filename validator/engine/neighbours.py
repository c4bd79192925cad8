"""IPv6 neighbour discovery through a Linux host's firewall: without it nobody on its links is found, nor finds it.

RFC 4861 section 7.2: who wants to send to a neighbour (a router too) asks for its link address with a solicitation to
a group of addresses, and is answered by an advertisement; before an entry is used for long, its neighbour is asked
again. A host must take in solicitations and send advertisements to be reached, and send solicitations and take in
advertisements to send anything, replies too: Linux 6.18 loses a connection of either kind after nine seconds, or never
makes it, where one of the four is dropped. They belong to no connection: they are untracked
(nf_conntrack_proto_icmpv6.c).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from validator.engine.evaluate import Evaluator, Outcome
from validator.engine.survey import Survey
from validator.engine.widest import widest
from validator.model import (
    ACCEPT,
    DROP,
    LOOPBACK,
    NEIGHBOURS,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    Rule,
    Verb,
)
from validator.packets.fields import ICMPV6, TCP, UDP, Family, Field, Intervals, State
from validator.packets.intervals import normalise
from validator.packets.nodes import Node
from validator.packets.space import FIRST_CONDITION, PacketSet, PacketSpace
from validator.source import Span

_KINDS = {135: "solicitations", 136: "advertisements"}
_UNICAST: Intervals = ((2, (0xFF << 120) - 1),)
_GROUPS = 0xFF02 << 112 | 1 << 32 | 0xFF << 24
_TO: dict[int, Intervals] = {135: ((_GROUPS, _GROUPS + (1 << 24) - 1),), 136: _UNICAST}
"""Solicitations to the solicited-node groups (RFC 4291 section 2.7.1), advertisements to who asked."""
_WAYS = {Hook.INPUT: Field.IN_INTERFACE, Hook.OUTPUT: Field.OUT_INTERFACE}
_SIDES = {Hook.INPUT: Field.IN_INTERFACE, Hook.FORWARD: Field.IN_INTERFACE, Hook.POSTROUTING: Field.OUT_INTERFACE}
"""Where connections meet the condition: behind all other chains, so that what is dropped anyway does not hang on it."""
_CONNECTIONS = FieldMatch(Field.PROTOCOL, ((TCP, TCP), (UDP, UDP)))


class Unheard(Struct, frozen=True):
    """What of neighbour discovery a host's firewall surely drops, whoever sends it: `what` comes in (`hook` is INPUT)
    or goes out. `interfaces` are those on which it does, patterns of which the first that fits counts, and
    `everywhere` whether these are all. `span` is the line that decides most of it."""

    host: str
    firewall: str
    hook: Hook
    what: str
    interfaces: tuple[tuple[str, bool], ...]
    everywhere: bool
    span: Span

    @property
    def way(self) -> str:
        """Which way it goes, in words."""
        return "come in" if self.hook is Hook.INPUT else "go out"

    @property
    def names(self) -> tuple[str, ...]:
        """The interfaces, as patterns."""
        return tuple(name for name, drops in self.interfaces if drops)


def unheard(firewall: Firewall, survey: Survey) -> tuple[Unheard, ...]:
    """What is dropped of neighbour discovery, of one direction and line together. Raises BudgetError."""
    if firewall.platform != "linux" or firewall.family is not Family.IPV6 or not firewall.chains:
        return ()
    found: dict[Unheard, list[str]] = {}
    for hook in _WAYS:
        for kind, name in _KINDS.items():
            each = _dropped(firewall, survey, hook, kind)
            if each is not None:
                found.setdefault(each, []).append(name)
    return tuple(replace(each, what=" and ".join(names)) for each, names in found.items())


def _dropped(firewall: Firewall, survey: Survey, hook: Hook, kind: int) -> Unheard | None:
    """On which interfaces the messages of one kind are dropped, in one direction, as the packet sets have it."""
    space = PacketSpace(Family.IPV6, {LOOPBACK, *survey.patterns(firewall), *firewall.interfaces})
    bounds: dict[int, Intervals] = {
        Field.SOURCE: _UNICAST,
        Field.DESTINATION: _TO[kind],
        Field.PROTOCOL: ((ICMPV6, ICMPV6),),
        Field.STATE: ((int(State.UNTRACKED), int(State.UNTRACKED)),),
        Field.ICMP_TYPE: ((kind, kind),),
        **dict.fromkeys((Field.ICMP_CODE, Field.TCP_FLAGS, Field.SOURCE_PORT, Field.DESTINATION_PORT), ((0, 0),)),
    }
    evaluator = Evaluator(space, {Field(level): ranges for level, ranges in bounds.items()}, survey=survey)
    outcomes = evaluator.unmarked(evaluator.directed(evaluator.hook(firewall, hook)))
    side, passing = int(_WAYS[hook]), _passing(space, outcomes, bounds)
    every = _interfaces(firewall, space)
    drops = [number for number in every if not passing.contains({side: number})]
    if not drops:
        return None
    where: Intervals = normalise((number, number) for number in drops)
    decider = widest(outcomes, space.box({side: where}), bounds, (Verb.DROP, Verb.REJECT))[0]
    patterns = [(space.interfaces.describe(((number, number),))[0], number in drops) for number in every]
    patterns.sort(key=lambda each: (each[0].endswith("+"), -len(each[0]), each[0]))
    everywhere = len(drops) == len(every)
    return Unheard(firewall.host, firewall.name, hook, "", tuple(patterns), everywhere, decider.rule.span)


def _interfaces(firewall: Firewall, space: PacketSpace) -> list[int]:
    """The numbers of all interfaces that there may be, but loopback."""
    lo, top = space.interfaces.number(LOOPBACK), space.interfaces.top
    named = [space.interfaces.number(name) for name in firewall.interfaces if name != LOOPBACK]
    return named or [number for number in range(1, top + 1) if number != lo]


def _passing(space: PacketSpace, outcomes: Node, bounds: Mapping[int, Intervals]) -> PacketSet:
    """The interfaces on which some message may get through."""

    def accepted(value: object) -> Node:
        assert isinstance(value, Outcome)
        return space.diagrams.leaf(value.verb is Verb.ACCEPT)

    found = PacketSet(space, space.diagrams.map(outcomes, accepted)) & space.box(bounds)
    others = found.levels() - set(map(int, _WAYS.values()))
    return found.exists(
        {level: space.values(level) if level >= FIRST_CONDITION else ((0, space.top(level)),) for level in others}
    )


def with_neighbours(firewall: Firewall, found: Sequence[Unheard]) -> Firewall:
    """`firewall` with what it drops of neighbour discovery as a condition of its connections: whether neighbours are
    known in another way."""
    chains, hooks = dict(firewall.chains), dict(firewall.hooks)
    for number, each in enumerate(found, 1):
        for hook, side in _SIDES.items():
            name = f"neighbour discovery {number} at {hook}"
            chains[name] = _chain(name, each, side)
            hooks[hook] = (*hooks.get(hook, ()), name)
    return replace(firewall, chains=chains, hooks=hooks) if found else firewall


def _chain(name: str, found: Unheard, side: Field) -> Chain:
    span = found.span
    text = (
        "neighbours are known otherwise (a permanent entry, a point-to-point link): IPv6 neighbour "
        f"{found.what} that {found.way} are dropped"
    )
    key = f"{found.host}: {text} {span.path}:{span.line}"
    known = ConditionMatch(Condition(key, text, span, about=(NEIGHBOURS, found.way)), expected=False)
    passes = Rule((), ACCEPT, span, text, "neighbours are found", implicit=True)
    rules = [Rule((InterfaceMatch(side, (LOOPBACK,)),), ACCEPT, span, text, "loopback has none", implicit=True)]
    for pattern, drops in (("+", True),) if found.everywhere else found.interfaces:
        on = InterfaceMatch(side, (pattern,))
        rules.append(
            Rule((on, _CONNECTIONS, known), DROP, span, span.text) if drops else replace(passes, matches=(on,))
        )
    return Chain(name, tuple(rules), passes)


__all__ = ["Unheard", "unheard", "with_neighbours"]
