"""The packets of a connection: its legs, and the values of their fields; docs/decisions/0005-legs.md."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from validator.packets.fields import TCP, UDP, Field, Intervals, State, TcpFlag
from validator.packets.intervals import normalise

EPHEMERAL: Intervals = ((1024, 65535),)
"""The source ports of clients: RFC 6056 section 3.2 names 1024-65535."""
PROTOCOLS = {"tcp": TCP, "udp": UDP}
"""The protocol numbers of a port entry's words."""


class Leg(Struct, frozen=True):
    """One kind of packet of a connection: its name in reports, states, flags, and direction."""

    name: str  # request or reply
    state: State
    tcp_flags: tuple[int, ...]
    mirrored: bool = False

    @property
    def opens(self) -> bool:
        """Whether it opens a connection."""
        return self.state is not State.ESTABLISHED

    @property
    def first(self) -> Leg:
        """The first packets alone."""
        return replace(self, tcp_flags=self.tcp_flags[:1])

    def bounds(self, protocol: int) -> dict[int, Intervals]:
        """The values of the fields that a leg settles."""
        flags = self.tcp_flags if protocol == TCP else (0,)
        return {
            Field.PROTOCOL: ((protocol, protocol),),
            Field.STATE: ((int(self.state), int(self.state)),),
            Field.TCP_FLAGS: normalise((flag, flag) for flag in flags),
            Field.ICMP_TYPE: ((0, 0),),
            Field.ICMP_CODE: ((0, 0),),
        }


_ACK, _PSH, _FIN = TcpFlag.ACK, TcpFlag.PSH, TcpFlag.FIN
_DATA = (int(_ACK), int(_ACK | _PSH), int(_ACK | _FIN))
SYN_ACK = int(TcpFlag.SYN | _ACK)
"""The flags of the first answer."""
REQUEST = Leg("request", State.NEW, (int(TcpFlag.SYN),))
REPLY = Leg("reply", State.ESTABLISHED, (SYN_ACK, *_DATA), mirrored=True)
RELATED = Leg("request", State.RELATED, (int(TcpFlag.SYN),))
FOLLOWING = Leg("request", State.ESTABLISHED, _DATA)
LEGS = (REQUEST, REPLY, FOLLOWING)
