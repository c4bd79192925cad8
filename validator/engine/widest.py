"""Who decides most: the deciders of a set of packets, by how much of it each decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from validator.engine.outcomes import Decider, Outcome
from validator.model import Verb
from validator.packets.fields import Intervals
from validator.packets.nodes import LEAF, Node, children_in
from validator.packets.space import PacketSet


@dataclass(slots=True)
class _Met:
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
    # From the top down, level by level: what many nodes lead to is looked at once, with all that reaches it.
    weights: dict[int, float] = {}
    found: dict[int, Decider] = {}
    space = region.space
    waiting: dict[int, dict[tuple[int, int], _Met]] = {}
    levels: list[int] = []

    def meet(node: Node, area: Node, weight: float) -> None:
        if area is space.diagrams.false:
            return
        if node.level == LEAF:
            outcome = node.value
            assert isinstance(outcome, Outcome)
            if outcome.verb in verbs and outcome.decider is not None:
                rule = id(outcome.decider.rule)
                found[rule] = outcome.decider
                weights[rule] = weights.get(rule, 0.0) + weight
            return
        level = min(node.level, area.level)
        pairs = waiting.get(level)
        if pairs is None:
            pairs = waiting[level] = {}
            heappush(levels, level)
        met = pairs.get((node.uid, area.uid))
        if met is None:
            pairs[node.uid, area.uid] = _Met(node, area, weight)
        else:
            met.weight += weight

    meet(outcomes, region.node, 1.0)
    while levels:
        level = heappop(levels)
        size = space.top(level) + 1
        for each in waiting.pop(level).values():
            for share, kid, part in _split(each.node, each.area, level, bounds, size):
                meet(kid, part, each.weight * share)

    def order(decider: Decider) -> tuple[float, str, int]:
        span = decider.rule.span
        return (-_rounded(weights[id(decider.rule)]), span.path, span.line)

    return sorted(found.values(), key=order)


def _rounded(weight: float) -> float:
    """`weight` as far as it is exact whatever the order of its sum, so that equal shares are equal."""
    return float(f"{weight:.9e}")


def _split(
    node: Node, area: Node, level: int, bounds: Mapping[int, Intervals], size: int
) -> Iterator[tuple[float, Node, Node]]:
    """The pairs of children of two diagrams at `level`, with the share of its values each takes."""
    if level in bounds:
        kids = children_in(node, bounds[level]) if node.level == level else [node]
        for kid in kids:
            yield 1.0 / len(kids), kid, area
        return
    i = j = start = 0
    one = node.level == level
    two = area.level == level
    while start < size:
        high_a = node.highs[i] if one else size - 1
        high_b = area.highs[j] if two else size - 1
        high = min(high_a, high_b)
        kid = node.kids[i] if one else node
        part = area.kids[j] if two else area
        yield (high - start + 1) / size, kid, part
        i += high_a == high
        j += high_b == high
        start = high + 1
