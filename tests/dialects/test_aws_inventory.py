"""What exports of Amazon VPC say together: points, references, network ACLs, routes."""

from __future__ import annotations

import json

import pytest

from tests.dialects.aws import (
    acl,
    acls,
    allow,
    answer,
    entry,
    group,
    groups,
    interface,
    interfaces,
    of_group,
    point,
    ports,
    subnets,
)
from tests.dialects.exports import asked, read, refusal, trace, verdict
from validator.errors import ExportError, SiteError
from validator.packets.fields import Family

WEB = group("sg-web", allow("tcp", 80))
DATABASE = group("sg-db", allow("tcp", 3306, **of_group("sg-web")))
ONE = interface("eni-1", "sg-web", address="10.0.1.10")
TWO = interface("eni-2", "sg-db", address="10.0.2.20", subnet="subnet-2")
INVENTORY = (groups(WEB, DATABASE), interfaces(ONE, TWO))


# --- which interface ----------------------------------------------------------------


def test_an_address_of_the_host_tells_its_interface_and_that_its_groups() -> None:
    found = point(*INVENTORY, at=("10.0.1.10",))
    assert found.alternatives == ()
    assert [verdict(found, port) for port in (80, 3306)] == ["accept", "drop"]


@pytest.mark.parametrize("at", [("10.0.1.10", "192.0.2.1"), ("198.51.100.7",), ("10.0.1.8/29",)])
def test_one_address_of_several_a_public_one_or_a_block_will_do(at: tuple[str, ...]) -> None:
    public = {**ONE, "Association": {"PublicIp": "198.51.100.7"}}
    found = point(INVENTORY[0], interfaces(public, TWO), at=at)
    assert [verdict(found, port) for port in (80, 3306)] == ["accept", "drop"]


def test_groups_of_an_interface_count_together() -> None:
    both = interface("eni-1", "sg-web", "sg-db", address="10.0.1.10")
    found = point(groups(WEB, group("sg-db", allow("tcp", 3306))), interfaces(both), at=("10.0.1.10",))
    assert [verdict(found, port) for port in (80, 3306, 22)] == ["accept", "accept", "drop"]


def test_interfaces_nobody_chose_between_are_alternatives() -> None:
    found = point(*INVENTORY)
    assert [span.text for span in found.alternatives] == [
        "the interface is eni-1 (10.0.1.10), in web",
        "the interface is eni-2 (10.0.2.20), in db",
    ]
    assert verdict(found, 80) == "unknown"
    assert verdict(found, 3306, source="10.0.9.9") == "drop"


@pytest.mark.parametrize("told", [("sg-web",), ("web",), ("eni-1",), ("i-1",), ("subnet-1",)])
def test_the_site_may_name_what_has_the_interface(told: tuple[str, ...]) -> None:
    attached = {**ONE, "Attachment": {"InstanceId": "i-1"}}
    found = point(INVENTORY[0], interfaces(attached, TWO), told=told)
    assert [verdict(found, port) for port in (80, 3306)] == ["accept", "drop"]


def test_what_is_attached_to_nothing_is_no_alternative() -> None:
    spare = interface("eni-3", "sg-db", address="10.0.3.3", Status="available")
    assert point(INVENTORY[0], interfaces(ONE, spare)).alternatives == ()


@pytest.mark.parametrize(
    ("at", "told", "message"),
    [
        (("10.9.9.9",), (), "no exported interface has an address of host host"),
        (("10.0.1.10",), ("sg-db",), "is said to be in sg-db, but eni-1 .10.0.1.10. is not"),
        ((), ("sg-9",), "is in the security group sg-9, which is not exported"),
    ],
)
def test_a_site_that_the_exports_contradict_is_refused(
    at: tuple[str, ...], told: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SiteError, match=message):
        point(*INVENTORY, at=at, told=told)


def test_a_group_of_the_interface_that_no_export_holds_is_a_condition() -> None:
    other = interface("eni-1", "sg-web", "sg-other", address="10.0.1.10")
    found = point(groups(WEB), interfaces(other), at=("10.0.1.10",))
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "unknown"]
    assert "sg-other, which is not exported, admits it: run aws ec2 describe-security-groups" in asked(found, 81)[0]


