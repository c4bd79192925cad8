"""Where the rules of an inventory are enforced for a host: its interface, or the groups and list it is said to have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from msgspec import Struct

from validator.dialects import Options
from validator.dialects._aws_data import Acl, Group, Groups, Interface, RouteTable, Subnet
from validator.dialects._aws_inventory import Inventory
from validator.errors import ExportError, SiteError
from validator.model import FieldMatch, Match
from validator.packets.fields import Field
from validator.packets.intervals import normalise
from validator.source import Span


class Point(Struct, frozen=True):
    """One interface, or what stands for one: its groups with their exports, the ids of `missing` ones that no export
    holds (None: the export does not tell the groups), its subnet, network ACL and route table where known.

    `filtered` is False for what no security group filters. `span` says what it is.
    """

    span: Span
    groups: tuple[tuple[Groups, Group], ...] = ()
    missing: tuple[str, ...] | None = ()
    filtered: bool = True
    subnet_id: str = ""
    subnet: Subnet | None = None
    acl: Acl | None = None
    table: RouteTable | None = None
    name: str = ""


def points(inventory: Inventory, options: Options) -> tuple[Point, ...]:
    """The points that may be the host's: one where somebody told it, else each that it can be.

    The site tells by an address of an interface, or by ids and names: of security groups first of all, also of an
    interface, an instance, a subnet or a network ACL. Raises SiteError where it names what no export holds, and
    ExportError where exports contradict each other.
    """
    if inventory.interfaces:
        chosen = _interfaces(inventory, options)
        if chosen:
            return tuple(_of_interface(each, inventory) for each in chosen)
    return tuple(_of_groups(inventory, options))


def _interfaces(inventory: Inventory, options: Options) -> list[Interface]:
    """The host's interfaces; none where only its groups are told and no interface has them."""
    every = list(inventory.interfaces.values())
    if options.addresses:
        found = [each for each in every if _has(each, options.addresses)]
        if found:
            _agreed(found, inventory, options)
            return found
        if not options.groups:
            listed = ", ".join(options.addresses[:3])
            raise SiteError(
                f"no exported interface has an address of host {options.host} ({listed})",
                "export the interfaces of its account and region, or name its security groups",
                every[0].path,
                every[0].line,
            )
    if options.groups:
        named = [each for each in every if set(options.groups) & {each.id, each.instance, each.subnet} - {""}]
        return named or _in_groups(every, inventory, options)
    return [each for each in every if each.attached and each.groups != ()] or every


def _agreed(found: Sequence[Interface], inventory: Inventory, options: Options) -> None:
    """Raise SiteError where the site says a host is in a group, and the interface with its address is not."""
    told = [each for each in options.groups if any(each in (group.id, group.name) for _, group in inventory.groups)]
    if not told:
        return
    ids = {group.id for _, group in _named(inventory.groups, told, options)}
    if not any(ids <= set(each.groups or ()) for each in found if each.groups is not None):
        problem = f"host {options.host} is said to be in {', '.join(told)}, but {found[0].label} is not"
        raise SiteError(problem, "correct its groups or its addresses", found[0].path, found[0].line)


def _has(interface: Interface, told: Sequence[str]) -> bool:
    blocks = [ip_network(each, strict=False) for each in told]
    own = [ip_network(each, strict=False) for each in (*interface.addresses, *interface.public)]
    return any(one.version == block.version and one.overlaps(block) for one in own for block in blocks)


def _in_groups(every: Iterable[Interface], inventory: Inventory, options: Options) -> list[Interface]:
    """The interfaces that are in all the groups told, and in no others where there are such."""
    if any(wanted in inventory.acls or wanted in inventory.subnets for wanted in options.groups):
        return []
    ids = {group.id for _, group in _named(inventory.groups, options.groups, options)}
    found = [each for each in every if ids <= set(each.groups or ())]
    return [each for each in found if ids == set(each.groups or ())] or found


