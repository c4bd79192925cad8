"""Diagrams in the place of leaves: at every point the result is what the leaf there was replaced by, at that point."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from validator.packets.diagram import Diagrams
from validator.packets.grafting import graft
from validator.packets.nodes import LEAF, Node, child, leaf_values, nodes_of

TOP, LEVELS = 3, 3
POINTS = list(itertools.product(range(TOP + 1), repeat=LEVELS))
TABLES = st.lists(st.integers(0, 3), min_size=len(POINTS), max_size=len(POINTS)).map(tuple)
"""The values of a function at all points."""


def built(diagrams: Diagrams, table: tuple[int, ...], prefix: str) -> Node:
    """The diagram of a function: at each level in turn, deepest first, values become a node."""
    order = sorted(range(LEVELS), key=diagrams.rank)

    def below(fixed: dict[int, int]) -> Node:
        if len(fixed) == LEVELS:
            point = tuple(fixed[level] for level in range(LEVELS))
            return diagrams.leaf(f"{prefix}{table[POINTS.index(point)]}")
        level = order[len(fixed)]
        return diagrams.node(level, range(TOP + 1), [below({**fixed, level: value}) for value in range(TOP + 1)])

    return below({})


def value(node: Node, point: tuple[int, ...]) -> object:
    while node.level != LEAF:
        node = child(node, point[node.level])
    return node.value


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(LEVELS)), TABLES, st.lists(TABLES, min_size=2, max_size=2))
def test_a_graft_is_the_leafs_diagram_at_every_point(
    order: list[int], table: tuple[int, ...], grafts: list[tuple[int, ...]]
) -> None:
    diagrams = Diagrams(order=order)
    a = built(diagrams, table, "a")
    in_place = {f"a{number}": built(diagrams, each, f"{number}-") for number, each in enumerate(grafts)}
    found = graft(diagrams, a, lambda leaf: in_place.get(str(leaf)) or diagrams.leaf(leaf))
    for point in POINTS:
        leaf = str(value(a, point))
        expected = value(in_place[leaf], point) if leaf in in_place else leaf
        assert value(found, point) == expected
    ranks = [(node.rank, [kid.rank for kid in node.kids]) for node in nodes_of(found)]
    assert all(rank < kid for rank, kids in ranks for kid in kids)


def test_a_leaf_alone_is_replaced() -> None:
    diagrams = Diagrams()
    assert leaf_values(graft(diagrams, diagrams.leaf("x"), lambda _: diagrams.leaf("y"))) == ["y"]
