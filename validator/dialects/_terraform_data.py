"""What Terraform's files hold: a configuration's blocks, or the resources of a plan or state."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from validator.dialects._hcl_tree import Body
from validator.dialects._iac_values import Reference, Resource

PLATFORM = "terraform"
AWS_GROUPS = ("aws_security_group", "aws_default_security_group")
AWS_RULES = (
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_vpc_security_group_egress_rule",
)
AZURE_GROUP, AZURE_RULE = "azurerm_network_security_group", "azurerm_network_security_rule"
AZURE_ASSOCIATIONS = (
    "azurerm_subnet_network_security_group_association",
    "azurerm_network_interface_security_group_association",
)
GOOGLE_RULE = "google_compute_firewall"
PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "aws": (*AWS_GROUPS, *AWS_RULES),
    "azure": (AZURE_GROUP, AZURE_RULE, *AZURE_ASSOCIATIONS),
    "gcp": (GOOGLE_RULE,),
}
"""The resources that are read, by the provider whose firewall they make."""
GOOGLE_NETWORK = "google_compute_network"
TYPES = frozenset(kind for kinds in PROVIDERS.values() for kind in kinds) | {GOOGLE_NETWORK}
_STOPS = re.compile(r"aws_(default_)?network_acl(_rule)?|aws_networkfirewall_(firewall|firewall_policy|rule_group)")
_DECIDES = re.compile(
    r"google_compute_(region_)?(network_|organization_)?(firewall_policy|security_policy)(_rule|_with_rules|_association)?"
    r"|azurerm_firewall(_policy|_network_rule_collection|_policy_rule_collection_group)?"
    r"|azurerm_network_manager_admin_rule"
)


def unread(kind: str) -> str:
    """What a resource that is not read may do to a packet: `stops` it, `decides` (may let it past what follows too);
    empty where it is no filter."""
    return "stops" if _STOPS.fullmatch(kind) else "decides" if _DECIDES.fullmatch(kind) else ""


def matters(kind: str) -> bool:
    """Whether resources of this type are part of the answer."""
    return kind in TYPES or bool(unread(kind))


class TerraformFile(Struct, frozen=True):
    """One .tf file: `folder` is the module it belongs to."""

    path: str
    folder: str
    body: Body


class TerraformResources(Struct, frozen=True):
    """The resources of one plan or state."""

    path: str
    resources: tuple[Resource, ...]
    calls: tuple[Call, ...] = field(default=())


class Call(Struct, frozen=True):
    """A module whose files are not given: what its arguments refer to, it may change."""

    address: str
    source: str
    path: str
    line: int
    given: tuple[Reference, ...]