def test_an_interface_whose_groups_nobody_tells_is_a_condition() -> None:
    untold = {key: value for key, value in ONE.items() if key != "Groups"}
    found = point(groups(WEB), interfaces(untold), at=("10.0.1.10",))
    assert verdict(found, 80) == "unknown"


def test_facts_alone_filter_nothing() -> None:
    assert point(interfaces(ONE, TWO)).chains == {}


# --- several exports ----------------------------------------------------------------


def test_accounts_and_regions_are_one_inventory() -> None:
    far = group("sg-far", allow("tcp", 443), vpc="vpc-9")
    there = interface("eni-9", "sg-far", address="172.16.0.9", VpcId="vpc-9")
    texts = (*INVENTORY, groups(far), interfaces(there))
    assert verdict(point(*texts, at=("172.16.0.9",)), 443) == "accept"
    assert verdict(point(*texts, at=("10.0.1.10",)), 443) == "drop"


def test_rules_one_by_one_are_the_same_groups() -> None:
    def rule(egress: bool, protocol: str, first: int, last: int, **peer: object) -> dict[str, object]:
        head = {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-web", "IsEgress": egress, "Tags": []}
        return {**head, "IpProtocol": protocol, "FromPort": first, "ToPort": last, **peer}

    rules = answer(
        "SecurityGroupRules",
        rule(False, "tcp", 80, 80, CidrIpv4="0.0.0.0/0"),
        rule(False, "tcp", 80, 80, CidrIpv6="::/0"),
        rule(False, "icmp", 8, -1, CidrIpv4="10.0.0.0/8"),
        rule(False, "tcp", 22, 22, PrefixListId="pl-1"),
        rule(True, "-1", -1, -1, CidrIpv4="0.0.0.0/0"),
        rule(True, "-1", -1, -1, CidrIpv6="::/0"),
        rule(False, "tcp", 90, 90, ReferencedGroupInfo={"GroupId": "sg-db", "UserId": "1"}),
    )
    found = point(rules)
    assert [verdict(found, port) for port in (80, 22, 90, 81)] == ["accept", "unknown", "unknown", "drop"]
    assert verdict(found, protocol="icmp", source="10.1.1.1", icmp_type=8, icmp_code=3) == "accept"
    assert verdict(found, 9, hook="output") == "accept"
    decided = trace(found, destination_port=80).rule
    assert decided is not None
    assert '"CidrIpv4": "0.0.0.0/0"' in rules.splitlines()[decided.span.line - 1]
    same = groups(
        group(
            "sg-web",
            allow(),
            allow("icmp", 8, -1, IpRanges=[{"CidrIp": "10.0.0.0/8"}]),
            allow("tcp", 22, PrefixListIds=[{"PrefixListId": "pl-1"}]),
            allow("tcp", 90, **of_group("sg-db")),
        )
    )
    assert point(same, rules, told=("sg-web",)).name == "web"
    with pytest.raises(SiteError, match="of which 2 are exported"):
        point(groups(WEB), rules, told=("sg-web",))


def test_exports_that_contradict_each_other_are_refused() -> None:
    moved = {**ONE, "SubnetId": "subnet-2"}
    with pytest.raises(ExportError, match=r"the interface eni-1 stands in dump1\.json:3 as well, and differs there"):
        point(groups(WEB), interfaces(ONE), interfaces(moved))
    with pytest.raises(ExportError, match=r"the security group sg-web stands in dump0\.json as well, with other rules"):
        point(groups(WEB), groups(group("sg-web")), interfaces(ONE))
    instance = {"InstanceId": "i-1", "NetworkInterfaces": [{**ONE, "Groups": []}]}
    with pytest.raises(ExportError, match=r"the interface eni-1 has other groups or addresses in dump2\.json"):
        point(groups(WEB), interfaces(ONE), answer("Reservations", {"Instances": [instance]}))


def test_what_accounts_share_may_stand_in_the_exports_of_each() -> None:
    lists = acls(acl("acl-1", entry(100, "allow")))
    found = point(*INVENTORY, INVENTORY[1], lists, lists, subnets(**{"1": "10.0.1.0/24"}), at=("10.0.1.10",))
    assert verdict(found, 80) == "accept"


# --- references ---------------------------------------------------------------------


def test_a_reference_is_the_private_addresses_of_the_members() -> None:
    more = interface("eni-3", "sg-web", address="10.0.1.30", PrivateIpAddresses=[{"PrivateIpAddress": "10.0.1.31"}])
    found = point(INVENTORY[0], interfaces(ONE, TWO, more), at=("10.0.2.20",))
    sources = ("10.0.1.10", "10.0.1.30", "10.0.1.31", "10.0.1.11", "10.0.2.20")
    assert [verdict(found, 3306, source=each) for each in sources] == ["accept"] * 3 + ["drop"] * 2


def test_a_member_has_addresses_of_both_families() -> None:
    six = {**ONE, "Ipv6Addresses": [{"Ipv6Address": "2001:db8::10"}]}
    found = point(INVENTORY[0], interfaces(six, TWO), at=("10.0.2.20",), family=Family.IPV6)
    assert verdict(found, 3306, source="2001:db8::10") == "accept"
    assert verdict(found, 3306, source="2001:db8::11") == "drop"


def test_a_public_address_is_no_members_address() -> None:
    public = {**ONE, "Association": {"PublicIp": "198.51.100.7"}}
    found = point(INVENTORY[0], interfaces(public, TWO), at=("10.0.2.20",))
    assert verdict(found, 3306, source="198.51.100.7") == "drop"


def test_delegated_prefixes_are_a_condition_of_their_own() -> None:
    delegated = {**ONE, "Ipv4Prefixes": [{"Ipv4Prefix": "10.0.1.64/28"}]}
    found = point(INVENTORY[0], interfaces(delegated, TWO), at=("10.0.2.20",))
    verdicts = [verdict(found, 3306, source=each) for each in ("10.0.1.10", "10.0.1.70", "10.0.1.90")]
    assert verdicts == ["accept", "unknown", "drop"]


def test_instances_tell_some_of_the_members() -> None:
    instance = {"InstanceId": "i-1", "NetworkInterfaces": [ONE, TWO]}
    found = point(INVENTORY[0], answer("Reservations", {"Instances": [instance]}), at=("10.0.2.20",))
    assert [verdict(found, 3306, source=each) for each in ("10.0.1.10", "10.0.1.11")] == ["accept", "unknown"]
    assert "describe-network-interfaces exports its members" in asked(found, 3306, source="10.0.1.11")[0]


def test_one_page_of_the_interfaces_tells_some_of_the_members() -> None:
    found = point(INVENTORY[0], interfaces(ONE, TWO, NextToken="abc"), at=("10.0.2.20",))
    assert [verdict(found, 3306, source=each) for each in ("10.0.1.10", "10.0.1.11")] == ["accept", "unknown"]


def test_a_group_without_a_member_admits_nobody() -> None:
    database = group("sg-db", allow("tcp", 3306, **of_group("sg-empty")))
    found = point(groups(database, group("sg-empty")), interfaces(TWO), at=("10.0.2.20",))
    assert verdict(found, 3306) == "drop"


def test_the_site_may_tell_who_is_in_a_group_or_a_prefix_list() -> None:
    lists = allow("tcp", 443, PrefixListIds=[{"PrefixListId": "pl-1"}])
    told = {"sg-web": ("192.0.2.0/24",), "pl-1": ("198.51.100.0/24",)}
    found = point(groups(group("sg-db", allow("tcp", 3306, **of_group("sg-web")), lists)), networks=told)
    assert [verdict(found, 3306, source=each) for each in ("192.0.2.1", "192.0.3.1")] == ["accept", "drop"]
    assert [verdict(found, 443, source=each) for each in ("198.51.100.1", "192.0.3.1")] == ["accept", "drop"]


PEERING = {"VpcPeeringConnectionId": "pcx-1", "VpcId": "vpc-9"}
FAR = interface("eni-9", "sg-far", address="172.16.0.9", VpcId="vpc-9")


@pytest.mark.parametrize(
    ("status", "connection", "expected"),
    [
        ("active", None, "accept"),
        ("active", "active", "accept"),
        (None, "active", "accept"),
        (None, None, "unknown"),
        ("deleted", None, "unknown"),
        ("active", "deleted", "unknown"),
        ("active", "expired", "unknown"),
    ],
)
def test_over_peering_a_reference_counts_while_the_connection_is_active(
    status: str | None, connection: str | None, expected: str
) -> None:
    pair = PEERING if status is None else {**PEERING, "PeeringStatus": status}
    database = group("sg-db", allow("tcp", 3306, **of_group("sg-far", **pair)))
    texts = [groups(database), interfaces(TWO, FAR)]
    if connection:
        one = {"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": connection}}
        texts.append(answer("VpcPeeringConnections", one))
    found = point(*texts, at=("10.0.2.20",))
    assert verdict(found, 3306, source="172.16.0.9") == expected
    assert verdict(found, 3306, source="172.16.0.8") == ("unknown" if expected == "unknown" else "drop")


