"""Sequences that are made when somebody asks, and what leads to what."""

from __future__ import annotations

from validator.deferred import Deferred
from validator.reachability import led_to, turned_round


def test_it_is_made_once_and_only_if_it_must_be() -> None:
    asked: list[int] = []

    def make() -> tuple[str, ...]:
        asked.append(1)
        return ("a", "b", "c")

    found = Deferred(make)
    assert asked == []
    assert (len(found), found[0], found[1:], list(found)) == (3, "a", ("b", "c"), ["a", "b", "c"])
    assert asked == [1]


def test_what_leads_to_what_goes_round_and_to_what_is_not_there() -> None:
    jumps = {"a": ["b", "missing"], "b": ["a"], "c": ["b"], "d": []}
    assert led_to(jumps, ["a"]) == {"a", "b", "missing"}
    assert led_to(jumps, ["d", "nowhere"]) == {"d", "nowhere"}
    assert led_to(turned_round(jumps), ["missing"]) == {"missing", "a", "b", "c"}
