"""The header fields of a packet, in the order in which packet sets branch on them.

The order is measured, not chosen by taste: see docs/decisions/0001-field-order.md.
"""

from __future__ import annotations

import enum


class Family(enum.StrEnum):
    """Address family; a packet set lives in one."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def bits(self) -> int:
        """The width of an address: 32 or 128."""
        return 32 if self is Family.IPV4 else 128


class Field(enum.IntEnum):
    """A header field; its value is its level in the diagrams.

    ALTERNATIVE is no header field but behaves as one: which of several settings that nobody chose
    between is in force (see model.Firewall.alternatives).
    """

    ALTERNATIVE = 0
    IN_INTERFACE = 1
    SOURCE = 2
    MAC = 3
    OUT_INTERFACE = 4
    DESTINATION = 5
    PROTOCOL = 6
    STATE = 7
    TCP_FLAGS = 8
    ICMP_TYPE = 9
    ICMP_CODE = 10
    DESTINATION_PORT = 11
    SOURCE_PORT = 12

    @property
    def label(self) -> str:
        """The name used in JSON: `destination_port`."""
        return self.name.lower()


ADDRESSES = (Field.SOURCE, Field.DESTINATION)


class State(enum.IntEnum):
    """Connection-tracking state, iptables-extensions(8) `conntrack --ctstate`."""

    NEW = 0
    ESTABLISHED = 1
    RELATED = 2
    INVALID = 3
    UNTRACKED = 4


class TcpFlag(enum.IntFlag):
    """The flags of RFC 9293 and RFC 3168, by their bits in the header."""

    FIN = 1
    SYN = 2
    RST = 4
    PSH = 8
    ACK = 16
    URG = 32
    ECE = 64
    CWR = 128


TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58

Interval = tuple[int, int]
"""An inclusive range of values of one field."""
Intervals = tuple[Interval, ...]
"""Sorted, disjoint, not adjacent inclusive ranges."""


_TOPS = {
    Field.MAC: (1 << 48) - 1,
    Field.PROTOCOL: 255,
    Field.TCP_FLAGS: 255,
    Field.ICMP_TYPE: 255,
    Field.ICMP_CODE: 255,
    Field.STATE: len(State) - 1,
}


def top(field: Field, family: Family) -> int:
    """The largest value of `field` in `family` (interfaces are numbered by the packet space)."""
    if field in ADDRESSES:
        return (1 << family.bits) - 1
    return _TOPS.get(field, 65535)
