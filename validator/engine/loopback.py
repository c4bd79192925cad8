"""Connections of a host that its own translation at OUTPUT turns round, and what loopback sees of translation.

Over loopback a packet is translated on its way out alone (nf_nat_inet_fn in the kernel's nf_nat_core.c): what comes in
there has the new destination and the new source. A reply is translated back on its way out as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from validator.engine.evaluate import Evaluator, Outcome
from validator.engine.outcomes import Assign, Following, Free
from validator.engine.regions import Bounds
from validator.engine.replies import HERE
from validator.engine.stand_ins import StandIns
from validator.engine.survey import Survey
from validator.model import DROP, Chain, Condition, Firewall, Hook, Rule, Verb
from validator.packets.fields import Family, Field, Intervals
from validator.packets.grafting import graft
from validator.packets.intervals import complement
from validator.packets.nodes import LEAF, Node
from validator.packets.space import PacketSpace
from validator.source import Span

_LOOPBACK: Mapping[Family, Intervals] = {Family.IPV4: ((127 << 24, (128 << 24) - 1),), Family.IPV6: ((1, 1),)}
_SOURCE = (Field.SOURCE, Field.SOURCE_PORT)
_AWAY = "packets from 127.0.0.0/8 may leave the host (`sysctl net.ipv4.conf.all.route_localnet` is 1)"
_LEAVING = "what is sent to an own address and turned to another host gets through there (it is not followed)"
_HOME = "what is turned to the host itself gets through there (it comes in by loopback, where it is not followed)"


class LoopbackEvaluator(Evaluator):
    """An Evaluator that knows what becomes of the host's own requests that OUTPUT translates; not mirrored."""

    def __init__(
        self,
        space: PacketSpace,
        bounds: Bounds,
        mirrored: bool = False,
        within: LoopbackEvaluator | None = None,
        survey: Survey | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        super().__init__(space, bounds, mirrored, within, survey, stand_ins)
        self._turning: dict[tuple[int, str], Rule] = within._turning if within else {}

    def turned(self, function: Node, firewall: Firewall, loopback: bool, replies: bool = False) -> Node:
        """`function` (the way of requests at OUTPUT, or of the `replies` to them), where some are turned: over loopback
        away from the host, for which there is no way with a source of 127.0.0.0/8 or ::1 (ip-sysctl in the kernel's
        documentation); else to the host itself, of which it is not known how they fare there."""
        where = self._turned(firewall, loopback)
        if where is self._diagrams.false:
            return function
        passing = self._accept if replies else function
        return self._diagrams.choose(where, self._stopped(passing, firewall, loopback), function)

    def led_away(self, result: Node, firewall: Firewall) -> Node:
        """`result` (the whole way of requests over loopback, or of replies), where some from other own addresses than
        127.0.0.1 or ::1 are turned away from the host: these do leave it, and are not followed."""
        where = self._turned(firewall, loopback=True)
        if where is self._diagrams.false:
            return result
        others = complement(_LOOPBACK[firewall.family], self._space.top(Field.SOURCE))
        leaving = self._diagrams.both(where, self._space.box({Field.SOURCE: others}).node)
        return self._diagrams.choose(leaving, self._if(_LEAVING, firewall, self._accept), result)

    def _turned(self, firewall: Firewall, loopback: bool) -> Node:
        diagrams = self._diagrams
        translation = self.translation(firewall, Hook.OUTPUT, loopback)
        if translation is None:
            return diagrams.false

        def which(value: Hashable) -> Node:
            assert isinstance(value, Outcome)
            match dict(value.assign).get(self._bits.get(HERE, -1)):
                case int(here):
                    return diagrams.leaf(bool(here) is not loopback)
                case Free(level) if loopback:
                    return diagrams.switch(level, [((0, 0), diagrams.true), ((1, 1), diagrams.false)])
                case _:
                    return diagrams.false

        return graft(diagrams, translation, which)

    def _stopped(self, function: Node, firewall: Firewall, loopback: bool) -> Node:
        if loopback and firewall.family is Family.IPV6:
            return self._dropped(_AWAY, firewall)
        return self._if(_AWAY if loopback else _HOME, firewall, function)

    def _if(self, text: str, firewall: Firewall, function: Node) -> Node:
        """`function` where the condition with this text holds, else dropped."""
        level = self._open(Condition(f"{text} ({firewall.host})", text, self._translating(firewall)[1]))
        return self._diagrams.switch(level, [((0, 0), self._dropped(text, firewall)), ((1, 1), function)])

    def _dropped(self, text: str, firewall: Firewall) -> Node:
        chain, span = self._translating(firewall)
        rule = self._turning.setdefault((id(firewall), text), Rule((), DROP, span, text, text, implicit=True))
        return self._diagrams.leaf(Outcome(Verb.DROP, self._decider(rule, firewall, chain)))

    def _translating(self, firewall: Firewall) -> tuple[Chain, Span]:
        """The nat chain at OUTPUT with the most rules, and a line of it."""
        chains = [firewall.chains[name] for name in firewall.hooks[Hook.OUTPUT]]
        chain = max((each for each in chains if each.first_packets), key=lambda each: len(each.rules))
        return chain, chain.policy.span if chain.policy else chain.rules[0].span

    def looped(self, function: Node, firewall: Firewall, inside: Node) -> tuple[Node, Node | Following]:
        """The way of requests over loopback at OUTPUT and at INPUT, of which the second sees what the source is
        translated to."""
        sources = self.sources(firewall, Hook.OUTPUT, loopback=True)
        if sources is None:
            return function, inside
        levels = {self._replied(field): int(field) for field in _SOURCE}

        def both(a: Node, b: Node) -> Node | None:
            if a.level != LEAF or b.level != LEAF:
                return None
            assert isinstance(a.value, Outcome)
            assert isinstance(b.value, Outcome)
            if a.value.verb is not Verb.ACCEPT:
                return a
            told = {level: value for level, value in a.value.assign if level not in levels}
            told |= {level: value for level, value in b.value.assign if level in levels}
            return self._diagrams.leaf(Outcome(Verb.ACCEPT, a.value.decider, tuple(sorted(told.items(), key=_level))))

        def seen(assign: Assign) -> Node:
            values = tuple((levels[level], value) for level, value in assign if level in levels)
            return self._composer.substituted(inside, values) if values else inside

        self._composer.assigns = True
        return self._diagrams.apply("with sources", both, function, sources), seen


def _level(entry: tuple[int, object]) -> int:
    return entry[0]
