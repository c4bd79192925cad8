"""An inventory of Amazon VPC as a firewall of the model: security groups, network ACLs, routes.

Amazon VPC User Guide. "Control traffic to your AWS resources using security groups": rules only allow; what no rule
allows is dropped; all groups of an interface are taken together; replies to allowed traffic pass whatever the rules of
the other direction say. "Network ACL rules": see `_aws_acls.py`. A packet to an interface passes the list of its subnet
and then its groups, one from it the groups, the list and the routes of the subnet.

EC2 User Guide, "Security group connection tracking": a flow that rules let through both ways is not tracked, which
decides nothing otherwise: its replies are let through by those rules. A connection that a changed rule no longer allows
goes on until it ends; an export says what is allowed to begin.

"Security groups do not filter traffic destined to and from" Amazon's own services (DNS, DHCP, instance and task
metadata, licence activation, time) and the VPC's router, and neither do network ACLs: PLATFORM_ADDRESSES.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from validator.dialects import Fragment, Options
from validator.dialects._aws_acls import acl_chain, assumed_chain
from validator.dialects._aws_data import Facts, Groups
from validator.dialects._aws_groups import group_chain
from validator.dialects._aws_inventory import Inventory, gather
from validator.dialects._aws_members import Members
from validator.dialects._aws_platform import platform_addresses
from validator.dialects._aws_points import Point, points
from validator.dialects._aws_routes import route_chain
from validator.model import Chain, Firewall, Hook

_INBOUND = ("acl-ingress", "ingress")
_OUTBOUND = ("egress", "acl-egress", "routes")


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of the interface that the host has, or of the security groups it is said to be in.

    Where there are several and nobody told, each is an alternative. Exports that only add facts make a firewall
    without chains. Raises SiteError for what the site names and no export holds, or what is not the only one of its
    name, and ExportError where exports contradict each other.
    """
    if not any(map(_has_rules, fragments)):
        paths = tuple(dict.fromkeys(fragment.path for fragment in fragments))
        return Firewall(options.host, "no rules", "aws", options.family, {}, {}, paths)
    inventory = gather(fragments)
    found = points(inventory, options)
    chains = _chains(found, inventory, options)
    hooks = {
        hook: tuple(name for name in names if name in chains)
        for hook, names in ((Hook.INPUT, _INBOUND), (Hook.OUTPUT, _OUTBOUND))
    }
    told = len(found) == 1
    many = f"{len(found)} interfaces" if inventory.interfaces else f"{len(found)} security groups"
    return Firewall(
        host=options.host,
        name=found[0].name if told else many,
        platform="aws",
        family=options.family,
        hooks=hooks,
        chains=chains,
        exports=inventory.paths,
        loopback_filtered=False,
        alternatives=() if told else tuple(point.span for point in found),
        platform_addresses=platform_addresses(inventory, options.family),
        both_ends=True,
    )


def _has_rules(fragment: Fragment) -> bool:
    """Whether an export holds rules, and does not only add facts to those of others."""
    data = fragment.data
    return isinstance(data, Groups) or (isinstance(data, Facts) and bool(data.acls))


def _chains(found: Sequence[Point], inventory: Inventory, options: Options) -> dict[str, Chain]:
    """The chains that the exports give: of groups, of network ACLs, of routes."""
    chains = []
    members = Members(inventory, options)
    for inbound, name in ((True, "acl-ingress"), (False, "acl-egress")):
        if inventory.exports or inventory.interfaces:
            chains.append(group_chain(found, inbound, inventory, members, options.family))
        if inventory.acls:
            chains.append(acl_chain(found, inbound, inventory, options))
        elif inventory.interfaces:
            chains.append(assumed_chain(found, name, options))
    if inventory.tables and any(point.subnet_id for point in found):
        chains.append(route_chain(found, inventory, options))
    return {chain.name: chain for chain in chains}


def grouped(fragments: Sequence[Fragment]) -> tuple[str, ...]:
    """The host of each export that nobody named a host: where several kinds of exports are given they tell of one
    inventory, which has the name of the first that holds rules; else each is its own (empty)."""
    with_rules = sorted(filter(_has_rules, fragments), key=lambda each: not isinstance(each.data, Groups))
    first = with_rules[0].path if with_rules else ""
    name = PurePath(first).name.split(".")[0] or PurePath(first).name
    several = len({fragment.dialect for fragment in fragments}) > 1
    return tuple(name if several else "" for _ in fragments)
