"""Nodes with many translations: what stands for their destinations, and the rough look that comes first."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given as where
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.build import chain, dport, firewall, given, proto, rule, source, state
from validator.engine import way
from validator.engine.connection import Crossing, Path
from validator.engine.judgement import Judgement
from validator.engine.legs import EPHEMERAL, REPLY
from validator.engine.stand_ins import stand_ins
from validator.engine.survey import Survey
from validator.model import (
    Action,
    AnyOf,
    Assignment,
    Bit,
    BitMatch,
    Chain,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceName,
    Match,
    NoneOf,
    Rule,
    Verb,
)
from validator.packets.fields import TCP, Field, Intervals, State
from validator.source import Span

PORT: Intervals = ((80, 80),)
SERVICES, PODS, PEERS = (20, 21, 22), (30, 31, 32, 33), (1, 30, 31, 33)
REGION: dict[int, Intervals] = {
    Field.SOURCE: ((1, 40),),
    Field.DESTINATION: ((10, 40),),
    Field.DESTINATION_PORT: PORT,
    Field.SOURCE_PORT: EPHEMERAL,
}
MARK, DNAT, HERE = Bit("mark", 0x4000), Bit("dnat"), Bit("local-destination")
KNOWN = rule(1, "accept", state(State.ESTABLISHED))
MARKING = Chain("MARK", (Rule((), Action(Verb.CONTINUE, assign=((MARK, 1),)), Span("x", 60, "mark"), "mark"),))


def to(low: int, high: int = 0) -> Match:
    return FieldMatch(Field.DESTINATION, ((low, high or low),))


def endpoint(pod: int, port: int) -> Chain:
    """As KUBE-SEP: what the pod sends to itself is marked; all is translated."""
    assign: tuple[Assignment, ...] = (
        (DNAT, 1),
        (Field.DESTINATION, pod),
        (Field.DESTINATION_PORT, port),
        (HERE, 0),
        (Field.OUT_INTERFACE, InterfaceName("cni0")),
    )
    translated = Rule((proto(TCP),), Action(Verb.ACCEPT, assign=assign), Span("x", 70 + pod, "dnat"), "dnat")
    return chain(f"SEP-{pod}-{port}", rule(61, "jump MARK", source(pod, pod)), translated)


Service = tuple[int, list[tuple[int, int]], str]
"""An address, the pods and ports behind it, and what the last of its rules does: `jump` to one of them, or `mark`."""


def service(name: str, ends: list[Chain], last: str) -> Chain:
    """As KUBE-SVC: one of the endpoints, nobody knows which."""
    several = [rule(62, f"jump {each.name}", given(f"random {name} {at}")) for at, each in enumerate(ends[1:])]
    final = rule(63, f"jump {ends[0].name}") if last == "jump" else rule(63, "jump MARK")
    return chain(name, *several, final)


def node(services: list[Service], *forward: Rule, policy: str = "drop") -> Firewall:
    """A host that translates the addresses of `services` to one of their pods and ports."""
    ends = {(pod, port): endpoint(pod, port) for _, pods, _ in services for pod, port in pods}
    chains = [service(f"SVC-{at}", [ends[each] for each in pods], last) for at, (_, pods, last) in enumerate(services)]
    jumps = [rule(64, f"jump {each.name}", to(of[0]), dport(80)) for of, each in zip(services, chains, strict=True)]
    # More rules than a chain has that is looked at roughly.
    jumps += [rule(65, "continue", to(100 + number)) for number in range(120)]
    return firewall(
        replace(chain("nat", rule(66, "jump SERVICES"), policy="accept"), first_packets=True),
        chain("SERVICES", *jumps),
        *chains,
        *ends.values(),
        MARKING,
        chain("in", KNOWN, policy="drop"),
        chain("fwd", *forward, policy=policy),
        chain("out", KNOWN, policy="accept"),
        prerouting="nat",
        input="in",
        forward="fwd",
        output="out",
    )


def judged(wall: Firewall, rough: bool = False) -> Judgement:
    path = Path((Crossing(wall, Hook.INPUT),), PORT, rough=rough)
    return Judgement(path, TCP, PORT, path.space.box(REGION))


def sent(peer: int, address: int, interface: int = 1) -> dict[int, int]:
    return {
        Field.SOURCE: peer,
        Field.DESTINATION: address,
        Field.DESTINATION_PORT: 80,
        Field.SOURCE_PORT: 40000,
        Field.IN_INTERFACE: interface,
    }


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "MANY_TRANSLATIONS", -1)
    monkeypatch.setattr(way, "WORTH_A_ROUGH_LOOK", -1)


ADDRESSES = st.sampled_from((*PODS, *SERVICES, 1))
MATCHES = st.one_of(
    st.builds(to, ADDRESSES),
    st.builds(lambda low: source(low, 33), ADDRESSES),
    st.sampled_from((dport(80), dport(8080), BitMatch(MARK), BitMatch(MARK, False), BitMatch(DNAT), KNOWN.matches[0])),
    st.builds(lambda one, two: AnyOf(((to(one),), (to(two), dport(8080)))), ADDRESSES, ADDRESSES),
    st.builds(lambda one: NoneOf((to(one),)), ADDRESSES),
)
RULES = st.builds(
    lambda verb, matches: rule(5, verb, *matches), st.sampled_from(("accept", "drop")), st.lists(MATCHES, max_size=2)
)
ENDPOINTS = st.tuples(st.sampled_from(PODS), st.sampled_from((80, 8080)))


@where(
    services=st.lists(
        st.tuples(
            st.sampled_from(SERVICES),
            st.lists(ENDPOINTS, min_size=1, max_size=3, unique=True),
            st.sampled_from(("jump", "jump", "mark")),
        ),
        max_size=4,
    ),
    forward=st.lists(RULES, max_size=4),
    policy=st.sampled_from(("accept", "drop")),
)
def test_neither_stand_ins_nor_the_rough_look_change_who_gets_through(
    services: list[Service], forward: list[Rule], policy: str
) -> None:
    wall = node(services, *forward, policy=policy)
    with pytest.MonkeyPatch.context() as usually:
        usually.setattr(way, "MANY_TRANSLATIONS", 1000)
        plain = judged(wall)
        surely, possibly = plain.surely, plain.possibly
    short, rough = judged(wall), judged(wall, rough=True)
    for peer, address in product(PEERS, (10, *SERVICES, *PODS)):
        for interface in range(1, plain.path.space.interfaces.top + 1):
            packet = sent(peer, address, interface)
            assert short.surely.contains(packet) is surely.contains(packet)
            assert short.possibly.contains(packet) is possibly.contains(packet)
            assert surely.contains(packet) or not rough.surely.contains(packet)


def test_what_gets_through_wherever_it_is_translated_needs_no_closer_look() -> None:
    wall = node(
        [(20, [(30, 8080), (31, 8080)], "jump"), (21, [(32, 8080)], "jump")], KNOWN, rule(7, "accept", dport(8080))
    )
    region = {**REGION, Field.DESTINATION: ((20, 21),)}
    path = Path((Crossing(wall, Hook.INPUT),), PORT)
    assert path.rough is not None
    found = Judgement(path.rough, TCP, PORT, path.rough.space.box(region))
    assert found.surely == found.region
    assert path.rough.rough is None


def test_only_lines_that_decide_whatever_is_translated_are_named() -> None:
    forward = (rule(7, "accept", FieldMatch(Field.SOURCE, ((30, 30),)), state(State.ESTABLISHED)), rule(8, "accept"))
    wall = node([(20, [(30, 8080), (31, 8080)], "jump")], *forward)
    path = Path((Crossing(wall, Hook.INPUT),), PORT, rough=True)
    region = path.space.box({**REGION, Field.DESTINATION: ((20, 20),)})
    named = path.deciders(TCP, REPLY, PORT, region, (Verb.ACCEPT,))
    assert 7 not in [each.rule.span.line for each in named]


def test_a_service_that_nothing_lets_through_is_no_open_port() -> None:
    wall = node([(20, [(30, 8080)], "jump"), (21, [(31, 8080)], "jump")], KNOWN, rule(7, "accept", to(30), dport(8080)))
    exact, rough = judged(wall), judged(wall, rough=True)
    assert exact.surely.contains(sent(1, 20))
    assert not exact.possibly.contains(sent(1, 21))
    assert not rough.surely.contains(sent(1, 21))


def test_chains_that_may_do_very_much_are_looked_at_closely() -> None:
    """Every mark that may be set or not doubles what a chain may do."""
    end = endpoint(30, 8080)
    marks = [Action(Verb.CONTINUE, assign=((Bit("mark", at), 1),)) for at in range(8)]
    marking = [Rule((given(f"random {at}"),), each, Span("x", 60, "mark"), "mark") for at, each in enumerate(marks)]
    wall = node([(20, [(30, 8080)], "jump")], KNOWN, rule(7, "accept", dport(8080)))
    wall = replace(wall, chains={**wall.chains, end.name: replace(end, rules=(*marking, *end.rules))})
    exact, rough = judged(wall), judged(wall, rough=True)
    assert exact.surely.contains(sent(1, 20))
    assert rough.surely.contains(sent(1, 20))
    assert not any("what a chain does" in str(key) for key in rough.path.space.conditions().values())


def test_two_chains_in_a_row_need_not_do_the_same() -> None:
    end = endpoint(30, 8080)
    ends = replace(end, rules=end.rules[1:])
    perhaps = [
        chain(f"SVC-{at}", rule(62, f"jump {end.name}", given(f"random {at}")), rule(63, "jump MARK")) for at in (0, 1)
    ]
    wall = node([(20, [(30, 8080)], "jump")], rule(7, "drop", BitMatch(MARK), dport(8080)), policy="accept")
    jumps = chain("SERVICES", rule(64, "jump SVC-0"), rule(64, "jump SVC-1"), *wall.chains["SERVICES"].rules[1:])
    changed = {each.name: each for each in (*perhaps, ends, jumps, chain("in", policy="accept"))}
    wall = replace(wall, chains={**wall.chains, **changed})
    assert not judged(wall).surely.contains(sent(1, 20))
    assert not judged(wall, rough=True).surely.contains(sent(1, 20))


def test_jumps_that_the_kernel_would_refuse_are_not_passed_over() -> None:
    wall = node([(20, [(30, 8080)], "jump")], rule(7, "accept"), policy="accept")
    broken = replace(wall, chains={name: each for name, each in wall.chains.items() if name != "MARK"})
    assert Survey().loads(wall)
    assert not Survey().loads(broken)
    assert not judged(broken, rough=True).surely.contains(sent(30, 20))


def test_one_address_stands_for_all_that_nothing_behind_tells_from_it() -> None:
    wall = node([(20, [(30, 8080)], "jump")], rule(7, "accept", to(30, 31)), rule(8, "drop", source(33, 35)))
    found = stand_ins(wall, Survey(), False)
    assert [found.of(address) for address in (0, 29, 30, 31, 32, 33, 35, 36, 2**32 - 1)] == [
        0,
        0,
        30,
        30,
        32,
        33,
        33,
        36,
        36,
    ]


def test_two_firewalls_on_a_path_are_looked_at_closely() -> None:
    wall = node([(20, [(30, 8080)], "jump")], KNOWN)
    crossing = Crossing(wall, Hook.INPUT)
    assert Path((crossing, crossing), PORT).rough is None
