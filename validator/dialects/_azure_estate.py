"""What the exports of one host tell of Azure, looked up by identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Fragment, Options
from validator.dialects._azure_data import (
    Interface,
    Interfaces,
    SecurityGroup,
    SecurityGroups,
    ServiceTags,
    Subnet,
    VirtualNetwork,
    VirtualNetworks,
    identity,
)


class Estate(Struct, frozen=True):
    """Groups and interfaces with the path of their export; subnets, networks and service tags by identity.

    `groups` are those that are no effective ones; what is exported twice alike stands there once.
    """

    exports: tuple[SecurityGroups, ...]
    groups: tuple[tuple[str, SecurityGroup], ...]
    interfaces: tuple[tuple[str, Interface], ...]
    subnets: Mapping[str, tuple[str, Subnet]]
    networks: Mapping[str, VirtualNetwork]
    tags: Mapping[str, tuple[str, ...]]
    options: Options

    @property
    def effective(self) -> tuple[SecurityGroups, ...]:
        """The exports that show what is in force at one interface."""
        return tuple(export for export in self.exports if export.groups and export.groups[0].effective)


def estate(fragments: Sequence[Fragment], options: Options) -> Estate:
    """Everything that `fragments` say; a fragment's data is one of the classes of `_azure_data`, or a tuple of them."""
    parts = list(_parts(fragments))
    networks = [network for part in parts if isinstance(part, VirtualNetworks) for network in part.networks]
    interfaces: dict[str, tuple[str, Interface]] = {}
    for part in parts:
        if isinstance(part, Interfaces):
            for interface in part.interfaces:
                interfaces.setdefault(identity(interface.id), (part.path, interface))
    exports = tuple(part for part in parts if isinstance(part, SecurityGroups))
    return Estate(
        exports=exports,
        groups=_groups(exports),
        interfaces=tuple(interfaces.values()),
        subnets={
            identity(subnet.id): (part.path, subnet)
            for part in parts
            if isinstance(part, VirtualNetworks)
            for network in part.networks
            for subnet in network.subnets
        },
        networks={identity(network.id): network for network in networks if network.id},
        tags={name: blocks for part in parts if isinstance(part, ServiceTags) for name, blocks in part.tags.items()},
        options=options,
    )


def _groups(exports: Sequence[SecurityGroups]) -> tuple[tuple[str, SecurityGroup], ...]:
    found: dict[object, tuple[str, SecurityGroup]] = {}
    for export in exports:
        for group in export.groups:
            if not group.effective:
                found.setdefault(_content(group), (export.path, group))
    return tuple(found.values())


def _content(group: SecurityGroup) -> tuple[object, ...]:
    """What must be equal for two exported groups to be the same one."""
    rules = tuple(replace(rule, line=0) for rule in group.rules)
    return identity(group.id), rules, group.conditions


def _parts(fragments: Sequence[Fragment]) -> Iterator[object]:
    for fragment in fragments:
        if isinstance(fragment.data, tuple):
            yield from fragment.data
        else:
            yield fragment.data
