"""The elements of an ipset, as ipset(8) writes them: `10.0.0.0/8,tcp:80`, `fd00::1`, `10-20`, `10.0.0.0/8,eth0`."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from itertools import product

from msgspec import Struct

from validator.dialects._iptables_names import PROTOCOLS, SERVICES
from validator.dialects._linux_facts import SetInterface, SetPart, SetPort
from validator.packets.fields import ICMP, ICMPV6, Family, Interval

DIMENSIONS: dict[str, tuple[str, ...]] = {
    "hash:ip": ("ip",),
    "hash:mac": ("mac",),
    "hash:ip,mac": ("ip", "mac"),
    "hash:net": ("net",),
    "hash:net,net": ("net", "net"),
    "hash:ip,port": ("ip", "port"),
    "hash:net,port": ("net", "port"),
    "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "net"),
    "hash:net,port,net": ("net", "port", "net"),
    "hash:net,iface": ("net", "iface"),
    "hash:ip,mark": ("ip", "mark"),
    "bitmap:ip": ("ip",),
    "bitmap:ip,mac": ("ip", "mac"),
    "bitmap:port": ("port",),
    "list:set": (),
}
"""The types of sets and what their elements consist of."""
WITH_PORTS = frozenset((6, 17, 132, 136))
"""Protocols whose ports a set reads: TCP, UDP, SCTP, UDPLITE (ip_set_getport.c)."""
_ICMP_NAMES = {
    "echo-reply": 0x0000, "pong": 0x0000, "network-unreachable": 0x0300, "host-unreachable": 0x0301,
    "protocol-unreachable": 0x0302, "port-unreachable": 0x0303, "fragmentation-needed": 0x0304,
    "source-route-failed": 0x0305, "network-unknown": 0x0306, "host-unknown": 0x0307, "network-prohibited": 0x0309,
    "host-prohibited": 0x030A, "TOS-network-unreachable": 0x030B, "TOS-host-unreachable": 0x030C,
    "communication-prohibited": 0x030D, "host-precedence-violation": 0x030E, "precedence-cutoff": 0x030F,
    "source-quench": 0x0400, "network-redirect": 0x0500, "host-redirect": 0x0501, "TOS-network-redirect": 0x0502,
    "TOS-host-redirect": 0x0503, "echo-request": 0x0800, "ping": 0x0800, "router-advertisement": 0x0900,
    "router-solicitation": 0x0A00, "ttl-zero-during-transit": 0x0B00, "ttl-zero-during-reassembly": 0x0B01,
    "ip-header-bad": 0x0C00, "required-option-missing": 0x0C01, "timestamp-request": 0x0D00,
    "timestamp-reply": 0x0E00, "address-mask-request": 0x1100, "address-mask-reply": 0x1200,
}  # fmt: skip
_ICMPV6_NAMES = {
    "no-route": 0x0100, "communication-prohibited": 0x0101, "address-unreachable": 0x0103, "port-unreachable": 0x0104,
    "packet-too-big": 0x0200, "ttl-zero-during-transit": 0x0300, "ttl-zero-during-reassembly": 0x0301,
    "bad-header": 0x0400, "unknown-header-type": 0x0401, "unknown-option": 0x0402, "echo-request": 0x8000,
    "ping": 0x8000, "echo-reply": 0x8100, "pong": 0x8100, "router-solicitation": 0x8500,
    "router-advertisement": 0x8600, "neighbour-solicitation": 0x8700, "neighbour-advertisement": 0x8800,
    "redirect": 0x8900,
}  # fmt: skip
_MOST_SINGLES = 1024
_MAC = re.compile(r"[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,10}")
_SHORT = re.compile(r"[0-9]{1,5}")


class ElementError(ValueError):
    """An element that is not understood; the message says why. Never leaves the dialects."""


class ElementReader(Struct, frozen=True):
    """Reads elements of a set of `type`. `prefix`: addresses are stored masked to this many bits (netmask)."""

    type: str
    family: Family
    prefix: int

    def read(self, text: str, wildcard: bool = False) -> list[tuple[SetPart, ...]]:
        """The parts of `text`: one element, or the several that a range stands for. Raises ElementError."""
        kinds = DIMENSIONS[self.type]
        if len(kinds) == 1:
            return [(part,) for part in self._part(kinds[0], text, wildcard)]
        texts = text.split(",")
        if self.type == "bitmap:ip,mac" and len(texts) == 1:
            return [(part, None) for part in self._part("ip", text, wildcard)]
        if len(texts) != len(kinds):
            raise ElementError(f"{text} is no element of a set of type {self.type}")
        parts = [self._part(*pair, wildcard) for pair in zip(kinds, texts, strict=True)]
        if "net" in kinds:
            # The kernel stores each value of a range, and a later line may say otherwise about one (nomatch).
            parts = [[one for part in each for one in _single(part)] for each in parts]
        return list(product(*parts))

    def _part(self, kind: str, text: str, wildcard: bool) -> list[SetPart]:
        match kind:
            case "ip":
                return [self._block(text)]
            case "net":
                return [*self._networks(text)]
            case "port":
                return [self._port(text)]
            case "mac":
                return [mac(text)]
            case "mark":
                return [_mark(text)]
        bridged = text.startswith("physdev:")
        name = text.removeprefix("physdev:")
        if not name:
            raise ElementError("no interface is named")
        return [SetInterface(name, wildcard, bridged)]

    def _block(self, text: str) -> Interval:
        low, high = address_range(text, self.family)
        if self.type == "hash:ip" and low == 0:
            raise ElementError("a set of type hash:ip cannot hold the address of zeros")
        rest = self.family.bits - self.prefix
        if self.type == "bitmap:ip":
            high -= (high - low) % (1 << rest)  # the kernel steps by whole networks from the first address
        return (low >> rest << rest, high | ((1 << rest) - 1)) if rest else (low, high)

    def _networks(self, text: str) -> list[Interval]:
        low, high = address_range(text, self.family)
        return prefixes(low, high, self.family) if "-" in text else [(low, high)]

    def _port(self, text: str) -> SetPort:
        name, colon, ports = text.rpartition(":")
        if self.type == "bitmap:port":
            low, high = _ports(ports)
            return SetPort(None, low, high)
        protocol = _protocol(name) if colon else 6
        if protocol in (ICMP, ICMPV6):
            own = (protocol == ICMP) is (self.family is Family.IPV4)
            code = _icmp(ports, _ICMP_NAMES if protocol == ICMP else _ICMPV6_NAMES)
            # The kernel keeps type and code of the family's own ICMP alone.
            return SetPort(protocol, code if own else 0, code if own else 0)
        if protocol not in WITH_PORTS:
            return SetPort(protocol, 0, 0)
        low, high = _ports(ports)
        return SetPort(protocol, low, high)


def _single(part: SetPart) -> Iterable[SetPart]:
    """The ports of a short range one by one; anything else as it is."""
    match part:
        case SetPort(protocol, low, high) if high - low < _MOST_SINGLES:
            return (SetPort(protocol, port, port) for port in range(low, high + 1))
    return (part,)


def address(text: str, family: Family) -> int:
    """An address as a number. Raises ElementError."""
    try:
        if family is Family.IPV4:
            return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, text.strip("[]")), "big")
    except (OSError, ValueError):
        raise ElementError(f"{text} is no {'IPv4' if family is Family.IPV4 else 'IPv6'} address") from None


def address_range(text: str, family: Family) -> Interval:
    """`a`, `a/p` or `a-b`, as first and last address. Raises ElementError."""
    first, slash, length = text.partition("/")
    if slash:
        if not _SHORT.fullmatch(length) or int(length) > family.bits:
            raise ElementError(f"{text} has no such prefix length")
        rest = family.bits - int(length)
        low = address(first, family) >> rest << rest
        return low, low | ((1 << rest) - 1)
    first, dash, last = text.partition("-")
    low = address(first, family)
    high = address(last, family) if dash else low
    return (low, high) if low <= high else (high, low)


def prefixes(low: int, high: int, family: Family) -> list[Interval]:
    """The fewest prefixes that make up a range, as hash:net stores it."""
    if family is Family.IPV4:
        blocks = [*summarize_address_range(IPv4Address(low), IPv4Address(high))]
        return [(int(each.network_address), int(each.broadcast_address)) for each in blocks]
    blocks6 = [*summarize_address_range(IPv6Address(low), IPv6Address(high))]
    return [(int(each.network_address), int(each.broadcast_address)) for each in blocks6]


def mac(text: str) -> Interval:
    """A MAC address. Raises ElementError."""
    if not _MAC.fullmatch(text):
        raise ElementError(f"{text} is no MAC address")
    number = 0
    for byte in text.split(":"):
        number = number << 8 | int(byte, 16)
    return number, number


def number(text: str) -> int:
    """A number of 32 bits, decimal or with 0x. Raises ElementError."""
    if not _NUMBER.fullmatch(text) or int(text, 0 if text[:2] in ("0x", "0X") else 10) >> 32:
        raise ElementError(f"{text} is no number of 32 bits")
    return int(text, 0 if text[:2] in ("0x", "0X") else 10)


def _mark(text: str) -> Interval:
    return number(text), number(text)


def _protocol(name: str) -> int:
    found = int(name) if _SHORT.fullmatch(name) else PROTOCOLS.get(name.lower(), 0)
    if not 0 < found < 256:
        raise ElementError(f"unknown protocol {name}")
    return found


def _ports(text: str) -> Interval:
    low, dash, high = text.partition("-")
    first, last = _one_port(low), _one_port(high if dash else low)
    return (first, last) if first <= last else (last, first)


def _one_port(text: str) -> int:
    found = int(text) if _SHORT.fullmatch(text) else SERVICES.get(text.lower(), 65536)
    if found > 65535:
        raise ElementError(f"{text} is no port")
    return found


def _icmp(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    kind, slash, code = text.partition("/")
    if not slash or not _SHORT.fullmatch(kind) or not _SHORT.fullmatch(code) or int(kind) > 255 or int(code) > 255:
        raise ElementError(f"{text} is no type and code of ICMP")
    return int(kind) << 8 | int(code)
