"""`portproof check` asked within this process: some ports of one host, to and from one peer, and over loopback."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from msgspec import Struct

from tests.conformance.compare import NAME, loaded
from tests.conformance.ends import Attempt
from validator.check import CheckOptions, check
from validator.packets.fields import Family
from validator.policy import Direction, Module, Policy, PortEntry
from validator.results import Result
from validator.site import Host, Site

_MODULE = "m"
_LOOPBACK = {Family.IPV4: "127.0.0.1", Family.IPV6: "::1"}


class Way(Struct, frozen=True):
    """The ends of the connections in question: an address of the firewall, and a peer's."""

    host: str
    peer: str


def checked(
    exports: Mapping[str, str], bare: bool, ways: Mapping[Family, Way], ports: Collection[int], directory: Path
) -> tuple[Result, ...]:
    """What `check` says of TCP and UDP at these ports, by family, direction and over loopback; `directory` takes the
    exports. `bare`: nobody told the addresses either. Raises NotRead and UserError."""
    both = ("tcp", "udp")
    entries = [
        PortEntry(f"{direction}-{port}", direction, both, ((port, port),), local=direction is Direction.INBOUND)
        for direction in Direction
        for port in sorted(ports)
    ]
    policy = Policy("ports", "1", "Ports", (Module(_MODULE, "Ports", tuple(entries)),), {}, "ports.yaml")
    site = None
    if not bare:
        hosts = (Host(NAME, tuple(way.host for way in ways.values())),)
        site = Site("site.yaml", hosts, peers={_MODULE: tuple(way.peer for way in ways.values())})
    return check(loaded(exports, directory), policy, site, CheckOptions(tuple(ways))).report.results


def attempt(result: Result, ways: Mapping[Family, Way]) -> Attempt:
    """The connection that a result is about."""
    way, port = ways[result.family], result.ports[0][0]
    if result.local:
        return Attempt(result.family, result.protocol, "", _LOOPBACK[result.family], port)
    ends = (way.peer, way.host) if result.direction is Direction.INBOUND else (way.host, way.peer)
    return Attempt(result.family, result.protocol, *ends, port)


__all__ = ["Way", "attempt", "checked"]
