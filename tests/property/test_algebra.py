"""The algebra of packet sets, held to membership packet by packet and to z3, an independent library."""

from __future__ import annotations

from typing import Any

import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import contains, normalise
from validator.packets.space import BY_DESTINATION, PacketSet, PacketSpace

LEVELS = (int(Field.SOURCE), int(Field.DESTINATION), int(Field.DESTINATION_PORT))
CONDITIONS = ("a", "b")
Tree = tuple[Any, ...]
"""("box", {position: intervals}), ("and"|"or"|"minus", Tree, Tree), ("not", Tree)."""


def _ranges(top: int) -> st.SearchStrategy[Intervals]:
    value = st.integers(0, top)
    pair = st.tuples(value, value).map(lambda ends: (min(ends), max(ends)))
    return st.lists(pair, min_size=1, max_size=3).map(normalise)


TOPS = ((1 << 32) - 1, (1 << 32) - 1, 65535, 1, 1)
SPACES = st.sampled_from((tuple(Field), BY_DESTINATION)).map(lambda order: PacketSpace(Family.IPV4, order=order))
BOXES = st.fixed_dictionaries({}, optional={n: _ranges(top) for n, top in enumerate(TOPS)}).map(lambda b: ("box", b))
TREES: st.SearchStrategy[Tree] = st.recursive(
    BOXES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or", "minus"]), inner, inner), inner.map(lambda tree: ("not", tree))
    ),
    max_leaves=8,
)


def levels(space: PacketSpace) -> tuple[int, ...]:
    return (*LEVELS, *(space.condition(key) for key in CONDITIONS))


def build(space: PacketSpace, tree: Tree) -> PacketSet:
    """The tree as a packet set."""
    match tree:
        case ("box", dict() as bounds):
            return space.box({levels(space)[n]: ranges for n, ranges in bounds.items()})
        case ("and", left, right):
            return build(space, left) & build(space, right)
        case ("or", left, right):
            return build(space, left) | build(space, right)
        case ("minus", left, right):
            return build(space, left) - build(space, right)
        case (_, inner):
            return ~build(space, inner)
    raise AssertionError(tree)


def formula(tree: Tree, names: list[z3.ArithRef]) -> z3.BoolRef:
    """The tree as a formula of z3 over integers."""
    match tree:
        case ("box", dict() as bounds):
            return z3.And([_inside(names[n], ranges) for n, ranges in bounds.items()])
        case ("and", left, right):
            return z3.And(formula(left, names), formula(right, names))
        case ("or", left, right):
            return z3.Or(formula(left, names), formula(right, names))
        case ("minus", left, right):
            return z3.And(formula(left, names), z3.Not(formula(right, names)))
        case (_, inner):
            return z3.Not(formula(inner, names))
    raise AssertionError(tree)


def _inside(name: z3.ArithRef, ranges: Intervals) -> z3.BoolRef:
    return z3.Or([z3.And(name >= low, name <= high) for low, high in ranges])


def domain(names: list[z3.ArithRef]) -> z3.BoolRef:
    return z3.And([z3.And(name >= 0, name <= top) for name, top in zip(names, TOPS, strict=True)])


def of_boxes(found: PacketSet, names: list[z3.ArithRef]) -> z3.BoolRef:
    """A packet set as a formula, read off the boxes it lists."""
    by_level = dict(zip(levels(found.space), names, strict=True))
    return z3.Or([z3.And([_inside(by_level[level], ranges) for level, ranges in box.items()]) for box in found.boxes()])


def same(left: z3.BoolRef, right: z3.BoolRef, names: list[z3.ArithRef]) -> bool:
    solver = z3.Solver()
    solver.add(domain(names), z3.Xor(left, right))
    return bool(solver.check() == z3.unsat)


NAMES = [z3.Int(name) for name in ("source", "destination", "port", *CONDITIONS)]


@settings(max_examples=80, deadline=None)
@given(SPACES, TREES)
def test_the_boxes_of_an_expression_are_what_z3_says(space: PacketSpace, tree: Tree) -> None:
    found = build(space, tree)
    assert same(of_boxes(found, NAMES), formula(tree, NAMES), NAMES)


@settings(max_examples=60, deadline=None)
@given(SPACES, TREES, TREES)
def test_equality_and_inclusion_are_those_of_z3(space: PacketSpace, one: Tree, other: Tree) -> None:
    left, right = build(space, one), build(space, other)
    assert (left == right) == same(formula(one, NAMES), formula(other, NAMES), NAMES)
    solver = z3.Solver()
    solver.add(domain(NAMES), formula(one, NAMES), z3.Not(formula(other, NAMES)))
    assert (left <= right) == (solver.check() == z3.unsat)


@settings(max_examples=60, deadline=None)
@given(SPACES, TREES, st.sampled_from(range(len(TOPS))), st.data())
def test_quantifiers_are_those_of_z3(space: PacketSpace, tree: Tree, position: int, data: st.DataObject) -> None:
    found = build(space, tree)
    ranges = data.draw(_ranges(TOPS[position]))
    level = levels(space)[position]
    name = NAMES[position]
    inside = _inside(name, ranges)
    some = z3.Exists([name], z3.And(inside, formula(tree, NAMES)))
    every = z3.ForAll([name], z3.Implies(inside, formula(tree, NAMES)))
    assert same(of_boxes(found.exists({level: ranges}), NAMES), some, NAMES)
    assert same(of_boxes(found.forall({level: ranges}), NAMES), every, NAMES)


@settings(max_examples=150, deadline=None)
@given(SPACES, TREES, st.data())
def test_membership_assignment_picking_and_counting_agree(space: PacketSpace, tree: Tree, data: st.DataObject) -> None:
    found = build(space, tree)
    packet = {level: data.draw(st.integers(0, top)) for level, top in zip(levels(space), TOPS, strict=True)}
    assert found.contains(packet) == holds(tree, list(packet.values()))
    position = data.draw(st.sampled_from(range(len(TOPS))))
    level, value = levels(space)[position], data.draw(st.integers(0, TOPS[position]))
    assert found.assign({level: value}).contains(packet) == found.contains({**packet, level: value})
    picked = found.pick({level: ((value, value),)})
    assert (picked is None) == (not found)
    if picked is not None:
        assert found.contains({**packet, **picked})
        if found & space.box({level: ((value, value),)}) == found and level in picked:
            assert picked[level] == value
    everything = space.everything.count()
    assert found.count() + (~found).count() == everything
    other = space.box({level: ((value, TOPS[position]),)})
    assert (found | other).count() == found.count() + other.count() - (found & other).count()


def holds(tree: Tree, values: list[int]) -> bool:
    """Whether the packet with these values is in the tree's set, said directly."""
    match tree:
        case ("box", dict() as bounds):
            return all(contains(ranges, values[n]) for n, ranges in bounds.items())
        case ("and", left, right):
            return holds(left, values) and holds(right, values)
        case ("or", left, right):
            return holds(left, values) or holds(right, values)
        case ("minus", left, right):
            return holds(left, values) and not holds(right, values)
        case (_, inner):
            return not holds(inner, values)
    raise AssertionError(tree)
