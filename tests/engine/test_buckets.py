"""Things found by the values that they ask for: none is missed, none comes twice, and what is far away is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from validator.engine.buckets import Buckets
from validator.packets.fields import Intervals
from validator.packets.intervals import intersect, meets, normalise

PAIRS = st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair)))
RANGES: st.SearchStrategy[Intervals] = st.lists(PAIRS, min_size=1, max_size=4).map(normalise)


@given(RANGES, RANGES, st.lists(st.none() | RANGES, max_size=12))
def test_what_meets_the_values_asked_is_near(
    whole: Intervals, asked: Intervals, things: list[Intervals | None]
) -> None:
    asked = intersect(whole, asked)
    near = Buckets(whole, [(each, number) for number, each in enumerate(things)]).near(asked)
    assert list(near) == sorted(set(near))
    assert {number for number, each in enumerate(things) if each is None or meets(each, asked)} <= set(near)
    touched = tuple(part for part in whole if meets((part,), asked))
    assert all((each := things[number]) is None or meets(each, touched) for number in near)
