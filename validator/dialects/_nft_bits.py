"""Marks bit by bit: what an expression of `meta mark` or `ct mark` is made of, and when it has a value.

A mark is 32 bits, each of which is 0, 1, a bit that is kept with the packet (or its opposite), or unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

from validator.dialects._nft_data import Expr, Unclear, fields, items
from validator.dialects._nft_logic import NEVER, Conj
from validator.dialects._nft_values import bits, named, plain32
from validator.model import Assignment, Bit, BitMatch, Copy
from validator.packets.fields import Interval

WIDTH = 32
BitValue = int | Copy | None
"""0, 1, another bit, or unknown."""
Word = tuple[BitValue, ...]
"""The bits of a number, the lowest first."""
_shift = named({}, WIDTH)


def number(value: int) -> Word:
    """A constant."""
    return tuple(value >> at & 1 for at in range(WIDTH))


def kept(name: str) -> Word:
    """The bits that are kept under `name` (`mark`, `connmark`)."""
    return tuple(Copy(Bit(name, at)) for at in range(WIDTH))


UNKNOWN: Word = (None,) * WIDTH


def word(expr: Expr) -> Word:
    """The bits of an expression; unknown ones for what marks cannot be computed from. Raises Unclear."""
    key = fields(fields(expr).get("meta")).get("key")
    if key == "mark":
        return kept("mark")
    if fields(fields(expr).get("ct")).get("key") == "mark":
        return kept("connmark")
    if isinstance(expr, dict) and len(expr) == 1:
        operator, body = next(iter(expr.items()))
        parts = items(body)
        if operator in ("&", "|", "^", "<<", ">>") and len(parts) == 2:
            return _combined(operator, parts[0], parts[1])
        return UNKNOWN
    return number(bits(expr, plain32))


def _combined(operator: str, left: Expr, right: Expr) -> Word:
    first = word(left)
    if operator in ("<<", ">>"):
        by = _shift(right)
        padding: Word = (0,) * by
        return (*padding, *first)[:WIDTH] if operator == "<<" else (*first, *padding)[by : by + WIDTH]
    pairs = zip(first, word(right), strict=True)
    return tuple(_one(operator, a, b) for a, b in pairs)


def _one(operator: str, a: BitValue, b: BitValue) -> BitValue:
    if isinstance(a, int) and not isinstance(b, int):
        a, b = b, a
    if not isinstance(b, int):
        return a if a == b and operator != "^" else None
    if operator == "&":
        return a if b else 0
    if operator == "|":
        return 1 if b else a
    return _inverted(a) if b else a


def _inverted(value: BitValue) -> BitValue:
    if isinstance(value, Copy):
        return Copy(value.bit, not value.inverted)
    return None if value is None else 1 - value


def equal(bits_of: Word, value: int, mask: int = (1 << WIDTH) - 1) -> Conj:
    """When the bits under `mask` are those of `value`. Raises Unclear where a bit is unknown."""
    found: list[BitMatch] = []
    for at, have in enumerate(bits_of):
        if not mask >> at & 1:
            continue
        want = value >> at & 1
        if have is None:
            raise Unclear("a mark that depends on what is not known")
        if isinstance(have, int):
            if have != want:
                return NEVER
        else:
            found.append(BitMatch(have.bit, bool(want) != have.inverted))
    return tuple(found)


def between(bits_of: Word, ends: Interval) -> Iterator[Conj]:
    """When a number is in a range, as one conjunction for each aligned block of it."""
    low, high = ends
    while low <= high:
        size = low & -low if low else 1 << WIDTH
        while size > high - low + 1:
            size >>= 1
        yield equal(bits_of, low, ((1 << WIDTH) - 1) & ~(size - 1))
        low += size


def assignments(name: str, bits_of: Word, unknown: list[Assignment]) -> tuple[Assignment, ...]:
    """What sets the bits kept under `name` to `bits_of`; `unknown` gives the assignment for unknown bits.

    Assignments take place one after the other, so a bit is read before it is written. Raises Unclear
    where that cannot be had (a rotation).
    """
    todo: dict[Bit, Assignment] = {}
    for at, have in enumerate(bits_of):
        target = Bit(name, at)
        if have is None:
            todo[target] = unknown[at]
        elif have != Copy(target):
            todo[target] = (target, have)
    done: list[Assignment] = []
    while todo:
        read = {value.bit for target, value in todo.values() if isinstance(value, Copy) and value.bit != target}
        ready = [target for target in todo if target not in read]
        if not ready:
            raise Unclear("a mark whose bits change places")
        done += [todo.pop(target) for target in ready]
    return tuple(done)
