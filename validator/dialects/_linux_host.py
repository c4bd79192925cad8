"""What a Linux host is, beside its rules: addresses, interfaces, forwarding, sets.

Rules ask about these (`addrtype`, `set`, `fib`), and address translation needs them to tell what is
delivered here from what is forwarded. What no export told is a condition that names the command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_address

from validator.model import DROP as _DROP
from validator.model import (
    LOOPBACK,
    Action,
    AnyInterface,
    AnyOf,
    Assigned,
    Assignment,
    Bit,
    BitMatch,
    Choice,
    Condition,
    ConditionMatch,
    FieldMatch,
    Hook,
    InterfaceName,
    Match,
    NoneOf,
    Rule,
    Verb,
)
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import contains, normalise
from validator.source import Span

ADDR_COMMAND = "ip -j addr"
LOCAL_SOURCE, LOCAL_DESTINATION = Bit("local-source"), Bit("local-destination")
TRANSLATED = Bit("dnat")
_LOCAL = {Field.SOURCE: LOCAL_SOURCE, Field.DESTINATION: LOCAL_DESTINATION}
_LOOPBACK_NET: Mapping[Family, Intervals] = {
    Family.IPV4: ((127 << 24, (128 << 24) - 1),),
    Family.IPV6: ((1, 1),),
}
_MULTICAST: Mapping[Family, Intervals] = {
    Family.IPV4: ((224 << 24, (240 << 24) - 1),),
    Family.IPV6: ((0xFF << 120, (1 << 128) - 1),),
}
_BROADCAST: Mapping[Family, Intervals] = {Family.IPV4: ((0, (1 << 24) - 1), ((1 << 32) - 1, (1 << 32) - 1))}


@dataclass(frozen=True, slots=True)
class LinuxInterface:
    """An interface with its addresses and the networks they are in; `broadcasts` are IPv4 broadcast addresses."""

    name: str
    addresses: tuple[IPv4Interface | IPv6Interface, ...] = ()
    broadcasts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinuxInterfaces:
    """Fragment data of `ip addr`: every interface of the host."""

    path: str
    interfaces: tuple[LinuxInterface, ...]


@dataclass(frozen=True, slots=True)
class LinuxSettings:
    """Fragment data of `sysctl`: `forwarding` by family, missing where the export does not say; each with its line."""

    path: str
    forwarding: Mapping[Family, tuple[bool, Span]]


@dataclass(frozen=True, slots=True)
class SetMember:
    """An element of an ipset: one or several boxes of packets, as matches for the dimensions it has.

    `parts` are the element's dimensions, in the order of the set's type, each a tuple of intervals
    or an interface name: `ip`, `net` -> intervals of addresses, `port` -> (protocol or None, intervals), `mac`
    -> intervals, `iface` -> name, `mark` -> intervals. `nomatch`: packets in it are not in the set.
    """

    parts: tuple[object, ...]
    nomatch: bool = False


@dataclass(frozen=True, slots=True)
class IpSet:
    """A set of `ipset save`: `type` as `hash:ip,port`; `members` of a list:set are names of sets.

    `why` says what of it was not understood, if anything: its contents are then unknown.
    """

    name: str
    type: str
    family: Family | None
    members: tuple[SetMember | str, ...]
    span: Span
    why: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """All that is known of one host and family.

    `own`: its addresses, None where nobody told; `interfaces`: None likewise.
    """

    name: str
    family: Family
    withdrawn: frozenset[str] = frozenset()
    own: Intervals | None = None
    interfaces: tuple[LinuxInterface, ...] | None = None
    forwarding: tuple[bool, Span] | None = None
    sets: Mapping[str, IpSet] = field(default_factory=dict)

    def condition(self, text: str, *, per_packet: bool = False, span: Span | None = None) -> Condition:
        """An open condition on this host: one variable for one text."""
        return Condition(f"{self.name}: {text}", text, span, per_packet=per_packet)

    def assumed(self, assumption: str, text: str, value: bool, span: Span | None = None) -> Condition:
        """A condition with the value that `assumption` gives it, unless it was withdrawn."""
        taken = None if assumption in self.withdrawn else value
        return Condition(f"{self.name}: {text}", text, span, assumption, taken)


def address_type(host: Host, side: Field, kind: str) -> Match | None:
    """`addrtype`, `fib daddr type`: whether the address at `side` has the routing type `kind` (LOCAL, UNICAST,
    BROADCAST, MULTICAST, ...). None where it always has.

    inet_addr_type in the kernel: multicast and the limited broadcast by their numbers, LOCAL and subnet
    broadcasts by the host's addresses; where those are unknown, LOCAL is what the hook says of the packet.
    """
    family = host.family
    multicast = FieldMatch(side, _MULTICAST[family])
    fixed = _BROADCAST.get(family, ())
    name = kind.upper()
    if name == "UNSPEC":
        return FieldMatch(side, ((0, 0),))
    if name == "MULTICAST":
        return multicast
    if name == "LOCAL":
        return AnyOf(((_local(host, side),),))
    if name == "BROADCAST" and family is Family.IPV6:
        return AnyOf(())
    subnet: tuple[Match, ...]
    if host.interfaces is not None:
        numbers = [int(ip_address(text)) for each in host.interfaces for text in each.broadcasts]
        subnet = (FieldMatch(side, normalise([*fixed, *((n, n) for n in numbers)])),)
        broadcast: Match = subnet[0]
    else:
        asked = host.condition(f"the {side.label} address is a broadcast address of a network of the host")
        local = _local(host, side)
        broadcast = AnyOf(
            (
                (FieldMatch(side, fixed),),
                (NoneOf((multicast,)), NoneOf((local,)), ConditionMatch(asked)),
            )
        )
    if name == "BROADCAST":
        return broadcast
    if name == "UNICAST":
        odd = host.condition(f"the route to the {side.label} address is a unicast one")
        plain: tuple[Match, ...] = (NoneOf((multicast,)), NoneOf((_local(host, side),)))
        if family is Family.IPV4:
            plain = (*plain, NoneOf((broadcast,)))
        return AnyOf(((*plain, ConditionMatch(odd)),))
    return ConditionMatch(host.condition(f"the route to the {side.label} address is of type {name}"))


def _local(host: Host, side: Field) -> Match:
    """Whether an address is one of the host's own."""
    loopback = _LOOPBACK_NET[host.family]
    if host.own is not None:
        return FieldMatch(side, normalise([*host.own, *loopback]))
    fixed = normalise([*_BROADCAST.get(host.family, ()), *_MULTICAST[host.family]])
    here: tuple[Match, ...] = (BitMatch(_LOCAL[side]), NoneOf((FieldMatch(side, fixed),)))
    return AnyOf((here, (FieldMatch(side, loopback),)))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a translation sends a packet: `addresses` None keeps the address, `redirect` is this host's own;
    `ports` None keeps the port."""

    addresses: Intervals | None = None
    ports: Intervals | None = None
    redirect: bool = False


def translation(
    host: Host, hook: Hook, matches: tuple[Match, ...], target: Target, span: Span, canonical: str
) -> tuple[Rule, ...]:
    """The rules of a DNAT or REDIRECT at PREROUTING or OUTPUT.

    iptables-extensions(8) DNAT, REDIRECT: the first packet's destination is changed, and it is routed anew; a
    redirected packet goes to the primary address of the interface it came in on, a locally made one to
    127.0.0.1 or ::1. What is not delivered here is forwarded, if the host forwards at all.
    """
    assign: list[Assignment] = [(TRANSLATED, 1)]
    extra: list[Match] = [ConditionMatch(_translated(host, canonical, span))]
    if target.redirect:
        assign += _redirected(host, hook, span)
    elif target.addresses is not None:
        assign.append((Field.DESTINATION, _value(host, target.addresses, "translated address", span)))
        away, needs = _routed(host, hook, target.addresses, span)
        assign += away
        extra += needs
    if target.ports is not None:
        assign.append((Field.DESTINATION_PORT, _value(host, target.ports, "translated port", span)))
    found = Rule((*matches, *extra), Action(Verb.ACCEPT, assign=tuple(assign)), span, canonical)
    return (found, Rule(matches, _DROP, span, canonical))


def _translated(host: Host, canonical: str, span: Span) -> Condition:
    return host.assumed("translated", f"a module listens where `{canonical}` sends its port", True, span)


def _value(host: Host, ranges: Intervals, what: str, span: Span) -> Assigned:
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return ranges[0][0]
    return Choice(host.condition(f"which {what} of {span.path}:{span.line} is taken", span=span), ranges)


def _redirected(host: Host, hook: Hook, span: Span) -> list[Assignment]:
    own: Assigned
    if hook is Hook.OUTPUT:
        own = (127 << 24) | 1 if host.family is Family.IPV4 else 1
        return [(Field.DESTINATION, own), (LOCAL_DESTINATION, 1), (Field.OUT_INTERFACE, InterfaceName(LOOPBACK))]
    every: Intervals = ((0, (1 << host.family.bits) - 1),)
    ranges = host.own or every
    return [(Field.DESTINATION, _value(host, ranges, "own address", span)), (LOCAL_DESTINATION, 1)]


def _routed(host: Host, hook: Hook, addresses: Intervals, span: Span) -> tuple[list[Assignment], list[Match]]:
    """What routing does with a translated packet: here, or out of which interface; and what that needs."""
    local = _is_local(host, addresses)
    here: Assigned = Choice(_which(host, "the translated address is one of the host", span), ((0, 1),))
    if local is not None:
        here = int(local)
    assign: list[Assignment] = [
        (LOCAL_DESTINATION, here),
        (Field.OUT_INTERFACE, _way_out(host, addresses, local, span)),
    ]
    if local is True or hook is Hook.OUTPUT:
        return assign, []
    if host.forwarding is not None:
        on, where = host.forwarding
        if on:
            return assign, []
        off = Condition(f"{host.name}: forwarding", f"the host does not forward ({where.path}:{where.line})", where)
        return assign, [AnyOf(())] if local is False else [ConditionMatch(off)]
    text = f"the host forwards {host.family.value}"
    return assign, [ConditionMatch(host.assumed("forwarding", text, True, span))]


def _which(host: Host, text: str, span: Span) -> Condition:
    return host.condition(f"{text} ({span.path}:{span.line}; export {ADDR_COMMAND})", span=span)


def _is_local(host: Host, addresses: Intervals) -> bool | None:
    """Whether all of `addresses` are the host's own, or none is; None where that is not known."""
    loopback = _LOOPBACK_NET[host.family]
    if all(contains(loopback, end) for pair in addresses for end in pair):
        return True
    if host.own is None:
        return None
    singles = all(low == high for low, high in addresses)
    if singles and all(contains(host.own, low) for low, _ in addresses):
        return True
    if not any(low <= top and high >= bottom for low, high in addresses for bottom, top in host.own):
        return False
    return None


def _way_out(host: Host, addresses: Intervals, local: bool | None, span: Span) -> Assigned:
    """The interface that leads to translated addresses: that of the network they are in, else nobody knows."""
    if local is True:
        return InterfaceName(LOOPBACK)
    for each in host.interfaces or ():
        for address in each.addresses:
            low, high = int(address.network.network_address), int(address.network.broadcast_address)
            same = (address.version == 4) == (host.family is Family.IPV4)
            if same and low != high and all(low <= first and last <= high for first, last in addresses):
                return InterfaceName(each.name)
    return AnyInterface(_which(host, "which interface leads to the translated address", span))


__all__ = [
    "Host",
    "IpSet",
    "LinuxInterface",
    "LinuxInterfaces",
    "LinuxSettings",
    "SetMember",
    "Target",
    "address_type",
    "translation",
]
