"""Packets to ask about: values that the rules of a ruleset name, their neighbours, and where they go.

A pool is the few values that one ruleset is made of, so that rules and packets meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from random import Random

from tests.conformance.namespaces import INTERFACES, LOOPBACK_ADDRESSES, own, way_out
from tests.conformance.wire import SCTP, Probe, ends, lone_state
from validator.engine.packet import Packet
from validator.model import LOOPBACK, Hook
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family, Field, TcpFlag

OUTSIDE = {
    Family.IPV4: (
        *("10.1.0.2", "10.1.0.5", "10.1.0.63", "10.1.0.64", "10.1.0.127", "10.1.0.128", "192.168.7.7"),
        *("192.168.7.200", "10.2.0.2", "10.2.0.33", "203.0.113.5", "203.0.113.99", "8.8.8.8", "172.16.3.4"),
    ),
    Family.IPV6: (
        *("fd01::2", "fd01::5", "fd01::ff", "fd01::100", "fd07::7", "fd07::1:0", "fd02::2", "fd02::33"),
        *("2001:db8::5", "2001:db8:0:1::5", "2001:db8::ffff", "2a00::8"),
    ),
}
_EVERYBODY = {Family.IPV4: ("10.1.0.255", "255.255.255.255", "224.0.0.1"), Family.IPV6: ("ff02::1",)}
"""Addresses of more than one host, whose packets are delivered here."""
PORTS = (0, 1, 21, 22, 53, 80, 443, 1023, 1024, 8080, 8443, 9340, 32767, 32768, 40000, 65534, 65535)
MACS = (0x0200000000AA, 0x0200000000AB, 0x00163E123456)
_TYPES = {Family.IPV4: (0, 3, 5, 8, 11, 13), Family.IPV6: (1, 2, 3, 128, 129, 133, 135, 136)}
_FLAGS = (
    *(TcpFlag.SYN,) * 12,
    *(TcpFlag.ACK, TcpFlag.ACK | TcpFlag.PSH, TcpFlag.SYN | TcpFlag.ACK, TcpFlag.RST, TcpFlag.FIN | TcpFlag.ACK),
    *(TcpFlag.SYN | TcpFlag.FIN, TcpFlag(0), TcpFlag.FIN | TcpFlag.URG | TcpFlag.PSH, TcpFlag.SYN | TcpFlag.ECE),
    *(TcpFlag.RST | TcpFlag.ACK, TcpFlag(63), TcpFlag.SYN | TcpFlag.URG, TcpFlag.SYN | TcpFlag.RST),
)


@dataclass(frozen=True, slots=True)
class Pool:
    """The values of one family that a ruleset is made of; `outside` and `own` are addresses."""

    family: Family
    outside: tuple[int, ...]
    own: tuple[int, ...]
    ports: tuple[int, ...]
    icmp_types: tuple[int, ...]
    macs: tuple[int, ...] = MACS

    @property
    def icmp(self) -> int:
        """The number of ICMP in this family."""
        return ICMP if self.family is Family.IPV4 else ICMPV6


def draw_pool(random: Random, family: Family) -> Pool:
    """A few values of each kind."""
    outside = [int(ip_address(text)) for text in random.sample(OUTSIDE[family], random.randint(3, 6))]
    ports = random.sample(PORTS, random.randint(2, 5))
    types = random.sample(_TYPES[family], random.randint(2, 4))
    return Pool(family, tuple(outside), tuple(own(family)), tuple(ports), tuple(types))


def draw_packets(random: Random, pool: Pool, count: int, honest: bool = False) -> list[Packet]:
    """`count` packets without a connection, no two alike if there are so many. `honest` ones come from the firewall's
    own addresses if and only if it made them itself: from a dump of rules alone nobody can tell which those are."""
    found: dict[tuple[object, ...], Packet] = {}
    for _ in range(3 * count):
        packet = draw_packet(random, pool)
        if honest and (packet.values[Field.SOURCE] in own(pool.family)) is not (packet.hook is Hook.OUTPUT):
            continue
        key = (packet.hook, packet.in_interface, *packet.values.items())
        found.setdefault(key, packet)
        if len(found) == count:
            break
    return list(found.values())


def draw_loops(random: Random, pool: Pool, count: int) -> list[Probe]:
    """Packets of the firewall to itself, at OUTPUT and where they come in again; each between ends of its own, since
    a packet that comes in again makes a connection."""
    mine = (LOOPBACK_ADDRESSES[pool.family], *pool.own)
    found: dict[frozenset[tuple[int, int]], list[Probe]] = {}
    for _ in range(count):
        values = {Field.SOURCE: random.choice(mine), Field.DESTINATION: random.choice(mine), **_transport(random, pool)}
        out = Packet(Hook.OUTPUT, pool.family, values, "", LOOPBACK)
        back = Packet(Hook.INPUT, pool.family, {**values, Field.MAC: 0}, LOOPBACK, "")
        found.setdefault(ends(out), [Probe(out), Probe(back, sent=out)])
    return [probe for probes in found.values() for probe in probes]


def draw_packet(random: Random, pool: Pool) -> Packet:
    """A packet without a connection."""
    family = pool.family
    hook = random.choices((Hook.INPUT, Hook.FORWARD, Hook.OUTPUT), (4, 4, 3))[0]
    arrives = hook is not Hook.OUTPUT
    if hook is Hook.INPUT and random.random() < 0.06:
        destination = int(ip_address(random.choice(_EVERYBODY[family])))
    elif hook is Hook.INPUT:
        destination = random.choice(pool.own)
    else:
        destination = _near(random, pool)
    source = random.choice(pool.own) if not arrives and random.random() < 0.9 else _near(random, pool)
    values = {Field.SOURCE: source, Field.DESTINATION: destination, **_transport(random, pool)}
    if arrives:
        values[Field.MAC] = random.choice(pool.macs)
    way_in = random.choice(INTERFACES) if arrives else ""
    return placed(Packet(hook, family, values, way_in))


def placed(packet: Packet) -> Packet:
    """The packet with its hook and out-interface, as the firewall's routes have it."""
    destination = packet.values[Field.DESTINATION]
    here = destination in own(packet.family) or is_everybody(packet.family, destination)
    arrives = packet.hook is not Hook.OUTPUT
    if arrives:
        hook, out = (Hook.INPUT, "") if here else (Hook.FORWARD, way_out(packet.family, destination))
    else:
        hook, out = Hook.OUTPUT, LOOPBACK if here else way_out(packet.family, destination)
    return Packet(hook, packet.family, packet.values, packet.in_interface, out)


