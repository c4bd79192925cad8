"""Matches as packet sets, and which rules some packet of interest can meet (the slice)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from validator.engine.buckets import Buckets
from validator.engine.gist import PORTS, Group, asking
from validator.engine.survey import Survey
from validator.model import (
    AnyOf,
    Bit,
    BitMatch,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    InterfaceMatch,
    Match,
    NoneOf,
    Rule,
    Verb,
    bit_condition,
)
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import intersect, meets
from validator.packets.space import PacketSet, PacketSpace

Bounds = Mapping[Field, Intervals]
"""The packets of interest: the values of some fields, as the request's packet has them."""

MIRROR = {
    **{field: field for field in Field},
    Field.IN_INTERFACE: Field.OUT_INTERFACE,
    Field.OUT_INTERFACE: Field.IN_INTERFACE,
    Field.SOURCE: Field.DESTINATION,
    Field.DESTINATION: Field.SOURCE,
    Field.SOURCE_PORT: Field.DESTINATION_PORT,
    Field.DESTINATION_PORT: Field.SOURCE_PORT,
}
"""The field of the request that holds what a field of the reply holds."""
STRAIGHT = {field: field for field in Field}
_OF_A_FIELD = (FieldMatch, InterfaceMatch)
_STOPS = frozenset((Verb.ACCEPT, Verb.DELIVER, Verb.DROP, Verb.REJECT, Verb.RETURN))


_FEW = 16
"""How many rules are looked at one by one before all are looked at together."""


class _Slice(Struct, frozen=True):
    """The rules of a chain that count, with their positions there; `stops`: the last takes all packets."""

    positions: list[int]
    rules: list[Rule]
    stops: bool


