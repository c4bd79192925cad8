"""What a path does with some connections: which are accepted, surely and possibly, and what that depends on.

A connection is accepted when every packet of every leg is. Surely: whatever the conditions are; possibly: for some
of their values. What is left is a set over peers, addresses and ports.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from validator.engine.connection import Path, Settled
from validator.engine.legs import LEGS, Leg
from validator.model import Condition
from validator.packets.fields import Intervals
from validator.packets.space import FIRST_CONDITION, PacketSet


@dataclass(frozen=True)
class Judgement:
    """What a path does with the connections in `region` (peers, addresses) of one protocol to `ports`.

    `legs` are the packets that must pass: as a connection of its own, or one that belongs to another (RELATED).
    `settled` are conditions that have a value for this question.
    """

    path: Path
    protocol: int
    ports: Intervals
    region: PacketSet
    legs: tuple[Leg, ...] = LEGS
    settled: Settled = ()

    @cached_property
    def accepted(self) -> PacketSet:
        """Connections of which every leg is accepted, conditions left open."""
        total = self.region
        for leg in self.legs:
            total = total & self.path.passing(self.protocol, leg, self.ports, self.settled).open
        return total

    @cached_property
    def surely(self) -> PacketSet:
        """Connections accepted whatever the conditions."""
        total = self.region
        for leg in self.legs:
            total = total & self.path.passing(self.protocol, leg, self.ports, self.settled).surely
        return total.forall(self.path.condition_bounds())

    @cached_property
    def possibly(self) -> PacketSet:
        """Connections accepted for some values of the conditions."""
        total = self.region
        for leg in self.legs:
            total = total & self.path.passing(self.protocol, leg, self.ports, self.settled).possibly
        return total.exists(self.path.condition_bounds())

    def of_leg(self, leg: Leg) -> tuple[PacketSet, PacketSet]:
        """Of one leg alone: the connections surely and possibly accepted."""
        passing = self.path.passing(self.protocol, leg, self.ports, self.settled)
        bounds = self.path.condition_bounds()
        return (self.region & passing.surely).forall(bounds), (self.region & passing.possibly).exists(bounds)

    def open_conditions(self) -> list[Condition]:
        """The open conditions that the accepted connections depend on."""
        keys = self.path.space.conditions()
        levels = sorted(level for level in self.accepted.levels() if level >= FIRST_CONDITION)
        return [self.path.conditions[str(keys[level])] for level in levels]
