"""The routing types of addresses: which are a Linux host's own, which broadcast, which neither."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

from validator.dialects._linux_facts import Host, LinuxInterface
from validator.model import AnyOf, Bit, BitMatch, ConditionMatch, FieldMatch, Match, NoneOf
from validator.packets.fields import Family, Field, Interval, Intervals
from validator.packets.intervals import complement, intersect, normalise

ADDR_COMMAND = "ip -j addr"
LOCAL_SOURCE, LOCAL_DESTINATION = Bit("local-source"), Bit("local-destination")
BROADCAST = Bit("broadcast-destination")
_LOCAL = {Field.SOURCE: LOCAL_SOURCE, Field.DESTINATION: LOCAL_DESTINATION}
NEVER = AnyOf(())
LIMITED: Interval = ((1 << 32) - 1, (1 << 32) - 1)
LOOPBACK_NET: Mapping[Family, Intervals] = {
    Family.IPV4: ((127 << 24, (128 << 24) - 1),),
    Family.IPV6: ((1, 1),),
}
_MULTICAST: Mapping[Family, Intervals] = {
    Family.IPV4: ((224 << 24, (240 << 24) - 1),),
    Family.IPV6: ((0xFF << 120, (1 << 128) - 1),),
}
_ZERO_NET: Intervals = ((1, (1 << 24) - 1),)
_MAPPED: Interval = (0xFFFF << 32, (0xFFFF << 32) | 0xFFFFFFFF)


def address_type(host: Host, side: Field, kind: str, *, fib: bool = False) -> Match | None:
    """`addrtype`, `fib daddr type` (`fib`): whether the address at `side` has the routing type `kind` (LOCAL,
    UNICAST, BROADCAST, MULTICAST, ...). None where it always has.

    IPv4, inet_addr_type in the kernel: the limited broadcast, 0.0.0.0 and multicast by their numbers, then
    what the local routing table says (own addresses, broadcast addresses of networks), and UNICAST for all
    others, whatever other routes say: no address has another type (unless somebody put routes into the local
    table). IPv6, xt_addrtype.c: UNICAST, MULTICAST and UNSPEC by the number alone, own addresses
    included; nft's fib asks the routes, and there own addresses are not UNICAST (see _unicast_by_fib).
    xt_addrtype wants all of UNICAST, MULTICAST and UNSPEC that one IPv6 rule lists; elsewhere one of them is enough.
    """
    name = kind.upper()
    if name == "MULTICAST":
        return FieldMatch(side, _MULTICAST[host.family])
    if name == "LOCAL":
        return _local(host, side)
    if host.family is Family.IPV6:
        return _address_type_6(host, side, name, fib)
    match name:
        case "BROADCAST":
            return _broadcast(host, side)
        case "UNICAST":
            multicast = FieldMatch(side, _MULTICAST[Family.IPV4])
            return NoneOf((AnyOf(((multicast,), (_local(host, side),), (_broadcast(host, side),))),))
        case "UNSPEC" | "ANYCAST" | "BLACKHOLE" | "UNREACHABLE" | "PROHIBIT" | "THROW" | "NAT" | "XRESOLVE":
            return NEVER
    return _asked(host, side, name)


def _address_type_6(host: Host, side: Field, name: str, fib: bool) -> Match:
    """The types of IPv6 addresses beside LOCAL and MULTICAST."""
    if name == "BROADCAST":
        return NEVER
    if name == "UNICAST":
        odd = normalise([(0, 0), _MAPPED, *_MULTICAST[Family.IPV6]])
        plain = FieldMatch(side, complement(odd, (1 << 128) - 1))
        return _unicast_by_fib(host, side, plain) if fib else plain
    if name == "UNSPEC" and not fib:
        return FieldMatch(side, ((0, 0),))
    return _asked(host, side, name)


def _unicast_by_fib(host: Host, side: Field, plain: Match) -> Match:
    """UNICAST in IPv6 as a text of nft says it. nft prints the rules of xt_addrtype alike: what made a rule decides
    whether own addresses are unicast."""
    own = _local(host, side)
    made = host.condition(
        f"rules with `fib {side.label} type unicast` for IPv6 were made by iptables-nft, to which own addresses are "
        "unicast (ip6tables-save says it in full)"
    )
    return AnyOf(((plain, NoneOf((own,)), _asked(host, side, "UNICAST")), (plain, own, ConditionMatch(made))))


def _asked(host: Host, side: Field, name: str) -> Match:
    return ConditionMatch(host.condition(f"the route to the {side.label} address is of type {name}"))


def _broadcast(host: Host, side: Field) -> Match:
    """Whether an IPv4 address is a broadcast address.

    Before Linux 5.3 all of 0.0.0.0/8 was, and before 5.14 the lowest address of a network.
    """
    fixed: list[Interval] = [(0, 0), LIMITED]
    old = ConditionMatch(host.condition("the kernel is older than 5.3: 0.0.0.0/8 is broadcast"))
    alternatives: list[tuple[Match, ...]] = [(FieldMatch(side, _ZERO_NET), old)]
    if host.interfaces is not None:
        fixed += [(int(ip_address(text)),) * 2 for each in host.interfaces for text in each.broadcasts]
        lowest = intersect(_lowest(host.interfaces), complement(normalise(fixed), LIMITED[0]))
        older = ConditionMatch(host.condition("the kernel is older than 5.14: a network's lowest address is broadcast"))
        if lowest:
            alternatives.append((FieldMatch(side, lowest), older))
    else:
        others = FieldMatch(side, normalise([*_MULTICAST[Family.IPV4], *LOOPBACK_NET[Family.IPV4]]))
        asked = host.condition(
            f"the {side.label} address is a broadcast address of a network of the host (export {ADDR_COMMAND})"
        )
        last = FieldMatch(side, (((128 << 24) - 1,) * 2,))
        alternatives.append((last,))
        alternatives.append((NoneOf((AnyOf(((others,), (_local(host, side),))),)), ConditionMatch(asked)))
    return AnyOf(((FieldMatch(side, normalise(fixed)),), *alternatives))


def _lowest(interfaces: tuple[LinuxInterface, ...]) -> Intervals:
    networks = [network for each in interfaces for network in each.networks(Family.IPV4) if network.prefixlen < 31]
    return normalise((int(each.network_address),) * 2 for each in networks)


def _local(host: Host, side: Field) -> Match:
    """Whether an address is one of the host's own; where nobody told them, what the hook says of the packet."""
    loopback, fixed = LOOPBACK_NET[host.family], list(_MULTICAST[host.family])
    if host.family is Family.IPV4:
        fixed += [(0, 0), LIMITED]
        loopback = ((127 << 24, (128 << 24) - 2),)
    others = complement(normalise(fixed), (1 << host.family.bits) - 1)
    if host.own is not None:
        last = complement((((128 << 24) - 1,) * 2,), LIMITED[0]) if host.family is Family.IPV4 else others
        return FieldMatch(side, intersect(intersect(normalise([*host.own, *loopback]), others), last))
    plain = (BitMatch(BROADCAST, expected=False),) if host.family is Family.IPV4 and side is Field.DESTINATION else ()
    here: tuple[Match, ...] = (
        BitMatch(_LOCAL[side]),
        *plain,
        FieldMatch(side, intersect(others, complement(LOOPBACK_NET[host.family], (1 << host.family.bits) - 1))),
    )
    return AnyOf((here, (FieldMatch(side, loopback),)))
