"""What the clouds have in common: blocks of addresses, and names that only the site file can resolve."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_network

from validator.dialects import Options
from validator.model import Condition, ConditionMatch, FieldMatch, Match
from validator.packets.fields import Family, Field, Intervals
from validator.packets.intervals import complement, normalise
from validator.source import Span

_BYTE = "(0|[1-9][0-9]{0,2})"
_IPV4_BLOCK = re.compile(rf"{_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE}/([0-9]{{1,2}})")
"""What most blocks look like; the ipaddress module reads the others."""


def is_block(text: str) -> bool:
    """Whether this is an address, or a network as address and prefix length (no netmask)."""
    return _block(text) is not None


@lru_cache(maxsize=1 << 18)
def _block(text: str) -> tuple[int, int, int] | None:
    """The version, the first and the last address of a block; None where this is none."""
    usual = _IPV4_BLOCK.fullmatch(text)
    if usual is not None:
        a, b, c, d, length = map(int, usual.groups())
        if max(a, b, c, d) < 256 and length <= 32:
            hosts = (1 << (32 - length)) - 1
            number = a << 24 | b << 16 | c << 8 | d
            return 4, number & ~hosts, number | hosts
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


def assumed(key: str, text: str, assumption: str, span: Span, options: Options) -> ConditionMatch:
    """What is assumed not to be so: a condition with the value false, open where the user takes the assumption back."""
    taken = None if assumption in options.withdrawn else False
    return ConditionMatch(Condition(key, text, span, assumption, taken))


def members(
    field: Field, inside: Intervals, outside: Intervals, key: str, who: str, span: Span, options: Options
) -> Iterator[tuple[Match, ...]]:
    """The ways in which the peer can be one of those that `who` calls so, and `key` tells from all others; exports list
    the addresses `inside` of them.

    The addresses `outside` are listed too, and are of none of them. Of all others nobody can tell: the assumption is
    that every member is listed.
    """
    if inside:
        yield (FieldMatch(field, inside),)
    rest = complement(normalise([*inside, *outside]), (1 << options.family.bits) - 1)
    if rest:
        text = f"the peer is {who}, and no export lists it"
        yield (FieldMatch(field, rest), assumed(f"unlisted {key}", text, "listed-members", span, options))
