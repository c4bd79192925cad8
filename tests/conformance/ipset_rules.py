"""Random sets of ipset, of every type that this suite's kernels know."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from random import Random

from tests.conformance.namespaces import INTERFACES
from tests.conformance.probes import Pool
from validator.packets.fields import Family

_PROTOCOLS = ("tcp:", "tcp:", "udp:", "sctp:", "")


def _address(random: Random, pool: Pool) -> str:
    return str(ip_address(random.choice((*pool.outside, *pool.outside, *pool.own))))


def _network(random: Random, pool: Pool) -> str:
    width = pool.family.bits
    length = random.choice((width, width - 1, width - 6, width - 8, width // 2))
    return str(ip_network(f"{_address(random, pool)}/{length}", strict=False))


def _port(random: Random, pool: Pool) -> str:
    low, high = sorted(random.choices(pool.ports, k=2))
    return f"{random.choice(_PROTOCOLS)}{low}" + (f"-{high}" if high > low and high - low < 40 else "")


def _icmp_or_port(random: Random, pool: Pool) -> str:
    if random.random() < 0.15:
        icmp = "icmp" if pool.family is Family.IPV4 else "icmpv6"
        return f"{icmp}:{random.choice(pool.icmp_types)}/0"
    return _port(random, pool)


def _interface(random: Random, pool: Pool) -> str:
    return random.choice((*INTERFACES, "wlan0"))


_Part = Callable[[Random, Pool], str]
_TYPES: dict[str, tuple[_Part, ...]] = {
    "hash:ip": (_address,),
    "hash:net": (_network,),
    "hash:ip,port": (_address, _icmp_or_port),
    "hash:net,port": (_network, _icmp_or_port),
    "hash:ip,port,ip": (_address, _port, _address),
    "hash:ip,port,net": (_address, _port, _network),
    "hash:net,iface": (_network, _interface),
}


def sets(random: Random, pool: Pool) -> tuple[str, list[tuple[str, int]]]:
    """The text for `ipset restore`, and the sets it makes: name and number of dimensions."""
    prefix = "v4" if pool.family is Family.IPV4 else "v6"
    family = "inet" if pool.family is Family.IPV4 else "inet6"
    lines: list[str] = []
    made: list[tuple[str, int]] = []
    single: list[str] = []
    for number in range(random.randint(1, 4)):
        name, kind = f"{prefix}-{number}", random.choice(list(_TYPES))
        parts = _TYPES[kind]
        lines.append(f"create {name} {kind} family {family}")
        for _ in range(random.randint(0, 4)):
            element = ",".join(part(random, pool) for part in parts)
            exception = " nomatch" if "net" in kind and random.random() < 0.2 else ""
            lines.append(f"-exist add {name} {element}{exception}")
        made.append((name, len(parts)))
        if len(parts) == 1:
            single.append(name)
    if random.random() < 0.4:
        lines.append(f"create {prefix}-ports bitmap:port range 0-65535")
        lines += [f"-exist add {prefix}-ports {port}" for port in pool.ports[:2]]
        made.append((f"{prefix}-ports", 1))
    if single and random.random() < 0.4:
        lines.append(f"create {prefix}-list list:set")
        lines += [f"-exist add {prefix}-list {name}" for name in single]
        made.append((f"{prefix}-list", 1))
    return "\n".join([*lines, ""]), made
