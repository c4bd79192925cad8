"""Ports that a service of the host forwards elsewhere: which requirements they concern, and whether what is forwarded
leaves the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_address

from validator.model import Forward
from validator.packets.fields import Family, Intervals
from validator.packets.intervals import meets
from validator.policy import Direction
from validator.requirements import Requirement, ranges
from validator.results import Forwarded, Verdict


def concerning(requirement: Requirement, forwards: Iterable[Forward]) -> tuple[Forward, ...]:
    """The forwards that may take connections which `requirement` is about: inbound ones over TCP ("Netsh interface
    portproxy" knows no other protocol) to a port and address that the service listens on."""
    if requirement.local or requirement.protocol != "tcp" or requirement.entry.direction is not Direction.INBOUND:
        return ()
    return tuple(
        dict.fromkeys(
            each
            for each in forwards
            if each.family is requirement.family
            and meets(requirement.entry.ports, ((each.port, each.port),))
            and _listens(each.listen, requirement.host_ranges)
        )
    )


def _listens(listen: str, own: Intervals) -> bool:
    """Whether an address that is listened on may be one of the host's; a name may stand for any."""
    try:
        address = ip_address(listen)
    except ValueError:
        return True
    return address.is_unspecified or meets(own, ((int(address), int(address)),))


def onward(requirement: Requirement, forward: Forward) -> Requirement | str:
    """The requirement that what is forwarded leaves the host, as a connection of the service that forwards it; or in a
    word why there is none: `name` (the address is not known), `host` (it stays on the host)."""
    try:
        address = ip_address(forward.connect)
    except ValueError:
        return "name"
    family = Family.IPV4 if address.version == 4 else Family.IPV6
    there: Intervals = ((int(address), int(address)),)
    if address.is_loopback or address.is_unspecified or meets(ranges(requirement.host.addresses, family), there):
        return "host"
    ports: Intervals = ((forward.connect_port, forward.connect_port),)
    return replace(
        requirement,
        host=replace(requirement.host, programs={}),
        module=replace(requirement.module, programs=forward.listeners),
        entry=replace(requirement.entry, direction=Direction.OUTBOUND, ports=ports, helper=""),
        family=family,
        peers=(str(address),),
        peer_host="",
    )


def forwarded(forward: Forward, verdicts: Sequence[Verdict] | str) -> Forwarded:
    """What a result says of a forward; `verdicts` are those of the way onward by profile, or why there are none."""
    state = verdicts if isinstance(verdicts, str) else _together(verdicts)
    return Forwarded(
        f"{_at(forward.listen, forward.port)}", _at(forward.connect, forward.connect_port), state, forward.span
    )


def _together(verdicts: Sequence[Verdict]) -> str:
    """One verdict for all profiles; unknown where they differ, since nobody told by which one it leaves."""
    return verdicts[0].value if len(set(verdicts)) == 1 else Verdict.UNKNOWN.value


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
