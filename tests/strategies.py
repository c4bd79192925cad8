"""Random firewalls of the model and random packets, small enough that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.build import chain, firewall
from validator.engine.packet import Packet
from validator.model import (
    Action,
    AnyOf,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    Match,
    NoneOf,
    Rule,
    Verb,
)
from validator.packets.fields import Family, Field, Intervals, State, TcpFlag
from validator.packets.intervals import normalise
from validator.source import Span

CONDITIONS = ("a", "b", "c")
NAMES = ("", "eth0", "eth1", "wlan0", "lo")
PATTERNS = ("eth0", "eth+", "wlan0", "+", "lo")
_VALUES = {
    Field.SOURCE: (0, 1, 9, 10, 11, (1 << 32) - 1),
    Field.DESTINATION: (0, 7, 8, 9),
    Field.MAC: (0, 5),
    Field.PROTOCOL: (1, 6, 17),
    Field.STATE: tuple(int(state) for state in State),
    Field.TCP_FLAGS: (int(TcpFlag.SYN), int(TcpFlag.ACK), 0),
    Field.ICMP_TYPE: (0, 8),
    Field.ICMP_CODE: (0, 1),
    Field.DESTINATION_PORT: (0, 79, 80, 81, 443, 65535),
    Field.SOURCE_PORT: (0, 1024, 40000, 65535),
}
_TOPS = {Field.PROTOCOL: 255, Field.STATE: 4, Field.TCP_FLAGS: 255, Field.ICMP_TYPE: 255, Field.ICMP_CODE: 255}


@st.composite
def intervals(draw: st.DrawFn, field: Field) -> Intervals:
    """One or two ranges whose ends are among the values that packets take."""
    values = _VALUES[field]
    pairs = draw(st.lists(st.tuples(st.sampled_from(values), st.sampled_from(values)), min_size=1, max_size=2))
    return normalise((min(pair), max(pair)) for pair in pairs)


def _field_matches() -> st.SearchStrategy[Match]:
    return st.sampled_from(list(_VALUES)).flatmap(
        lambda field: intervals(field).map(lambda ranges: FieldMatch(field, ranges))
    )


@st.composite
def _interface_matches(draw: st.DrawFn) -> Match:
    field = draw(st.sampled_from([Field.IN_INTERFACE, Field.OUT_INTERFACE]))
    return InterfaceMatch(field, (draw(st.sampled_from(PATTERNS)),), draw(st.booleans()))


@st.composite
def _condition_matches(draw: st.DrawFn) -> Match:
    key = draw(st.sampled_from(CONDITIONS))
    assumed = {"c": True}.get(key)
    condition = Condition(key, key, None, "normal-load" if assumed is not None else None, assumed)
    return ConditionMatch(condition, draw(st.booleans()))


_PLAIN = st.one_of(_field_matches(), _field_matches(), _interface_matches(), _condition_matches())


def matches() -> st.SearchStrategy[Match]:
    """A match; sometimes an AnyOf or NoneOf of plain ones."""
    some = st.lists(_PLAIN, max_size=2).map(tuple)
    return st.one_of(
        _PLAIN,
        _PLAIN,
        _PLAIN,
        st.lists(some, max_size=2).map(lambda parts: AnyOf(tuple(parts))),
        some.map(NoneOf),
    )


CHAINS = ("user1", "user2", "user3")
_TERMINAL = ("accept", "drop", "reject", "return", "deliver")
_ASSIGNS = (
    (),
    ((Field.STATE, int(State.UNTRACKED)),),
    ((Field.DESTINATION_PORT, 80),),
    ((Field.DESTINATION, 9), (Field.DESTINATION_PORT, 443)),
)


@st.composite
def rules(draw: st.DrawFn, line: int, chains: tuple[str, ...]) -> Rule:
    """A rule at `line` that may jump to `chains`."""
    verbs = [*_TERMINAL, "continue", *(("jump", "goto") if chains else ())]
    verb = Verb(draw(st.sampled_from(verbs)))
    target = draw(st.sampled_from(chains)) if verb in (Verb.JUMP, Verb.GOTO) else ""
    assign = draw(st.sampled_from(_ASSIGNS)) if verb is Verb.CONTINUE else ()
    found = tuple(draw(st.lists(matches(), max_size=2)))
    enabled = draw(st.integers(0, 9)) > 0
    return Rule(found, Action(verb, target, assign), Span("x", line, f"line {line}"), enabled=enabled)


@st.composite
def firewalls(draw: st.DrawFn) -> Firewall:
    """A firewall with two base chains at the input hook and up to three chains that they call."""
    made: list[Chain] = []
    line = 1
    for position, name in enumerate((*CHAINS, "base1", "base2")):
        # Mostly earlier chains; now and then any, so that loops and missing chains occur.
        below = CHAINS[: min(position, 3)] if draw(st.integers(0, 19)) else (*CHAINS, "gone")
        size = draw(st.integers(0, 4))
        listed = [draw(rules(line + n, below)) for n in range(size)]
        line += size
        made.append(chain(name, *listed, policy=draw(st.sampled_from(["accept", "drop"])) if "base" in name else ""))
    return firewall(*made, input="base1 base2")


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """A packet at the input hook with values that rules name, and their neighbours."""
    values = {field: draw(st.sampled_from(choices)) for field, choices in _VALUES.items()}
    return Packet(Hook.INPUT, Family.IPV4, values, draw(st.sampled_from(NAMES)))
