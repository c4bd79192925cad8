"""Who decides most: the deciders of a set of packets, by how much of it each decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from operator import attrgetter

from msgspec import Struct

from validator.engine.outcomes import Decider, Outcome
from validator.model import Verb
from validator.packets.fields import Intervals
from validator.packets.nodes import LEAF, Node, branches, children_in
from validator.packets.space import PacketSet, PacketSpace

_rank = attrgetter("rank")


class _Met(Struct):
    """A node of the outcomes, the one of the region met with it, and the share of all packets that meet both."""

    node: Node
    area: Node
    weight: float


def widest(
    outcomes: Node, region: PacketSet, bounds: Mapping[int, Intervals], verbs: tuple[Verb, ...]
) -> list[Decider]:
    """The deciders of the leaves of `outcomes` that `region` reaches within `bounds`.

    Sorted by how many of the region's packets they decide (as a fraction of each field, so that
    widths multiply), then by where they stand.
    """
    weighing = _Weighing(region.space, verbs)
    weighing.walk(outcomes, region.node, bounds)

    def order(decider: Decider) -> tuple[float, str, int]:
        span = decider.rule.span
        return (-_rounded(weighing.weights[id(decider.rule)]), span.path, span.line)

    return sorted(weighing.found.values(), key=order)


class _Weighing:
    """The shares of packets that deciders of `verbs` decide, by the identity of their rules.

    From the top down, level by level: what many nodes lead to is looked at once, with all that reaches it.
    """

    def __init__(self, space: PacketSpace, verbs: tuple[Verb, ...]) -> None:
        self.weights: dict[int, float] = {}
        self.found: dict[int, Decider] = {}
        self._space, self._nothing, self._verbs = space, space.diagrams.false, verbs
        self._waiting: dict[int, dict[tuple[int, int], _Met]] = {}
        self._ranks: list[int] = []
        self._shares: dict[int, float] = {}

    def walk(self, outcomes: Node, region: Node, bounds: Mapping[int, Intervals]) -> None:
        """Follow the two from their roots; at a level of `bounds` the region has no part of its own."""
        self._meet(outcomes, region, 1.0)
        while self._ranks:
            met = self._waiting.pop(heappop(self._ranks)).values()
            level = next(min(each.node, each.area, key=_rank).level for each in met)
            size = self._space.top(level) + 1
            for each in met:
                if level in bounds:
                    assert each.area.level != level, "the region says something of a field that the bounds settle"
                    node = each.node
                    kids = children_in(node, bounds[level]) if node.level == level else [node]
                    for kid in kids:
                        self._meet(kid, each.area, each.weight / len(kids))
                elif each.area.level != level:
                    start = 0
                    for high, kid in zip(each.node.highs, each.node.kids, strict=True):
                        self._meet(kid, each.area, each.weight * (high + 1 - start) / size)
                        start = high + 1
                else:
                    for share, kid, part in _split(each.node, each.area, level, size):
                        self._meet(kid, part, each.weight * share)

    def _meet(self, node: Node, area: Node, weight: float) -> None:
        if area is self._nothing:
            return
        if node.level == LEAF:
            self._decides(node, weight * self._share(area))
            return
        rank = min(node.rank, area.rank)
        pairs = self._waiting.get(rank)
        if pairs is None:
            pairs = self._waiting[rank] = {}
            heappush(self._ranks, rank)
        met = pairs.get((node.uid, area.uid))
        if met is None:
            pairs[node.uid, area.uid] = _Met(node, area, weight)
        else:
            met.weight += weight

    def _share(self, area: Node) -> float:
        """The share of all packets that are in `area`."""
        if area.level == LEAF:
            return float(area is not self._nothing)
        found = self._shares.get(area.uid)
        if found is None:
            size = self._space.top(area.level) + 1
            parts = ((high + 1 - low) / size * self._share(kid) for (low, high), kid in branches(area))
            found = self._shares[area.uid] = sum(parts)
        return found

    def _decides(self, leaf: Node, weight: float) -> None:
        outcome = leaf.value
        assert isinstance(outcome, Outcome)
        if outcome.verb in self._verbs and outcome.decider is not None:
            rule = id(outcome.decider.rule)
            self.found[rule] = outcome.decider
            self.weights[rule] = self.weights.get(rule, 0.0) + weight


def _rounded(weight: float) -> float:
    """`weight` as far as it is exact whatever the order of its sum, so that equal shares are equal."""
    return float(f"{weight:.9e}")


def _split(node: Node, area: Node, level: int, size: int) -> Iterator[tuple[float, Node, Node]]:
    """The pairs of children of two diagrams at `level`, with the share of its `size` values each takes."""
    i = j = start = 0
    one = node.level == level
    while start < size:
        high = min(node.highs[i], area.highs[j]) if one else area.highs[j]
        yield (high - start + 1) / size, node.kids[i] if one else node, area.kids[j]
        i += one and node.highs[i] == high
        j += area.highs[j] == high
        start = high + 1
