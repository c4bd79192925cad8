"""Expressions that read a packet's connection or marks: `ct`, `meta mark`.

What connection tracking knows of a packet, it knows from its place at priority -200 on (nf_conntrack_in); chains
before it see the packet without.
"""

from __future__ import annotations

from msgspec.structs import replace

from validator.dialects import _nft_values as values
from validator.dialects._nft_bits import word
from validator.dialects._nft_data import Expr, fields, items
from validator.dialects._nft_keys import FiniteKey, Key, MarkKey, OpaqueKey, StatusKey
from validator.dialects._nft_logic import ALWAYS, Conj, negate, union
from validator.dialects._nft_render import render
from validator.dialects._nft_surroundings import Surroundings
from validator.model import LOOPBACK, Bit, BitMatch, ConditionMatch, FieldMatch, InterfaceMatch
from validator.packets.fields import Family, Field, State
from validator.packets.intervals import complement

_OF_CONNECTIONS = frozenset(("helper", "zone", "id", "l3proto", "protocol"))
_KNOWN: Conj = (FieldMatch(Field.STATE, ((int(State.NEW), int(State.RELATED)),)),)
_STATES = tuple(values.STATE_BITS.items())
_DISCOVERY: Conj = (
    FieldMatch(Field.PROTOCOL, ((58, 58),)),
    FieldMatch(Field.ICMP_TYPE, ((130, 136), (143, 143))),
)
_LOOP = InterfaceMatch(Field.IN_INTERFACE, (LOOPBACK,))


def of_marks(expr: Expr) -> bool:
    """Whether an expression is computed from marks and constants alone."""
    if not isinstance(expr, dict):
        return True
    if len(expr) != 1:
        return False
    kind, body = next(iter(expr.items()))
    if kind in ("meta", "ct"):
        return fields(body).get("key") == "mark"
    return kind in ("&", "|", "^", "<<", ">>") and all(of_marks(each) for each in items(body))


def mentions_connections(expr: Expr) -> bool:
    """Whether an expression reads something of the packet's connection."""
    if isinstance(expr, dict):
        return "ct" in expr or any(mentions_connections(each) for each in expr.values())
    return isinstance(expr, list) and any(mentions_connections(each) for each in expr)


def mark(expr: Expr, around: Surroundings) -> Key:
    """The key of an expression that `of_marks`. Raises Unclear."""
    deps = tracked(around) if mentions_connections(expr) else ALWAYS
    return MarkKey(word(expr), around.host.family, deps)


def tracked(around: Surroundings) -> Conj:
    """What must hold for a packet to have a connection.

    Before connection tracking only a packet from loopback has one: its own, from its way out.
    """
    return (_LOOP, *_KNOWN) if around.early else _KNOWN


def _state_cases(around: Surroundings) -> tuple[tuple[int, Conj], ...]:
    """The values of `ct state`. Before connection tracking a packet is invalid, unless untracked or looped back."""
    return tuple((bit, _early(state, around) if around.early else _is(state)) for bit, state in _STATES)


def _is(state: State) -> Conj:
    return (FieldMatch(Field.STATE, ((int(state), int(state)),)),)


def _early(state: State, around: Surroundings) -> Conj:
    """When `ct state` is this one before connection tracking.

    Connection tracking itself leaves neighbour discovery untracked (nf_conntrack_icmpv6_error), but only then:
    whether a rule did it before is a condition.
    """
    if state is State.UNTRACKED:
        if around.host.family is Family.IPV4:
            return _is(state)
        return union(
            [(*_is(state), *negate(_DISCOVERY, Family.IPV6)), (*_is(state), *_DISCOVERY, _early_notrack(around))]
        )
    if state is not State.INVALID:
        return (_LOOP, *_is(state))
    away = replace(_LOOP, negated=True)
    rest = complement(((int(State.UNTRACKED), int(State.UNTRACKED)),), len(State) - 1)
    found: list[Conj] = [(_LOOP, *_is(state)), (away, FieldMatch(Field.STATE, rest))]
    if around.host.family is Family.IPV6:
        told = replace(_early_notrack(around), expected=False)
        found.append((*_is(State.UNTRACKED), *_DISCOVERY, told))
    return union(found)


def _early_notrack(around: Surroundings) -> ConditionMatch:
    return ConditionMatch(around.asks("a rule before connection tracking leaves a packet of IPv6 discovery untracked"))


def connection(expr: Expr, inner: dict[str, Expr], around: Surroundings) -> Key:
    """The key of a `ct` expression, nft(8) CONNTRACK EXPRESSIONS. Raises Unclear."""
    deps = tracked(around)
    match inner.get("key"):
        case "state":
            return FiniteKey(_state_cases(around), values.state)
        case "mark":
            return mark(expr, around)
        case "direction":
            reply = Bit("reply")
            cases = ((0, (BitMatch(reply, False),)), (1, (BitMatch(reply, True),)))
            return FiniteKey(cases, values.named({"original": 0, "reply": 1}, 1), deps)
        case "status":
            return StatusKey(around.asks_of(expr), deps)
    if around.own(repr(expr)):
        return OpaqueKey(render(expr), around.asks_here, render, deps)
    lasting = inner.get("key") in _OF_CONNECTIONS or ("dir" in inner and inner.get("key") not in ("bytes", "packets"))
    return OpaqueKey(render(expr), around.asks_once if lasting else around.asks, render, deps)
