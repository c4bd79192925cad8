"""Who decides most: the deciders of a set of packets, by how much of it each decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from validator.engine.outcomes import Decider, Outcome
from validator.model import Verb
from validator.packets.fields import Intervals
from validator.packets.nodes import LEAF, Node, children_in
from validator.packets.space import PacketSet


def widest(
    outcomes: Node, region: PacketSet, bounds: Mapping[int, Intervals], verbs: tuple[Verb, ...]
) -> list[Decider]:
    """The deciders of the leaves of `outcomes` that `region` reaches within `bounds`.

    Sorted by how many of the region's packets they decide (as a fraction of each field, so that
    widths multiply), then by where they stand.
    """
    weights: dict[int, float] = {}
    found: dict[int, Decider] = {}
    space = region.space
    memo: dict[tuple[int, int], dict[int, float]] = {}

    def walk(node: Node, area: Node) -> dict[int, float]:
        if area is space.diagrams.false:
            return {}
        if node.level == LEAF:
            return leaf(node)
        key = (node.uid, area.uid)
        if key not in memo:
            total: dict[int, float] = {}
            level = min(node.level, area.level)
            for share, kid, part in _split(node, area, level, bounds, space.top(level) + 1):
                for uid, weight in walk(kid, part).items():
                    total[uid] = total.get(uid, 0.0) + weight * share
            memo[key] = total
        return memo[key]

    def leaf(node: Node) -> dict[int, float]:
        outcome = node.value
        assert isinstance(outcome, Outcome)
        if outcome.verb not in verbs or outcome.decider is None:
            return {}
        found[id(outcome.decider.rule)] = outcome.decider
        return {id(outcome.decider.rule): 1.0}

    weights = walk(outcomes, region.node)

    def order(decider: Decider) -> tuple[float, str, int]:
        span = decider.rule.span
        return (-weights[id(decider.rule)], span.path, span.line)

    return sorted((found[key] for key in weights), key=order)


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
