"""The gist of a chain: what its rules say together, found in one walk over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from validator.engine.asked import assumed_in
from validator.model import (
    AnyOf,
    Assigned,
    Bit,
    BitMatch,
    Chain,
    ConditionMatch,
    FieldMatch,
    InterfaceMatch,
    InterfaceName,
    Match,
    NoneOf,
    Rule,
)
from validator.packets.fields import Field

Group = tuple[Sequence[Match], Sequence[int]]
"""Rules, by their positions in the chain, that ask the same of protocol and ports, with the matches that do."""
PORTS = frozenset((Field.PROTOCOL, Field.SOURCE_PORT, Field.DESTINATION_PORT))
"""The fields by which rules are put together."""


class Gist(Struct, frozen=True):
    """What the rules of a chain say together.

    `groups` holds every rule; `patterns` are the interface patterns that rules name; `values` what rules set, by what
    is set; `assuming` the rules that stand on assumed conditions, with their positions and those conditions.
    """

    groups: Sequence[Group]
    patterns: frozenset[str]
    values: Mapping[Field | Bit, Sequence[Assigned]]
    assuming: Sequence[tuple[int, Rule, Sequence[ConditionMatch]]]


class _Told(Struct):
    """What a match of several parts says: whether it asks for protocol or ports, and what it assumes."""

    asks: bool = False
    assumed: list[ConditionMatch] = field(default_factory=list)


def gist(chain: Chain) -> Gist:
    """What the rules of `chain` say together."""
    groups: dict[tuple[int, ...], tuple[list[Match], list[int]]] = {}
    patterns: set[str] = set()
    values: dict[Field | Bit, list[Assigned]] = {}
    assuming: list[tuple[int, Rule, Sequence[ConditionMatch]]] = []
    told: dict[int, _Told] = {}
    for position, rule in enumerate(chain.rules):
        asking: list[Match] = []
        assumed: list[ConditionMatch] = []
        for match in rule.matches:
            if isinstance(match, FieldMatch):
                if match.field in PORTS:
                    asking.append(match)
            elif isinstance(match, ConditionMatch):
                if match.condition.assumed is not None:
                    assumed.append(match)
            else:
                found = told.get(id(match))
                if found is None:
                    found = told[id(match)] = _told(match, patterns)
                if found.asks:
                    asking.append(match)
                assumed += found.assumed
        key = tuple(map(id, asking))  # by identity: to compare matches costs more than it finds
        groups.setdefault(key, (asking, []))[1].append(position)
        if assumed:
            assuming.append((position, rule, assumed))
        if rule.action.assign:
            for target, value in rule.action.assign:
                values.setdefault(target, []).append(value)
    patterns.update(value.name for each in values.values() for value in each if isinstance(value, InterfaceName))
    return Gist(list(groups.values()), frozenset(patterns), values, assuming)


def asking(matches: Iterable[Match]) -> list[Match]:
    """Those of `matches` that ask for protocol or ports."""
    return [match for match in matches if _asks_for_ports(match)]


def _told(match: Match, patterns: set[str]) -> _Told:
    """What a match says that is no field and no condition; its interface patterns are added to `patterns`."""
    patterns.update(_names((match,)))
    return _Told(_asks_for_ports(match), list(assumed_in((match,))))


def _names(matches: Iterable[Match]) -> Iterable[str]:
    for match in matches:
        match match:
            case InterfaceMatch():
                yield from match.names
            case AnyOf():
                for alternative in match.alternatives:
                    yield from _names(alternative)
            case NoneOf():
                yield from _names(match.matches)


def _asks_for_ports(match: Match) -> bool:
    match match:
        case FieldMatch():
            return match.field in PORTS
        case AnyOf():
            return any(_asks_for_ports(part) for parts in match.alternatives for part in parts)
        case NoneOf():
            return any(map(_asks_for_ports, match.matches))
        case InterfaceMatch() | ConditionMatch() | BitMatch():
            return False
