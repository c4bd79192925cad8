"""Addresses, ports and protocols of Windows rules as matches of the model.

Numbers are decided exactly. The keywords (LocalSubnet, RPC, ...) stand for what the host finds out
at run time; each is a condition, the same variable wherever the same keyword stands on a host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address, ip_network

from validator.dialects._windows_keywords import Keywords
from validator.model import AnyOf, Condition, ConditionMatch, FieldMatch, Match
from validator.packets.fields import Family, Field, Interval, top
from validator.packets.intervals import normalise

_PORTS = re.compile(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?")
_NUMBERS = re.compile(r"[0-9][^,]*(?:,[0-9][^,]*)*")
_NUMBER = "(0|[1-9][0-9]{0,2})"
_BLOCK = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:/([0-9]{{1,2}}))?")
"""An IPv4 address or block as netsh writes it, which most are: `ipaddress` takes ten times as long."""
PROTOCOLS = {"icmpv4": 1, "igmp": 2, "tcp": 6, "udp": 17, "ipv6": 41, "gre": 47, "icmpv6": 58, "vrrp": 112}


class Scope:
    """The conditions of one host."""

    def __init__(self, host: str, keywords: Keywords | None = None) -> None:
        self._host = host
        self.keywords = keywords or Keywords()
        self._made: dict[str, ConditionMatch] = {}

    def condition(self, sentence: str, about: tuple[str, str] | None = None) -> ConditionMatch:
        """The condition that `sentence` says, one variable for one sentence; `about` as in Condition."""
        if sentence not in self._made:
            self._made[sentence] = ConditionMatch(Condition(f"{self._host}: {sentence}", sentence, about=about))
        return self._made[sentence]


def has_words(protocol: str, lists: Iterable[str]) -> bool:
    """Whether a protocol, or a list of addresses or ports, has a word that is no known protocol and not `any`."""
    return any(map(_has_word, lists)) or isinstance(protocol_match(protocol), ConditionMatch)


def _has_word(text: str) -> bool:
    if text == "any" or _NUMBERS.fullmatch(text):  # most are
        return False
    return any(part and not (part[0].isdigit() or ":" in part) for part in map(str.strip, text.split(",")))


@cache
def protocol_match(text: str) -> Match | None:
    """A protocol by name or number; None for any. An unknown name is a condition of its own."""
    name = text.lower()
    if name == "any":
        return None
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 4 else PROTOCOLS.get(name, 256)
    if number > 255:
        return ConditionMatch(Condition(f"protocol {name}", f"whether the protocol is {text}"))
    return FieldMatch(Field.PROTOCOL, ((number, number),))


def address_match(field: Field, text: str, family: Family, scope: Scope, own: Field | None = None) -> Match | None:
    """A list of addresses, blocks, ranges and keywords; None for any. `own` is the field of the host's own address
    where `field` is that of the other end.

    A list that names only the other family matches nothing in this one.
    """
    if text == "any":
        return None
    ranges: list[Interval] = []
    alternatives: list[tuple[Match, ...]] = []
    for part in filter(None, map(str.strip, text.split(","))):
        found = _range(part)
        if found is None:
            unknown = scope.condition(f"the {field.label} address is {part}", (field.label, part))
            alternatives += scope.keywords.alternatives(part, family, field, own, unknown)
            continue
        version, interval = found
        if (version == 4) == (family is Family.IPV4):
            ranges.append(interval)
    if ranges:
        alternatives.insert(0, (FieldMatch(field, normalise(ranges)),))
    if len(alternatives) == 1 and len(alternatives[0]) == 1:
        return alternatives[0][0]
    return AnyOf(tuple(alternatives))


def _range(text: str) -> tuple[int, Interval] | None:
    """An address, a block, or a range `first-last`, as IP version and interval; None for a keyword."""
    plain = _BLOCK.fullmatch(text)
    if plain:
        a, b, c, d, length = map(int, plain.groups("32"))
        if max(a, b, c, d) < 256 and length <= 32:
            host = (1 << (32 - length)) - 1
            top_one = (a << 24 | b << 16 | c << 8 | d) | host
            return 4, (top_one - host, top_one)
    try:
        if "-" in text:
            low, _, high = text.partition("-")
            first, last = ip_address(low.strip()), ip_address(high.strip())
            if first.version != last.version or int(first) > int(last):
                return None
            return first.version, (int(first), int(last))
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    if "/0." in text and network.prefixlen:  # a host mask, which Windows does not write
        return None
    return network.version, (int(network.network_address), int(network.broadcast_address))


def port_match(field: Field, text: str, scope: Scope) -> Match | None:
    """A list of ports, ranges and keywords; None for any."""
    if text == "any":
        return None
    ranges: list[Interval] = []
    alternatives: list[tuple[Match, ...]] = []
    highest = top(field, Family.IPV4)
    for part in filter(None, map(str.strip, text.split(","))):
        number = _PORTS.fullmatch(part)
        if number:
            first, last = int(number[1]), int(number[2] or number[1])
            if first <= last <= highest:
                ranges.append((first, last))
                continue
        alternatives.append((scope.condition(f"the {field.label.replace('_', ' ')} is one of {part}"),))
    if ranges:
        alternatives.insert(0, (FieldMatch(field, normalise(ranges)),))
    if len(alternatives) == 1:
        return alternatives[0][0]
    return AnyOf(tuple(alternatives))
