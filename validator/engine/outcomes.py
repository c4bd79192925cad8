"""What becomes of packets: the leaves of an evaluated firewall, and how one list of rules follows another.

A list of rules is a diagram whose leaves are Outcomes. A second list takes the place of those leaves of the
first that go on to it; where such a leaf has set fields, the second sees them set.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Mapping, Sequence

from msgspec import Struct

from validator.model import TRANSLATED_TO, Chain, Firewall, Rule, Verb
from validator.packets.diagram import Diagrams
from validator.packets.fields import Interval
from validator.packets.grafting import graft
from validator.packets.nodes import LEAF, Node, leaf_values, nodes_of


class Decider(Struct, frozen=True, eq=False, gc=False):
    """The rule that ended a packet's walk, and where; compared by identity."""

    rule: Rule
    firewall: Firewall
    chain: Chain

    @property
    def is_policy(self) -> bool:
        """Whether it is the chain's policy, not one of its rules."""
        return self.rule is self.chain.policy

    @property
    def rank(self) -> tuple[int, int]:
        """How much it tells a reader that this decided; see `_telling`."""
        translates = any(each in TRANSLATED_TO for each, _ in self.rule.action.assign)
        if self.rule.implicit or (self.chain.first_packets and not translates):
            return (0, 0)
        return (1, len(self.chain.rules)) if self.is_policy else (2, 0)


class CopyOf(Struct, frozen=True):
    """The value (0 or 1) of another level, or the opposite."""

    level: int
    inverted: bool = False


class Free(Struct, frozen=True):
    """The value of a level of choices, which nobody can tell."""

    level: int


Set = int | CopyOf | Free
Assign = tuple[tuple[int, Set], ...]
"""What was set on the way, by level, each in terms of the values at the beginning; sorted."""


class Outcome(Struct, frozen=True, gc=False):
    """A leaf: what became of the packet, who decided it, and what was set on the way."""

    verb: Verb
    decider: Decider | None = None
    assign: Assign = ()


ON = Outcome(Verb.CONTINUE)
BACK = Outcome(Verb.RETURN)
ENDS = (Verb.ACCEPT, Verb.DELIVER, Verb.DROP, Verb.REJECT)


class Ending(Struct, frozen=True):
    """How a way ends that nothing follows: what becomes of its outcomes, and of its rules, of which it is known what
    packets are at the beginning. `rules` must come to the same on two lists as on the two in a row."""

    outcome: Callable[[Outcome], Outcome]
    rules: Callable[[Node], Node] = lambda node: node


Following = Callable[[Assign], Node]
"""The rules that follow, for packets of which these values were set (they are not yet told to them)."""


def after(first: Assign, second: Assign) -> Assign:
    """What is set after `first` and then `second` were."""
    if not first or not second:
        return first or second
    told = dict(first)
    result = dict(first)
    for level, value in second:
        result[level] = _copied(value, told.get(value.level)) if isinstance(value, CopyOf) else value
    return tuple(sorted(result.items(), key=lambda entry: entry[0]))


def set_after(told: dict[int, Set], level: int, value: Set) -> None:
    """Set one level more, after those that are `told`."""
    told[level] = _copied(value, told.get(value.level)) if isinstance(value, CopyOf) else value


def _copied(copy: CopyOf, source: Set | None) -> Set:
    """The value of a copy whose source was set before."""
    match source:
        case None:
            return copy
        case int():
            return int(bool(source) is not copy.inverted)
        case CopyOf():
            return CopyOf(source.level, source.inverted is not copy.inverted)
        case Free():
            return CopyOf(source.level, copy.inverted)


