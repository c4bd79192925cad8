"""`ipset save` line by line: types, options, elements, and the commands of restore files."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal
from validator.dialects._linux_facts import IpSet, SetInterface, SetMember, SetPort
from validator.packets.fields import Family

TEN = 10 << 24


def sets(text: str) -> dict[str, IpSet]:
    dialect, fragment, _ = read(text)
    assert dialect.NAME == "ipset-save"
    assert fragment.families == ()
    assert isinstance(fragment.data, tuple)
    return {each.name: each for each in fragment.data}


def one(kind: str, *elements: str, options: str = "") -> IpSet:
    lines = [f"create s {kind} {options}".rstrip(), *(f"add s {each}" for each in elements)]
    return sets("\n".join(lines) + "\n")["s"]


def parts(kind: str, element: str, options: str = "") -> list[object]:
    found = one(kind, element, options=options)
    assert found.why == ""
    return [member.parts if isinstance(member, SetMember) else member for member in found.members]


@pytest.mark.parametrize(
    ("kind", "element", "expected"),
    [
        ("hash:ip", "10.0.0.1", [((TEN + 1, TEN + 1),)]),
        ("hash:ip", "10.0.0.1-10.0.0.3", [((TEN + 1, TEN + 3),)]),
        ("hash:ip", "10.0.0.4/30", [((TEN + 4, TEN + 7),)]),
        ("hash:net", "10.0.0.7/8", [((TEN, TEN + (1 << 24) - 1),)]),
        ("hash:net", "10.0.0.1-10.0.0.2", [((TEN + 1, TEN + 1),), ((TEN + 2, TEN + 2),)]),
        ("hash:mac", "02:00:00:00:0A:01", [((0x020000000A01, 0x020000000A01),)]),
        ("hash:ip,mac", "10.0.0.1,2:0:0:0:0:1", [((TEN + 1, TEN + 1), (0x020000000001, 0x020000000001))]),
        ("hash:ip,port", "10.0.0.1,80", [((TEN + 1, TEN + 1), SetPort(6, 80, 80))]),
        ("hash:ip,port", "10.0.0.1,udp:53-60", [((TEN + 1, TEN + 1), SetPort(17, 53, 60))]),
        ("hash:ip,port", "10.0.0.1,icmp:8/0", [((TEN + 1, TEN + 1), SetPort(1, 0x800, 0x800))]),
        ("hash:ip,port", "10.0.0.1,icmp:ping", [((TEN + 1, TEN + 1), SetPort(1, 0x800, 0x800))]),
        ("hash:ip,port", "10.0.0.1,icmp:TOS-host-redirect", [((TEN + 1, TEN + 1), SetPort(1, 0x503, 0x503))]),
        ("hash:ip,port", "10.0.0.1,ipv6-icmp:redirect", [((TEN + 1, TEN + 1), SetPort(58, 0, 0))]),
        ("hash:ip,port", "10.0.0.1,gre:0", [((TEN + 1, TEN + 1), SetPort(47, 0, 0))]),
        ("hash:ip,port", "10.0.0.1,47:0", [((TEN + 1, TEN + 1), SetPort(47, 0, 0))]),
        ("hash:ip,port", "10.0.0.1,tcp:https", [((TEN + 1, TEN + 1), SetPort(6, 443, 443))]),
        ("hash:net,port", "10.0.0.0/8,sctp:7", [((TEN, TEN + (1 << 24) - 1), SetPort(132, 7, 7))]),
        (
            "hash:ip,port,ip",
            "10.0.0.1,tcp:1,10.0.0.2",
            [((TEN + 1, TEN + 1), SetPort(6, 1, 1), (TEN + 2, TEN + 2))],
        ),
        (
            "hash:ip,port,net",
            "10.0.0.1,tcp:1-2,10.0.0.2/31",
            [((TEN + 1, TEN + 1), SetPort(6, port, port), (TEN + 2, TEN + 3)) for port in (1, 2)],
        ),
        ("hash:net,net", "10.0.0.2/31,10.0.0.0/31", [((TEN + 2, TEN + 3), (TEN, TEN + 1))]),
        ("hash:net,port,net", "10.0.0.2/31,1,10.0.0.0", [((TEN + 2, TEN + 3), SetPort(6, 1, 1), (TEN, TEN))]),
        ("hash:net,iface", "0.0.0.0/0,eth0", [((0, (1 << 32) - 1), SetInterface("eth0"))]),
        ("hash:net,iface", "10.0.0.1,eth wildcard", [((TEN + 1, TEN + 1), SetInterface("eth", prefix=True))]),
        ("hash:net,iface", "10.0.0.1,physdev:eth0", [((TEN + 1, TEN + 1), SetInterface("eth0", bridged=True))]),
        ("hash:ip,mark", "10.0.0.1,0x63", [((TEN + 1, TEN + 1), (0x63, 0x63))]),
        ("bitmap:ip,mac", "10.0.0.1", [((TEN + 1, TEN + 1), None)]),
        ("bitmap:port", "tcp:80-90", [(SetPort(None, 80, 90),)]),
        ("bitmap:port", "80", [(SetPort(None, 80, 80),)]),
        ("list:set", "other", ["other"]),
    ],
)
def test_elements_of_every_type(kind: str, element: str, expected: list[object]) -> None:
    assert parts(kind, element) == expected


def test_ipv6() -> None:
    assert parts("hash:ip,port", "fd00::1,ipv6-icmp:ping", "family inet6") == [
        ((0xFD << 120 | 1, 0xFD << 120 | 1), SetPort(58, 0x8000, 0x8000))
    ]
    assert one("hash:net", "fd00::/8", options="family inet6").family is Family.IPV6


@pytest.mark.parametrize("mask", ["24", "255.255.255.0"])
def test_a_netmask_widens_addresses(mask: str) -> None:
    assert parts("hash:ip", "10.0.0.7", f"netmask {mask}") == [((TEN, TEN + 255),)]
    assert parts("hash:ip", "10.0.0.7", f"bitmask {mask}") == [((TEN, TEN + 255),)]


def test_a_bitmap_with_a_netmask_takes_a_range_in_steps_from_its_first_address() -> None:
    assert parts("bitmap:ip", "10.0.0.15-10.0.0.20", "range 10.0.0.0/24 netmask 30") == [((TEN + 12, TEN + 19),)]


@pytest.mark.parametrize(
    ("kind", "options", "element", "why"),
    [
        ("hash:ip", "", "10.0.0", "line 2: 10.0.0 is no IPv4 address"),
        ("hash:ip", "", "0.0.0.0", "line 2: a set of type hash:ip cannot hold the address of zeros"),
        ("hash:ip", "", "fd00::1", "line 2: fd00::1 is no IPv4 address"),
        ("hash:net", "", "10.0.0.0/33", "line 2: 10.0.0.0/33 has no such prefix length"),
        ("hash:net", "", "10.0.0.0/²", "line 2: 10.0.0.0/² has no such prefix length"),
        ("hash:ip,port", "", "10.0.0.1", "line 2: 10.0.0.1 is no element of a set of type hash:ip,port"),
        ("hash:ip,port", "", "10.0.0.1,foo:1", "line 2: unknown protocol foo"),
        ("hash:ip,port", "", "10.0.0.1,tcp:70000", "line 2: 70000 is no port"),
        ("hash:ip,port", "", "10.0.0.1,icmp:8", "line 2: 8 is no type and code of ICMP"),
        ("hash:ip,mark", "", "10.0.0.1,0x1ffffffff", "line 2: 0x1ffffffff is no number of 32 bits"),
        ("hash:mac", "", "02:00", "line 2: 02:00 is no MAC address"),
        ("hash:net,iface", "", "10.0.0.1,", "line 2: no interface is named"),
        ("hash:ip", "", "10.0.0.1 frobnicate", "line 2: unknown option frobnicate"),
        ("hash:ip", "", "10.0.0.1 timeout", "line 2 ends in the middle"),
        ("hash:ip", "", '10.0.0.1 comment "open', "line 2: "),
        ("hash:ip", "bitmask 255.0.255.0", "10.0.0.1", "the mask 255.0.255.0 has gaps"),
        ("hash:net,net", "netmask 24", "10.0.0.1,10.0.0.1", "netmask of a set of type hash:net,net"),
        ("hash:ip", "family inet9", "10.0.0.1", "unknown family inet9"),
        ("hash:ip", "frobnicate 1", "10.0.0.1", "unknown option frobnicate"),
        ("hash:ip", "timeout", "10.0.0.1", "its options are not understood"),
    ],
)
def test_of_a_set_with_a_line_that_is_not_understood_nothing_is_known(
    kind: str, options: str, element: str, why: str
) -> None:
    text = f"create s {kind} {options}\nadd s {element}\n"
    found = sets(text)["s"]
    assert why in found.why
    assert found.members == ()
    assert counts(text)["unsupported"] >= 1


def test_options_that_change_nothing_are_read_past() -> None:
    found = one(
        "hash:ip",
        '10.0.0.1 packets 1 bytes 2 comment "a \\"b\\" timeout 5" skbmark 0x1/0x2 skbprio 1:1 skbqueue 1',
        options="family inet hashsize 64 maxelem 10 bucketsize 12 initval 0x1 counters comment skbinfo forceadd",
    )
    assert found.members == (SetMember(((TEN + 1, TEN + 1),)),)
    assert not found.changes


def test_elements_with_a_timeout_are_temporary_and_the_set_changes() -> None:
    text = "create s hash:ip timeout 60\nadd s 10.0.0.1 timeout 0\nadd s 10.0.0.2 timeout 9\nadd s 10.0.0.3\n"
    found = sets(text)["s"]
    assert found.changes
    assert [each.temporary for each in found.members if isinstance(each, SetMember)] == [False, True, True]
    assert (counts(text)["conditional"], counts(text)["modelled"]) == (3, 1)


def test_a_later_line_says_anew_what_an_element_is() -> None:
    found = one("hash:net", "10.0.0.0/8", "10.0.0.0/8 nomatch -exist")
    assert found.members == (SetMember(((TEN, TEN + (1 << 24) - 1),), nomatch=True),)


def test_the_commands_of_restore_files() -> None:
    text = """
        create tmp hash:ip -exist
        flush tmp
        add tmp 10.0.0.1
        add tmp 10.0.0.2
        del tmp 10.0.0.2
        create live hash:ip
        add live 10.9.9.9
        swap tmp live
        destroy tmp
        rename live final
        COMMIT
    """
    found = sets(text)
    assert list(found) == ["final"]
    assert found["final"].members == (SetMember(((TEN + 1, TEN + 1),)),)
    assert counts(text)["unsupported"] == 0


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        ("create a hash:ip\nadd b 10.0.0.1\n", "b", "the line that creates it is not in the file"),
        ("create a hash:ip\ncreate a hash:net\n", "a", "the set a is created a second time in line 2"),
        ("create a hash:ip\ncreate b hash:foo\nadd b 1\n", "b", "sets of type hash:foo are not known"),
        ("create a hash:ip\nswap a b\n", "a", "line 2 is about a set that no line of the file creates"),
        ("create a hash:ip\ndel a 10.0.0.1\n", "a", "line 2: it deletes what no line added in this form"),
    ],
)
def test_what_makes_the_contents_of_a_set_unknown(text: str, name: str, why: str) -> None:
    assert sets(text)[name].why == why
    assert counts(text)["unsupported"] >= 1


def test_the_old_names_of_types() -> None:
    assert sets("-N a iphash --hashsize 1024 --probes 8 --resize 50\n-A a 10.0.0.1\n")["a"].type == "hash:ip"
    assert sets("-N a portmap --from 1 --to 9\n-A a 5\n")["a"].type == "bitmap:port"


def test_a_comment_and_a_prompt_before_the_sets_change_nothing() -> None:
    text = "# sets\nroot@gw:~# ipset save\ncreate a hash:ip\n\n"
    assert counts(text) == {"total": 4, "modelled": 1, "ignored": 3, "conditional": 0, "unsupported": 0}
    assert counts("create a hash:ip\nwhat is this\n")["unsupported"] == 1


def test_rules_among_the_sets_are_refused() -> None:
    text = "create a hash:ip\n-P OUTPUT DROP\n"
    assert "dump:2: rules of iptables stand in this file of sets; pass the sets in a file of their own" in refusal(text)
    assert "rules of iptables" in refusal("create a hash:ip\n-A OUTPUT -m set --match-set a src -j ACCEPT\n")


def test_a_hundred_thousand_elements_are_read_soon() -> None:
    lines = ["create s hash:ip", *(f"add s 10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1, 100_001))]
    assert len(sets("\n".join(lines))["s"].members) == 100_000
