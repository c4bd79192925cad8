"""The blocks of a netsh dump, found by structure alone: a name, a line of dashes, `label: value` lines.

A label ends at the first colon: the column of values moves with the language, French has a blank before the colon,
Chinese may have a full-width one. A line that is indented or has no colon belongs to the label above it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

from validator.dialects._netsh_words import MARKS
from validator.source import Source

_DASHES = "-" * 20
_RULER = re.compile(r"-{20,}\s*$")
_NONE: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
_WIDE_COLON = re.compile("^([^:：]*)：")


class Block(Struct, frozen=True, gc=False):
    """A rule's lines: `first` is its name's (1-based), `last` the last before the next name or the end of the file.

    `heads` and `values` are the fields as they stand, without blanks around the values; `lines` are their lines.
    `others` are the lines that are no fields and not blank, each with how many fields stand above it.
    """

    first: int
    last: int
    name: str
    heads: tuple[str, ...]
    values: tuple[str, ...]
    lines: Sequence[int]
    others: tuple[tuple[int, int], ...]


def is_ruler(line: str) -> bool:
    """Whether a line is the dashes below a name or a title."""
    return line.startswith(_DASHES) and _RULER.match(line) is not None


def plain_lines(source: Source) -> tuple[str, ...]:
    """The lines of `source` without marks of direction, each with an ASCII colon behind its label."""
    lines, text = source.lines, source.text
    if text.isascii():
        return lines
    if MARKS.search(text):
        lines = tuple(MARKS.sub("", line) for line in lines)
    if "：" in text:
        lines = tuple(_WIDE_COLON.sub(r"\1:", line) if "：" in line else line for line in lines)
    return lines


def names(lines: Sequence[str]) -> list[int]:
    """The 1-based lines that have a colon and stand over a line of dashes."""
    found = []
    for ruler in {line for line in set(lines) if is_ruler(line)}:
        at = 0
        for _ in range(lines.count(ruler)):
            at = lines.index(ruler, at) + 1
            found.append(at - 1)
    return sorted([number for number in found if number and ":" in lines[number - 1]])


class _Fields(dict[str, tuple[str, str]]):
    """Label and value of a line, once for all lines of the same text; an empty label for a line that is no field."""

    def __missing__(self, line: str) -> tuple[str, str]:
        head, colon, value = line.partition(":")
        field = (head, value.strip()) if colon and not head[:1].isspace() else ("", "")
        self[line] = field
        return field


def blocks(lines: Sequence[str], starts: Sequence[int]) -> Iterator[Block]:
    """The blocks whose names stand on the lines `starts`; each goes on to the line before the next one."""
    fields = _Fields()
    for start, after in pairwise((*starts, len(lines) + 1)):
        end = after - 1
        last = end
        while last > start + 1 and not lines[last - 1].strip():
            last -= 1
        name = lines[start - 1].partition(":")[2].strip()
        heads, values = (
            zip(*map(fields.__getitem__, lines[start + 1 : last]), strict=True) if last > start + 1 else _NONE
        )
        if "" in heads:
            yield _mixed(lines, start, end, name)
        else:
            yield Block(start, end, name, heads, values, range(start + 2, last + 1), ())


def _mixed(lines: Sequence[str], start: int, end: int, name: str) -> Block:
    """A block that has other lines than fields."""
    heads: list[str] = []
    values: list[str] = []
    numbers: list[int] = []
    others: list[tuple[int, int]] = []
    for number in range(start + 2, end + 1):
        head, colon, value = lines[number - 1].partition(":")
        if colon and head and not head[0].isspace():
            heads.append(head)
            values.append(value.strip())
            numbers.append(number)
        elif lines[number - 1].strip():
            others.append((len(heads), number))
    return Block(start, end, name, tuple(heads), tuple(values), tuple(numbers), tuple(others))
