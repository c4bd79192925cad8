"""What the rules of firewalls say together, found once for all questions about them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar, cast

from validator.engine.asked import assumed_in
from validator.engine.passing import Targets, led_to, loops, passed, targets
from validator.model import (
    AnyOf,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    InterfaceName,
    Match,
    NoneOf,
    Rule,
)
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import meets

T = TypeVar("T")
Assumption = tuple[str, str]
"""The name of an assumption, and the export that it is about."""
Alike = Sequence[tuple[tuple[Match, ...], list[int]]]
"""Rules, by their positions, that ask the same of protocol and ports, with the matches that do."""
PORTS = (Field.PROTOCOL, Field.SOURCE_PORT, Field.DESTINATION_PORT)
"""The fields by which rules are put together."""
_NOTHING = InterfaceMatch | ConditionMatch
"""The matches that ask nothing of protocol and ports, whatever they say."""
_NAMELESS = FieldMatch | ConditionMatch
"""The matches that name no interface, of which rules have most."""


class Survey:
    """Remembers what it found out about each firewall and chain that it was asked about.

    They are told apart by identity, and kept.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Hashable, int], tuple[object, object]] = {}

    def _once(self, what: Hashable, about: Firewall | Chain, find: Callable[[], T]) -> T:
        key = (what, id(about))
        if key not in self._found:
            self._found[key] = (about, find())
        return cast(T, self._found[key][1])

    def meeting(self, chain: Chain, bounds: Mapping[Field, Intervals]) -> list[int]:
        """The positions of the rules of a chain, but for those that ask for a protocol or ports of which none is
        within `bounds`; in order."""
        asked = {field: bounds[field] for field in PORTS if field in bounds}

        def find() -> list[int]:
            return sorted(number for group in groups if all(map(met, group[0])) for number in group[1])

        def met(match: Match) -> bool:
            if not isinstance(match, FieldMatch):
                return True
            bound = asked.get(match.field)
            return bound is None or meets(match.intervals, bound)

        groups = self._once("alike", chain, lambda: alike(chain.rules))
        return self._once(("meeting", *asked.items()), chain, find)

    def patterns(self, firewall: Firewall) -> set[str]:
        """Every interface pattern that the rules of a firewall name."""
        return self._once("patterns", firewall, lambda: interface_patterns([firewall]))

    def set_values(self, firewall: Firewall, field: Field) -> list[object]:
        """What rules of a firewall set `field` to, one entry a rule that does."""
        every = self._once("set", firewall, lambda: _set_by(firewall))
        return every.get(field, [])

    def reachable(self, firewall: Firewall, hook: Hook) -> set[str]:
        """The chains that a packet at `hook` can pass, if it is not translated on the way."""
        return self._once(("reachable", hook), firewall, lambda: self.led_to(firewall, passed(firewall, hook)))

    def led_to(self, firewall: Firewall, roots: Iterable[str]) -> set[str]:
        """The chains that jumps lead to from `roots`, themselves included."""
        return led_to(self.targets(firewall), roots)

    def targets(self, firewall: Firewall) -> Targets:
        """The jumps of every chain of a firewall."""
        return self._once("targets", firewall, lambda: targets(firewall))

    def loop(self, firewall: Firewall) -> dict[str, int]:
        """For each chain whose jumps lead back to it, the number of the loop that it is in."""
        return self._once(
            "loop",
            firewall,
            lambda: {name: number for number, names in enumerate(loops(self.targets(firewall))) for name in names},
        )

    def assumptions(self, firewall: Firewall) -> dict[int, tuple[Assumption, ...]]:
        """The assumptions that rules stand on, by the identity of the rule, for those that stand on any."""
        return self._once("assumptions", firewall, lambda: _assumptions(firewall))

    def failing(self, firewall: Firewall) -> list[tuple[Chain, int, Rule]]:
        """The enabled rules that an assumption keeps from matching, wholly or in part, with their chains and positions
        there."""
        return self._once("failing", firewall, lambda: _failing(firewall))


def alike(rules: Iterable[Rule]) -> Alike:
    """Rules, put together by what they ask of protocol and ports."""
    keys: dict[tuple[int, ...], tuple[tuple[Match, ...], list[int]]] = {}
    for number, rule in enumerate(rules):
        # By identity: to compare matches costs more than it finds.
        asking = [match for match in rule.matches if not isinstance(match, _NOTHING) and asks_for_ports(match)]
        key = tuple(map(id, asking))
        found = keys.get(key)
        if found is None:
            keys[key] = (tuple(asking), [number])
        else:
            found[1].append(number)
    return list(keys.values())


def asks_for_ports(match: Match) -> bool:
    """Whether a match may be about protocol or ports."""
    if isinstance(match, FieldMatch):
        return match.field in PORTS
    return isinstance(match, AnyOf | NoneOf)


def interface_patterns(firewalls: Iterable[Firewall]) -> set[str]:
    """Every interface pattern that the rules of `firewalls` name."""
    seen: set[int] = set()
    patterns: set[str] = set()

    def visit(matches: tuple[Match, ...]) -> None:
        for match in matches:
            if isinstance(match, _NAMELESS) or id(match) in seen:
                continue
            seen.add(id(match))
            match match:
                case InterfaceMatch():
                    patterns.update(match.names)
                case AnyOf():
                    for alternative in match.alternatives:
                        visit(alternative)
                case NoneOf():
                    visit(match.matches)

    for firewall in firewalls:
        for chain in firewall.chains.values():
            for rule in chain.rules:
                visit(rule.matches)
                if rule.action.assign:
                    patterns.update(value.name for _, value in rule.action.assign if isinstance(value, InterfaceName))
    return patterns


def _set_by(firewall: Firewall) -> dict[object, list[object]]:
    found: dict[object, list[object]] = {}
    for chain in firewall.chains.values():
        for rule in chain.rules:
            for target, value in rule.action.assign:
                found.setdefault(target, []).append(value)
    return found


def _assumptions(firewall: Firewall) -> dict[int, tuple[Assumption, ...]]:
    return {
        id(rule): tuple([_about(condition) for condition in conditions])
        for chain in firewall.chains.values()
        for rule in chain.rules
        if (conditions := [match.condition for match in assumed_in(rule.matches)])
    }


def _about(condition: Condition) -> Assumption:
    return condition.assumption or "", condition.span.path if condition.span else ""


def _failing(firewall: Firewall) -> list[tuple[Chain, int, Rule]]:
    return [
        (chain, position, rule)
        for chain in firewall.chains.values()
        for position, rule in enumerate(chain.rules)
        if rule.enabled and any(match.condition.assumed is (not match.expected) for match in assumed_in(rule.matches))
    ]
