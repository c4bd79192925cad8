"""Real connections: a firewall between two neighbours, with programs that listen in all three.

Each neighbour is a network namespace that has the addresses (probes.OUTSIDE) that the firewall's routes lead to by one
of its interfaces, so that wherever a ruleset sends a connection somebody is there to take it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from msgspec import Struct

from tests.conformance.namespaces import (
    INTERFACES,
    OWN,
    configure,
    enter,
    link,
    mac,
    new_namespace,
    own,
    put,
    run,
    way_out,
)
from tests.conformance.probes import MACS, OUTSIDE, PORTS
from tests.conformance.servers import Servers, opened, reset
from validator.packets.fields import Family

LISTENING = tuple(port for port in PORTS if port)
"""The ports that all listen on, TCP and UDP."""
PATIENCE, MORE_PATIENCE = 0.4, 3.0
"""Seconds to wait for a connection; and where it would be a difference that it fails."""
_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_QUESTION = b"ping"
_QUESTIONS = 2
"""So that packets of a connection that is known go both ways."""
_SETTINGS = {
    "net/ipv4/conf/{}/rp_filter": "0",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/router_solicitations": "0",
}


class Attempt(Struct, frozen=True):
    """A connection to try: addresses as text, `source` empty for whichever."""

    family: Family
    protocol: str
    source: str
    destination: str
    port: int


class Ends:
    """The firewall, in whose namespace the process is from now on, and its neighbours. Raises Unavailable."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._firewall = new_namespace()
        self._neighbours = {name: new_namespace() for name in INTERFACES}
        self._servers: list[Servers] = []
        enter(self._firewall)
        for number, outside in enumerate(self._neighbours.values()):
            link(number, outside, "address", _mac_outside(number))
        configure()
        _know_neighbours()
        self._listen()
        for number, (name, outside) in enumerate(self._neighbours.items()):
            enter(outside)
            _configure_neighbour(number, name)
            self._listen()
        enter(self._firewall)

    def _listen(self) -> None:
        self._servers.append(Servers(self._loop, LISTENING))

    def tried(self, attempts: Sequence[Attempt], patience: float = PATIENCE) -> list[bool]:
        """Which connections work, all tried at once: what is sent comes back, twice."""
        done = self._loop.run_until_complete(self._all(attempts, patience))
        for servers in self._servers:
            servers.hang_up()
        return done

    async def _all(self, attempts: Sequence[Attempt], patience: float) -> list[bool]:
        return list(await asyncio.gather(*(self._try(each, patience) for each in attempts)))

    async def _try(self, attempt: Attempt, patience: float) -> bool:
        made = self._socket(attempt)
        try:
            async with asyncio.timeout(patience):
                await self._loop.sock_connect(made, (attempt.destination, attempt.port))
                for _ in range(_QUESTIONS):
                    await self._loop.sock_sendall(made, _QUESTION)
                    if await self._loop.sock_recv(made, len(_QUESTION)) != _QUESTION:
                        return False
            return True
        except OSError:  # a TimeoutError is one
            return False
        finally:
            reset(made)

    def _socket(self, attempt: Attempt) -> socket.socket:
        """A socket in the namespace that has the source."""
        address = int(ip_address(attempt.source)) if attempt.source else 0
        inside = not attempt.source or address in own(attempt.family)
        enter(self._firewall if inside else self._neighbours[way_out(attempt.family, address)])
        try:
            made = opened(attempt.family, _KINDS[attempt.protocol])
        finally:
            enter(self._firewall)
        if attempt.source:
            made.bind((attempt.source, 0))
        return made


def _mac_outside(number: int) -> str:
    return MACS[number].to_bytes(6, "big").hex(":")


def _outside(family: Family, name: str) -> Iterator[str]:
    """The addresses of the neighbour at an interface of the firewall."""
    return (text for text in OUTSIDE[family] if way_out(family, int(ip_address(text))) == name)


def _batch(lines: Sequence[str]) -> None:
    run(["ip", "-batch", "-"], "\n".join([*lines, ""]))


def _know_neighbours() -> None:
    """Tell the firewall the MAC addresses, so that no ruleset can keep it from asking for them."""
    _batch(
        [
            f"neighbour replace {address} lladdr {_mac_outside(number)} dev {name} nud permanent"
            for number, name in enumerate(INTERFACES)
            for family in Family
            for address in _outside(family, name)
        ]
    )


def _configure_neighbour(number: int, name: str) -> None:
    """Addresses, and the way to everybody else: by the firewall."""
    device = f"out{number}"
    for path, value in _SETTINGS.items():
        put(path.format(device), value)
    put("net/ipv4/conf/all/rp_filter", "0")
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "link", "set", device, "up", "arp", "off", "addrgenmode", "none"])
    for family in Family:
        gateway = OWN[family][name][0].partition("/")[0]
        length, extra = (32, "") if family is Family.IPV4 else (128, " nodad")
        _batch(
            [
                *(f"address add {address}/{length} dev {device}{extra}" for address in _outside(family, name)),
                f"neighbour replace {gateway} lladdr {mac(number)} dev {device} nud permanent",
                f"route add default via {gateway} dev {device} onlink",
            ]
        )


__all__ = ["LISTENING", "MORE_PATIENCE", "Attempt", "Ends"]