class Regions:
    """Matches in `space`, for packets within `bounds`.

    `mirrored`: the firewall's packets are replies, and fields are those of the request. `within`: one for wider
    bounds of protocol and ports, otherwise the same; what it has found out is used again. `survey` is what is known
    of the firewalls already. `conditions` collects every open condition met, by key.
    """

    def __init__(
        self,
        space: PacketSpace,
        bounds: Bounds,
        mirrored: bool = False,
        within: Regions | None = None,
        survey: Survey | None = None,
    ) -> None:
        self._space, self._diagrams = space, space.diagrams
        self._bounds: Mapping[int, Intervals] = {int(level): ranges for level, ranges in bounds.items()}
        self._turn = MIRROR if mirrored else STRAIGHT
        self._own = {field: self._bounds[level] for field, level in self._turn.items() if level in self._bounds}
        self._fixed = {field for field in self._own if self._turn[field] in (Field.PROTOCOL, Field.DESTINATION_PORT)}
        self._covered: dict[int, bool] = {}
        self._within = within
        self._survey: Survey = within._survey if within else survey or Survey()
        self.whole = False
        """Whether bounds of more than protocol and ports are narrower than those of `within`."""
        self.conditions: dict[str, Condition] = within.conditions if within else {}
        self._meets: dict[int, bool] = {}
        self._slices: dict[int, _Slice] = {}
        self._groups: dict[int, Buckets[Group]] = {}
        self._port = Field.SOURCE_PORT if mirrored else Field.DESTINATION_PORT
        self._ranges: dict[int, tuple[int, Intervals]] = within._ranges if within else {}
        self._bits: dict[Bit, int] = within._bits if within else {}

    def counting(self) -> Iterable[list[Rule]]:
        """The rules that count so far: the slices."""
        return [found.rules for found in self._slices.values()]

    def slice_of(self, chain: Chain) -> list[Rule]:
        """The enabled rules of `chain` that some packet within the bounds can meet, up to one that takes them all."""
        return self._slice(chain).rules

    def _slice(self, chain: Chain) -> _Slice:
        found = self._slices.get(id(chain))
        if found is None:
            if self._within is None:
                found = self._soon_stopped(chain) or self._sliced(chain, self._survey.meeting(chain, self._own), True)
            else:
                near = self._within._near(chain, self._own[self._port])
                found = self._sliced(chain, [group for group in near if all(map(self._met, group[0]))], self.whole)
            self._slices[id(chain)] = found
        return found

    def _soon_stopped(self, chain: Chain) -> _Slice | None:
        """The slice, where one of the first rules takes all packets (replies often: a known connection); else None."""
        found = _Slice([], [], False)
        for number, rule in enumerate(chain.rules[:_FEW]):
            if rule.enabled and all(map(self._met, rule.matches)):
                found.positions.append(number)
                found.rules.append(rule)
                if rule.action.verb in _STOPS and all(map(self._covers, rule.matches)):
                    return replace(found, stops=True)
        return None

    def _near(self, chain: Chain, ports: Intervals) -> Sequence[Group]:
        """The slice of a chain, put together by what narrower bounds may narrow; as far as it may be for `ports`."""
        found = self._groups.get(id(chain))
        if found is None:
            positions = self._slice(chain).positions
            if self._slices[id(chain)].stops and positions[-1] < _FEW:
                kept: Sequence[Group] = [(asking(chain.rules[number].matches), [number]) for number in positions]
            else:
                kept = self._survey.meeting(chain, self._own)
            if len(positions) < sum([len(numbers) for _, numbers in kept]):
                inside = set(positions)
                kept = [(asking, [number for number in numbers if number in inside]) for asking, numbers in kept]
            groups = [(self._ports_of(group[0]), group) for group in kept if group[1]]
            found = self._groups[id(chain)] = Buckets(self._own[self._port], groups)
        return found.near(ports)

    def _ports_of(self, asking: Iterable[Match]) -> Intervals | None:
        """Destination ports of requests outside of which `asking` is not met, if that can be told."""
        return next(
            (each.intervals for each in asking if isinstance(each, FieldMatch) and each.field is self._port), None
        )

    def _sliced(self, chain: Chain, groups: Iterable[Group], whole: bool) -> _Slice:
        """The slice of those rules of `chain` that `groups` holds: they are met as far as they ask for protocol and
        ports. What else they ask is looked at if `whole`: where wider bounds have not asked that already."""
        met, covers, rules = self._met_but_for_ports, self._covers, chain.rules
        found = _Slice([], [], False)
        for number in sorted([number for _, numbers in groups for number in numbers]):
            rule = rules[number]
            if whole and not (rule.enabled and all(map(met, rule.matches))):
                continue
            found.positions.append(number)
            found.rules.append(rule)
            if rule.action.verb in _STOPS and all(map(covers, rule.matches)):
                return replace(found, stops=True)
        return found

    def reaches(self, chain: Chain, position: int) -> bool:
        """Whether packets may get to the rule at `position`, as far as is known: no rule of the slice before it takes
        them all."""
        found = self._slices.get(id(chain))
        return found is None or not found.stops or position <= found.positions[-1]

    def deciding(self, chain: Chain) -> list[Rule]:
        """The rules of the slice up to one that takes all packets within the bounds, assumed conditions at their
        values. Those behind it count for what is assumed, but decide nothing."""
        found = []
        for rule in self.slice_of(chain):
            found.append(rule)
            if rule.action.verb in _STOPS and all(map(self._takes_all, rule.matches)):
                break
        return found

    def narrowing(self, rule: Rule, known: set[Field]) -> tuple[Match, ...]:
        """The matches of `rule` but for those that only say of the protocol and destination port what is said of all
        packets within the bounds; their fields are added to `known`. (Source ports are another matter: replies to a
        translated source go to one that may be outside.)"""
        matches = rule.matches
        for match in matches:
            if isinstance(match, FieldMatch) and match.field in self._fixed and self._covers(match):
                known.add(match.field)
                matches = tuple([each for each in matches if each is not match])
        return matches

    def _takes_all(self, match: Match) -> bool:
        """Whether every packet within the bounds meets `match`, assumed conditions at their values."""
        if isinstance(match, ConditionMatch):
            return match.condition.assumed is match.expected
        return self._covers(match)

    def _covers(self, match: Match) -> bool:
        """Whether every packet within the bounds meets `match`, for certain."""
        if not isinstance(match, _OF_A_FIELD) or match.field not in self._own:
            return False
        found = self._covered.get(id(match))
        if found is None:
            bound = self._own[match.field]
            found = self._covered[id(match)] = intersect(bound, self._range(match)[1]) == bound
        return found

    def meeting(self, rules: Sequence[Rule]) -> list[Rule]:
        """The rules, disabled ones too, whose matches some packet within the bounds can meet."""
        met = self._met
        return [rule for rule in rules if all(map(met, rule.matches))]

    def meets_but_for_assumptions(self, rule: Rule) -> bool:
        """Whether some packet within the bounds can meet `rule`, whatever is assumed."""
        return all(map(self._met_but_for_assumptions, rule.matches))

    def _met_but_for_assumptions(self, match: Match) -> bool:
        match match:
            case ConditionMatch() | NoneOf():
                return True
            case AnyOf():
                return any(all(map(self._met_but_for_assumptions, parts)) for parts in match.alternatives)
            case _:
                return self._met(match)

    def _met(self, match: Match) -> bool:
        if isinstance(match, FieldMatch):  # too many to remember, and soon answered
            bound = self._own.get(match.field)
            return bool(match.intervals) if bound is None else meets(match.intervals, bound)
        found = self._meets.get(id(match))
        if found is None:
            found = self._meets[id(match)] = self._meet(match)
        return found

    def _met_but_for_ports(self, match: Match) -> bool:
        """`_met`, where the fields of protocol and ports are known to be."""
        if isinstance(match, FieldMatch):
            bound = None if match.field in PORTS else self._own.get(match.field)
            return bool(match.intervals) if bound is None else meets(match.intervals, bound)
        return self._met(match)

    def _meet(self, match: Match) -> bool:
        match match:
            case FieldMatch():
                return self._met(match)
            case InterfaceMatch():
                level, ranges = self._range(match)
                bound = self._bounds.get(level)
                return bool(ranges) if bound is None else meets(ranges, bound)
            case ConditionMatch():
                return match.condition.assumed in (None, match.expected)
            case AnyOf():
                return any(all(self._met(part) for part in parts) for parts in match.alternatives)
            case BitMatch():
                return True
            case NoneOf():
                return bool(match.matches)

    def _range(self, match: FieldMatch | InterfaceMatch) -> tuple[int, Intervals]:
        """The level that a match is about, and the values that it matches."""
        if isinstance(match, FieldMatch):
            return self._turn[match.field], match.intervals
        found = self._ranges.get(id(match))
        if found is None:
            ranges = self._space.interfaces.intervals(match.names, match.negated)
            found = self._ranges[id(match)] = (self._turn[match.field], ranges)
        return found

    def region(self, matches: Iterable[Match]) -> PacketSet:
        """The packets for which all of `matches` are true, assumed conditions at their values."""
        bounds, rest = self._parts(matches)
        result = self._space.box(bounds)
        for part in rest:
            result = result & part
        return result

    def _parts(self, matches: Iterable[Match]) -> tuple[dict[int, Intervals], list[PacketSet]]:
        """A conjunction as a box and further sets; an empty interval where it never holds."""
        bounds: dict[int, Intervals] = {}
        rest: list[PacketSet] = []
        for match in matches:
            match match:
                case FieldMatch() | InterfaceMatch():
                    level, ranges = self._range(match)
                    bounds[level] = intersect(bounds[level], ranges) if level in bounds else ranges
                case ConditionMatch():
                    level, ranges = self._condition(match)
                    bounds[level] = intersect(bounds[level], ranges) if level in bounds else ranges
                case BitMatch():
                    level, wanted = self._bit(match.bit), int(match.expected)
                    ranges = ((wanted, wanted),)
                    bounds[level] = intersect(bounds[level], ranges) if level in bounds else ranges
                case AnyOf():
                    union = self._space.nothing
                    for parts in match.alternatives:
                        union = union | self.region(parts)
                    rest.append(union)
                case NoneOf():
                    rest.append(~self.region(match.matches))
        return bounds, rest

    def _condition(self, match: ConditionMatch) -> tuple[int, Intervals]:
        """The level and value of an open condition; an assumed one is always or never true."""
        condition = match.condition
        if condition.assumed is not None:
            source = int(Field.SOURCE)
            return source, ((0, self._space.top(source)),) if condition.assumed is match.expected else ()
        return self._open(condition), ((1, 1),) if match.expected else ((0, 0),)

    def _open(self, condition: Condition) -> int:
        """The level of an open condition."""
        self.conditions.setdefault(condition.key, condition)
        return self._space.condition(condition.key)

    def _bit(self, bit: Bit) -> int:
        """The level of a bit. One that nobody sets or tells is a condition in the end."""
        level = self._bits.get(bit)
        if level is None:
            level = self._bits[bit] = self._open(bit_condition(bit))
        return level
