"""Interval decision diagrams (Gouda and Liu's firewall decision diagrams), hash-consed and reduced.

A node belongs to a level and splits the values 0..top of that level into intervals, each with a
child of a deeper level; a leaf carries any hashable value. Two equal functions are one object, so
equality is identity. Nothing here knows what a level means; which of two is the deeper one is said when a manager
is made.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter

from validator.errors import BudgetError
from validator.packets.fields import Interval, Intervals
from validator.packets.nodes import LEAF, Node, at, branches, child, children_in, fold, side_by_side

BUDGET = 12_000_000
"""How many units (eight a node and one a child) a diagram manager may make before it gives up."""

_TOO_DEEP = "the ruleset depends on more conditions than can be followed"


Shortcut = Callable[[Node, Node], Node | None]
"""The result of a binary operation where it is known without descending, else None."""
Change = Callable[[Hashable], Node]
Combining = Callable[[Node, Node], Node]
Making = Callable[[Sequence[tuple[Interval, Node]]], Node]
Bounds = Mapping[int, Intervals]
"""For each level it speaks about, the values to look at."""

_rank = attrgetter("rank")


@contextmanager
def not_too_deep() -> Iterator[None]:
    """What is done inside raises BudgetError where it would go too deep."""
    try:
        yield
    except RecursionError:
        raise BudgetError(_TOO_DEEP, "split the export, or export what is missing") from None


class Diagrams:
    """Makes nodes and keeps them unique. Raises BudgetError when they outgrow `budget` units.

    `order` are the first levels, 0 to some number, the deepest last; those that it does not name stand behind them in
    the order of their numbers.
    """

    def __init__(self, budget: int = BUDGET, order: Sequence[int] = ()) -> None:
        self._ranks = {level: rank for rank, level in enumerate(order)}
        self._nodes: dict[tuple[int, tuple[int, ...], tuple[Node, ...]], Node] = {}
        self._leaves: dict[Hashable, Node] = {}
        self._memos: dict[Hashable, dict[tuple[int, int], Node]] = {}
        self._choices: dict[tuple[int, int, int], Node] = {}
        self._left = budget
        self._uid = 0
        self.false, self.true = self.leaf(False), self.leaf(True)

    def rank(self, level: int) -> int:
        """How deep a level stands."""
        return self._ranks.get(level, level)

    def leaf(self, value: Hashable) -> Node:
        """The leaf that carries `value`."""
        found = self._leaves.get(value)
        if found is None:
            found = self._leaves[value] = Node(LEAF, (), (), value, self._next(8), LEAF)
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
        return self._unique(level, tuple(cuts), tuple(children))

    def _with_kids(self, a: Node, kids: list[Node]) -> Node:
        """`a` with other children: itself, where they are its own."""
        return a if tuple(kids) == a.kids else self.node(a.level, a.highs, kids)

    def _unique(self, level: int, cuts: tuple[int, ...], children: tuple[Node, ...]) -> Node:
        """The one node with these cuts, of which no two neighbours lead to the same child."""
        key = (level, cuts, children)
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = Node(level, cuts, children, None, self._next(8 + len(cuts)), self.rank(level))
        return found

    def box(self, bounds: Mapping[int, tuple[Intervals, int]], inside: Node, outside: Node) -> Node:
        """`inside` where every level's value is in its intervals, else `outside`.

        `bounds` gives for a level its intervals (normal form) and its top value; `inside` must not
        depend on those levels or on shallower ones, nor may `outside` depend on any.
        """
        result = inside
        for level in sorted(bounds, key=self.rank, reverse=True):
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
        with not_too_deep():
            return self._apply(shortcut, memo, a, b)

    def _apply(self, shortcut: Shortcut, memo: dict[tuple[int, int], Node], a: Node, b: Node) -> Node:
        known = shortcut(a, b)
        if known is not None:
            return known
        key = (a.uid, b.uid)
        found = memo.get(key)
        if found is not None:
            return found
        if a.rank < b.rank:
            kids = [self._apply(shortcut, memo, kid, b) for kid in a.kids]
            result = self.node(a.level, a.highs, kids)
        elif b.rank < a.rank:
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

    def override(self, a: Node, b: Node, on: Node) -> Node:
        """`a`, with `b` in the place of its leaf `on`."""
        with not_too_deep():
            return self._override(a, b, on, self._memos.setdefault(("override", on.uid), {}))

    def _override(self, a: Node, b: Node, on: Node, memo: dict[tuple[int, int], Node]) -> Node:
        if a is on:
            return b
        if b is on or a.level == LEAF:
            return a
        key = (a.uid, b.uid)
        found = memo.get(key)
        if found is not None:
            return found
        if a.rank < b.rank:
            found = self.node(a.level, a.highs, [self._override(kid, b, on, memo) for kid in a.kids])
        elif b.rank < a.rank:
            found = self.node(b.level, b.highs, [self._override(a, kid, on, memo) for kid in b.kids])
        else:
            highs: list[int] = []
            kids: list[Node] = []
            last: Node | None = None
            i = j = 0
            size_a, size_b = len(a.highs), len(b.highs)
            while i < size_a and j < size_b:
                high_a, high_b = a.highs[i], b.highs[j]
                one, two = a.kids[i], b.kids[j]
                if one is on:
                    kid = two
                elif two is on or one.level == LEAF:
                    kid = one
                else:
                    kid = self._override(one, two, on, memo)
                if high_a <= high_b:
                    high = high_a
                    i += 1
                    if high_a == high_b:
                        j += 1
                else:
                    high = high_b
                    j += 1
                if kid is last:
                    highs[-1] = high
                else:
                    highs.append(high)
                    kids.append(kid)
                    last = kid
            found = kids[0] if len(kids) == 1 else self._unique(a.level, tuple(highs), tuple(kids))
        memo[key] = found
        return found

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
        with not_too_deep():
            return self._choose(region, inside, outside)

    def _choose(self, where: Node, a: Node, b: Node) -> Node:
        if where is self.true or a is b:
            return a
        if where is self.false:
            return b
        key = (where.uid, a.uid, b.uid)
        found = self._choices.get(key)
        if found is None:
            rank = min(where.rank, a.rank, b.rank)
            parts = [part for part in (where, a, b) if part.rank == rank]
            level = parts[0].level
            highs = parts[0].highs if len(parts) == 1 else sorted({high for part in parts for high in part.highs})
            kids = [self._choose(at(where, level, high), at(a, level, high), at(b, level, high)) for high in highs]
            found = self._choices[key] = self.node(level, highs, kids)
        return found

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
    # Methods with a memo handed on, not closures: a function that refers to itself keeps what it holds
    # until garbage is looked for.

    def map(self, a: Node, change: Change) -> Node:
        """The diagram with each leaf replaced by `change` of its value (a leaf, or a diagram on
        deeper levels than all of `a`)."""
        return self._map(a, change, {})

    def _map(self, a: Node, change: Change, memo: dict[int, Node]) -> Node:
        found = memo.get(a.uid)
        if found is None:
            if a.level == LEAF:
                found = change(a.value)
            else:
                found = self._with_kids(a, [self._map(kid, change, memo) for kid in a.kids])
            memo[a.uid] = found
        return found

    def _deepest(self, levels: Iterable[int]) -> int:
        """The rank of the deepest of `levels`, -1 where there are none."""
        return max(map(self.rank, levels), default=-1)

    def fix(self, a: Node, values: Mapping[int, int]) -> Node:
        """`a` with each level in `values` replaced by its value (cofactor, assignment)."""
        return self._fix(a, values, self._deepest(values), {})

    def _fix(self, a: Node, values: Mapping[int, int], deepest: int, memo: dict[int, Node]) -> Node:
        if a.rank > deepest:
            return a
        found = memo.get(a.uid)
        if found is None:
            value = values.get(a.level)
            if value is not None:
                found = self._fix(child(a, value), values, deepest, memo)
            else:
                found = self._with_kids(a, [self._fix(kid, values, deepest, memo) for kid in a.kids])
            memo[a.uid] = found
        return found

    def replace(self, a: Node, values: Mapping[int, Making]) -> Node:
        """`a` with what it does at each level of `values` made anew: the function is given the intervals of
        that level with what is below them, and may answer with a diagram over any levels."""
        return self._replace(a, values, self._deepest(values), {})

    def _replace(self, a: Node, values: Mapping[int, Making], deepest: int, memo: dict[int, Node]) -> Node:
        if a.rank > deepest:
            return a
        found = memo.get(a.uid)
        if found is None:
            ways = [(interval, self._replace(kid, values, deepest, memo)) for interval, kid in branches(a)]
            make = values.get(a.level)
            found = memo[a.uid] = make(ways) if make else self.switch(a.level, ways)
        return found

    def switch(self, level: int, ways: Sequence[tuple[Interval, Node]]) -> Node:
        """The diagram that goes each of `ways` where the value at `level` is in its interval. The intervals cover
        the level's values in order; what is below may depend on any levels."""
        nodes = tuple([kid for _, kid in ways])
        if all(node is nodes[0] for node in nodes):
            return nodes[0]
        return self._switch(level, [interval for interval, _ in ways], nodes, {})

    def _switch(
        self,
        level: int,
        intervals: Sequence[Interval],
        nodes: tuple[Node, ...],
        memo: dict[tuple[Node, ...], Node],
    ) -> Node:
        first = min(nodes, key=_rank)
        if first.rank >= self.rank(level):
            return self.node(level, *side_by_side(level, intervals, nodes))
        highest = first.level
        found = memo.get(nodes)
        if found is None:
            highs = sorted({high for node in nodes if node.level == highest for high in node.highs})
            kids = [
                self._switch(level, intervals, tuple([at(node, highest, high) for node in nodes]), memo)
                for high in highs
            ]
            found = memo[nodes] = self.node(highest, highs, kids)
        return found

    def quantify(self, a: Node, bounds: Bounds, combine: Combining) -> Node:
        """Fold away the levels of `bounds`, looking only at the values given, with `combine`
        (`both`: for all, `either`: exists). The intervals must not be empty."""
        return self._quantify(a, bounds, combine, self._deepest(bounds), {})

    def _quantify(self, a: Node, bounds: Bounds, combine: Combining, deepest: int, memo: dict[int, Node]) -> Node:
        if a.rank > deepest:
            return a
        found = memo.get(a.uid)
        if found is None:
            ranges = bounds.get(a.level)
            if ranges is None:
                found = self._with_kids(a, [self._quantify(kid, bounds, combine, deepest, memo) for kid in a.kids])
            else:
                parts = {kid.uid: kid for kid in children_in(a, ranges)}
                folded = {
                    part.uid: part
                    for part in [self._quantify(kid, bounds, combine, deepest, memo) for kid in parts.values()]
                }
                found = fold(list(folded.values()), combine)
            memo[a.uid] = found
        return found

    def size(self) -> int:
        """How many nodes exist."""
        return len(self._nodes) + len(self._leaves)
