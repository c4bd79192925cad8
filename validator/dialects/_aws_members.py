"""Whom a permission is about: blocks, the members of a group, the entries of a prefix list.

Amazon VPC User Guide, "Security group rules": a rule that references a group allows traffic "from the network
interfaces associated with the referenced security group, based on their private IP addresses". VPC Peering Guide,
"Update your security groups to reference peer security groups": only while the connection is active, and in one
region. A prefix list is the set of its entries.
"""

from __future__ import annotations

from validator.dialects import Options
from validator.dialects._aws_data import Group, Peer
from validator.dialects._aws_inventory import Inventory
from validator.dialects._cloud import addresses, told
from validator.model import AnyOf, Condition, ConditionMatch, FieldMatch, Match
from validator.packets.fields import Field, Intervals


class Members:
    """The addresses that references stand for, in one family."""

    def __init__(self, inventory: Inventory, options: Options) -> None:
        self._inventory, self._options = inventory, options
        self._vpcs = {identity: found[0].vpc for identity, found in inventory.members.items() if found[0].vpc}
        self._vpcs |= {group.id: group.vpc for _, group in inventory.groups if group.vpc}
        self._conditions: dict[tuple[str, str, str, str], ConditionMatch] = {}

    def match(self, peer: Peer, group: Group, field: Field) -> tuple[Match, ...] | None:
        """What `field` must be for a permission of `group`; None where it can be nothing in this family."""
        if peer.kind == "condition":
            return (ConditionMatch(Condition(peer.value, peer.label)),)
        if peer.kind in ("cidr", "cidr6"):
            return _within(field, addresses([peer.value], self._options.family))
        known = told(peer.value, self._options)
        if known is not None:
            return _within(field, known)
        return self._list(peer, field) if peer.kind == "prefix-list" else self._group(peer, group, field)

    def _list(self, peer: Peer, field: Field) -> tuple[Match, ...] | None:
        exported = self._inventory.prefix_lists.get(peer.value)
        if exported is not None and exported.blocks is not None:
            return _within(field, addresses(exported.blocks, self._options.family))
        command = f"aws ec2 get-managed-prefix-list-entries --prefix-list-id {peer.value} > {peer.value}.json"
        text = f"the peer is in prefix list {peer.label or peer.value} ({command} exports it)"
        return (ConditionMatch(Condition(f"prefix list {peer.value}", text)),)

    def _group(self, peer: Peer, group: Group, field: Field) -> tuple[Match, ...] | None:
        asked = self._asked(peer)
        here = self._vpcs.get(group.id, "")
        vpc = self._vpcs.get(peer.value, "") or peer.vpc or here
        members = self._inventory.members.get(peer.value, ())
        if not (members or vpc in self._inventory.vpcs) or not self._reaches(peer, here, vpc):
            return (asked,)
        family = self._options.family
        exact = addresses((each for one in members for each in one.addresses), family)
        delegated = addresses((each for one in members for each in one.prefixes), family)
        alternatives: list[tuple[Match, ...]] = [(FieldMatch(field, exact),)] if exact else []
        if delegated:
            text = (
                f"prefixes delegated to members of security group {peer.label or peer.value} count as their addresses"
            )
            counted = ConditionMatch(Condition(f"prefixes of {peer.value}", text))
            alternatives.append((FieldMatch(field, delegated), counted))
        if vpc not in self._inventory.whole_vpcs:
            alternatives.append((asked,))
        if not alternatives:
            return None
        return alternatives[0] if len(alternatives) == 1 else (AnyOf(tuple(alternatives)),)

    def _asked(self, peer: Peer) -> ConditionMatch:
        key = (peer.value, peer.label, peer.peering, peer.status)
        if key not in self._conditions:
            self._conditions[key] = self._question(peer)
        return self._conditions[key]

    def _question(self, peer: Peer) -> ConditionMatch:
        text = f"the peer is in security group {peer.label or peer.value}"
        if peer.peering:
            text += f" over {peer.peering}"
            text += f", which is {peer.status}" if peer.status not in ("", "active") else ""
        if peer.value.startswith("sg-"):  # a group that exists, not one that a template will make
            text += " (aws ec2 describe-network-interfaces exports its members)"
        return ConditionMatch(Condition(f"security group {peer.value}", text))

    def _reaches(self, peer: Peer, here: str, vpc: str) -> bool:
        """Whether a reference from the VPC `here` surely counts: inside it, or over a connection that is active."""
        exported = self._inventory.peerings.get(peer.peering)
        if peer.status not in ("", "active") or (exported and exported.status != "active"):
            return False
        if peer.peering:
            return peer.status == "active" or exported is not None
        return bool(here) and vpc == here


def _within(field: Field, ranges: Intervals) -> tuple[Match, ...] | None:
    return (FieldMatch(field, ranges),) if ranges else None
