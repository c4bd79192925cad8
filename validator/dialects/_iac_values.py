"""What infrastructure code says of a resource: plain values, and expressions that only its tool can evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from validator.dialects._json_positions import Located

_LONGEST = 80


class Unknown(Struct, frozen=True):
    """A value that the files do not tell: `text` is the expression, as it is written or as people would name it."""

    text: str


class Reference(Unknown, frozen=True):
    """A computed attribute of the resource at `address` (its id, which nobody knows before it is made)."""

    address: str = ""
    attribute: str = ""


class Resource(Struct, frozen=True):
    """One resource: `values` as its tool takes them, each with its line; nested blocks are lists of Located.

    `origin` is the file's path. `computed` are the keys whose values stand in no configuration: they were read back
    from the cloud. `uncertain` says why it may not be there, if anything. `made`: the tool creates it (a plan that
    creates it, or a configuration).
    """

    address: str
    type: str
    values: Located
    origin: str
    made: bool = True
    computed: frozenset[str] = frozenset()
    uncertain: str = ""
    last: int = 0
    aliases: frozenset[str] = field(default=frozenset())


class Places:
    """Numbers that stand for places in several files, where a provider's data has one path and lines.

    A number stands for a file, a line and the resource that says it; no two are the same, though a JSON of one line
    may hold a hundred rules.
    """

    def __init__(self) -> None:
        self._places: list[tuple[str, int, str]] = []

    def add(self, path: str, line: int, address: str) -> int:
        """A new number, from 1 on, for `line` of `path`, where `address` says something."""
        self._places.append((path, line, address))
        return len(self._places)

    def find(self, number: int) -> tuple[str, int, str]:
        """Path, line and address of `number`; those of the first place for a number that is none."""
        return self._places[number - 1 if 0 < number <= len(self._places) else 0]


def short(text: str) -> str:
    """`text` on one line, cut where it is long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 3] + "..."


def items(value: Any) -> list[Any]:
    """The members of a list, a single value as a list of one, none for null."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def unknowns(value: Any) -> Iterator[Unknown]:
    """Every unknown in `value`, nested ones too."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, Unknown):
            yield found
        elif isinstance(found, dict):
            stack += found.values()
        elif isinstance(found, list):
            stack += found


def whole(value: Any) -> int | None:
    """The number that `value` is, or says as text; None where it is no whole number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = value.strip() if isinstance(value, str) else ""
    digits = text[1:] if text[:1] == "-" else text
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def flag(value: Any) -> bool | None:
    """The truth of a boolean or of its text; None where it is neither."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None
