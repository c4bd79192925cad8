"""Everything that the exports of one inventory tell together: several files, regions and accounts.

Ids are unique over regions and accounts (EC2 User Guide, "Resource IDs"), so what two exports say of one id must be
the same: a subnet or prefix list that accounts share, a peering connection that both ends see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from msgspec import Struct, field

from validator.dialects import Fragment
from validator.dialects._aws_data import (
    Acl,
    Facts,
    Group,
    Groups,
    Interface,
    Peering,
    Permission,
    PrefixList,
    RouteTable,
    Subnet,
)
from validator.errors import ExportError


class Inventory(Struct, frozen=True):
    """What the exports tell, by id.

    `groups` come with the export they are in; those that stand in several exports with the same rules are there once;
    `of_id` gives all of one id. `acl_of` and `table_of` give what is in force by the id of a subnet, or of a VPC for
    all its other subnets. `members` are interfaces by group, and `interfaces` that both commands give are as the fuller
    one gives them. `vpcs` are those of which interfaces were exported, `whole_vpcs` those of which all were. `paths`
    are all exports, in the order given.
    """

    paths: tuple[str, ...]
    exports: tuple[Groups, ...]
    groups: tuple[tuple[Groups, Group], ...]
    facts: tuple[Facts, ...] = ()
    interfaces: dict[str, Interface] = field(default_factory=dict)
    acls: dict[str, Acl] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    prefix_lists: dict[str, PrefixList] = field(default_factory=dict)
    tables: dict[str, RouteTable] = field(default_factory=dict)
    peerings: dict[str, Peering] = field(default_factory=dict)
    members: dict[str, tuple[Interface, ...]] = field(default_factory=dict)
    of_id: dict[str, list[tuple[Groups, Group]]] = field(default_factory=dict)
    acl_of: dict[str, Acl] = field(default_factory=dict)
    table_of: dict[str, RouteTable] = field(default_factory=dict)
    vpcs: frozenset[str] = frozenset()
    whole_vpcs: frozenset[str] = frozenset()


def gather(fragments: Sequence[Fragment]) -> Inventory:
    """The inventory of `fragments`. Raises ExportError where two exports contradict each other."""
    exports = tuple(fragment.data for fragment in fragments if isinstance(fragment.data, Groups))
    of_id = _distinct((export, group) for export in exports for group in export.groups)
    facts = tuple(fragment.data for fragment in fragments if isinstance(fragment.data, Facts))
    interfaces = _interfaces(facts)
    members: dict[str, list[Interface]] = {}
    for interface in interfaces.values():
        for group in interface.groups or ():
            members.setdefault(group, []).append(interface)
    whole = [one for one in facts if one.every_interface and one.complete]
    acls = _by_id("network ACL", (each for one in facts for each in one.acls))
    tables = _by_id("route table", (each for one in facts for each in one.tables))
    return Inventory(
        tuple(dict.fromkeys(fragment.path for fragment in fragments)),
        exports,
        tuple(pair for pairs in of_id.values() for pair in pairs),
        facts,
        interfaces,
        acls,
        _by_id("subnet", (each for one in facts for each in one.subnets)),
        _prefix_lists(facts),
        tables,
        _peerings(facts),
        {group: tuple(found) for group, found in members.items()},
        of_id,
        _in_force(acls.values(), all(one.complete for one in facts if one.acls)),
        _in_force(tables.values(), all(one.complete for one in facts if one.tables)),
        frozenset(each.vpc for each in interfaces.values() if each.vpc),
        frozenset(each.vpc for one in whole for each in one.interfaces if each.vpc),
    )


class _Placed(Protocol):
    """What has an id and stands in a line."""

    @property
    def id(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def line(self) -> int: ...


_Thing = TypeVar("_Thing", bound=_Placed)


def _by_id(what: str, things: Iterable[_Thing]) -> dict[str, _Thing]:
    found: dict[str, _Thing] = {}
    for thing in things:
        if found.setdefault(thing.id, thing) != thing:
            other = found[thing.id]
            problem = f"the {what} {thing.id} stands in {other.path}:{other.line} as well, and differs there"
            raise ExportError(problem, "give the exports of one moment only", thing.path, thing.line)
    return found


def _interfaces(facts: Iterable[Facts]) -> dict[str, Interface]:
    """Those of describe-network-interfaces, and those of instances that it does not list."""
    full = _by_id("interface", (each for one in facts if one.every_interface for each in one.interfaces))
    of_instances = _by_id("interface", (each for one in facts if not one.every_interface for each in one.interfaces))
    for identity, interface in full.items():
        other = of_instances.get(identity)
        if other and (set(other.groups or ()), set(other.addresses)) != (
            set(interface.groups or ()),
            set(interface.addresses),
        ):
            problem = f"the interface {identity} has other groups or addresses in {other.path}"
            raise ExportError(problem, "give the exports of one moment only", interface.path, interface.line)
    return {**of_instances, **full}


def _prefix_lists(facts: Iterable[Facts]) -> dict[str, PrefixList]:
    """Lists with their entries before the same without."""
    lists = [each for one in facts for each in one.prefix_lists]
    told = [replace(each, blocks=tuple(sorted(each.blocks))) for each in lists if each.blocks is not None]
    return {**{each.id: each for each in lists}, **_by_id("prefix list", told)}


def _peerings(facts: Iterable[Facts]) -> dict[str, Peering]:
    """Each connection once; where two exports differ, the status that is not active counts."""
    found: dict[str, Peering] = {}
    for peering in (each for one in facts for each in one.peerings):
        if peering.id not in found or peering.status != "active":
            found[peering.id] = peering
    return found


_Attached = TypeVar("_Attached", Acl, RouteTable)


def _in_force(things: Iterable[_Attached], complete: bool) -> dict[str, _Attached]:
    """What is in force by subnet; and by VPC, for the subnets that no association names, if all were exported."""
    found: dict[str, _Attached] = {}
    for thing in things:
        found.update(dict.fromkeys(thing.subnets, thing))
        if complete and thing.vpc and (thing.default if isinstance(thing, Acl) else thing.main):
            found[thing.vpc] = thing
    return found


def _distinct(pairs: Iterable[tuple[Groups, Group]]) -> dict[str, list[tuple[Groups, Group]]]:
    """Each group once where exports agree on its rules, as the export gives it that tells its name."""
    found: dict[str, list[tuple[Groups, Group]]] = {}
    for export, group in pairs:
        others = found.setdefault(group.id, [])
        same = next((n for n, (_, other) in enumerate(others) if _rules_of(other) == _rules_of(group)), None)
        if same is None:
            others.append((export, group))
        elif group.name and not others[same][1].name:
            others[same] = (export, group)
    return found


def _rules_of(group: Group) -> object:
    """What the rules of a group say, however an export splits or orders them."""
    return (_said(group.ingress), _said(group.egress))


def _said(permissions: tuple[Permission, ...] | None) -> object:
    if permissions is None:
        return None
    return frozenset(
        (one.protocol, *_ports(one), one.why, peer.kind, peer.value, peer.status)
        for one in permissions
        for peer in one.peers
    )


def _ports(permission: Permission) -> tuple[int | None, int | None]:
    """FromPort and ToPort, where they say anything: describe-security-group-rules gives -1 for what is not limited."""
    first, last = permission.first, permission.last
    if permission.protocol == "-1":
        return None, None
    return (None if first == -1 else first), (None if last == -1 else last)
