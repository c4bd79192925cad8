"""Where groups are in force: the interface that a host has, and what it passes on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dialects.azure import ROOT, Json, deny, host, nic, nsg, reference, rule, subnet_id, vnet
from tests.dialects.exports import asked, counts, read, refusal, trace, verdict
from validator import policy_file
from validator.check import CheckOptions, check
from validator.dialects import Options
from validator.dialects._azure import convert
from validator.errors import SiteError
from validator.hosts import load
from validator.model import Hook
from validator.packets.fields import Family
from validator.results import Verdict

OUT = {"hook": "output", "destination": "192.0.2.9"}
OPEN = [rule("In", destinationPortRange="*", protocol="*"), rule("Out", direction="Outbound", protocol="*")]
WEB = nsg(rule(), deny(), name="web")
ALL = nsg(*OPEN, deny(), name="all")
SHUT = nsg(deny(), deny(direction="Outbound"), name="shut")


def test_both_the_subnet_and_the_interface_must_allow() -> None:
    nics = [nic("n", "10.1.0.4", group="web")]
    for subnet, expected in (("all", "accept"), ("shut", "drop"), ("", "accept")):
        found = host([WEB, ALL, SHUT], nics, [vnet(front=subnet)])
        assert [verdict(found, port) for port in (80, 81)] == [expected, "drop"]


def test_inbound_asks_the_subnet_first_and_outbound_the_interface() -> None:
    groups = [nsg(deny(), deny(direction="Outbound"), name=name) for name in ("inner", "outer")]
    found = host(groups, [nic("n", "10.1.0.4", group="inner")], [vnet(front="outer")])
    blamed = [trace(found, **packet).rule for packet in ({"destination_port": 80}, {"destination_port": 80, **OUT})]
    assert [each.span.text.split()[0] for each in blamed if each] == ["outer", "inner"]
    assert [len(found.hooks[hook]) for hook in (Hook.INPUT, Hook.OUTPUT)] == [2, 2]


def test_without_any_group_nothing_is_filtered() -> None:
    found = host([WEB], [nic("n", "10.1.0.4")], [vnet(front="")])
    assert [verdict(found, 81), verdict(found, 81, **OUT)] == ["accept", "accept"]
    assert "n, which has no network security group" in found.name


def test_a_subnet_of_which_no_export_tells_may_have_a_group() -> None:
    found = host([WEB], [nic("n", "10.1.0.4", group="web")])
    assert verdict(found, 80) == "unknown"
    assert any("run az network vnet list" in text for text in asked(found, 80))
    assert verdict(found, 81) == "drop"  # whatever that group says, `web` does not let it pass
    told = nsg(*OPEN, deny(), name="all", subnets=[{"id": subnet_id()}])
    assert verdict(host([WEB, told], [nic("n", "10.1.0.4", group="web")]), 80) == "accept"


def test_a_group_that_is_not_exported_is_unknown() -> None:
    found = host([WEB], [nic("n", "10.1.0.4", group="other")], [vnet(front="")])
    assert verdict(found, 80) == "unknown"
    assert any(f"az network nsg show --ids {ROOT}/networkSecurityGroups/other" in text for text in asked(found, 80))


def test_ids_are_compared_without_regard_to_case() -> None:
    nics = json.loads(json.dumps([nic("n", "10.1.0.4", group="WEB")]).replace("resourceGroups", "resourcegroups"))
    assert verdict(host([WEB], nics, [vnet(Front="")]), 80) == "accept"


NICS = [nic("a", "10.1.0.4", group="web"), nic("b", "10.1.0.5", group="all", asgs=("workers",))]
EXPORTS = ([WEB, ALL], NICS, [vnet(front="")])


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"addresses": ("10.1.0.4",)}, "web"),
        ({"addresses": ("203.0.113.9", "10.1.0.5/32")}, "all"),
        ({"groups": ("ALL",)}, "all"),
        ({"groups": (f"{ROOT}/networkSecurityGroups/web",)}, "web"),
        ({"groups": ("workers",)}, "all"),
        ({"groups": ("all", "workers")}, "all"),
        ({"groups": ("a",)}, "web"),
    ],
)
def test_the_site_tells_which_interface_the_host_has(told: dict[str, tuple[str, ...]], name: str) -> None:
    found = host(*EXPORTS, **told)  # type: ignore[arg-type]
    assert (found.name, found.alternatives) == (name, ())


def test_where_nobody_told_each_interface_is_an_alternative() -> None:
    found = host(*EXPORTS)
    assert [span.text for span in found.alternatives] == [
        "the host has the interface a",
        "the host has the interface b",
    ]
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "unknown"]
    shut = host([WEB, SHUT], [nic("a", "10.1.0.4", group="web"), nic("b", "10.1.0.5", group="shut")], [vnet(front="")])
    assert [verdict(shut, port) for port in (80, 81)] == ["unknown", "drop"]


def test_interfaces_that_are_alike_are_one_alternative() -> None:
    alike = [nic(name, f"10.1.0.{number}", group="web") for number, name in enumerate("cde", 6)]
    found = host([WEB, ALL], [*NICS, *alike], [vnet(front="")])
    assert [span.text for span in found.alternatives] == [
        "the host has the interface a, or one of 3 others with the same groups",
        "the host has the interface b",
    ]
    own = nsg(rule(destinationAddressPrefix="10.1.0.6"), deny(), name="web")
    assert len(host([own, ALL], [*NICS, *alike], [vnet(front="")]).alternatives) == 5


def test_where_no_interface_is_exported_each_group_is_an_alternative() -> None:
    found = host([WEB, ALL])
    assert [span.text for span in found.alternatives] == ["the host is in web", "the host is in all"]
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "unknown"]
    assert host([WEB, ALL], groups=("web",)).alternatives == ()


def test_two_groups_that_the_site_names_are_both_in_force() -> None:
    found = host([WEB, ALL, SHUT], groups=("all", "web"))
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "drop"]
    assert verdict(host([WEB, ALL, SHUT], groups=("all", "shut")), 80) == "drop"


@pytest.mark.parametrize(
    ("exports", "groups", "why"),
    [
        (EXPORTS, ("nobody",), "host host is in the group nobody, which is not exported"),
        (EXPORTS, ("web", "all"), "no exported interface is in all of them"),
        (([WEB, ALL],), ("nobody",), "which is not exported"),
        (([WEB, {**ALL, "name": "web"}],), ("web",), "of which 2 are exported"),
        (([WEB, ALL, SHUT],), ("web", "all", "shut"), "3 network security groups that no interface is in at once"),
    ],
)
def test_a_group_that_cannot_be_found_is_the_sites_mistake(
    exports: tuple[object, ...], groups: tuple[str, ...], why: str
) -> None:
    with pytest.raises(SiteError) as caught:
        host(*exports, groups=groups)
    assert why in str(caught.value)


def test_rules_about_the_own_address_hold_for_that_interface() -> None:
    by_address = nsg(rule(destinationAddressPrefix="10.1.0.4"), deny(), name="web")
    nics = [nic("a", "10.1.0.4"), nic("b", "10.1.0.5")]
    for address, expected in (("10.1.0.4", "accept"), ("10.1.0.5", "drop")):
        found = host([by_address], nics, [vnet(front="web")], addresses=(address, "203.0.113.9"))
        assert verdict(found, 80, destination="203.0.113.9") == expected  # judged after translation


def test_the_address_space_is_in_virtual_network_and_more_may_be() -> None:
    found = host([nsg()], [nic("a", "10.1.0.4", group="web")], [vnet(front="")])
    assert verdict(found, 80, source="10.1.7.7") == "accept"
    assert verdict(found, 80, source="10.2.0.1") == "unknown"


def test_the_same_group_twice_is_one_and_two_that_differ_are_none() -> None:
    nics = [nic("n", "10.1.0.4", group="web")]
    assert verdict(host([WEB], [WEB], nics, [vnet(front="")]), 80) == "accept"
    found = host([WEB], [{**SHUT, "id": WEB["id"]}], nics, [vnet(front="")])
    assert verdict(found, 80) == "unknown"
    assert any("exported twice and differ" in text for text in asked(found, 80))


def test_an_interface_without_state_tracking_is_not_decided() -> None:
    stateless = nic("n", "10.1.0.4", group="web", disableTcpStateTracking=True)
    found = host([WEB], [stateless], [vnet(front="")])
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "unknown"]
    assert any("disableTcpStateTracking" in text for text in asked(found, 80))


def test_addresses_that_are_not_told_are_not_taken_for_none() -> None:
    by_address = nsg(rule(destinationAddressPrefix="10.1.0.9"), deny(), name="web")
    partly = nic("n", "10.1.0.4", "", group="web")
    found = host([by_address], [partly], [vnet(front="")], addresses=("10.1.0.4",))
    assert [verdict(found, 80, destination=f"10.1.0.{end}") for end in (9, 4)] == ["accept", "drop"]


# --- effective groups ---------------------------------------------------------


def effective(*entries: tuple[str, str, list[Json]]) -> Json:
    """Entries as kind of association, name of the group, and rules."""
    return {
        "value": [
            {
                "association": {kind: {"id": f"{ROOT}/{kind}/n"}},
                "networkSecurityGroup": reference("networkSecurityGroups", name),
                "effectiveSecurityRules": rules,
            }
            for kind, name, rules in entries
        ]
    }


def in_force(name: str, priority: int, **fields: object) -> Json:
    fields = {"sourceAddressPrefix": "0.0.0.0/0", "destinationAddressPrefix": "0.0.0.0/0", **fields}
    return rule(f"securityRules/{name}", priority, destinationPortRange="80-80", sourcePortRange="0-65535", **fields)


def test_effective_groups_are_those_of_one_interface_with_tags_expanded() -> None:
    tagged = in_force("Tag", 100, sourceAddressPrefix="Sql", expandedSourceAddressPrefix=["192.0.2.0/24"])
    found = host(
        effective(("subnet", "outer", [in_force("Any", 100, protocol="All")]), ("networkInterface", "in", [tagged]))
    )
    assert found.alternatives == ()
    assert verdict(found, 80, source="192.0.2.9") == "accept"
    assert asked(found, 80, source="10.9.9.9") != []  # VirtualNetwork, which this export leaves out
    blamed = trace(found, source="192.0.2.9", destination_port=80).rule
    assert blamed is not None
    assert blamed.name == "Tag"


def test_the_host_is_in_the_expanded_virtual_network_whatever_its_address() -> None:
    blocks = ["10.1.0.0/16"]
    ends = {"sourceAddressPrefix": "VirtualNetwork", "destinationAddressPrefix": "VirtualNetwork"}
    expanded = {"expandedSourceAddressPrefix": blocks, "expandedDestinationAddressPrefix": blocks}
    both = [in_force("In", 100, **ends, **expanded), in_force("Out", 100, direction="Outbound", **ends, **expanded)]
    stop = [in_force(f"Stop{way}", 200, direction=way, access="Deny") for way in ("Inbound", "Outbound")]
    found = host(effective(("subnet", "outer", [*both, *stop])))
    assert [verdict(found, 80, source=ip) for ip in ("10.1.0.9", "10.2.0.9")] == ["accept", "drop"]
    out = [verdict(found, 80, hook="output", destination=ip) for ip in ("10.1.0.9", "10.2.0.9")]
    assert out == ["accept", "drop"]


def test_an_effective_star_is_written_as_ipv4() -> None:
    found = host(effective(("subnet", "outer", [in_force("Any", 100)])), family=Family.IPV6)
    assert verdict(found, 80, source="2001:db8::1") == "unknown"


def test_security_admin_rules_are_not_decided() -> None:
    admin = ("networkManager", "admin", [in_force("Stop", 10, access="Deny")])
    found = host(effective(admin, ("subnet", "outer", [in_force("Any", 100)])))
    assert verdict(found, 80) == "unknown"
    assert any("security admin rule of a network manager" in text for text in asked(found, 80))


def test_two_groups_of_one_place_are_of_two_interfaces() -> None:
    twice = effective(("subnet", "a", [in_force("Any", 100)]), ("subnet", "b", [in_force("Any", 100)]))
    assert "give one file for each interface" in refusal(json.dumps(twice, indent=1))


# --- facts alone --------------------------------------------------------------


@pytest.mark.parametrize("export", [[nic("n", "10.1.0.4")], [vnet(front="web")]])
def test_facts_alone_make_no_firewall(export: object) -> None:
    _, fragment, _ = read(json.dumps(export, indent=1))
    assert fragment.families == ()
    assert convert([fragment], Options("host", Family.IPV4)) is None


@pytest.mark.parametrize(
    ("export", "why"),
    [
        ([{**nic("n", "10.1.0.4"), "ipConfigurations": ["Microsoft.Azure"]}], "cut short (ConvertTo-Json needs -Depth"),
        ([nic("n", "everywhere")], "'everywhere' is no address"),
        ([{**vnet(), "addressSpace": {"addressPrefixes": ["all"]}}], "'all' is no block of addresses"),
        ([{**vnet(), "subnets": [{}]}], "was cut short"),
        ({"value": [nic("n", "10.1.0.4")], "nextLink": "x"}, "one page of several"),
        ({"changeNumber": 1, "values": [{"name": "Sql", "properties": {"addressPrefixes": ["x"]}}]}, "no service tag"),
    ],
)
def test_broken_facts_are_refused(export: object, why: str) -> None:
    assert why in refusal(json.dumps(export, indent=1))


def test_the_lines_that_tell_where_a_group_is_in_force_are_accounted_for() -> None:
    assert counts(json.dumps([nic("n", "10.1.0.4", group="web")], indent=1))["modelled"] == 3
    assert counts(json.dumps([vnet(front="web")], indent=1))["modelled"] == 4


def test_a_health_probe_that_gets_through_does_not_make_a_port_open(tmp_path: Path) -> None:
    path = tmp_path / "groups.json"
    path.write_text(json.dumps([nsg(deny(sourceAddressPrefix="VirtualNetwork"))], indent=1), encoding="utf-8")
    report = check(load([str(path)]), policy_file.load("ol-connect"), None, CheckOptions()).report
    verdicts = {each.verdict for each in report.results if each.direction == "inbound"}
    assert verdicts == {Verdict.BLOCKED}
