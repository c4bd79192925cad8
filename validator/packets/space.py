"""Packet sets: yes/no interval diagrams over the header fields, with the algebra of sets.

A PacketSpace is one address family with the interface names and conditions that occur; its sets
are immutable, and equal sets are one object.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from validator.packets.diagram import BUDGET, Diagrams
from validator.packets.fields import Family, Field, Intervals, top
from validator.packets.intervals import complement, normalise
from validator.packets.nodes import LEAF, Node, branches, child, support

_LAST = "\U0010ffff"
BY_DESTINATION = (
    *(Field.ALTERNATIVE, Field.OUT_INTERFACE, Field.DESTINATION, Field.MAC, Field.IN_INTERFACE, Field.SOURCE),
    *(field for field in Field if field > Field.DESTINATION),
)
"""The order of fields where many rules look up a destination and translate it; docs/decisions/0001-field-order.md."""
FIRST_CONDITION = len(Field)
"""The level of the first condition; conditions come after all header fields."""


class Interfaces:
    """Numbers for interface names, so that a name and a prefix (`eth+`) are both intervals.

    Every name that occurs has a number, and so has "any other name" of every prefix that occurs
    and of the empty prefix. Number 0 is the empty name: no interface.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        names, prefixes = {""}, {""}
        for pattern in patterns:
            if pattern.endswith("+"):
                prefixes.add(pattern[:-1])
            else:
                names.add(pattern)
        self._atoms = sorted(names | {prefix + _LAST for prefix in prefixes})
        self._number = {atom: number for number, atom in enumerate(self._atoms)}
        self.top = len(self._atoms) - 1

    def intervals(self, patterns: Iterable[str], negated: bool = False) -> Intervals:
        """The numbers that one of `patterns` matches; every pattern must have been given before."""
        ranges = []
        for pattern in patterns:
            if pattern.endswith("+"):
                prefix = pattern[:-1]
                last = self._number[prefix + _LAST]
                first = next(n for n, atom in enumerate(self._atoms) if atom.startswith(prefix))
                ranges.append((first, last))
            else:
                ranges.append((self._number[pattern], self._number[pattern]))
        found = normalise(ranges)
        return complement(found, self.top) if negated else found

    def number(self, name: str) -> int:
        """The number that stands for `name`, which may be one that does not occur."""
        if name in self._number:
            return self._number[name]
        return max(
            (n for n, atom in enumerate(self._atoms) if atom.endswith(_LAST) and name.startswith(atom[:-1])),
            key=lambda n: len(self._atoms[n]),
        )

    def describe(self, ranges: Intervals) -> list[str]:
        """The patterns for the numbers in `ranges`: names, `eth+` for other names so prefixed."""
        atoms = [self._atoms[n] for low, high in ranges for n in range(low, high + 1)]
        return [atom[:-1] + "+" if atom.endswith(_LAST) else atom for atom in atoms]

    def example(self, number: int) -> str:
        """A concrete name that has `number`."""
        atom = self._atoms[number]
        if not atom.endswith(_LAST):
            return atom
        for stem in ("eth", "if", "port", "x"):
            for count in range(len(self._atoms) + 1):
                name = f"{atom[:-1]}{count}" if atom != _LAST and stem == "x" else f"{atom[:-1]}{stem}{count}"
                if self.number(name) == number:
                    return name
        return atom[:-1] + "?"


class PacketSet:
    """A set of packets; `&`, `|`, `-`, `~`, `<=`, `==` and truth (not empty) are the set's own.

    Operands must come from one space.
    """

    __slots__ = ("node", "space")

    def __init__(self, space: PacketSpace, node: Node) -> None:
        self.space, self.node = space, node

    def _of(self, node: Node) -> PacketSet:
        return PacketSet(self.space, node)

    def __and__(self, other: PacketSet) -> PacketSet:
        return self._of(self.space.diagrams.both(self.node, other.node))

    def __or__(self, other: PacketSet) -> PacketSet:
        return self._of(self.space.diagrams.either(self.node, other.node))

    def __sub__(self, other: PacketSet) -> PacketSet:
        return self._of(self.space.diagrams.minus(self.node, other.node))

    def __invert__(self) -> PacketSet:
        return self.space.everything - self

    def __le__(self, other: PacketSet) -> bool:
        return not self - other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PacketSet) and self.node is other.node

    def __hash__(self) -> int:
        return hash(self.node.uid)

    def __bool__(self) -> bool:
        return self.node is not self.space.diagrams.false

    def exists(self, levels: Mapping[int, Intervals]) -> PacketSet:
        """The packets for which some value (of those given) at each level leads into the set."""
        diagrams = self.space.diagrams
        return self._of(diagrams.quantify(self.node, levels, diagrams.either))

    def forall(self, levels: Mapping[int, Intervals]) -> PacketSet:
        """The packets for which every value (of those given) at each level leads into the set."""
        diagrams = self.space.diagrams
        return self._of(diagrams.quantify(self.node, levels, diagrams.both))

    def assign(self, values: Mapping[int, int]) -> PacketSet:
        """The packets that are in the set once each level has been set to its value."""
        return self._of(self.space.diagrams.fix(self.node, values))

    def contains(self, values: Mapping[int, int]) -> bool:
        """Whether the packet with these values by level (0 where missing) is in the set."""
        node = self.node
        while node.level != LEAF:
            node = child(node, values.get(node.level, 0))
        return node.value is True

    def levels(self) -> frozenset[int]:
        """The levels the set depends on."""
        return support(self.node)

    def pick(self, prefer: Mapping[int, Intervals] | None = None) -> dict[int, int] | None:
        """One packet of the set, as values of the levels it depends on; None where it is empty.

        `prefer` gives for a level the values to take if the set allows one of them.
        """
        if not self:
            return None
        return self.space.pick(self.node, prefer or {})

    def count(self) -> int:
        """How many packets are in the set, over all fields and all conditions of the space."""
        return self.space.count(self.node)

    def boxes(self, limit: int | None = None) -> Iterator[dict[int, Intervals]]:
        """Disjoint boxes that cover the set; a level that is missing takes every value."""
        yield from islice(_paths(self.node), limit)


