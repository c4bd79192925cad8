"""Constants of nftables as numbers: addresses, ports, protocols, ICMP types, flags, states.

Names as `nft describe` prints them (nftables 1.0 and 1.1); states and flags by their bits in the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address

from validator.dialects._iptables_names import SERVICES
from validator.dialects._nft_data import Expr, Unclear, fields
from validator.packets.fields import Interval, Intervals, State
from validator.packets.intervals import normalise

STATES: Mapping[str, int] = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
"""`ct state`: the bits of nf_conntrack_common.h."""
STATE_BITS: Mapping[int, State] = {
    1: State.INVALID, 2: State.ESTABLISHED, 4: State.RELATED, 8: State.NEW, 64: State.UNTRACKED
}  # fmt: skip
STATUS: Mapping[str, int] = {
    "expected": 1, "seen-reply": 2, "assured": 4, "confirmed": 8, "snat": 16, "dnat": 32, "dying": 512
}  # fmt: skip
TCP_FLAGS: Mapping[str, int] = {
    "fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128
}  # fmt: skip
PACKET_TYPES: Mapping[str, int] = {"host": 0, "unicast": 0, "broadcast": 1, "multicast": 2, "other": 3}
ETHER_TYPES: Mapping[str, int] = {
    "ip": 0x0800, "arp": 0x0806, "ip6": 0x86DD, "8021q": 0x8100, "vlan": 0x8100, "8021ad": 0x88A8
}  # fmt: skip
NF_PROTOCOLS: Mapping[str, int] = {"ipv4": 2, "ipv6": 10}
ICMP_TYPES: Mapping[str, int] = {
    "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14, "info-request": 15, "info-reply": 16,
    "address-mask-request": 17, "address-mask-reply": 18,
}  # fmt: skip
ICMP_CODES: Mapping[str, int] = {
    "net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3, "frag-needed": 4,
    "net-prohibited": 9, "host-prohibited": 10, "admin-prohibited": 13,
}  # fmt: skip
ICMPV6_TYPES: Mapping[str, int] = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4,
    "echo-request": 128, "echo-reply": 129, "mld-listener-query": 130, "mld-listener-report": 131,
    "mld-listener-done": 132, "mld-listener-reduction": 132, "nd-router-solicit": 133, "nd-router-advert": 134,
    "nd-neighbor-solicit": 135, "nd-neighbor-advert": 136, "nd-redirect": 137, "router-renumbering": 138,
    "ind-neighbor-solicit": 141, "ind-neighbor-advert": 142, "mld2-listener-report": 143,
}  # fmt: skip
ICMPV6_CODES: Mapping[str, int] = {
    "no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4, "policy-fail": 5,
    "reject-route": 6,
}  # fmt: skip
_PROTOCOLS: Mapping[str, int] = {
    "ip": 0, "hopopt": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8,
    "igp": 9, "pup": 12, "udp": 17, "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33,
    "xtp": 36, "ddp": 37, "idpr-cmtp": 38, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45,
    "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "skip": 57, "ipv6-icmp": 58, "ipv6-nonxt": 59,
    "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89, "ax.25": 93, "ipip": 94,
    "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124,
    "sctp": 132, "fc": 133, "mobility-header": 135, "udplite": 136, "mpls-in-ip": 137, "manet": 138,
    "hip": 139, "shim6": 140, "wesp": 141, "rohc": 142, "ethernet": 143, "comp": 108, "icmpv6": 58,
}  # fmt: skip
"""The protocols of Debian's /etc/protocols, which nft prints by name. `ipip` is 94 there, not 4."""

Number = Callable[[Expr], int]
"""Reads one constant; raises Unclear."""


def _number(value: Expr) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def named(names: Mapping[str, int], most: int) -> Number:
    """Numbers up to `most`, and names."""

    def read(value: Expr) -> int:
        number = _number(value)
        if number is None and isinstance(value, str):
            number = names.get(value.lower())
            if number is None and value.isascii() and value.isdigit() and len(value) < 40:
                number = int(value)
        if number is None or not 0 <= number <= most:
            raise Unclear(f"{_short(value)} is not known here")
        return number

    return read


def _short(value: Expr) -> str:
    return str(value)[:60]


