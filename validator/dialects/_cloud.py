"""What the clouds have in common: blocks of addresses, and names that only the site file can resolve."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network

from validator.dialects import Options
from validator.packets.fields import Family, Intervals
from validator.packets.intervals import normalise


def is_block(text: str) -> bool:
    """Whether this is an address, or a network as address and prefix length (no netmask)."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" not in text or text.partition("/")[2].isdigit()


def addresses(blocks: Iterable[str], family: Family) -> Intervals:
    """The addresses of `family` in `blocks` (is_block holds for each)."""
    found = []
    for block in blocks:
        network = ip_network(block, strict=False)
        if (network.version == 4) == (family is Family.IPV4):
            found.append((int(network.network_address), int(network.broadcast_address)))
    return normalise(found)


def told(name: str, options: Options) -> Intervals | None:
    """The addresses of the site's network called `name`, in the family asked for; None where the site has none."""
    blocks = options.networks.get(name)
    return None if blocks is None else addresses(blocks, options.family)
