"""Connections: the request must get there, the reply must come back, what follows must get there."""

from __future__ import annotations

from tests.build import chain, dport, firewall, given, in_interface, proto, rule, source, sport, state
from validator.engine.connection import Crossing, Path
from validator.engine.judgement import Judgement
from validator.engine.legs import EPHEMERAL, FOLLOWING, REPLY, REQUEST
from validator.model import ACCEPT, FieldMatch, Firewall, Hook, InterfaceMatch, Rule, Verb
from validator.packets.fields import TCP, UDP, Field, Intervals, State
from validator.source import Span

PORT: Intervals = ((9340, 9340),)
REGION: dict[int, Intervals] = {
    Field.SOURCE: ((1 << 24, (127 << 24) - 1),),
    Field.DESTINATION: ((10, 10),),
    Field.DESTINATION_PORT: PORT,
    Field.SOURCE_PORT: EPHEMERAL,
}


def inbound(wall: Firewall, protocol: int = TCP) -> Judgement:
    path = Path((Crossing(wall, Hook.INPUT),), PORT)
    return Judgement(path, protocol, PORT, path.space.box(REGION))


def stateful(*rules: Rule) -> Firewall:
    """A host that lets in established packets and `rules`, and drops the rest, both ways."""
    known = rule(1, "accept", state(State.ESTABLISHED))
    return firewall(
        chain("in", known, *rules, policy="drop"),
        chain("out", rule(2, "accept", state(State.ESTABLISHED)), policy="drop"),
        input="in",
        output="out",
    )


def test_a_port_is_open_when_request_reply_and_what_follows_pass() -> None:
    judged = inbound(stateful(rule(3, "accept", proto(TCP), dport(9340))))
    assert judged.surely == judged.region


def test_without_a_rule_for_it_nothing_passes_and_the_policy_is_to_blame() -> None:
    judged = inbound(stateful(rule(3, "accept", proto(TCP), dport(80))))
    assert not judged.possibly
    deciders = judged.path.deciders(TCP, REQUEST, PORT, judged.region, (Verb.DROP,))
    assert [decider.rule.span.line for decider in deciders] == [902]


def test_a_reply_that_is_dropped_blocks_the_connection() -> None:
    wall = firewall(
        chain("in", rule(1, "accept", proto(TCP), dport(9340)), policy="drop"),
        chain("out", rule(2, "accept", sport(80)), policy="drop"),
        input="in",
        output="out",
    )
    judged = inbound(wall)
    assert judged.of_leg(REQUEST)[0] == judged.region
    assert not judged.possibly
    assert not judged.of_leg(REPLY)[1]


def test_a_stateless_reply_rule_sees_source_and_destination_exchanged() -> None:
    high = FieldMatch(Field.DESTINATION_PORT, EPHEMERAL)
    wall = firewall(
        chain("in", rule(1, "accept", proto(TCP), dport(9340)), policy="drop"),
        chain("out", rule(2, "accept", proto(TCP), sport(9340), high), policy="drop"),
        input="in",
        output="out",
    )
    judged = inbound(wall)
    assert judged.surely == judged.region


def test_packets_that_follow_must_pass_too() -> None:
    wall = firewall(
        chain("in", rule(1, "accept", proto(TCP), dport(9340), state(State.NEW)), policy="drop"),
        input="in",
    )
    judged = inbound(wall)
    assert judged.of_leg(REQUEST)[0] == judged.region
    assert not judged.of_leg(FOLLOWING)[1]
    assert not judged.possibly


def test_the_interface_towards_the_peer_is_the_same_in_both_directions() -> None:
    out = InterfaceMatch(Field.OUT_INTERFACE, ("eth1",))
    wall = firewall(
        chain("in", rule(1, "accept", in_interface("eth0")), policy="drop"),
        chain("out", Rule((out,), ACCEPT, Span("x", 2, "")), policy="drop"),
        input="in",
        output="out",
    )
    assert not inbound(wall).possibly


def test_loopback_crosses_both_hooks_on_lo() -> None:
    lo_out = Rule((InterfaceMatch(Field.OUT_INTERFACE, ("lo",)),), ACCEPT, Span("x", 4, ""))
    wall = firewall(
        chain("in", rule(1, "accept", in_interface("lo")), policy="drop"),
        chain("out", lo_out, policy="drop"),
        input="in",
        output="out",
    )
    path = Path((Crossing(wall, Hook.OUTPUT), Crossing(wall, Hook.INPUT)), PORT, loopback=True)
    judged = Judgement(path, UDP, PORT, path.space.box(REGION))
    assert judged.surely == judged.region
    from_outside = inbound(wall, UDP)
    number = from_outside.path.space.interfaces.number("lo")
    assert from_outside.possibly.levels() >= {Field.IN_INTERFACE}
    assert not from_outside.possibly - from_outside.path.space.box({Field.IN_INTERFACE: ((number, number),)})


def test_two_firewalls_on_a_path_must_both_accept() -> None:
    cloud = stateful(rule(3, "accept", source(1 << 24, 2 << 24)))
    host = stateful(rule(4, "accept", proto(TCP), dport(9340)))
    path = Path((Crossing(cloud, Hook.INPUT), Crossing(host, Hook.INPUT)), PORT)
    judged = Judgement(path, TCP, PORT, path.space.box(REGION))
    expected = path.space.box({**REGION, Field.SOURCE: ((1 << 24, 2 << 24),)})
    assert judged.surely == expected
    blamed = path.deciders(TCP, REQUEST, PORT, judged.region - judged.possibly, (Verb.DROP,))
    assert [decider.firewall is cloud for decider in blamed] == [True]


def test_a_condition_and_its_negation_cover_everything() -> None:
    member = given("set trusted")
    one = stateful(rule(3, "accept", member))
    both = stateful(rule(3, "accept", member), rule(4, "accept", given("set trusted", expected=False)))
    judged = inbound(one)
    assert not judged.surely
    assert judged.possibly == judged.region
    assert [condition.key for condition in judged.open_conditions()] == ["set trusted"]
    covered = inbound(both)
    assert covered.surely == covered.region


def test_the_widest_decider_comes_first() -> None:
    wall = stateful(
        rule(3, "drop", source(1 << 24, (1 << 24) + 5)),
        rule(4, "drop", source(2 << 24, 100 << 24)),
    )
    judged = inbound(wall)
    lines = [
        decider.rule.span.line for decider in judged.path.deciders(TCP, REQUEST, PORT, judged.region, (Verb.DROP,))
    ]
    assert lines == [4, 902, 3]
