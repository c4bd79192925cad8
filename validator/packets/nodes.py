"""The nodes of interval decision diagrams, and what can be read off them.

Nothing here makes a node; `diagram.py` does, and keeps them unique.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

from msgspec import Struct

from validator.packets.fields import Interval, Intervals

LEAF = 1 << 30
"""The level of leaves: deeper than every other."""


class Node(Struct, eq=False, gc=False):
    """A decision at `level`: child `kids[i]` takes the values up to `highs[i]`, both included. `rank` is how deep its
    level stands.

    A leaf has the level and rank LEAF, no children, and a `value`. Made only by Diagrams.
    """

    level: int
    highs: tuple[int, ...]
    kids: tuple[Node, ...]
    value: Hashable
    uid: int
    rank: int


def fold(parts: list[Node], combine: Callable[[Node, Node], Node]) -> Node:
    """Combine `parts` (at least one) in a balanced way, keeping their order."""
    while len(parts) > 1:
        paired = [combine(parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2)]
        if len(parts) % 2:
            paired.append(parts[-1])
        parts = paired
    return parts[0]


def child(node: Node, value: int) -> Node:
    """The child of an inner node that takes `value`."""
    low, high = 0, len(node.highs) - 1
    while low < high:
        middle = (low + high) // 2
        if node.highs[middle] < value:
            low = middle + 1
        else:
            high = middle
    return node.kids[low]


def at(node: Node, level: int, value: int) -> Node:
    """What `node` does where `level`, its own or a shallower one, has `value`."""
    return child(node, value) if node.level == level else node


def branches(node: Node) -> list[tuple[Interval, Node]]:
    """The intervals of an inner node with their children."""
    lows = [0, *[high + 1 for high in node.highs[:-1]]]
    return [((low, high), kid) for low, high, kid in zip(lows, node.highs, node.kids, strict=True)]


def branches_in(node: Node, ranges: Intervals) -> list[tuple[Interval, Node]]:
    """The intervals of an inner node that hold some value of `ranges`, in order, with their children."""
    result: list[tuple[Interval, Node]] = []
    at = 0
    for interval, kid in branches(node):
        low, high = interval
        while at < len(ranges) and ranges[at][1] < low:
            at += 1
        if at < len(ranges) and ranges[at][0] <= high:
            result.append((interval, kid))
    return result


def children_in(node: Node, ranges: Intervals) -> list[Node]:
    """The children that some value of `ranges` reaches, in order."""
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return [child(node, ranges[0][0])]
    return [kid for _, kid in branches_in(node, ranges)]


def side_by_side(level: int, intervals: Sequence[Interval], nodes: Sequence[Node]) -> tuple[list[int], list[Node]]:
    """Cuts and children at `level`, of nodes that stand at it or deeper, each for its interval."""
    highs: list[int] = []
    kids: list[Node] = []
    for interval, node in zip(intervals, nodes, strict=True):
        if node.level != level:
            highs.append(interval[1])
            kids.append(node)
            continue
        for (_, high), kid in branches_in(node, (interval,)):
            highs.append(min(high, interval[1]))
            kids.append(kid)
    return highs, kids


def nodes_of(a: Node) -> Iterator[Node]:
    """The inner nodes of `a`, each once."""
    seen: set[int] = set()
    todo = [a]
    while todo:
        node = todo.pop()
        if node.uid in seen or node.level == LEAF:
            continue
        seen.add(node.uid)
        yield node
        todo.extend(node.kids)


def leaf_values(a: Node) -> list[Hashable]:
    """What the leaves of `a` carry, each once."""
    if a.level == LEAF:
        return [a.value]
    leaves = {kid.uid: kid.value for node in nodes_of(a) for kid in node.kids if kid.level == LEAF}
    return [leaves[uid] for uid in sorted(leaves)]


def support(a: Node) -> frozenset[int]:
    """The levels that `a` depends on."""
    return frozenset(node.level for node in nodes_of(a))
