"""LocalSubnet and other words for addresses: numbers where the site file tells them, conditions elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import pytest

from tests.dialects.exports import read
from validator.dialects import Options
from validator.engine.interpret import interpret
from validator.engine.packet import packet_from_json
from validator.packets.fields import Family

DUMP = """
Rule Name:                            a
----------------------------------------------------------------------
Enabled:                              Yes
Direction:                            {way}
Profiles:                             Domain,Private,Public
LocalIP:                              {local}
RemoteIP:                             {remote}
Protocol:                             TCP
LocalPort:                            Any
RemotePort:                           Any
Edge traversal:                       No
Action:                               {action}
Ok.
"""


def verdict(
    peer: str,
    own: str = "10.20.0.10",
    *,
    words: str = "LocalSubnet",
    local: str = "Any",
    addresses: tuple[str, ...] = ("10.20.0.10/32",),
    interfaces: tuple[str, ...] = ("10.20.0.10/16",),
    keywords: Mapping[str, tuple[str, ...]] | None = None,
    outbound: bool = False,
) -> str:
    """What becomes of a packet from `peer` to `own`, or from `own` to `peer`, where only the rule lets it pass."""
    way, action = ("Out", "Block") if outbound else ("In", "Allow")
    text = DUMP.format(way=way, action=action, remote=words, local=local)
    dialect, fragment, _ = read(text)
    family = Family.IPV4 if ip_address(peer).version == 4 else Family.IPV6
    options = Options("host", family, addresses=addresses, interfaces=interfaces, keywords=keywords or {})
    firewall = dialect.convert([fragment], options)
    assert firewall is not None
    packet = {"protocol": "tcp", "source": peer, "destination": own, "destination_port": 80, "in_interface": "domain"}
    if outbound:
        packet |= {"hook": "output", "source": own, "destination": peer, "in_interface": "", "out_interface": "domain"}
    packet = {key: value for key, value in packet.items() if value}
    return interpret([firewall], packet_from_json(packet, family)).verdict


@pytest.mark.parametrize(
    ("peer", "expected"),
    [("10.20.0.1", "accept"), ("10.20.255.254", "accept"), ("10.21.0.1", "drop"), ("10.19.255.255", "drop")],
)
def test_the_local_subnet_is_that_of_the_address_with_its_prefix(peer: str, expected: str) -> None:
    assert verdict(peer) == expected


def test_it_is_so_outbound_and_for_blocks() -> None:
    assert verdict("10.20.9.9", outbound=True) == "drop"
    assert verdict("10.21.9.9", outbound=True) == "accept"


@pytest.mark.parametrize("peer", ["10.20.0.1", "10.21.0.1"])
def test_an_address_without_its_prefix_leaves_it_open(peer: str) -> None:
    assert verdict(peer, interfaces=()) == "unknown"
    assert verdict(peer, addresses=(), interfaces=()) == "unknown"


def test_a_second_address_without_prefix_leaves_open_only_what_is_outside() -> None:
    addresses = ("10.20.0.10/32", "192.168.1.5/32")
    assert verdict("10.20.3.3", addresses=addresses) == "accept"
    assert verdict("192.168.1.9", "192.168.1.5", addresses=addresses) == "unknown"
    assert verdict("10.20.3.3", "192.168.1.5", addresses=addresses) == "unknown"


def test_between_two_networks_of_the_host_it_is_open_and_outside_it_is_not() -> None:
    addresses, interfaces = ("10.20.0.10/32", "192.168.1.5/32"), ("10.20.0.10/16", "192.168.1.5/24")

    def of(peer: str, own: str) -> str:
        return verdict(peer, own, addresses=addresses, interfaces=interfaces)

    assert of("10.20.3.3", "10.20.0.10") == of("192.168.1.9", "192.168.1.5") == "accept"
    assert of("10.20.3.3", "192.168.1.5") == "unknown"
    assert of("192.168.2.9", "192.168.1.5") == "drop"


def test_of_ipv6_link_local_addresses_stay_open() -> None:
    def of(peer: str) -> str:
        return verdict(peer, "2001:db8::10", addresses=("2001:db8::10/128",), interfaces=("2001:db8::10/64",))

    assert [of("2001:db8::99"), of("2001:db8:1::9"), of("fe80::1")] == ["accept", "drop", "unknown"]


def test_an_address_of_the_other_family_tells_nothing() -> None:
    assert verdict("2001:db8::99", "2001:db8::10") == "unknown"


def test_a_number_behind_a_word_is_the_ip_version() -> None:
    assert verdict("10.20.0.1", words="LocalSubnet4") == "accept"
    assert verdict("10.20.0.1", words="LocalSubnet6") == "drop"
    assert verdict("10.21.0.1", words="LocalSubnet6,10.21.0.0/16") == "accept"


def test_beside_other_addresses_in_a_list() -> None:
    assert verdict("10.20.0.1", words="LocalSubnet,192.0.2.1/32") == "accept"
    assert verdict("192.0.2.1", words="LocalSubnet,192.0.2.1/32") == "accept"
    assert verdict("192.0.2.2", words="LocalSubnet,192.0.2.1/32") == "drop"


def test_what_a_word_stands_for_can_be_told() -> None:
    dns = {"dns": ("10.20.0.2/32", "2001:db8::2/128")}
    assert verdict("10.20.0.2", words="DNS", keywords=dns) == "accept"
    assert verdict("10.20.0.3", words="DNS", keywords=dns) == "drop"
    assert verdict("10.20.0.2", words="DNS") == "unknown"
    assert verdict("10.20.0.1", keywords={"localsubnet": ("10.99.0.0/16",)}) == "drop"
    assert verdict("10.20.0.1", words="DNS", keywords={"dns": ("2001:db8::2/128",)}) == "drop"


def test_as_the_local_address_it_is_the_host_s_own() -> None:
    assert verdict("10.99.0.1", words="Any", local="LocalSubnet") == "accept"
    assert verdict("10.99.0.1", words="Any", local="LocalSubnet", interfaces=()) == "unknown"
