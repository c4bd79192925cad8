"""What connection tracking says of a connection's packets where rules keep some of them from it.

Of a request that is not tracked (NOTRACK) there is no connection: the reply is the first packet that tracking sees, a
new one, or, as the second packet of a TCP handshake, an invalid one. Where the reply alone is not tracked, tracking
waits for it: what follows is new again, or invalid in TCP (tcp_conntracks and nf_conntrack_tcp_loose in the kernel's
nf_conntrack_proto_tcp.c; nf_conntrack_proto_udp.c).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from validator.engine.legs import SYN_ACK, Leg
from validator.packets.fields import TCP, State
from validator.packets.space import PacketSet


class Untracked(Struct, frozen=True):
    """The connections of which packets of one direction are surely, and perhaps, not tracked as they usually are."""

    surely: PacketSet
    perhaps: PacketSet


class Kind(Struct, frozen=True):
    """What the packets of a leg are in the connections `where`: if there are several `legs`, nobody knows which.
    `doubtful`: they may not arrive even where they pass."""

    where: PacketSet
    legs: tuple[Leg, ...]
    doubtful: bool = False


_ANY = (State.NEW, State.ESTABLISHED, State.INVALID)
"""What tracking may take a packet for that it meets in the middle of a connection."""


def kinds(leg: Leg, protocol: int, request: Untracked, reply: Untracked, translated: bool) -> list[Kind]:
    """The packets of `leg`, for which connections; all of those of a connection must pass. `request` and `reply` are
    the untracked packets that open a connection and that answer first. `translated`: some rule translates, perhaps
    a reply that tracking takes for the first packet of a connection."""
    none, both = request.surely, reply.surely
    if leg.mirrored:
        open_ = request.perhaps
        split = _of_replies(leg, protocol, none, both if translated else none)
        rest = ~(none | open_)
    else:
        open_ = (request.perhaps | reply.perhaps) - none
        split = _of_following(leg, protocol, none, both - open_)
        rest = ~(none | both | open_)
    found = [Kind(rest, (leg,)), *split, Kind(open_ - none, _as(leg, _ANY))]
    return [each for each in found if each.where]


def _of_replies(leg: Leg, protocol: int, none: PacketSet, kept: PacketSet) -> list[Kind]:
    """Of requests that are not tracked; replies to those of `kept` are not translated."""
    found = []
    for where, doubtful in ((none & kept, False), (none - kept, True)):
        if protocol != TCP:
            found.append(Kind(where, _as(leg, (State.NEW,)), doubtful))
            continue
        first = replace(leg, tcp_flags=(SYN_ACK,))
        others = replace(leg, tcp_flags=tuple(each for each in leg.tcp_flags if each != SYN_ACK))
        found += [Kind(where, _as(first, (State.INVALID,))), Kind(where, _as(others, _ANY), doubtful)]
    return found


def _of_following(leg: Leg, protocol: int, none: PacketSet, answers: PacketSet) -> list[Kind]:
    if protocol != TCP:
        return [Kind(none - answers, (leg,)), Kind(answers, _as(leg, (State.NEW,)))]
    return [Kind(none, _as(leg, _ANY)), Kind(answers - none, _as(leg, (State.INVALID,)))]


def _as(leg: Leg, states: Sequence[State]) -> tuple[Leg, ...]:
    return tuple(replace(leg, state=state) for state in states)
