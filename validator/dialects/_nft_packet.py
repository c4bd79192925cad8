"""From an expression of libnftables-json(5) to its key: what it reads of the packet, and what that depends on.

Dependencies as nft generates them (`nft --debug=netlink` shows them). Where nothing exact is known of an expression it
is opaque: each comparison with it is an open condition.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import _nft_values as values
from validator.dialects._linux_changes import asked_here
from validator.dialects._linux_host import address_type
from validator.dialects._nft_connections import connection, mark, of_marks
from validator.dialects._nft_data import Expr, Unclear, fields, items, single
from validator.dialects._nft_keys import (
    ConstantKey,
    FiniteKey,
    InterfaceKey,
    Key,
    NumberKey,
    OpaqueKey,
    StatusKey,
    WordKey,
)
from validator.dialects._nft_logic import ALWAYS, NEVER, Conj, negate, union
from validator.dialects._nft_render import render
from validator.dialects._nft_surroundings import Surroundings, opaque
from validator.model import LOOPBACK, ConditionMatch, FieldMatch, InterfaceMatch
from validator.packets.fields import Family, Field

_WITH_PORTS = ((6, 6), (17, 17), (33, 33), (132, 132), (136, 136))
_L4 = {
    "tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136, "icmp": 1, "igmp": 2, "icmpv6": 58,
    "ah": 51, "esp": 50, "comp": 108, "gre": 47,
}  # fmt: skip
_PORTS = {"sport": Field.SOURCE_PORT, "dport": Field.DESTINATION_PORT}
_RAW_PORTS = {0: "sport", 16: "dport"}
_ADDRESSES = {"saddr": Field.SOURCE, "daddr": Field.DESTINATION}
_INTERFACES = {
    "iif": Field.IN_INTERFACE, "iifname": Field.IN_INTERFACE,
    "oif": Field.OUT_INTERFACE, "oifname": Field.OUT_INTERFACE,
}  # fmt: skip
_OF_SOCKETS = frozenset(("skuid", "skgid", "cgroup", "sdif", "sdifname", "iifkind", "oifkind", "ibrname", "obrname"))
_NF = {Family.IPV4: 2, Family.IPV6: 10}
_ETHER = {Family.IPV4: 0x0800, Family.IPV6: 0x86DD}
HEADERS = ("rt", "hbh", "dst", "srh")
"""Extension headers of IPv6 that packets are taken not to have."""
_DONT_FRAGMENT = 0x4000
_FLAG_CASES: tuple[tuple[int, Conj], ...] = tuple(
    (number, (FieldMatch(Field.TCP_FLAGS, ((number, number),)),)) for number in range(256)
)


def key_of(expr: Expr, around: Surroundings) -> Key:
    """The key of an expression. Raises Unclear."""
    if not isinstance(expr, dict):
        return ConstantKey(expr)
    kind, body = single(expr)
    reader = _READERS.get(kind)
    if reader is not None:
        return reader(expr, fields(body), around)
    match kind:
        case "&":
            return _masked(expr, items(body), around)
        case "<<" | ">>" | "|" | "^":
            return mark(expr, around) if of_marks(expr) else opaque(expr, around)
        case "numgen" | "symhash":
            return opaque(expr, around, total=True)
        case "jhash":
            return opaque(expr, around, _hashed(fields(body).get("expr"), around), total=True)
        case "tcp option" | "sctp chunk" | "dccp option":
            return opaque(expr, around, _l4(kind.partition(" ")[0]))
        case "ip option":
            return opaque(expr, around, _family(around, Family.IPV4))
        case "rt":  # the kernel takes `rt mtu` only where packets have been routed (nft_rt_validate)
            return opaque(expr, around, total=fields(body).get("key") == "mtu")
        case "socket" | "osf" | "ipsec" | "xfrm" | "tunnel":
            return opaque(expr, around)
    raise Unclear(f"the expression {kind[:40]} is not known")


def reads(expr: dict[str, Expr]) -> bool:
    """Whether an expression reads the packet or what is kept with it by itself, and not by its parts."""
    return len(expr) == 1 and not _READING.isdisjoint(expr)


def _hashed(expr: Expr, around: Surroundings) -> Conj:
    parts = fields(expr).get("concat")
    return tuple(
        match for part in (items(parts) if parts is not None else [expr]) for match in key_of(part, around).deps
    )


def _family(around: Surroundings, family: Family) -> Conj:
    return ALWAYS if around.host.family is family else NEVER


def _l4(protocol: str) -> Conj:
    number = _L4[protocol]
    return (FieldMatch(Field.PROTOCOL, ((number, number),)),)


def _payload(expr: Expr, inner: dict[str, Expr], around: Surroundings) -> Key:
    protocol, field = str(inner.get("protocol")), str(inner.get("field"))
    if "tunnel" in inner:
        return opaque(expr, around)
    if inner.get("base") == "th" and inner.get("len") == 16 and inner.get("offset") in (0, 16):
        protocol, field = "th", "sport" if inner.get("offset") == 0 else "dport"
    match protocol:
        case "ip" | "ip6":
            return _network(expr, protocol, field, around)
        case "ether":
            return _ether(expr, field, around)
        case "th" if field in _PORTS:
            return _any_port(expr, _PORTS[field], around)
        case "arp":
            return opaque(expr, around, NEVER)
        case "icmp" | "icmpv6":
            return _icmp(expr, protocol, field, around)
    if protocol not in _L4:
        return opaque(expr, around)
    if field in _PORTS and protocol in ("tcp", "udp", "sctp", "dccp", "udplite"):
        return NumberKey(_PORTS[field], 16, values.port, around.host.family, _l4(protocol))
    if protocol == "tcp" and field == "flags":
        return FiniteKey(_FLAG_CASES, values.tcp_flags, _l4("tcp"))
    return opaque(expr, around, _l4(protocol), total=True)


def _network(expr: Expr, protocol: str, field: str, around: Surroundings) -> Key:
    family = Family.IPV4 if protocol == "ip" else Family.IPV6
    deps = _family(around, family)
    if field in _ADDRESSES:
        read = values.ipv4 if family is Family.IPV4 else values.ipv6
        return NumberKey(_ADDRESSES[field], family.bits, read, family, deps)
    if field in ("protocol", "nexthdr"):
        return NumberKey(Field.PROTOCOL, 8, values.protocol, family, deps)
    if field == "version":
        return FiniteKey(((4 if family is Family.IPV4 else 6, ALWAYS),), values.plain32, deps)
    return opaque(expr, around, deps, total=True)


def _ether(expr: Expr, field: str, around: Surroundings) -> Key:
    """Frames: nft asks for an in-interface of type Ethernet, which loopback is not and a local packet has none."""
    deps: Conj = (InterfaceMatch(Field.IN_INTERFACE, ("", LOOPBACK), negated=True),)
    if field == "saddr":
        return NumberKey(Field.MAC, 48, values.mac, around.host.family, deps)
    if field == "type":
        return FiniteKey(((_ETHER[around.host.family], ALWAYS),), values.ether_type, deps)
    return opaque(expr, around, deps, total=True)


def _icmp(expr: Expr, protocol: str, field: str, around: Surroundings) -> Key:
    family = Family.IPV4 if protocol == "icmp" else Family.IPV6
    deps = (*_family(around, family), *_l4(protocol))
    if field == "type":
        read = values.icmp_type if family is Family.IPV4 else values.icmpv6_type
        return NumberKey(Field.ICMP_TYPE, 8, read, family, deps)
    if field == "code":
        read = values.icmp_code if family is Family.IPV4 else values.icmpv6_code
        return NumberKey(Field.ICMP_CODE, 8, read, family, deps)
    return opaque(expr, around, deps)


class AnyPortKey(Struct, frozen=True):
    """`th dport`: the port where the protocol has ports; other protocols have other bytes there."""

    ports: NumberKey
    other: OpaqueKey
    deps: Conj = ()

    def _either(self, ports: Conj, other: Conj) -> Conj:
        known: Conj = (FieldMatch(Field.PROTOCOL, _WITH_PORTS),)
        return union([(*known, *ports), (*negate(known, Family.IPV4), *other)])

    def equals(self, value: Expr) -> Conj:
        return self._either(self.ports.equals(value), self.other.equals(value))

    def among(self, ports: Conj, values: Iterable[Expr]) -> Conj:
        """When it is one of `values`, and `ports` says when a port is."""
        return self._either(ports, union(self.other.equals(value) for value in values))

    def compare(self, operator: str, value: Expr) -> Conj:
        return self._either(self.ports.compare(operator, value), self.other.compare(operator, value))


def _any_port(expr: Expr, field: Field, around: Surroundings) -> Key:
    return AnyPortKey(NumberKey(field, 16, values.port, around.host.family), opaque(expr, around))


def _meta(expr: Expr, inner: dict[str, Expr], around: Surroundings) -> Key:
    family, key = around.host.family, str(inner.get("key"))
    if key in _INTERFACES:
        return InterfaceKey(_INTERFACES[key], around.asks)
    match key:
        case "l4proto":
            return NumberKey(Field.PROTOCOL, 8, values.protocol, family)
        case "nfproto":
            return FiniteKey(((_NF[family], ALWAYS),), values.nf_protocol)
        case "protocol":
            return FiniteKey(((_ETHER[family], ALWAYS),), values.ether_type)
        case "mark":
            return mark(expr, around)
        case "pkttype":
            return FiniteKey(_packet_types(around), values.packet_type)
    return opaque(expr, around, total=key not in _OF_SOCKETS)


def _packet_types(around: Surroundings) -> tuple[tuple[int, Conj], ...]:
    """The values of `meta pkttype`, of which a packet has one: host, unless frames are of another kind."""

    def kind(name: str, value: bool) -> ConditionMatch:
        return ConditionMatch(around.assumed("unicast-frames", f"a packet's pkttype is {name}", value))

    def no(match: ConditionMatch) -> ConditionMatch:
        return replace(match, expected=False)

    host, broadcast, multicast = kind("host", True), kind("broadcast", False), kind("multicast", False)
    return (
        (0, (host,)),
        (1, (no(host), broadcast)),
        (2, (no(host), no(broadcast), multicast)),
        (3, (no(host), no(broadcast), no(multicast))),
    )


def _masked(expr: Expr, parts: list[Expr], around: Surroundings) -> Key:
    """`KEY & CONSTANT`. Raises Unclear."""
    if of_marks(expr):
        return mark(expr, around)
    if len(parts) != 2:
        raise Unclear("an operation that has not two sides")
    key = key_of(parts[0], around)
    field = fields(fields(parts[0]).get("payload")).get("field")
    if field == "frag-off":
        return _fragment_bits(expr, parts[1], around)
    if isinstance(key, NumberKey) and key.mask is None:
        mask = values.bits(parts[1], key.read)
        if values.masked(mask, 0, key.width) is None:
            return opaque(expr, around, key.deps, total=True)
        return replace(key, mask=mask)
    if isinstance(key, FiniteKey) and key.mask is None:
        return replace(key, mask=values.bits(parts[1], key.read))
    if isinstance(key, StatusKey):
        return replace(key, mask=values.bits(parts[1], values.status))
    return opaque(expr, around, key.deps)


def _fragment(around: Surroundings) -> ConditionMatch:
    return ConditionMatch(around.assumed("unfragmented", "a packet is a fragment", False))


def extension_header(name: str, around: Surroundings) -> ConditionMatch:
    """That a packet has this extension header of IPv6."""
    return ConditionMatch(around.assumed("plain-headers", f"a packet has the header {name}", False))


def _fragment_bits(expr: Expr, mask: Expr, around: Surroundings) -> Key:
    deps = _family(around, Family.IPV4)
    bits = values.bits(mask, values.plain32)
    if bits & _DONT_FRAGMENT:
        return opaque(expr, around, deps, total=True)
    some = _fragment(around)

    def meaning(value: str) -> Conj:
        if value == "0":
            return (replace(some, expected=False),)
        return (some, ConditionMatch(around.asks_of(expr)(f"`{render(expr)} {value}` matches")))

    return WordKey(meaning, around.host.family, deps)


def _extension(expr: Expr, inner: dict[str, Expr], around: Surroundings) -> Key:
    deps = _family(around, Family.IPV6)
    name = str(inner.get("name"))
    if name != "frag" and not name.startswith(HEADERS):
        return opaque(expr, around, deps)
    some = _fragment(around) if name == "frag" else extension_header(name, around)
    if "field" in inner:
        return opaque(expr, around, (*deps, some))

    def meaning(value: str) -> Conj:
        return (replace(some, expected=value not in ("false", "0")),)

    return WordKey(meaning, around.host.family, deps)


def _fib(expr: Expr, inner: dict[str, Expr], around: Surroundings) -> Key:
    """nft(8) FIB EXPRESSIONS: the type of an address, or the interface that leads to it."""
    flags = [str(flag) for flag in items(inner.get("flags"))]
    sides = [_ADDRESSES[flag] for flag in flags if flag in _ADDRESSES]
    if len(sides) != 1:
        raise Unclear("a fib expression without one address")
    text, asks = render(expr), around.asks_of(expr)
    if inner.get("result") != "type":
        back = sides[0] is Field.SOURCE and "iif" in flags
        exists = asks(f"`{text} exists` matches")
        if back:
            exists = around.host.assumed("reverse-path", exists.text, True, exists.span)

        def leads(value: str) -> Conj:
            if value in ("false", "0"):
                return (ConditionMatch(exists, False),)
            if value == "true":
                return (ConditionMatch(exists),)
            return (ConditionMatch(asks(f"`{text} {value}` matches")),)

        return WordKey(leads, around.host.family)

    def kind(value: str) -> Conj:
        if value.isdigit():
            value = values.route_type(value)
        found = address_type(around.host, sides[0], value, fib=True)
        exact: Conj = () if found is None else (found,)
        if around.own(repr(expr)):
            exact = asked_here(exact, around.here)
        if len(flags) == 1:
            return exact
        narrower = ConditionMatch(asks(f"`{text} {value}` matches"))
        return (*exact, narrower) if value == "local" else (narrower,)

    return WordKey(kind, around.host.family)


_READERS = {"payload": _payload, "meta": _meta, "ct": connection, "fib": _fib, "exthdr": _extension}
_READING = frozenset(
    (*_READERS, "numgen", "jhash", "symhash", "tcp option", "sctp chunk", "dccp option", "ip option")
    + ("rt", "socket", "osf", "ipsec", "xfrm", "tunnel")
)