def test_over_peering_nobody_knows_the_members_of_what_was_not_exported() -> None:
    pair = {**PEERING, "PeeringStatus": "active"}
    database = group("sg-db", allow("tcp", 3306, **of_group("sg-far", **pair)))
    found = point(groups(database), interfaces(TWO), at=("10.0.2.20",))
    assert verdict(found, 3306, source="172.16.0.9") == "unknown"


def test_a_reference_to_another_vpc_without_peering_is_a_condition() -> None:
    database = group("sg-db", allow("tcp", 3306, **of_group("sg-far")))
    found = point(groups(database, group("sg-far", vpc="vpc-9")), interfaces(TWO, FAR), at=("10.0.2.20",))
    assert verdict(found, 3306, source="172.16.0.9") == "unknown"


# --- prefix lists -------------------------------------------------------------------

LISTED = groups(group("sg-web", allow("tcp", 443, PrefixListIds=[{"PrefixListId": "pl-0a1b"}])))
ENTRIES = answer("Entries", {"Cidr": "192.0.2.0/24"}, {"Cidr": "198.51.100.7/32", "Description": "x"})


@pytest.mark.parametrize(
    "export",
    [
        ("pl-0a1b.json", ENTRIES),
        ("eu-west-1-pl-0a1b.json", ENTRIES),
        ("a.json", answer("Entries", *json.loads(ENTRIES)["Entries"], PrefixListId="pl-0a1b")),
        ("a.json", answer("PrefixLists", {"PrefixListId": "pl-0a1b", "Cidrs": ["192.0.2.0/24", "198.51.100.7/32"]})),
        ("a.json", answer("PrefixLists", {"PrefixListId": "pl-0a1b", "Entries": json.loads(ENTRIES)["Entries"]})),
    ],
)
def test_a_prefix_list_is_its_entries(export: tuple[str, str]) -> None:
    found = point(LISTED, export)
    ends = ("192.0.2.1", "198.51.100.7", "198.51.100.8")
    assert [verdict(found, 443, source=each) for each in ends] == ["accept", "accept", "drop"]


