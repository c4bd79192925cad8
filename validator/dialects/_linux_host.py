"""What rules ask of a Linux host: whether an address is its own, and where a translated packet goes.

`addrtype`, `fib` and address translation need the host's addresses and interfaces. What no export told is a
condition that names the command.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from msgspec import Struct

from validator.dialects._linux_addresses import (
    ADDR_COMMAND,
    LIMITED,
    LOCAL_DESTINATION,
    LOCAL_SOURCE,
    LOOPBACK_NET,
    address_type,
)
from validator.dialects._linux_facts import (
    Address,
    Host,
    IpSet,
    LinuxInterface,
    LinuxInterfaces,
    LinuxSettings,
    Network,
    SetInterface,
    SetMember,
    SetPart,
    SetPort,
    named_sets,
    own_addresses,
)
from validator.dialects._linux_forwarding import localnet
from validator.model import DROP as _DROP
from validator.model import (
    LOOPBACK,
    Action,
    AnyInterface,
    Assigned,
    Assignment,
    Bit,
    Choice,
    Condition,
    ConditionMatch,
    FieldMatch,
    Hook,
    InterfaceMatch,
    InterfaceName,
    Match,
    Rule,
    Verb,
)
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import complement, intersect, meets, normalise
from validator.source import Span

TRANSLATED = Bit("dnat")
DESTINATION_DONE, SOURCE_DONE = Bit("dnat-done"), Bit("snat-done")
_DONE = Action(Verb.ACCEPT, assign=((DESTINATION_DONE, 1),))


class Target(Struct, frozen=True):
    """Where a translation sends a packet: `addresses` None keeps the address, `redirect` is this host's own;
    `ports` None keeps the port; `random` takes another of the ports even where the packet's is among them."""

    addresses: Intervals | None = None
    ports: Intervals | None = None
    redirect: bool = False
    random: bool = False


def translation(
    host: Host, hook: Hook, matches: tuple[Match, ...], target: Target, span: Span, canonical: str
) -> tuple[Rule, ...]:
    """The rules of a DNAT or REDIRECT at PREROUTING or OUTPUT.

    iptables-extensions(8) DNAT, REDIRECT: the first packet's destination is changed, and it is routed anew; a
    redirected packet goes to the primary address of the interface it came in on, a locally made one to
    127.0.0.1 or ::1. What is not delivered here is forwarded, if the host forwards at all; what comes
    from outside for 127.0.0.0/8 is dropped unless route_localnet is set (ip-sysctl in the kernel's documentation).
    """
    assign: list[Assignment] = [(DESTINATION_DONE, 1), (TRANSLATED, 1)]
    stopped: tuple[Rule, ...] = ()
    extra: list[Match] = [ConditionMatch(_translated(host, canonical, span))]
    if target.redirect:
        assign += _redirected(host, hook, span)
    elif target.addresses is not None:
        assign.append((Field.DESTINATION, chosen(host, target.addresses, "translated address", span)))
        away, needs = _routed(host, target.addresses, span)
        assign += away
        extra += needs
        if hook is Hook.PREROUTING:
            stopped, further = localnet(host, matches, target.addresses)
            extra += further
    if target.ports is not None:
        assign.append((Field.DESTINATION_PORT, chosen(host, target.ports, "translated port", span)))
    found = Rule((*matches, *extra), Action(Verb.ACCEPT, assign=tuple(assign)), span, canonical)
    unchanged = _unchanged(host, hook, matches, target, span, canonical)
    return (*unchanged, *stopped, found, Rule(matches, _DROP, span, canonical))


def hidden_translation(host: Host, matches: tuple[Match, ...], span: Span, canonical: str) -> Rule:
    """A rule for a line of a nat chain that is not understood: beside all else it may translate the destination,
    to any address and port, here or elsewhere."""

    def asked(text: str) -> Condition:
        return host.condition(f"{text} ({span.path}:{span.line}: {canonical})", span=span)

    anywhere: Intervals = ((0, (1 << host.family.bits) - 1),)
    assign: tuple[Assignment, ...] = (
        (DESTINATION_DONE, 1),
        (TRANSLATED, 1),
        (Field.DESTINATION, Choice(asked("to which address it translates"), anywhere)),
        (Field.DESTINATION_PORT, Choice(asked("to which port it translates"), ((0, 65535),))),
        (LOCAL_DESTINATION, _here_or_not(host.name)),
        (Field.OUT_INTERFACE, _some_interface(host.name)),
    )
    translates = ConditionMatch(asked("whether it translates the destination"))
    action = Action(Verb.ACCEPT, assign=assign)
    return Rule((*matches, translates), action, span, canonical, understood=False)


