"""What rules ask about a packet, as things that can be compared with constants.

Each key has `deps`, what must hold for it to be readable at all: nft(8) adds such matches itself (`tcp dport`
asks for TCP, `ip saddr` for IPv4), and a packet without them does not match, whatever the operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from validator.dialects._linux_host import TRANSLATED as _TRANSLATED
from validator.dialects._nft_bits import WIDTH, Word, between, equal
from validator.dialects._nft_data import Expr, Unclear
from validator.dialects._nft_logic import ALWAYS, NEVER, Conj, negate, union, within
from validator.dialects._nft_values import Number, bits, interval, masked, plain32, status
from validator.model import BitMatch, Condition, ConditionMatch, InterfaceMatch
from validator.packets.fields import Family, Field, Interval, Intervals

Asks = Callable[[str], Condition]
"""Makes the condition that a text stands for."""
_DNAT, _SNAT, _DNAT_DONE, _SNAT_DONE = 32, 16, 256, 128


class Key(Protocol):
    """Something a rule asks about."""

    @property
    def deps(self) -> Conj: ...

    def equals(self, value: Expr) -> Conj:
        """When it is `value`: a constant, a range, a prefix, or `*` for any. Raises Unclear."""

    def compare(self, operator: str, value: Expr) -> Conj:
        """When it compares so with `value`. Raises Unclear."""


def _ordered(operator: str, number: int, top: int) -> Interval:
    """The numbers up to `top` that are `<`, `<=`, `>`, `>=` than `number`. Raises Unclear."""
    match operator:
        case "<":
            return 0, number - 1
        case "<=":
            return 0, number
        case ">":
            return number + 1, top
        case ">=":
            return number, top
    raise Unclear(f"the operator {operator} on a number")


class NumberKey(Struct, frozen=True):
    """A header field; `mask` are the bits of it that are asked about."""

    field: Field
    width: int
    read: Number
    family: Family
    deps: Conj = ()
    mask: int | None = None

    def ranges(self, value: Expr) -> Intervals:
        """The numbers that a constant stands for. Raises Unclear."""
        low, high = interval(value, self.read, self.width)
        if self.mask is None or value == "*":
            return ((low, high),)
        found = masked(self.mask, low, self.width) if low == high else None
        if found is None:
            raise Unclear("a mask with too many gaps")
        return found

    def equals(self, value: Expr) -> Conj:
        return within(self.field, self.ranges(value), self.family)

    def compare(self, operator: str, value: Expr) -> Conj:
        if operator == "==":
            return self.equals(value)
        if operator == "!=":
            return negate(self.equals(value), self.family)
        if self.mask is not None:
            raise Unclear(f"the operator {operator} on a masked number")
        low, high = _ordered(operator, self.read(value), (1 << self.width) - 1)
        return within(self.field, ((low, high),), self.family) if low <= high else NEVER


class FiniteKey(Struct, frozen=True):
    """One of a few numbers, each with what must hold for it to be that one."""

    cases: tuple[tuple[int, Conj], ...]
    read: Number
    deps: Conj = ()
    mask: int | None = None

    def _where(self, holds: Callable[[int], bool]) -> Conj:
        mask = -1 if self.mask is None else self.mask
        found = [conj for number, conj in self.cases if holds(number & mask)]
        return ALWAYS if len(found) == len(self.cases) else union(found)

    def equals(self, value: Expr) -> Conj:
        if isinstance(value, dict) and "|" not in value:
            low, high = interval(value, self.read, 32)
            return self._where(lambda number: low <= number <= high)
        if value == "*":
            return ALWAYS
        wanted = bits(value, self.read)
        return self._where(lambda number: number == wanted)

    def compare(self, operator: str, value: Expr) -> Conj:
        if operator == "==":
            return self.equals(value)
        if operator == "!=" and isinstance(value, dict) and "|" not in value:
            low, high = interval(value, self.read, 32)
            return self._where(lambda number: not low <= number <= high)
        wanted = bits(value, self.read)
        if operator == "!=":
            return self._where(lambda number: number != wanted)
        if operator == "in":
            return self._where(lambda number: number & wanted != 0)
        if operator == "!":
            return self._where(lambda number: number & wanted == 0)
        low, high = _ordered(operator, wanted, 1 << 32)
        return self._where(lambda number: low <= number <= high)


class MarkKey(Struct, frozen=True):
    """A mark, or what is computed from marks."""

    word: Word
    family: Family
    deps: Conj = ()

    def equals(self, value: Expr) -> Conj:
        if value == "*":
            return ALWAYS
        if not isinstance(value, dict) or "|" in value:
            return equal(self.word, bits(value, plain32))
        return union(between(self.word, interval(value, plain32, WIDTH)))

    def compare(self, operator: str, value: Expr) -> Conj:
        if operator == "==":
            return self.equals(value)
        if operator == "!=":
            return negate(self.equals(value), self.family)
        if operator in ("in", "!"):
            wanted = bits(value, plain32)
            some = union(equal(self.word, 1 << at, 1 << at) for at in range(WIDTH) if wanted >> at & 1)
            return some if operator == "in" else negate(some, self.family)
        return union(between(self.word, _ordered(operator, plain32(value), (1 << WIDTH) - 1)))


class InterfaceKey(Struct, frozen=True):
    """The interface a packet came in on or goes out of, by name; `eth*` is a prefix (nft(8) META EXPRESSIONS).

    nft prints an index that no interface had when it listed the rules as a number: which one it was is
    a condition.
    """

    field: Field
    asks: Asks
    deps: Conj = ()

    def equals(self, value: Expr) -> Conj:
        if value == "*":
            return ALWAYS
        name = str(value)
        if isinstance(value, bool | dict | list) or not name or name.endswith("+"):
            raise Unclear(f"{name[:60]} is no name of an interface that can be followed")
        if name.isdigit():
            side = "in" if self.field is Field.IN_INTERFACE else "out"
            return (ConditionMatch(self.asks(f"the {side}-interface has the index {name}")),)
        if name.endswith("\\*"):
            name = f"{name[:-2]}*"
        elif name.endswith("*"):
            name = f"{name[:-1]}+"
        return (InterfaceMatch(self.field, (name,)),)

    def compare(self, operator: str, value: Expr) -> Conj:
        if operator == "==":
            return self.equals(value)
        if operator == "!=":
            return negate(self.equals(value), Family.IPV4)
        raise Unclear(f"the operator {operator} on an interface")


class StatusKey(Struct, frozen=True):
    """`ct status`: whether the destination is translated is known; the other bits are conditions.

    nf_nat_setup_info sets IPS_DST_NAT and IPS_DST_NAT_DONE together: a status that equals `dnat` alone does not exist.
    """

    asks: Asks
    deps: Conj = ()
    mask: int | None = None

    def equals(self, value: Expr) -> Conj:
        wanted = bits(value, status)
        if self.mask == _DNAT and wanted in (0, _DNAT):
            return (BitMatch(_TRANSLATED, wanted == _DNAT),)
        if self.mask is None and wanted & _DNAT and not wanted & _DNAT_DONE:
            return NEVER
        if self.mask is None and wanted & _SNAT and not wanted & _SNAT_DONE:
            return NEVER
        under = "" if self.mask is None else f" under the mask {self.mask:#x}"
        return (ConditionMatch(self.asks(f"the status of a connection is {wanted:#x}{under}")),)

    def compare(self, operator: str, value: Expr) -> Conj:
        if operator == "==":
            return self.equals(value)
        if operator == "!=":
            return negate(self.equals(value), Family.IPV4)
        if operator not in ("in", "!") or self.mask is not None:
            raise Unclear(f"the operator {operator} on the status of a connection")
        wanted = bits(value, status)
        found: list[Conj] = [(BitMatch(_TRANSLATED),)] if wanted & _DNAT else []
        if wanted & ~_DNAT:
            text = f"the status of a connection has one of the bits {wanted & ~_DNAT:#x}"
            found.append((ConditionMatch(self.asks(text)),))
        return union(found) if operator == "in" else negate(union(found), Family.IPV4)


class WordKey(Struct, frozen=True):
    """Something that has one of a few names, each a conjunction of its own (`fib daddr type`)."""

    meaning: Callable[[str], Conj]
    family: Family
    deps: Conj = ()

    def equals(self, value: Expr) -> Conj:
        if value == "*":
            return ALWAYS
        if not isinstance(value, str | int):
            raise Unclear("an expression where a name was expected")
        return self.meaning(str(value).lower())

    def compare(self, operator: str, value: Expr) -> Conj:
        if operator == "==":
            return self.equals(value)
        if operator == "!=":
            return negate(self.equals(value), self.family)
        raise Unclear(f"the operator {operator} on a name")


class OpaqueKey(Struct, frozen=True):
    """Something that an export cannot tell: each comparison is a condition.

    `total`: every packet with `deps` has it, so that `!=` is the opposite of `==`. What only some packets have
    (an option, a socket) matches neither where it is missing.
    """

    text: str
    asks: Asks
    render: Callable[[Expr], str]
    deps: Conj = ()
    total: bool = False

    def equals(self, value: Expr) -> Conj:
        if value == "*":
            return ALWAYS
        if isinstance(value, bool):
            return (ConditionMatch(self.asks(f"`{self.text} exists` matches"), value),)
        return (ConditionMatch(self.asks(f"`{self.text} {self.render(value)}` matches")),)

    def compare(self, operator: str, value: Expr) -> Conj:
        if operator == "==" or (operator == "!=" and (self.total or isinstance(value, bool))):
            return self.equals(value) if operator == "==" else negate(self.equals(value), Family.IPV4)
        word = "" if operator == "in" else f"{operator} "
        return (ConditionMatch(self.asks(f"`{self.text} {word}{self.render(value)}` matches")),)


class ConstantKey(Struct, frozen=True):
    """A constant where something of the packet could stand (`ip saddr . "lo" @set`)."""

    value: Expr
    deps: Conj = ()

    def equals(self, value: Expr) -> Conj:
        if isinstance(value, dict | list) or isinstance(self.value, dict | list):
            raise Unclear("an expression where a constant was expected")
        return ALWAYS if value == "*" or str(value) == str(self.value) else NEVER

    def compare(self, operator: str, value: Expr) -> Conj:
        raise Unclear("a comparison of two constants")