def test_a_prefix_list_without_its_entries_is_a_condition_that_names_the_command() -> None:
    found = point(LISTED, answer("PrefixLists", {"PrefixListId": "pl-0a1b", "PrefixListName": "x"}))
    assert verdict(found, 443) == "unknown"
    assert "aws ec2 get-managed-prefix-list-entries --prefix-list-id pl-0a1b > pl-0a1b.json" in asked(found, 443)[0]


def test_one_page_of_entries_is_no_prefix_list() -> None:
    found = point(LISTED, ("pl-0a1b.json", answer("Entries", {"Cidr": "192.0.2.0/24"}, NextToken="abc")))
    assert verdict(found, 443, source="192.0.2.1") == "unknown"


def test_entries_that_do_not_say_of_which_list_they_are_are_refused() -> None:
    assert "do not say of which prefix list they are; name the file by the list's id" in refusal(ENTRIES)


# --- network ACLs -------------------------------------------------------------------

OPEN = (group("sg-web", allow("-1", None)),)
BASE = (groups(*OPEN), interfaces(ONE))
BOTH_WAYS = (entry(100, "allow", protocol=-1), entry(100, "allow", protocol=-1, egress=True))


def under(*entries: dict[str, object], more: tuple[str, ...] = (), family: Family = Family.IPV4) -> object:
    return point(*BASE, acls(acl("acl-1", *entries)), *more, at=("10.0.1.10",), family=family)


