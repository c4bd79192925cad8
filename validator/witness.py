"""Concrete packets and boxes: what a packet set looks like to a reader, in the report's JSON terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, inet_ntop

from validator.engine.connection import Path
from validator.engine.evaluate import MIRROR, OPPOSITE, STRAIGHT, Decider, Outcome
from validator.engine.judgement import Judgement
from validator.engine.legs import Leg
from validator.model import LOOPBACK, Hook, Verb
from validator.packets.fields import ADDRESSES, Family, Field, Intervals, TcpFlag
from validator.packets.nodes import LEAF, child
from validator.packets.space import FIRST_CONDITION, PacketSet
from validator.results import Box, PacketJson, Value

_PREFERRED = {
    Family.IPV4: ("198.51.100.7", "192.0.2.10", "10.0.0.9"),
    Family.IPV6: ("2001:db8::7", "2001:db8:1::10", "fd00::9"),
}
_PROTOCOL_NAMES = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}
_INTERFACES = (Field.IN_INTERFACE, Field.OUT_INTERFACE)


def address(value: int, family: Family) -> str:
    """An address as text."""
    if family is Family.IPV4:
        return inet_ntop(AF_INET, value.to_bytes(4, "big"))  # ipaddress takes four times as long
    return str(IPv6Address(value))


def blocks(ranges: Intervals, family: Family) -> list[str]:
    """Ranges of addresses as CIDR blocks, or as `first-last` where that takes more than two."""
    texts: list[str] = []
    for low, high in ranges:
        first = _block(low, high, family)
        second = _block(first[1] + 1, high, family) if first[1] < high else first
        if second[1] < high:
            texts.append(f"{address(low, family)}-{address(high, family)}")
        else:
            texts += [f"{address(start, family)}/{bits}" for start, _, bits in dict.fromkeys((first, second))]
    return texts


def _block(low: int, high: int, family: Family) -> tuple[int, int, int]:
    """The largest CIDR block that starts at `low` and does not go beyond `high`: its ends and prefix length."""
    size = low & -low if low else 1 << family.bits
    while low + size - 1 > high:
        size >>= 1
    return low, low + size - 1, family.bits - size.bit_length() + 1


def boxes(packets: PacketSet, bounds: Mapping[int, Intervals], limit: int) -> Iterator[Box]:
    """The set as disjoint boxes; only fields that are narrower than `bounds` and the ports appear."""
    space = packets.space
    for box in packets.boxes(limit):
        shown: dict[str, Value] = {}
        for level, ranges in sorted(box.items()):
            if level >= FIRST_CONDITION:
                continue
            field = Field(level)
            if ranges == bounds.get(level) and field is not Field.DESTINATION_PORT:
                continue
            if field in ADDRESSES:
                shown[field.label] = list(blocks(ranges, space.family))
            elif field in _INTERFACES:
                shown[field.label] = list(space.interfaces.describe(ranges))
            else:
                shown[field.label] = [[low, high] for low, high in ranges]
        yield shown


def _prefer(family: Family, region: PacketSet) -> dict[int, Intervals]:
    """Values that make a packet look like one: documentation addresses, or else one of `region` that is not the
    first of its network; an ephemeral port."""
    kind = IPv4Address if family is Family.IPV4 else IPv6Address
    peer, own, inner = (int(kind(text)) for text in _PREFERRED[family])
    box = next(region.boxes(1), {})

    def inside(field: Field) -> Intervals:
        return tuple((low + 1, high - 1) for low, high in box.get(field, ()) if high - low > 1)

    return {
        Field.SOURCE: ((peer, peer), (inner, inner), *inside(Field.SOURCE)),
        Field.DESTINATION: ((own, own), (inner, inner), *inside(Field.DESTINATION)),
        Field.SOURCE_PORT: ((40000, 40000),),
    }


def witness(judgement: Judgement, packets: PacketSet, legs: Sequence[Leg], refused: bool) -> PacketJson | None:
    """One packet of a connection in `packets`: of the first of `legs` that is surely refused, or,
    where `refused` is False, of the first leg. None where there is no such packet."""
    path = judgement.path
    picked = packets.pick(_prefer(path.space.family, judgement.region))
    if picked is None:
        return None
    asked = (judgement.protocol, judgement.ports, judgement.settled)
    for leg in (sent for each in legs for sent in path.sent(asked[0], each, *asked[1:], picked)):
        for flags in leg.tcp_flags if judgement.protocol == 6 else (0,):
            values = {
                **picked,
                Field.PROTOCOL: judgement.protocol,
                Field.STATE: int(leg.state),
                Field.TCP_FLAGS: flags,
            }
            decider, sure = _decided(judgement, leg, values)
            if not refused or (sure and decider is not None):
                return _packet(path, leg, values, decider)
    return None


def _decided(judgement: Judgement, leg: Leg, values: Mapping[int, int]) -> tuple[Decider | None, bool]:
    """Who refuses the packet, and whether that holds for every value of the conditions."""
    found: Decider | None = None
    sure = True
    todo, seen = [judgement.path.outcomes(leg.mirrored, judgement.protocol, judgement.ports, judgement.settled)], set()
    while todo:
        node = todo.pop()
        if node.uid in seen:
            continue
        seen.add(node.uid)
        if node.level == LEAF:
            outcome = node.value
            assert isinstance(outcome, Outcome)
            sure = sure and outcome.verb is not Verb.ACCEPT
            found = outcome.decider if outcome.verb is not Verb.ACCEPT and found is None else found
        elif node.level >= FIRST_CONDITION:
            todo.extend(node.kids)
        else:
            todo.append(child(node, values.get(node.level, 0)))
    return found, sure


def _hook(path: Path, leg: Leg, decider: Decider | None) -> Hook:
    """Where the packet is when `decider` decides it: on loopback it meets one firewall twice."""
    met = [(each.firewall, OPPOSITE[each.hook] if leg.mirrored else each.hook) for each in path.crossings]
    if len(met) == 1:
        return met[0][1]
    for firewall, hook in met:
        if decider is None or firewall is not decider.firewall:
            continue
        if decider.chain.name in path.survey.reachable(firewall, hook):
            return hook
    return next((hook for firewall, hook in met if decider and firewall is decider.firewall), met[0][1])


def _packet(path: Path, leg: Leg, values: Mapping[int, int], decider: Decider | None) -> PacketJson:
    """The packet in the terms of the report, as the firewall that decides it sees it."""
    space = path.space
    hook = _hook(path, leg, decider)
    turn = MIRROR if leg.mirrored else STRAIGHT

    def value(field: Field) -> int:
        return values.get(turn[field], 0)

    def interface(field: Field, there: bool) -> str | None:
        if not there:
            return None
        return LOOPBACK if path.loopback else space.interfaces.example(value(field)) or None

    flags = [flag.name.lower() for flag in TcpFlag if values[Field.TCP_FLAGS] & flag and flag.name]
    return {
        "hook": hook.value,
        "protocol": _PROTOCOL_NAMES.get(values[Field.PROTOCOL], str(values[Field.PROTOCOL])),
        "source": address(value(Field.SOURCE), space.family),
        "source_port": value(Field.SOURCE_PORT),
        "destination": address(value(Field.DESTINATION), space.family),
        "destination_port": value(Field.DESTINATION_PORT),
        "in_interface": interface(Field.IN_INTERFACE, hook is not Hook.OUTPUT),
        "out_interface": interface(Field.OUT_INTERFACE, hook is not Hook.INPUT),
        "state": leg.state.name.lower(),
        "tcp_flags": list(flags),
        "icmp_type": None,
        "icmp_code": None,
    }
