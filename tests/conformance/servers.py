"""Programs that listen: an echo over TCP and UDP, IPv4 and IPv6, in the namespace that the process is in."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable

from validator.packets.fields import Family

_FAMILIES = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_BACKLOG = 100
_MOST = 100
"""Bytes that are read at once; a question has four."""
_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_SPECIFIC = 8
"""Where in struct in_pktinfo the address is that the datagram was for; the one to answer from is 4 bytes before."""


class Servers:
    """Servers on some ports of one namespace, run by `loop`. They answer what they are asked, from where they were
    asked; `hang_up` ends the connections that were made with them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ports: Iterable[int]) -> None:
        self._loop = loop
        self._accepted: set[socket.socket] = set()
        for port in ports:
            for family in Family:
                listening = _bound(family, socket.SOCK_STREAM, port)
                listening.listen(_BACKLOG)
                loop.add_reader(listening, self._accept, listening)
                asked = _bound(family, socket.SOCK_DGRAM, port)
                if family is Family.IPV4:
                    asked.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
                else:
                    asked.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
                loop.add_reader(asked, _answer, asked)

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):  # taken back by the other side
            one, _ = listening.accept()
            one.setblocking(False)
            self._accepted.add(one)
            self._loop.add_reader(one, self._echo, one)

    def _echo(self, one: socket.socket) -> None:
        try:
            data = one.recv(_MOST)
            one.send(data)
        except OSError:
            data = b""
        if not data:
            self._end(one)

    def _end(self, one: socket.socket) -> None:
        self._loop.remove_reader(one)
        self._accepted.discard(one)
        reset(one)

    def hang_up(self) -> None:
        """End every connection, without a word that the other side would have to answer."""
        for one in list(self._accepted):
            self._end(one)


def opened(family: Family, kind: socket.SocketKind) -> socket.socket:
    """A socket of the namespace that the process is in."""
    made = socket.socket(_FAMILIES[family], kind)
    made.setblocking(False)
    return made


def reset(one: socket.socket) -> None:
    """Close a TCP connection at once."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def _bound(family: Family, kind: socket.SocketKind, port: int) -> socket.socket:
    made = opened(family, kind)
    if family is Family.IPV6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("", port))
    return made


def _answer(asked: socket.socket) -> None:
    """Send a datagram back, from the address it was for."""
    with contextlib.suppress(OSError):  # the answer is not let out
        data, ancillary, _, client = asked.recvmsg(_MOST, _MOST)
        asked.sendmsg([data], [_from(*each) for each in ancillary], 0, client)


def _from(level: int, kind: int, value: bytes) -> tuple[int, int, bytes]:
    """The note of where a datagram was for, turned into that of where the answer is from, by whichever interface."""
    if kind == _IPV6_PKTINFO:
        return level, kind, value[:16] + bytes(4)
    return level, kind, struct.pack("=I4s4x", 0, value[_SPECIFIC : _SPECIFIC + 4])


__all__ = ["Servers", "opened", "reset"]
