"""Firewall rules of Google Cloud in their own terms.

"VPC firewall rules" (Cloud Next Generation Firewall documentation) and compute.v1 `firewalls` (API reference).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Protocol:
    """One entry of `allowed` or `denied`: `all`, a protocol's name or number, and ports (`80`, `80-90`; none: all)."""

    name: str
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One rule of a VPC network. The sources (inbound) or destinations (outbound) are the union of `ranges`,
    `source_tags` and `source_accounts`; `target_tags` and `target_accounts` are the instances it is for (neither: all).
    `why` says what was not understood, if anything."""

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


@dataclass(frozen=True, slots=True)
class FirewallRules:
    """The rules of one export; `complete` is False, and `why` says so, where it is not all there is."""

    path: str
    rules: tuple[FirewallRule, ...]
    complete: bool = True
    why: str = ""