class Composer:
    """Puts lists of rules one after the other, in one manager of diagrams."""

    def __init__(self, diagrams: Diagrams) -> None:
        self._diagrams = diagrams
        self._accepted = diagrams.leaf(Outcome(Verb.ACCEPT))
        self._cuts: dict[int, dict[int, list[int]]] = {}
        self._substituted: dict[Hashable, Node] = {}
        self.assigns = False
        """Whether any rule so far sets something; nothing is put aside while none does."""
        self.delivers = False
        """Whether any outcome so far is DELIVER."""
        self.returns = False
        """Whether any outcome so far is RETURN."""

    def leaf(self, outcome: Outcome) -> Node:
        """The leaf of an outcome."""
        return self._diagrams.leaf(outcome)

    def map(self, function: Node, change: Callable[[Outcome], Outcome]) -> Node:
        """`function` with each outcome changed."""

        def changed(value: object) -> Node:
            assert isinstance(value, Outcome)
            return self._diagrams.leaf(change(value))

        return self._diagrams.map(function, changed)

    def compose(self, first: Node, second: Node) -> Node:
        """Two lists of rules of one chain: what is still going after the first meets the second."""
        return self._sequence(first, lambda _: second, "rules")

    def then(self, first: Node, second: Node | Following, ending: Ending | None = None) -> Node:
        """Two base chains in a row: what the first accepts meets the second. With `ending` nothing that follows
        asks what was set, and `first` is as its `rules` make it."""
        if second is self._accepted and not ending:
            return first
        return self._sequence(first, second if callable(second) else lambda _: second, "chains", ending)

    def across(self, first: Node, second: Node | Following) -> Node:
        """Two firewalls in a row: what the first accepts meets the second, and the last one that decides is named."""
        if second is self._accepted:
            return first
        return self._sequence(first, second if callable(second) else lambda _: second, "firewalls")

    def both(self, first: Node, second: Node) -> Node:
        """Two functions that accept everything, with what each of them says is set (not the same)."""

        def shortcut(a: Node, b: Node) -> Node | None:
            if a.level != LEAF or b.level != LEAF:
                return None
            assert isinstance(a.value, Outcome)
            assert isinstance(b.value, Outcome)
            assign = sorted((*a.value.assign, *b.value.assign), key=lambda entry: entry[0])
            return self._diagrams.leaf(Outcome(Verb.ACCEPT, None, tuple(assign)))

        return self._diagrams.apply("both", shortcut, first, second)

    def delivered(self, function: Node) -> Node:
        """`function` at the end of all chains: a packet that later ones were not to see has been accepted."""
        return self.map(function, _delivered) if self.delivers else function

    def _sequence(self, first: Node, second: Following, what: str, ending: Ending | None = None) -> Node:
        """`second` in the place of the leaves of `first` that go on to it.

        Where such a leaf has set something, that must be set before `second` looks at it: each gets a `second` of
        its own.
        """
        verb = Verb.CONTINUE if what == "rules" else Verb.ACCEPT
        set_before: dict[Assign, None] = {}
        if self.assigns:
            outcomes = [value for value in leaf_values(first) if isinstance(value, Outcome)]
            set_before = dict.fromkeys(each.assign for each in outcomes if each.verb is verb and each.assign)
        if not set_before:
            if ending is None:
                return self._place(first, second(()), what)
            placed = self._place(first, ending.rules(second(())), what)
            return self.map(placed, ending.outcome) if self.assigns or self.delivers else placed
        if ending is None:
            told = {assign: self.told(second(assign), assign) for assign in set_before}
            told[()] = second(())
        else:
            told = {assign: ending.rules(self._alike(second(assign), assign)) for assign in set_before}
            told[()] = ending.rules(second(()))
        merge = _MERGES[what]

        def following(value: Hashable) -> Node:
            assert isinstance(value, Outcome)
            if value.verb is not verb:
                return self._diagrams.leaf(ending.outcome(value) if ending else value)
            after_it = told[value.assign]
            if merge is None:
                return after_it
            if ending is None:
                return self.map(after_it, lambda outcome: merge(value, outcome))
            return self.map(after_it, lambda outcome: ending.outcome(merge(value, outcome)))

        return graft(self._diagrams, first, following)

    def _place(self, first: Node, second: Node, what: str) -> Node:
        """`second` in the place of the leaves of `first` that go on to it and set nothing."""
        if what == "rules":  # only ON goes on: what has set something is put aside
            return self._diagrams.override(first, second, self._diagrams.leaf(ON))
        merge = _MERGES[what]
        merged: dict[tuple[int, int], Node] = {}

        def both_accept(a: Node, value: Outcome, b: Node) -> Node:
            if value.decider is None:
                return b  # whatever is merged with it
            found = merged.get((a.uid, b.uid))
            if found is None:
                found = merged[a.uid, b.uid] = self.map(b, lambda outcome: merge(value, outcome)) if merge else b
            return found

        def shortcut(a: Node, b: Node) -> Node | None:
            if a.level != LEAF:
                return None
            value = a.value
            if not isinstance(value, Outcome) or value.verb is not Verb.ACCEPT:
                return a
            return both_accept(a, value, b)

        return self._diagrams.apply(("place", what), shortcut, first, second)

    # --- what was set ------------------------------------------------------

    def told(self, function: Node, assign: Assign) -> Node:
        """`function` for packets of which `assign` was set before it, with leaves that remember that."""

        def remember(outcome: Outcome) -> Outcome:
            return Outcome(outcome.verb, outcome.decider, after(assign, outcome.assign))

        return self.map(self._alike(function, assign), remember)

    def _alike(self, function: Node, assign: Assign) -> Node:
        """`substituted`, once for all values that `function` does not tell apart."""
        cuts = self._cuts_of(function)
        told = tuple(
            (level, bisect_left(cuts[level], value) if isinstance(value, int) else value)
            for level, value in assign
            if level in cuts
        )
        key = (function.uid, told)
        if key not in self._substituted:
            self._substituted[key] = self.substituted(function, assign)
        return self._substituted[key]

    def _cuts_of(self, function: Node) -> dict[int, list[int]]:
        """The levels that `function` depends on, with all the values up to which it may do the same."""
        found = self._cuts.get(function.uid)
        if found is None:
            highs: dict[int, set[int]] = {}
            for node in nodes_of(function):
                highs.setdefault(node.level, set()).update(node.highs)
            found = self._cuts[function.uid] = {level: sorted(values) for level, values in highs.items()}
        return found

    def substituted(self, function: Node, assign: Assign) -> Node:
        """`function` where the levels of `assign` have the values it gives them."""
        fixed = {level: value for level, value in assign if isinstance(value, int)}
        others = {level: self._other(value) for level, value in assign if not isinstance(value, int)}
        # What refers to a level must do so before that level itself is fixed: all at once, then.
        if not others:
            return self._diagrams.fix(function, fixed)
        constants = {level: _constant(value) for level, value in fixed.items()}
        return self._diagrams.replace(function, {**others, **constants})

    def _other(self, value: Set) -> Callable[[Sequence[tuple[Interval, Node]]], Node]:
        """How a diagram reads a level whose value is that of another level."""
        assert isinstance(value, CopyOf | Free)

        def make(ways: Sequence[tuple[Interval, Node]]) -> Node:
            if isinstance(value, CopyOf) and value.inverted:
                low, high = ways[0][1], ways[-1][1]
                return self._diagrams.switch(value.level, [((0, 0), high), ((1, 1), low)])
            return self._diagrams.switch(value.level, ways)

        return make


