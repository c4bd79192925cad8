"""Two ways of computing agree: one packet walked rule by rule, and all packets at once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies import CONDITIONS, firewalls, packets, routed_packets, routers
from validator.engine.evaluate import Evaluator, Outcome, interface_patterns
from validator.engine.interpret import interpret
from validator.engine.packet import Packet
from validator.model import Firewall, Hook, Verb
from validator.packets.fields import Field
from validator.packets.nodes import LEAF, Node, child, children_in
from validator.packets.space import BY_DESTINATION, FIRST_CONDITION, PacketSpace


def levels_of(space: PacketSpace, packet: Packet, given_: Mapping[str, bool]) -> dict[int, int]:
    """A packet and values of conditions as values of levels."""
    levels = {int(field): value for field, value in packet.values.items()}
    levels[int(Field.IN_INTERFACE)] = space.interfaces.number(packet.in_interface)
    levels[int(Field.OUT_INTERFACE)] = space.interfaces.number(packet.out_interface)
    for level, key in space.conditions().items():
        levels[level] = int(given_[str(key)])
    return levels


def leaf(node: Node, levels: Mapping[int, int]) -> Outcome:
    while node.level != LEAF:
        node = child(node, levels.get(node.level, 0))
    outcome = node.value
    assert isinstance(outcome, Outcome)
    return outcome


Order = Sequence[Field]
ORDERS: st.SearchStrategy[Order] = st.sampled_from((tuple(Field), BY_DESTINATION))


def evaluated(wall: Firewall, hook: Hook = Hook.INPUT, order: Order = tuple(Field)) -> tuple[PacketSpace, Node]:
    space = PacketSpace(wall.family, interface_patterns([wall]) | {"lo"}, order=order)
    return space, Evaluator(space, {}).hook(wall, hook)


@settings(max_examples=300, deadline=None)
@given(firewalls(), ORDERS, st.lists(packets(), min_size=1, max_size=4))
def test_with_every_condition_settled_verdict_and_rule_agree(wall: Firewall, order: Order, some: list[Packet]) -> None:
    space, node = evaluated(wall, order=order)
    keys = sorted({*CONDITIONS, *map(str, space.conditions().values())})
    for packet in some:
        for choice in itertools.islice(itertools.product((False, True), repeat=len(keys)), 32):
            told = dict(zip(keys, choice, strict=True))
            outcome = leaf(node, levels_of(space, packet, told))
            trace = interpret([wall], packet, told)
            assert trace.verdict == outcome.verb.value
            assert trace.rule is (outcome.decider.rule if outcome.decider else None)


@settings(max_examples=300, deadline=None)
@given(firewalls(), ORDERS, packets())
def test_unknown_means_that_conditions_decide(wall: Firewall, order: Order, packet: Packet) -> None:
    space, node = evaluated(wall, order=order)
    keys = [str(key) for key in space.conditions().values()]
    verbs = set()
    for choice in itertools.product((False, True), repeat=len(keys)):
        told = dict(zip(keys, choice, strict=True))
        verbs.add(leaf(node, levels_of(space, packet, told)).verb)
    trace = interpret([wall], packet)
    if Verb.ACCEPT in verbs:
        assert trace.verdict == ("accept" if verbs == {Verb.ACCEPT} else "unknown")
    else:
        assert trace.verdict in ("drop", "reject")
    assert all(level >= FIRST_CONDITION for level in space.conditions())


def verbs_of(node: Node, space: PacketSpace, packet: Packet) -> set[Verb]:
    """What becomes of a packet, over all that conditions and choices can be."""
    levels = levels_of(space, packet, {str(key): False for key in space.conditions().values()})
    found: set[Verb] = set()
    todo = [node]
    while todo:
        at = todo.pop()
        if at.level == LEAF:
            found.add(leaf(at, {}).verb)
        elif at.level >= FIRST_CONDITION:
            todo += children_in(at, space.values(at.level))
        else:
            todo.append(child(at, levels.get(at.level, 0)))
    return found


@settings(max_examples=300, deadline=None)
@given(routers(), ORDERS, st.lists(routed_packets(), min_size=1, max_size=4))
def test_marks_translation_and_routing_agree(wall: Firewall, order: Order, some: list[Packet]) -> None:
    made: dict[Hook, tuple[PacketSpace, Node]] = {}
    for packet in some:
        space, node = made.setdefault(packet.hook, evaluated(wall, packet.hook, order))
        verbs = verbs_of(node, space, packet)
        trace = interpret([wall], packet)
        if len(verbs) == 1:
            assert trace.verdict == verbs.pop().value
        elif verbs == {Verb.DROP, Verb.REJECT}:
            assert trace.verdict == "drop"
        else:
            assert trace.verdict == "unknown"
