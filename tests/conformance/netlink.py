"""What we ask netfilter itself, over netlink: the elements of an nft set as bytes, and to forget connections.

`nft -j list set` would do, but aborts on sets whose keys hold a part of a packet that has no name.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

_NETLINK_NETFILTER = 12
_REQUEST, _ACK, _DUMP = 1, 4, 0x300
_ERROR, _DONE = 2, 3
_DELETE_CONNECTIONS = 1 << 8 | 2
_GET_ELEMENTS = 10 << 8 | 13
_INET = 1
_HEADER = 20
"""struct nlmsghdr and struct nfgenmsg."""


def _message(kind: int, flags: int, family: int, body: bytes = b"") -> bytes:
    return struct.pack("=IHHIIBBH", _HEADER + len(body), kind, _REQUEST | flags, 1, 0, family, 0, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        yield kind & 0x3FFF, data[at + 4 : at + size]
        at += size + 3 & ~3


def _checked(data: bytes, at: int) -> None:
    error = struct.unpack_from("=i", data, at + 16)[0]
    if error:
        raise OSError(-error, "netfilter refuses")


def forget_connections() -> None:
    """Delete every connection of this namespace."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.send(_message(_DELETE_CONNECTIONS, _ACK, socket.AF_UNSPEC))
        _checked(netlink.recv(65536), 0)


def elements(table: str, name: str) -> list[bytes]:
    """The keys in a set of an inet table: each part of a key padded to four bytes."""
    asked = _attribute(1, table.encode() + b"\0") + _attribute(2, name.encode() + b"\0")
    found: list[bytes] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.send(_message(_GET_ELEMENTS, _DUMP, _INET, asked))
        while True:
            data = netlink.recv(1 << 18)
            at = 0
            while at < len(data):
                size, kind = struct.unpack_from("=IH", data, at)
                if kind == _DONE:
                    return found
                if kind == _ERROR:
                    _checked(data, at)
                found += _keys(data[at + _HEADER : at + size])
                at += size + 3 & ~3


def _keys(body: bytes) -> Iterator[bytes]:
    """The keys of one message: elements, in each its key, in that its value."""
    for kind, listed in _attributes(body):
        if kind == 3:
            for _, element in _attributes(listed):
                for part, key in _attributes(element):
                    if part == 1:
                        yield from (value for what, value in _attributes(key) if what == 1)
