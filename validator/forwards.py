"""Ports that a service of the host forwards elsewhere: which requirements they concern, whether what is forwarded
leaves the host, and what that makes of a result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from msgspec.structs import replace

from validator.model import Forward
from validator.packets.fields import Family, Intervals
from validator.packets.intervals import meets
from validator.policy import Direction
from validator.requirements import Requirement, ranges
from validator.results import ConditionUse, Forwarded, Result, Verdict


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
    own = ranges(requirement.host.addresses, family)
    if address.is_loopback or address.is_unspecified or meets(own, there) or _same(forward.listen, address):
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


def _same(listen: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether connections are taken at `address` itself, which is then the host's own."""
    try:
        return ip_address(listen) == address
    except ValueError:
        return False


def forwarded(forward: Forward, results: Sequence[Result] | str, told: bool = False) -> Forwarded:
    """What a result says of a forward; `results` are those of the way onward by profile, or why there are none.

    `told`: somebody told the host's addresses in the family of the way onward.
    """
    listen, to = _at(forward.listen, forward.port), _at(forward.connect, forward.connect_port)
    if isinstance(results, str):
        return Forwarded(listen, to, results, forward.span)
    verdicts = {result.verdict for result in results}
    # Where profiles differ, nobody told by which one it leaves.
    state = verdicts.pop().value if len(verdicts) == 1 else Verdict.UNKNOWN.value
    if state == Verdict.BLOCKED and not told:
        state = "unless-own"
    blocked_by = dict.fromkeys(blame for result in results for blame in result.blocked_by)
    return Forwarded(listen, to, state, forward.span, tuple(blocked_by))


_GETS_ON = (Verdict.OPEN.value, "host")


def with_forwards(result: Result, forwards: tuple[Forwarded, ...]) -> Result:
    """`result` with who may take its connections in the module's place. What would get through then depends on
    the module's listening there itself, unless the way onward is surely open too."""
    doubts = tuple(_listens_itself(each) for each in forwards if each.onward not in _GETS_ON)
    if not doubts or result.verdict is Verdict.BLOCKED:
        return replace(result, forwards=forwards)
    part = result.verdict is Verdict.PARTIAL and not result.restricted
    return replace(
        result,
        forwards=forwards,
        verdict=Verdict.PARTIAL if part else Verdict.UNKNOWN,
        restricted=False,
        request=Verdict.UNKNOWN if result.request is Verdict.OPEN else result.request,
        conditions=(*doubts, *result.conditions),
        accepted=(),
        witness_accepted=None,
    )


def _listens_itself(each: Forwarded) -> ConditionUse:
    text = f"the module itself listens on {each.listen}, not what forwards it to {each.to}"
    return ConditionUse(text, each.span, None)


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
