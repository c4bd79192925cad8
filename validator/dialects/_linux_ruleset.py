"""What one export of a Linux host contributes: chains, and where its base chains are hooked.

`_linux.py` puts the rulesets of a host together: base chains of one hook are passed by priority, whatever
made them, and a packet gets through when every one of them accepts.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from validator.model import Chain, Hook


class BaseChain(Struct, frozen=True):
    """A base chain: the hook it is at, and its priority there (lower first).

    The kernel asks all nat chains where it translates, at the priorities of NAT (nf_nat_core.c), whatever their own:
    that only tells which of them is asked first, and is their `order`.
    """

    hook: Hook
    priority: int
    name: str
    order: int = 0


class Ruleset(Struct, frozen=True):
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
    "out": 100,  # of bridges alone
}
NAT_PRIORITIES: Mapping[Hook, int] = {Hook.PREROUTING: -100, Hook.OUTPUT: -100, Hook.INPUT: 100, Hook.POSTROUTING: 100}
"""Where the kernel translates (NF_IP_PRI_NAT_DST, NF_IP_PRI_NAT_SRC)."""
"""The standard priorities of nft(8), which are those of iptables' tables (linux/netfilter_ipv4.h)."""
