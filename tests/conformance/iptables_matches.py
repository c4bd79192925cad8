"""Random matches of iptables, and the table they are for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from random import Random

from tests.conformance.namespaces import INTERFACES
from tests.conformance.probes import Pool
from validator.packets.fields import Family

_NAMES = (*INTERFACES, *INTERFACES, "eth+", "e+", "lo", "wlan0", "eth", "eth00", "+")
_STATES = ("NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED", "NEW,ESTABLISHED", "INVALID,NEW")
_FLAG_MATCHES = (
    *("--syn", "--tcp-flags SYN,ACK SYN", "--tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags ALL NONE"),
    *("--tcp-flags SYN,RST SYN,RST", "--tcp-flags ACK ACK", "--tcp-flags ALL FIN,PSH,URG", "--tcp-flags FIN,SYN NONE"),
)
_ADDRESS_TYPES = ("LOCAL", "UNICAST", "BROADCAST", "MULTICAST", "LOCAL,BROADCAST")
MARKS = (1, 2, 3, 0x10, 0x80000000, 0xFFFFFFFF)
MASKS = (0xFFFFFFFF, 0xFFFFFFFF, 0x1, 0x3, 0xFF, 0x80000001)


@dataclass(slots=True)
class Table:
    """A table being made: its name, the values of its family, and the sets there are (name, dimensions)."""

    name: str
    random: Random
    pool: Pool
    sets: Sequence[tuple[str, int]] = ()

    @property
    def v4(self) -> bool:
        """Whether this is IPv4."""
        return self.pool.family is Family.IPV4

    def no(self, often: float = 0.2) -> str:
        """Now and then a negation."""
        return "! " if self.random.random() < often else ""

    def address(self) -> str:
        """An address, prefix or mask of the pool."""
        address = ip_address(self.random.choice((*self.pool.outside, *self.pool.outside, *self.pool.own)))
        width = self.pool.family.bits
        length = self.random.choice((width, width, width - 1, width - 6, width - 8, width // 2, width - 30, 0))
        if self.v4 and self.random.random() < 0.01:
            return f"{address}/255.0.0.255"
        return str(ip_network(f"{address}/{length}", strict=False))

    def ports(self, option: str) -> str:
        """`option` with a port or a range between ports of the pool, negated now and then."""
        low, high = sorted(self.random.choices(self.pool.ports, k=2))
        kind = self.random.random()
        if kind < 0.6:
            return f"{self.no()}{option} {low}"
        if kind > 0.85:
            low, high = (low, 65535) if kind < 0.93 else (0, high)
        # iptables-save does not write a range of all ports, nor its negation.
        return f"{'' if (low, high) == (0, 65535) else self.no()}{option} {low}:{high}"


# --- matches: each gives its words, and whether it settles the protocol ------------------------


def _addresses(table: Table) -> str:
    address = table.address()
    everything = address.endswith("/0")  # the nft backend refuses to negate that
    return f"{'' if everything else table.no()}-{table.random.choice('sd')} {address}"


def _iprange(table: Table) -> str:
    low, high = sorted(table.random.choices((*table.pool.outside, *table.pool.own), k=2))
    side = table.random.choice(("src", "dst"))
    return f"-m iprange {table.no()}--{side}-range {ip_address(low)}-{ip_address(high)}"


def _ports(table: Table) -> str:
    protocol = table.random.choice(("tcp", "tcp", "udp", "sctp"))
    options = [table.ports(f"--{side}port") for side in table.random.choice(("d", "d", "s", "sd"))]
    flags = ""
    if protocol == "tcp" and table.random.random() < 0.25:
        flags = f" {table.no()}{table.random.choice(_FLAG_MATCHES)}"
    return f"-p {protocol} -m {protocol} {' '.join(options)}{flags}"


def _multiport(table: Table) -> str:
    protocol = table.random.choice(("tcp", "udp", "sctp"))
    ports = ",".join(str(port) for port in table.random.choices(table.pool.ports, k=table.random.randint(1, 3)))
    if table.random.random() < 0.4:
        low, high = sorted(table.random.sample(table.pool.ports, 2))
        ports += f",{low}:{high}"
    return f"-p {protocol} -m multiport {table.no()}--{table.random.choice(('dports', 'sports', 'ports'))} {ports}"


def _flags(table: Table) -> str:
    return f"-p tcp -m tcp {table.no()}{table.random.choice(_FLAG_MATCHES)}"


def _icmp(table: Table) -> str:
    kind = table.random.choice(table.pool.icmp_types)
    code = table.random.choice(("", "", "/0", "/1"))
    if table.v4:
        if table.random.randrange(3) == 0:  # not negated: nft shows that rule without the words that match nothing
            return "-p icmp -m icmp --icmp-type any"
        return f"-p icmp -m icmp {table.no()}--icmp-type {kind}{code}"
    return f"-p ipv6-icmp -m icmp6 {table.no()}--icmpv6-type {kind}{code}"


def _protocol(table: Table) -> str:
    icmp = "icmp" if table.v4 else "ipv6-icmp"
    return f"{table.no()}-p {table.random.choice(('tcp', 'udp', icmp, 'sctp', '50', 'esp'))}"


def _states(table: Table) -> str:
    value = table.random.choice(_STATES)
    if table.random.random() < 0.3:
        return f"-m state {table.no()}--state {value}"
    if table.random.random() < 0.1:
        value = table.random.choice(("DNAT", "SNAT", "NEW,DNAT"))
    return f"-m conntrack {table.no()}--ctstate {value}"


def _conntrack(table: Table) -> str:
    options = (
        f"{table.no()}--ctproto {table.random.choice((6, 17))}",
        f"--ctdir {table.random.choice(('ORIGINAL', 'REPLY'))}",
        f"{table.no()}--ctorigdst {table.address()}",
        f"{table.no()}--ctorigdstport {table.random.choice(table.pool.ports)}",
        f"{table.no()}--ctorigsrc {table.address()}",
    )
    return f"-m conntrack {table.random.choice(options)}"


def _address_type(table: Table) -> str:
    side = table.random.choice(("src", "dst", "dst"))
    types = [kind for kind in _ADDRESS_TYPES if table.v4 or "BROADCAST" not in kind]
    return f"-m addrtype {table.no()}--{side}-type {table.random.choice(types)}"


def _mark(table: Table) -> str:
    kind = table.random.choice(("mark", "mark", "connmark"))
    mask = table.random.choice(MASKS)
    return f"-m {kind} {table.no()}--mark {table.random.choice((0, *MARKS)) & mask:#x}/{mask:#x}"


def _mac(table: Table) -> str:
    number = table.random.choice(table.pool.macs)
    return f"-m mac {table.no()}--mac-source {':'.join(f'{byte:02x}' for byte in number.to_bytes(6, 'big'))}"


def _set(table: Table) -> str:
    name, dimensions = table.random.choice(table.sets)
    sides = ",".join(table.random.choice(("src", "dst")) for _ in range(dimensions))
    return f"-m set {table.no()}--match-set {name} {sides}"


def _odds(table: Table) -> str:
    """What limits rates, and what only says something. (Not connlimit: docs/conformance.md.)"""
    return table.random.choice(
        (
            "-m limit --limit 10000/sec --limit-burst 10000",
            '-m comment --comment "a comment -j DROP"',
            "-m hashlimit --hashlimit-upto 10000/sec --hashlimit-burst 10000 --hashlimit-mode srcip --hashlimit-name h",
            f"-m pkttype {table.no()}--pkt-type unicast",
        )
    )


def _interface(table: Table, hooks: frozenset[str]) -> str:
    """An interface that the hook has; in a user's chain any."""
    sides = []
    if not hooks & {"OUTPUT", "POSTROUTING"}:
        sides.append("i")
    if not hooks & {"PREROUTING", "INPUT"}:
        sides.append("o")
    if not sides:
        sides = ["i", "o"]
    name = table.random.choice(_NAMES)
    # iptables-save does not write `! -i +`: such a dump would not say what is loaded.
    return f"{'' if name == '+' else table.no()}-{table.random.choice(sides)} {name}"


