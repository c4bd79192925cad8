"""Connections made before, or by, the ruleset under test, and the packets that belong to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from msgspec.structs import replace

from tests.conformance.kernel import Kernel, Passage
from tests.conformance.namespaces import LOOPBACK_ADDRESSES, own, way_out
from tests.conformance.probes import Pool, draw_packet, is_everybody, placed
from tests.conformance.wire import Probe, encode, ends
from validator.engine.packet import Packet
from validator.model import LOOPBACK, Hook
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Field, State, TcpFlag

_FIRST_IDENTIFIER = 60_000
"""Identifiers of echo requests that open connections; those of other probes are below."""
_REQUEST = {ICMP: 8, ICMPV6: 128}
_ANSWER = {ICMP: 0, ICMPV6: 129}
_ERROR = {ICMP: ((3, 1), (3, 3), (11, 0)), ICMPV6: ((1, 0), (1, 4), (3, 0))}
_TURN = {
    Field.SOURCE: Field.DESTINATION,
    Field.DESTINATION: Field.SOURCE,
    Field.SOURCE_PORT: Field.DESTINATION_PORT,
    Field.DESTINATION_PORT: Field.SOURCE_PORT,
}


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection by its first packet; `answer` is the first reply, from where the packet went in the end."""

    opening: Packet
    answer: Packet
    identifier: int


def draw_openings(random: Random, pool: Pool, count: int) -> list[Probe]:
    """First packets of connections, no two between the same ends."""
    found: dict[frozenset[tuple[int, int]], Packet] = {}
    for _ in range(6 * count):
        packet = _opening(random, pool)
        if packet is not None:
            found.setdefault(ends(packet), packet)
        if len(found) == count:
            break
    return [Probe(packet, identifier=_FIRST_IDENTIFIER + number) for number, packet in enumerate(found.values())]


def _opening(random: Random, pool: Pool) -> Packet | None:
    packet = draw_packet(random, pool)
    values = dict(packet.values)
    protocol = values[Field.PROTOCOL]
    if protocol == TCP:
        values[Field.TCP_FLAGS] = int(TcpFlag.SYN)
    elif protocol in _REQUEST:
        values[Field.ICMP_TYPE], values[Field.ICMP_CODE] = _REQUEST[protocol], 0
    elif protocol != UDP:
        return None
    values[Field.STATE] = int(State.NEW)
    mine = own(packet.family)
    source, destination = values[Field.SOURCE], values[Field.DESTINATION]
    if is_everybody(packet.family, destination) or packet.out_interface == LOOPBACK or source == destination:
        return None
    if (source in mine) is not (packet.hook is Hook.OUTPUT):
        return None
    if packet.hook is Hook.OUTPUT:
        return replace(packet, values=values)
    return replace(packet, values=values, in_interface=way_out(packet.family, source))


def answer(opening: Packet, passage: Passage | None = None) -> Packet:
    """The first reply to `opening`, from and to where it went in the end."""
    values = {**opening.values, **{one: opening.values[other] for one, other in _TURN.items()}}
    protocol = values[Field.PROTOCOL]
    if passage is not None:
        values[Field.SOURCE], values[Field.DESTINATION] = passage.destination, passage.source
        if protocol in (TCP, UDP):
            values[Field.SOURCE_PORT], values[Field.DESTINATION_PORT] = passage.destination_port, passage.source_port
    if protocol == TCP:
        values[Field.TCP_FLAGS] = int(TcpFlag.SYN | TcpFlag.ACK)
    elif protocol in _ANSWER:
        values[Field.ICMP_TYPE] = _ANSWER[protocol]
    values[Field.STATE] = int(State.ESTABLISHED)
    local = values[Field.SOURCE] in own(opening.family) if passage is None else passage.hook == "input"
    if local:
        values.pop(Field.MAC, None)
        return placed(Packet(Hook.OUTPUT, opening.family, values))
    values.setdefault(Field.MAC, 0x0200000000AA)
    return placed(Packet(Hook.INPUT, opening.family, values, way_out(opening.family, values[Field.SOURCE])))


def _over_loopback(opening: Packet, passage: Passage) -> bool:
    """Whether a translation turned a packet of the firewall's own back to itself."""
    here = passage.destination in own(opening.family) or passage.destination == LOOPBACK_ADDRESSES[opening.family]
    return opening.hook is Hook.OUTPUT and here


def make(kernel: Kernel, openings: Sequence[Probe]) -> list[Connection]:
    """Let the kernel take up connections, under whatever rules are loaded; those of which the first packet got
    through. It must be keeping connections."""
    for number, probe in enumerate(openings, 1):
        kernel.send(probe.packet, encode(probe, number))
    seen = kernel.read()
    passed, made = seen.passed, []
    for number, probe in enumerate(openings, 1):
        # Translated, another connection may have come to have the ends of this one.
        if (
            number in passed
            and seen.states.get(number) is State.NEW
            and not _over_loopback(probe.packet, passed[number][0])
        ):
            back = answer(probe.packet, passed[number][0])
            made.append(Connection(probe.packet, back, probe.identifier))
    for number, each in enumerate(made, 1):
        data = encode(Probe(each.answer, 2000, 1001, each.identifier), number)
        kernel.send(each.answer, data)
        if each.opening.values[Field.PROTOCOL] == TCP:
            first = next(_onward(each))
            kernel.send(first.packet, encode(first, 65_535))
    kernel.read()
    return made


def followers(random: Random, connection: Connection) -> list[Probe]:
    """Packets of a connection both ways, and ICMP errors about it; the last ones may end it."""
    return [*_onward(connection), *_back(connection), *_errors(random, connection)]


def _onward(connection: Connection) -> Iterator[Probe]:
    """The packets that follow the first one."""
    opening, identifier = connection.opening, connection.identifier
    for values in _established(opening):
        packet = replace(opening, values=values)
        yield Probe(packet, 1001, 2001, identifier, opening=opening)


def _back(connection: Connection) -> Iterator[Probe]:
    """The packets that go against the first one."""
    for values in _established(connection.answer):
        packet = replace(connection.answer, values=values)
        yield Probe(packet, 2001, 1001, connection.identifier, opening=connection.opening, reply=True)


def _established(packet: Packet) -> Iterator[dict[Field, int]]:
    values = {**packet.values, Field.STATE: int(State.ESTABLISHED)}
    if values[Field.PROTOCOL] != TCP:
        yield values
        return
    for flags in (TcpFlag.ACK, TcpFlag.ACK | TcpFlag.PSH):
        yield {**values, Field.TCP_FLAGS: int(flags)}


def _errors(random: Random, connection: Connection) -> Iterator[Probe]:
    """An ICMP error about the first packet, from the side that the replies come from."""
    answer = connection.answer
    turned = {one: answer.values[other] for one, other in _TURN.items()}
    left = replace(connection.opening, values={**connection.opening.values, **turned})
    inner = encode(Probe(left, identifier=connection.identifier), 1)
    protocol = ICMP if answer.family.bits == 32 else ICMPV6
    kind, code = random.choice(_ERROR[protocol])
    values = {
        **answer.values,
        Field.PROTOCOL: protocol,
        Field.STATE: int(State.RELATED),
        **dict.fromkeys((Field.SOURCE_PORT, Field.DESTINATION_PORT, Field.TCP_FLAGS), 0),
        Field.ICMP_TYPE: kind,
        Field.ICMP_CODE: code,
    }
    packet = replace(answer, values=values)
    yield Probe(packet, identifier=connection.identifier, inner=inner[:64], opening=connection.opening, reply=True)
