"""The packets that go one way over a path of firewalls, requests or replies, all at once.

Both are described by the request's fields, so a reply's source is the request's destination.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial

from msgspec import Struct

from validator.engine.evaluate import Evaluator, Outcome
from validator.engine.legs import EPHEMERAL, LEGS, RELATED
from validator.engine.loopback import LoopbackEvaluator
from validator.engine.outcomes import Following
from validator.engine.passing import passed
from validator.engine.rough import whatever
from validator.engine.stand_ins import stand_ins
from validator.engine.survey import Survey
from validator.model import LOOPBACK, Choice, Condition, Firewall, Hook, Verb
from validator.packets.fields import TCP, UDP, Field, Intervals, State
from validator.packets.intervals import normalise
from validator.packets.nodes import Node
from validator.packets.space import BY_DESTINATION, PacketSpace


class Crossing(Struct, frozen=True):
    """A firewall on a path, and the hook at which a request meets it."""

    firewall: Firewall
    hook: Hook


Settled = tuple[tuple[str, bool], ...]
"""Conditions, by their keys, that have a value."""
_NONE: Intervals = ((0, 0),)
_PORT = Field.DESTINATION_PORT
MANY_TRANSLATIONS = 50
"""How many rules translate destinations where most of what is asked is a destination."""
WORTH_A_ROUGH_LOOK = 1000
"""How many do where it pays to try first whether it matters what they do."""
_TRANSLATED = (Field.DESTINATION, Field.OUT_INTERFACE)


class Way:
    """The firewalls between two ends, in the order a request meets them, and the packets of interest.

    `ports` are all destination ports that will be asked about; source ports are EPHEMERAL. With
    `loopback` the packets travel over the loopback interface. `destinations`: where all requests that will be
    asked about go, before any translation; None for anywhere. `survey` is what is known of the firewalls already.
    `rough`: see Path.rough.
    """

    def __init__(
        self,
        crossings: tuple[Crossing, ...],
        ports: Intervals,
        loopback: bool = False,
        destinations: Intervals | None = None,
        survey: Survey | None = None,
        rough: bool = False,
    ) -> None:
        self.survey = survey or Survey()
        self.crossings, self._ports, self.loopback = crossings, ports, loopback
        self._destinations = destinations
        firewalls = [crossing.firewall for crossing in crossings]
        self.alternatives = next((f.alternatives for f in firewalls if f.alternatives), ())
        patterns = {LOOPBACK}
        for firewall in firewalls:
            patterns.update(self.survey.patterns(firewall), firewall.profiles, firewall.interfaces)
        translating = sum(len(self.survey.set_values(firewall, Field.DESTINATION)) for firewall in firewalls)
        many = translating > MANY_TRANSLATIONS
        order = BY_DESTINATION if many else tuple(Field)
        self._stand_ins = stand_ins(firewalls[0], self.survey, rough) if many and len(crossings) == 1 else None
        self._rough = rough
        self._roughly = len(crossings) == 1 and translating > WORTH_A_ROUGH_LOOK
        self.space = PacketSpace(firewalls[0].family, patterns, order=order)
        self.conditions: dict[str, Condition] = {}
        self._outcomes: dict[tuple[bool, int, Intervals], Node] = {}
        self._translations: dict[tuple[int, Intervals], list[Node | None]] = {}
        self._wide: dict[bool, LoopbackEvaluator] = {}
        self._first: LoopbackEvaluator | None = None
        self._widened: dict[Intervals, Intervals] = {}
        self._asking: dict[tuple[int, Intervals], LoopbackEvaluator] = {}
        self._evaluators: dict[tuple[bool, int, Intervals], list[Evaluator]] = {}

    def condition_bounds(self) -> dict[int, Intervals]:
        """Every value of every condition met so far, for quantification."""
        return {level: self.space.values(level) for level in self.space.conditions() if self.space.values(level)}

    def outcomes(self, mirrored: bool, protocol: int, ports: Intervals, settled: Settled = ()) -> Node:
        """What becomes of every packet to `ports` that goes with the request, or, mirrored, with the reply: a
        diagram with Outcome leaves, for all states and flags that will be asked about. It says nothing of others.
        `settled` gives conditions by their keys the values that they have for who asks."""
        if settled:
            values = {self.space.condition(key): int(value) for key, value in settled}
            return self.space.diagrams.fix(self.outcomes(mirrored, protocol, ports), values)
        key = (mirrored, protocol, ports)
        if key not in self._outcomes:
            evaluator = self._evaluator(mirrored, protocol, ports)
            early = [evaluator.untranslated] if evaluator.untranslated else []
            self._evaluators[key] = [evaluator, *early]
            if mirrored:
                result = self._replies(evaluator, protocol, ports)
            else:
                self._asking[protocol, ports] = evaluator
                result = self._requests(evaluator, protocol, ports)
            result = evaluator.unmarked(evaluator.directed(result))
            if self._rough:  # replies go as their requests do
                result = whatever(self.space, result, self._asking[protocol, ports].choices)
            self._outcomes[key] = result
            self.conditions.update(evaluator.conditions)
        return self._outcomes[key]

    def widened(self, protocol: int, bounds: Mapping[Field, Intervals]) -> dict[Field, Intervals]:
        """`bounds` for packets as they come and, where this path translates any, as they then are."""
        ports = bounds.get(_PORT, self._ports)
        self.outcomes(False, protocol, ports)
        if not any(self._translations[protocol, ports]):
            return dict(bounds)
        kept = {field: ranges for field, ranges in bounds.items() if field not in _TRANSLATED}
        return {**kept, _PORT: self._with_new_ports(ports)}

    def _with_new_ports(self, ports: Intervals) -> Intervals:
        """`ports`, and those that translation turns them into."""
        if not self._sets_ports:
            return ports
        if self._rough:
            return normalise([*ports, *self._set_ports])
        if ports not in self._widened:
            to = {} if self._destinations is None else {Field.DESTINATION: self._destinations}
            if self._first is None:
                self._first = LoopbackEvaluator(self.space, self._bounds(False, self._ports) | to, survey=self.survey)
            evaluator = LoopbackEvaluator(self.space, self._bounds(False, ports) | to, within=self._first)
            found = list(ports)
            for crossing in self.crossings:
                found += evaluator.set_values(crossing.firewall, passed(crossing.firewall, crossing.hook), _PORT)
            self._widened[ports] = normalise(found)
        return self._widened[ports]

    @cached_property
    def _set_ports(self) -> Intervals:
        """All ports that rules set."""
        every = [value for each in self._firewalls() for value in self.survey.set_values(each, _PORT)]
        numbers = {value for value in every if isinstance(value, int)}
        chosen = [interval for value in every if isinstance(value, Choice) for interval in value.intervals]
        return normalise([*((number, number) for number in numbers), *chosen])

    @cached_property
    def _sets_ports(self) -> bool:
        """Whether any rule translates ports."""
        return any(self.survey.set_values(firewall, _PORT) for firewall in self._firewalls())

    @cached_property
    def _state_is_set(self) -> bool:
        """Whether any rule keeps packets from connection tracking, or sets their zone."""
        return any(self.survey.set_values(firewall, Field.STATE) for firewall in self._firewalls())

    def _states(self, mirrored: bool) -> Intervals:
        """The states a packet going this way can have: its legs', and those where rules keep some from tracking."""
        states = {leg.state for leg in (*LEGS, RELATED) if leg.mirrored is mirrored}
        if self._state_is_set:
            states |= set(State)
        return normalise((int(state), int(state)) for state in states)

    def _evaluator(self, mirrored: bool, protocol: int, ports: Intervals) -> LoopbackEvaluator:
        """One for some of the ports, within the one for all."""
        if mirrored not in self._wide:
            bounds = self._bounds(mirrored, self._with_new_ports(self._ports))
            bounds[Field.STATE] = self._states(mirrored)
            self._wide[mirrored] = LoopbackEvaluator(
                self.space, bounds, mirrored, survey=self.survey, stand_ins=self._stand_ins
            )
        wide = self._wide[mirrored]
        bounds = self._bounds(mirrored, self._with_new_ports(ports)) | {
            Field.PROTOCOL: ((protocol, protocol),),
            Field.STATE: self._states(mirrored),
        }
        found = LoopbackEvaluator(self.space, bounds, mirrored, wide)
        if mirrored or (bounds[_PORT] == ports and self._destinations is None):
            return found
        bounds[_PORT] = ports
        if self._destinations is not None:
            bounds[Field.DESTINATION] = self._destinations
        found.untranslated = LoopbackEvaluator(self.space, bounds, mirrored, wide)
        found.untranslated.whole = self._destinations is not None
        return found

    def _bounds(self, mirrored: bool, ports: Intervals) -> dict[Field, Intervals]:
        flags = {flag for leg in LEGS if leg.mirrored is mirrored for flag in (0, *leg.tcp_flags)}
        return {
            Field.PROTOCOL: ((TCP, TCP), (UDP, UDP)),
            Field.TCP_FLAGS: normalise((flag, flag) for flag in flags),
            Field.ICMP_TYPE: _NONE,
            Field.ICMP_CODE: _NONE,
            Field.DESTINATION_PORT: ports,
            Field.SOURCE_PORT: EPHEMERAL,
        }

    def _requests(self, evaluator: LoopbackEvaluator, protocol: int, ports: Intervals) -> Node:
        result = self.space.diagrams.leaf(Outcome(Verb.ACCEPT))
        for number, crossing in reversed(list(enumerate(self.crossings, 1))):
            last = number == len(self.crossings)
            function = evaluator.hook(crossing.firewall, crossing.hook, self.loopback, last)
            inside: Node | Following = result
            if crossing.hook is Hook.OUTPUT:
                function = evaluator.turned(function, crossing.firewall, self.loopback)
                if self.loopback:
                    function, inside = evaluator.looped(function, crossing.firewall, result)
            result = evaluator.composer.across(function, inside)
        if self.loopback:
            result = self._led_away(evaluator, result)
        translations = [evaluator.translation(c.firewall, c.hook, self.loopback) for c in self.crossings]
        self._translations[protocol, ports] = translations
        return result

    def _replies(self, evaluator: Evaluator, protocol: int, ports: Intervals) -> Node:
        """The replies, from the last firewall to the first. Those beyond one that translates the request's
        destination see the replies as they come from there."""
        self.outcomes(False, protocol, ports)
        result = self.space.diagrams.leaf(Outcome(Verb.ACCEPT))
        before: list[Node] = []
        first = self._asking[protocol, ports]
        if self.loopback:
            return self._replies_over_loopback(evaluator, first, self._translations[protocol, ports])
        for crossing, translation in zip(self.crossings, self._translations[protocol, ports], strict=True):
            sources = partial(first.sources, crossing.firewall, crossing.hook, self.loopback)
            function = evaluator.reply(crossing.firewall, crossing.hook, translation, self.loopback, sources)
            if crossing.hook is Hook.OUTPUT:
                function = first.turned(function, crossing.firewall, self.loopback, replies=True)
            for earlier in reversed(before):
                function = evaluator.composer.across(earlier, function)
            result = evaluator.composer.across(function, result)
            before += [translation] if translation is not None else []
        return result

    def _replies_over_loopback(
        self, evaluator: Evaluator, first: LoopbackEvaluator, translations: Sequence[Node | None]
    ) -> Node:
        """The replies on their way out, where all translation is undone, and in. The same firewalls stand at both."""
        result = self.space.diagrams.leaf(Outcome(Verb.ACCEPT))
        told = {id(c.firewall): t for c, t in zip(self.crossings, translations, strict=True) if c.hook is Hook.OUTPUT}
        for crossing in self.crossings:
            wall, translation, sources = crossing.firewall, None, None
            if crossing.hook is Hook.INPUT:
                translation = told.get(id(wall))
                sources = partial(first.sources, wall, Hook.OUTPUT, True)
            function = evaluator.reply(wall, crossing.hook, translation, True, sources)
            result = evaluator.composer.across(function, result)
        return self._led_away(first, result)

    def _led_away(self, first: LoopbackEvaluator, result: Node) -> Node:
        for crossing in self.crossings:
            if crossing.hook is Hook.OUTPUT:
                result = first.led_away(result, crossing.firewall)
        return result

    def _firewalls(self) -> list[Firewall]:
        return [crossing.firewall for crossing in self.crossings]
