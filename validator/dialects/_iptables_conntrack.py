"""The conntrack and state modules, per xt_conntrack.c.

A packet without a connection (INVALID, UNTRACKED) is judged by `--ctstate` alone: with it, whatever else the
module asks is passed over; without it, the module does not match, negated or not. A connection's protocol
and direction are the packet's own, but for ICMP errors, which belong to the connection they report on.
"""

from __future__ import annotations

from validator.dialects import _iptables_fields as fields
from validator.dialects._iptables_context import Context, MatchModule
from validator.dialects._iptables_fields import TRACKED
from validator.dialects._iptables_words import Group, Option, Unclear
from validator.dialects._linux_host import TRANSLATED
from validator.model import AnyOf, Bit, BitMatch, FieldMatch, Match, NoneOf
from validator.packets.fields import ICMP, ICMPV6, Family, Field, State
from validator.packets.intervals import complement, normalise

_UNTRACKED: Match = FieldMatch(Field.STATE, ((int(State.INVALID), int(State.UNTRACKED)),))
_ERRORS: tuple[Match, ...] = (
    FieldMatch(Field.STATE, ((int(State.RELATED), int(State.RELATED)),)),
    FieldMatch(Field.PROTOCOL, ((ICMP, ICMP), (ICMPV6, ICMPV6))),
)


def states(value: str, negated: bool, context: Context) -> tuple[Match, ...]:
    """`--state`, `--ctstate`: DNAT is kept with the packet, SNAT nobody knows. Raises Unclear."""
    known: list[tuple[int, int]] = []
    alternatives: list[tuple[Match, ...]] = []
    for name in value.upper().split(","):
        if name in State.__members__:
            known.append((int(State[name]), int(State[name])))
        elif name == "DNAT":
            alternatives.append((TRACKED, BitMatch(TRANSLATED)))
        elif name == "SNAT":
            alternatives.append((TRACKED, context.own("conntrack --ctstate SNAT")))
        else:
            raise Unclear(f"unknown connection state {name}")
    ranges = normalise(known)
    if not alternatives:
        return (FieldMatch(Field.STATE, complement(ranges, len(State) - 1) if negated else ranges),)
    if ranges:
        alternatives.append((FieldMatch(Field.STATE, ranges),))
    match = AnyOf(tuple(alternatives))
    return (NoneOf((match,)) if negated else match,)


def state(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """The state module: states alone. Raises Unclear."""
    found: list[Match] = []
    for option in group.options:
        negated, values = option.negated, option.values
        if "NAT" in values[0].upper():
            raise Unclear(f"the state module knows no {values[0]}")
        found += states(values[0], negated, context)
    return tuple(found)


def conntrack(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """The conntrack module. Raises Unclear."""
    asked: list[Match] = []
    rest: list[Match] = []
    for option in group.options:
        if option.name == "--ctstate":
            asked += states(option.values[0], option.negated, context)
        else:
            rest.append(_of_connection(option, context))
    if not rest:
        return tuple(asked)
    if not asked:
        return (TRACKED, *rest)
    return (*asked, AnyOf(((_UNTRACKED,), (TRACKED, *rest))))


def _of_connection(option: Option, context: Context) -> Match:
    """What an option asks of a packet's connection, where it has one."""
    name, negated, values = option.name, option.negated, option.values
    text = f"conntrack {option.text}"
    if name == "--ctproto":
        number = fields.protocol_number(values[0])
        if number == 0:
            raise Unclear("no connection has the protocol 0")
        proto = fields.field_match(Field.PROTOCOL, ((number, number),), negated, Family.IPV4)
        return _but_errors(proto, context.shared(text, not negated))
    if name == "--ctdir":
        way = values[0].upper()
        if way not in ("ORIGINAL", "REPLY"):
            raise Unclear(f"{values[0]} is no direction")
        return _but_errors(BitMatch(Bit("reply"), (way == "REPLY") is not negated), context.shared(text, not negated))
    if name == "--ctstatus":
        return _status(values[0], negated, context)
    if name == "--ctexpire":
        return context.own(text, not negated)
    return context.shared(text, not negated, per_packet=False)


def _but_errors(exact: Match, otherwise: Match) -> Match:
    """`exact`, but for ICMP errors `otherwise`."""
    return AnyOf(((NoneOf(_ERRORS), exact), (*_ERRORS, otherwise)))


_STATUS = ("NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED")


def _status(value: str, negated: bool, context: Context) -> Match:
    """`--ctstatus`: an established connection has seen a reply and is confirmed; a new one has seen none and is
    not assured. Whatever else, each line asks for itself, since it changes on the way."""
    names = [each for each in value.upper().split(",") if each != "NONE"]
    odd = [each for each in names if each not in _STATUS]
    if odd:
        raise Unclear(f"unknown status {odd[0]}")
    if not names:
        match: Match = AnyOf(())
    else:
        unsure = context.own(f"conntrack --ctstatus {value}")
        established = FieldMatch(Field.STATE, ((int(State.ESTABLISHED),) * 2,))
        new = FieldMatch(Field.STATE, ((int(State.NEW),) * 2,))
        sure = {"SEEN_REPLY", "CONFIRMED"} & set(names)
        parts: list[tuple[Match, ...]] = [(established,) if sure else (established, unsure)]
        if set(names) - {"SEEN_REPLY", "ASSURED"}:
            parts.append((new, unsure))
        parts.append((NoneOf((AnyOf(((established,), (new,))),)), unsure))
        match = AnyOf(tuple(parts))
    return NoneOf((match,)) if negated else match
