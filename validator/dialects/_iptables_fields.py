"""Header fields in iptables' options as matches of the model: what is decided exactly, per iptables(8).

Dumps repeat themselves, so each is remembered by its text.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from ipaddress import ip_address
from socket import AF_INET, inet_pton

from validator.dialects._iptables_names import ALL_CODES, ICMP_TYPES, ICMPV6_TYPES, PROTOCOLS, SERVICES
from validator.dialects._iptables_words import Unclear
from validator.model import AnyOf, FieldMatch, InterfaceMatch, Match, NoneOf
from validator.packets.fields import Family, Field, Interval, Intervals, State, TcpFlag, top
from validator.packets.intervals import complement, normalise

NEVER: Match = AnyOf(())
TRACKED: Match = FieldMatch(Field.STATE, ((int(State.NEW), int(State.RELATED)),))
"""A packet of a connection: connection tracking knows it."""
NOT_LOOPBACK: Match = InterfaceMatch(Field.IN_INTERFACE, ("lo",), negated=True)
MOST_INTERVALS = 4096
"""How many ranges of addresses a mask with gaps may take before it is no longer written out."""
_REMEMBERED = 1 << 20
"""A dump is read twice from its first line to its last: what holds less than all of it would forget in time to ask."""


class Gaps(Exception):
    """A netmask with gaps that takes more than MOST_INTERVALS ranges."""


def field_match(field: Field, ranges: Intervals, negated: bool, family: Family) -> Match:
    """A match on a field, its intervals complemented where negated."""
    return FieldMatch(field, complement(ranges, top(field, family)) if negated else ranges)


def addresses(field: Field, value: str, negated: bool, family: Family) -> Match:
    """`-s`, `-d`: addresses, prefixes and netmasks, also with gaps. Raises Unclear, Gaps."""
    if family is Family.IPV4 and (found := _ipv4_network(value)) is not None:
        return field_match(field, (found,), negated, family)
    parts = value.split(",")
    if negated and len(parts) > 1:
        raise Unclear("several addresses cannot be negated")
    ranges: list[Interval] = []
    for part in parts:
        ranges += network(part, family)
    return field_match(field, normalise(ranges), negated, family)


def _ipv4_network(value: str) -> Interval | None:
    """`10.0.0.0/8` as a range; None where it is anything but four plain numbers and a length."""
    text, slash, size = value.partition("/")
    try:
        number = int.from_bytes(inet_pton(AF_INET, text), "big")
    except (OSError, ValueError):
        return None
    if not slash:
        return number, number
    if not (size.isascii() and size.isdigit()) or len(size) > 2 or int(size) > 32:
        return None
    rest = (1 << (32 - int(size))) - 1
    return number & ~rest, number | rest


def network(text: str, family: Family) -> list[Interval]:
    """An address, a prefix, or an address and a netmask. Raises Unclear, Gaps."""
    name, slash, size = text.partition("/")
    number = address(name, family)
    bits = family.bits
    every = (1 << bits) - 1
    if not slash:
        return [(number, number)]
    if size.isascii() and size.isdigit() and len(size) < 4:
        if int(size) > bits:
            raise Unclear(f"{text} has too long a prefix")
        mask = every ^ ((1 << (bits - int(size))) - 1)
    else:
        mask = address(size, family)
    return masked(number, mask, bits)


def masked(number: int, mask: int, bits: int) -> list[Interval]:
    """The numbers that agree with `number` where `mask` has ones. Raises Gaps."""
    low = (mask & -mask) - 1 if mask else (1 << bits) - 1  # what varies below the mask's lowest one
    free = [bit for bit in range(bits) if not mask >> bit & 1 and 1 << bit > low]
    if 1 << len(free) > MOST_INTERVALS:
        raise Gaps
    base = number & mask
    starts = [base | sum(each) for each in itertools.product(*((0, 1 << bit) for bit in free))]
    return [(start, start | low) for start in starts]


def address(text: str, family: Family) -> int:
    """The number of an address of `family`. Raises Unclear."""
    if family is Family.IPV4 and "/" not in text and (plain := _ipv4_network(text)) is not None:
        return plain[0]
    try:
        found = ip_address(text)
    except ValueError:
        raise Unclear(f"{text} is no address but a host name, or nothing known") from None
    if (found.version == 4) != (family is Family.IPV4):
        raise Unclear(f"{text} is of the other address family")
    if "%" in text:
        raise Unclear(f"{text} has a zone")
    return int(found)


def address_ranges(value: str, family: Family) -> Intervals:
    """`first-last`, or one address. Raises Unclear."""
    low, dash, high = value.partition("-")
    first = address(low, family)
    last = address(high, family) if dash else first
    if last < first:
        raise Unclear(f"the range {value} runs backwards")
    return ((first, last),)


@lru_cache(_REMEMBERED)
def interface(field: Field, value: str, negated: bool) -> Match:
    """`-i`, `-o`: a name, or a prefix with `+`. Raises Unclear."""
    if not value or len(value) > 15:
        raise Unclear(f"{value!r} is no interface name")
    return InterfaceMatch(field, (value,), negated)


def protocol_number(value: str) -> int:
    """A protocol by name or number; 0 for all of them. Raises Unclear."""
    name = value.lower()
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 4 else PROTOCOLS.get(name, 256)
    if number > 255:
        raise Unclear(f"unknown protocol {value}")
    return number


@lru_cache(_REMEMBERED)
def protocol(value: str, negated: bool) -> Match | None:
    """`-p`: a name or number; None for all. Raises Unclear."""
    number = protocol_number(value)
    if number == 0:
        if negated:
            raise Unclear("a rule for no protocol would never match; iptables refuses it")
        return None
    return field_match(Field.PROTOCOL, ((number, number),), negated, Family.IPV4)


def port(text: str) -> int:
    """A port by number or service name. Raises Unclear."""
    digits = text.isascii() and text.isdigit() and len(text) < 6
    number = int(text) if digits else SERVICES.get(text.lower())
    if number is None:
        raise Unclear(f"unknown service name {text}")
    if number > 65535:
        raise Unclear(f"{text} is no port")
    return number


@lru_cache(_REMEMBERED)
def port_ranges(value: str, several: bool) -> Intervals:
    """A port or a range `low:high` with either end left out; `several` of them by commas. Raises Unclear."""
    ranges: list[Interval] = []
    parts = value.split(",")
    if len(parts) > 1 and not several:
        raise Unclear(f"{value} is more than one port")
    for part in parts:
        low, colon, high = part.partition(":")
        if not low and not colon:
            raise Unclear("an empty port")
        first = port(low) if low else 0
        last = (port(high) if high else 65535) if colon else first
        if last < first:
            raise Unclear(f"the range {part} runs backwards")
        ranges.append((first, last))
    return normalise(ranges)


@lru_cache(_REMEMBERED)
def ports(field: Field, value: str, negated: bool, several: bool) -> Match:
    """`--sport`, `--dports` and the like. Raises Unclear."""
    return field_match(field, port_ranges(value, several), negated, Family.IPV4)


@lru_cache(_REMEMBERED)
def either_port(value: str, negated: bool) -> Match:
    """`multiport --ports`: the source or the destination port is one of these. Raises Unclear."""
    ranges = port_ranges(value, True)
    match = AnyOf(((FieldMatch(Field.SOURCE_PORT, ranges),), (FieldMatch(Field.DESTINATION_PORT, ranges),)))
    return NoneOf((match,)) if negated else match


_FLAG_SETS = {"ALL": 63, "NONE": 0}
SYN_ONLY = ("FIN,SYN,RST,ACK", "SYN")


def _flags(value: str) -> int:
    bits = 0
    for name in value.upper().split(","):
        if name in _FLAG_SETS:
            bits |= _FLAG_SETS[name]
        elif name in TcpFlag.__members__ and TcpFlag[name] < TcpFlag.ECE:
            bits |= int(TcpFlag[name])
        else:
            raise Unclear(f"unknown TCP flag {name}")
    return bits


@lru_cache(_REMEMBERED)
def tcp_flags(mask: str, wanted: str, negated: bool) -> Match:
    """`--tcp-flags MASK COMP`: of the flags in the mask, exactly those in comp are set. Raises Unclear."""
    bits, value = _flags(mask), _flags(wanted)
    ranges = normalise((flags, flags) for flags in range(256) if flags & bits == value)
    return field_match(Field.TCP_FLAGS, ranges, negated, Family.IPV4)


@lru_cache(_REMEMBERED)
def icmp_type(value: str, negated: bool, family: Family) -> Match | None:
    """`--icmp-type`, `--icmpv6-type`: a name, `type` or `type/code`; None for any. Raises Unclear.

    ip_tables.c `icmp_type_code_match`: type 255 is any for IPv4, and a type like others for IPv6.
    """
    table = ICMP_TYPES if family is Family.IPV4 else ICMPV6_TYPES
    if value.lower() in table:
        kind, codes = table[value.lower()]
    else:
        text, slash, code = value.partition("/")
        numbers = [text, code] if slash else [text]
        if not all(each.isascii() and each.isdigit() and len(each) < 4 and int(each) < 256 for each in numbers):
            raise Unclear(f"unknown ICMP type {value}")
        kind, codes = int(text), (int(code), int(code)) if slash else ALL_CODES
        kind = -1 if family is Family.IPV4 and kind == 255 else kind
    if kind < 0:
        return NEVER if negated else None
    parts: list[Match] = [FieldMatch(Field.ICMP_TYPE, ((kind, kind),))]
    if codes != ALL_CODES:
        parts.append(FieldMatch(Field.ICMP_CODE, (codes,)))
    if negated:
        return NoneOf(tuple(parts))
    return parts[0] if len(parts) == 1 else AnyOf((tuple(parts),))


@lru_cache(_REMEMBERED)
def mac(value: str) -> Intervals:
    """`--mac-source`. Raises Unclear."""
    parts = value.replace("-", ":").split(":")
    try:
        numbers = [int(part, 16) for part in parts if len(part) in (1, 2) and part.isalnum()]
    except ValueError:
        numbers = []
    if len(numbers) != 6 or len(parts) != 6:
        raise Unclear(f"{value} is no MAC address")
    number = int.from_bytes(bytes(numbers), "big")
    return ((number, number),)
