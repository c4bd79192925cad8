"""What holds in Google Cloud whatever the rules say: replies, the metadata server, blocked and limited traffic.

Cloud NGFW documentation, "VPC firewall rules", https://docs.cloud.google.com/firewall/docs/firewalls. "Always allowed
traffic" (#alwaysallowed): neither VPC firewall rules nor hierarchical firewall policies apply to packets sent to or
received from the metadata server at 169.254.169.254. "Blocked and limited traffic" (#blockedtraffic): DHCP offers and
acknowledgements to UDP port 68 (IPv4) and 546 (IPv6) are blocked unless the metadata server sends them, and egress to
TCP port 25 of an external address is in most projects, but not in all. Protocols that external addresses take at all
are no port's matter.

Compute Engine documentation, "Sending email from an instance",
https://docs.cloud.google.com/compute/docs/tutorials/sending-mail: port 25 is blocked where the destination is external
to the VPC network, and allowed inside it, to peered networks, and to those connected by Cloud VPN or Cloud
Interconnect; ports 465 and 587 are not restricted. Addresses that are used privately though they are not private ones
are external or not as the network is made: a condition, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from validator.dialects._cloud import addresses
from validator.model import ACCEPT, DROP, Condition, ConditionMatch, FieldMatch, Match, Rule, stateful
from validator.packets.fields import TCP, UDP, Family, Field, Intervals
from validator.packets.intervals import complement
from validator.source import Span

_METADATA = ("169.254.169.254",)
_INTERNAL = {
    Family.IPV4: ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"),
    Family.IPV6: ("fc00::/7", "fe80::/10"),
}
_DHCP_CLIENT = {Family.IPV4: 68, Family.IPV6: 546}


def platform_addresses(family: Family) -> Intervals:
    """Those of the metadata server: no module is there."""
    return addresses(_METADATA, family)


def platform_rules(inbound: bool, family: Family, path: str) -> Iterator[Rule]:
    """What comes before every rule and policy; `path` is the export that its lines name."""
    yield stateful(Span(path, 1, "replies pass (Google Cloud's firewall is stateful)"))
    server = platform_addresses(family)
    if server:
        text = "the metadata server is always allowed"
        peer = FieldMatch(Field.SOURCE if inbound else Field.DESTINATION, server)
        yield Rule((peer,), ACCEPT, Span(path, 1, text), text, implicit=True)
    if inbound:
        port = _DHCP_CLIENT[family]
        text = f"Google Cloud blocks DHCP offers and acknowledgements (UDP port {port})"
        yield _limited(text, "the packet is one", UDP, port, (), path)
    else:
        text = "Google Cloud may block TCP port 25 to external addresses"
        external = complement(addresses(_INTERNAL[family], family), _top(family))
        yield _limited(text, "does so in this project", TCP, 25, (FieldMatch(Field.DESTINATION, external),), path)


def _top(family: Family) -> int:
    return int(ip_network("0.0.0.0/0" if family is Family.IPV4 else "::/0")[-1])


def _limited(text: str, when: str, protocol: int, port: int, peers: tuple[Match, ...], path: str) -> Rule:
    """Traffic that is dropped if a condition holds of which no export tells."""
    matches = (
        *peers,
        FieldMatch(Field.PROTOCOL, ((protocol, protocol),)),
        FieldMatch(Field.DESTINATION_PORT, ((port, port),)),
        ConditionMatch(Condition(f"gcp limited {port}", f"{text}, and {when}")),
    )
    return Rule(matches, DROP, Span(path, 1, text), text, implicit=True)
