"""A question about a requirement: the packets it is about, and the conditions that its module answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from validator.engine.connection import Path, Settled
from validator.engine.evaluate import Evaluator
from validator.engine.legs import EPHEMERAL, PROTOCOLS, Leg
from validator.model import LOOPBACK, MODULES_ANSWER, NEIGHBOURS, Connected, Hook
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import complement, intersect, normalise
from validator.packets.space import PacketSet
from validator.policy import Direction
from validator.requirements import Requirement


class Question(Struct, frozen=True):
    """A requirement on a path, in one Windows profile or, with None, where there are none.

    `listeners` are programs and services that may receive the requests in the module's place (a port proxy).
    `from_anybody` is the path of peers whose own firewall nobody knows, where `path` crosses that of a peer.
    """

    requirement: Requirement
    path: Path
    profile: str | None = None
    listeners: tuple[str, ...] = ()
    from_anybody: Path | None = None

    def bounds(self, anybody: bool = False) -> dict[int, Intervals]:
        """The connections the requirement is about, by field; `anybody` forgets declared peers."""
        found = self.everywhere(anybody)
        if self.connected:
            ways = [each for _, each in self._ways(found[self._of_peers])]
            found[self._towards_peers] = normalise(interval for each in ways for interval in each)
        return found

    def everywhere(self, anybody: bool = False) -> dict[int, Intervals]:
        """`bounds`, with every interface that there is towards the peers."""
        requirement = self.requirement
        inbound = requirement.entry.direction is Direction.INBOUND
        if requirement.local:
            peers: Intervals = normalise((source, source) for source, _ in requirement.ends)
            own = normalise((address, address) for _, address in requirement.ends)
        else:
            peers = requirement.anybody_ranges if anybody else requirement.peer_ranges
            if anybody or requirement.peers is None:
                peers = self._without_platforms(peers)
            own = requirement.host_ranges
        found: dict[int, Intervals] = {
            Field.SOURCE: peers if inbound else own,
            Field.DESTINATION: own if inbound else peers,
            Field.DESTINATION_PORT: requirement.entry.ports,
            Field.SOURCE_PORT: self._client_ports(),
        }
        count = len(self.path.alternatives)
        if count:
            found[Field.ALTERNATIVE] = ((0, count - 1),)
        if not requirement.local:
            found[self._towards_peers] = self._interfaces()
        return found

    def _client_ports(self) -> Intervals:
        """The ports that a connection is made from: those of the host, where it makes it and an export tells them."""
        requirement = self.requirement
        if requirement.entry.direction is Direction.INBOUND and not requirement.local:
            return EPHEMERAL
        own = [each.firewall for each in self.path.crossings if each.firewall.host == requirement.host.name]
        told = next((firewall.local_ports for firewall in own if firewall.local_ports), EPHEMERAL)
        return intersect(EPHEMERAL, told) or EPHEMERAL

    def region(self, anybody: bool = False) -> PacketSet:
        """The connections the requirement is about; see `bounds`. Where the networks are known that the host is in,
        their peers come in and are reached by the interfaces in them."""
        space, bounds = self.path.space, self.bounds(anybody)
        if not self.requirement.local:
            return space.box(bounds) - self.left_out(anybody)
        found = space.nothing
        for source, address in self.requirement.ends:
            ends: dict[int, Intervals] = {Field.SOURCE: ((source, source),), Field.DESTINATION: ((address, address),)}
            found = found | space.box({**bounds, **ends})
        return found

    def left_out(self, anybody: bool = False) -> PacketSet:
        """The connections with peers in a network of the host over interfaces that are not in it."""
        space, bounds = self.path.space, self.everywhere(anybody)
        found = space.nothing
        if self.connected:
            absent = complement(bounds[self._towards_peers], space.top(self._towards_peers))
            for peers, ways in self._ways(bounds[self._of_peers]):
                others = complement(normalise([*absent, *ways]), space.top(self._towards_peers))
                found = found | space.box({**bounds, self._of_peers: peers, self._towards_peers: others})
        return found

    @property
    def connected(self) -> Connected | None:
        """The networks that the host is known to be in, where one firewall alone tells interfaces apart."""
        crossings = self.path.crossings
        telling = [each for each in crossings if each.firewall.interfaces or self.path.survey.patterns(each.firewall)]
        if self.requirement.local or len(telling) != 1 or telling[0].hook is Hook.FORWARD:
            return None
        return telling[0].firewall.connected

    def _ways(self, peers: Intervals) -> Iterator[tuple[Intervals, Intervals]]:
        """`peers` in parts, each with the interfaces that packets from and to them may pass."""
        interfaces, left = self.path.space.interfaces, peers
        for network, names in self.connected.networks if self.connected else ():
            part = intersect(peers, network)
            if part:
                yield part, interfaces.intervals(names)
                left = intersect(left, complement(network, self.path.space.top(self._of_peers)))
        if left:
            yield left, self._interfaces()

    @property
    def _of_peers(self) -> Field:
        return Field.SOURCE if self.requirement.entry.direction is Direction.INBOUND else Field.DESTINATION

    @property
    def _towards_peers(self) -> Field:
        inbound = self.requirement.entry.direction is Direction.INBOUND
        return Field.IN_INTERFACE if inbound else Field.OUT_INTERFACE

    def _without_platforms(self, peers: Intervals) -> Intervals:
        """Peers without the addresses of clouds' own services, where no module is."""
        own = normalise(each for c in self.path.crossings for each in c.firewall.platform_addresses)
        top = self.path.space.top(Field.SOURCE)
        return intersect(peers, complement(own, top)) if own else peers

    def _interfaces(self) -> Intervals:
        """The interfaces towards the peers: the profile's, or all that there may be but loopback."""
        interfaces = self.path.space.interfaces
        if self.profile is not None:
            return interfaces.intervals([self.profile])
        named = {name for crossing in self.path.crossings for name in crossing.firewall.interfaces} - {LOOPBACK}
        if named:
            return interfaces.intervals(sorted(named))
        lo = interfaces.number(LOOPBACK)
        return normalise([(1, lo - 1), (lo + 1, interfaces.top)])


