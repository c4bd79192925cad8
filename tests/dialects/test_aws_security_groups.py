"""Security groups: what a permission lets through, and what keeps it from being a proof."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.exports import asked, counts, read, refusal, trace, verdict, wall
from validator.dialects import Options
from validator.errors import SiteError
from validator.model import Firewall
from validator.packets.fields import Family

ANYBODY = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
EGRESS: list[dict[str, Any]] = [{"IpProtocol": "-1", **ANYBODY}]


def allow(protocol: object = "tcp", first: object = 80, last: object = 80, **peers: object) -> dict[str, Any]:
    """A permission; ports that are None are left out."""
    ports = {key: value for key, value in (("FromPort", first), ("ToPort", last)) if value is not None}
    return {"IpProtocol": protocol, **ports, **(peers or ANYBODY)}


def group(*ingress: dict[str, Any], id_: str = "sg-1", name: str = "web", **more: object) -> dict[str, Any]:
    found = {"GroupId": id_, "GroupName": name, "IpPermissions": list(ingress), "IpPermissionsEgress": EGRESS}
    return {**found, **more}


def export(*groups: dict[str, Any], **more: object) -> str:
    return json.dumps({"SecurityGroups": list(groups), **more}, indent=1)


def host(*ingress: dict[str, Any], family: Family = Family.IPV4) -> Firewall:
    return wall(export(group(*ingress)), family=family)


def test_a_permission_lets_in_its_ports_from_its_blocks_alone() -> None:
    found = host(allow("tcp", 80, 90, IpRanges=[{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.0.2.1/32"}]))
    passing = [port for port in (79, 80, 90, 91) if verdict(found, port, source="10.1.1.1") == "accept"]
    assert passing == [80, 90]
    assert verdict(found, 80, source="192.0.2.1") == "accept"
    assert verdict(found, 80, source="192.0.2.2") == "drop"
    assert verdict(found, 80, source="10.1.1.1", protocol="udp") == "drop"


def test_the_source_port_does_not_matter_and_replies_pass() -> None:
    found = wall(export(group(allow(), IpPermissionsEgress=[])))
    assert verdict(found, 80, source_port=80) == "accept"
    assert verdict(found, 40000, hook="output", source_port=80, state="established") == "accept"
    assert verdict(found, 40000, hook="output") == "drop"


def test_egress_is_about_the_destination() -> None:
    found = wall(export(group(IpPermissionsEgress=[allow("tcp", 443, 443, IpRanges=[{"CidrIp": "10.0.0.0/8"}])])))
    assert verdict(found, 443, hook="output", destination="10.0.0.1") == "accept"
    assert verdict(found, 443, hook="output", destination="11.0.0.1") == "drop"
    assert verdict(found, 443) == "drop"


@pytest.mark.parametrize("ports", [(None, None), (-1, -1), (0, 0), (22, 22)])
def test_protocol_minus_one_is_everything_whatever_the_ports(ports: tuple[object, object]) -> None:
    found = host(allow("-1", *ports))
    assert {verdict(found, 80, protocol=name) for name in ("tcp", "udp", "47", "sctp")} == {"accept"}
    assert verdict(found, protocol="icmp") == "accept"


@pytest.mark.parametrize(("number", "name"), [("6", "tcp"), ("17", "udp"), (6, "tcp"), ("TCP", "tcp"), ("006", "tcp")])
def test_a_protocol_may_be_a_number(number: object, name: str) -> None:
    found = host(allow(number))
    assert [verdict(found, port, protocol=name) for port in (80, 81)] == ["accept", "drop"]


def test_other_protocols_have_no_ports() -> None:
    found = host(allow("132", 80, 80))
    assert verdict(found, 81, protocol="sctp") == "accept"
    assert verdict(found, 80) == "drop"


@pytest.mark.parametrize(
    ("kind", "code", "passes"),
    [(8, -1, [(8, 0), (8, 5)]), (3, 4, [(3, 4)]), (-1, -1, [(8, 0), (8, 5), (3, 4), (3, 1)]), (0, -1, [])],
)
def test_for_icmp_the_ports_are_type_and_code(kind: int, code: int, passes: list[tuple[int, int]]) -> None:
    found = host(allow("icmp", kind, code))
    packets = [(8, 0), (8, 5), (3, 4), (3, 1)]
    assert [p for p in packets if verdict(found, protocol="icmp", icmp_type=p[0], icmp_code=p[1]) == "accept"] == passes
    assert verdict(found, 80) == "drop"


def test_icmp_for_ipv6_is_another_protocol() -> None:
    found = host(allow("icmpv6", 128, 0), family=Family.IPV6)
    assert verdict(found, protocol="icmpv6") == "accept"
    assert verdict(found, protocol="icmp", source="2001:db8::1") == "drop"


def test_a_block_of_one_family_says_nothing_about_the_other() -> None:
    four, six = [{"CidrIp": "0.0.0.0/0"}], [{"CidrIpv6": "2001:db8::/32"}]
    assert verdict(host(allow(IpRanges=four), family=Family.IPV6), 80) == "drop"
    assert verdict(host(allow(Ipv6Ranges=six)), 80) == "drop"
    found = host(allow(IpRanges=four, Ipv6Ranges=six), family=Family.IPV6)
    assert [verdict(found, 80, source=end) for end in ("2001:db8::1", "2001:db9::1")] == ["accept", "drop"]


@pytest.mark.parametrize(
    ("peers", "text"),
    [
        ({"UserIdGroupPairs": [{"GroupId": "sg-9", "UserId": "1"}]}, "the peer is in security group sg-9"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-9", "GroupName": "a"}]}, "the peer is in security group sg-9 (a)"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-9", "PeeringStatus": "deleted"}]}, "the peer is in security group sg-9"),
        ({"Groups": [{"GroupId": "sg-9"}]}, "the peer is in security group sg-9"),
        ({"PrefixListIds": [{"PrefixListId": "pl-1"}]}, "the peer is in prefix list pl-1"),
    ],
)
def test_a_peer_that_the_export_does_not_resolve_is_a_condition(peers: dict[str, object], text: str) -> None:
    found = host(allow(**peers))
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    (asks,) = asked(found, 80)
    assert asks.startswith(f"{text} (aws ec2 ")
    assert counts(export(group(allow(**peers))))["conditional"] > 0


def test_permissions_of_a_group_add_up() -> None:
    found = host(allow(UserIdGroupPairs=[{"GroupId": "sg-9"}]), allow("tcp", 0, 65535))
    assert verdict(found, 80) == "accept"


def test_the_deciding_line_is_that_of_the_block() -> None:
    text = export(group(allow(IpRanges=[{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}])))
    decided = trace(wall(text), destination_port=80).rule
    assert decided is not None
    assert '"0.0.0.0/0"' in text.splitlines()[decided.span.line - 1]
    assert decided.span.text == "sg-1 (web) ingress tcp 80 from 0.0.0.0/0"


# --- which groups -------------------------------------------------------------------

WEB, DATABASE = group(allow()), group(allow("tcp", 3306, 3306), id_="sg-2", name="db")


def test_several_groups_nobody_chose_between_are_alternatives() -> None:
    found = wall(export(WEB, DATABASE))
    assert [span.text for span in found.alternatives] == [
        "the interface is in sg-1 (web)",
        "the interface is in sg-2 (db)",
    ]
    assert [verdict(found, port) for port in (80, 3306, 22)] == ["unknown", "unknown", "drop"]


def test_the_groups_that_the_site_names_count_together() -> None:
    found = wall(export(WEB, DATABASE), groups=("sg-1", "db", "sg-2"))
    assert [verdict(found, port) for port in (80, 3306, 22)] == ["accept", "accept", "drop"]
    assert found.alternatives == ()
    assert verdict(wall(export(WEB, DATABASE), groups=("db",)), 80) == "drop"


def test_groups_of_several_exports_are_one_list() -> None:
    found = wall(export(WEB), export(DATABASE), groups=("web", "db"))
    assert [verdict(found, port) for port in (80, 3306)] == ["accept", "accept"]


@pytest.mark.parametrize(
    ("groups", "wanted", "message"),
    [
        ((WEB, DATABASE), "sg-3", "is in the security group sg-3, which is not exported; name one by its id"),
        ((WEB, group(id_="sg-2")), "web", "is in the security group web, of which 2 are exported; name one by its id"),
        ((WEB, group()), "sg-1", "is in the security group sg-1, of which 2 are exported"),
    ],
)
def test_a_group_that_is_missing_or_ambiguous_is_refused(
    groups: tuple[dict[str, Any], ...], wanted: str, message: str
) -> None:
    with pytest.raises(SiteError, match=message):
        wall(export(*groups), groups=(wanted,))


def test_an_id_counts_before_a_name() -> None:
    found = wall(export(WEB, group(id_="sg-2", name="sg-1")), groups=("sg-1",))
    assert verdict(found, 80) == "accept"


# --- wrappers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        export(WEB),
        json.dumps([WEB]),
        json.dumps({"status_code": 200, "data": {"SecurityGroups": [WEB], "ResponseMetadata": {}}}),
        export(WEB, ResponseMetadata={"RequestId": "1"}),
        export(WEB, NextToken=None),
        export(WEB, NextToken=""),
    ],
)
def test_every_wrapper_holds_the_same_groups(text: str) -> None:
    assert verdict(wall(text), 80) == "accept"
    assert counts(text)["unsupported"] == 0


def test_one_page_of_several_proves_nothing() -> None:
    text = export(group(allow("tcp", 80, 80)), NextToken="abc")
    found = wall(text)
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "unknown"]
    assert "one page of several" in asked(found, 81)[0]
    assert counts(text)["unsupported"] == 1


@pytest.mark.parametrize("key", ["IpPermissions", "IpPermissionsEgress"])
@pytest.mark.parametrize("how", ["missing", "null"])
def test_a_list_that_is_not_exported_is_no_empty_list(key: str, how: str) -> None:
    lacking: dict[str, Any] = {**WEB, key: None}
    if how == "missing":
        del lacking[key]
    found = wall(export(lacking))
    hook = "input" if key == "IpPermissions" else "output"
    assert verdict(found, 81, hook=hook) == "unknown"
    assert (
        f"{'ingress' if hook == 'input' else 'egress'} rules of sg-1 (web) are not in the export"
        in asked(found, 81, hook=hook)[0]
    )


def test_an_empty_list_admits_nothing() -> None:
    assert verdict(host(), 80) == "drop"


# --- what is not understood ---------------------------------------------------------


@pytest.mark.parametrize(
    "permission",
    [
        allow(Ranges=[{"CidrIp": "0.0.0.0/0"}]),
        {**allow(), "Condition": "sunny"},
        allow("tpc"),
        allow("256"),
        allow("02551"),
        allow("²"),
        allow(""),
        allow(None),
        allow("tcp", -1, -1),
        allow("tcp", -1, 50),
        allow("006", -1, 50),
        allow("tcp", 30, -1),
        allow("tcp", None, None),
        allow("udp", 80, None),
        allow("tcp", 90, 80),
        allow("tcp", 0, 65536),
        allow("tcp", "80", "80"),
        allow("tcp", 80.0, 80.0),
        allow("tcp", True, True),
        allow("icmp", 8, 256),
        allow("icmp", -2, 0),
        allow(IpRanges=[{"CidrIp": "everybody"}]),
        allow(IpRanges=[{"CidrIp": "10.0.0.0/33"}]),
        allow(IpRanges=[{"CidrIp": "10.0.0.0/0.0.0.255"}]),
        allow(IpRanges=[{}]),
        allow(IpRanges=["10.0.0.0/8"]),
        allow(IpRanges="10.0.0.0/8"),
        allow(UserIdGroupPairs=[{"UserId": "1"}]),
        allow(PrefixListIds=[None]),
    ],
)
def test_a_permission_that_is_not_understood_may_admit_anything(permission: dict[str, Any]) -> None:
    text = export(group(permission))
    found = wall(text)
    assert verdict(found, 80) == "unknown"
    assert verdict(found, 81) == "unknown"
    assert counts(text)["unsupported"] > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"SecurityGroups": []}', "1: the list of security groups is empty"),
        ('{"SecurityGroups": {}}', "1: no list of security groups is in this JSON"),
        ('{"SecurityGroups": [\n1]}', "1: an entry of the list is no security group"),
        ('{"SecurityGroups": [\n{"GroupId": 1}]}', "2: an entry of the list is no security group"),
        ('{"SecurityGroups": [\n{"GroupId": "a",\n"IpPermissions": {}}]}', "3: IpPermissions is not a list"),
        (
            '{"SecurityGroups": [{"GroupId": "a",\n"IpPermissions": [1]}]}',
            "2: an entry of IpPermissions is no",
        ),
        ('{"SecurityGroups": [{"GroupId": "a",\n"GroupId": "b"}]}', "2: the key 'GroupId' stands twice"),
        ('{"SecurityGroups": [{"GroupId": "a"}],\n"NetworkAcls": []}', "2: this JSON holds 'NetworkAcls' beside"),
        ('{"SecurityGroups": [\n{"GroupId": a}]}', "2: not valid JSON"),
        ('{"SecurityGroups": ' + "[" * 100_000, "1: JSON that is nested too deep"),
        ('{"SecurityGroups": [' + "1" * 9999 + "]}", "1: JSON that is nested too deep, or a number that is too long"),
    ],
)
def test_json_that_holds_no_groups_is_refused_with_its_line(text: str, message: str) -> None:
    assert f"dump:{message}" in refusal(text)


def test_every_cut_of_an_export_is_refused() -> None:
    text = export(WEB).strip()
    for length in range(text.index('"SecurityGroups"') + 17, len(text)):
        assert any(what in refusal(text[:length]) for what in ("the export is cut", "not valid JSON"))


def test_a_group_may_lack_a_name_or_an_id() -> None:
    nameless = {key: value for key, value in WEB.items() if key != "GroupName"}
    assert wall(export(nameless)).name == "sg-1"
    dialect, fragment, _ = read(export({key: value for key, value in WEB.items() if key != "GroupId"}))
    firewall = dialect.convert([fragment], Options("host", Family.IPV4, groups=("web",)))
    assert firewall is not None
    assert verdict(firewall, 80) == "accept"