def _of_interface(interface: Interface, inventory: Inventory) -> Point:
    groups = []
    missing = []
    for identity in interface.groups or ():
        found = inventory.of_id.get(identity, [])
        if len(found) > 1:
            export, group = found[1]
            problem = f"the security group {identity} stands in {found[0][0].path} as well, with other rules"
            raise ExportError(problem, "give the exports of one moment only", export.path, group.line)
        groups += found
        missing += [] if found else [identity]
    names = " + ".join(group.name or group.id for _, group in groups)
    return Point(
        Span(
            interface.path, interface.line, f"the interface is {interface.label}" + (f", in {names}" if names else "")
        ),
        tuple(groups),
        None if interface.groups is None else tuple(missing),
        interface.groups != (),
        interface.subnet,
        inventory.subnets.get(interface.subnet),
        inventory.acl_of.get(interface.subnet) or inventory.acl_of.get(interface.vpc),
        inventory.table_of.get(interface.subnet) or inventory.table_of.get(interface.vpc),
        names or interface.id,
    )


def _of_groups(inventory: Inventory, options: Options) -> Iterable[Point]:
    """Without an interface: the groups told, else each, under each network ACL that may be theirs."""
    subnets = [inventory.subnets[each] for each in options.groups if each in inventory.subnets]
    told = [inventory.acls[each] for each in options.groups if each in inventory.acls]
    told += [acl for each in subnets if (acl := inventory.acl_of.get(each.id) or inventory.acl_of.get(each.vpc))]
    wanted = [each for each in options.groups if each not in inventory.acls and each not in inventory.subnets]
    sets: list[tuple[tuple[Groups, Group], ...]] = [(pair,) for pair in inventory.groups]
    if wanted:
        sets = [tuple(_named(inventory.groups, wanted, options))]
    if not sets:
        sets = [()]
    used = [acl for acl in inventory.acls.values() if acl.subnets] or list(inventory.acls.values())
    subnet = subnets[0] if len(subnets) == 1 else None
    for groups in sets:
        vpcs = {group.vpc for _, group in groups} - {""}
        lists: list[Acl | None] = [acl for acl in (told or used) if not vpcs or not acl.vpc or acl.vpc in vpcs]
        for acl in lists or [None]:
            yield _of(groups, acl, subnet, inventory)


def _of(
    groups: tuple[tuple[Groups, Group], ...], acl: Acl | None, subnet: Subnet | None, inventory: Inventory
) -> Point:
    labels = [f"in {group.label}" for _, group in groups]
    path, line = (groups[0][0].path, groups[0][1].line) if groups else (acl.path, acl.line) if acl else ("", 1)
    if acl:
        labels.append(f"under {acl.id}")
    names = [group.name or group.id for _, group in groups] or [acl.id if acl else ""]
    return Point(
        Span(path, line, f"the interface is {' and '.join(labels)}"),
        groups,
        subnet_id=subnet.id if subnet else "",
        subnet=subnet,
        acl=acl,
        table=(inventory.table_of.get(subnet.id) or inventory.table_of.get(subnet.vpc)) if subnet else None,
        name=" + ".join(names),
    )


def _named(
    groups: Sequence[tuple[Groups, Group]], names: Iterable[str], options: Options
) -> list[tuple[Groups, Group]]:
    """The groups that the site names, by id before name."""
    chosen: list[tuple[Groups, Group]] = []
    for wanted in names:
        found = [pair for pair in groups if pair[1].id == wanted] or [pair for pair in groups if pair[1].name == wanted]
        if len(found) != 1:
            what = "which is not exported" if not found else f"of which {len(found)} are exported"
            listed = ", ".join(group.id for _, group in (found or groups)[:10])
            place = (found or groups)[0] if groups else None
            raise SiteError(
                f"host {options.host} is in the security group {wanted}, {what}",
                f"name one by its id; groups of the export: {listed or 'none'}",
                place[0].path if place else "",
                place[1].line if place and found else 1,
            )
        chosen += [pair for pair in found if pair not in chosen]
    return chosen


def attached(points: Sequence[Point], numbers: Iterable[int]) -> tuple[Match, ...]:
    """What is true at the points of these numbers alone; nothing needs to be where these are all."""
    found = normalise((number, number) for number in numbers)
    return () if found == ((0, len(points) - 1),) else (FieldMatch(Field.ALTERNATIVE, found),)
