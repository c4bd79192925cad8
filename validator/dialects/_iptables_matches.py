"""Match options of iptables as matches of the model, per iptables(8) and iptables-extensions(8).

Three treatments: decided exactly (a FieldMatch or InterfaceMatch), a condition at normal load
(limiters), or an open condition. Everything is memoised by its text, since dumps repeat themselves.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address, ip_network

from validator.model import AnyOf, Condition, ConditionMatch, FieldMatch, InterfaceMatch, Match, NoneOf
from validator.packets.fields import Family, Field, Interval, Intervals, State, TcpFlag, top
from validator.packets.intervals import complement, normalise

NEVER: Match = AnyOf(())


class Unclear(Exception):
    """An option whose value is not understood; the message says why. Never leaves the dialect."""


PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipencap": 4,
    "ipip": 4,
    "ipv4": 4,
    "tcp": 6,
    "udp": 17,
    "ipv6": 41,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "gre": 47,
    "esp": 50,
    "ipv6-crypt": 50,
    "ah": 51,
    "ipv6-auth": 51,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "icmp6": 58,
    "ospf": 89,
    "pim": 103,
    "vrrp": 112,
    "l2tp": 115,
    "sctp": 132,
    "dccp": 33,
    "udplite": 136,
}
"""Protocol names of /etc/protocols that rulesets use, and their numbers."""

SERVICES = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67,
    "bootpc": 68, "tftp": 69, "http": 80, "www": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111,
    "auth": 113, "ident": 113, "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139,
    "imap": 143, "imap2": 143, "snmp": 161, "snmptrap": 162, "ldap": 389, "https": 443,
    "microsoft-ds": 445, "isakmp": 500, "syslog": 514, "printer": 515, "submission": 587, "ldaps": 636,
    "imaps": 993, "pop3s": 995, "openvpn": 1194, "ms-sql-s": 1433, "radius": 1812, "nfs": 2049,
    "mysql": 3306, "rdp": 3389, "ipsec-nat-t": 4500, "sip": 5060, "postgresql": 5432, "mdns": 5353,
    "http-alt": 8080,
}  # fmt: skip
"""Service names of /etc/services that rulesets use, and their ports; iptables-save writes numbers."""

_ICMP_TYPES: dict[str, tuple[int, Interval]] = {
    "any": (-1, (0, 255)), "echo-reply": (0, (0, 255)), "pong": (0, (0, 255)),
    "destination-unreachable": (3, (0, 255)), "network-unreachable": (3, (0, 0)),
    "host-unreachable": (3, (1, 1)), "protocol-unreachable": (3, (2, 2)), "port-unreachable": (3, (3, 3)),
    "fragmentation-needed": (3, (4, 4)), "source-route-failed": (3, (5, 5)),
    "communication-prohibited": (3, (13, 13)), "source-quench": (4, (0, 255)), "redirect": (5, (0, 255)),
    "echo-request": (8, (0, 255)), "ping": (8, (0, 255)), "router-advertisement": (9, (0, 255)),
    "router-solicitation": (10, (0, 255)), "time-exceeded": (11, (0, 255)), "ttl-exceeded": (11, (0, 255)),
    "ttl-zero-during-transit": (11, (0, 0)), "ttl-zero-during-reassembly": (11, (1, 1)),
    "parameter-problem": (12, (0, 255)), "timestamp-request": (13, (0, 255)),
    "timestamp-reply": (14, (0, 255)), "address-mask-request": (17, (0, 255)),
    "address-mask-reply": (18, (0, 255)),
}  # fmt: skip
_ICMPV6_TYPES: dict[str, tuple[int, Interval]] = {
    "any": (-1, (0, 255)), "destination-unreachable": (1, (0, 255)), "no-route": (1, (0, 0)),
    "communication-prohibited": (1, (1, 1)), "beyond-scope": (1, (2, 2)), "address-unreachable": (1, (3, 3)),
    "port-unreachable": (1, (4, 4)), "packet-too-big": (2, (0, 255)), "time-exceeded": (3, (0, 255)),
    "ttl-exceeded": (3, (0, 255)), "ttl-zero-during-transit": (3, (0, 0)),
    "ttl-zero-during-reassembly": (3, (1, 1)), "parameter-problem": (4, (0, 255)), "bad-header": (4, (0, 0)),
    "unknown-header-type": (4, (1, 1)), "unknown-option": (4, (2, 2)), "echo-request": (128, (0, 255)),
    "ping": (128, (0, 255)), "echo-reply": (129, (0, 255)), "pong": (129, (0, 255)),
    "router-solicitation": (133, (0, 255)), "router-advertisement": (134, (0, 255)),
    "neighbour-solicitation": (135, (0, 255)), "neighbor-solicitation": (135, (0, 255)),
    "neighbour-advertisement": (136, (0, 255)), "neighbor-advertisement": (136, (0, 255)),
    "redirect": (137, (0, 255)),
}  # fmt: skip


def field_match(field: Field, ranges: Intervals, negated: bool, family: Family) -> Match:
    """A match on a field, its intervals complemented where negated."""
    return FieldMatch(field, complement(ranges, top(field, family)) if negated else ranges)


@cache
def addresses(field: Field, value: str, negated: bool, family: Family) -> Match:
    """`-s`, `-d`: addresses, prefixes and netmasks, separated by commas. Raises Unclear."""
    ranges: list[Interval] = []
    for part in value.split(","):
        text, _, mask = part.partition("/")
        try:
            network = ip_network(f"{text}/{mask}" if mask else text, strict=False)
        except ValueError:
            raise Unclear(f"{part} is a host name, or a mask with gaps") from None
        if (network.version == 4) != (family is Family.IPV4):
            raise Unclear(f"{part} is of the other address family")
        ranges.append((int(network.network_address), int(network.broadcast_address)))
    return field_match(field, normalise(ranges), negated, family)


@cache
def address_range(field: Field, value: str, negated: bool, family: Family) -> Match:
    """`iprange`: `first-last`, or one address. Raises Unclear."""
    low, _, high = value.partition("-")
    try:
        first, last = ip_address(low), ip_address(high or low)
    except ValueError:
        raise Unclear(f"{value} is no range of addresses") from None
    if first.version != last.version or (first.version == 4) != (family is Family.IPV4):
        raise Unclear(f"{value} is of the other address family")
    return field_match(field, normalise([(int(first), int(last))]), negated, family)


@cache
def interface(field: Field, value: str, negated: bool) -> Match:
    """`-i`, `-o`: a name, or a prefix with `+`."""
    return InterfaceMatch(field, (value,), negated)


@cache
def protocol(value: str, negated: bool) -> Match | None:
    """`-p`: a name or number; None for all. Raises Unclear."""
    name = value.lower()
    if name in ("all", "0"):
        return NEVER if negated else None
    number = int(name) if name.isdigit() else PROTOCOLS.get(name, 256)
    if number > 255:
        raise Unclear(f"unknown protocol {value}")
    return field_match(Field.PROTOCOL, ((number, number),), negated, Family.IPV4)


def _port(text: str) -> int:
    number = int(text) if text.isdigit() else SERVICES.get(text.lower())
    if number is None:
        try:
            number = socket.getservbyname(text)
        except (OSError, UnicodeError):
            raise Unclear(f"unknown service name {text}") from None
    if number > 65535:
        raise Unclear(f"{text} is no port")
    return number


@cache
def port_ranges(value: str) -> Intervals:
    """Ports, and ranges `low:high` with either end left out, separated by commas. Raises Unclear."""
    ranges: list[Interval] = []
    for part in value.split(","):
        low, colon, high = part.partition(":")
        first = _port(low) if low else 0
        last = (_port(high) if high else 65535) if colon else first
        if not low and not colon:
            raise Unclear("an empty port")
        ranges.append((first, last))
    return normalise(ranges)


@cache
def ports(field: Field, value: str, negated: bool) -> Match:
    """`--sport`, `--dports` and the like. Raises Unclear."""
    return field_match(field, port_ranges(value), negated, Family.IPV4)


@cache
def either_port(value: str, negated: bool) -> Match:
    """`multiport --ports`: the source or the destination port is one of these. Raises Unclear."""
    ranges = port_ranges(value)
    both = (FieldMatch(Field.SOURCE_PORT, ranges),), (FieldMatch(Field.DESTINATION_PORT, ranges),)
    match = AnyOf(both)
    return NoneOf((match,)) if negated else match


_FLAG_SETS = {"ALL": 63, "NONE": 0}


def _flags(value: str) -> int:
    bits = 0
    for name in value.upper().split(","):
        if name in _FLAG_SETS:
            bits |= _FLAG_SETS[name]
        elif name in TcpFlag.__members__:
            bits |= int(TcpFlag[name])
        else:
            raise Unclear(f"unknown TCP flag {name}")
    return bits


@cache
def tcp_flags(mask: str, wanted: str, negated: bool) -> Match:
    """`--tcp-flags MASK COMP`: of the flags in the mask, exactly those in comp are set. Raises Unclear."""
    bits, value = _flags(mask), _flags(wanted)
    ranges = normalise((flags, flags) for flags in range(256) if flags & bits == value)
    return field_match(Field.TCP_FLAGS, ranges, negated, Family.IPV4)


@cache
def icmp_type(value: str, negated: bool, family: Family) -> Match:
    """`--icmp-type`, `--icmpv6-type`: a name, `type` or `type/code`. Raises Unclear."""
    table = _ICMP_TYPES if family is Family.IPV4 else _ICMPV6_TYPES
    if value.lower() in table:
        kind, codes = table[value.lower()]
    else:
        text, _, code = value.partition("/")
        if not text.isdigit() or (code and not code.isdigit()) or int(text) > 255 or int(code or 0) > 255:
            raise Unclear(f"unknown ICMP type {value}")
        kind, codes = int(text), (int(code), int(code)) if code else (0, 255)
        kind = -1 if family is Family.IPV4 and kind == 255 else kind
    parts: list[Match] = []
    if kind >= 0:
        parts.append(FieldMatch(Field.ICMP_TYPE, ((kind, kind),)))
    if codes != (0, 255):
        parts.append(FieldMatch(Field.ICMP_CODE, (codes,)))
    if not negated and len(parts) == 1:
        return parts[0]
    return NoneOf(tuple(parts)) if negated else AnyOf((tuple(parts),))


@cache
def mac(value: str, negated: bool) -> Match:
    """`--mac-source`. Raises Unclear."""
    try:
        number = int(value.replace(":", "").replace("-", ""), 16)
    except ValueError:
        raise Unclear(f"{value} is no MAC address") from None
    if number >> 48:
        raise Unclear(f"{value} is no MAC address")
    return field_match(Field.MAC, ((number, number),), negated, Family.IPV4)


@cache
def states(value: str, negated: bool, path: str) -> Match:
    """`--state`, `--ctstate`; the virtual states SNAT and DNAT are conditions. Raises Unclear."""
    known: list[Interval] = []
    alternatives: list[tuple[Match, ...]] = []
    for name in value.upper().split(","):
        if name in State.__members__:
            known.append((int(State[name]), int(State[name])))
        elif name in ("SNAT", "DNAT"):
            alternatives.append((condition(f"conntrack --ctstate {name}", path),))
        else:
            raise Unclear(f"unknown connection state {name}")
    ranges = normalise(known)
    if not alternatives:
        return field_match(Field.STATE, ranges, negated, Family.IPV4)
    if ranges:
        alternatives.append((FieldMatch(Field.STATE, ranges),))
    match = AnyOf(tuple(alternatives))
    return NoneOf((match,)) if negated else match


@cache
def condition(text: str, path: str, expected: bool = True) -> Match:
    """An open condition on what a dump cannot tell; one variable for one text of one dump."""
    return ConditionMatch(Condition(f"{path}: {text}", f"whether `{text}` matches"), expected)


@cache
def nominal(text: str, path: str, value: bool, assumption: str = "normal-load", expected: bool = True) -> Match:
    """A condition with the value that `assumption` gives it."""
    found = Condition(
        f"{path}: {text}", f"`{text}` {'matches' if value else 'does not match'}", None, assumption, value
    )
    return ConditionMatch(found, expected)


def _hashlimit(options: str) -> bool | None:
    return "-above" not in options


def _connlimit(options: str) -> bool | None:
    return "--connlimit-above" not in options


def _recent(options: str) -> bool | None:
    """With a hit count, the limit is not reached; without one, the list is anybody's guess."""
    return False if "--hitcount" in options else None


NOMINAL: dict[str, Callable[[str], bool | None]] = {
    "limit": lambda options: True,
    "hashlimit": _hashlimit,
    "connlimit": _connlimit,
    "recent": _recent,
}
"""Modules that limit rates: from the options, what they match below the limit, None if not told."""


def module_match(module: str, options: str, negated: bool, path: str) -> Match | None:
    """The match of a module that is not decided exactly; None where it always matches.

    `options` is their text without `!`.
    """
    text = f"{module} {options}".strip()
    if module == "recent" and "--set" in options.split():
        return NEVER if negated else None
    value = NOMINAL[module](options) if module in NOMINAL else None
    if value is None:
        return condition(text, path, not negated)
    return nominal(text, path, value, "normal-load", not negated)
