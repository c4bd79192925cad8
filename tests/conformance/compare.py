"""Our answers for the packets that the kernel was asked about, from the exports of the same firewall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from validator.engine.evaluate import Evaluator, Outcome, interface_patterns
from validator.engine.interpret import Trace, interpret
from validator.engine.packet import Packet
from validator.hosts import Loaded, firewalls, load
from validator.model import LOOPBACK, Firewall, Hook, Verb
from validator.packets.fields import Family, Field
from validator.packets.nodes import LEAF, Node, child, children_in
from validator.packets.space import FIRST_CONDITION, PacketSpace

NAME = "fw"
"""The host."""
RULES = (".rules", ".nft", "ruleset.json")
"""The exports that hold rules; one that only adds facts may not be readable yet."""


class NotRead(Exception):
    """An export of the kernel's own rules that we refuse; the message is ours."""


def loaded(exports: Mapping[str, str], directory: Path) -> Loaded:
    """The exports of one host, texts by file name, as we read them from `directory`. Raises NotRead."""
    paths = []
    for name, text in exports.items():
        path = directory / name
        path.write_text(text)
        paths.append(str(path))
    found = load([f"{NAME}={','.join(paths)}"])
    for error in found.errors:
        if str(error.path).endswith(RULES):
            raise NotRead(str(error))
    return found


@dataclass(slots=True)
class _Side:
    """One family: the host's firewalls, and the packet sets of its hooks as far as asked for."""

    walls: tuple[Firewall, ...]
    space: PacketSpace
    evaluator: Evaluator
    mirrored: Evaluator
    hooks: dict[tuple[Hook, bool, bool], list[Node]]


class Judge:
    """Answers from the exports of one host, given as texts by file name; `directory` is where to put them."""

    def __init__(self, exports: Mapping[str, str], directory: Path) -> None:
        self.exports = exports
        self._loaded = loaded(exports, directory)
        self._sides: dict[Family, _Side] = {}

    def _side(self, family: Family) -> _Side:
        if family not in self._sides:
            walls = firewalls(self._loaded, (family,))
            space = PacketSpace(family, interface_patterns(walls) | {LOOPBACK})
            self._sides[family] = _Side(walls, space, Evaluator(space, {}), Evaluator(space, {}, mirrored=True), {})
        return self._sides[family]

    def interpreted(self, packet: Packet) -> Trace:
        """What the interpreter says of one packet."""
        return interpret(self._side(packet.family).walls, packet)

    def looked_up(self, packet: Packet) -> str:
        """What the packet sets say: accept, drop or unknown."""
        side = self._side(packet.family)
        loopback = LOOPBACK in (packet.in_interface, packet.out_interface)
        key = (packet.hook, loopback, False)
        if key not in side.hooks:
            side.hooks[key] = [side.evaluator.hook(wall, packet.hook, loopback) for wall in side.walls]
        levels = _levels(side.space, packet, packet.in_interface, packet.out_interface)
        return _together([_verdict(node, levels, side.space) for node in side.hooks[key]])

    def replied(self, reply: Packet, opening: Packet) -> str:
        """What the packet sets say of a reply in the connection that `opening` began (not over loopback)."""
        side = self._side(opening.family)
        key = (opening.hook, False, True)
        if key not in side.hooks:
            side.hooks[key] = [
                side.mirrored.reply(
                    wall,
                    opening.hook,
                    side.evaluator.translation(wall, opening.hook),
                    sources=partial(side.evaluator.sources, wall, opening.hook),
                )
                for wall in side.walls
            ]
        told = (Field.STATE, Field.TCP_FLAGS, Field.ICMP_TYPE, Field.ICMP_CODE, Field.MAC)
        values = {**opening.values, **{field: reply.values[field] for field in told if field in reply.values}}
        request = Packet(opening.hook, opening.family, values)
        levels = _levels(side.space, request, opening.in_interface, opening.out_interface)
        return _together([_verdict(node, levels, side.space) for node in side.hooks[key]])


def _levels(space: PacketSpace, packet: Packet, way_in: str, way_out: str) -> dict[int, int]:
    levels = {int(field): value for field, value in packet.values.items()}
    levels[int(Field.IN_INTERFACE)] = space.interfaces.number(way_in)
    levels[int(Field.OUT_INTERFACE)] = space.interfaces.number(way_out)
    return levels


def _together(answers: Sequence[str]) -> str:
    """The verdict of several firewalls in a row."""
    if "drop" in answers:
        return "drop"
    return "unknown" if "unknown" in answers else "accept"


def _verdict(node: Node, levels: Mapping[int, int], space: PacketSpace) -> str:
    """The verdict at a packet, over all values of the conditions it leaves open."""
    while node.level < FIRST_CONDITION:
        node = child(node, levels.get(node.level, 0))
    accepted = dropped = False
    todo, met = [node], {node.uid}
    while todo:
        at = todo.pop()
        if at.level == LEAF:
            assert isinstance(at.value, Outcome)
            accepted, dropped = accepted or at.value.verb is Verb.ACCEPT, dropped or at.value.verb is not Verb.ACCEPT
            continue
        fresh = [kid for kid in children_in(at, space.values(at.level)) if kid.uid not in met]
        met.update(kid.uid for kid in fresh)
        todo += fresh
    return "unknown" if accepted and dropped else "accept" if accepted else "drop"
