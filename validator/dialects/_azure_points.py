"""Where a network security group is in force: at an interface, by the interface itself and by its subnet.

"How network security groups filter network traffic" (Azure Virtual Network documentation): a subnet and an interface
have no group or one each; where there is none, all traffic is let through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from msgspec import Struct, field
from msgspec.structs import replace

from validator.dialects import Options
from validator.dialects._azure_data import Interface, SecurityGroup, identity, network_of
from validator.dialects._azure_estate import Estate
from validator.errors import SiteError
from validator.source import Span

PLACES = ("manager", "subnet", "interface")
"""From the outside in: the rules of a network manager, the group of the subnet, the interface's own."""


class Wall(Struct, frozen=True):
    """One group that traffic must pass, with the path of its export; or `unknown` says why nobody can tell which
    rules hold there. `place` is one of PLACES, or empty where it is not told and does not matter."""

    path: str
    line: int
    place: str
    group: SecurityGroup | None = None
    unknown: str = ""


class Point(Struct, frozen=True):
    """An enforcement point: walls from the outside in, and what is known of the host behind them.

    `addresses` are its own (empty: not known; `whole` is False where it has others as well), `application_groups` the
    identities of those it is in, None where nobody told; `network` is the identity of its virtual network, empty where
    nobody told; `names` are what the site may call it.
    """

    span: Span
    name: str
    walls: tuple[Wall, ...]
    addresses: tuple[str, ...] = ()
    application_groups: frozenset[str] | None = None
    network: str = ""
    names: frozenset[str] = field(default=frozenset())
    whole: bool = True


def points(found: Estate) -> tuple[Point, ...]:
    """The points that the host may stand at: one where exports and site tell it.

    The site tells it by the host's addresses (an exported interface has one of them) or by its groups. Raises SiteError
    for a group that no export holds, or that is not the only one of its name.
    """
    if found.effective:
        return _narrowed(tuple(_effective(found)), found.options, found)
    if found.interfaces:
        candidates = tuple(_at_interface(path, interface, found) for path, interface in found.interfaces)
        return _narrowed(candidates, found.options, found)
    return _of_groups(found)


# --- points that exports show -------------------------------------------------


def _effective(found: Estate) -> Iterator[Point]:
    """One point an export: it shows what is in force at one interface."""
    interfaces = {identity(interface.id): interface for _, interface in found.interfaces}
    for export in found.effective:
        walls = [Wall(export.path, group.line, place_of(group), group) for group in export.groups]
        ids = [identity(name) for group in export.groups for name in group.interfaces]
        interface = next((interfaces[name] for name in ids if name in interfaces), None)
        subnets = [name for group in export.groups for name in group.subnets]
        label = interface.name if interface else next((_last(name) for name in ids), export.path)
        yield Point(
            Span(export.path, export.groups[0].line, f"the host has the interface {label}"),
            " + ".join(group.name for group in export.groups),
            tuple(walls),
            interface.addresses if interface else (),
            frozenset(map(identity, interface.application_groups)) if interface else None,
            network_of(interface.subnet if interface else next(iter(subnets), "")),
            frozenset(name for group in export.groups for name in (*_names(group.id, group.name), *ids)),
            interface.whole if interface else False,
        )


def _at_interface(path: str, interface: Interface, found: Estate) -> Point:
    """An interface with the group of its subnet and its own."""
    walls = [wall for wall in (_of_subnet(path, interface, found), _of_interface(path, interface, found)) if wall]
    if interface.why:
        walls = [Wall(path, interface.line, "interface", unknown=interface.why)]
    names = {name for wall in walls if wall.group for name in _names(wall.group.id, wall.group.name)}
    names.update(_names(interface.id, interface.name))
    names.update(name for id_ in interface.application_groups for name in _names(id_, _last(id_)))
    label = " + ".join(wall.group.name if wall.group else "a group that is not exported" for wall in walls)
    return Point(
        Span(path, interface.line, f"the host has the interface {interface.name}"),
        label or f"{interface.name}, which has no network security group",
        tuple(walls),
        interface.addresses,
        frozenset(map(identity, interface.application_groups)),
        network_of(interface.subnet),
        frozenset(names),
        interface.whole,
    )


def _of_interface(path: str, interface: Interface, found: Estate) -> Wall | None:
    if not interface.group:
        return None
    return _exported(interface.group, "interface", path, interface.line, found)


def _of_subnet(path: str, interface: Interface, found: Estate) -> Wall | None:
    subnet = identity(interface.subnet)
    if subnet in found.subnets:
        where, told = found.subnets[subnet]
        return _exported(told.group, "subnet", where, told.line, found) if told.group else None
    for export_path, group in found.groups:
        if subnet and subnet in map(identity, group.subnets):
            return Wall(export_path, group.line, "subnet", group)
    why = (
        f"no export tells whether the subnet {_last(interface.subnet) or 'of ' + interface.name} has a network "
        "security group: run az network vnet list"
    )
    return Wall(path, interface.line, "subnet", unknown=why)


def _exported(id_: str, place: str, path: str, line: int, found: Estate) -> Wall:
    """The wall of the group with this id, which stands in `path` at `line`."""
    same = [each for each in found.groups if identity(each[1].id) == identity(id_)]
    if len(same) == 1:
        return Wall(same[0][0], same[0][1].line, place, same[0][1])
    if same:
        why = f"the rules of the network security group {_last(id_)} are exported twice and differ: give one export"
    else:
        why = f"the rules of the network security group {_last(id_)} are not exported: run az network nsg show --ids"
    return Wall(path, line, place, unknown=f"{why} {id_}" if not same else why)


