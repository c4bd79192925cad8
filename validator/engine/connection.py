"""A connection over a path of firewalls: request, reply and what follows, all at once.

The packets of a connection are described by the request's fields, so a reply's source is the
request's destination. A connection is accepted when the request (new) gets through, the replies
(established) get back, and the packets that follow (established) get through too. What a
connection needs for every one of its packets is universally quantified; what is left is a set over
peers, addresses, ports and conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from validator.engine.evaluate import Decider, Evaluator, Outcome, interface_patterns
from validator.model import LOOPBACK, Chain, Condition, ConditionMatch, Firewall, Hook, Match, Rule, Verb, passed
from validator.packets.diagram import LEAF, Node, children_in
from validator.packets.fields import TCP, UDP, Field, Interval, Intervals, State, TcpFlag
from validator.packets.intervals import normalise
from validator.packets.space import FIRST_CONDITION, PacketSet, PacketSpace

EPHEMERAL: Intervals = ((1024, 65535),)
"""The source ports of clients: RFC 6056 section 3.2 names 1024-65535."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """A firewall on a path, and the hook at which a request meets it."""

    firewall: Firewall
    hook: Hook


@dataclass(frozen=True, slots=True)
class Leg:
    """One kind of packet of a connection: its name in reports, states, flags, and direction."""

    name: str  # request or reply
    state: State
    tcp_flags: tuple[int, ...]
    mirrored: bool = False

    def bounds(self, protocol: int) -> dict[int, Intervals]:
        """The values of the fields that a leg settles."""
        flags = self.tcp_flags if protocol == TCP else (0,)
        return {
            Field.PROTOCOL: ((protocol, protocol),),
            Field.STATE: ((int(self.state), int(self.state)),),
            Field.TCP_FLAGS: normalise((flag, flag) for flag in flags),
            Field.ICMP_TYPE: ((0, 0),),
            Field.ICMP_CODE: ((0, 0),),
        }


_ACK, _PSH, _FIN = TcpFlag.ACK, TcpFlag.PSH, TcpFlag.FIN
_DATA = (int(_ACK), int(_ACK | _PSH), int(_ACK | _FIN))
REQUEST = Leg("request", State.NEW, (int(TcpFlag.SYN),))
REPLY = Leg("reply", State.ESTABLISHED, (int(TcpFlag.SYN | _ACK), *_DATA), mirrored=True)
RELATED = Leg("request", State.RELATED, (int(TcpFlag.SYN),))
FOLLOWING = Leg("request", State.ESTABLISHED, _DATA)
LEGS = (REQUEST, REPLY, FOLLOWING)

_NONE: Intervals = ((0, 0),)
_PORT = Field.DESTINATION_PORT
_TRANSLATED = (Field.DESTINATION, Field.OUT_INTERFACE)


class Path:
    """The firewalls between two ends, in the order a request meets them, and the packets of interest.

    `ports` are all destination ports that will be asked about; source ports are EPHEMERAL. With
    `loopback` the packets travel over the loopback interface.
    """

    def __init__(self, crossings: tuple[Crossing, ...], ports: Intervals, loopback: bool = False) -> None:
        self.crossings, self._ports, self.loopback = crossings, ports, loopback
        firewalls = [crossing.firewall for crossing in crossings]
        self.alternatives = next((f.alternatives for f in firewalls if f.alternatives), ())
        patterns = interface_patterns(firewalls) | {LOOPBACK}
        for firewall in firewalls:
            patterns.update(firewall.profiles)
        self.space = PacketSpace(firewalls[0].family, patterns)
        self.conditions: dict[str, Condition] = {}
        self._outcomes: dict[bool, Node] = {}
        self._translations: list[Node | None] = []
        self._passing: dict[tuple[int, Leg], Passing] = {}
        self._slices: dict[bool, list[Rule]] = {}
        self._assuming: list[Rule] | None = None

    # --- one way -----------------------------------------------------------

    def outcomes(self, mirrored: bool) -> Node:
        """What becomes of every packet that goes with the request, or, mirrored, with the reply: a
        diagram with Outcome leaves, for all protocols, ports and states that will be asked about."""
        if mirrored not in self._outcomes:
            self._outcomes[mirrored] = self._one_way(mirrored)
        return self._outcomes[mirrored]

    @cached_property
    def _new_ports(self) -> Intervals:
        """The ports that translation turns those that are asked about into."""
        first = self._sliced_evaluator(False, self._ports)
        found: list[Interval] = []
        for crossing in self.crossings:
            found += first.set_values(crossing.firewall, passed(crossing.firewall, crossing.hook), _PORT)
        return normalise(found)

    def widened(self, bounds: Mapping[Field, Intervals]) -> dict[Field, Intervals]:
        """`bounds` for packets as they come and, where this path translates any, as they then are."""
        self.outcomes(mirrored=False)
        if all(translation is None for translation in self._translations):
            return dict(bounds)
        kept = {field: ranges for field, ranges in bounds.items() if field not in _TRANSLATED}
        if _PORT in kept:
            kept[_PORT] = normalise([*kept[_PORT], *self._new_ports])
        return kept

    def _evaluator(self, mirrored: bool) -> Evaluator:
        return self._sliced_evaluator(mirrored, normalise([*self._ports, *self._new_ports]))

    def _sliced_evaluator(self, mirrored: bool, ports: Intervals) -> Evaluator:
        # A rule may set the state (NOTRACK), so the slice cannot lean on it.
        flags = {flag for leg in LEGS if leg.mirrored is mirrored for flag in (0, *leg.tcp_flags)}
        bounds = {
            Field.PROTOCOL: ((TCP, TCP), (UDP, UDP)),
            Field.TCP_FLAGS: normalise((flag, flag) for flag in flags),
            Field.ICMP_TYPE: _NONE,
            Field.ICMP_CODE: _NONE,
            Field.DESTINATION_PORT: ports,
            Field.SOURCE_PORT: EPHEMERAL,
        }
        return Evaluator(self.space, bounds, mirrored)

    def _one_way(self, mirrored: bool) -> Node:
        evaluator = self._evaluator(mirrored)
        result = evaluator.directed(self._replies(evaluator) if mirrored else self._requests(evaluator))
        self.conditions.update(evaluator.conditions)
        return result

    def _requests(self, evaluator: Evaluator) -> Node:
        result = self.space.diagrams.leaf(Outcome(Verb.ACCEPT))
        for crossing in reversed(self.crossings):
            function = evaluator.hook(crossing.firewall, crossing.hook, self.loopback)
            result = evaluator.composer.across(function, result)
        self._translations = [evaluator.translation(c.firewall, c.hook, self.loopback) for c in self.crossings]
        return result

    def _replies(self, evaluator: Evaluator) -> Node:
        """The replies, from the last firewall to the first. Those beyond one that translates the request's
        destination see the replies as they come from there."""
        self.outcomes(mirrored=False)
        result = self.space.diagrams.leaf(Outcome(Verb.ACCEPT))
        before: list[Node] = []
        for crossing, translation in zip(self.crossings, self._translations, strict=True):
            function = evaluator.reply(crossing.firewall, crossing.hook, translation, self.loopback)
            for earlier in reversed(before):
                function = evaluator.composer.across(earlier, function)
            result = evaluator.composer.across(function, result)
            before += [translation] if translation is not None else []
        return result

    def passing(self, protocol: int, leg: Leg) -> Passing:
        """The connections (peers, addresses, ports, conditions) whose every packet of `leg` passes."""
        key = (protocol, leg)
        if key not in self._passing:
            diagrams = self.space.diagrams
            verdicts = diagrams.map(self.outcomes(leg.mirrored), self._passes)
            bounds = leg.bounds(protocol)
            each = {level: self.space.values(level) for level in self._per_packet()}
            possible = diagrams.quantify(verdicts, each, diagrams.either)
            sets = (
                diagrams.quantify(verdicts, bounds, diagrams.both),
                diagrams.quantify(verdicts, {**bounds, **each}, diagrams.both),
                diagrams.quantify(possible, bounds, diagrams.both),
            )
            self._passing[key] = Passing(*(PacketSet(self.space, node) for node in sets))
        return self._passing[key]

    def _per_packet(self) -> Iterator[int]:
        """The levels of conditions of which each packet may have its own value."""
        for level, key in self.space.conditions().items():
            condition = self.conditions.get(str(key))
            if condition is not None and condition.per_packet:
                yield level

    def _passes(self, value: object) -> Node:
        assert isinstance(value, Outcome)
        return self.space.diagrams.leaf(value.verb is Verb.ACCEPT)

    def slice(self, mirrored: bool) -> list[Rule]:
        """Every rule, disabled ones too, that a packet going this way can meet on the path."""
        if mirrored not in self._slices:
            evaluator = self._evaluator(mirrored)
            rules = [rule for chain in self._chains() for rule in evaluator.meeting(chain.rules)]
            self._slices[mirrored] = rules
        return self._slices[mirrored]

    def assuming(self) -> list[Rule]:
        """The enabled rules on the path that match only under an assumption, or fail to."""
        if self._assuming is None:
            ways = [self._evaluator(mirrored) for mirrored in (False, True)]
            self._assuming = [
                rule
                for chain in self._chains()
                for rule in chain.rules
                if rule.enabled
                and any(map(_is_assumed, rule.matches))
                and any(way.meets_but_for_assumptions(rule) for way in ways)
            ]
        return self._assuming

    def _chains(self) -> list[Chain]:
        return [chain for crossing in self.crossings for chain in crossing.firewall.chains.values()]

    def deciders(self, protocol: int, leg: Leg, region: PacketSet, verbs: tuple[Verb, ...]) -> list[Decider]:
        """Who decides the packets of `leg` in `region` with one of `verbs`, the widest first."""
        return widest(self.outcomes(leg.mirrored), region, leg.bounds(protocol), verbs)

    def condition_bounds(self) -> dict[int, Intervals]:
        """Every value of every condition met so far, for quantification."""
        return {level: self.space.values(level) for level in self.space.conditions() if self.space.values(level)}


def widest(
    outcomes: Node, region: PacketSet, bounds: Mapping[int, Intervals], verbs: tuple[Verb, ...]
) -> list[Decider]:
    """The deciders of the leaves of `outcomes` that `region` reaches within `bounds`.

    Sorted by how many of the region's packets they decide (as a fraction of each field, so that
    widths multiply), then by where they stand.
    """
    weights: dict[int, float] = {}
    found: dict[int, Decider] = {}
    space = region.space
    memo: dict[tuple[int, int], dict[int, float]] = {}

    def walk(node: Node, area: Node) -> dict[int, float]:
        if area is space.diagrams.false:
            return {}
        if node.level == LEAF:
            return leaf(node)
        key = (node.uid, area.uid)
        if key not in memo:
            total: dict[int, float] = {}
            level = min(node.level, area.level)
            for share, kid, part in _split(node, area, level, bounds, space.top(level) + 1):
                for uid, weight in walk(kid, part).items():
                    total[uid] = total.get(uid, 0.0) + weight * share
            memo[key] = total
        return memo[key]

    def leaf(node: Node) -> dict[int, float]:
        outcome = node.value
        assert isinstance(outcome, Outcome)
        if outcome.verb not in verbs or outcome.decider is None:
            return {}
        found[id(outcome.decider.rule)] = outcome.decider
        return {id(outcome.decider.rule): 1.0}

    weights = walk(outcomes, region.node)

    def order(decider: Decider) -> tuple[float, str, int]:
        span = decider.rule.span
        return (-weights[id(decider.rule)], span.path, span.line)

    return sorted((found[key] for key in weights), key=order)


def _split(
    node: Node, area: Node, level: int, bounds: Mapping[int, Intervals], size: int
) -> Iterator[tuple[float, Node, Node]]:
    """The pairs of children of two diagrams at `level`, with the share of its values each takes."""
    if level in bounds:
        kids = children_in(node, bounds[level]) if node.level == level else [node]
        for kid in kids:
            yield 1.0 / len(kids), kid, area
        return
    i = j = start = 0
    one = node.level == level
    two = area.level == level
    while start < size:
        high_a = node.highs[i] if one else size - 1
        high_b = area.highs[j] if two else size - 1
        high = min(high_a, high_b)
        kid = node.kids[i] if one else node
        part = area.kids[j] if two else area
        yield (high - start + 1) / size, kid, part
        i += high_a == high
        j += high_b == high
        start = high + 1


@dataclass(frozen=True, slots=True)
class Passing:
    """The connections of which every packet of a leg passes: with all conditions left open, and surely and
    possibly, whatever those conditions are that each packet meets for itself."""

    open: PacketSet
    surely: PacketSet
    possibly: PacketSet


@dataclass(frozen=True)
class Judgement:
    """What a path does with the connections in `region` (peers, addresses, ports) of one protocol.

    `legs` are the packets that must pass: as a connection of its own, or one that belongs to another (RELATED).
    """

    path: Path
    protocol: int
    region: PacketSet
    legs: tuple[Leg, ...] = LEGS

    @cached_property
    def accepted(self) -> PacketSet:
        """Connections of which every leg is accepted, conditions left open."""
        total = self.region
        for leg in self.legs:
            total = total & self.path.passing(self.protocol, leg).open
        return total

    @cached_property
    def surely(self) -> PacketSet:
        """Connections accepted whatever the conditions."""
        total = self.region
        for leg in self.legs:
            total = total & self.path.passing(self.protocol, leg).surely
        return total.forall(self.path.condition_bounds())

    @cached_property
    def possibly(self) -> PacketSet:
        """Connections accepted for some values of the conditions."""
        total = self.region
        for leg in self.legs:
            total = total & self.path.passing(self.protocol, leg).possibly
        return total.exists(self.path.condition_bounds())

    def of_leg(self, leg: Leg) -> tuple[PacketSet, PacketSet]:
        """Of one leg alone: the connections surely and possibly accepted."""
        passing = self.path.passing(self.protocol, leg)
        bounds = self.path.condition_bounds()
        return (self.region & passing.surely).forall(bounds), (self.region & passing.possibly).exists(bounds)

    def open_conditions(self) -> list[Condition]:
        """The open conditions that the accepted connections depend on."""
        keys = self.path.space.conditions()
        levels = sorted(level for level in self.accepted.levels() if level >= FIRST_CONDITION)
        return [self.path.conditions[str(keys[level])] for level in levels]


def _is_assumed(match: Match) -> bool:
    return isinstance(match, ConditionMatch) and match.condition.assumed is not None


def assumed_conditions(rules: list[Rule]) -> list[Condition]:
    """The assumed conditions that stand in the matches of `rules`, each once."""
    found: dict[str, Condition] = {}
    for rule in rules:
        for match in rule.matches:
            if isinstance(match, ConditionMatch) and match.condition.assumed is not None:
                found.setdefault(match.condition.key, match.condition)
    return list(found.values())


PROTOCOLS = {"tcp": TCP, "udp": UDP}
"""The protocol numbers of a port entry's words."""
