"""Chains of nft on devices that may drop ARP: what they let pass of IPv4 reaches no neighbour.

As Linux 6.18 has it, with a veth whose neighbours were forgotten before each connection.
"""

from __future__ import annotations

import json

import pytest

from tests.dialects.exports import counts, trace, verdict, wall
from validator.packets.fields import Family

ACCEPTING = "table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n"


def table(*rules: str, hook: str = "ingress", family: str = "netdev", policy: str = "drop", head: str = "") -> str:
    """A table with one chain of `rules` on eth0, behind `head`."""
    body = "".join(f"\t\t{rule}\n" for rule in rules)
    begun = f'\tchain c {{\n\t\ttype filter hook {hook} device "eth0" priority filter; policy {policy};\n'
    return f"table {family} t {{\n{head}{begun}{body}\t}}\n}}\n"


PORT = "tcp dport 9340 accept"
MORE = "\tchain x {\n\t\tlog\n\t}\n"
DROPPING = "\tchain x {\n\t\tether type arp drop\n\t}\n"
ARP = "neighbours are known otherwise: netdev t:c may drop the ARP that the packet needs"


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        (table(PORT), True),
        (table("arp operation request accept", PORT), True),
        (table("meta protocol ip6 accept", PORT), True),
        (table("ether type arp limit rate 5/second accept", PORT), True),
        (table(PORT, policy="accept"), False),
        (table("ether type arp accept", PORT), False),
        (table("meta protocol { arp, ip6 } accept", PORT), False),
        (table("ether type != ip6 accept"), False),
        (table("counter packets 0 bytes 0 accept"), False),
        (table("ether type arp return", "accept"), True),
        (table("ether type arp return", "drop", policy="accept"), True),
        (table("jump x", PORT, "ether type arp accept", head=MORE), False),
        (table("jump x", PORT, "ether type arp accept", head=DROPPING), True),
        (table("tcp dport != { 80, 9340 } drop", "ip saddr 10.9.9.9 drop", policy="accept"), False),
        (table("meta l4proto != { tcp, udp } drop", "tcp dport vmap { 81 : drop }", policy="accept"), False),
        (table("ether type != { ip, ip6 } drop", policy="accept"), True),
        (table("ether type arp drop", policy="accept"), True),
        (table("ether saddr 02:00:00:00:00:01 drop", policy="accept"), True),
        (table("frobnicate", policy="accept"), True),
        (table(PORT, head="\tflags dormant\n"), False),
        (table(PORT, family="inet"), False),
    ],
)
def test_what_may_drop_arp_is_a_condition(text: str, needs: bool) -> None:
    found = trace(wall(ACCEPTING + text), destination_port=9340, in_interface="eth0")
    assert (ARP in {each.text for each in found.conditions}) is needs


@pytest.mark.parametrize(
    ("hook", "ways"), [("ingress", {"in", "out"}), ("egress", {"in", "out"})], ids=["ingress", "egress"]
)
def test_packets_of_its_device_need_it_both_ways(hook: str, ways: set[str]) -> None:
    found = wall(ACCEPTING + table("tcp dport 9340 accept", hook=hook))
    asked = {
        "in": {"in_interface": "eth0"},
        "out": {"hook": "output", "out_interface": "eth0"},
        "elsewhere": {"in_interface": "eth1"},
        "out elsewhere": {"hook": "output", "out_interface": "eth1"},
        "loopback": {"in_interface": "lo"},
    }
    verdicts = {way: verdict(found, 9340, **packet) for way, packet in asked.items()}
    assert {way for way, each in verdicts.items() if each == "unknown"} == ways
    assert {each for way, each in verdicts.items() if way not in ways} == {"accept"}


def test_the_condition_names_the_line() -> None:
    text = ACCEPTING + table("tcp dport 9340 accept", "ether type arp drop", policy="accept")
    found = trace(wall(text), destination_port=9340, in_interface="eth0")
    line = text.splitlines().index("\t\tether type arp drop") + 1
    assert [each.span and each.span.line for each in found.conditions if each.text == ARP] == [line]
    assert counts(text)["conditional"] == 1


def test_ipv6_needs_no_arp() -> None:
    found = trace(wall(ACCEPTING + table(PORT), family=Family.IPV6), destination_port=9340, in_interface="eth0")
    assert ARP not in {each.text for each in found.conditions}


def test_where_json_leaves_out_the_devices_every_packet_may_need_it() -> None:
    chain = {"family": "netdev", "table": "t", "name": "c", "type": "filter", "hook": "ingress", "prio": 0}
    listed: list[object] = [
        {"table": {"family": "netdev", "name": "t"}},
        {"chain": {**chain, "policy": "drop"}},
        {"rule": {"family": "netdev", "table": "t", "chain": "c", "expr": [{"accept": None}]}},
    ]
    assert verdict(wall(json.dumps({"nftables": listed}, indent=1)), 9340, in_interface="eth7") == "accept"
    del listed[2]
    assert verdict(wall(json.dumps({"nftables": listed}, indent=1)), 9340, in_interface="eth7") == "unknown"
