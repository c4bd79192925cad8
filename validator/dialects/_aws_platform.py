"""Amazon's own addresses, which neither security groups nor network ACLs filter.

Amazon VPC User Guide, "Control traffic to your AWS resources using security groups" and "Network ACL basics": DNS
(169.254.169.253, fd00:ec2::253, and the VPC's base plus two), DHCP, instance metadata (169.254.169.254, fd00:ec2::254),
task metadata (169.254.170.2), licence activation (169.254.169.250, .251, fd00:ec2::250), time (169.254.169.123,
fd00:ec2::123), and the reserved addresses of the router. "Subnet sizing": the second to fourth address of every subnet
are reserved; which of them serve what depends on the VPC, so of those it is a condition.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from validator.dialects._aws_inventory import Inventory
from validator.dialects._cloud import addresses
from validator.model import ACCEPT, Condition, ConditionMatch, FieldMatch, Rule
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import normalise
from validator.source import Span

_SERVICES = (
    *(f"169.254.169.{last}" for last in (123, 250, 251, 253, 254)),
    "169.254.170.2",
    *(f"fd00:ec2::{last}" for last in (123, 250, 253, 254)),
)


def platform_addresses(inventory: Inventory, family: Family) -> Intervals:
    """All of them: no module of a host is there."""
    return normalise((*addresses(_SERVICES, family), *_reserved(inventory, family)))


def platform_rules(inventory: Inventory, inbound: bool, family: Family) -> Iterator[Rule]:
    """What lets packets from or to them pass whatever other rules say."""
    field = Field.SOURCE if inbound else Field.DESTINATION
    text = "Amazon's own services are not filtered"
    span = Span(inventory.paths[0], 1, text)
    yield Rule((FieldMatch(field, addresses(_SERVICES, family)),), ACCEPT, span, text, implicit=True)
    reserved = _reserved(inventory, family)
    if reserved:
        serves = Condition("reserved address", "this reserved address of a subnet is a service of Amazon")
        matches = (FieldMatch(field, reserved), ConditionMatch(serves))
        yield Rule(matches, ACCEPT, span, text, implicit=True)


def _reserved(inventory: Inventory, family: Family) -> Intervals:
    """The second to fourth address of every subnet."""
    networks = [ip_network(block, strict=False) for each in inventory.subnets.values() for block in each.blocks]
    bases = [int(one.network_address) for one in networks if (one.version == 4) == (family is Family.IPV4)]
    return normalise((base + 1, base + 3) for base in bases)
