"""What rules ask for: destination ports, what a module may answer of itself, and what is assumed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeGuard

from validator.model import AnyOf, Condition, ConditionMatch, FieldMatch, Match, NoneOf, Rule
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import normalise

_PORT = Field.DESTINATION_PORT


def asked_ports(match: Match) -> Iterator[Intervals]:
    """The destination ports that a match asks for: a field, or a list with words in it."""
    if isinstance(match, FieldMatch):
        if match.field is _PORT:
            yield match.intervals
    elif isinstance(match, AnyOf):
        found = [part.intervals for each in match.alternatives for part in each if _is_port(part)]
        if found:
            yield normalise(interval for intervals in found for interval in intervals)


def names_ports(rule: Rule) -> bool:
    """Whether a rule is made for some destination ports."""
    return any(True for match in rule.matches for _ in asked_ports(match))


def _is_port(match: Match) -> TypeGuard[FieldMatch]:
    return isinstance(match, FieldMatch) and match.field is _PORT


def assumed_in(matches: Iterable[Match]) -> Iterator[ConditionMatch]:
    """The assumed conditions that `matches` ask about, at any depth."""
    for match in matches:
        if isinstance(match, FieldMatch):  # most are
            continue
        match match:
            case ConditionMatch():
                if match.condition.assumed is not None:
                    yield match
            case AnyOf():
                for each in match.alternatives:
                    yield from assumed_in(each)
            case NoneOf():
                yield from assumed_in(match.matches)


def assumed_conditions(rules: list[Rule]) -> list[Condition]:
    """The assumed conditions that stand in the matches of `rules`, each once."""
    found: dict[str, Condition] = {}
    for rule in rules:
        for match in assumed_in(rule.matches):
            found.setdefault(match.condition.key, match.condition)
    return list(found.values())
