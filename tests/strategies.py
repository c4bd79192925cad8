"""Random firewalls of the model and random packets, small enough that they meet."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec.structs import replace

from tests.build import chain, firewall
from validator.engine.packet import Packet
from validator.model import (
    Action,
    AnyInterface,
    AnyOf,
    Assignment,
    Bit,
    BitMatch,
    Chain,
    Choice,
    Condition,
    ConditionMatch,
    Copy,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    InterfaceName,
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


BITS = (Bit("mark", 0), Bit("mark", 1), Bit("connmark", 0), Bit("dnat"), Bit("local-destination"), Bit("local-source"))


def _bit_matches() -> st.SearchStrategy[Match]:
    return st.builds(BitMatch, st.sampled_from((*BITS, Bit("reply"))), st.booleans())


_PLAIN = st.one_of(_field_matches(), _field_matches(), _interface_matches(), _condition_matches(), _bit_matches())


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
_MARK, _MARK_1, _CONNMARK, _DNAT, _HERE, _ = BITS
_ASSIGNS: tuple[tuple[Assignment, ...], ...] = (
    (),
    ((Field.STATE, int(State.UNTRACKED)),),
    ((_MARK, 1),),
    ((_MARK, 0), (_MARK_1, 1)),
    ((_MARK, Copy(_MARK, inverted=True)),),
    ((_MARK, Copy(_MARK_1)), (_MARK_1, Copy(_MARK))),
    ((_CONNMARK, Copy(_MARK)),),
    ((_MARK, Copy(_CONNMARK)), (_CONNMARK, 1)),
)
_EITHER = Condition("either", "either")
_TRANSLATIONS: tuple[tuple[Assignment, ...], ...] = (
    (),
    ((_DNAT, 1), (Field.DESTINATION_PORT, 80)),
    ((_DNAT, 1), (Field.DESTINATION, 9), (_HERE, 0), (Field.OUT_INTERFACE, InterfaceName("eth1"))),
    ((_DNAT, 1), (Field.DESTINATION, 8), (Field.DESTINATION_PORT, 443), (_HERE, 1)),
    ((_DNAT, 1), (Field.DESTINATION, Choice(Condition("which", "which"), ((7, 9),))), (_HERE, 1)),
    (
        *((_DNAT, 1), (Field.DESTINATION, 7), (_HERE, Choice(_EITHER, ((0, 1),)))),
        (Field.OUT_INTERFACE, AnyInterface(Condition("way", "way"))),
    ),
)


@st.composite
def rules(draw: st.DrawFn, line: int, chains: tuple[str, ...]) -> Rule:
    """A rule at `line` that may jump to `chains`."""
    verbs = [*_TERMINAL, "continue", *(("jump", "goto") if chains else ())]
    verb = Verb(draw(st.sampled_from(verbs)))
    target = draw(st.sampled_from(chains)) if verb in (Verb.JUMP, Verb.GOTO) else ""
    assign: tuple[Assignment, ...] = draw(st.sampled_from(_ASSIGNS)) if verb is Verb.CONTINUE else ()
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
def routers(draw: st.DrawFn) -> Firewall:
    """A firewall with chains at all of netfilter's hooks, and one at PREROUTING or OUTPUT that translates."""
    made: list[Chain] = []
    hooks: dict[Hook, tuple[str, ...]] = {}
    line = 1
    for name in ("user1", *Hook):
        listed = [draw(rules(line + n, () if name == "user1" else ("user1",))) for n in range(draw(st.integers(0, 3)))]
        line += 10
        policy = "" if name == "user1" else draw(st.sampled_from(["accept", "accept", "drop"]))
        made.append(chain(str(name), *listed, policy=policy))
        if isinstance(name, Hook):
            hooks[name] = (str(name),)
    for at in (Hook.PREROUTING, Hook.OUTPUT):
        listed = [
            Rule(
                tuple(draw(st.lists(matches(), max_size=2))),
                Action(Verb.ACCEPT, assign=draw(st.sampled_from(_TRANSLATIONS))),
                Span("x", line + n, f"line {line + n}"),
            )
            for n in range(draw(st.integers(0, 2)))
        ]
        line += 10
        made.append(replace(chain(f"nat:{at}", *listed, policy="accept"), first_packets=True))
        hooks[at] = tuple(draw(st.permutations((f"nat:{at}", str(at)))))
    return replace(firewall(*made), hooks=hooks)


@st.composite
def routed_packets(draw: st.DrawFn) -> Packet:
    """A packet at any hook, with the interfaces it has there."""
    hook = draw(st.sampled_from((Hook.INPUT, Hook.OUTPUT, Hook.FORWARD)))
    values = {field: draw(st.sampled_from(choices)) for field, choices in _VALUES.items()}
    names = NAMES[1:] if hook is not Hook.FORWARD else NAMES[1:4]
    there = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    into, out = "" if hook is Hook.OUTPUT else there[0], "" if hook is Hook.INPUT else there[1]
    return Packet(hook, Family.IPV4, values, into, out)


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """A packet at the input hook with values that rules name, and their neighbours."""
    values = {field: draw(st.sampled_from(choices)) for field, choices in _VALUES.items()}
    return Packet(Hook.INPUT, Family.IPV4, values, draw(st.sampled_from(NAMES)))