def _narrowed(candidates: tuple[Point, ...], options: Options, found: Estate) -> tuple[Point, ...]:
    """Those of `candidates` that the host's addresses fit, or else its groups."""
    own = {_address(text) for text in options.addresses}
    fitting = tuple(point for point in candidates if own & {_address(text) for text in point.addresses})
    if fitting or not options.groups:
        return fitting or candidates
    for wanted in options.groups:
        if not any(identity(wanted) in point.names for point in candidates):
            raise _not_exported(wanted, options, [_last(name) for point in candidates for name in point.names], found)
    fitting = tuple(point for point in candidates if all(identity(name) in point.names for name in options.groups))
    if not fitting:
        raise SiteError(
            f"host {options.host} is in {' and '.join(options.groups)}, and no exported interface is in all of them",
            "give the host's addresses, or the groups of one interface",
            candidates[0].span.path,
            candidates[0].span.line,
        )
    return fitting


# --- points that the groups alone give ----------------------------------------


def _of_groups(found: Estate) -> tuple[Point, ...]:
    """Where no interface is exported: the groups that the site names, or each for itself."""
    options, groups = found.options, found.groups
    if not groups:
        return ()
    chosen: list[tuple[str, SecurityGroup]] = []
    others: list[str] = []
    referred = _application_groups(found)
    for wanted in options.groups:
        same = [each for each in groups if identity(each[1].id) == identity(wanted)]
        same = same or [each for each in groups if identity(each[1].name) == identity(wanted)]
        if len(same) == 1:
            chosen += [each for each in same if each not in chosen]
        elif not same and identity(wanted) in referred:
            others.append(wanted)
        else:
            raise _not_exported(wanted, options, [group.name for _, group in groups], found, len(same))
    application = frozenset(map(identity, others)) if others else None
    if chosen:
        return (_together(chosen, application, options),)
    return tuple(_alone(path, group, application) for path, group in groups)


def _together(chosen: list[tuple[str, SecurityGroup]], application: frozenset[str] | None, options: Options) -> Point:
    """The point of the groups that the site names: one of a subnet and one of an interface at most."""
    walls = [_wall(path, group) for path, group in chosen]
    places = [wall.place for wall in walls if wall.place]
    if len(chosen) > 2 or len(places) > len(set(places)):
        raise SiteError(
            f"host {options.host} is in {len(chosen)} network security groups that no interface is in at once",
            "name the one of its subnet and the one of its interface",
            chosen[0][0],
            chosen[0][1].line,
        )
    if len(walls) == 2:
        first = "interface" if walls[0].place == "interface" or walls[1].place == "subnet" else "subnet"
        other = "subnet" if first == "interface" else "interface"
        walls = sorted((replace(walls[0], place=first), replace(walls[1], place=other)), key=_outer_first)
    networks = {wall_network for wall in walls if (wall_network := _network(wall))}
    path, group = chosen[0]
    return Point(
        Span(path, group.line, f"the host is in {group.name}"),
        " + ".join(wall.group.name for wall in walls if wall.group),
        tuple(walls),
        application_groups=application,
        network=networks.pop() if len(networks) == 1 else "",
    )


def _alone(path: str, group: SecurityGroup, application: frozenset[str] | None) -> Point:
    wall = _wall(path, group)
    span = Span(path, group.line, f"the host is in {group.name}")
    return Point(span, group.name, (wall,), application_groups=application, network=_network(wall))


def _wall(path: str, group: SecurityGroup) -> Wall:
    return Wall(path, group.line, place_of(group), group)


def place_of(group: SecurityGroup) -> str:
    """Where a group is in force by what it is associated with; empty where it may be either."""
    if group.manager:
        return "manager"
    if bool(group.subnets) == bool(group.interfaces):
        return ""
    return "subnet" if group.subnets else "interface"


def _outer_first(wall: Wall) -> int:
    return PLACES.index(wall.place)


def _network(wall: Wall) -> str:
    """The one virtual network that a group of subnets alone is in force in, empty where that is not so."""
    group = wall.group
    if group is None or group.interfaces:
        return ""
    networks = {network_of(subnet) for subnet in group.subnets}
    return networks.pop() if len(networks) == 1 else ""


def _application_groups(found: Estate) -> frozenset[str]:
    """The identities, and names, of the application security groups that rules speak of."""
    ids = {
        id_
        for _, group in found.groups
        for rule in group.rules
        for id_ in (*rule.source_groups, *rule.destination_groups)
    }
    return frozenset(name for id_ in ids for name in _names(id_, _last(id_)))


def _not_exported(wanted: str, options: Options, known: Sequence[str], found: Estate, count: int = 0) -> SiteError:
    what = f"of which {count} are exported" if count else "which is not exported"
    listed = ", ".join(sorted(dict.fromkeys(known))[:10])
    path = next((export.path for export in found.exports), "")
    return SiteError(
        f"host {options.host} is in the group {wanted}, {what}", f"name one by its id; exported: {listed}", path, 1
    )


def _names(id_: str, name: str) -> tuple[str, ...]:
    return tuple(identity(text) for text in (id_, name) if text)


def _last(id_: str) -> str:
    """The name at the end of an id."""
    return id_.rstrip("/").rpartition("/")[2]


def _address(text: str) -> str:
    """An address, or a block of one address, in the form in which equal ones are equal."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return text
    return str(network.network_address) if network.num_addresses == 1 else text
