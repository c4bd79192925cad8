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

from validator.engine.evaluate import MIRROR, STRAIGHT, Decider, Evaluator, Outcome, interface_patterns
from validator.model import LOOPBACK, Chain, Condition, ConditionMatch, Firewall, Hook, Match, Rule, Verb
from validator.packets.diagram import LEAF, Node, children_in
from validator.packets.fields import TCP, UDP, Field, Intervals, State, TcpFlag
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
FOLLOWING = Leg("request", State.ESTABLISHED, _DATA)
LEGS = (REQUEST, REPLY, FOLLOWING)

_OPPOSITE = {Hook.INPUT: Hook.OUTPUT, Hook.OUTPUT: Hook.INPUT, Hook.FORWARD: Hook.FORWARD}
_NONE: Intervals = ((0, 0),)


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
        self._accepted: dict[tuple[int, Leg], PacketSet] = {}
        self._slices: dict[bool, list[Rule]] = {}
        self._assuming: list[Rule] | None = None

    # --- one way -----------------------------------------------------------

    def outcomes(self, mirrored: bool) -> Node:
        """What becomes of every packet that goes with the request, or, mirrored, with the reply: a
        diagram with Outcome leaves, for all protocols, ports and states that will be asked about."""
        if mirrored not in self._outcomes:
            self._outcomes[mirrored] = self._one_way(mirrored)
        return self._outcomes[mirrored]

    def _evaluator(self, mirrored: bool) -> Evaluator:
        # A rule may set the state (NOTRACK), so the slice cannot lean on it.
        flags = {flag for leg in LEGS if leg.mirrored is mirrored for flag in (0, *leg.tcp_flags)}
        bounds = {
            Field.PROTOCOL: ((TCP, TCP), (UDP, UDP)),
            Field.TCP_FLAGS: normalise((flag, flag) for flag in flags),
            Field.ICMP_TYPE: _NONE,
            Field.ICMP_CODE: _NONE,
            Field.DESTINATION_PORT: self._ports,
            Field.SOURCE_PORT: EPHEMERAL,
        }
        return Evaluator(self.space, bounds, mirrored)

    def _one_way(self, mirrored: bool) -> Node:
        evaluator = self._evaluator(mirrored)
        diagrams = self.space.diagrams
        result = diagrams.leaf(Outcome(Verb.ACCEPT))
        for crossing in self.crossings if mirrored else reversed(self.crossings):
            hook = _OPPOSITE[crossing.hook] if mirrored else crossing.hook
            function = evaluator.hook(crossing.firewall, hook)
            function = diagrams.fix(function, self._interfaces(hook, mirrored))
            result = diagrams.apply("path", _path_shortcut, function, result)
        self.conditions.update(evaluator.conditions)
        return result

    def _interfaces(self, hook: Hook, mirrored: bool) -> dict[int, int]:
        """The interface fields a hook settles, as levels: none for a local packet, or loopback."""
        turn = MIRROR if mirrored else STRAIGHT
        there, missing = Field.IN_INTERFACE, Field.OUT_INTERFACE
        if hook is Hook.OUTPUT:
            there, missing = missing, there
        settled = {} if hook is Hook.FORWARD else {int(turn[missing]): 0}
        if self.loopback:
            settled[int(turn[there])] = self.space.interfaces.number(LOOPBACK)
        return settled

    def accepted(self, protocol: int, leg: Leg) -> PacketSet:
        """The connections (peers, addresses, ports, conditions) whose every packet of `leg` passes."""
        key = (protocol, leg)
        if key not in self._accepted:
            diagrams = self.space.diagrams
            verdicts = diagrams.map(self.outcomes(leg.mirrored), self._passes)
            bounds = leg.bounds(protocol)
            node = diagrams.quantify(verdicts, bounds, diagrams.both)
            self._accepted[key] = PacketSet(self.space, node)
        return self._accepted[key]

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
        """Both values of every condition met so far, for quantification."""
        return dict.fromkeys(self.space.conditions(), ((0, 1),))


def _path_shortcut(first: Node, second: Node) -> Node | None:
    """Two firewalls in a row: what the first accepts meets the second; a decider of the last wins."""
    if first.level != LEAF:
        return None
    outcome = first.value
    assert isinstance(outcome, Outcome)
    if outcome.verb is not Verb.ACCEPT:
        return first
    if second.level == LEAF:
        last = second.value
        assert isinstance(last, Outcome)
        return first if last.verb is Verb.ACCEPT and last.decider is None else second
    return second


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


@dataclass(frozen=True)
class Judgement:
    """What a path does with the connections in `region` (peers, addresses, ports) of one protocol."""

    path: Path
    protocol: int
    region: PacketSet

    @cached_property
    def accepted(self) -> PacketSet:
        """Connections of which every leg is accepted, conditions left open."""
        total = self.region
        for leg in LEGS:
            total = total & self.path.accepted(self.protocol, leg)
        return total

    @cached_property
    def surely(self) -> PacketSet:
        """Connections accepted whatever the conditions."""
        return self.accepted.forall(self.path.condition_bounds())

    @cached_property
    def possibly(self) -> PacketSet:
        """Connections accepted for some values of the conditions."""
        return self.accepted.exists(self.path.condition_bounds())

    def of_leg(self, leg: Leg) -> tuple[PacketSet, PacketSet]:
        """Of one leg alone: the connections surely and possibly accepted."""
        accepted = self.region & self.path.accepted(self.protocol, leg)
        bounds = self.path.condition_bounds()
        return accepted.forall(bounds), accepted.exists(bounds)

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
