"""Marks, bit by bit: what matches ask of them, and what targets set them to.

`mark` is kept with the packet, `connmark` with its connection. A target computes
`(old & ~mask) ^ value` (xt_mark.c, xt_connmark.c): bit by bit that is a constant, a copy, or a flip.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from validator.dialects._iptables_fields import NEVER
from validator.dialects._iptables_words import TargetUse, Unclear
from validator.model import Assignment, Bit, BitMatch, Choice, Condition, Copy, Match, NoneOf
from validator.source import Span

if TYPE_CHECKING:
    from validator.dialects._iptables_dump import IptDump

BITS = range(32)
_MARKS = frozenset(("mark", "connmark"))
EVERY = 0xFFFFFFFF
ALL_MARKS: Mapping[str, int] = {"mark": EVERY, "connmark": EVERY}
"""Every bit of the mark of a packet, and of that of its connection."""


def number(text: str) -> int:
    """A number of 32 bits, as strtoul reads it: decimal, 0x hexadecimal, 0 octal. Raises Unclear."""
    try:
        octal = len(text) > 1 and text[0] == "0" and text.isdecimal()
        value = int(text, 8) if octal else int(text, 0)
    except ValueError:
        value = -1
    if not text.isascii() or "_" in text or not 0 <= value <= EVERY:
        raise Unclear(f"{text} is no number of 32 bits")
    return value


def value_and_mask(text: str) -> tuple[int, int]:
    """`value[/mask]`; without a mask all bits count. Raises Unclear."""
    value, slash, mask = text.partition("/")
    return number(value), number(mask) if slash else EVERY


@lru_cache(4096)
def mark_match(name: str, text: str, negated: bool) -> tuple[Match, ...]:
    """`--mark value/mask`: whether the bits in the mask have that value. Raises Unclear."""
    value, mask = value_and_mask(text)
    if value & ~mask:
        return () if negated else (NEVER,)
    bits = tuple(BitMatch(Bit(name, bit), bool(value >> bit & 1)) for bit in BITS if mask >> bit & 1)
    return (NoneOf(bits),) if negated else bits


def set_bits(name: str, value: int, mask: int) -> tuple[Assignment, ...]:
    """`(old & ~mask) ^ value`."""
    found: list[Assignment] = []
    for place in BITS:
        bit, wanted = Bit(name, place), value >> place & 1
        if mask >> place & 1:
            found.append((bit, wanted))
        elif wanted:
            found.append((bit, Copy(bit, inverted=True)))
    return tuple(found)


def asked(dump: IptDump) -> Mapping[str, int]:
    """The bits of `mark` and `connmark` that rules of a dump ask for; all of both where a target copies one to the
    other."""
    masks: dict[str, int] = {}
    copies = ("--restore-mark", "--save-mark")
    copied = any(each.has(name) for each in dump.targets if each.name == "CONNMARK" for name in copies)
    rules = (rule for table in dump.tables.values() for chain in table.values() for rule in chain.rules)
    asking = (each for rule in rules for each in rule.words.groups if each.module in _MARKS)
    for group in dict.fromkeys(asking):
        for option in group.options:
            try:
                mask = value_and_mask(option.values[0])[1]
            except (Unclear, IndexError):
                mask = EVERY
            masks[group.module] = masks.get(group.module, 0) | mask
    return ALL_MARKS if masks and copied else masks


def any_bits(name: str, mask: int, span: Span) -> tuple[Assignment, ...]:
    """The bits in `mask` become nobody knows what."""
    return tuple((Bit(name, place), _any(name, place, span)) for place in BITS if mask >> place & 1)


def _any(name: str, place: int, span: Span) -> Choice:
    text = f"bit {place} of the {name} that {span.path}:{span.line} sets"
    return Choice(Condition(text, text, span, per_packet=True), ((0, 1),))


def set_mark(use: TargetUse, name: str) -> tuple[Assignment, ...] | None:
    """What the options that MARK and CONNMARK share set; None where none of them is given. Raises Unclear."""
    for option in use.options:
        text = option.values[0] if option.values else ""
        match option.name:
            case "--set-xmark":
                return set_bits(name, *value_and_mask(text))
            case "--set-mark":
                value, mask = value_and_mask(text)
                return set_bits(name, value, mask | value)
            case "--and-mark":
                return set_bits(name, 0, EVERY ^ number(text))
            case "--or-mark":
                return set_bits(name, number(text), number(text))
            case "--xor-mark":
                return set_bits(name, number(text), 0)
    return None


def connmark(use: TargetUse, span: Span) -> tuple[Assignment, ...]:
    """What CONNMARK sets: the connection's mark, or the packet's from it. Raises Unclear."""
    shift = _shift(use)
    found = set_mark(use, "connmark")
    if found is not None:
        if shift:
            return any_bits("connmark", EVERY, span)
        return found
    both = number((use.values("--mask") or ("0xffffffff",))[0])
    of_packet = number((use.values("--nfmask") or (hex(both),))[0])
    of_connection = number((use.values("--ctmask") or (hex(both),))[0])
    if use.has("--save-mark"):
        return _copied("mark", of_packet, "connmark", of_connection, shift, span)
    if use.has("--restore-mark"):
        return _copied("connmark", of_connection, "mark", of_packet, shift, span)
    raise Unclear("CONNMARK sets, saves and restores nothing")


def _shift(use: TargetUse) -> int:
    left, right = use.values("--left-shift-mark"), use.values("--right-shift-mark")
    return number(left[0]) if left else -number(right[0]) if right else 0


def _copied(source: str, taken: int, to: str, mask: int, shift: int, span: Span) -> tuple[Assignment, ...]:
    """`to = (to & ~mask) ^ (source & taken, shifted)`."""
    found: list[Assignment] = []
    for place in BITS:
        origin = place - shift
        comes = 0 <= origin < 32 and taken >> origin & 1
        cleared = mask >> place & 1
        if comes and cleared:
            found.append((Bit(to, place), Copy(Bit(source, origin))))
        elif comes:  # the old bit and the copied one, combined: not expressible
            found.append((Bit(to, place), _any(to, place, span)))
        elif cleared:
            found.append((Bit(to, place), 0))
    return tuple(found)
