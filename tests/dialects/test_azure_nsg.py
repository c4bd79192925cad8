"""Network security groups: what a rule lets through, and what keeps it from being a proof."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dialects.azure import Json, application_groups, deny, host, nic, nsg, rule, vnet
from tests.dialects.exports import asked, counts, read, refusal, trace, verdict
from validator.packets.fields import Family

FIXTURES = Path(__file__).parents[2] / "fixtures" / "azure_nsg"
OFFICE, PEER = "192.0.2.9", "10.1.2.3"


def test_the_lowest_number_comes_first_wherever_it_stands() -> None:
    found = host([nsg(deny(200), rule(priority=100), rule(priority=300, destinationPortRange="81"))])
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "drop"]


def test_a_rule_is_about_its_protocol_its_ports_and_its_addresses() -> None:
    wanted = rule(sourceAddressPrefix="192.0.2.0/24", destinationPortRange="80-82", sourcePortRange="1024-65535")
    found = host([nsg(wanted, deny())])
    assert [port for port in (79, 80, 82, 83) if verdict(found, port, source=OFFICE) == "accept"] == [80, 82]
    assert verdict(found, 80, source="192.0.3.1") == "drop"
    assert verdict(found, 80, source=OFFICE, source_port=1023) == "drop"
    assert verdict(found, 80, source=OFFICE, protocol="udp") == "drop"


@pytest.mark.parametrize("word", ["Tcp", "TCP", "tcp"])
def test_protocols_are_written_in_any_case(word: str) -> None:
    assert verdict(host([nsg(rule(protocol=word), deny())]), 80) == "accept"


@pytest.mark.parametrize("word", ["*", "All", "Any"])
def test_any_protocol(word: str) -> None:
    found = host([nsg(rule(protocol=word, destinationPortRange="*"), deny(priority=101))])
    assert {verdict(found, 9, protocol=name) for name in ("tcp", "udp")} == {"accept"}
    assert {verdict(found, protocol=name) for name in ("icmp", "50", "47")} == {"accept"}


def test_every_port_of_a_rule_for_icmp_opens_no_port() -> None:
    found = host([nsg(rule(protocol="Icmp", destinationPortRange="*"), deny())])
    assert verdict(found, protocol="icmp") == "accept"
    assert [verdict(found, 80, protocol=name) for name in ("tcp", "udp")] == ["drop", "drop"]


def test_what_any_protocol_with_ports_says_of_protocols_without_is_not_documented() -> None:
    found = host([nsg(rule(protocol="*"), deny())])
    assert [verdict(found, 80), verdict(found, 80, protocol="udp"), verdict(found, 81)] == ["accept", "accept", "drop"]
    assert verdict(found, protocol="icmp") == "unknown"


def test_an_augmented_rule_has_many_ports_and_blocks() -> None:
    wanted = rule(
        sourceAddressPrefix=None,
        sourceAddressPrefixes=["192.0.2.0/24", "10.1.2.3"],
        destinationPortRange=None,
        destinationPortRanges=["80", "90-91"],
    )
    found = host([nsg(wanted, deny())])
    for source in (OFFICE, PEER):
        assert [port for port in (80, 81, 90, 91, 92) if verdict(found, port, source=source) == "accept"] == [
            80,
            90,
            91,
        ]
    assert verdict(found, 80, source="10.1.2.4") == "drop"


def test_a_block_of_one_family_says_nothing_about_the_other_and_a_star_is_both() -> None:
    six = Family.IPV6
    assert verdict(host([nsg(rule(sourceAddressPrefix="0.0.0.0/0"), deny())], family=six), 80) == "drop"
    assert verdict(host([nsg(rule(sourceAddressPrefix="2001:db8::/32"), deny())], family=six), 80) == "accept"
    assert verdict(host([nsg(rule(), deny())], family=six), 80) == "accept"


def test_replies_pass_whatever_the_rules() -> None:
    found = host([nsg(deny(), deny(direction="Outbound"))])
    assert verdict(found, 40000, hook="output", source_port=80, state="established") == "accept"
    assert verdict(found, 80, state="established") == "accept"


def test_the_default_rules_come_last_where_the_export_lacks_them_as_well() -> None:
    found = host([nsg()], VirtualNetwork=("10.1.0.0/16",))
    assert verdict(found, 80, source=PEER) == "accept"
    assert verdict(found, 80, source="168.63.129.16") == "accept"
    assert verdict(found, 80, source=OFFICE) == "drop"
    assert verdict(found, 80, source="10.2.0.1") == "drop"
    out = {to: verdict(found, 80, hook="output", destination=to) for to in (PEER, OFFICE, "10.2.0.1")}
    assert out == {PEER: "accept", OFFICE: "accept", "10.2.0.1": "drop"}
    assert "DenyAllInBound" in str(trace(found, source=OFFICE, destination_port=80).rule)


def test_without_its_addresses_the_virtual_network_is_a_condition_but_the_internet_is_open() -> None:
    found = host([nsg()])
    assert verdict(found, 80, source=OFFICE) == "unknown"
    assert asked(found, 80, source=OFFICE)[0].startswith("the peer is in VirtualNetwork")
    assert verdict(found, 80, hook="output", destination=OFFICE) == "accept"  # in the one tag or in the other
    assert verdict(found, 80, hook="output", destination="10.9.0.1") == "unknown"
    assert verdict(found, 80, source="168.63.129.16") == "accept"


def test_a_denied_tag_that_nobody_resolves_does_not_vanish() -> None:
    found = host([nsg(deny(100, sourceAddressPrefix="Sql.WestEurope"), rule(priority=200))])
    assert verdict(found, 80) == "unknown"
    assert asked(found, 80)[0].startswith("the peer is in the service tag Sql.WestEurope: give the ServiceTags file")
    assert verdict(found, 81, source=OFFICE) == "unknown"


def test_the_same_tag_is_the_same_condition() -> None:
    tagged = [rule("a", 100, sourceAddressPrefix="Sql"), deny(200, sourceAddressPrefix="SQL"), rule("b", 300)]
    assert verdict(host([nsg(*tagged)]), 80) == "accept"


def test_the_site_and_a_file_of_service_tags_resolve_them() -> None:
    tagged = [nsg(rule(sourceAddressPrefix="Sql"), deny())]
    tags = {
        "changeNumber": 1,
        "cloud": "Public",
        "values": [{"name": "Sql", "properties": {"addressPrefixes": ["192.0.2.0/24", "2001:db8::/32"]}}],
    }
    for found in (host(tagged, tags), host(tagged, sql=("192.0.2.0/24",))):
        assert [verdict(found, 80, source=source) for source in (OFFICE, "192.0.3.1")] == ["accept", "drop"]
    assert verdict(host(tagged, tags, family=Family.IPV6), 80, source="2001:db8::1") == "accept"


@pytest.mark.parametrize("name", ["Internet", "INTERNET", "internet"])
def test_the_internet_is_what_is_public_and_outside_the_virtual_network(name: str) -> None:
    found = host([nsg(rule(sourceAddressPrefix=name), deny())], VirtualNetwork=("10.1.0.0/16", "203.0.113.0/24"))
    passing = [ip for ip in (OFFICE, PEER, "10.200.0.1", "203.0.113.5") if verdict(found, 80, source=ip) == "accept"]
    assert passing == [OFFICE]


def test_the_hosts_own_side_is_in_its_network_and_never_the_internet() -> None:
    own = host([nsg(rule(destinationAddressPrefix="VirtualNetwork"), deny())])
    assert verdict(own, 80) == "accept"
    assert verdict(host([nsg(rule(destinationAddressPrefix="Internet"), deny())]), 80) == "drop"


def test_the_services_of_the_platform_are_reached_unless_a_rule_names_their_tag() -> None:
    closed = deny(direction="Outbound")
    host_address = {"hook": "output", "destination": "168.63.129.16"}
    found = host([nsg(closed)])
    assert verdict(found, 53, protocol="udp", **host_address) == "accept"
    assert verdict(found, 5432, **host_address) == "drop"
    assert verdict(found, 80, hook="output", destination="169.254.169.254") == "accept"
    named = deny(100, direction="Outbound", destinationAddressPrefix="AzurePlatformDNS")
    found = host([nsg(named, rule(priority=110, direction="Outbound", destinationPortRange="*", protocol="*"))])
    assert verdict(found, 53, protocol="udp", **host_address) == "drop"
    assert verdict(found, 53, protocol="udp", hook="output", destination="8.8.8.8") == "accept"
    assert verdict(found, 80, hook="output", destination="169.254.169.254") == "accept"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"protocol": "Gre"}, "the protocol of rule is 'Gre'"),
        ({"destinationPortRange": "http"}, "the ports of rule are 'http'"),
        ({"destinationPortRange": "90-80"}, "the ports of rule are '90-80'"),
        ({"access": "Maybe"}, "the access of rule is 'maybe'"),
        ({"direction": "Both"}, "the direction of rule is 'both'"),
        ({"priority": "first"}, "the priority of rule is 'first'"),
        ({"when": "weekends"}, "unknown key 'when' in the rule rule"),
        ({"sourceAddressPrefix": None}, "rule has no addresses on one side"),
        ({"sourceAddressPrefixes": ["10.0.0.0/8"]}, "rule has both sourceAddressPrefix and a list"),
        ({"sourceApplicationSecurityGroups": application_groups("a")}, "rule has both addresses and application"),
        ({"protocol": "Icmp"}, "rule names ports of Icmp, which has none"),
        ({"destinationPortRanges": [{}], "destinationPortRange": None}, "destinationPortRanges of rule is not"),
    ],
)
def test_a_rule_that_is_not_understood_leaves_everything_open_to_doubt(fields: Json, why: str) -> None:
    export = [nsg(rule(**fields), rule("later", 200), deny())]
    found = host(export)
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "unknown"]
    assert any(why in text for text in asked(found, 80))
    assert counts(json.dumps(export, indent=1))["unsupported"] > 0


def test_of_two_rules_with_one_priority_nobody_knows_which_comes_first() -> None:
    found = host([nsg(rule("a", 100), deny(100), rule("b", 100))])
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert verdict(host([nsg(rule("a", 100), rule("b", 100))]), 80) == "accept"


def test_application_groups_without_interfaces_are_conditions() -> None:
    by_group = rule(sourceAddressPrefix=None, sourceApplicationSecurityGroups=application_groups("workers"))
    found = host([nsg(by_group, deny())])
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "drop"]
    assert asked(found, 80) == ["the peer is in the application security group workers: run az network nic list"]
    assert verdict(host([nsg(by_group, deny())], workers=(f"{PEER}/32",)), 80, source=PEER) == "accept"


def test_application_groups_are_the_addresses_of_their_interfaces() -> None:
    by_group = rule(
        sourceAddressPrefix=None,
        sourceApplicationSecurityGroups=application_groups("workers"),
        destinationAddressPrefix=None,
        destinationApplicationSecurityGroups=application_groups("servers"),
    )
    nics = [nic("a", "10.1.0.4", asgs=("Servers",)), nic("b", "10.1.0.5", asgs=("workers",)), nic("c", "10.1.0.6")]
    exports = ([nsg(by_group, deny())], nics, [vnet(front="web")])
    server = host(*exports, addresses=("10.1.0.4",))
    assert [verdict(server, 80, source=f"10.1.0.{end}") for end in (5, 6)] == ["accept", "drop"]
    assert verdict(server, 80, source="10.1.0.99") == "drop"  # by an assumption
    taken_back = host(*exports, addresses=("10.1.0.4",), withdrawn=("listed-members",))
    assert [verdict(taken_back, 80, source=f"10.1.0.{end}") for end in (5, 6, 99)] == ["accept", "drop", "unknown"]
    assert verdict(host(*exports, addresses=("10.1.0.6",)), 80, source="10.1.0.5") == "drop"  # not a server itself


def test_the_group_that_the_site_names_is_the_hosts_own_side() -> None:
    by_group = rule(destinationAddressPrefix=None, destinationApplicationSecurityGroups=application_groups("servers"))
    export = [nsg(by_group, deny())]
    assert verdict(host(export), 80) == "unknown"
    assert verdict(host(export, groups=("web", "servers")), 80) == "accept"


def test_a_blamed_line_is_the_line_of_the_rule() -> None:
    text = json.dumps([nsg(rule("Web"), deny())], indent=1)
    blamed = trace(host([nsg(rule("Web"), deny())]), destination_port=81).rule
    assert blamed is not None
    assert text.splitlines()[blamed.span.line - 1].strip() == '"name": "Deny4096",'
    assert blamed.span.text == "web inbound 4096 Deny4096: deny any protocol all ports from anywhere to anywhere"


# --- shapes -------------------------------------------------------------------


def rest(group: Json) -> Json:
    """The group as the API gives it."""

    def inner(item: Json) -> Json:
        outside: Json = {key: item[key] for key in ("id", "name") if key in item}
        return {**outside, "properties": {key: value for key, value in item.items() if key not in outside}}

    return inner({**group, "securityRules": [inner(each) for each in group["securityRules"]]})


def powershell(value: object) -> object:
    """What ConvertTo-Json makes of it: names in capitals, one entry or several always a list."""
    if isinstance(value, list):
        return [powershell(each) for each in value]
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: powershell(each) for key, each in value.items()}
    return value


@pytest.mark.parametrize("name", ["flat", "rest", "value", "powershell", "one"])
def test_the_three_shapes_say_the_same(name: str) -> None:
    group = nsg(rule(sourceAddressPrefix=None, sourceAddressPrefixes=["192.0.2.0/24", "Sql"]), deny())
    shapes: dict[str, object] = {
        "flat": [group],
        "rest": [rest(group)],
        "value": {"value": [rest(group)]},
        "powershell": powershell([group]),
        "one": group,
    }
    dialect, _, ledger = read(json.dumps(shapes[name], indent=1))
    assert dialect.NAME == "azure-nsg"
    assert not ledger.unsupported()
    found = host(shapes[name])
    assert [verdict(found, port, source=OFFICE) for port in (80, 81)] == ["accept", "drop"]
    assert verdict(found, 80, source="10.0.0.1") == "unknown"


def test_a_fixture_of_powershell_says_what_that_of_az_says() -> None:
    exports = [read((FIXTURES / name).read_bytes())[1].data for name in ("blocked.json", "powershell.json")]
    ways = [
        [(r.name, r.sources, r.destinations, r.destination_ports, r.priority, r.allow) for r in group.rules]
        for export in exports
        for group in export.groups  # type: ignore[attr-defined]
    ]
    assert ways[0] == ways[1]


@pytest.mark.parametrize(
    ("export", "why"),
    [
        ([nsg("Microsoft.Rule")], "cut short (ConvertTo-Json needs -Depth 10)"),  # type: ignore[arg-type]
        ([nsg(), {"id": "x"}], "an entry of the list is not of its kind"),
        ([{"id": "x", "securityRules": "System.Object[]"}], "securityRules is not a list"),
        ([rule()], "this is az network nsg rule list output"),
        ([{"id": "x", "name": "a", "addressPrefix": "10.0.0.0/24"}], "this is az network vnet subnet list output"),
        ({"type": "Microsoft.Network/publicIPAddresses"}, "this is JSON of Microsoft.Network/publicIPAddresses"),
    ],
)
def test_other_json_is_refused_with_what_to_run(export: object, why: str) -> None:
    assert why in refusal(json.dumps(export, indent=1))


def test_a_page_of_several_is_no_proof() -> None:
    page = {"value": [nsg(rule(), deny())], "nextLink": "https://management.azure.com/..."}
    found = host(page)
    assert verdict(found, 80) == "unknown"
    assert "run az network nsg list" in asked(found, 80)[0]


def test_a_recording_of_two_different_answers_is_refused() -> None:
    def recorded(*answers: object) -> str:
        bodies = [{"request": {"method": "GET"}, "response": {"body": {"data": each}}} for each in answers]
        return json.dumps({"version": 1, "interactions": bodies}, indent=1)

    one, other = {"value": [nsg(rule())]}, {"value": [nsg(deny())]}
    assert read(recorded(one, one))[0].NAME == "azure-nsg"
    assert "which holds now nobody can tell" in refusal(recorded(one, other))


def test_what_is_cut_is_refused() -> None:
    whole = [{"name": "first", "type": "Microsoft.Network/networkSecurityGroups", **nsg(rule())}]
    assert "the JSON ends in the middle" in refusal(json.dumps(whole, indent=1)[:-40])