def is_everybody(family: Family, address: int) -> bool:
    """Whether an address is of more than one host."""
    return any(address == int(ip_address(text)) for text in _EVERYBODY[family])


def _near(random: Random, pool: Pool) -> int:
    """An outside address of the pool, or one beside it."""
    address = random.choice(pool.outside)
    return address + random.choice((-1, 1)) if random.random() < 0.15 else address


def _transport(random: Random, pool: Pool) -> dict[Field, int]:
    """Protocol, ports, flags, ICMP type and code, and the state that follows from them."""
    protocols = (TCP, UDP, pool.icmp, SCTP, 50)
    protocol = random.choices(protocols, (10, 6, 3, 1, 1))[0]
    values = dict.fromkeys(
        (Field.TCP_FLAGS, Field.ICMP_TYPE, Field.ICMP_CODE, Field.SOURCE_PORT, Field.DESTINATION_PORT), 0
    )
    values[Field.PROTOCOL] = protocol
    if protocol in (TCP, UDP, SCTP):
        values[Field.SOURCE_PORT] = _port(random, pool.ports)
        values[Field.DESTINATION_PORT] = _port(random, pool.ports)
    if protocol == TCP:
        values[Field.TCP_FLAGS] = int(random.choice(_FLAGS))
    if protocol == pool.icmp:
        values[Field.ICMP_TYPE] = random.choice(pool.icmp_types)
        values[Field.ICMP_CODE] = random.choice((0, 0, 0, 1, 4))
    values[Field.STATE] = int(lone_state(protocol, values[Field.TCP_FLAGS], values[Field.ICMP_TYPE]))
    return values


def _port(random: Random, ports: Sequence[int]) -> int:
    port = random.choice(ports)
    if random.random() < 0.25:
        port = min(max(port + random.choice((-1, 1)), 0), 65535)
    return port
