"""Which interfaces packets pass, and which addresses are in the networks of which one."""

from __future__ import annotations

import pytest

from tests.dialects.test_ip_addr import LO, LO_JSON, interfaces
from validator.dialects._linux_facts import LinuxInterface
from validator.dialects._linux_networks import connected, passed
from validator.model import Condition
from validator.packets.fields import Family
from validator.witness import blocks

TAKEN = Condition("c", "c", None, "connected-routes", True)


def shown(*entries: str) -> tuple[LinuxInterface, ...]:
    """Interfaces of `name[^master] FLAG,... address...`, as `ip addr` shows them."""
    text = LO
    for number, entry in enumerate(entries, 2):
        name, flags, *addresses = entry.split()
        name, _, master = name.partition("^")
        text += f"{number}: {name}: <{flags}> mtu 1500 qdisc noqueue {f'master {master} ' if master else ''}state UP\n"
        for address in addresses:
            kind = "inet6" if ":" in address else "inet"
            text += f"    {kind} {address.replace('~', ' peer ')} scope global {name}\n"
    return interfaces(text).interfaces


def networks(*entries: str, family: Family = Family.IPV4) -> list[str]:
    found = connected(shown(*entries), family, TAKEN)
    return [
        f"{' '.join(blocks(ranges, family))} {'|'.join(names)}" for ranges, names in (found.networks if found else ())
    ]


UP = "BROADCAST,MULTICAST,UP,LOWER_UP"
BOND = "BROADCAST,MULTICAST,MASTER,UP,LOWER_UP"
SLAVE = "BROADCAST,MULTICAST,SLAVE,UP,LOWER_UP"
VRF = "NOARP,MASTER,UP,LOWER_UP"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((f"eth0 {UP} 10.0.0.1/24", f"eth1 {UP}"), "lo eth0 eth1"),
        ((f"br0 {UP} 10.0.0.1/24", f"veth1^br0 {UP}"), "lo br0"),
        ((f"br0 {UP} 10.0.0.1/24", f"veth1^br0 {UP} fe80::1/64"), "lo br0"),
        ((f"br0 {UP} 10.0.0.1/24", f"veth1^br0 {UP} 10.9.0.1/24"), "lo br0 veth1"),
        ((f"bond0 {BOND} 10.0.0.1/24", f"eth0^bond0 {SLAVE}"), "lo bond0"),
        ((f"vrf0 {VRF}", f"eth0^vrf0 {UP} 10.0.0.1/24", f"eth1^vrf0 {UP}"), "lo vrf0 eth0 eth1"),
        ((f"eth0^elsewhere {UP}",), "lo eth0"),
    ],
)
def test_ports_of_bridges_and_bonds_are_not_passed(entries: tuple[str, ...], expected: str) -> None:
    assert passed(shown(*entries)) == tuple(expected.split())


def test_what_a_master_is_may_be_told() -> None:
    def ports(kind: str) -> list[bool]:
        master = '"flags":["BROADCAST","UP"],"link_type":"ether","addr_info":[]'
        text = (
            f'[{LO_JSON},{{"ifname":"m","linkinfo":{{"info_kind":"{kind}"}},{master}}},'
            f'{{"ifname":"eth0","master":"m",{master}}}]'
        )
        return [each.port for each in interfaces(text).interfaces]

    assert ports("bridge") == [False, False, True]
    assert ports("batadv") == [False, False, False]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((), ()),
        ((f"eth0 {UP}",), ()),
        ((f"eth0 {UP} 10.1.0.5/24 10.1.0.6/24",), ("10.1.0.0/24 eth0",)),
        ((f"eth0 {UP} 10.1.0.5/24", f"eth1 {UP} 10.1.0.6/24"), ("10.1.0.0/24 eth0|eth1",)),
        ((f"eth0 {UP} 10.1.0.5/16", f"eth1 {UP} 10.1.0.1/17"), ("10.1.0.0/17 eth1", "10.1.128.0/17 eth0")),
        ((f"eth0 {UP} 10.1.0.5/32",), ()),
        ((f"tun0 {UP} 10.8.0.1~10.8.0.2/32",), ("10.8.0.2/32 tun0",)),
        ((f"eth0 {UP} 10.1.0.5/24", "eth1 BROADCAST 10.2.0.1/24"), ("10.1.0.0/24 eth0",)),
        ((f"br0 {UP} 10.1.0.5/24", f"eth0^br0 {UP} 10.2.0.1/24"), ("10.1.0.0/24 br0", "10.2.0.0/24 eth0|br0")),
        (
            (f"br0 {UP}", f"bond0^br0 {BOND}", f"eth0^bond0 {SLAVE} 10.2.0.1/24"),
            ("10.2.0.0/24 eth0|br0",),
        ),
        ((f"br0^br1 {UP} 10.1.0.5/24", f"br1^br0 {UP}"), ("10.1.0.0/24 br0",)),
        ((f"vrf0 {VRF}", f"eth0^vrf0 {UP} 10.1.0.5/24", f"eth1 {UP} 10.2.0.5/24"), ()),
        ((f"eth0^elsewhere {UP} 10.1.0.5/24",), ()),
    ],
)
def test_the_smallest_network_that_holds_an_address_counts(entries: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert networks(*entries) == list(expected)


def test_networks_of_ipv6() -> None:
    entries = (f"eth0 {UP} fd01::1/64 fe80::1/64", f"eth1 {UP} fd02::1/64 fe80::2/64 10.1.0.5/24")
    assert networks(*entries, family=Family.IPV6) == ["fd01::/64 eth0", "fd02::/64 eth1"]
    assert networks(f"eth0 {UP} fe80::1/64", family=Family.IPV6) == []
