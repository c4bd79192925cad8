"""Which addresses are a host's own, and where translated packets go.

The tables of types were asked of Linux 6.18, with rules of iptables and nft (`fib daddr type`) for each type.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import pytest
from msgspec.structs import replace

from tests.build import chain, firewall
from validator.dialects._linux_facts import Setting, named_sets
from validator.dialects._linux_host import (
    Host,
    IpSet,
    LinuxInterface,
    Target,
    address_type,
    own_addresses,
    translation,
)
from validator.engine.interpret import Trace, interpret
from validator.engine.packet import packet_from_json
from validator.model import (
    DROP,
    AnyInterface,
    Assigned,
    Choice,
    ConditionMatch,
    Hook,
    InterfaceName,
    Match,
    NoneOf,
    Rule,
)
from validator.packets.fields import Family, Field, Intervals
from validator.source import Span

SPAN = Span("rules", 7, "-j DNAT")
INTERFACES = (
    LinuxInterface("lo", (ip_interface("127.0.0.1/8"), ip_interface("10.9.0.5/24")), ("127.255.255.255", "10.9.0.255")),
    LinuxInterface("d0", (ip_interface("10.1.0.5/24"), ip_interface("fd00:1::5/64")), ("10.1.0.255", "10.2.0.99")),
    LinuxInterface("d1", (ip_interface("10.5.0.1/32"),), ("10.7.0.255",), peers=(ip_network("10.7.0.0/24"),)),
    LinuxInterface("d2", (ip_interface("10.8.0.5/24"),), up=False),
)
FOUR = Host("h", Family.IPV4, own=own_addresses(INTERFACES, Family.IPV4), interfaces=INTERFACES)
SIX = Host("h", Family.IPV6, own=own_addresses(INTERFACES, Family.IPV6), interfaces=INTERFACES)
KINDS = ("UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT")


def number(text: str) -> int:
    return int(ip_address(text))


def walk(host: Host, match: Match, **packet: object) -> Trace:
    wall = firewall(chain("in", Rule((match,), DROP, SPAN), policy="accept"), family=host.family, input="in")
    return interpret([wall], packet_from_json({"destination_port": 80, **packet}, host.family))


def types(host: Host, address: str, *, fib: bool = False) -> dict[str, str]:
    """The types that the destination has for sure, or perhaps."""
    found = {}
    for kind in KINDS:
        match = address_type(host, Field.DESTINATION, kind, fib=fib)
        verdict = walk(host, match, destination=address).verdict if match else "drop"
        if verdict != "accept":
            found[kind] = "yes" if verdict == "drop" else "perhaps"
    return found


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.1.0.5", "LOCAL"),
        ("10.1.0.255", "BROADCAST"),
        ("10.2.0.99", "BROADCAST"),
        ("10.1.0.7", "UNICAST"),
        ("10.5.0.1", "LOCAL"),
        ("10.7.0.255", "BROADCAST"),
        ("10.8.0.5", "LOCAL"),
        ("10.8.0.255", "UNICAST"),
        ("10.9.0.77", "LOCAL"),
        ("10.9.0.255", "BROADCAST"),
        ("127.0.0.2", "LOCAL"),
        ("127.255.255.255", "BROADCAST"),
        ("0.0.0.0", "BROADCAST"),
        ("255.255.255.255", "BROADCAST"),
        ("224.0.0.1", "MULTICAST"),
        ("8.8.8.8", "UNICAST"),
        ("240.0.0.1", "UNICAST"),
    ],
)
def test_an_ipv4_address_has_the_type_that_the_kernel_gives_it(address: str, kind: str) -> None:
    assert types(FOUR, address) == {kind: "yes"}
    assert types(FOUR, address, fib=True) == {kind: "yes"}


@pytest.mark.parametrize("address", ["10.1.0.0", "0.1.2.3"])
def test_what_old_kernels_see_otherwise_is_a_condition(address: str) -> None:
    assert types(FOUR, address) == {"UNICAST": "perhaps", "BROADCAST": "perhaps"}


@pytest.mark.parametrize(
    ("address", "kinds"),
    [
        ("fd00:1::5", ("UNICAST", "LOCAL")),
        ("::1", ("UNICAST", "LOCAL")),
        ("fd00:1::7", ("UNICAST",)),
        ("fe80::1", ("UNICAST",)),
        ("::", ("UNSPEC",)),
        ("::ffff:1.2.3.4", ()),
        ("ff02::1", ("MULTICAST",)),
    ],
)
def test_the_types_of_an_ipv6_address_overlap(address: str, kinds: tuple[str, ...]) -> None:
    asked = {"ANYCAST": "perhaps", "BLACKHOLE": "perhaps", "UNREACHABLE": "perhaps", "PROHIBIT": "perhaps"}
    assert types(SIX, address) == {**asked, **dict.fromkeys(kinds, "yes")}


def test_to_fib_an_own_ipv6_address_is_unicast_if_iptables_nft_made_the_rule_and_another_if_it_has_a_route() -> None:
    assert types(SIX, "fd00:1::5", fib=True)["UNICAST"] == "perhaps"
    assert "UNICAST" not in types(SIX, "ff02::1", fib=True)
    assert types(SIX, "fd00:1::7", fib=True)["UNICAST"] == "perhaps"
    assert "BROADCAST" not in types(SIX, "fd00:1::7", fib=True)


def test_where_nobody_told_the_addresses_the_hook_says_what_is_local() -> None:
    host = Host("h", Family.IPV4)
    assert types(host, "192.0.2.1") == {"LOCAL": "yes"}  # at INPUT
    assert types(host, "127.0.0.1") == {"LOCAL": "yes"}
    assert types(host, "224.0.0.1") == {"MULTICAST": "yes"}
    assert types(host, "255.255.255.255") == {"BROADCAST": "yes"}
    assert types(host, "127.255.255.255") == {"BROADCAST": "yes"}
    source = address_type(host, Field.SOURCE, "LOCAL")
    assert source is not None
    assert walk(host, source, source="192.0.2.1").verdict == "accept"
    broadcast = address_type(host, Field.SOURCE, "BROADCAST")
    assert broadcast is not None
    trace = walk(host, broadcast, source="192.0.2.255")
    assert trace.verdict == "unknown"
    assert any("export ip -j addr" in each.text for each in trace.conditions)


def test_a_type_and_its_negation_ask_one_variable() -> None:
    host = Host("h", Family.IPV4)
    for kind in KINDS:
        match = address_type(host, Field.SOURCE, kind)
        assert match is not None
        both = firewall(
            chain("in", Rule((match,), DROP, SPAN), Rule((NoneOf((match,)),), DROP, SPAN), policy="accept"), input="in"
        )
        for address in ("10.0.0.255", "0.0.0.1", "127.0.0.1", "224.0.0.1"):
            assert interpret([both], packet_from_json({"destination_port": 1, "source": address})).verdict == "drop"


# --- translation -------------------------------------------------------------------


def moved(host: Host, target: Target, hook: Hook = Hook.PREROUTING) -> tuple[dict[Field | str, Assigned], list[Match]]:
    """What the first of the rules sets, and what it needs beside the assumption that a module listens there."""
    *_, first, last = translation(host, hook, (), target, SPAN, "nat -j DNAT")
    assert last.action == DROP
    assumed, *needs = first.matches
    assert isinstance(assumed, ConditionMatch)
    assert assumed.condition.assumption == "translated"
    named = {key if isinstance(key, Field) else key.name: value for key, value in first.action.assign}
    return named, needs


def at(*addresses: str) -> Intervals:
    return tuple((number(each), number(each)) for each in addresses)


def texts(needs: list[Match]) -> list[str]:
    return [each.condition.text for each in needs if isinstance(each, ConditionMatch)]


def test_an_own_address_is_delivered_here() -> None:
    named, needs = moved(FOUR, Target(at("10.1.0.5"), ((8080, 8080),)))
    assert (named["local-destination"], named[Field.DESTINATION], named[Field.DESTINATION_PORT]) == (
        1,
        number("10.1.0.5"),
        8080,
    )
    assert needs == []


def test_another_address_is_forwarded_out_of_the_interface_of_its_network() -> None:
    host = replace(FOUR, forwarding=Setting((True, Span("sysctl", 1))))
    named, needs = moved(host, Target(at("10.1.0.9")))
    assert (named["local-destination"], named[Field.OUT_INTERFACE]) == (0, InterfaceName("d0"))
    assert texts(needs) == ["rules:7 leads out of d0"]
    assert moved(host, Target(at("10.7.0.9")))[0][Field.OUT_INTERFACE] == InterfaceName("d1")
    assert isinstance(moved(host, Target(at("10.8.0.9")))[0][Field.OUT_INTERFACE], AnyInterface)  # d2 is down
    assert isinstance(moved(host, Target(at("8.8.8.8")))[0][Field.OUT_INTERFACE], AnyInterface)


def test_the_smallest_network_is_the_way_out_and_two_alike_are_none() -> None:
    big = LinuxInterface("big", (ip_interface("10.1.0.1/8"),))
    host = Host("h", Family.IPV4, own=(), interfaces=(big, *INTERFACES), forwarding=Setting((True, SPAN)))
    assert moved(host, Target(at("10.1.0.9")))[0][Field.OUT_INTERFACE] == InterfaceName("d0")
    assert moved(host, Target(at("10.77.0.9")))[0][Field.OUT_INTERFACE] == InterfaceName("big")
    both = ((number("10.1.0.250"), number("10.1.1.9")),)
    assert isinstance(moved(host, Target(both))[0][Field.OUT_INTERFACE], AnyInterface)
    twin = LinuxInterface("twin", (ip_interface("10.1.0.6/24"),))
    host = replace(host, interfaces=(*INTERFACES, twin))
    assert isinstance(moved(host, Target(at("10.1.0.9")))[0][Field.OUT_INTERFACE], AnyInterface)


def test_where_nobody_told_the_addresses_it_is_here_or_there() -> None:
    named, needs = moved(Host("h", Family.IPV4), Target(at("10.1.0.9")))
    assert isinstance(named["local-destination"], Choice)
    assert isinstance(named[Field.OUT_INTERFACE], AnyInterface)
    assert needs == []


def test_from_outside_to_127_0_0_1_needs_route_localnet() -> None:
    target = Target(at("127.0.0.1"))
    named, needs = moved(Host("h", Family.IPV4), target)
    assert named["local-destination"] == 1
    assert "route_localnet" in texts(needs)[0]
    assert moved(Host("h", Family.IPV4), target, Hook.OUTPUT)[1] == []


def test_a_range_that_is_partly_here_is_not_known() -> None:
    host = replace(FOUR, forwarding=Setting((True, SPAN)))
    mixed = ((number("10.1.0.4"), number("10.1.0.5")),)
    assert isinstance(moved(host, Target(mixed))[0]["local-destination"], Choice)
    loopback = ((number("126.255.255.255"), number("127.0.0.1")),)
    assert isinstance(moved(host, Target(loopback))[0]["local-destination"], Choice)
    whole = ((number("10.9.0.1"), number("10.9.0.9")),)
    assert moved(host, Target(whole))[0]["local-destination"] == 1


def test_a_redirected_packet_gets_the_first_address_of_an_interface() -> None:
    named, needs = moved(FOUR, Target(redirect=True, ports=((3128, 3128),)))
    chosen = named[Field.DESTINATION]
    assert isinstance(chosen, Choice)
    assert chosen.intervals == at("10.1.0.5", "10.5.0.1", "10.8.0.5")
    assert (named["local-destination"], named[Field.DESTINATION_PORT], needs) == (1, 3128, [])
    anything = moved(Host("h", Family.IPV4), Target(redirect=True))[0][Field.DESTINATION]
    assert isinstance(anything, Choice)
    assert anything.intervals == ((0, (1 << 32) - 1),)
    told = moved(Host("h", Family.IPV4, own=(*at("10.0.0.1"), (127 << 24, (127 << 24) + 9))), Target(redirect=True))
    assert told[0][Field.DESTINATION] == number("10.0.0.1")


@pytest.mark.parametrize(("family", "own"), [(Family.IPV4, "127.0.0.1"), (Family.IPV6, "::1")])
def test_a_redirected_packet_of_the_host_itself_goes_to_loopback(family: Family, own: str) -> None:
    named, needs = moved(Host("h", family), Target(redirect=True), Hook.OUTPUT)
    assert (named[Field.DESTINATION], named[Field.OUT_INTERFACE]) == (number(own), InterfaceName("lo"))
    assert (named["local-destination"], needs) == (1, [])


def test_a_port_alone_leaves_the_way_as_it_was() -> None:
    named, needs = moved(FOUR, Target(ports=((80, 81),)))
    assert set(named) == {"dnat-done", "dnat", Field.DESTINATION_PORT}
    assert isinstance(named[Field.DESTINATION_PORT], Choice)
    assert needs == []


def test_of_two_sets_with_one_name_that_of_the_family_counts() -> None:
    four, six, again = (
        IpSet("s", "hash:net", family, (), Span(path, 1))
        for family, path in ((Family.IPV4, "a"), (Family.IPV6, "a"), (Family.IPV4, "b"))
    )
    for order in ([four, six], [six, four]):
        assert named_sets(order, Family.IPV4)["s"].family is Family.IPV4
        assert named_sets(order, Family.IPV6)["s"].family is Family.IPV6
    assert named_sets([four, again], Family.IPV4)["s"].span.path == "b"
