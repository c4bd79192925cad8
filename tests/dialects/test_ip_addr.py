"""`ip addr` as text and JSON: addresses, networks at the other end, broadcasts as the kernel has them."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

import pytest

from tests.dialects.exports import counts, read, refusal
from validator.dialects._linux_facts import LinuxInterface, LinuxInterfaces, own_addresses
from validator.packets.fields import Family

LO = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
    inet6 ::1/128 scope host noprefixroute\x20
       valid_lft forever preferred_lft forever
"""
UP = "2: eth0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
DOWN = "2: eth0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default qlen 1000\n"
LO_JSON = (
    '{"ifname":"lo","flags":["LOOPBACK","UP"],"link_type":"loopback",'
    '"addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]}'
)


def interfaces(text: str) -> LinuxInterfaces:
    dialect, fragment, _ = read(text)
    assert dialect.NAME == "ip-addr"
    assert fragment.families == ()
    assert isinstance(fragment.data, LinuxInterfaces)
    return fragment.data


def second(text: str) -> LinuxInterface:
    return interfaces(LO + text).interfaces[1]


def test_names_lose_what_they_are_linked_to() -> None:
    assert second(UP).name == "eth0"


@pytest.mark.parametrize(
    ("line", "broadcasts"),
    [
        ("inet 10.1.0.5/24 scope global eth0", ("10.1.0.255",)),
        ("inet 10.1.0.5/24 metric 100 brd 10.1.0.255 scope global dynamic eth0", ("10.1.0.255",)),
        ("inet 10.1.0.5/24 brd 10.1.0.99 scope global noprefixroute eth0", ("10.1.0.99", "10.1.0.255")),
        ("inet 10.1.0.5/24 brd 255.255.255.255 scope global eth0", ("10.1.0.255",)),
        ("inet 10.1.0.5/31 scope global eth0", ()),
        ("inet 10.1.0.5/32 scope global eth0", ()),
        ("inet 10.1.0.5 peer 10.2.0.0/24 scope global eth0", ("10.2.0.255",)),
        ("inet6 fd00::5/64 scope global", ()),
    ],
)
def test_broadcasts(line: str, broadcasts: tuple[str, ...]) -> None:
    assert second(f"{UP}    {line}\n       valid_lft forever preferred_lft forever\n").broadcasts == broadcasts


def test_an_interface_that_is_down_keeps_its_addresses_and_has_no_broadcasts() -> None:
    found = second(f"{DOWN}    inet 10.1.0.5/24 brd 10.1.0.255 scope global eth0\n")
    assert (found.up, found.addresses, found.broadcasts) == (False, (ip_interface("10.1.0.5/24"),), ())
    assert found.networks(Family.IPV4) == []


def test_a_peer_is_the_network_at_the_other_end() -> None:
    found = second(f"{UP}    inet 10.8.0.1 peer 10.8.0.2/32 scope global eth0\n")
    assert found.addresses == (ip_interface("10.8.0.1/32"),)
    assert found.peers == (ip_network("10.8.0.2/32"),)
    assert ip_network("10.8.0.2/32") in found.networks(Family.IPV4)
    assert found.networks(Family.IPV6) == []


def test_what_the_host_itself_has() -> None:
    text = LO.replace("127.0.0.1/8 scope host lo", "127.0.0.1/8 scope host lo\n    inet 10.9.0.5/24 scope global lo")
    found = interfaces(text + f"{DOWN}    inet 10.1.0.5/24 brd 10.1.0.255 scope global eth0\n").interfaces
    ten = 10 << 24
    assert own_addresses(found, Family.IPV4) == (
        (ten | 0x10005, ten | 0x10005),
        (ten | 0x90000, ten | 0x900FE),  # the whole network, as `ip route show table local` has it
        (127 << 24, (128 << 24) - 2),
    )
    assert own_addresses(found, Family.IPV6) == ((1, 1),)


def test_an_export_of_one_family_tells_of_that_one_alone() -> None:
    four = "\n".join(line for line in LO.splitlines() if "link/" not in line and "inet6" not in line)
    assert interfaces(four).families == (Family.IPV4,)
    assert interfaces(four.replace("inet 127.0.0.1/8", "inet6 ::1/128")).families == (Family.IPV6,)
    assert interfaces(LO).families == tuple(Family)
    assert interfaces(f"[{LO_JSON}]").families == tuple(Family)
    assert interfaces("[" + LO_JSON.replace('"link_type":"loopback",', "") + ",{}]").families == (Family.IPV4,)


def test_json() -> None:
    text = (
        f'[{LO_JSON},\n{{"ifname":"eth0","flags":["UP"],"link_type":"ether","addr_info":[\n'
        '{"family":"inet","local":"10.1.0.5","prefixlen":24,"broadcast":"10.1.0.255"},\n'
        '{"family":"inet","local":"10.8.0.1","address":"10.8.0.2","prefixlen":32}]}]\n'
    )
    found = interfaces(text).interfaces[1]
    assert found.addresses == (ip_interface("10.1.0.5/24"), ip_interface("10.8.0.1/32"))
    assert (found.peers, found.broadcasts) == ((ip_network("10.8.0.2/32"),), ("10.1.0.255",))
    assert counts(text) == {"total": 4, "modelled": 4, "ignored": 0, "conditional": 0, "unsupported": 0}


def test_lines_outside_and_details_are_ignored_and_foreign_ones_are_not() -> None:
    assert counts("$ ip addr\n" + LO + "    altname enp1\n")["unsupported"] == 0
    assert counts(LO + "$ uptime\n")["unsupported"] == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (UP + "    inet 10.0.0.1/24 scope global eth0\n", "the loopback interface is missing: this shows some"),
        (LO.splitlines()[0] + "\n", "the loopback interface has no address"),
        (LO + UP + "    inet 10.0.0.1/2", "this address is not understood: the output is cut"),
        (LO + UP + "    inet 10.0.0.1/99 scope global eth0\n", "this address is not understood"),
        (f'[{LO_JSON}, {{"ifname":"x","addr_info":[{{"local":"10.0.0.1"}}]}}]', "this interface is not understood"),
        (f'[{LO_JSON}, {{"ifname":"x","addr_info":[{{"local":"1","prefixlen":8}}]}}]', "this interface is not"),
        (f"[{LO_JSON}", "the JSON ends in the middle"),
    ],
)
def test_what_shows_only_a_part_is_refused(text: str, why: str) -> None:
    assert why in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "lo               UNKNOWN        127.0.0.1/8 ::1/128 \n",
        "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n",
        "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n",
        "eth0      Link encap:Ethernet  HWaddr 00:00:00:00:00:00\n",
    ],
)
def test_shorter_forms_are_called_by_their_name(text: str) -> None:
    assert "run ip -j addr > FILE" in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "default via 10.0.0.1 dev eth0 proto dhcp metric 100\n10.0.0.0/24 dev eth0 scope link\n",
        "Kernel IP routing table\nDestination     Gateway\n",
    ],
)
def test_routes_are_called_by_their_name(text: str) -> None:
    assert "this is a table of routes" in refusal(text)
