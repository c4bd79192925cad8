"""Interval decision diagrams (Gouda and Liu's firewall decision diagrams), hash-consed and reduced.

A node belongs to a level and splits the values 0..top of that level into intervals, each with a
child of a deeper level; a leaf carries any hashable value. Two equal functions are one object, so
equality is identity. Nothing here knows what a level means.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import is_

from validator.errors import BudgetError
from validator.packets.fields import Interval, Intervals
from validator.packets.nodes import LEAF, Node, at, branches, branches_in, child, children_in, fold

BUDGET = 12_000_000
"""How many units (eight a node and one a child) a diagram manager may make before it gives up."""

_TOO_DEEP = "the ruleset depends on more conditions than can be followed"


Shortcut = Callable[[Node, Node], Node | None]
"""The result of a binary operation where it is known without descending, else None."""
Bounds = Mapping[int, Intervals]
"""For each level it speaks about, the values to look at."""


class Diagrams:
    """Makes nodes and keeps them unique. Raises BudgetError when they outgrow `budget` units."""

    def __init__(self, budget: int = BUDGET) -> None:
        self._nodes: dict[tuple[int, tuple[int, ...], tuple[int, ...]], Node] = {}
        self._leaves: dict[Hashable, Node] = {}
        self._memos: dict[Hashable, dict[tuple[int, int], Node]] = {}
        self._choices: dict[tuple[int, int, int], Node] = {}
        self._left = budget
        self._uid = 0
        self.false, self.true = self.leaf(False), self.leaf(True)

    def leaf(self, value: Hashable) -> Node:
        """The leaf that carries `value`."""
        found = self._leaves.get(value)
        if found is None:
            found = self._leaves[value] = Node(LEAF, (), (), value, self._next(8))
        return found

    def _next(self, units: int) -> int:
        self._left -= units
        if self._left < 0:
            raise BudgetError(
                "the ruleset needs more packet-set nodes than the budget allows",
                "split the export, or ask about fewer modules at a time",
            )
        self._uid += 1
        return self._uid

    def node(self, level: int, highs: Sequence[int], kids: Sequence[Node]) -> Node:
        """The reduced node with these cuts; the only child itself where all children are equal."""
        cuts: list[int] = []
        children: list[Node] = []
        last: Node | None = None
        for high, kid in zip(highs, kids, strict=True):
            if kid is last:
                cuts[-1] = high
            else:
                cuts.append(high)
                children.append(kid)
                last = kid
        if len(children) == 1:
            return children[0]
        key = (level, tuple(cuts), tuple([kid.uid for kid in children]))
        found = self._nodes.get(key)
        if found is None:
            found = Node(level, key[1], tuple(children), None, self._next(8 + len(cuts)))
            self._nodes[key] = found
        return found

    def box(self, bounds: Mapping[int, tuple[Intervals, int]], inside: Node, outside: Node) -> Node:
        """`inside` where every level's value is in its intervals, else `outside`.

        `bounds` gives for a level its intervals (normal form) and its top value; `inside` must not
        depend on those levels or on shallower ones, nor may `outside` depend on any.
        """
        result = inside
        for level in sorted(bounds, reverse=True):
            ranges, top = bounds[level]
            highs: list[int] = []
            kids: list[Node] = []
            start = 0
            for low, high in ranges:
                if low > start:
                    highs.append(low - 1)
                    kids.append(outside)
                highs.append(high)
                kids.append(result)
                start = high + 1
            if start <= top:
                highs.append(top)
                kids.append(outside)
            result = self.node(level, highs, kids)
        return result

    # --- binary operations -------------------------------------------------

    def apply(self, name: Hashable, shortcut: Shortcut, a: Node, b: Node) -> Node:
        """Combine two diagrams; `shortcut` must answer for two leaves. Memoised under `name`."""
        memo = self._memos.setdefault(name, {})
        try:
            return self._apply(shortcut, memo, a, b)
        except RecursionError:
            raise BudgetError(_TOO_DEEP, "split the export, or export what is missing") from None

    def _apply(self, shortcut: Shortcut, memo: dict[tuple[int, int], Node], a: Node, b: Node) -> Node:
        known = shortcut(a, b)
        if known is not None:
            return known
        key = (a.uid, b.uid)
        found = memo.get(key)
        if found is not None:
            return found
        if a.level < b.level:
            kids = [self._apply(shortcut, memo, kid, b) for kid in a.kids]
            result = self.node(a.level, a.highs, kids)
        elif b.level < a.level:
            kids = [self._apply(shortcut, memo, a, kid) for kid in b.kids]
            result = self.node(b.level, b.highs, kids)
        else:
            highs, kids = [], []
            i = j = 0
            size_a, size_b = len(a.highs), len(b.highs)
            while i < size_a and j < size_b:
                high_a, high_b = a.highs[i], b.highs[j]
                kids.append(self._apply(shortcut, memo, a.kids[i], b.kids[j]))
                if high_a <= high_b:
                    highs.append(high_a)
                    i += 1
                    if high_a == high_b:
                        j += 1
                else:
                    highs.append(high_b)
                    j += 1
            result = self.node(a.level, highs, kids)
        memo[key] = result
        return result

    def both(self, a: Node, b: Node) -> Node:
        """Conjunction of two yes/no diagrams."""
        return self.apply("and", self._and, a, b)

    def either(self, a: Node, b: Node) -> Node:
        """Disjunction of two yes/no diagrams."""
        return self.apply("or", self._or, a, b)

    def minus(self, a: Node, b: Node) -> Node:
        """`a` and not `b`, of two yes/no diagrams."""
        return self.apply("minus", self._minus, a, b)

    def guard(self, region: Node, inside: Node, outside: Node) -> Node:
        """`inside` where `region` holds, the leaf `outside` elsewhere."""

        def shortcut(a: Node, b: Node) -> Node | None:
            if a is self.true:
                return b
            return outside if a is self.false else None

        return self.apply(("guard", outside.uid), shortcut, region, inside)

    def choose(self, region: Node, inside: Node, outside: Node) -> Node:
        """`inside` where the yes/no diagram `region` holds, `outside` elsewhere; both may be any diagrams."""
        memo = self._choices

        def walk(where: Node, a: Node, b: Node) -> Node:
            if where is self.true or a is b:
                return a
            if where is self.false:
                return b
            key = (where.uid, a.uid, b.uid)
            found = memo.get(key)
            if found is None:
                level = min(where.level, a.level, b.level)
                parts = [part for part in (where, a, b) if part.level == level]
                highs = parts[0].highs if len(parts) == 1 else sorted({high for part in parts for high in part.highs})
                kids = [walk(at(where, level, high), at(a, level, high), at(b, level, high)) for high in highs]
                found = memo[key] = self.node(level, highs, kids)
            return found

        try:
            return walk(region, inside, outside)
        except RecursionError:
            raise BudgetError(_TOO_DEEP, "split the export, or export what is missing") from None

    def _and(self, a: Node, b: Node) -> Node | None:
        if a is self.false or b is self.false:
            return self.false
        if a is self.true or a is b:
            return b
        return a if b is self.true else None

    def _or(self, a: Node, b: Node) -> Node | None:
        if a is self.true or b is self.true:
            return self.true
        if a is self.false or a is b:
            return b
        return a if b is self.false else None

    def _minus(self, a: Node, b: Node) -> Node | None:
        if a is self.false or b is self.true or a is b:
            return self.false
        return a if b is self.false else None

    # --- unary operations --------------------------------------------------

    def map(self, a: Node, change: Callable[[Hashable], Node]) -> Node:
        """The diagram with each leaf replaced by `change` of its value (a leaf, or a diagram on
        deeper levels than all of `a`)."""
        memo: dict[int, Node] = {}

        def walk(node: Node) -> Node:
            found = memo.get(node.uid)
            if found is None:
                if node.level == LEAF:
                    found = change(node.value)
                else:
                    found = self._with_kids(node, [walk(kid) for kid in node.kids])
                memo[node.uid] = found
            return found

        return walk(a)

    def _with_kids(self, node: Node, kids: list[Node]) -> Node:
        """`node` with other children; the same where they are the same."""
        return node if all(map(is_, kids, node.kids)) else self.node(node.level, node.highs, kids)

    def fix(self, a: Node, values: Mapping[int, int]) -> Node:
        """`a` with each level in `values` replaced by its value (cofactor, assignment)."""
        memo: dict[int, Node] = {}
        deepest = max(values, default=-1)

        def walk(node: Node) -> Node:
            if node.level > deepest:
                return node
            found = memo.get(node.uid)
            if found is None:
                value = values.get(node.level)
                if value is not None:
                    found = walk(child(node, value))
                else:
                    found = self._with_kids(node, [walk(kid) for kid in node.kids])
                memo[node.uid] = found
            return found

        return walk(a)

    def replace(self, a: Node, values: Mapping[int, Callable[[Sequence[tuple[Interval, Node]]], Node]]) -> Node:
        """`a` with what it does at each level of `values` made anew: the function is given the intervals of
        that level with what is below them, and may answer with a diagram over any levels."""
        memo: dict[int, Node] = {}
        deepest = max(values, default=-1)

        def walk(node: Node) -> Node:
            if node.level > deepest:
                return node
            found = memo.get(node.uid)
            if found is None:
                ways = [(interval, walk(kid)) for interval, kid in branches(node)]
                make = values.get(node.level)
                found = memo[node.uid] = make(ways) if make else self.switch(node.level, ways)
            return found

        return walk(a)

    def switch(self, level: int, ways: Sequence[tuple[Interval, Node]]) -> Node:
        """The diagram that goes each of `ways` where the value at `level` is in its interval. The intervals cover
        the level's values in order; what is below may depend on any levels."""
        memo: dict[tuple[Node, ...], Node] = {}

        def build(nodes: tuple[Node, ...]) -> Node:
            found = memo.get(nodes)
            if found is None:
                highest = min(node.level for node in nodes)
                if highest >= level:
                    highs, kids = self._flat(level, [interval for interval, _ in ways], nodes)
                else:
                    cuts = {high for node in nodes if node.level == highest for high in node.highs}
                    highs = sorted(cuts)
                    kids = [build(tuple([at(node, highest, high) for node in nodes])) for high in highs]
                found = memo[nodes] = self.node(min(highest, level), highs, kids)
            return found

        nodes = tuple([kid for _, kid in ways])
        return nodes[0] if all(node is nodes[0] for node in nodes) else build(nodes)

    def _flat(self, level: int, intervals: Sequence[Interval], nodes: Sequence[Node]) -> tuple[list[int], list[Node]]:
        """Cuts and children at `level`, of nodes that stand at it or deeper, each for its interval."""
        highs: list[int] = []
        kids: list[Node] = []
        for interval, node in zip(intervals, nodes, strict=True):
            if node.level > level:
                highs.append(interval[1])
                kids.append(node)
                continue
            for (_, high), kid in branches_in(node, (interval,)):
                highs.append(min(high, interval[1]))
                kids.append(kid)
        return highs, kids

    def graft(self, a: Node, change: Callable[[Hashable], Node]) -> Node:
        """The diagram with each leaf replaced by `change` of its value: a diagram over any levels, of which only
        what agrees with the way to the leaf counts."""
        memo: dict[int, Node] = {}

        def walk(node: Node) -> Node:
            found = memo.get(node.uid)
            if found is None:
                if node.level == LEAF:
                    found = change(node.value)
                else:
                    found = self.switch(node.level, [(interval, walk(kid)) for interval, kid in branches(node)])
                memo[node.uid] = found
            return found

        return walk(a)

    def quantify(self, a: Node, bounds: Bounds, combine: Callable[[Node, Node], Node]) -> Node:
        """Fold away the levels of `bounds`, looking only at the values given, with `combine`
        (`both`: for all, `either`: exists). The intervals must not be empty."""
        memo: dict[int, Node] = {}
        deepest = max(bounds, default=-1)

        def walk(node: Node) -> Node:
            if node.level > deepest:
                return node
            found = memo.get(node.uid)
            if found is None:
                ranges = bounds.get(node.level)
                if ranges is None:
                    found = self.node(node.level, node.highs, [walk(kid) for kid in node.kids])
                else:
                    parts = {id(part): part for part in map(walk, children_in(node, ranges))}
                    found = fold(list(parts.values()), combine)
                memo[node.uid] = found
            return found

        return walk(a)

    def size(self) -> int:
        """How many nodes exist."""
        return len(self._nodes) + len(self._leaves)
