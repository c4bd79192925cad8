"""What one export of a Linux host contributes: chains, and where its base chains are hooked.

`_linux.py` puts the rulesets of a host together: base chains of one hook are passed by priority, whatever
made them, and a packet gets through when every one of them accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from validator.model import Chain, Hook


@dataclass(frozen=True, slots=True)
class BaseChain:
    """A base chain: the hook it is at, and its priority there (lower first)."""

    hook: Hook
    priority: int
    name: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Chains by name, as jumps name them, and the base chains among them.

    Names are unique over a host's rulesets: `filter:INPUT` (iptables), `inet filter:input` (nftables).
    `label` is what to call the whole: iptables, nftables.
    """

    label: str
    path: str
    chains: Mapping[str, Chain]
    bases: tuple[BaseChain, ...]


PRIORITIES: Mapping[str, int] = {
    "raw": -300,
    "mangle": -150,
    "dstnat": -100,
    "filter": 0,
    "security": 50,
    "srcnat": 100,
}
"""The standard priorities of nft(8), which are those of iptables' tables (linux/netfilter_ipv4.h)."""
