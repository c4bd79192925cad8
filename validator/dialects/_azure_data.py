"""Network security groups of Azure in their own terms.

"Network security groups" (Azure Virtual Network documentation) and Microsoft.Network/networkSecurityGroups (REST
reference): augmented rules have several prefixes and ports each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One rule. `protocol` is `*`, `tcp`, `udp`, `icmp`, `esp` or `ah`; ports are `*`, `80` or `80-90`;
    `sources` and `destinations` are blocks, `*` or service tags; `..._groups` ids of application security groups.
    `priority` is None where the export has none; `why` says what was not understood, if anything."""

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


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group; `default_rules` is None where the export has none (they are known then);
    `subnets` and `interfaces` are the ids of what it is associated with. `effective`: as the platform put it
    together for one interface, service tags expanded."""

    id: str
    name: str
    line: int
    rules: tuple[SecurityRule, ...]
    default_rules: tuple[SecurityRule, ...] | None = None
    subnets: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    effective: bool = False


@dataclass(frozen=True, slots=True)
class SecurityGroups:
    """The groups of one export; `complete` is False, and `why` says so, where it is not all there is."""

    path: str
    groups: tuple[SecurityGroup, ...]
    complete: bool = True
    why: str = ""
