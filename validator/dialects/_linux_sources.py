"""What source translation (SNAT, MASQUERADE) means to a connection: where its replies go before it is undone for them.

The request leaves with another source, behind the chains that could ask about it. Its replies come to that
address: raw and mangle see it at PREROUTING, and at OUTPUT, where the reply to a packet that came in is also
routed by it; the nat hook there (priority -100) gives replies their true destination (nf_nat_core.c:
nf_nat_packet; nf_nat_proto.c: nf_nat_ipv4_local_fn routes anew what leaves).
"""

from __future__ import annotations

from collections.abc import Iterator

from validator.dialects._linux_facts import same_family
from validator.dialects._linux_host import SOURCE_DONE, Host, asked_of_addresses, chosen, is_local, outside_loopback
from validator.dialects._linux_host import way_out as leads_to
from validator.model import (
    LOOPBACK,
    Action,
    AnyInterface,
    Assigned,
    Assignment,
    Choice,
    Condition,
    ConditionMatch,
    FieldMatch,
    InterfaceMatch,
    InterfaceName,
    Match,
    Rule,
    Verb,
    unfollowed,
)
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import normalise
from validator.source import Span

_MOST_INTERFACES = 8
"""With more of them, a masqueraded packet may get any address of the host."""
_CLASSES: tuple[Intervals, ...] = (((1024, 65535),), ((0, 1023),))


def source_translation(
    host: Host, matches: tuple[Match, ...], addresses: Intervals | None, ports: Intervals | None, span: Span, text: str
) -> tuple[Rule, ...]:
    """The rules of SNAT to some of `addresses` (None: one of the host's own, as MASQUERADE does) and `ports`.

    Where no ports are given, the source port is kept if it is free, else it becomes another one of its class: below
    1024, or not (nf_nat_l4proto_unique_tuple). Translation to ports below 1024 is not followed: replies are
    looked at with ports of clients.
    """
    if ports is not None and ports[0][0] < 1024:
        why = "the source port is translated to one below 1024: replies are not followed"
        return unfollowed(matches, span, text, why)
    if addresses is None:
        return tuple(_masquerade(host, matches, ports, span, text))
    local = is_local(host, addresses)
    return _rules(host, matches, addresses, _way(host, addresses, local), ports, span, text)


def _way(host: Host, addresses: Intervals, local: bool | None) -> Assigned:
    way = leads_to(host, addresses, local)
    return _any_way(host, local is None) if isinstance(way, AnyInterface) else way


def _masquerade(
    host: Host, matches: tuple[Match, ...], ports: Intervals | None, span: Span, text: str
) -> Iterator[Rule]:
    """To an address of the interface that the packet leaves by, inet_select_addr and ipv6_dev_get_saddr in the kernel:
    in IPv4 no secondary one, which is in the network of an earlier one."""
    here: Assigned = InterfaceName(LOOPBACK)
    interfaces = [each for each in host.interfaces or () if each.name != LOOPBACK and each.up]
    for each in interfaces if len(interfaces) <= _MOST_INTERFACES else ():
        found: dict[object, int] = {}
        for address in each.addresses:
            if same_family(address, host.family):
                key = address.network if host.family is Family.IPV4 else address
                found.setdefault(key, int(address.ip))
        if found:
            leaves = InterfaceMatch(Field.OUT_INTERFACE, (each.name,))
            own = normalise((number, number) for number in found.values())
            yield from _rules(host, (*matches, leaves), own, here, ports, span, text)
    own = outside_loopback(host.own or ()) if host.family is Family.IPV4 else host.own or ()
    yield from _rules(host, matches, own or _everywhere(host), here, ports, span, text)


def _rules(
    host: Host,
    matches: tuple[Match, ...],
    addresses: Intervals,
    way: Assigned,
    ports: Intervals | None,
    span: Span,
    text: str,
) -> tuple[Rule, ...]:
    source = chosen(host, addresses, "translated source", span)
    common: tuple[Assignment, ...] = ((SOURCE_DONE, 1), (Field.SOURCE, source), (Field.IN_INTERFACE, way))
    rules: list[Rule] = []
    for number, clients in enumerate(_CLASSES):
        what = "translated source port" if number == 0 else "translated source port below 1024"
        port: Assignment = (Field.SOURCE_PORT, chosen(host, ports or clients, what, span))
        here = (*matches, FieldMatch(Field.SOURCE_PORT, clients)) if number == 0 else matches
        rules.append(Rule(here, Action(Verb.ACCEPT, assign=(*common, port)), span, text))
    return tuple(rules)


def hidden_source(host: Host, matches: tuple[Match, ...], span: Span, canonical: str) -> Rule:
    """A rule for a line of a nat chain that is not understood, where sources are translated: it may translate to any
    address and port."""

    def asked(what: str) -> Condition:
        return host.condition(f"{what} ({span.path}:{span.line}: {canonical})", span=span)

    assign: tuple[Assignment, ...] = (
        (SOURCE_DONE, 1),
        (Field.SOURCE, Choice(asked("to which source it translates"), _everywhere(host))),
        (Field.SOURCE_PORT, Choice(asked("to which source port it translates"), _CLASSES[0])),
        (Field.IN_INTERFACE, _any_way(host, True)),
    )
    translates = ConditionMatch(asked("whether it translates the source"))
    return Rule((*matches, translates), Action(Verb.ACCEPT, assign=assign), span, canonical, understood=False)


def _any_way(host: Host, or_loopback: bool) -> AnyInterface:
    text = "which interface leads to the translated source" + ", if it is not the host's own" * or_loopback
    return AnyInterface(asked_of_addresses(host.name, text), or_loopback)


def _everywhere(host: Host) -> Intervals:
    return ((0, (1 << host.family.bits) - 1),)
