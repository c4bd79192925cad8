"""Translated connections: the filter sees the new destination, and replies are judged as they come from there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.build import chain, dport, firewall, in_interface, proto, rule, sport, state
from validator.engine import way
from validator.engine.connection import Crossing, Path
from validator.engine.judgement import Judgement
from validator.engine.legs import EPHEMERAL
from validator.model import (
    Action,
    AnyInterface,
    Assignment,
    Bit,
    BitMatch,
    Chain,
    Choice,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    InterfaceName,
    Match,
    Rule,
    Verb,
)
from validator.packets.fields import TCP, Field, Intervals, State
from validator.source import Span

PORT: Intervals = ((80, 80),)


@pytest.fixture(autouse=True, params=["usual order", "by destination"])
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is judged with either order of the fields."""
    monkeypatch.setattr(way, "MANY_TRANSLATIONS", 1000 if request.param == "usual order" else -1)


HOST, CONTAINER = 10, 99
REGION: dict[int, Intervals] = {
    Field.SOURCE: ((1 << 24, (127 << 24) - 1),),
    Field.DESTINATION: ((HOST, HOST),),
    Field.DESTINATION_PORT: PORT,
    Field.SOURCE_PORT: EPHEMERAL,
}
DNAT, HERE = Bit("dnat"), Bit("local-destination")
KNOWN = rule(1, "accept", state(State.ESTABLISHED))
TO_CONTAINER: tuple[Assignment, ...] = (
    (DNAT, 1),
    (Field.DESTINATION, CONTAINER),
    (Field.DESTINATION_PORT, 8080),
    (HERE, 0),
    (Field.OUT_INTERFACE, InterfaceName("docker0")),
)
REDIRECT: tuple[Assignment, ...] = ((DNAT, 1), (Field.DESTINATION_PORT, 8080), (HERE, 1))


def to(value: int) -> Match:
    return FieldMatch(Field.DESTINATION, ((value, value),))


def out(name: str) -> Match:
    return InterfaceMatch(Field.OUT_INTERFACE, (name,))


def nat(name: str, *assign: Assignment) -> Chain:
    translated = Rule((proto(TCP), dport(80)), Action(Verb.ACCEPT, assign=assign), Span("x", 50, "line 50"))
    return replace(chain(name, translated, policy="accept"), first_packets=True)


def published(*assign: Assignment, forward: tuple[Rule, ...] = (), inputs: tuple[Rule, ...] = ()) -> Judgement:
    """A host that drops all but known connections and these rules, and translates port 80 at PREROUTING."""
    wall = firewall(
        nat("nat", *assign),
        chain("in", KNOWN, *inputs, policy="drop"),
        chain("fwd", KNOWN, *forward, policy="drop"),
        chain("out", KNOWN, policy="drop"),
        prerouting="nat",
        input="in",
        forward="fwd",
        output="out",
    )
    return judged(wall)


def judged(wall: Firewall, hook: Hook = Hook.INPUT) -> Judgement:
    path = Path((Crossing(wall, hook),), PORT)
    return Judgement(path, TCP, PORT, path.space.box(REGION))


def test_a_published_port_passes_forward_with_the_containers_port_and_never_input() -> None:
    through = published(*TO_CONTAINER, forward=(rule(2, "accept", out("docker0"), to(CONTAINER), dport(8080)),))
    assert through.surely == through.region
    assert not published(*TO_CONTAINER, inputs=(rule(2, "accept"),)).possibly
    assert not published(*TO_CONTAINER, forward=(rule(2, "accept", dport(80)),)).possibly


def test_a_redirected_port_passes_input_with_the_new_port() -> None:
    through = published(*REDIRECT, inputs=(rule(2, "accept", dport(8080)),))
    assert through.surely == through.region
    assert not published(*REDIRECT, inputs=(rule(2, "accept", dport(80)),)).possibly


def test_a_rule_can_ask_whether_a_packet_was_translated() -> None:
    through = published(*REDIRECT, inputs=(rule(2, "accept", BitMatch(DNAT)),))
    assert through.surely == through.region


def test_where_nobody_knows_the_way_out_the_result_hangs_on_it() -> None:
    way = AnyInterface(Condition("way", "which interface leads to the container"))
    somewhere = (*TO_CONTAINER[:-1], (Field.OUT_INTERFACE, way))
    through = published(*somewhere, forward=(rule(2, "accept", out("docker0")),))
    assert through.possibly == through.region
    assert not through.surely
    assert [each.key for each in through.open_conditions()] == ["way"]


def test_where_nobody_knows_whether_the_address_is_here_both_ways_must_pass() -> None:
    either = (*TO_CONTAINER[:-2], (HERE, Choice(Condition("here", "here"), ((0, 1),))), TO_CONTAINER[-1])
    one = published(*either, forward=(rule(2, "accept"),))
    both = published(*either, forward=(rule(2, "accept"),), inputs=(rule(3, "accept"),))
    assert one.possibly
    assert not one.surely
    assert both.surely == both.region


def stateless(reply_from: int) -> Firewall:
    """A router without state: requests to the container, replies from one of its ports."""
    return firewall(
        nat("nat", *TO_CONTAINER),
        chain(
            "fwd", rule(2, "accept", to(CONTAINER), dport(8080)), rule(3, "accept", sport(reply_from)), policy="drop"
        ),
        prerouting="nat",
        forward="fwd",
    )


def test_replies_are_seen_with_the_translated_source() -> None:
    through = judged(stateless(8080))
    assert through.surely == through.region
    assert not judged(stateless(80)).possibly


def test_replies_of_an_untranslated_host_leave_by_output() -> None:
    wall = firewall(
        nat("nat"),
        chain("in", rule(1, "accept")),
        chain("out", rule(2, "accept", sport(80)), policy="drop"),
        prerouting="nat",
        input="in",
        output="out",
    )
    through = judged(wall)
    assert through.surely == through.region


def test_an_outbound_connection_is_filtered_by_its_new_destination() -> None:
    def wall(port: int) -> Firewall:
        return firewall(
            nat("nat", *TO_CONTAINER),
            chain("out", rule(1, "accept", dport(port)), KNOWN, policy="drop"),
            chain("in", rule(2, "accept", sport(port)), policy="drop"),
            output="nat out",
            input="in",
        )

    through = judged(wall(8080), Hook.OUTPUT)
    assert through.surely == through.region
    assert not judged(wall(80), Hook.OUTPUT).possibly


def test_marks_set_before_are_seen_by_later_chains() -> None:
    mark = Bit("mark", 14)
    marked = Rule((dport(80),), Action(Verb.CONTINUE, assign=((mark, 1),)), Span("x", 60, "line 60"))
    wall = firewall(
        chain("mangle", marked),
        chain("in", rule(1, "drop", BitMatch(mark, expected=False)), rule(2, "accept", in_interface("eth+"))),
        prerouting="mangle",
        input="in",
    )
    through = judged(wall)
    assert through.surely == through.region


def test_a_condition_of_each_packet_is_not_the_same_for_request_and_reply() -> None:
    short = Condition("short", "the packet is short", per_packet=True)

    def wall(condition: Condition) -> Firewall:
        return firewall(
            chain("in", rule(1, "accept", ConditionMatch(condition)), policy="drop"),
            chain("out", rule(2, "drop", ConditionMatch(condition)), policy="accept"),
            input="in",
            output="out",
        )

    assert judged(wall(short)).possibly
    assert not judged(wall(replace(short, per_packet=False))).possibly
