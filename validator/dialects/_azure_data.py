"""Network security groups of Azure in their own terms.

"Network security groups" (Azure Virtual Network documentation) and Microsoft.Network/networkSecurityGroups (REST
reference): augmented rules have several prefixes and ports each.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class SecurityRule(Struct, frozen=True):
    """One rule. `protocol` is `*`, `tcp`, `udp`, `icmp`, `esp` or `ah`; ports are `*`, `80` or `80-90`;
    `sources` and `destinations` are blocks, `*` or service tags; `..._groups` ids of application security groups.
    an entry that is nothing of that (an expression) is what nobody can tell. `priority` is None where the export
    has none; `why` says what was not understood, if anything; `conditions` are the expressions that all must hold
    for the rule to be there."""

    name: str
    inbound: bool
    allow: bool
    priority: int | None
    protocol: str
    sources: tuple[str, ...]
    source_ports: tuple[str, ...]
    destinations: tuple[str, ...]
    destination_ports: tuple[str, ...]
    line: int
    source_groups: tuple[str, ...] = ()
    destination_groups: tuple[str, ...] = ()
    why: str = ""
    conditions: tuple[str, ...] = ()


class SecurityGroup(Struct, frozen=True):
    """A network security group; `default_rules` is None where the export has none (they are known then);
    `subnets` and `interfaces` are the ids of what it is associated with. `effective`: as the platform put it
    together for one interface, service tags expanded. `conditions` are the expressions that all must hold for the
    group to be there: without it nothing is filtered. `manager`: security admin rules of a network manager."""

    id: str
    name: str
    line: int
    rules: tuple[SecurityRule, ...]
    default_rules: tuple[SecurityRule, ...] | None = None
    subnets: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    effective: bool = False
    manager: bool = False
    conditions: tuple[str, ...] = ()


class SecurityGroups(Struct, frozen=True):
    """The groups of one export; `complete` is False, and `why` says so, where it is not all there is."""

    path: str
    groups: tuple[SecurityGroup, ...]
    complete: bool = True
    why: str = ""


class Interface(Struct, frozen=True):
    """A network interface: its private addresses, and the ids of its subnet, of its own network security group (empty:
    none) and of the application security groups it is in. `whole` is False where some of its addresses are not told;
    `why` says why its groups do not decide as they otherwise do, if so."""

    id: str
    name: str
    line: int
    addresses: tuple[str, ...]
    subnet: str = ""
    group: str = ""
    application_groups: tuple[str, ...] = ()
    whole: bool = True
    why: str = ""


class Interfaces(Struct, frozen=True):
    """The interfaces of one export."""

    path: str
    interfaces: tuple[Interface, ...]


class Subnet(Struct, frozen=True):
    """A subnet, the id of the virtual network it is in, and of its network security group (empty: none)."""

    id: str
    name: str
    line: int
    network: str
    group: str = ""


class VirtualNetwork(Struct, frozen=True):
    """A virtual network: the blocks of its address space (not of what it is connected with), and its subnets."""

    id: str
    line: int
    prefixes: tuple[str, ...]
    subnets: tuple[Subnet, ...]


class VirtualNetworks(Struct, frozen=True):
    """The virtual networks of one export."""

    path: str
    networks: tuple[VirtualNetwork, ...]


class ServiceTags(Struct, frozen=True):
    """What service tags stood for when the file was made: blocks by the tag's name in small letters."""

    path: str
    tags: Mapping[str, tuple[str, ...]]


class Untold(Struct, frozen=True):
    """What a template says where nobody knows its parameters, beside what it says with their default values."""

    groups: SecurityGroups
    networks: VirtualNetworks


def identity(text: str) -> str:
    """The form of a resource's id or name in which two of the same are equal: Azure does not tell capitals from small
    letters in them ("Naming rules and restrictions for Azure resources")."""
    return text.strip("/").casefold()


def network_of(subnet: str) -> str:
    """The identity of the virtual network that the subnet with this id is in; empty where the id does not say."""
    network, found, _ = identity(subnet).rpartition("/subnets/")
    return network if found else ""
