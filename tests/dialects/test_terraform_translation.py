"""Network security groups of Azure and firewall rules of Google Cloud in Terraform, as the provider's own terms."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read
from validator.dialects._azure_data import SecurityGroup, SecurityRule
from validator.dialects._gcp_data import FirewallRule, Protocol
from validator.dialects._iac_values import Places
from validator.dialects._terraform_azure import groups
from validator.dialects._terraform_data import TerraformFile
from validator.dialects._terraform_google import rules
from validator.dialects._terraform_modules import resources


def azure(text: str) -> tuple[SecurityGroup, ...]:
    file = read(text)[1].data
    assert isinstance(file, TerraformFile)
    found, calls = resources([file])
    return groups(found, calls, Places()).groups


def google(text: str) -> tuple[FirewallRule, ...]:
    file = read(text)[1].data
    assert isinstance(file, TerraformFile)
    return rules(resources([file])[0], Places()).rules


NSG = 'resource "azurerm_network_security_group" "n" {\n  name = "net"\n%s}\n'
RULE = (
    '    name = "in"\n    priority = 100\n    direction = "Inbound"\n    access = "Allow"\n    protocol = "Tcp"\n'
    '    source_port_range = "*"\n    destination_port_ranges = ["80", "443-444"]\n'
    '    source_address_prefix = "VirtualNetwork"\n    destination_address_prefix = "*"\n'
)


def only(found: tuple[SecurityGroup, ...]) -> SecurityRule:
    (group,) = found
    (rule,) = group.rules
    return rule


def test_a_security_rule_block_is_a_rule_of_its_group() -> None:
    text = NSG % f"  security_rule {{\n{RULE}  }}\n"
    rule = only(azure(text))
    assert (rule.inbound, rule.allow, rule.priority, rule.protocol, rule.why) == (True, True, 100, "tcp", "")
    assert (rule.sources, rule.destinations) == (("VirtualNetwork",), ("*",))
    assert (rule.source_ports, rule.destination_ports) == (("*",), ("80", "443-444"))
    assert counts(text)["unsupported"] == 0


APART = (
    f'resource "azurerm_network_security_rule" "r" {{\n{RULE}    resource_group_name = "g"\n'
    "    network_security_group_name = %s\n}\n"
)


@pytest.mark.parametrize("name", ['"net"', "azurerm_network_security_group.n.name"])
def test_a_rule_as_a_resource_belongs_to_the_group_it_names(name: str) -> None:
    assert only(azure(NSG % "" + APART % name)).why == ""


def test_a_rule_whose_group_is_not_told_may_be_of_any() -> None:
    rule = only(azure(NSG % "" + APART % "var.group"))
    assert rule.why == "whether var.group is azurerm_network_security_group.n"
    (group,) = azure(NSG % "" + APART % '"other"')
    assert group.rules == ()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"VirtualNetwork"', "var.x", "the expression var.x decides"),
        ("100", "var.first + 1", "the expression var.first + 1 decides"),
        ('"Inbound"', '"Sideways"', "its direction is 'sideways'"),
        ('"Allow"', '"Maybe"', "its access is 'maybe'"),
        ('"Tcp"', '"Sctp"', "its protocol is 'sctp'"),
        ("100", "null", "it has no priority"),
        ("priority", "prio", "unknown argument 'prio'"),
        ('    source_port_range = "*"\n', "", "a port or prefix is missing"),
    ],
)
def test_what_of_a_rule_is_not_known_is_said(old: str, new: str, why: str) -> None:
    found = azure(NSG % f"  security_rule {{\n{RULE.replace(old, new)}  }}\n")
    assert {rule.why for rule in found[0].rules} == {why}
    assert {rule.inbound for rule in found[0].rules} == ({True, False} if "direction" in why else {True})


def test_associations_and_application_groups_are_kept_by_their_address() -> None:
    text = NSG % f"  security_rule {{\n{RULE}  }}\n"
    text = text.replace(
        'source_address_prefix = "VirtualNetwork"',
        "source_application_security_group_ids = [azurerm_application_security_group.a.id]",
    )
    text += 'resource "azurerm_subnet_network_security_group_association" "a" {\n'
    text += "  subnet_id = azurerm_subnet.s.id\n"
    text += "  network_security_group_id = azurerm_network_security_group.n.id\n}\n"
    text += 'resource "azurerm_subnet" "s" {\n  name = "s"\n}\n'
    text += 'resource "azurerm_application_security_group" "a" {\n  name = "a"\n}\n'
    (group,) = azure(text)
    assert group.subnets == ("azurerm_subnet.s",)
    assert group.rules[0].source_groups == ("azurerm_application_security_group.a",)
    assert group.rules[0].sources == ()
    assert group.rules[0].why == ""


FIREWALL = 'resource "google_compute_firewall" "f" {\n  name = "f"\n  network = %s\n%s}\n'
ALLOW = '  allow {\n    protocol = "TCP"\n    ports = ["80", 8080]\n  }\n'


def test_a_firewall_of_google_has_the_providers_defaults() -> None:
    (rule,) = google(FIREWALL % ('"default"', ALLOW))
    assert (rule.network, rule.inbound, rule.allow, rule.priority, rule.disabled) == (
        "default",
        True,
        True,
        1000,
        False,
    )
    assert rule.protocols == (Protocol("tcp", ("80", "8080")),)
    assert rule.ranges == ("0.0.0.0/0",)
    assert rule.why == ""


def test_sources_and_targets_are_kept_apart() -> None:
    more = '  direction = "EGRESS"\n  priority = 0\n  destination_ranges = ["10.0.0.0/8"]\n  target_tags = ["web"]\n'
    (rule,) = google(FIREWALL % ('"default"', more + ALLOW.replace("allow", "deny")))
    assert (rule.inbound, rule.allow, rule.priority, rule.ranges) == (False, False, 0, ("10.0.0.0/8",))
    assert rule.target_tags == ("web",)
    (rule,) = google(FIREWALL % ('"default"', '  source_tags = ["a"]\n' + ALLOW))
    assert (rule.ranges, rule.source_tags) == ((), ("a",))


@pytest.mark.parametrize("network", [f"google_compute_network.v.{name}" for name in ("name", "id", "self_link")])
def test_a_network_is_the_same_however_it_is_referred_to(network: str) -> None:
    text = FIREWALL % (network, ALLOW) + 'resource "google_compute_network" "v" {\n  name = "vpc"\n}\n'
    (rule,) = google(text)
    assert rule.network == "vpc"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ALLOW + "  source_ranges = var.x\n", "the expression var.x decides"),
        (ALLOW + "  disabled = var.x\n", "the expression var.x decides"),
        (ALLOW + "  direction = var.x\n", "the expression var.x decides"),
        (ALLOW + ALLOW.replace("allow", "deny"), "it has both allow and deny, or neither"),
        ("", "it has both allow and deny, or neither"),
        (ALLOW + '  shape = "round"\n', "unknown argument 'shape'"),
        (ALLOW + "  priority = 99999\n", "its priority is no number"),
    ],
)
def test_what_of_a_firewall_is_not_known_is_said(text: str, why: str) -> None:
    found = google(FIREWALL % ('"default"', text))
    assert {rule.why for rule in found} == {why}
    assert len(found) == (2 if "direction" in text else 1)
