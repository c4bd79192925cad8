"""What the rules of firewalls say together, found once for all questions about them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar, cast

from validator.engine.gist import PORTS, Gist, Group, gist, groups
from validator.engine.passing import Targets, led_to, loops, passed, targets
from validator.model import Assigned, Chain, FieldMatch, Firewall, Hook
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import meets

T = TypeVar("T")


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

    def gist(self, firewall: Firewall) -> Gist:
        """What the rules of a firewall say together."""
        return self._once("gist", firewall, lambda: gist(firewall.chains.values()))

    def groups(self, chain: Chain) -> list[Group]:
        """The rules of a chain by what they ask of protocol and ports."""
        return self._once("groups", chain, lambda: groups(chain))

    def meeting(self, chain: Chain, bounds: Mapping[Field, Intervals]) -> list[Group]:
        """The rules of a chain, but for those that ask for a protocol or ports of which none is within `bounds`."""
        asked = {field: bounds[field] for field in PORTS if field in bounds}

        def find() -> list[Group]:
            kept = []
            for group in self.groups(chain):
                for match in group[0]:
                    if isinstance(match, FieldMatch):
                        bound = asked.get(match.field)
                        if bound is not None and not meets(match.intervals, bound):
                            break
                else:
                    kept.append(group)
            return kept

        return self._once(("meeting", *asked.items()), chain, find)

    def patterns(self, firewall: Firewall) -> frozenset[str]:
        """Every interface pattern that the rules of a firewall name."""
        return self.gist(firewall).patterns

    def set_values(self, firewall: Firewall, field: Field) -> Sequence[Assigned]:
        """What rules of a firewall set `field` to, one entry a rule that does."""
        return self.gist(firewall).values.get(field, ())

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


def interface_patterns(firewalls: Iterable[Firewall]) -> set[str]:
    """Every interface pattern that the rules of `firewalls` name."""
    return {name for firewall in firewalls for name in gist(firewall.chains.values()).patterns}