def settled_by(question: Question) -> Settled:
    """The conditions that the module answers: where its programs are named, a rule for one of them is for it, and one
    for another program is not; the same with its services. Where another program may listen in its place, only
    what is so for both is answered."""
    requirement = question.requirement
    if not requirement.programs or requirement.local:
        return ()
    asked = question.path.asked(PROTOCOLS[requirement.protocol], requirement.entry.ports, MODULES_ANSWER)
    answers = [(each.key, answer_of(question, *each.about)) for each in asked if each.about]
    return tuple((key, answer) for key, answer in answers if answer is not None)


def known_neighbours(question: Question) -> Settled:
    """The conditions that neighbours are known, as met: for what does not hang on them."""
    protocol, ports = PROTOCOLS[question.requirement.protocol], question.requirement.entry.ports
    return tuple((each.key, True) for each in question.path.asked(protocol, ports, (NEIGHBOURS,)))


def answer_of(question: Question, kind: str, value: str) -> bool | None:
    """Whether a rule's `program` or `service` (the `kind`) is what receives the requests, or sends them; None where
    nobody told, or where either may be."""
    if not question.requirement.programs:
        return None
    answer = is_one_of(kind, value, question.requirement.programs)
    if question.listeners and is_one_of(kind, value, question.listeners) is not answer:
        return None
    return answer


def file_name(program: str) -> str:
    """The name of a program without its folder, or of a service, for comparing."""
    return program.replace("/", "\\").casefold().rpartition("\\")[2]


def is_one_of(kind: str, value: str, named: Sequence[str]) -> bool | None:
    """Whether a rule's `program` or `service` (the `kind`) is one of those `named`, programs by path or by name alone.

    A rule may ask for both (Windows' own rules name svchost.exe and a service): of a module of which only programs are
    named nobody knows the service, and the other way round. None for that, and where paths cannot be compared
    (`%ProgramFiles%`, `PROGRA~1`). Windows does not tell capitals from small letters. The service `*` is any service,
    but no program that is none (INetFwRule::get_ServiceName).
    """
    of_kind = [name for name in map(_comparable, named) if _is_service(name) is (kind == "service")]
    if not of_kind:
        return None
    if kind == "service":
        return value == "*" or _comparable(value) in of_kind
    return _is_program(_comparable(value), of_kind)


def _comparable(name: str) -> str:
    return name.replace("/", "\\").casefold()


def _is_service(name: str) -> bool:
    """Whether a name is a service's, which may have dots: it has no folder, and is no file that runs. (System is no
    service, but the kernel.)"""
    return "\\" not in name and not name.endswith((".exe", ".com")) and name != "system"


def _is_program(wanted: str, programs: Sequence[str]) -> bool | None:
    answer: bool | None = False
    for name in programs:
        if wanted == name:
            return True
        if "~" in wanted + name:
            answer = None
        elif wanted.rpartition("\\")[2] == name.rpartition("\\")[2]:
            if "\\" not in name:
                return True
            if "%" in wanted + name or "\\" not in wanted:
                answer = None
    return answer


def evaluator(question: Question, leg: Leg, without: Sequence[Field] = ()) -> Evaluator:
    """An evaluator for just the packets of this question on `leg`."""
    protocol = PROTOCOLS[question.requirement.protocol]
    # Replies to a translated source go elsewhere.
    bounds = {**leg.bounds(protocol), **(question.everywhere() if leg.mirrored else question.bounds())}
    fields = {Field(level): ranges for level, ranges in bounds.items() if level not in without}
    return Evaluator(question.path.space, question.path.widened(protocol, fields), leg.mirrored)
