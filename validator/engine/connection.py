"""A connection over a path of firewalls: request, reply and what follows, all at once.

The packets of a connection are described by the request's fields, so a reply's source is the
request's destination. A connection is accepted when the request (new) gets through, the replies
(established) get back, and the packets that follow (established) get through too. What a
connection needs for every one of its packets is universally quantified; what is left is a set over
peers, addresses, ports and conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial, reduce
from operator import and_, or_

from msgspec import Struct
from msgspec.structs import replace

from validator.engine.evaluate import OPPOSITE, Decider, Outcome
from validator.engine.gist import Assumption, assumed_by
from validator.engine.legs import REPLY, REQUEST, Leg
from validator.engine.openers import Openers
from validator.engine.survey import Survey
from validator.engine.tracking import Kind, Untracked, kinds
from validator.engine.way import Crossing, Settled, Way
from validator.engine.widest import widest
from validator.model import Chain, Condition, Hook, Rule, Verb
from validator.packets.fields import Field, Intervals
from validator.packets.nodes import Node
from validator.packets.space import PacketSet

Assuming = list[tuple[bool, list[Rule]]]
"""Rules that may stand on assumptions, with whether mirrored packets may pass them."""


def _only(crossing: Crossing, survey: Survey, mirrored: bool) -> set[str]:
    """The chains that only packets of one direction pass, wherever translation leads them: requests to the host those
    of its input, the replies those of its output, and the other way round."""
    hooks = crossing.firewall.hooks
    own = OPPOSITE[crossing.hook] if mirrored else crossing.hook
    if own is Hook.FORWARD:
        return set()
    others = [name for hook, names in hooks.items() if hook is not own for name in names]
    return survey.led_to(crossing.firewall, hooks.get(own, ())) - survey.led_to(crossing.firewall, others)


class Path(Way):
    """The firewalls between two ends, in the order a request meets them, and the packets of interest; see Way."""

    def __init__(
        self,
        crossings: tuple[Crossing, ...],
        ports: Intervals,
        loopback: bool = False,
        destinations: Intervals | None = None,
        survey: Survey | None = None,
        rough: bool = False,
    ) -> None:
        super().__init__(crossings, ports, loopback, destinations, survey, rough)
        self._passing: dict[tuple[int, Leg, Intervals, Settled], Passing] = {}
        self._assuming: dict[tuple[int, Intervals], Assuming] = {}
        self._stands_on: dict[int, tuple[Assumption, ...]] = {}
        self._failed: dict[bool, list[tuple[Chain, int, Rule]]] = {}
        self._kept: dict[tuple[bool, int, Intervals], list[tuple[Node, ...]]] = {}
        self._untracked: dict[tuple[int, Intervals, Settled], tuple[Untracked, Untracked]] = {}

    @cached_property
    def rough(self) -> Path | None:
        """The same way, of whose translations it is not asked which packets they translate to what (engine/rough.py).
        What surely gets through there does so here, and who lets it pass does so here; it says nothing else. None where
        that look saves no time."""
        if self._rough or not self._roughly:
            return None
        return Path(self.crossings, self._ports, self.loopback, self._destinations, self.survey, rough=True)

    def kinds(self, protocol: int, leg: Leg, ports: Intervals, settled: Settled = ()) -> list[Kind]:
        """The packets of `leg`, for which connections: see tracking.py. All of those of a connection must pass."""
        if leg.opens or not self._state_is_set:
            return [Kind(self.space.everything, (leg,))]
        key = (protocol, ports, settled)
        if key not in self._untracked:
            self._untracked[key] = (
                self._kept_from_tracking(REQUEST, protocol, ports, settled),
                self._kept_from_tracking(REPLY, protocol, ports, settled),
            )
        found = kinds(leg, protocol, *self._untracked[key], self._translates)
        if self._translates:
            astray = self._translated(protocol, ports)
            astray = astray & self._not_tracked(leg, protocol, ports, settled) if astray else astray
            found += [Kind(astray, (leg,), doubtful=True)] if astray else []
        return found

    def _not_tracked(self, leg: Leg, protocol: int, ports: Intervals, settled: Settled) -> PacketSet:
        """The connections of which some packet of `leg` may not be tracked. If the first one was translated, such a
        packet is not, nor is it translated back (nf_nat_inet_fn in the kernel's nf_nat_core.c)."""
        found = self.space.nothing
        for flags in leg.tcp_flags:
            kept = self._kept_from_tracking(replace(leg, tcp_flags=(flags,)), protocol, ports, settled)
            found = found | kept.surely | kept.perhaps
        return found

    def _translated(self, protocol: int, ports: Intervals) -> PacketSet:
        """The connections whose first packet is translated."""
        first = self._asking[protocol, ports]
        opening = {level: ranges[0][0] for level, ranges in REQUEST.bounds(protocol).items()}
        found = self.space.nothing
        for each, there in zip(self.crossings, self._translations[protocol, ports], strict=True):
            for node in (there, first.sources(each.firewall, each.hook, self.loopback)):
                if node is not None:
                    known = self.space.diagrams.fix(first.unmarked(first.directed(node)), opening)
                    found = found | PacketSet(self.space, self.space.diagrams.map(known, self._is_set))
        return found

    def _is_set(self, value: object) -> Node:
        assert isinstance(value, Outcome)
        return self.space.diagrams.leaf(bool(value.assign))

    def _kept_from_tracking(self, leg: Leg, protocol: int, ports: Intervals, settled: Settled) -> Untracked:
        """The connections of which the first packet of `leg` is not tracked. With several firewalls each tracks for
        itself, so it is only known of connections that all of them track or none does. Over loopback a packet is
        tracked on its way out (nf_conntrack_in in the kernel passes over what it has seen)."""
        values = {level: ranges[0][0] for level, ranges in leg.first.bounds(protocol).items()}
        values |= {self.space.condition(key): int(value) for key, value in settled}
        surely, perhaps = self.space.everything, self.space.nothing
        for found in self._by_firewall(leg.mirrored, protocol, ports):
            kept, unknown = (PacketSet(self.space, self.space.diagrams.fix(node, values)) for node in found)
            surely, perhaps = surely & kept, perhaps | kept | unknown
        return Untracked(surely, perhaps - surely)

    def _by_firewall(self, mirrored: bool, protocol: int, ports: Intervals) -> list[tuple[Node, ...]]:
        """The packets of this direction that each firewall surely, and perhaps, does not track."""
        key = (mirrored, protocol, ports)
        if key not in self._kept:
            self.outcomes(mirrored, protocol, ports)
            evaluator = self._evaluators[key][-1]
            hooks = [(each.firewall, OPPOSITE[each.hook] if mirrored else each.hook) for each in self.crossings]
            found = [
                evaluator.untracked(firewall, hook, self.loopback)
                for firewall, hook in hooks
                if not self.loopback or hook is Hook.OUTPUT
            ]
            known = [tuple([evaluator.unmarked(evaluator.directed(node)) for node in each]) for each in found]
            self._kept[key] = known
            self.conditions.update(evaluator.conditions)
        return self._kept[key]

    def passing(self, protocol: int, leg: Leg, ports: Intervals, settled: Settled = ()) -> Passing:
        """The connections (peers, addresses, conditions) to `ports` whose every packet of `leg` passes."""
        key = (protocol, leg, ports, settled)
        if key not in self._passing:
            parts = []
            for kind in self.kinds(protocol, leg, ports, settled):
                found = [self._all_pass(protocol, each, ports, settled) for each in kind.legs]
                if kind.doubtful:
                    found.append(Passing(*[self.space.nothing] * 3))
                parts.append(self._one_of(found).without(~kind.where))
            self._passing[key] = _each(and_, parts)
        return self._passing[key]

    def _one_of(self, found: Sequence[Passing]) -> Passing:
        """What passes if one of several holds, and nobody knows which one."""
        if len(found) == 1:
            return found[0]
        condition = self._picked_up
        self.conditions.setdefault(condition.key, condition)
        passed = self.space.box({self.space.condition(condition.key): ((1, 1),)})
        return _each(or_, [_each(and_, found), _each(or_, found).only(passed)])

    @cached_property
    def _translates(self) -> bool:
        """Whether any rule translates addresses."""
        fields = (Field.DESTINATION, Field.SOURCE)
        return any(self.survey.set_values(firewall, field) for firewall in self._firewalls() for field in fields)

    @cached_property
    def _picked_up(self) -> Condition:
        """What is open of connections that are tracked in part, with a line that is to blame."""
        chains = (chain for firewall in self._firewalls() for chain in firewall.chains.values())
        rules = (rule for chain in chains for rule in chain.rules)
        span = next(rule.span for rule in rules if any(target is Field.STATE for target, _ in rule.action.assign))
        text = "tracking sees only a part of the connection (NOTRACK, zones), and takes it for what gets through"
        return Condition(text, text, span)

    def _all_pass(self, protocol: int, leg: Leg, ports: Intervals, settled: Settled) -> Passing:
        """The connections whose every packet that is as `leg` says passes."""
        diagrams = self.space.diagrams
        verdicts = diagrams.map(self.outcomes(leg.mirrored, protocol, ports, settled), self._passes)
        bounds = leg.bounds(protocol)
        each = {level: self.space.values(level) for level in self._per_packet()}
        always = possible = diagrams.quantify(verdicts, bounds, diagrams.both)
        opened = always
        if each:
            always = diagrams.quantify(verdicts, {**bounds, **each}, diagrams.both)
            maybe = diagrams.quantify(verdicts, each, diagrams.either)
            possible = diagrams.quantify(maybe, bounds, diagrams.both)
        return Passing(*(PacketSet(self.space, node) for node in (opened, always, possible)))

    def _per_packet(self) -> Iterator[int]:
        """The levels of conditions of which each packet may have its own value."""
        for level, key in self.space.conditions().items():
            condition = self.conditions.get(str(key))
            if condition is not None and condition.per_packet:
                yield level

    def _passes(self, value: object) -> Node:
        assert isinstance(value, Outcome)
        return self.space.diagrams.leaf(value.verb is Verb.ACCEPT)

    @cached_property
    def openers(self) -> Openers:
        """The rules that would accept requests."""
        evaluator = partial(self._bounds, False)
        ways = [(each.firewall, each.hook) for each in self.crossings]
        return Openers(self.space, self.survey, ways, self._ports, evaluator, self._stand_ins is None)

    def assuming(self, protocol: int, ports: Intervals) -> Assuming:
        """The enabled rules that count for `ports`, and those that an assumption keeps from counting, in lists, each
        with whether it is mirrored packets (replies) that may pass its rules. A rule may be there twice."""
        key = (protocol, ports)
        if key not in self._assuming:
            found: Assuming = []
            for mirrored in (False, True):
                self.outcomes(mirrored, protocol, ports)
                evaluators = self._evaluators[mirrored, protocol, ports]
                failing = [
                    rule
                    for chain, position, rule in self._failing(mirrored)
                    if any(evaluator.reaches(chain, position) for evaluator in evaluators)
                ]
                found.append((mirrored, failing))
                found += [(mirrored, rules) for evaluator in evaluators for rules in evaluator.counting()]
            self._assuming[key] = found
        return self._assuming[key]

    def assumptions_of(self, rule: Rule) -> tuple[Assumption, ...]:
        """The assumptions that a rule of these firewalls stands on."""
        found = self._stands_on.get(id(rule))
        if found is None:
            found = self._stands_on[id(rule)] = assumed_by(rule)
        return found

    @cached_property
    def every_assumption(self) -> frozenset[Assumption]:
        """Every assumption that some rule stands on."""
        return frozenset(assumption for each in self._firewalls() for assumption in self.survey.gist(each).assumptions)

    def _failing(self, mirrored: bool) -> list[tuple[Chain, int, Rule]]:
        """The enabled rules that an assumption keeps from matching, wholly or in part, with their chains and positions
        there, but for those in chains that only packets of the other direction pass."""
        if mirrored not in self._failed:
            found = self._failed[mirrored] = []
            for crossing in self.crossings:
                failing = self.survey.gist(crossing.firewall).failing
                skipped = _only(crossing, self.survey, not mirrored) if failing else ()
                found += [each for each in failing if each[0].name not in skipped]
        return self._failed[mirrored]

    def deciders(
        self,
        protocol: int,
        leg: Leg,
        ports: Intervals,
        region: PacketSet,
        verbs: tuple[Verb, ...],
        settled: Settled = (),
    ) -> list[Decider]:
        """Who decides the packets of `leg` in `region` (all to `ports`) with one of `verbs`, the widest first."""
        outcomes = self.outcomes(leg.mirrored, protocol, ports, settled)
        found: dict[int, Decider] = {}
        for kind in self.kinds(protocol, leg, ports, settled):
            for each in kind.legs:
                for decider in widest(outcomes, region & kind.where, each.bounds(protocol), verbs):
                    found.setdefault(id(decider.rule), decider)
        return list(found.values())

    def sent(self, protocol: int, leg: Leg, ports: Intervals, settled: Settled, values: Mapping[int, int]) -> list[Leg]:
        """The packets of `leg` in the connection with these values by level."""
        kinds = self.kinds(protocol, leg, ports, settled)
        return [each for kind in kinds if kind.where.contains(values) for each in kind.legs]

    def asked(self, protocol: int, ports: Intervals, kinds: Collection[str]) -> list[Condition]:
        """The conditions on the way that are about one of `kinds` (Condition.about)."""
        for mirrored in (False, True):
            self.outcomes(mirrored, protocol, ports)
        return [each for each in self.conditions.values() if each.about and each.about[0] in kinds]


class Passing(Struct, frozen=True):
    """The connections of which every packet of a leg passes: with all conditions left open, and surely and
    possibly, whatever those conditions are that each packet meets for itself."""

    open: PacketSet
    surely: PacketSet
    possibly: PacketSet

    def without(self, others: PacketSet) -> Passing:
        """The same where `others` are not asked about."""
        return _each(or_, (self, Passing(others, others, others)))

    def only(self, some: PacketSet) -> Passing:
        """Those among `some`."""
        return _each(and_, (self, Passing(some, some, some)))


def _each(combine: Callable[[PacketSet, PacketSet], PacketSet], found: Sequence[Passing]) -> Passing:
    return Passing(
        reduce(combine, [each.open for each in found]),
        reduce(combine, [each.surely for each in found]),
        reduce(combine, [each.possibly for each in found]),
    )


__all__ = ["Crossing", "Passing", "Path", "Settled"]
