"""Diagrams in the place of a diagram's leaves, where they may depend on any levels.

All are followed together from the top down, as one that applies an operation follows two: what is put in place of a
leaf is narrowed on the way to that leaf, so nothing is made that the way would rule out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

from validator.packets.diagram import Diagrams, not_too_deep
from validator.packets.nodes import LEAF, Node, at


def graft(diagrams: Diagrams, a: Node, change: Callable[[Hashable], Node]) -> Node:
    """`a` with each leaf replaced by `change` of its value, of which only what agrees with the way to the leaf counts.

    Raises BudgetError where that takes too many nodes, or is too deep.
    """
    with not_too_deep():
        return _Grafting(diagrams, change).of(a)


class _Grafting:
    """One such replacement."""

    def __init__(self, diagrams: Diagrams, change: Callable[[Hashable], Node]) -> None:
        self._diagrams, self._change = diagrams, change
        self._grafts: dict[int, Node] = {}
        self._below: dict[int, tuple[int, ...]] = {}
        self._made: dict[tuple[int, tuple[int, ...]], Node] = {}

    def of(self, a: Node) -> Node:
        """The diagram made of `a`."""
        self._look(a)
        return self._follow(a, self._grafts)

    def _look(self, a: Node) -> tuple[int, ...]:
        """The leaves below `a` that something else takes the place of, by their numbers."""
        found = self._below.get(a.uid)
        if found is None:
            if a.level == LEAF:
                graft = self._grafts[a.uid] = self._change(a.value)
                found = () if graft is a else (a.uid,)
            else:
                found = tuple(sorted({leaf for kid in a.kids for leaf in self._look(kid)}))
            self._below[a.uid] = found
        return found

    def _follow(self, a: Node, grafts: Mapping[int, Node]) -> Node:
        """`a` with `grafts` in the place of its leaves, by their numbers: what is left of them on this way."""
        leaves = self._below[a.uid]
        if not leaves:
            return a
        if a.level == LEAF:
            return grafts[a.uid]
        own = [grafts[leaf] for leaf in leaves]
        key = (a.uid, tuple([each.uid for each in own]))
        found = self._made.get(key)
        if found is None:
            rank = min(a.rank, min([each.rank for each in own]))
            level = next(each.level for each in (a, *own) if each.rank == rank)
            if any(each.level == level for each in own):
                highs = {high for each in (a, *own) if each.level == level for high in each.highs}
                found = self._split(a, grafts, level, sorted(highs))
            else:
                found = self._diagrams.node(level, a.highs, [self._follow(kid, grafts) for kid in a.kids])
            self._made[key] = found
        return found

    def _split(self, a: Node, grafts: Mapping[int, Node], level: int, highs: list[int]) -> Node:
        """The same, where some of `grafts` depend on `level`."""
        kids = []
        for high in highs:
            kid = at(a, level, high)
            narrowed = {leaf: at(grafts[leaf], level, high) for leaf in self._below[kid.uid]}
            kids.append(self._follow(kid, narrowed))
        return self._diagrams.node(level, highs, kids)
