"""Packet sets against brute force, by hand-picked cases that a person can follow."""

from __future__ import annotations

import itertools

import pytest

from validator.errors import BudgetError
from validator.packets.diagram import Diagrams
from validator.packets.fields import Family, Field
from validator.packets.intervals import complement, contains, intersect, meets, normalise
from validator.packets.nodes import fold
from validator.packets.space import Interfaces, PacketSpace

TYPE, CODE, STATE = int(Field.ICMP_TYPE), int(Field.ICMP_CODE), int(Field.STATE)


def space() -> PacketSpace:
    return PacketSpace(Family.IPV4, ["eth0", "eth+", "lo"])


def test_normalise_sorts_merges_and_drops_empty_ranges() -> None:
    assert normalise([(5, 9), (1, 2), (3, 4), (8, 3)]) == ((1, 9),)


def test_intervals_agree_with_sets() -> None:
    samples = [normalise(pairs) for pairs in itertools.combinations([(0, 1), (3, 3), (4, 6), (9, 9)], 2)]
    for a, b in itertools.product(samples, samples):
        values_a, values_b = ({v for v in range(11) if contains(r, v)} for r in (a, b))
        assert {v for v in range(11) if contains(intersect(a, b), v)} == values_a & values_b
        assert {v for v in range(11) if contains(complement(a, 10), v)} == set(range(11)) - values_a
        assert meets(a, b) == bool(values_a & values_b)


def test_equal_sets_are_one_object() -> None:
    s = space()
    low, high = s.box({TYPE: ((0, 3),)}), s.box({TYPE: ((4, 255),)})
    assert (low | high) == s.everything
    assert (low & high) == s.nothing
    assert ~low == high
    assert (s.everything - low).node is high.node


def test_quantifiers_look_only_at_the_values_given() -> None:
    s = space()
    diagonal = s.nothing
    for value in range(3):
        diagonal = diagonal | s.box({TYPE: ((value, value),), CODE: ((0, value),)})
    assert diagonal.exists({CODE: ((1, 2),)}) == s.box({TYPE: ((1, 2),)})
    assert diagonal.forall({CODE: ((0, 1),)}) == s.box({TYPE: ((1, 2),)})
    assert diagonal.forall({CODE: ((0, 255),)}) == s.nothing


def test_assigning_a_field_makes_the_set_independent_of_it() -> None:
    s = space()
    new = s.box({STATE: ((0, 0),), TYPE: ((8, 8),)})
    assert new.assign({STATE: 0}) == s.box({TYPE: ((8, 8),)})
    assert not new.assign({STATE: 4})


def test_conditions_with_one_key_are_one_variable() -> None:
    s = space()
    level = s.condition("set blocked")
    assert s.condition("set blocked") == level
    yes, no = s.box({level: ((1, 1),)}), s.box({level: ((0, 0),)})
    assert (yes | no) == s.everything


def test_count_pick_and_boxes_describe_the_same_set() -> None:
    s = space()
    odd = s.box({TYPE: ((1, 2), (7, 9)), STATE: ((1, 1), (3, 4))})
    rest = ~odd
    assert odd.count() + rest.count() == s.everything.count()
    assert odd.count() * 256 * 5 == s.everything.count() * 5 * 3
    picked = odd.pick({TYPE: ((8, 8),)})
    assert picked is not None
    assert picked[TYPE] == 8
    assert odd.contains(picked)
    covered = s.nothing
    for box in odd.boxes():
        assert not covered & s.box(box)
        covered = covered | s.box(box)
    assert covered == odd
    assert s.nothing.pick() is None


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("eth0", "eth0", True),
        ("eth0", "eth1", False),
        ("eth+", "eth1", True),
        ("eth+", "wlan0", False),
        ("+", "anything", True),
        ("+", "", True),
        ("eth+", "", False),
        ("eth", "eth", True),
    ],
)
def test_interface_patterns(pattern: str, name: str, expected: bool) -> None:
    interfaces = Interfaces(["eth0", "eth+", "+", "eth"])
    assert contains(interfaces.intervals([pattern]), interfaces.number(name)) is expected


def test_interface_examples_have_the_number_they_stand_for() -> None:
    interfaces = Interfaces(["eth0", "eth+", "eth01", "lo", "if0", "x"])
    for number in range(1, interfaces.top + 1):
        assert interfaces.number(interfaces.example(number)) == number


def test_a_budget_stops_instead_of_answering_wrongly() -> None:
    diagrams = Diagrams(budget=200)
    with pytest.raises(BudgetError, match="budget"):
        fold(
            [
                diagrams.box({TYPE: (((n, n),), 255), CODE: (((n, n),), 255)}, diagrams.true, diagrams.false)
                for n in range(50)
            ],
            diagrams.either,
        )
