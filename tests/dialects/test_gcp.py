"""Google Cloud: rules, policies, instances and networks as exported, alone and together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dialects.exports import asked, counts, read, refusal, verdict
from validator.dialects import Options
from validator.errors import ExportError, SiteError
from validator.model import Firewall
from validator.packets.fields import Family

NETWORKS = "https://www.googleapis.com/compute/v1/projects/p/global/networks/"
COMMAND = "gcloud compute firewall-rules list --format=json"


def rule(name: str = "r", direction: str = "INGRESS", network: str = "one", **more: object) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "network": NETWORKS + network if network else "",
        "priority": 1000,
        "direction": direction,
    }
    if not {"allowed", "denied"} & set(more):
        found["allowed"] = [{"IPProtocol": "tcp", "ports": ["80"]}]
    return {**found, **more}


def instance(name: str, address: str, *tags: str, network: str = "one", **face: object) -> dict[str, Any]:
    faces = [{"network": NETWORKS + network, "networkIP": address, **face}]
    return {"name": name, "zone": "x/zones/europe-west4-b", "tags": {"items": list(tags)}, "networkInterfaces": faces}


def policy(*rules: dict[str, Any], target: str = "organizations/1", **more: object) -> dict[str, Any]:
    kind = {"parent": "organizations/1"} if "/networks/" not in target else {}
    return {"name": "guard", "rules": list(rules), "associations": [{"attachmentTarget": target}], **kind, **more}


def step(priority: int, action: str, direction: str = "INGRESS", **match: object) -> dict[str, Any]:
    match = match or {"srcIpRanges" if direction == "INGRESS" else "destIpRanges": ["0.0.0.0/0"]}
    match.setdefault("layer4Configs", [{"ipProtocol": "all"}])
    return {"priority": priority, "action": action, "direction": direction, "match": match}


def wall(*exports: object, family: Family = Family.IPV4, **options: Any) -> Firewall:
    found = [read(json.dumps(each, indent=1), f"dump{n or ''}") for n, each in enumerate(exports)]
    firewall = found[0][0].convert([fragment for _, fragment, _ in found], Options("host", family, **options))
    assert firewall is not None
    return firewall


ANY: dict[str, Any] = {"sourceRanges": ["0.0.0.0/0"]}


def test_the_lowest_priority_decides_and_deny_comes_first() -> None:
    deny = {"denied": [{"IPProtocol": "tcp"}], **ANY}
    assert verdict(wall([rule(**ANY)]), 80) == "accept"
    assert verdict(wall([rule(**ANY)]), 81) == "drop"
    assert verdict(wall([rule(**ANY), rule("d", **deny)]), 80) == "drop"
    assert verdict(wall([rule(**ANY), rule("d", **{**deny, "priority": 1001})]), 80) == "accept"
    assert verdict(wall([rule(**ANY), rule("d", **deny, disabled=True)]), 80) == "accept"


def test_what_no_rule_decides_is_denied_inbound_and_allowed_outbound() -> None:
    found = wall([rule(**ANY)])
    assert verdict(found, 9, hook="output") == "accept"
    assert verdict(found, 9, hook="output", destination="169.254.169.254") == "accept"
    assert verdict(found, 9, state="established") == "accept"


def test_mail_to_external_addresses_may_be_blocked_by_the_project() -> None:
    found = wall([rule(**ANY)])
    assert verdict(found, 25, hook="output", destination="203.0.113.9") == "unknown"
    assert verdict(found, 25, hook="output", destination="10.1.1.1") == "accept"
    closed = wall([rule("d", "EGRESS", denied=[{"IPProtocol": "all"}], destinationRanges=["0.0.0.0/0"])])
    assert verdict(closed, 25, hook="output", destination="203.0.113.9") == "drop"
    assert verdict(closed, 80, hook="output", destination="169.254.169.254") == "accept"


def test_a_rule_without_sources_is_for_every_ipv4_address() -> None:
    assert verdict(wall([rule()]), 80) == "accept"
    assert verdict(wall([rule()], family=Family.IPV6), 80) == "drop"
    assert verdict(wall([rule(sourceRanges=["::/0"])], family=Family.IPV6), 80) == "accept"


@pytest.mark.parametrize(
    ("groups", "expected"), [((), "unknown"), (("web",), "accept"), (("other",), "drop"), (("me@x",), "unknown")]
)
def test_a_target_tag_is_a_condition_where_nobody_told(groups: tuple[str, ...], expected: str) -> None:
    rules = [rule(**ANY, targetTags=["web"])]
    rules += [rule("o", allowed=[{"IPProtocol": "udp"}], targetTags=["other"], **ANY)]
    rules += [rule("a", allowed=[{"IPProtocol": "udp"}], targetServiceAccounts=["me@x"], **ANY)]
    found = wall(rules, groups=groups)
    assert verdict(found, 80) == expected
    if not groups:
        assert asked(found, 80)[0] == "the host has the network tag web"


def test_a_tag_that_stands_nowhere_is_refused() -> None:
    with pytest.raises(SiteError, match="is in wbe, which is no tag"):
        wall([rule(**ANY, targetTags=["web"])], groups=("wbe",))


def test_an_interface_is_found_by_its_address_and_its_tags_hold() -> None:
    machines = [instance("a", "10.0.0.1", "web"), instance("b", "10.0.0.2"), instance("c", "10.9.0.1", network="two")]
    rules = [rule(**ANY, targetTags=["web"]), rule("two", network="two", **ANY)]
    assert verdict(wall(rules, machines, addresses=("10.0.0.1/32",)), 80) == "accept"
    assert verdict(wall(rules, machines, addresses=("10.0.0.2/32",)), 80) == "drop"
    assert verdict(wall(rules, machines, groups=("c",)), 80) == "accept"
    untold = wall(rules, machines)
    assert [span.text for span in untold.alternatives] == [
        "the host is a in network p/one",
        "the host is b in network p/one",
        "the host is c in network p/two",
    ]
    assert verdict(untold, 80) == "unknown"
    assert verdict(untold, 81) == "drop"


def test_a_source_tag_is_the_primary_addresses_of_its_instances_in_the_network() -> None:
    face: dict[str, Any] = {
        "accessConfigs": [{"natIP": "192.0.2.1"}],
        "aliasIpRanges": [{"ipCidrRange": "10.4.0.0/24"}],
    }
    machines = [instance("a", "10.0.0.1", "web", **face), instance("b", "10.9.0.1", "web", network="two")]
    machines += [instance("host", "10.0.0.7")]
    found = wall([rule(sourceTags=["web"])], machines, groups=("host",))
    passing = [
        text
        for text in ("10.0.0.1", "192.0.2.1", "10.4.0.1", "10.9.0.1")
        if verdict(found, 80, source=text) == "accept"
    ]
    assert passing == ["10.0.0.1"]
    assert verdict(wall([rule(sourceTags=["web"])]), 80) == "unknown"
    assert "network tag web" in asked(wall([rule(sourceTags=["web"])]), 80)[0]
    told = wall([rule(sourceTags=["web"])], networks={"web": ("10.3.0.0/16",)})
    assert verdict(told, 80, source="10.3.1.1") == "accept"
    assert verdict(told, 80, source="10.4.1.1") == "drop"


def test_several_networks_are_alternatives_and_the_site_may_name_one() -> None:
    rules = [rule(**ANY), rule("two", network="two", **{**ANY, "allowed": [{"IPProtocol": "udp"}]})]
    assert len(wall(rules).alternatives) == 2
    assert verdict(wall(rules), 80) == "unknown"
    assert verdict(wall(rules, groups=("one",)), 80) == "accept"
    assert verdict(wall(rules, groups=("two",)), 80) == "drop"


def test_a_network_whose_rules_are_not_exported_is_not_taken_to_have_none() -> None:
    found = wall([rule(**ANY)], [instance("a", "10.0.0.1", network="shared")], groups=("a",))
    assert verdict(found, 80) == "unknown"
    assert "no VPC firewall rule of network p/shared is in the exports" in asked(found, 80)[0]


def test_a_hierarchical_policy_comes_first_and_a_network_policy_last() -> None:
    guard = policy(step(1, "deny", srcIpRanges=["10.0.0.0/8"]), step(2, "goto_next"))
    network = policy(step(1, "allow"), target=NETWORKS + "one", name="late")
    found = wall(
        [rule(**ANY)], guard, network, {"items": [{"selfLink": NETWORKS + "one", "autoCreateSubnetworks": True}]}
    )
    assert verdict(found, 80, source="10.1.1.1") == "drop"
    assert verdict(found, 80, source="192.0.2.1") == "accept"
    assert verdict(found, 99, source="192.0.2.1") == "accept"


@pytest.mark.parametrize(
    ("order", "expected"), [("BEFORE_CLASSIC_FIREWALL", "drop"), ("AFTER_CLASSIC_FIREWALL", "accept"), ("", "unknown")]
)
def test_the_network_says_which_comes_first(order: str, expected: str) -> None:
    network = policy(step(1, "deny"), target=NETWORKS + "one")
    described: dict[str, Any] = {"selfLink": NETWORKS + "one", "autoCreateSubnetworks": True}
    described["networkFirewallPolicyEnforcementOrder"] = order
    more = [[described]] if order else []
    assert verdict(wall([rule(**ANY)], network, *more), 80) == expected


def test_a_regional_policy_is_for_its_region() -> None:
    regional = policy(step(1, "allow"), target=NETWORKS + "one", region="x/regions/europe-west4")
    machines = [instance("a", "10.0.0.1")]
    assert verdict(wall([rule(**ANY)], regional, machines, groups=("a",)), 99) == "accept"
    assert verdict(wall([rule(**ANY)], regional), 99) == "unknown"
    other = policy(step(1, "allow"), target=NETWORKS + "one", region="x/regions/us-east1")
    assert verdict(wall([rule(**ANY)], other, machines, groups=("a",)), 99) == "drop"


def test_what_a_policy_only_names_is_a_condition() -> None:
    found = wall([rule(**ANY)], policy(step(1, "deny", srcRegionCodes=["XX"])))
    assert verdict(found, 80) == "unknown"
    assert asked(found, 80) == ["the packet comes from region XX"]
    told = wall([rule(**ANY)], policy(step(1, "deny", srcRegionCodes=["XX"])), networks={"XX": ("192.0.2.0/24",)})
    assert verdict(told, 80, source="192.0.2.1") == "drop"
    assert verdict(told, 80, source="192.1.2.1") == "accept"
    scoped = wall([rule(**ANY)], policy(step(1, "deny", srcIpRanges=["0.0.0.0/0"], srcNetworkScope="INTERNET")))
    assert verdict(scoped, 80) == "unknown"
    secure = policy({**step(1, "deny"), "targetSecureTags": [{"name": "tagValues/1"}]})
    assert verdict(wall([rule(**ANY)], secure), 80) == "unknown"
    assert verdict(wall([rule(**ANY)], secure, groups=("tagValues/1",)), 80) == "drop"


def test_two_policies_of_folders_have_no_order() -> None:
    folders = [policy(step(1, "deny"), target=f"folders/{n}", name=f"f{n}") for n in (1, 2)]
    with pytest.raises(ExportError, match="which of the policies f1 and f2 comes first cannot be told"):
        wall([rule(**ANY)], *folders)


def test_effective_firewalls_hold_rules_and_policies_in_order() -> None:
    effective = {
        "firewalls": [rule(**ANY)],
        "firewallPolicys": [
            {"name": "a", "type": "HIERARCHY", "rules": [step(1, "allow", srcIpRanges=["10.1.0.0/16"])]},
            {"name": "b", "type": "HIERARCHY", "rules": [step(1, "deny", srcIpRanges=["10.0.0.0/8"])]},
        ],
    }
    found = wall(effective)
    assert verdict(found, 99, source="10.1.0.1") == "accept"
    assert verdict(found, 80, source="10.2.0.1") == "drop"
    assert verdict(found, 80, source="11.2.0.1") == "accept"


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"direction": "BOTH"},
        {"denied": [{"IPProtocol": "tcp"}], "allowed": [{"IPProtocol": "tcp"}]},
        {"allowed": [{"IPProtocol": "warp"}]},
        {"allowed": [{"IPProtocol": "icmp", "ports": ["80"]}]},
        {"allowed": [{"IPProtocol": "tcp", "ports": ["90-80"]}]},
        {"allowed": [{"IPProtocol": "tcp", "ports": [80]}]},
        {"allowed": []},
        {"priority": "high"},
        {"disabled": "no"},
        {"sourceRanges": ["everywhere"]},
        {"sourceRanges": "10.0.0.0/8"},
        {"network": ""},
        {"direction": "EGRESS", "sourceTags": ["a"], "sourceRanges": []},
    ],
)
def test_a_rule_that_is_not_understood_proves_nothing(changes: dict[str, Any]) -> None:
    rules = [rule(**{**ANY, **changes}), rule("other", **ANY, allowed=[{"IPProtocol": "all"}], priority=2000)]
    hook = "output" if changes.get("direction") == "EGRESS" else "input"
    assert verdict(wall(rules, groups=("one",)), 80, hook=hook) == "unknown"


@pytest.mark.parametrize("action", ["apply_security_profile_group", "mirror", None])
def test_an_action_that_is_not_understood_proves_nothing(action: Any) -> None:
    assert verdict(wall([rule(**ANY)], policy(step(1, action))), 80) == "unknown"


def test_one_rule_alone_or_one_page_is_not_all_there_is() -> None:
    assert verdict(wall(rule(**ANY)), 81) == "unknown"
    assert verdict(wall({"items": [rule(**ANY)], "nextPageToken": "x"}), 81) == "unknown"
    assert verdict(wall({"kind": "compute#firewallList", "items": [rule(**ANY)]}), 81) == "drop"


def test_every_line_of_a_rule_is_accounted_for() -> None:
    found = counts(json.dumps([rule(**ANY), rule("x", sourceTags=["a"], surprise=[1])], indent=1))
    assert found["modelled"] > 6
    assert found["unsupported"] > 6


@pytest.mark.parametrize(
    ("export", "message"),
    [
        ([policy(step(1, "deny")) | {"associations": []}], "1: policy guard is associated with no network"),
        ([step(1, "deny")], "1: these are rules of a policy without the policy"),
        ({"firewalls": [rule()], "other": 1}, "1: this JSON is not what get-effective-firewalls gives"),
        ({"firewallPolicys": [{"type": "NEW", "rules": [step(1, "deny")]}]}, "of the unknown type 'NEW'"),
        ([instance("a", "here")], "an address of a is none"),
        ([{"asset_type": "compute.googleapis.com/Firewall", "x": rule()}], "an export of Cloud Asset Inventory"),
        ([{"selfLink": "x", "autoCreateSubnetworks": True}], "1: an entry of the list is no network"),
    ],
)
def test_other_files_are_refused_with_a_reason(export: object, message: str) -> None:
    assert message in refusal(json.dumps(export))


def test_yaml_of_gcloud_is_called_by_its_name() -> None:
    assert "1: this is gcloud output as YAML; add --format=json" in refusal("kind: compute#firewall\nname: a\n")


def test_what_exports_cannot_list_is_a_named_assumption() -> None:
    machines = [instance("a", "10.0.0.1", "web"), instance("host", "10.0.0.7")]
    rules = [rule(sourceTags=["web", "other"], sourceRanges=["10.8.0.0/16"])]
    sources = ("10.0.0.1", "10.0.0.7", "10.8.1.1")
    for withdrawn, expected in ((frozenset(), "drop"), (frozenset({"listed-members"}), "unknown")):
        listed = wall([rule(sourceTags=["web"])], machines, groups=("host",), withdrawn=withdrawn)
        assert verdict(listed, 80, source="10.0.0.9") == expected
        assert [verdict(listed, 80, source=each) for each in sources] == ["accept", "drop", expected]
    assert "an instance with network tag web, and no export lists it" in asked(listed, 80, source="10.0.0.9")[0]
    assert verdict(wall(rules, machines, groups=("host",)), 80, source="10.0.0.9") == "unknown"  # nobody has `other`


def test_policies_that_were_not_exported_are_assumed_to_decide_nothing() -> None:
    taken_back = frozenset({"no-firewall-policies"})
    assert verdict(wall([rule(**ANY)]), 80) == "accept"
    assert verdict(wall([rule(**ANY)], withdrawn=taken_back), 80) == "unknown"
    assert verdict(wall([rule(**ANY)], withdrawn=taken_back), 80, state="established") == "accept"
    assert verdict(wall([rule(**ANY)], policy(step(1, "allow")), withdrawn=taken_back), 80) == "unknown"
    whole = {"firewalls": [rule(**ANY)], "firewallPolicys": []}
    assert verdict(wall(whole, withdrawn=taken_back), 80) == "accept"
