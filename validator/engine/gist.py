"""What rules say together: those of a firewall, found in one walk over them, and those of a chain by their ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from validator.engine.asked import assumed_in
from validator.model import (
    AnyOf,
    Assigned,
    Bit,
    BitMatch,
    Chain,
    Condition,
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
Assumption = tuple[str, str]
"""The name of an assumption, and the export that it is about."""


class Gist(Struct, frozen=True):
    """What the rules of a firewall say together.

    `patterns` are the interface patterns that rules name; `values` what rules set, by what is set; `assumptions` those
    that rules stand on; `failing` the enabled rules that an assumption keeps from matching, wholly or in part, with
    their chains and positions there.
    """

    patterns: frozenset[str]
    values: Mapping[Field | Bit, Sequence[Assigned]]
    assumptions: frozenset[Assumption]
    failing: Sequence[tuple[Chain, int, Rule]]


def gist(chains: Iterable[Chain]) -> Gist:
    """What the rules of `chains` say together."""
    patterns: set[str] = set()
    values: dict[Field | Bit, list[Assigned]] = {}
    assumptions: set[Assumption] = set()
    failing: list[tuple[Chain, int, Rule]] = []
    told: dict[int, list[ConditionMatch]] = {}
    for chain in chains:
        if chain.outline is not None:
            assumptions.update(chain.outline.assumptions)
            for target, value in chain.outline.sets:
                values.setdefault(target, []).append(value)
            continue
        for position, rule in enumerate(chain.rules):
            assumed: list[ConditionMatch] = []
            for match in rule.matches:
                if isinstance(match, FieldMatch):
                    continue
                if isinstance(match, ConditionMatch):
                    if match.condition.assumed is not None:
                        assumed.append(match)
                    continue
                found = told.get(id(match))
                if found is None:
                    patterns.update(_names((match,)))
                    found = told[id(match)] = list(assumed_in((match,)))
                assumed += found
            if assumed:
                assumptions.update([_about(match.condition) for match in assumed])
                if rule.enabled and any(match.condition.assumed is (not match.expected) for match in assumed):
                    failing.append((chain, position, rule))
            for target, value in rule.action.assign:
                values.setdefault(target, []).append(value)
    patterns.update(value.name for each in values.values() for value in each if isinstance(value, InterfaceName))
    return Gist(frozenset(patterns), values, frozenset(assumptions), failing)


def groups(chain: Chain) -> list[Group]:
    """The rules of `chain` by what they ask of protocol and ports."""
    found: dict[tuple[int, ...], tuple[list[Match], list[int]]] = {}
    told: dict[int, bool] = {}
    for position, rule in enumerate(chain.rules):
        asked: list[Match] = []
        for match in rule.matches:
            if isinstance(match, FieldMatch):
                if match.field in PORTS:
                    asked.append(match)
            elif not isinstance(match, ConditionMatch):
                asks = told.get(id(match))
                if asks is None:
                    asks = told[id(match)] = _asks_for_ports(match)
                if asks:
                    asked.append(match)
        key = tuple(map(id, asked))  # by identity: to compare matches costs more than it finds
        found.setdefault(key, (asked, []))[1].append(position)
    return list(found.values())


def asking(matches: Iterable[Match]) -> list[Match]:
    """Those of `matches` that ask for protocol or ports."""
    return [match for match in matches if _asks_for_ports(match)]


def assumed_by(rule: Rule) -> tuple[Assumption, ...]:
    """The assumptions that a rule stands on, one for each condition."""
    return tuple([_about(match.condition) for match in assumed_in(rule.matches)])


def _about(condition: Condition) -> Assumption:
    return condition.assumption or "", condition.span.path if condition.span else ""


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
