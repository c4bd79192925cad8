"""What exports of Amazon VPC say, in Amazon's own terms: the data that the `aws_*` dialects read.

The names are those of the EC2 API reference. `path` and `line` say where a thing stands; two exports of one
thing are equal where only these differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct


class Peer(Struct, frozen=True, gc=False):
    """Whom a permission lets in or out: `kind` is cidr, cidr6, group, prefix-list or condition.

    A `condition` is what nobody can tell: `value` is its key, `label` what it asks. The others are of a group
    alone: its VPC and account, the peering connection to it and that one's PeeringStatus; empty where not told.
    """

    kind: str
    value: str
    line: int
    label: str = ""
    vpc: str = ""
    owner: str = ""
    peering: str = ""
    status: str = ""


class Permission(Struct, frozen=True, gc=False):
    """One IpPermission; `first` and `last` are FromPort and ToPort, None where absent.

    `why` says what was not understood, if anything.
    """

    protocol: str
    first: int | None
    last: int | None
    peers: tuple[Peer, ...]
    line: int
    why: str = ""


class Group(Struct, frozen=True):
    """A security group; a list of permissions is None where the export has none of that kind."""

    id: str
    name: str
    line: int
    ingress: tuple[Permission, ...] | None
    egress: tuple[Permission, ...] | None
    vpc: str = ""
    owner: str = ""

    @property
    def label(self) -> str:
        """Its id and name, as people look for it."""
        return f"{self.id} ({self.name})" if self.name and self.name != self.id else self.id


class Groups(Struct, frozen=True):
    """The groups of an export; `complete` is False where it is one page of several."""

    path: str
    groups: tuple[Group, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of a network ACL. `first` and `last` are ports, or ICMP type and code; None is any.

    `why` says what was not understood, if anything.
    """

    number: int
    egress: bool
    allow: bool
    protocol: int | None
    block: str
    first: int | None
    last: int | None
    line: int = field(compare=False)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Acl:
    """A network ACL, its entries and the subnets it is in force for."""

    id: str
    vpc: str
    default: bool
    subnets: tuple[str, ...]
    entries: tuple[Entry, ...]
    path: str = field(compare=False)
    line: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface: `addresses` are its private ones of both families, `prefixes` those delegated to it,
    `public` what is translated to it. `groups` is None where the export does not tell them."""

    id: str
    groups: tuple[str, ...] | None
    addresses: tuple[str, ...]
    prefixes: tuple[str, ...]
    public: tuple[str, ...]
    subnet: str
    vpc: str
    instance: str
    attached: bool
    path: str = field(compare=False)
    line: int = field(compare=False)

    @property
    def label(self) -> str:
        """Its id and first address, as people look for it."""
        return f"{self.id} ({self.addresses[0]})" if self.addresses else self.id


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet and its blocks of both families."""

    id: str
    vpc: str
    blocks: tuple[str, ...]
    path: str = field(compare=False)
    line: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class PrefixList:
    """A prefix list; `blocks` is None where the export does not tell its entries."""

    id: str
    blocks: tuple[str, ...] | None
    path: str = field(compare=False)
    line: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Route:
    """One route: `destination` is a block, or the id of a prefix list; `blackhole` where its target is gone."""

    destination: str
    blackhole: bool
    propagated: bool
    line: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table and the subnets it is in force for; the `main` one is for all others of its VPC."""

    id: str
    vpc: str
    main: bool
    subnets: tuple[str, ...]
    routes: tuple[Route, ...]
    path: str = field(compare=False)
    line: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Peering:
    """A VPC peering connection and its status (`active`, `deleted`, ...)."""

    id: str
    status: str
    path: str = field(compare=False)
    line: int = field(compare=False)


class Facts(Struct, frozen=True):
    """What one export tells beside security groups; `complete` is False where it is one page of several.

    `every_interface`: the export lists interfaces of every kind, so that a group's members are all among them
    (an instance's export leaves out those of load balancers, databases and functions).
    """

    path: str
    command: str
    complete: bool = True
    every_interface: bool = False
    interfaces: tuple[Interface, ...] = ()
    acls: tuple[Acl, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    prefix_lists: tuple[PrefixList, ...] = ()
    tables: tuple[RouteTable, ...] = ()
    peerings: tuple[Peering, ...] = ()
