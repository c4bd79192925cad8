"""Firewall rules of Google Cloud in their own terms.

"VPC firewall rules" and "Firewall policy rules" (Cloud Next Generation Firewall documentation); compute.v1 `firewalls`,
`firewallPolicies`, `instances` and `networks` (API reference).
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct


class Protocol(Struct, frozen=True):
    """One entry of `allowed` or `denied`: a protocol (`all`, name or number) and ports (`80`, `80-90`; none: all)."""

    name: str
    ports: tuple[str, ...] = ()


class FirewallRule(Struct, frozen=True):
    """One rule of a VPC network, or of a firewall policy (then `network` is empty: the policy says where it holds).

    The sources (inbound) or destinations (outbound) are the union of `ranges`, `source_tags`, `source_accounts` and
    `peers`; none at all: 0.0.0.0/0. `destinations` are blocks of the target's own addresses (destinationRanges of an
    inbound, sourceRanges of an outbound rule; none: any). `target_tags`, `target_accounts` and `target_secure_tags`
    are the instances it is for (none: all), `target_networks` the networks. `peers` (a domain name, a region, an
    address group) and `limits` (all of which must hold) are what the export only names. `goto_next`: neither allowed
    nor denied here. `why` says what was not understood, if anything.
    """

    name: str
    network: str
    inbound: bool
    allow: bool
    priority: int
    protocols: tuple[Protocol, ...]
    line: int
    ranges: tuple[str, ...] = ()
    destinations: tuple[str, ...] = ()
    source_tags: tuple[str, ...] = ()
    source_accounts: tuple[str, ...] = ()
    target_tags: tuple[str, ...] = ()
    target_accounts: tuple[str, ...] = ()
    disabled: bool = False
    why: str = ""
    peers: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    target_secure_tags: tuple[str, ...] = ()
    target_networks: tuple[str, ...] = ()
    goto_next: bool = False


class FirewallRules(Struct, frozen=True):
    """The rules of one export; `complete` is False, and `why` says so, where it is not all there is."""

    path: str
    rules: tuple[FirewallRule, ...]
    complete: bool = True
    why: str = ""


class Policy(Struct, frozen=True):
    """A firewall policy. `kind` is `hierarchy`, `system`, `global` or `regional`; `networks` those it is associated
    with (None: every one of the export's host); `rank` orders the policies of a kind; `region` that of a regional one.
    """

    name: str
    kind: str
    rules: tuple[FirewallRule, ...]
    line: int
    networks: tuple[str, ...] | None = None
    rank: int = 0
    region: str = ""


class Policies(Struct, frozen=True):
    """The firewall policies of one export; `whole` where they are all that hold in its network."""

    path: str
    policies: tuple[Policy, ...]
    whole: bool = False


class Interface(Struct, frozen=True):
    """A network interface: `primary` are its internal IPv4 and its IPv6 addresses, `others` what else leads to it
    (aliases, external addresses)."""

    network: str
    primary: tuple[str, ...]
    others: tuple[str, ...] = ()


class Instance(Struct, frozen=True):
    """A virtual machine with its network tags and service accounts."""

    name: str
    line: int
    interfaces: tuple[Interface, ...]
    tags: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    region: str = ""


class Instances(Struct, frozen=True):
    """The instances of one export."""

    path: str
    instances: tuple[Instance, ...]


class Network(Struct, frozen=True):
    """A VPC network; `policies_first` is networkFirewallPolicyEnforcementOrder BEFORE_CLASSIC_FIREWALL."""

    name: str
    policies_first: bool


class Networks(Struct, frozen=True):
    """The networks of one export."""

    path: str
    networks: tuple[Network, ...]


@lru_cache(maxsize=4096)
def network_name(text: str) -> str:
    """A network by project and name: `.../projects/p/global/networks/n` is `p/n`; a text of another form as it is."""
    head, sign, name = text.rpartition("/global/networks/")
    if not sign:
        return text
    return f"{head.rpartition('projects/')[2]}/{name}" if "projects/" in head else name
