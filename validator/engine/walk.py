"""The state of one packet's walk through the firewalls of a host, for `interpret.py`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from validator.engine.packet import Packet
from validator.model import LOOPBACK, PASSES, TRANSLATED_TO, Bit, Chain, Condition, Firewall, Hook, Rule
from validator.packets.fields import Field, State

Given = int | str
"""A chosen value: of a condition (0, 1), a field, or the name of an interface."""
HERE, FROM_HERE, DNAT = Bit("local-destination"), Bit("local-source"), Bit("dnat")


class Undecided(Exception):
    """Something has no value yet: a condition, or a choice between `values`."""

    def __init__(self, condition: Condition, values: Sequence[Given] = (1, 0)) -> None:
        super().__init__(condition.key)
        self.condition, self.values = condition, values


class Step(Struct, frozen=True):
    """A rule that the packet met, or a chain's policy, and the chain."""

    firewall: Firewall
    chain: Chain
    rule: Rule


class Stop(Struct, frozen=True):
    """What is still ahead at a firewall: its beginning (`at` None), a base chain, or, without one, the
    routing that follows the hook `at`."""

    firewall: Firewall
    at: Hook | None = None
    chain: str = ""


class Frame(Struct):
    """A chain being walked: the next rule, and whether its end goes to the caller's caller (goto)."""

    chain: Chain
    at: int = 0
    via_goto: bool = False


class Walk(Struct):
    """A walk in progress.

    `ahead` are the stops still to come, the next one last. `new`: it came as the first of its connection.
    `first_packet`: it asks what becomes of the first packet of the connection. `rerouted`: whether a translation
    led here (True) or away; `way_out` the interface it led to.
    """

    packet: Packet
    ahead: list[Stop]
    given: dict[str, Given]
    frames: list[Frame] = field(default_factory=list)
    firewall: Firewall | None = None
    at: Hook | None = None
    bits: dict[Bit, bool] = field(default_factory=dict)
    new: bool = False
    steps: list[Step] = field(default_factory=list)
    rule: Rule | None = None
    weight: tuple[int, int] = (0, 0)
    first_packet: bool = False
    rerouted: bool | None = None
    way_out: str | None = None

    def decided(self, rule: Rule, chain: Chain) -> None:
        """`rule` accepts for a base chain; a chain's policy does not hide the rule that accepted before it,
        nor the policy of a chain with more rules, and what a nat chain accepts untranslated hides nothing."""
        translated = any(each in TRANSLATED_TO for each, _ in rule.action.assign)
        telling = 0 if chain.first_packets and not translated else 1 if rule is chain.policy else 2
        weight = (telling, len(chain.rules) if telling == 1 else 0)
        if self.rule is None or weight >= self.weight:
            self.rule, self.weight = rule, weight

    def split(self) -> Walk:
        """A copy that can go another way."""
        frames = [replace(frame) for frame in self.frames]
        return replace(
            self,
            ahead=list(self.ahead),
            given=dict(self.given),
            frames=frames,
            steps=list(self.steps),
            bits=dict(self.bits),
        )

    @property
    def out_interface(self) -> str:
        """The interface it leaves by, as the hook it is at knows it: none before it was routed."""
        return "" if self.at is Hook.PREROUTING else self.packet.out_interface

    def begin(self, firewall: Firewall) -> None:
        """The packet comes to another firewall, which knows nothing of it but what every host knows."""
        lo = LOOPBACK in (self.packet.in_interface, self.packet.out_interface)
        self.firewall = firewall
        self.bits = {
            HERE: lo or self.packet.hook is Hook.INPUT,
            FROM_HERE: lo or self.packet.hook is Hook.OUTPUT,
        }
        self.new = self.packet.values.get(Field.STATE) == State.NEW
        self.rerouted, self.way_out = None, None

    def route(self, stop: Stop) -> None:
        """Route a packet whose destination was translated: out of another interface, or to other hooks."""
        if self.way_out is not None:
            self.packet = replace(self.packet, out_interface=self.way_out)
        if stop.at is not Hook.PREROUTING or self.rerouted is None:
            return
        self.ahead = [each for each in self.ahead if each.firewall is not stop.firewall]
        hooks = (Hook.INPUT,) if self.rerouted else (Hook.FORWARD, Hook.POSTROUTING)
        self.ahead += [each for hook in reversed(hooks) for each in reversed(chains_at(stop.firewall, hook))]
        if self.rerouted:
            self.packet = replace(self.packet, out_interface="")


def chains_at(firewall: Firewall, hook: Hook) -> list[Stop]:
    """The base chains of one hook, in order."""
    return [Stop(firewall, hook, name) for name in firewall.hooks.get(hook, ())]


def stops(firewall: Firewall, hook: Hook) -> list[Stop]:
    """All that a packet at `hook` has ahead of it at a firewall, in order."""
    first, *others = PASSES[hook]
    found = [Stop(firewall), *chains_at(firewall, first), Stop(firewall, first)]
    return found + [each for at in others for each in chains_at(firewall, at)]
