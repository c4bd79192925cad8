"""Which rules count for some packets, and which of those decide."""

from __future__ import annotations

import pytest

from tests.build import chain, dport, firewall, given, proto, rule
from validator.engine.connection import Crossing, Path
from validator.engine.evaluate import Evaluator
from validator.model import Chain, Hook, Match
from validator.packets.fields import TCP, UDP, Field
from validator.packets.space import PacketSpace

BOUNDS = {Field.PROTOCOL: ((TCP, TCP),), Field.DESTINATION_PORT: ((80, 80),)}


def lines(wall: Chain) -> tuple[list[int], list[int]]:
    """The lines of the rules that count for TCP to port 80, and of those that decide."""
    whole = firewall(wall, input=wall.name)
    evaluator = Evaluator(PacketSpace(whole.family, set()), BOUNDS)
    counting, deciding = evaluator.slice_of(wall), evaluator.deciding(wall)
    return [each.span.line for each in counting], [each.span.line for each in deciding]


def test_rules_of_other_packets_do_not_count() -> None:
    found = lines(chain("in", rule(1, "drop", proto(UDP)), rule(2, "drop", dport(81)), rule(3, "accept", dport(80))))
    assert found == ([3], [3])


def test_nothing_counts_behind_a_rule_that_takes_all() -> None:
    assert lines(chain("in", rule(1, "drop", proto(TCP), dport(1, 90)), rule(2, "accept"))) == ([1], [1])


def test_nothing_decides_behind_a_rule_that_takes_all_where_what_is_assumed_holds() -> None:
    takes_all = rule(2, "accept", proto(TCP), given("usual", assumed=True))
    found = chain("in", rule(1, "drop", given("open")), takes_all, rule(3, "drop"), rule(4, "accept"))
    assert lines(found) == ([1, 2, 3], [1, 2])


@pytest.mark.parametrize(
    ("match", "counting", "deciding"),
    [
        (given("open"), [1, 2], [1, 2]),
        (given("usual", expected=False, assumed=False), [1, 2], [1]),
        (given("unusual", assumed=False), [2], [2]),
    ],
)
def test_whether_a_rule_on_a_condition_takes_all_is_told_by_what_is_assumed(
    match: Match, counting: list[int], deciding: list[int]
) -> None:
    assert lines(chain("in", rule(1, "accept", match), rule(2, "drop"))) == (counting, deciding)


def assuming(path: Path, protocol: int) -> list[tuple[bool, int]]:
    """The lines of the rules that stand on an assumption and count, with whether replies pass them."""
    found = [(mirrored, rule) for mirrored, rules in path.assuming(protocol, ((80, 80),)) for rule in rules]
    return list(dict.fromkeys((mirrored, rule.span.line) for mirrored, rule in found if path.assumptions_of(rule)))


def test_what_is_assumed_behind_a_rule_that_takes_all_for_certain_is_not_named() -> None:
    wall = chain("in", rule(1, "accept", proto(TCP)), rule(2, "drop", given("b", assumed=False)))
    path = Path((Crossing(firewall(wall, input="in"), Hook.INPUT),), ((80, 80),))
    assert assuming(path, TCP) == []
    assert assuming(path, UDP) == [(False, 2)]
    assert path.every_assumption == {("normal-load", "x")}


def test_what_is_assumed_behind_a_rule_that_takes_all_is_still_named() -> None:
    wall = chain("in", rule(1, "accept", given("a", assumed=True)), rule(2, "drop", given("b", assumed=True)))
    path = Path((Crossing(firewall(wall, input="in"), Hook.INPUT),), ((80, 80),))
    assert assuming(path, TCP) == [(False, 1), (False, 2)]
