"""What `-m set` matches: exact where a set is known, one condition where it is not."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.build import chain, firewall
from validator.dialects import ipset_save
from validator.dialects._ipset_matches import NEVER, set_match
from validator.dialects._linux_facts import Host, IpSet, named_sets
from validator.engine.interpret import Trace, interpret
from validator.engine.packet import packet_from_json
from validator.errors import UserError
from validator.model import DROP, AnyOf, ConditionMatch, FieldMatch, Match, NoneOf, Rule
from validator.packets.fields import Family, Field
from validator.source import Ledger, Span, from_bytes

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ipset_save"


def known(text: str, family: Family = Family.IPV4) -> Host:
    source = from_bytes(text.encode(), "sets")
    data = ipset_save.parse(source, Ledger(source.lines)).data
    assert isinstance(data, tuple)
    return Host("host", family, sets=named_sets([each for each in data if isinstance(each, IpSet)], family))


def asked(host: Host, flags: str, name: str = "s", negated: bool = False) -> Match:
    return set_match(host, name, tuple(flags.split(",")), negated, "dump")


def walk(match: Match, host: Host, **packet: object) -> Trace:
    wall = firewall(chain("in", Rule((match,), DROP, Span("x", 1)), policy="accept"), family=host.family, input="in")
    return interpret([wall], packet_from_json({"destination_port": 80, **packet}, host.family))


def member(text: str, flags: str, **packet: object) -> bool | None:
    """Whether a packet is in the set s of `text`; None where that is a condition."""
    host = known(text)
    return {"drop": True, "accept": False, "unknown": None}[walk(asked(host, flags), host, **packet).verdict]


def test_a_set_that_is_not_exported_is_one_condition_for_each_set_and_directions() -> None:
    host = Host("host", Family.IPV4)
    one, two = asked(host, "src"), asked(host, "src", negated=True)
    assert isinstance(one, ConditionMatch)
    assert isinstance(two, ConditionMatch)
    assert (one.condition, one.expected, two.expected) == (two.condition, True, False)
    assert "(src) is in set s (named in dump), which is not exported: run `ipset save`" in one.condition.text
    other = asked(host, "dst")
    assert isinstance(other, ConditionMatch)
    assert other.condition != one.condition


def test_addresses_become_one_field_with_merged_ranges() -> None:
    host = known("create s hash:ip\nadd s 10.0.0.1\nadd s 10.0.0.2\nadd s 10.0.0.4\n")
    ranges = ((10 << 24 | 1, 10 << 24 | 2), (10 << 24 | 4, 10 << 24 | 4))
    assert asked(host, "src") == FieldMatch(Field.SOURCE, ranges)
    assert isinstance(asked(host, "dst", negated=True), FieldMatch)
    assert asked(host, "dst,src,src") == FieldMatch(Field.DESTINATION, ranges)


def test_an_empty_set_matches_nothing_and_its_negation_all() -> None:
    host = known("create s hash:ip\n")
    assert asked(host, "src") == NEVER
    assert asked(host, "src", negated=True) == NoneOf((NEVER,))


def test_the_most_specific_network_decides() -> None:
    text = "create s hash:net\nadd s 10.0.0.0/8\nadd s 10.1.0.0/16 nomatch\nadd s 10.1.1.0/24\nadd s 10.1.1.9 nomatch\n"
    for address, expected in (
        ("10.0.0.1", True),
        ("10.1.0.1", False),
        ("10.1.1.1", True),
        ("10.1.1.9", False),
        ("10.2.0.0", True),
        ("11.0.0.0", False),
    ):
        assert member(text, "src", source=address) is expected, address


def test_a_set_of_the_other_family_or_of_more_dimensions_never_matches() -> None:
    assert asked(known("create s hash:ip family inet6\nadd s fd00::1\n"), "src") == NEVER
    assert asked(known("create s hash:ip,port\nadd s 10.0.0.1,80\n"), "src") == NEVER
    six = known("create s hash:ip,port family inet6\nadd s fd00::1,80\n", Family.IPV6)
    assert walk(asked(six, "src,dst"), six, source="fd00::1").verdict == "drop"


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ({"source": "10.0.0.1", "destination_port": 80}, True),
        ({"source": "10.0.0.1", "destination_port": 81}, False),
        ({"source": "10.0.0.2", "destination_port": 80}, False),
        ({"source": "10.0.0.1", "destination_port": 80, "protocol": "udp"}, False),
        ({"source": "10.0.0.3", "destination_port": 53, "protocol": "udp"}, True),
        ({"source": "10.0.0.3", "protocol": "icmp", "icmp_type": 8, "icmp_code": 0}, True),
        ({"source": "10.0.0.3", "protocol": "icmp", "icmp_type": 8, "icmp_code": 1}, False),
        ({"source": "10.0.0.3", "protocol": 47}, True),
        ({"source": "10.0.0.3", "protocol": 50}, False),
    ],
)
def test_ports_count_with_their_protocol(packet: dict[str, object], expected: bool) -> None:
    text = "create s hash:ip,port\nadd s 10.0.0.1,80\nadd s 10.0.0.3,udp:53-60\nadd s 10.0.0.3,icmp:8/0\n"
    assert member(text + "add s 10.0.0.3,gre:0\n", "src,dst", **packet) is expected


def test_a_bitmap_of_ports_is_tcp_and_udp() -> None:
    text = "create s bitmap:port range 0-99\nadd s 80\n"
    assert member(text, "dst") is True
    assert member(text, "src") is False
    assert member(text, "dst", protocol="udp") is True
    assert member(text, "dst", protocol="sctp") is False


def test_elements_with_alike_dimensions_are_put_together() -> None:
    lines = [
        f"add s 10.0.{n >> 8}.{n & 255},{kind}:{port}"
        for n in range(1, 999)
        for kind in ("tcp", "udp")
        for port in (80, 81)
    ]
    match = asked(known("create s hash:ip,port\n" + "\n".join(lines)), "src,dst")
    assert isinstance(match, AnyOf)
    assert len(match.alternatives) == 1
    assert len(match.alternatives[0]) == 3


def test_nomatch_in_several_dimensions() -> None:
    text = "create s hash:net,port,net\nadd s 10.0.0.0/8,80,11.0.0.0/8\nadd s 10.1.0.0/16,80,11.0.0.0/8 nomatch\n"
    text += "add s 10.1.0.0/16,80,11.1.0.0/16\n"
    for source, destination, expected in (
        ("10.0.0.1", "11.0.0.1", True),
        ("10.1.0.1", "11.0.0.1", False),
        ("10.1.0.1", "11.1.0.1", True),
        ("12.1.0.1", "11.1.0.1", False),
    ):
        assert member(text, "src,dst,dst", source=source, destination=destination) is expected
    first = "create s hash:net,net\nadd s 10.0.0.0/8,11.1.0.0/16\nadd s 10.1.0.0/16,11.0.0.0/8 nomatch\n"
    assert member(first, "src,dst", source="10.1.0.1", destination="11.1.0.1") is False
    assert member(first, "src,dst", source="10.2.0.1", destination="11.1.0.1") is True


def test_of_networks_with_interfaces_the_smallest_one_counts_whatever_its_interface() -> None:
    text = "create s hash:net,iface\nadd s 10.0.0.0/8,eth0\nadd s 10.1.0.0/16,eth1\nadd s 11.0.0.0/8,wl wildcard\n"
    assert member(text, "src,src", source="10.0.0.1") is True
    assert member(text, "src,src", source="10.1.0.1") is False
    assert member(text, "src,src", source="10.1.0.1", in_interface="eth1") is True
    assert member(text, "src,src", source="11.1.0.1", in_interface="wlan0") is True
    assert member(text, "src,src", source="11.1.0.1", in_interface="eth0") is False
    assert member(text, "src,dst", source="10.0.0.1") is False
    assert member(text + "add s 11.0.0.0/8,wlan0 nomatch\n", "src,src", source="11.1.0.1") is None


def test_bridge_ports_and_names_with_a_plus_are_conditions() -> None:
    text = "create s hash:net,iface\nadd s 10.0.0.0/8,{}\n"
    for name in ("physdev:eth0", "eth+"):
        assert member(text.format(name), "src,src", source="10.0.0.1") is None
        assert member(text.format(name), "src,src", source="11.0.0.1") is False


def test_macs() -> None:
    text = "create s hash:ip,mac\nadd s 10.0.0.1,02:00:00:00:00:01\n"
    assert member(text, "src,src", source="10.0.0.1", mac="02:00:00:00:00:01") is True
    assert member(text, "src,src", source="10.0.0.1", mac="02:00:00:00:00:02") is False
    assert member(text, "src,dst", source="10.0.0.1", mac="02:00:00:00:00:01") is None
    assert member(text, "src,dst", source="10.0.0.2", mac="02:00:00:00:00:01") is False
    learning = "create s bitmap:ip,mac range 10.0.0.0/24\nadd s 10.0.0.1\nadd s 10.0.0.2,02:00:00:00:00:02\n"
    assert member(learning, "src,src", source="10.0.0.1", mac="02:00:00:00:00:01") is None
    assert member(learning, "src,src", source="10.0.0.2", mac="02:00:00:00:00:02") is True
    assert member("create s hash:mac\nadd s 02:00:00:00:00:01\n", "src", mac="02:00:00:00:00:01") is True


def test_marks_are_compared_under_the_mask_of_the_set() -> None:
    text = "create s hash:ip,mark markmask 0x3\nadd s 10.0.0.1,{}\n"
    assert member(text.format("0x4"), "src,src", source="10.0.0.1") is True
    assert member(text.format("0x5"), "src,src", source="10.0.0.1") is False


def test_a_list_is_all_that_is_in_one_of_its_sets() -> None:
    text = "create a hash:ip\nadd a 10.0.0.1\ncreate b hash:net\nadd b 11.0.0.0/8\ncreate six hash:ip family inet6\n"
    text += "create c hash:ip,port\nadd c 12.0.0.1,80\ncreate s list:set\nadd s a\nadd s b\nadd s six\nadd s c\n"
    host = known(text)
    assert isinstance(asked(host, "src"), FieldMatch)
    assert member(text, "src,dst", source="10.0.0.1") is True
    assert member(text, "src,dst", source="11.0.0.1") is True
    assert member(text, "src,dst", source="12.0.0.1") is True
    assert member(text, "src", source="12.0.0.1") is False
    assert member(text + "add s gone\n", "src", source="12.0.0.1") is None
    assert member(text + "create d list:set\nadd s d\n", "src", source="12.0.0.1") is None


def test_a_set_with_a_timeout_has_its_permanent_elements_for_sure() -> None:
    text = "create s hash:net timeout 60\nadd s 10.0.0.0/8 timeout 0\nadd s 11.0.0.0/8\n"
    assert member(text, "src", source="10.0.0.1") is True
    host = known(text)
    for source, why in (("11.0.0.1", "a timeout that has not run out"), ("12.0.0.1", "changes at run time (timeout)")):
        trace = walk(asked(host, "src"), host, source=source)
        assert trace.verdict == "unknown"
        assert [why in each.text for each in trace.conditions] == [True]
    assert member(text + "add s 10.1.0.0/16 nomatch\n", "src", source="10.1.0.1") is None
    assert member(text + "add s 10.1.0.0/16 nomatch\n", "src", source="10.2.0.1") is True
    assert member("create s hash:net,iface timeout 9\nadd s 10.0.0.0/8,eth0 timeout 0\n", "src,src") is None


def test_a_set_whose_timeout_is_none_is_what_it_holds() -> None:
    """As fail2ban makes them: `create f2b-sshd hash:ip timeout 0`."""
    text = "create s hash:ip timeout 0\nadd s 10.0.0.1 timeout 0\nadd s 10.0.0.2 timeout 0\n"
    assert [member(text, "src", source=f"10.0.0.{last}") for last in (1, 2, 3)] == [True, True, False]
    assert member(text + "add s 10.0.0.4 timeout 5\n", "src", source="10.0.0.3") is None


def test_a_list_with_a_timeout() -> None:
    text = "create a hash:ip\nadd a 10.0.0.1\ncreate b hash:ip\nadd b 11.0.0.1\ncreate s list:set timeout 9\n"
    text += "add s a timeout 0\nadd s b timeout 5\n"
    assert member(text, "src", source="10.0.0.1") is True
    assert member(text, "src", source="11.0.0.1") is None
    assert member(text, "src", source="12.0.0.1") is None


def test_of_a_set_that_was_not_understood_nothing_is_known() -> None:
    host = known("create s hash:ip\nadd s nonsense\n")
    match = asked(host, "src")
    assert isinstance(match, ConditionMatch)
    assert match.condition.text.endswith("which is not wholly understood: line 2: nonsense is no IPv4 address")
    assert match.condition.span == Span("sets", 1, "create s hash:ip")


ODD = [
    "nomatch",
    "10.0.0.0/8",
    "fd00::/8",
    "tcp:1-9",
    "eth0,eth0",
    "²",
    "s",
    "-exist",
    "hash:net,iface",
    "timeout",
    ",",
]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_the_export_a_set_is_a_match(data: st.DataObject) -> None:
    seeds = [path.read_text() for path in sorted(FIXTURES.glob("*"))]
    lines = data.draw(st.sampled_from(seeds)).split("\n")
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(lines) - 1))
        words = lines[at].split(" ")
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(ODD))
        lines[at] = " ".join(words)
    source = from_bytes("\n".join(lines).encode(), "sets")
    with suppress(UserError):
        sets = ipset_save.parse(source, Ledger(source.lines)).data
        assert isinstance(sets, tuple)
        for family in Family:
            host = Host("host", family, sets=named_sets(sets, family))
            for name in host.sets:
                for flags in ("src", "dst,src", "src,dst,dst"):
                    match = asked(host, flags, name, data.draw(st.booleans()))
                    walk(match, host, source="10.20.0.1" if family is Family.IPV4 else "fd00::1")
