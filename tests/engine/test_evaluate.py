"""Hooks as diagrams: the cases of netfilter's walk that go wrong most easily."""

from __future__ import annotations

import pytest

from tests.build import chain, dport, firewall, given, in_interface, proto, rule, source, state
from validator.engine.evaluate import Evaluator, Outcome, interface_patterns
from validator.model import Action, Firewall, Hook, Rule, Verb
from validator.packets.fields import Field, State
from validator.packets.nodes import LEAF, child
from validator.packets.space import PacketSpace
from validator.source import Span


def answer(wall: Firewall, **values: int | str) -> tuple[str, int]:
    """Verb and deciding line for a packet at the input hook; fields by name, conditions as c_NAME."""
    space = PacketSpace(wall.family, interface_patterns([wall]) | {"lo"})
    evaluator = Evaluator(space, {})
    node = evaluator.hook(wall, Hook.INPUT)
    levels: dict[int, int] = {}
    for name, value in values.items():
        if name.startswith("c_"):
            levels[space.condition(name[2:])] = int(value)
        elif isinstance(value, str):
            levels[int(Field[name.upper()])] = space.interfaces.number(value)
        else:
            levels[int(Field[name.upper()])] = value
    while node.level != LEAF:
        node = child(node, levels.get(node.level, 0))
    outcome = node.value
    assert isinstance(outcome, Outcome)
    return outcome.verb.value, outcome.decider.rule.span.line if outcome.decider else 0


def test_the_first_rule_that_matches_decides() -> None:
    wall = firewall(
        chain("in", rule(1, "accept", dport(80)), rule(2, "drop", dport(79, 81)), policy="accept"), input="in"
    )
    assert answer(wall, destination_port=80) == ("accept", 1)
    assert answer(wall, destination_port=81) == ("drop", 2)
    assert answer(wall, destination_port=82) == ("accept", 902)


def test_return_goes_to_the_caller_and_from_a_base_chain_to_the_policy() -> None:
    wall = firewall(
        chain("in", rule(1, "jump user"), rule(2, "return", dport(1)), rule(3, "accept"), policy="drop"),
        chain("user", rule(4, "return", dport(80)), rule(5, "drop", dport(80, 90))),
        input="in",
    )
    assert answer(wall, destination_port=80) == ("accept", 3)
    assert answer(wall, destination_port=85) == ("drop", 5)
    assert answer(wall, destination_port=1) == ("drop", 902)


def test_goto_does_not_come_back() -> None:
    wall = firewall(
        chain("in", rule(1, "jump mid"), rule(2, "accept"), policy="drop"),
        chain("mid", rule(3, "goto end"), rule(4, "drop")),
        chain("end", rule(5, "drop", dport(80))),
        input="in",
    )
    assert answer(wall, destination_port=80) == ("drop", 5)
    assert answer(wall, destination_port=81) == ("accept", 2)


def test_every_base_chain_must_accept_and_the_telling_one_is_blamed() -> None:
    wall = firewall(
        chain("raw", rule(1, "drop", dport(7)), policy="accept"),
        chain("filter", rule(2, "accept", dport(7, 8)), policy="drop"),
        chain("mangle", policy="accept"),
        input="raw filter mangle",
    )
    assert answer(wall, destination_port=7) == ("drop", 1)
    assert answer(wall, destination_port=8) == ("accept", 2)
    assert answer(wall, destination_port=9) == ("drop", 906)


def test_a_field_set_on_the_way_holds_in_later_chains() -> None:
    notrack = Rule((dport(53),), Action(Verb.CONTINUE, assign=((Field.STATE, State.UNTRACKED),)), Span("x", 1, ""))
    wall = firewall(
        chain("raw", rule(9, "jump marks"), policy="accept"),
        chain("marks", notrack),
        chain("filter", rule(2, "accept", state(State.UNTRACKED)), policy="drop"),
        input="raw filter",
    )
    assert answer(wall, destination_port=53, state=State.NEW) == ("accept", 2)
    assert answer(wall, destination_port=54, state=State.NEW)[0] == "drop"


def test_a_rule_that_is_disabled_or_needs_what_is_assumed_away_never_matches() -> None:
    wall = firewall(
        chain(
            "in",
            rule(1, "accept", enabled=False),
            rule(2, "drop", given("above the limit", assumed=False)),
            rule(3, "drop", given("secret"), dport(80)),
            policy="accept",
        ),
        input="in",
    )
    assert answer(wall, destination_port=80, c_secret=0) == ("accept", 902)
    assert answer(wall, destination_port=80, c_secret=1) == ("drop", 3)


def test_a_packet_without_the_interface_matches_a_negated_name() -> None:
    wall = firewall(chain("in", rule(1, "accept", in_interface("eth0", negated=True)), policy="drop"), input="in")
    assert answer(wall, in_interface="") == ("accept", 1)
    assert answer(wall, in_interface="eth0")[0] == "drop"
    assert answer(wall, in_interface="eth7") == ("accept", 1)


@pytest.mark.parametrize("jump", ["jump in", "jump gone"])
def test_a_loop_or_a_missing_chain_leaves_the_outcome_open(jump: str) -> None:
    wall = firewall(chain("in", rule(1, jump, proto(6)), policy="drop"), input="in")
    space = PacketSpace(wall.family, {"lo"})
    evaluator = Evaluator(space, {})
    node = evaluator.hook(wall, Hook.INPUT)
    assert len(evaluator.conditions) == 1
    verbs = {answer(wall, protocol=6)[0]}
    assert verbs == {"drop"}
    assert node.level < LEAF


def test_a_loop_is_open_wherever_it_is_entered() -> None:
    wall = firewall(
        chain("one", rule(1, "jump a", dport(80)), policy="accept"),
        chain("two", rule(2, "jump b"), policy="accept"),
        chain("a", rule(3, "jump b")),
        chain("b", rule(4, "jump a")),
        input="one two",
    )
    assert answer(wall, destination_port=80) == ("drop", 3)
    assert answer(wall, destination_port=81) == ("drop", 4)
    loops = {f"c_loop of jumps at {name} (host)": 1 for name in "ab"}
    assert answer(wall, destination_port=80, **loops) == ("accept", 4)


def test_the_slice_keeps_only_rules_that_a_packet_of_interest_can_meet() -> None:
    rules = [rule(n, "accept", proto(6), dport(n)) for n in range(1, 100)]
    wall = firewall(chain("in", *rules, rule(100, "drop", source(1, 2)), policy="drop"), input="in")
    evaluator = Evaluator(PacketSpace(wall.family), {Field.DESTINATION_PORT: ((80, 81),)})
    kept = evaluator.slice_of(wall.chains["in"])
    assert [each.span.line for each in kept] == [80, 81, 100]