def test_both_the_group_and_the_list_must_let_it_pass() -> None:
    found = point(
        groups(WEB), interfaces(ONE), acls(acl("acl-1", entry(100, "allow", **ports(80, 81)))), at=("10.0.1.10",)
    )
    assert [verdict(found, port) for port in (80, 81, 82)] == ["accept", "drop", "drop"]
    assert verdict(point(groups(WEB), interfaces(ONE), acls(acl("acl-1")), at=("10.0.1.10",)), 80) == "drop"


def test_the_lowest_number_decides_wherever_it_stands() -> None:
    found = point(
        *BASE,
        acls(acl("acl-1", entry(200, "allow"), entry(100, "deny", "192.0.2.0/24"), entry(50, "allow", "192.0.2.9/32"))),
        at=("10.0.1.10",),
    )
    ends = ("192.0.2.1", "192.0.2.9", "192.0.3.1")
    assert [verdict(found, 80, source=each) for each in ends] == ["drop", "accept", "accept"]


def test_nothing_is_remembered_so_a_reply_needs_the_clients_port() -> None:
    narrow = acl("acl-1", entry(100, "allow"), entry(100, "allow", egress=True, **ports(32768, 65535)))
    found = point(*BASE, acls(narrow), at=("10.0.1.10",))
    reply = {"hook": "output", "source_port": 80, "state": "established", "tcp_flags": ["syn", "ack"]}
    assert [verdict(found, port, **reply) for port in (32768, 1024)] == ["accept", "drop"]


def test_inside_one_subnet_no_list_stands() -> None:
    found = point(*BASE, acls(acl("acl-1")), subnets(**{"1": "10.0.1.0/24"}), at=("10.0.1.10",))
    assert [verdict(found, 80, source=each) for each in ("10.0.1.99", "10.0.2.1")] == ["accept", "drop"]
    assert verdict(found, 9, hook="output", destination="10.0.1.99") == "accept"


def test_where_the_subnets_block_is_not_known_peers_are_taken_to_be_elsewhere() -> None:
    texts = (*BASE, acls(acl("acl-1")))
    assert verdict(point(*texts, at=("10.0.1.10",)), 80) == "drop"
    assert verdict(point(*texts, at=("10.0.1.10",), withdrawn=("other-subnets",)), 80) == "unknown"


def test_lists_that_are_not_exported_are_taken_to_be_the_default_ones() -> None:
    assert verdict(point(*BASE, at=("10.0.1.10",)), 80) == "accept"
    found = point(*BASE, at=("10.0.1.10",), withdrawn=("default-acls",))
    assert verdict(found, 80) == "unknown"
    assert "describe-network-acls exports it" in asked(found, 80)[0]


def test_a_subnet_without_a_list_of_its_own_has_the_vpcs_default_one() -> None:
    lists = acls(acl("acl-1", subnets=("subnet-2",)), acl("acl-0", *BOTH_WAYS, subnets=(), default=True))
    assert verdict(point(*BASE, lists, at=("10.0.1.10",)), 80) == "accept"


def test_a_list_that_lacks_among_those_exported_is_a_condition() -> None:
    found = point(*BASE, acls(acl("acl-1", *BOTH_WAYS, subnets=("subnet-2",))), at=("10.0.1.10",))
    assert verdict(found, 80) == "unknown"
    assert "the network ACL of subnet-1, which is not exported" in asked(found, 80)[0]
    paged = acls(acl("acl-0", *BOTH_WAYS, subnets=(), default=True), NextToken="abc")
    assert verdict(point(*BASE, paged, at=("10.0.1.10",)), 80) == "unknown"


