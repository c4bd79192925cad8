"""Enough values of a field that every rule of a firewall tells apart those that it could tell apart."""

from __future__ import annotations

from collections.abc import Iterator

from validator.engine.survey import interface_patterns
from validator.model import LOOPBACK, AnyOf, FieldMatch, Firewall, Match, NoneOf
from validator.packets.fields import Field, Intervals
from validator.packets.space import Interfaces


def values(firewall: Firewall, field: Field, within: Intervals) -> list[int]:
    """A value of `within` for each part of it that no rule of `firewall` divides."""
    cuts = {low for low, _ in within}
    for low, high in _named(firewall, field):
        cuts.update((low, high + 1))
    return sorted(cut for cut in cuts if any(low <= cut <= high for low, high in within))


def interfaces(firewall: Firewall) -> list[str]:
    """The names of interfaces, loopback apart, that the rules of `firewall` tell apart, and one of each other kind."""
    known = Interfaces(interface_patterns([firewall]) | {LOOPBACK})
    return [known.example(n) for n in range(1, known.top + 1) if n != known.number(LOOPBACK)]


def _named(firewall: Firewall, field: Field) -> Iterator[tuple[int, int]]:
    seen: set[int] = set()

    def visit(matches: tuple[Match, ...]) -> Iterator[tuple[int, int]]:
        for match in matches:
            if id(match) in seen:
                continue
            seen.add(id(match))
            match match:
                case FieldMatch() if match.field is field:
                    yield from match.intervals
                case AnyOf():
                    for parts in match.alternatives:
                        yield from visit(parts)
                case NoneOf():
                    yield from visit(match.matches)

    for chain in firewall.chains.values():
        for rule in chain.rules:
            yield from visit(rule.matches)
