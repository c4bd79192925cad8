"""What the rules of firewalls say together, found once for all questions about them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar, cast

from validator.engine.gist import PORTS, Gist, Group, gist
from validator.engine.passing import Targets, led_to, loops, passed, targets
from validator.model import Assigned, Bit, Chain, Condition, FieldMatch, Firewall, Hook, Rule
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import meets

T = TypeVar("T")
Assumption = tuple[str, str]
"""The name of an assumption, and the export that it is about."""


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

    def gist(self, chain: Chain) -> Gist:
        """What the rules of a chain say together."""
        return self._once("gist", chain, lambda: gist(chain))

    def gists(self, firewall: Firewall) -> dict[str, Gist]:
        """That of every chain of a firewall, by name."""
        return self._once(
            "gists", firewall, lambda: {name: self.gist(chain) for name, chain in firewall.chains.items()}
        )

    def meeting(self, chain: Chain, bounds: Mapping[Field, Intervals]) -> list[Group]:
        """The rules of a chain, but for those that ask for a protocol or ports of which none is within `bounds`."""
        asked = {field: bounds[field] for field in PORTS if field in bounds}

        def find() -> list[Group]:
            kept = []
            for group in self.gist(chain).groups:
                for match in group[0]:
                    if isinstance(match, FieldMatch):
                        bound = asked.get(match.field)
                        if bound is not None and not meets(match.intervals, bound):
                            break
                else:
                    kept.append(group)
            return kept

        return self._once(("meeting", *asked.items()), chain, find)

    def patterns(self, firewall: Firewall) -> set[str]:
        """Every interface pattern that the rules of a firewall name."""
        return self._once(
            "patterns", firewall, lambda: {name for each in self.gists(firewall).values() for name in each.patterns}
        )

    def set_values(self, firewall: Firewall, field: Field) -> list[Assigned]:
        """What rules of a firewall set `field` to, one entry a rule that does."""
        every = self._once("set", firewall, lambda: _set_by(self.gists(firewall).values()))
        return every.get(field, [])

    def reachable(self, firewall: Firewall, hook: Hook) -> set[str]:
        """The chains that a packet at `hook` can pass, if it is not translated on the way."""
        return self._once(("reachable", hook), firewall, lambda: self.led_to(firewall, passed(firewall, hook)))

    def led_to(self, firewall: Firewall, roots: Iterable[str]) -> set[str]:
        """The chains that jumps lead to from `roots`, themselves included."""
        from_here = tuple(roots)
        return self._once(("led to", *from_here), firewall, lambda: led_to(self.targets(firewall), from_here))

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

    def loads(self, firewall: Firewall) -> bool:
        """Whether the kernel would load the jumps of a firewall: none goes round, or to a chain that is not there."""

        def find() -> bool:
            found = self.targets(firewall)
            return not self.loop(firewall) and all(name in found for listed in found.values() for name in listed)

        return self._once("loads", firewall, find)

    def assumptions(self, firewall: Firewall) -> dict[int, tuple[Assumption, ...]]:
        """The assumptions that rules stand on, by the identity of the rule, for those that stand on any."""

        def find() -> dict[int, tuple[Assumption, ...]]:
            every = (found for each in self.gists(firewall).values() for found in each.assuming)
            return {id(rule): tuple([_about(match.condition) for match in matches]) for _, rule, matches in every}

        return self._once("assumptions", firewall, find)

    def failing(self, firewall: Firewall) -> list[tuple[Chain, int, Rule]]:
        """The enabled rules that an assumption keeps from matching, wholly or in part, with their chains and positions
        there."""

        def find() -> list[tuple[Chain, int, Rule]]:
            return [
                (firewall.chains[name], position, rule)
                for name, each in self.gists(firewall).items()
                for position, rule, matches in each.assuming
                if rule.enabled and any(match.condition.assumed is (not match.expected) for match in matches)
            ]

        return self._once("failing", firewall, find)


def interface_patterns(firewalls: Iterable[Firewall]) -> set[str]:
    """Every interface pattern that the rules of `firewalls` name."""
    return {name for firewall in firewalls for chain in firewall.chains.values() for name in gist(chain).patterns}


def _set_by(gists: Iterable[Gist]) -> dict[Field | Bit, list[Assigned]]:
    found: dict[Field | Bit, list[Assigned]] = {}
    for each in gists:
        for target, values in each.values.items():
            found.setdefault(target, []).extend(values)
    return found


def _about(condition: Condition) -> Assumption:
    return condition.assumption or "", condition.span.path if condition.span else ""