def test_lists_alone_are_judged_alone() -> None:
    lists = acls(acl("acl-1", entry(100, "allow", **ports(80, 80))), acl("acl-2", subnets=("subnet-2",)))
    found = point(lists)
    assert [span.text for span in found.alternatives] == [f"the interface is under acl-{n}" for n in (1, 2)]
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert verdict(point(lists, told=("acl-1",)), 80) == "accept"
    assert verdict(point(lists, subnets(**{"1": "10.0.1.0/24"}), told=("subnet-1",)), 80) == "accept"


def test_groups_without_an_interface_may_be_under_any_list_of_their_vpc() -> None:
    lists = acls(acl("acl-1", *BOTH_WAYS), acl("acl-2", subnets=("subnet-2",)))
    found = point(groups(WEB), lists)
    assert [span.text for span in found.alternatives] == [
        f"the interface is in sg-web (web) and under acl-{n}" for n in (1, 2)
    ]
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert verdict(point(groups(WEB), lists, told=("sg-web", "acl-1")), 80) == "accept"


@pytest.mark.parametrize(
    ("one", "passes"),
    [
        (entry(100, "allow", protocol=1, IcmpTypeCode={"Type": 8, "Code": -1}), [(8, 0), (8, 1)]),
        (entry(100, "allow", protocol=1, IcmpTypeCode={"Type": 3, "Code": 4}), [(3, 4)]),
        (entry(100, "allow", protocol=1), [(8, 0), (8, 1), (3, 4)]),
        (entry(100, "allow", protocol=-1), [(8, 0), (8, 1), (3, 4)]),
        (entry(100, "allow", protocol=6), []),
    ],
)
def test_entries_about_icmp_have_type_and_code(one: dict[str, object], passes: list[tuple[int, int]]) -> None:
    found = point(*BASE, acls(acl("acl-1", one)), at=("10.0.1.10",))
    packets = [(8, 0), (8, 1), (3, 4)]
    assert [p for p in packets if verdict(found, protocol="icmp", icmp_type=p[0], icmp_code=p[1]) == "accept"] == passes


def test_entries_are_of_one_family() -> None:
    lists = acls(acl("acl-1", entry(100, "allow", "2001:db8::/32", 6, **ports(80, 80))))
    four = point(*BASE, lists, at=("10.0.1.10",))
    six = point(*BASE, lists, at=("10.0.1.10",), family=Family.IPV6)
    assert verdict(four, 80) == "drop"
    assert [verdict(six, 80, source=each) for each in ("2001:db8::1", "2001:db9::1")] == ["accept", "drop"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"Protocol": "tcp"},
        {"Protocol": "256"},
        {"RuleAction": "perhaps"},
        {"PortRange": {"From": 90, "To": 80}},
        {"PortRange": None},
        {"CidrBlock": "everybody"},
        {"CidrBlock": None},
        {"Ipv6CidrBlock": "::/0"},
        {"Weather": "sunny"},
    ],
)
def test_an_entry_that_is_not_understood_may_do_anything_in_its_place(wrong: dict[str, object]) -> None:
    text = acls(acl("acl-1", entry(50, "allow", "192.0.2.0/24"), {**entry(100, "deny"), **wrong}, entry(200, "allow")))
    found = point(*BASE, text, at=("10.0.1.10",))
    assert [verdict(found, 80, source=each) for each in ("192.0.2.1", "192.0.3.1")] == ["accept", "unknown"]
    assert read(text)[2].counts()["unsupported"] > 0


def test_the_deciding_line_is_that_of_the_entry() -> None:
    text = acls(acl("acl-1", entry(100, "allow", **ports(80, 80)), entry(110, "deny", **ports(81, 81))))
    decided = trace(point(*BASE, text, at=("10.0.1.10",)), destination_port=81).rule
    assert decided is not None
    assert decided.span.text == "acl-1 ingress 110 deny tcp 81 from 0.0.0.0/0"
    assert '"RuleNumber": 110' in text.splitlines()[decided.span.line - 1]


# --- Amazon's own addresses ---------------------------------------------------------


def test_amazons_own_services_are_not_filtered() -> None:
    found = point(groups(group("sg-web", egress=())), interfaces(ONE), acls(acl("acl-1")), at=("10.0.1.10",))
    assert verdict(found, 53, hook="output", destination="169.254.169.253", protocol="udp") == "accept"
    assert verdict(found, 53, hook="output", destination="169.254.169.252", protocol="udp") == "drop"
    reserved = point(
        groups(group("sg-web", egress=())), interfaces(ONE), subnets(**{"1": "10.0.1.0/24"}), at=("10.0.1.10",)
    )
    assert verdict(reserved, 53, hook="output", destination="10.0.1.2", protocol="udp") == "unknown"


