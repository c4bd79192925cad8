"""Random matches of nft, and the table they are for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from random import Random

from tests.conformance.namespaces import INTERFACES
from tests.conformance.probes import Pool
from validator.packets.fields import Family

_NAMES = ('"eth0"', '"eth1"', '"eth0"', '"eth1"', '"eth*"', '"e*"', '"lo"', '"wlan0"', '{ "eth0", "lo" }')
_STATES = ("new", "established", "established,related", "invalid", "untracked", "{ new, invalid }", "new,untracked")
SINGLE_STATES = ("new", "established", "related", "invalid", "untracked")
_FLAGS = (
    *("syn", "ack", "syn,ack", "{ syn, ack }", "& (fin|syn|rst|ack) == syn", "& (syn|ack) != syn"),
    *("& syn == syn", "& (fin|syn|rst|psh|ack|urg) == 0x0", "syn / syn,ack", "& (syn | rst) == syn | rst"),
)
_ADDRESS_TYPES = ("local", "unicast", "broadcast", "multicast", "{ local, broadcast }")
MARKS = (0, 1, 2, 3, 0x10, 0x80000000, 0xFFFFFFFF)
_WORDS = {Family.IPV4: ("ip", "icmp", "ipv4_addr", "icmp"), Family.IPV6: ("ip6", "icmpv6", "ipv6_addr", "ipv6-icmp")}


@dataclass(slots=True)
class Table:
    """A table being made: its families and their pools, its sets (name, what it holds) and verdict maps.

    `plain`: its rules set nothing that others ask about, so that the order of chains makes no difference.
    """

    random: Random
    pools: Sequence[Pool]
    sets: list[tuple[str, str]] = field(default_factory=list)
    vmaps: list[tuple[str, str]] = field(default_factory=list)
    plain: bool = False

    def no(self, often: float = 0.2) -> str:
        """Now and then a negation."""
        return "!= " if self.random.random() < often else ""

    def pool(self) -> Pool:
        """The values of one of the table's families."""
        return self.random.choice(self.pools)

    def words(self, pool: Pool) -> tuple[str, str, str, str]:
        """ip, icmp, ipv4_addr, icmp; or those of IPv6."""
        return _WORDS[pool.family]

    def address(self, pool: Pool) -> str:
        """One address."""
        return str(ip_address(self.random.choice((*pool.outside, *pool.outside, *pool.own))))

    def network(self, pool: Pool) -> str:
        """A prefix that is not everything."""
        width = pool.family.bits
        length = self.random.choice((width - 1, width - 6, width - 8, width // 2))
        return str(ip_network(f"{self.address(pool)}/{length}", strict=False))

    def addresses(self, pool: Pool) -> str:
        """An address, prefix, range or set of them."""
        kind = self.random.random()
        if kind < 0.4:
            return self.address(pool)
        if kind < 0.65:
            return self.network(pool)
        if kind < 0.75:
            low, high = sorted(self.random.sample((*pool.outside, *pool.own), 2))
            return f"{ip_address(low)}-{ip_address(high)}"
        return self.listed(lambda: self.address(pool))

    def port(self, pool: Pool) -> str:
        """One port."""
        return str(self.random.choice(pool.ports))

    def ports(self, pool: Pool) -> str:
        """A port, range or set of them."""
        kind = self.random.random()
        if kind < 0.5:
            return self.port(pool)
        if kind < 0.75:
            low, high = sorted(self.random.sample(pool.ports, 2))
            return f"{low}-{high}"
        return self.listed(lambda: self.port(pool))

    def listed(self, make: Callable[[], str], most: int = 3) -> str:
        """An anonymous set."""
        return "{ " + ", ".join(sorted({make() for _ in range(self.random.randint(1, most))})) + " }"

    def protocol(self) -> str:
        """A protocol with ports."""
        return self.random.choice(("tcp", "tcp", "udp", "sctp"))


# --- matches ------------------------------------------------------------------------------------


def _address(table: Table) -> str:
    pool = table.pool()
    ip, _, kind, _ = table.words(pool)
    side = table.random.choice(("saddr", "daddr"))
    named = [name for name, holds in table.sets if holds == kind]
    if named and table.random.random() < 0.35:
        return f"{ip} {side} {table.no()}@{table.random.choice(named)}"
    return f"{ip} {side} {table.no()}{table.addresses(pool)}"


def _ports(table: Table) -> str:
    pool, side = table.pool(), table.random.choice(("dport", "dport", "sport"))
    named = [name for name, holds in table.sets if holds == "inet_service"]
    value = f"@{table.random.choice(named)}" if named and table.random.random() < 0.3 else table.ports(pool)
    if table.random.random() < 0.2:
        return f"meta l4proto {{ tcp, udp }} th {side} {table.no()}{value}"
    return f"{table.protocol()} {side} {table.no()}{value}"


def _concatenation(table: Table) -> str:
    pool = table.pool()
    ip, _, kind, _ = table.words(pool)
    side = table.random.choice(("saddr", "daddr"))
    named = [name for name, holds in table.sets if holds == f"{kind} . inet_service"]
    if named and table.random.random() < 0.6:
        return f"{ip} {side} . tcp dport {table.no()}@{table.random.choice(named)}"
    if table.random.random() < 0.3:
        pairs = table.listed(lambda: f"{table.random.choice(INTERFACES)} . {table.random.choice(('tcp', 'udp'))}")
        return f"iifname . meta l4proto {pairs}"
    return f"{ip} {side} . tcp dport {table.no()}{table.listed(lambda: f'{table.address(pool)} . {table.port(pool)}')}"


def _protocol(table: Table) -> str:
    pool = table.pool()
    ip, _, _, icmp = table.words(pool)
    value = table.random.choice(("tcp", "udp", icmp, "sctp", "esp", "{ tcp, udp }"))
    if len(table.pools) == 1 or table.random.random() < 0.6:
        return f"meta l4proto {table.no()}{value}"
    if table.random.random() < 0.5:
        return f"meta nfproto {table.no()}{pool.family.value}"
    return f"{ip} {'protocol' if pool.family is Family.IPV4 else 'nexthdr'} {table.no()}{value}"


def _icmp(table: Table) -> str:
    pool = table.pool()
    _, icmp, _, _ = table.words(pool)
    if table.random.random() < 0.2:
        return f"{icmp} code {table.no()}{table.random.choice((0, 1))}"
    kinds = table.listed(lambda: str(table.random.choice(pool.icmp_types)))
    return f"{icmp} type {table.no()}{kinds}"


def _flags(table: Table) -> str:
    value = table.random.choice(_FLAGS)
    return f"tcp flags {table.no() if value[0] != '&' and '/' not in value else ''}{value}"


def _interface(table: Table) -> str:
    side = table.random.choice(("iifname", "oifname"))
    if table.random.random() < 0.15:
        return f"{side[:3]} {table.no()}{table.random.choice(('lo', 'eth0', 'eth1'))}"
    return f"{side} {table.no()}{table.random.choice(_NAMES)}"


def _state(table: Table) -> str:
    return f"ct state {table.no()}{table.random.choice(_STATES)}"


def _conntrack(table: Table) -> str:
    options = (
        f"ct direction {table.random.choice(('original', 'reply'))}",
        f"ct status {table.no()}dnat",
        f"ct status {table.no()}snat",
    )
    return table.random.choice(options)


def _mark(table: Table) -> str:
    kind = table.random.choice(("meta mark", "meta mark", "ct mark"))
    if table.random.random() < 0.5:
        return f"{kind} {table.no()}{table.random.choice(MARKS):#x}"
    mask = table.random.choice((1, 3, 0xFF))
    return f"{kind} & {mask:#x} {table.random.choice(('==', '!='))} {table.random.choice(MARKS) & mask:#x}"


def _route_type(table: Table) -> str:
    return (
        f"fib {table.random.choice(('saddr', 'daddr', 'daddr'))} type {table.no()}{table.random.choice(_ADDRESS_TYPES)}"
    )


def _mac(table: Table) -> str:
    macs = [number.to_bytes(6, "big").hex(":") for number in table.pool().macs]
    return f"ether saddr {table.no()}{table.listed(lambda: table.random.choice(macs), 2)}"


def _odds(table: Table) -> str:
    return table.random.choice(("limit rate 10000/second burst 10000 packets", "counter", "meta pkttype host"))


_MATCHES: tuple[tuple[Callable[[Table], str], int], ...] = (
    (_address, 9),
    (_ports, 10),
    (_concatenation, 3),
    (_protocol, 3),
    (_icmp, 3),
    (_flags, 2),
    (_interface, 4),
    (_state, 5),
    (_conntrack, 1),
    (_mark, 4),
    (_route_type, 2),
    (_mac, 1),
    (_odds, 2),
)


def matches(table: Table) -> list[str]:
    """The matches of a rule, none of which contradicts another in protocol or family (nft refuses some of those)."""
    count = table.random.choice((0, 1, 1, 1, 2, 2, 3))
    makers = table.random.choices([make for make, _ in _MATCHES], [weight for _, weight in _MATCHES], k=count)
    found: list[str] = []
    for make in dict.fromkeys(makers):
        part = make(table)
        if agrees(found, part):
            found.append(part)
    return found


_TRANSPORT = re.compile(r"\b(tcp|udp|sctp|icmp|icmpv6) (?!\S*[,}])|l4proto|protocol|nexthdr|\bth ")
_V4, _V6 = re.compile(r"\b(ip|icmp|ipv4) ?(?!\S*[,}])"), re.compile(r"\b(ip6|icmpv6|ipv6)\b")


def agrees(parts: Sequence[str], part: str) -> bool:
    """Whether `part` may stand beside `parts`: one names a protocol at most, and all are of one family."""
    if _TRANSPORT.search(part) and any(_TRANSPORT.search(each) for each in parts):
        return False
    both = [*parts, part]
    return not (any(map(_V4.search, both)) and any(map(_V6.search, both)))