def _unchanged(
    host: Host, hook: Hook, matches: tuple[Match, ...], target: Target, span: Span, canonical: str
) -> Iterator[Rule]:
    """Packets that are translated to what they are: nf_nat_setup_info in the kernel leaves them as they are, without
    the status DNAT. A port among `target.ports` stays unless another is taken at random (get_unique_tuple in the
    kernel's nf_nat_core.c); an address is always chosen anew, so among several it is not known which one."""

    def doubtful() -> Match:
        text = f"the packet goes anyway to where it is translated at {span.path}:{span.line}"
        return ConditionMatch(host.condition(text, span=span))

    port = () if target.ports is None else (FieldMatch(Field.DESTINATION_PORT, target.ports),)
    drawn = len(target.ports or ()) > 1 or (target.random and not _single(target.ports))
    for same, several in _addresses_kept(host, hook, target):
        if same or port:
            yield Rule((*matches, *same, *port, *([doubtful()] if several or drawn else [])), _DONE, span, canonical)


def _addresses_kept(host: Host, hook: Hook, target: Target) -> Iterator[tuple[tuple[Match, ...], bool]]:
    """Packets that may be sent to the address they have, and whether one of several is chosen."""

    def to(ranges: Intervals) -> FieldMatch:
        return FieldMatch(Field.DESTINATION, ranges)

    if target.addresses is not None:
        yield (to(target.addresses),), not _single(target.addresses)
    elif not target.redirect:
        yield (), False
    elif hook is Hook.OUTPUT:
        yield (to(_loopback(host.family)),), False
    elif host.interfaces is None:
        yield (to(host.own or ((0, (1 << host.family.bits) - 1),)),), True
    else:
        for interface in host.interfaces:
            numbers = normalise((number, number) for number in _primaries(interface, host.family))
            if numbers and interface.name != LOOPBACK:
                came_in = InterfaceMatch(Field.IN_INTERFACE, (interface.name,))
                yield (came_in, to(numbers)), not _single(numbers)


def _single(ranges: Intervals | None) -> bool:
    """Whether `ranges` is one value, or says nothing (None)."""
    return ranges is None or (len(ranges) == 1 and ranges[0][0] == ranges[0][1])


def _loopback(family: Family) -> Intervals:
    """127.0.0.1 or ::1."""
    own = (127 << 24) | 1 if family is Family.IPV4 else 1
    return ((own, own),)


def _translated(host: Host, canonical: str, span: Span) -> Condition:
    return host.assumed("translated", f"a module listens where `{canonical}` sends its port", True, span)


def chosen(host: Host, ranges: Intervals, what: str, span: Span) -> Assigned:
    """One of `ranges`: the value itself where there is one only, else a choice that names the line and `what`."""
    if _single(ranges):
        return ranges[0][0]
    return Choice(host.condition(f"which {what} of {span.path}:{span.line} is taken", span=span), ranges)


def _redirected(host: Host, hook: Hook, span: Span) -> list[Assignment]:
    own: Assigned
    if hook is Hook.OUTPUT:
        own = _loopback(host.family)[0][0]
        return [(Field.DESTINATION, own), (LOCAL_DESTINATION, 1), (Field.OUT_INTERFACE, InterfaceName(LOOPBACK))]
    ranges = outside_loopback(host.own or ()) if host.family is Family.IPV4 else host.own or ()
    if host.interfaces is not None:
        first = [_primaries(each, host.family) for each in host.interfaces if each.name != LOOPBACK]
        ranges = normalise((number, number) for numbers in first for number in numbers) or ranges
    ranges = ranges or ((0, (1 << host.family.bits) - 1),)
    return [(Field.DESTINATION, chosen(host, ranges, "own address", span)), (LOCAL_DESTINATION, 1)]


