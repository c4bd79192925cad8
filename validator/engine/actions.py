"""What rules do with packets, as outcomes: who decided, and what was set, by level."""

from __future__ import annotations

from validator.engine.outcomes import Assign, Composer, CopyOf, Decider, Free, Outcome, Set, set_after
from validator.engine.regions import Bounds, Regions
from validator.engine.stand_ins import StandIns
from validator.engine.survey import Survey
from validator.model import (
    REPLIED_TO,
    AnyInterface,
    Assignment,
    Bit,
    Chain,
    Choice,
    Condition,
    Copy,
    Firewall,
    InterfaceName,
    Rule,
)
from validator.packets.fields import Field
from validator.packets.intervals import normalise
from validator.packets.space import PacketSpace


class Actions(Regions):
    """The outcomes of rules in `space`; see Regions. With `stand_ins` a translation decides nothing by itself, and sets
    what stands for its destination."""

    def __init__(
        self,
        space: PacketSpace,
        bounds: Bounds,
        mirrored: bool = False,
        within: Actions | None = None,
        survey: Survey | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        super().__init__(space, bounds, mirrored, within, survey)
        self._stand_ins: StandIns | None = within._stand_ins if within else stand_ins
        self._composer: Composer = within._composer if within else Composer(self._diagrams)
        self._levels: dict[Field | Bit, int] = {}
        self._deciders: dict[tuple[int, int], Decider] = within._deciders if within else {}

    def _ended(self, rule: Rule, firewall: Firewall, chain: Chain, assign: Assign) -> Outcome:
        """The outcome of a rule that ends the walk."""
        stood_in = self._stood_in(assign)
        return Outcome(rule.action.verb, self._decider(rule, firewall, chain) if stood_in is assign else None, stood_in)

    def _stood_in(self, assign: Assign) -> Assign:
        """`assign` with what stands for its destination; itself, where nothing is to stand for that."""
        if self._stand_ins is None:
            return assign
        target = next((value for level, value in assign if level == Field.DESTINATION), None)
        if not isinstance(target, int):
            return assign
        stands = self._stand_ins.of(target)
        return tuple([(level, stands if level == Field.DESTINATION else value) for level, value in assign])

    def _assigned(self, assignments: tuple[Assignment, ...]) -> Assign:
        """Assignments one after the other, in terms of the values before them."""
        self._composer.assigns = True
        result: dict[int, Set] = {}
        for target, value in assignments:
            level = self._levels.get(target)
            if level is None:
                level = self._levels[target] = self._level_of(target)
            set_after(result, level, value if isinstance(value, int) else self._value(level, value))
        return tuple(sorted(result.items()))

    def _level_of(self, target: Field | Bit) -> int:
        """The level that holds what is set of a packet."""
        if isinstance(target, Bit):
            return self._bit(target)
        if target is Field.OUT_INTERFACE:
            return self._way_out()
        if target in REPLIED_TO:
            return self._replied(target)
        return int(self._turn[target])

    def _way_out(self) -> int:
        """The level that holds the interface a translated packet is routed to, until it is (the chains of the
        hook at which it is translated still see the old one)."""
        return self._space.condition("way out", (), self._space.interfaces.top)

    def _replied(self, field: Field) -> int:
        """The level that holds what replies to a translated source have in place of the request's `field`."""
        return self._space.condition(("replied to", int(field)), (), self._space.top(int(field)))

    def _value(self, level: int, value: Copy | InterfaceName | Choice | AnyInterface) -> Set:
        match value:
            case Copy():
                return CopyOf(self._bit(value.bit), value.inverted)
            case InterfaceName():
                return self._space.interfaces.number(value.name)
            case Choice():
                return self._free(value.condition, value.intervals, self._space.top(level))
            case AnyInterface():
                interfaces = self._space.interfaces
                lo = interfaces.number("lo")
                ranges = normalise([(1, lo - 1), (lo + 1, interfaces.top)])
                if value.or_loopback:
                    ranges = ((1, interfaces.top),)
                return self._free(value.condition, ranges, interfaces.top)

    def _free(self, condition: Condition, ranges: tuple[tuple[int, int], ...], top: int) -> Free:
        self.conditions.setdefault(condition.key, condition)
        return Free(self._space.condition(condition.key, ranges, top))

    def _decider(self, rule: Rule, firewall: Firewall, chain: Chain) -> Decider:
        key = (id(rule), id(firewall))
        if key not in self._deciders:
            self._deciders[key] = Decider(rule, firewall, chain)
        return self._deciders[key]