# --- routes -------------------------------------------------------------------------


def table(*routes: dict[str, object], subnets_of: tuple[str, ...] = ("subnet-1",), main: bool = False) -> str:
    associations: list[dict[str, object]] = [{"SubnetId": each, "Main": False} for each in subnets_of]
    associations += [{"Main": True}] if main else []
    one = {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": associations, "Routes": list(routes)}
    return answer("RouteTables", one)


LOCAL: dict[str, object] = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
WORLD: dict[str, object] = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "State": "active"}
GONE: dict[str, object] = {"DestinationCidrBlock": "10.9.0.0/16", "NatGatewayId": "nat-1", "State": "blackhole"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (table(LOCAL), ["accept", "drop", "drop"]),
        (table(LOCAL, WORLD), ["accept", "accept", "accept"]),
        (table(WORLD, LOCAL, GONE), ["accept", "accept", "drop"]),
        (table(LOCAL, subnets_of=(), main=True), ["accept", "drop", "drop"]),
        (table(LOCAL, subnets_of=("subnet-2",)), ["unknown"] * 3),
    ],
)
def test_what_leaves_a_subnet_needs_a_route(text: str, expected: list[str]) -> None:
    found = point(*BASE, text, at=("10.0.1.10",))
    ends = ("10.0.7.7", "192.0.2.1", "10.9.1.1")
    assert [verdict(found, 80, hook="output", destination=each) for each in ends] == expected
    assert verdict(found, 80, source="192.0.2.1") == "accept"


def test_a_route_to_a_prefix_list_is_one_to_each_entry() -> None:
    listed: dict[str, object] = {"DestinationPrefixListId": "pl-0a1b", "GatewayId": "vpce-1", "State": "active"}
    text = table(LOCAL, listed)
    assert verdict(point(*BASE, text, at=("10.0.1.10",)), 80, hook="output", destination="192.0.2.1") == "unknown"
    found = point(*BASE, text, ("pl-0a1b.json", ENTRIES), at=("10.0.1.10",))
    ends = ("192.0.2.1", "192.0.3.1")
    assert [verdict(found, 80, hook="output", destination=each) for each in ends] == ["accept", "drop"]


# --- bad input ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"NetworkInterfaces": [\n{}]}', "2: NetworkInterfaceId is not given, or is no text"),
        ('{"NetworkInterfaces": [{"NetworkInterfaceId": "a",\n"Groups": 1}]}', "2: Groups is no list of objects"),
        (
            '{"NetworkInterfaces": [{"NetworkInterfaceId": "a",\n"PrivateIpAddress": "x"}]}',
            "2: PrivateIpAddress is 'x', which is no address",
        ),
        ('{"NetworkAcls": []}', "1: the list of network ACLs is empty"),
        ('{"NetworkAcls": [1]}', "1: an entry of the list is no network ACL"),
        ('{"NetworkAcls": [{"NetworkAclId": "a",\n"Entries": [{}]}]}', "2: an entry does not say its RuleNumber"),
        ('{"NetworkAcls": [\n{"NetworkAclId": "a"}]}', "2: a network ACL has no Entries"),
        ('{"RouteTables": [{"RouteTableId": "a", "Routes":\n[{}]}]}', "2: a route has no destination"),
        ('{"Subnets": [{"SubnetId": "a"}],\n"Vpcs": []}', "2: this JSON holds 'Vpcs' beside subnets"),
        ('{"SecurityGroupRules": [\n{"GroupId": "a"}]}', "2: a rule does not say whether it is about egress"),
        ('{"VpcPeeringConnections": [{"VpcPeeringConnectionId": "a", "Status":\n{}}]}', "2: Code is not given"),
        ('{"Reservations": [{"Instances": {}', "the export is cut"),
    ],
)
def test_what_the_api_does_not_give_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in refusal(text)