def _primaries(interface: LinuxInterface, family: Family) -> list[int]:
    """The addresses that a redirected packet may get: in IPv4 the first one, in IPv6 any by its scope."""
    numbers = [int(each.ip) for each in interface.addresses if (each.version == 4) is (family is Family.IPV4)]
    return numbers[:1] if family is Family.IPV4 else numbers


def outside_loopback(ranges: Intervals) -> Intervals:
    """`ranges` of IPv4 without those of 127.0.0.0/8."""
    return intersect(ranges, complement(LOOPBACK_NET[Family.IPV4], LIMITED[0]))


def _routed(host: Host, addresses: Intervals, span: Span) -> tuple[list[Assignment], list[Match]]:
    """What routing does with a translated packet: here, or out of which interface; and what that needs."""
    local = is_local(host, addresses)
    here: Assigned = _here_or_not(host.name) if local is None else int(local)
    way = way_out(host, addresses, local)
    assign: list[Assignment] = [(LOCAL_DESTINATION, here), (Field.OUT_INTERFACE, way)]
    needs: list[Match] = []
    if isinstance(way, InterfaceName) and local is not True:
        text = f"{span.path}:{span.line} leads out of {way.name}"
        needs.append(ConditionMatch(host.assumed("connected-routes", text, True, span)))
    return assign, needs


@cache
def _here_or_not(host: str) -> Choice:
    """Whether a translated address is one of the host of this name, where nobody knows."""
    return Choice(asked_of_addresses(host, "the translated address is one of the host"), ((0, 1),))


@cache
def _some_interface(host: str) -> AnyInterface:
    """The interface of the host of this name that leads to a translated address, where nobody knows."""
    return AnyInterface(asked_of_addresses(host, "which interface leads to the translated address"))


def asked_of_addresses(host: str, text: str) -> Condition:
    """What addresses and interfaces of the host of this name would tell. A connection has one destination, so one
    condition serves all."""
    text = f"{text} (export {ADDR_COMMAND})"
    return Condition(f"{host}: {text}", text)


def is_local(host: Host, addresses: Intervals) -> bool | None:
    """Whether all of `addresses` are the host's own, or none is; None where that is not known."""
    loopback = LOOPBACK_NET[host.family]
    if intersect(addresses, loopback) == addresses:
        return True
    if host.own is None:
        return None
    own = normalise([*host.own, *loopback])
    if intersect(addresses, own) == addresses:
        return True
    return None if meets(addresses, own) else False


def way_out(host: Host, addresses: Intervals, local: bool | None) -> Assigned:
    """The interface that leads to translated addresses: that of the smallest network that holds all of them, unless
    a smaller one holds some; where several or none do, nobody knows."""
    if local is True:
        return InterfaceName(LOOPBACK)
    unknown = _some_interface(host.name)
    if not host.interfaces:
        return unknown
    found: list[tuple[int, bool, str]] = []
    for each in host.interfaces:
        for network in each.networks(host.family):
            whole: Intervals = ((int(network.network_address), int(network.broadcast_address)),)
            if each.name != LOOPBACK and meets(addresses, whole):
                found.append((network.prefixlen, intersect(addresses, whole) == addresses, each.name))
    longest = max((length for length, _, _ in found), default=0)
    names = {name for length, _, name in found if length == longest}
    if len(names) == 1 and all(holds for length, holds, _ in found if length == longest):
        return InterfaceName(names.pop())
    return unknown


__all__ = [
    "ADDR_COMMAND",
    "DESTINATION_DONE",
    "LOCAL_DESTINATION",
    "LOCAL_SOURCE",
    "SOURCE_DONE",
    "TRANSLATED",
    "Address",
    "Host",
    "IpSet",
    "LinuxInterface",
    "LinuxInterfaces",
    "LinuxSettings",
    "Network",
    "SetInterface",
    "SetMember",
    "SetPart",
    "SetPort",
    "Target",
    "address_type",
    "hidden_translation",
    "named_sets",
    "own_addresses",
    "translation",
]
