"""What a walk has to know: the values of conditions, bits and choices, and what a rule sets.

Asked for something that has no value yet, each raises Undecided: the walk splits there.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from validator.engine.representatives import interfaces, values
from validator.engine.walk import HERE, Undecided, Walk
from validator.model import (
    LOOPBACK,
    REPLIED_TO,
    AnyInterface,
    Assigned,
    Assignment,
    Bit,
    Choice,
    Condition,
    Copy,
    Hook,
    InterfaceName,
    bit_condition,
)
from validator.packets.fields import Field


def told(condition: Condition, walk: Walk, asked: dict[str, Condition]) -> bool:
    """The value of a condition: assumed, given, or chosen where this walk split."""
    asked.setdefault(condition.key, condition)
    if condition.assumed is not None:
        return condition.assumed
    if condition.key not in walk.given:
        raise Undecided(condition)
    return bool(walk.given[condition.key])


def bit_of(bit: Bit, bits: Mapping[Bit, bool], walk: Walk, asked: dict[str, Condition]) -> bool:
    """The value of a bit: set on the way, or what it is at first.

    A packet that comes in by loopback was on its way out before, and what was set there is still set.
    """
    if bit in bits:
        return bits[bit]
    if bit.name == "broadcast-destination":
        return _may_be_broadcast(walk) and told(bit_condition(bit), walk, asked)
    looped = walk.packet.hook is Hook.INPUT and walk.packet.in_interface == LOOPBACK
    if (bit.name in ("connmark", "reply") and not walk.new) or (bit.name in ("mark", "connmark", "dnat") and looped):
        return told(bit_condition(bit), walk, asked)
    return False


def _may_be_broadcast(walk: Walk) -> bool:
    """Whether a packet that is delivered here may go to a broadcast address: to the highest one of a network, or before
    Linux 5.14 the lowest. Networks with broadcast addresses are of four addresses and more."""
    return walk.packet.hook is Hook.INPUT and walk.packet.values[Field.DESTINATION] % 4 in (0, 3)


def assign(walk: Walk, assignments: tuple[Assignment, ...], asked: dict[str, Condition]) -> None:
    """Set one after the other; raises Undecided before anything is set."""
    bits = dict(walk.bits)
    fields: dict[Field, int] = {}
    rerouted, way_out = walk.rerouted, walk.way_out
    for target, value in assignments:
        if isinstance(target, Bit):
            bits[target] = _bit_value(value, bits, walk, asked)
            rerouted = bits[target] if target == HERE else rerouted
        elif target is Field.OUT_INTERFACE:
            way_out = _interface_value(value, walk, asked)
        elif target not in REPLIED_TO:
            assert isinstance(value, int | Choice)
            fields[target] = value if isinstance(value, int) else int(_chosen(value, target, walk, asked))
    if fields:
        walk.packet = replace(walk.packet, values={**walk.packet.values, **fields})
    walk.bits, walk.rerouted, walk.way_out = bits, rerouted, way_out


def _bit_value(value: Assigned, bits: Mapping[Bit, bool], walk: Walk, asked: dict[str, Condition]) -> bool:
    match value:
        case Copy():
            return bit_of(value.bit, bits, walk, asked) is not value.inverted
        case Choice():
            return bool(_chosen(value, None, walk, asked))
        case int():
            return bool(value)
    raise AssertionError(value)


def _interface_value(value: Assigned, walk: Walk, asked: dict[str, Condition]) -> str:
    if isinstance(value, InterfaceName):
        return value.name
    assert isinstance(value, AnyInterface)
    assert walk.firewall is not None
    asked.setdefault(value.condition.key, value.condition)
    if value.condition.key not in walk.given:
        raise Undecided(value.condition, interfaces(walk.firewall))
    return str(walk.given[value.condition.key])


def _chosen(choice: Choice, field: Field | None, walk: Walk, asked: dict[str, Condition]) -> int:
    assert walk.firewall is not None
    asked.setdefault(choice.condition.key, choice.condition)
    if choice.condition.key not in walk.given:
        found = values(walk.firewall, field, choice.intervals) if field is not None else (1, 0)
        raise Undecided(choice.condition, found)
    return int(walk.given[choice.condition.key])