def _constant(value: int) -> Callable[[Sequence[tuple[Interval, Node]]], Node]:
    def make(ways: Sequence[tuple[Interval, Node]]) -> Node:
        return next(kid for (low, high), kid in ways if low <= value <= high)

    return make


def ended(outcome: Outcome) -> Outcome:
    """An outcome at the end of all chains: it does not say what was set, and what later chains were not to see has been
    accepted."""
    if outcome.verb is Verb.DELIVER:
        return Outcome(Verb.ACCEPT, outcome.decider)
    return Outcome(outcome.verb, outcome.decider) if outcome.assign else outcome


def _delivered(outcome: Outcome) -> Outcome:
    return Outcome(Verb.ACCEPT, outcome.decider, outcome.assign) if outcome.verb is Verb.DELIVER else outcome


def _last(first: Outcome, second: Outcome) -> Outcome:
    """Of two firewalls that both accept, the decider of the second, if it has one."""
    if second.verb is Verb.ACCEPT and second.decider is None:
        return Outcome(Verb.ACCEPT, first.decider, second.assign)
    return second


def _telling(first: Outcome, second: Outcome) -> Outcome:
    """Of two base chains that both accept, the outcome with the decider that tells a reader more: a rule before a
    policy, the later of two rules, the policy of the chain with more rules; of a nat chain, only a translation."""
    if second.verb is not Verb.ACCEPT or first.decider is None:
        return second
    if second.decider is None or first.decider.rank > second.decider.rank:
        return Outcome(Verb.ACCEPT, first.decider, second.assign)
    return second


_MERGES: Mapping[str, Callable[[Outcome, Outcome], Outcome] | None] = {
    "rules": None,
    "chains": _telling,
    "firewalls": _last,
}
"""For two things in a row, the outcome that is kept of two that accept."""
