"""Hosts that drop IPv6 neighbour solicitations: nobody on their links finds them, whatever ports are open."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address
from itertools import product

from validator.check import Checked
from validator.engine.interpret import interpret
from validator.engine.packet import INTERFACE, Packet
from validator.engine.survey import interface_patterns
from validator.facts import line_text
from validator.model import LOOPBACK, Firewall, Hook
from validator.packets.fields import ICMPV6, Family, Field, State
from validator.results import Subject, Value, Verdict

_SOLICITATION = 135
_FROM = ("fe80::7", "2001:db8::7")
_TO = ("ff02::1:ff00:10", "2001:db8:1::10")
"""RFC 4861 section 7.2.2: to the solicited-node multicast address, or, as a probe, to the host itself."""
_STOPS = ("drop", "reject")


def neighbour_subjects(checked: Checked) -> Iterator[Subject]:
    """A subject for each Linux host that drops them, whoever sends them, where something is not blocked anyway."""
    for firewall in checked.firewalls:
        if firewall.platform != "linux" or firewall.family is not Family.IPV6 or not firewall.chains:
            continue
        reached = [
            each
            for each in checked.report.results
            if (each.host, each.family) == (firewall.host, Family.IPV6) and not each.local
        ]
        results = sum(each.verdict is not Verdict.BLOCKED for each in reached)
        if results:
            yield from _dropped(firewall, results)


def _dropped(firewall: Firewall, results: int) -> Iterator[Subject]:
    span = None
    for packet in _solicitations(firewall):
        trace = interpret([firewall], packet)
        if trace.verdict not in _STOPS or trace.rule is None:
            return
        span = span or trace.rule.span
    if span is None:
        return
    facts: dict[str, Value] = {
        "host": firewall.host,
        "where": firewall.host,
        "firewall": firewall.name,
        "line": line_text(span),
        "results": results,
    }
    yield Subject("neighbours", facts, span, "neighbours")


def _solicitations(firewall: Firewall) -> Iterator[Packet]:
    """What neighbours may send, on every interface that rules or exports name and one more. Connection tracking keeps
    out of it: they are untracked (nf_conntrack_proto_icmpv6.c)."""
    named = {name.removesuffix("+") or INTERFACE for name in interface_patterns([firewall])}
    interfaces = set(firewall.interfaces) or {*named, INTERFACE}
    for name, source, destination in product(sorted(interfaces - {LOOPBACK}), _FROM, _TO):
        values = {
            Field.SOURCE: int(IPv6Address(source)),
            Field.DESTINATION: int(IPv6Address(destination)),
            Field.PROTOCOL: ICMPV6,
            Field.STATE: int(State.UNTRACKED),
            Field.TCP_FLAGS: 0,
            Field.ICMP_TYPE: _SOLICITATION,
            Field.ICMP_CODE: 0,
            Field.SOURCE_PORT: 0,
            Field.DESTINATION_PORT: 0,
        }
        yield Packet(Hook.INPUT, Family.IPV6, values, name)
