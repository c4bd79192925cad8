"""What the clouds have in common: blocks of addresses, and names that only the site file can resolve."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_network

from validator.dialects import Options
from validator.packets.fields import Family, Intervals
from validator.packets.intervals import normalise


def is_block(text: str) -> bool:
    """Whether this is an address, or a network as address and prefix length (no netmask)."""
    return _block(text) is not None


@lru_cache(maxsize=1 << 18)
def _block(text: str) -> tuple[int, int, int] | None:
    """The version, the first and the last address of a block; None where this is none."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if "/" in text and not text.partition("/")[2].isdigit():
        return None
    return network.version, int(network.network_address), int(network.broadcast_address)


def addresses(blocks: Iterable[str], family: Family) -> Intervals:
    """The addresses of `family` in `blocks` (is_block holds for each)."""
    version = 4 if family is Family.IPV4 else 6
    found = [parts[1:] for block in blocks if (parts := _block(block)) and parts[0] == version]
    return normalise(found) if len(found) > 1 else tuple(found)


def told(name: str, options: Options) -> Intervals | None:
    """The addresses of the site's network called `name`, in the family asked for; None where the site has none."""
    blocks = options.networks.get(name)
    return None if blocks is None else addresses(blocks, options.family)