@lru_cache(maxsize=65536)
def _address(text: str, version: int) -> int:
    try:
        found = ip_address(text)
    except ValueError:
        raise Unclear(f"{text[:60]} is no address") from None
    if found.version != version:
        raise Unclear(f"{text} is of the other address family")
    return int(found)


_ROUTE_TYPES: tuple[str, ...] = ("unspec", "unicast", "local", "broadcast", "anycast", "multicast")
_ROUTE_TYPES += ("blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve")


def route_type(value: str) -> str:
    """The name of a type of routes that `nft -n` lists by its number (linux/rtnetlink.h). Raises Unclear."""
    if int(value) >= len(_ROUTE_TYPES):
        raise Unclear(f"the type {value[:20]} of an address is not known")
    return _ROUTE_TYPES[int(value)]


def ipv4(value: Expr) -> int:
    """An IPv4 address. Raises Unclear."""
    return _address(value, 4) if isinstance(value, str) else named({}, 0xFFFFFFFF)(value)


def ipv6(value: Expr) -> int:
    """An IPv6 address. Raises Unclear."""
    return _address(value, 6) if isinstance(value, str) else named({}, (1 << 128) - 1)(value)


def mac(value: Expr) -> int:
    """A MAC address. Raises Unclear."""
    try:
        number = int(str(value).replace(":", ""), 16) if isinstance(value, str) and value.count(":") == 5 else -1
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 48:
        raise Unclear(f"{_short(value)} is no MAC address")
    return number


def port(value: Expr) -> int:
    """A port or the name of a service. Raises Unclear."""
    number = _number(value)
    if number is None and isinstance(value, str):
        number = SERVICES.get(value.lower())
    if number is None or not 0 <= number <= 65535:
        raise Unclear(f"{_short(value)} is no port")
    return number


protocol = named(_PROTOCOLS, 255)
icmp_type, icmp_code = named(ICMP_TYPES, 255), named(ICMP_CODES, 255)
icmpv6_type, icmpv6_code = named(ICMPV6_TYPES, 255), named(ICMPV6_CODES, 255)
plain32 = named({}, 0xFFFFFFFF)
state, status = named(STATES, 0xFFFFFFFF), named(STATUS, 0xFFFFFFFF)
tcp_flags = named(TCP_FLAGS, 255)
packet_type = named(PACKET_TYPES, 255)
ether_type = named(ETHER_TYPES, 65535)
nf_protocol = named(NF_PROTOCOLS, 255)


def bits(value: Expr, read: Number) -> int:
    """A constant, or flags joined by a list or `|`, as one number. Raises Unclear."""
    if isinstance(value, list):
        found = 0
        for each in value:
            found |= bits(each, read)
        return found
    parts = fields(value).get("|")
    if isinstance(parts, list):
        return bits(parts, read)
    return read(value)


def interval(value: Expr, read: Number, width: int) -> Interval:
    """A constant, a range, a prefix or `*` of a field of `width` bits. Raises Unclear."""
    if value == "*":
        return 0, (1 << width) - 1
    if not isinstance(value, dict):
        number = read(value)
        return number, number
    ends = value.get("range")
    if isinstance(ends, list) and len(ends) == 2:
        low, high = read(ends[0]), read(ends[1])
        if low > high:
            raise Unclear("a range whose end is before its start")
        return low, high
    prefix = fields(value.get("prefix"))
    length = _number(prefix.get("len"))
    if length is not None and 0 <= length <= width:
        host = (1 << (width - length)) - 1
        low = read(prefix.get("addr")) & ~host
        return low, low | host
    raise Unclear("an expression where a constant was expected")


def masked(mask: int, wanted: int, width: int) -> Intervals | None:
    """The numbers of `width` bits that are `wanted` under `mask`; None where they are too many ranges."""
    if wanted & ~mask:
        return ()
    low_free = 0
    while low_free < width and not mask >> low_free & 1:
        low_free += 1
    free = [bit for bit in range(low_free, width) if not mask >> bit & 1]
    if len(free) > 10:
        return None
    ranges = []
    for choice in range(1 << len(free)):
        base = wanted
        for position, bit in enumerate(free):
            base |= (choice >> position & 1) << bit
        ranges.append((base, base | ((1 << low_free) - 1)))
    return normalise(ranges)