_MATCHES: tuple[tuple[Callable[[Table], str], int, bool], ...] = (
    (_addresses, 8, False),
    (_ports, 10, True),
    (_multiport, 4, True),
    (_flags, 2, True),
    (_icmp, 3, True),
    (_protocol, 3, True),
    (_iprange, 2, False),
    (_states, 6, False),
    (_conntrack, 1, False),
    (_address_type, 3, False),
    (_mark, 4, False),
    (_odds, 2, False),
)


def matches(table: Table, hooks: frozenset[str], built_in: bool) -> str:
    """The matches of a rule: none to three, of which one settles the protocol at most."""
    found: dict[str, str] = {}
    settled = False
    for _ in range(table.random.choice((0, 1, 1, 1, 2, 2, 2, 3))):
        if table.random.random() < 0.15:
            found["interface"] = _interface(table, hooks if built_in else frozenset())
            continue
        if table.random.random() < 0.05 and hooks <= {"PREROUTING", "INPUT", "FORWARD"}:
            found["mac"] = _mac(table)
            continue
        if table.sets and table.random.random() < 0.12:
            found["set"] = _set(table)
            continue
        make, _, settles = table.random.choices(_MATCHES, [weight for _, weight, _ in _MATCHES])[0]
        if settles and settled:
            continue
        settled = settled or settles
        found[make.__name__] = make(table)
    return " ".join(found.values())