class PacketSpace:
    """The packets of one family. `interfaces` are the interface patterns that will be asked about; `order` is that of
    the fields in the diagrams: usually that of Field, but see BY_DESTINATION."""

    def __init__(
        self,
        family: Family,
        interfaces: Iterable[str] = (),
        budget: int = BUDGET,
        order: Sequence[Field] = tuple(Field),
    ) -> None:
        self.family = family
        self.interfaces = Interfaces(interfaces)
        self.diagrams = Diagrams(budget, order)
        self._conditions: dict[Hashable, int] = {}
        self._ranges: list[Intervals] = []
        self.everything = PacketSet(self, self.diagrams.true)
        self.nothing = PacketSet(self, self.diagrams.false)
        self._tops = [
            self.interfaces.top if field in (Field.IN_INTERFACE, Field.OUT_INTERFACE) else top(field, family)
            for field in Field
        ]

    def top(self, level: int) -> int:
        """The largest value at `level`; 1 for a condition."""
        return self._tops[level]

    def condition(self, key: Hashable, ranges: Intervals = ((0, 1),), top: int = 1) -> int:
        """The level of the condition with this key; the same key is the same level.

        A condition is 0 or 1. A choice of more is a condition too: one of `ranges`, in a level of values up to `top`.
        """
        level = self._conditions.get(key)
        if level is None:
            level = self._conditions[key] = FIRST_CONDITION + len(self._conditions)
            self._ranges.append(ranges)
            self._tops.append(top)
        return level

    def conditions(self) -> dict[int, Hashable]:
        """The conditions met so far: level and key."""
        return {level: key for key, level in self._conditions.items()}

    def values(self, level: int) -> Intervals:
        """The values that a condition can have."""
        return self._ranges[level - FIRST_CONDITION]

    def box(self, bounds: Mapping[int, Intervals]) -> PacketSet:
        """The packets whose value at every given level is in its intervals (normal form)."""
        if any(not ranges for ranges in bounds.values()):
            return self.nothing
        full = {level: (ranges, self.top(level)) for level, ranges in bounds.items()}
        return PacketSet(self, self.diagrams.box(full, self.diagrams.true, self.diagrams.false))

    def count(self, node: Node) -> int:
        """The number of packets for which `node` is true."""
        last = FIRST_CONDITION + len(self._conditions)
        below = [1] * (last + 1)
        for level in sorted(range(last), key=self.diagrams.rank, reverse=True):
            rank = self.diagrams.rank(level)
            below[rank] = below[rank + 1] * (self.top(level) + 1)
        memo: dict[int, int] = {}

        def walk(at: Node) -> int:
            """Packets over the levels from that of `at` down."""
            if at.level == LEAF:
                return 1 if at.value is True else 0
            found = memo.get(at.uid)
            if found is None:
                found = 0
                for (low, high), kid in branches(at):
                    found += (high - low + 1) * walk(kid) * (below[at.rank + 1] // below[min(kid.rank, last)])
                memo[at.uid] = found
            return found

        return walk(node) * (below[0] // below[min(node.rank, last)])

    def pick(self, node: Node, prefer: Mapping[int, Intervals]) -> dict[int, int]:
        """One packet for which `node`, which is not false, is true; see PacketSet.pick."""
        values: dict[int, int] = {}
        while node.level != LEAF:
            open_ways = [(low, high, kid) for (low, high), kid in branches(node) if kid is not self.diagrams.false]
            liked = (
                (max(low, first), kid)
                for first, last in prefer.get(node.level, ())
                for low, high, kid in open_ways
                if first <= high and last >= low
            )
            values[node.level], node = next(liked, (open_ways[0][0], open_ways[0][2]))
        return values


def _paths(node: Node) -> Iterator[dict[int, Intervals]]:
    if node.level == LEAF:
        if node.value is True:
            yield {}
        return
    ranges: dict[int, list[tuple[int, int]]] = {}
    kids: dict[int, Node] = {}
    for interval, kid in branches(node):
        ranges.setdefault(kid.uid, []).append(interval)
        kids[kid.uid] = kid
    for uid, kid in kids.items():
        for rest in _paths(kid):
            yield {node.level: normalise(ranges[uid]), **rest}
