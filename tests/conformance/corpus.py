"""Rulesets that people wrote, from a folder of dumps, as far as this kernel loads them.

Their two most frequent interfaces become those of the firewall here, and the destinations that they name most its
addresses; packets are drawn from the addresses and ports they name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from tests.conformance.namespaces import INTERFACES, OWN, own
from tests.conformance.probes import Pool
from tests.conformance.rulesets import Ruleset, spoken_of, translates
from validator.packets.fields import Family

_INTERFACE = re.compile(r'(?:-[io] |[io]if(?:name)? (?:!= )?"?)([a-z][\w.-]*\+?)')
_V4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_V6 = re.compile(r"(?<![\w:])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE)
_DESTINATION = re.compile(r"(?:-d|daddr) ((?:\d{1,3}\.){3}\d{1,3})(?:/32)?(?= )")
_PORT = re.compile(r"(?:port|ports|dports|sports) (?:!= |! )?\{?\s*([\d:,\s-]+)")
_TYPES = {Family.IPV4: (0, 3, 8, 11, 13), Family.IPV6: (1, 2, 128, 129, 133, 134, 135, 136)}
_LIMITS = (
    (re.compile(r"--limit \S+(?: --limit-burst \d+)?"), "--limit 10000/sec --limit-burst 10000"),
    (
        re.compile(r"--hashlimit(-upto|-above)? \d+/\w+(?: --hashlimit-burst \d+)?"),
        r"--hashlimit\g<1> 10000/sec --hashlimit-burst 10000",
    ),
    (
        re.compile(r"limit rate (over )?\d+/\w+(?: burst \d+ packets)?"),
        r"limit rate \g<1>10000/second burst 10000 packets",
    ),
)
"""Rates of packets become ones that no test reaches."""
_ASSUMED = re.compile(r"^.*(?:-m recent .*--hitcount|-m rpfilter|-m connlimit).*\n", re.MULTILINE)
"""Rules that never match while packets are few and come by the interface that leads back: those are left out."""
_MOST = 60


def rulesets(directory: Path) -> Iterator[Ruleset]:
    """Every dump as every kind of ruleset that it may be; the kernel refuses those that it is not."""
    for folder, kinds in (("iptables", ("iptables-legacy", "ip6tables-legacy")), ("nft", ("nft",))):
        for path in sorted((directory / folder).glob("*")):
            text = _settled(path.read_text(errors="replace"))
            pools = {family: _pool(text, family) for family in Family}
            for kind in kinds:
                family = Family.IPV6 if kind.startswith("ip6") else Family.IPV4
                some = spoken_of(text, pools) if kind == "nft" else {family: pools[family]}
                parts = {kind: text}
                yield Ruleset(f"{kind} {path.name}", parts, some, translates(parts))


def _settled(text: str) -> str:
    """The text with interfaces and addresses that the firewall here has."""
    names = Counter(name for name in _INTERFACE.findall(text) if name not in ("lo", *INTERFACES) and "+" not in name)
    for (old, _), new in zip(names.most_common(2), INTERFACES, strict=False):
        text = re.sub(rf"(?<![\w.-]){re.escape(old)}(?![\w.-])", new, text)
    mine = [address.partition("/")[0] for listed in OWN[Family.IPV4].values() for address in listed]
    for (old, _), new in zip(Counter(_DESTINATION.findall(text)).most_common(2), mine, strict=False):
        text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w.])", new, text)
    for rate, generous in _LIMITS:
        text = rate.sub(generous, text)
    return _ASSUMED.sub("", text)


def _pool(text: str, family: Family) -> Pool:
    """The addresses and ports that the text names, as many as a pool may hold, most frequent first."""
    found: Counter[int] = Counter()
    for written in (_V4 if family is Family.IPV4 else _V6).findall(text):
        try:
            address = ip_address(written)
        except ValueError:
            continue
        if _is_usable(address):
            found[int(address)] += 1
    mine = own(family)
    outside = [address for address, _ in found.most_common(_MOST) if address not in mine]
    usual = "198.51.100.7" if family is Family.IPV4 else "2001:db8::7"
    numbers = Counter(int(n) for ports in _PORT.findall(text) for n in re.findall(r"\d+", ports))
    ports = [port for port, _ in numbers.most_common(_MOST) if port < 65536]
    return Pool(family, (*outside, int(ip_address(usual))), tuple(mine), (*ports, 80, 1024), _TYPES[family])


def _is_usable(address: IPv4Address | IPv6Address) -> bool:
    """Whether a packet can have this address, and one beside it, at either end."""
    odd = address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local
    first = int(address) >> 24 if address.version == 4 else 1
    return not (odd or address.is_reserved or first == 0 or address.packed[-1] in (0, 1, 254, 255))
