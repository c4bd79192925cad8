"""Packets of the model as bytes, and the state that connection tracking gives one without a connection."""

from __future__ import annotations

from dataclasses import dataclass
from struct import pack

from validator.engine.packet import Packet
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family, Field, State, TcpFlag

SCTP = 132
HOPS = 77
"""The TTL or hop limit of probes; what the firewall makes itself has another."""
_OPENING_TYPES = {ICMP: (8, 13, 15, 17), ICMPV6: (128, 139)}
_NEVER_TRACKED = (130, 131, 132, 133, 134, 135, 136, 143)
_ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMPV6: (1, 2, 3, 4)}
_VALID_FLAGS = frozenset(
    int(flags)
    for flags in (
        TcpFlag.SYN,
        TcpFlag.SYN | TcpFlag.URG,
        TcpFlag.SYN | TcpFlag.ACK,
        TcpFlag.RST,
        TcpFlag.RST | TcpFlag.ACK,
        TcpFlag.FIN | TcpFlag.ACK,
        TcpFlag.FIN | TcpFlag.ACK | TcpFlag.URG,
        TcpFlag.ACK,
        TcpFlag.ACK | TcpFlag.URG,
    )
)


def lone_state(protocol: int, flags: int = 0, icmp_type: int = 0) -> State:
    """The state of a packet that belongs to no known connection (nf_conntrack_proto_*.c): TCP opens with SYN, or
    is picked up with ACK; ICMP opens with requests; neighbour discovery is never tracked."""
    if protocol == TCP:
        plain = flags & ~(TcpFlag.PSH | TcpFlag.ECE | TcpFlag.CWR)
        if plain not in _VALID_FLAGS or plain & (TcpFlag.RST | TcpFlag.FIN):
            return State.INVALID
        return State.INVALID if plain & TcpFlag.SYN and plain & TcpFlag.ACK else State.NEW
    if protocol == ICMPV6 and icmp_type in _NEVER_TRACKED:
        return State.UNTRACKED
    if protocol in _OPENING_TYPES:
        return State.NEW if icmp_type in _OPENING_TYPES[protocol] else State.INVALID
    return State.NEW


@dataclass(frozen=True, slots=True)
class Probe:
    """A packet to send, and what the model does not say of it: TCP's numbers, ICMP's identifier (0: its own),
    the packet that an ICMP error is about. `reply`: it goes against the first packet of its connection, `opening`.
    A packet that comes over loopback is `sent` as another one, at OUTPUT.
    """

    packet: Packet
    sequence: int = 1000
    acknowledge: int = 0
    identifier: int = 0
    inner: bytes = b""
    opening: Packet | None = None
    reply: bool = False
    sent: Packet | None = None


def ends(packet: Packet) -> frozenset[tuple[int, int]]:
    """The two ends of what connection tracking takes for one connection, whichever way a packet goes."""
    values = packet.values
    protocol = values[Field.PROTOCOL]
    sides = ((Field.SOURCE, Field.SOURCE_PORT), (Field.DESTINATION, Field.DESTINATION_PORT))
    return frozenset((protocol << 128 | values[side], values[port]) for side, port in sides)


def encode(probe: Probe, number: int) -> bytes:
    """The IP packet, told from others by `number` (IPv4's identification, the lower half of IPv6's flow label)."""
    family, values = probe.packet.family, probe.packet.values
    protocol, size = values[Field.PROTOCOL], family.bits // 8
    ends = values[Field.SOURCE].to_bytes(size, "big") + values[Field.DESTINATION].to_bytes(size, "big")
    body = _body(probe, number, protocol, ends)
    if family is Family.IPV6:
        return pack("!IHBB", 6 << 28 | number, len(body), protocol, HOPS) + ends + body
    header = pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number, 0, HOPS, protocol, 0) + ends
    return _summed(header, 10) + body


def _body(probe: Probe, number: int, protocol: int, ends: bytes) -> bytes:
    """What follows the IP header."""
    values = probe.packet.values
    ports = pack("!HH", values[Field.SOURCE_PORT], values[Field.DESTINATION_PORT])
    if protocol == TCP:
        numbers = (probe.sequence, probe.acknowledge)
        body = ports + pack("!IIBBHHH", *numbers, 0x50, values[Field.TCP_FLAGS], 65535, 0, 0)
        return _summed(body, 16, ends, protocol)
    if protocol == UDP:
        return _summed(ports + pack("!HH8x", 16, 0), 6, ends, protocol)
    if protocol in (ICMP, ICMPV6):
        kind = values[Field.ICMP_TYPE]
        rest = bytes(4) if kind in _ERRORS[protocol] else pack("!HH", probe.identifier or number, 1)
        body = pack("!BBH", kind, values[Field.ICMP_CODE], 0) + rest + (probe.inner or bytes(8))
        return _summed(body, 2, ends if protocol == ICMPV6 else b"", protocol)
    if protocol == SCTP:
        body = ports + pack("!II", 0, 0) + pack("!BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
        return body[:8] + _crc32c(body).to_bytes(4, "little") + body[12:]
    return bytes(16)


def _summed(data: bytes, at: int, ends: bytes = b"", protocol: int = 0) -> bytes:
    """`data` with the Internet checksum of itself (and of the pseudo-header, where `ends` are given) at `at`."""
    total = int.from_bytes(data + b"\0" * (len(data) % 2), "big") + int.from_bytes(ends, "big")
    if ends:
        total += len(data) + protocol
    left = 0xFFFF - total % 0xFFFF
    return data[:at] + (left or 0xFFFF).to_bytes(2, "big") + data[at + 2 :]


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
