"""The values in the output of `reg export` (`.reg`) and `reg query`.

`.reg`: `[key]`, then `"name"=data`, both with backslashes and quotes escaped; data are a text, `dword:`, or bytes in
hexadecimal, `hex(type):`, that go on over lines which end in a backslash. `reg query`: the key, then lines of name,
type and data, four blanks apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from validator.errors import ExportError
from validator.source import Source

_HEADER = re.compile(r"Windows Registry Editor Version 5\.00\s*$|REGEDIT4\s*$", re.IGNORECASE)
_KEY = re.compile(r"\[(-?)([^\]]*(?:\][^\]]+)*)\]\s*$")
_QUERIED_KEY = re.compile(r"(HKEY_[A-Z_]+(?:\\.*)?)$", re.IGNORECASE)
_NAME = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|@)\s*=\s*(.*)$', re.DOTALL)
_QUERIED = re.compile(r"(?: {4}|\t)(.*?)(?: {4}|\t)(REG_[A-Z_]+)(?: {4}|\t)?(.*)$")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"\s*$', re.DOTALL)
_OPEN_TEXT = re.compile(r'(?:"(?:[^"\\]|\\.)*"|@)\s*=\s*"(?:[^"\\]|\\.)*$', re.DOTALL)
_DWORD = re.compile(r"dword:([0-9a-f]{1,8})\s*$", re.IGNORECASE)
_QUERIED_DWORD = re.compile(r"0x([0-9a-f]{1,8})\s*$", re.IGNORECASE)
_HEX = re.compile(r"hex(?:\(([0-9a-f]{1,8})\))?:((?:[0-9a-f]{2},?)*)$", re.IGNORECASE)
_TEXT_KINDS = ("1", "2")
_MAX_LINES = 5_000  # of one value; a text has few
_MAX_TEXT = 200
_AGAIN = "export it again and pass the whole file"


class Value(Struct, frozen=True):
    """A value: on lines `line` to `last`, `data` a text, a number, or None for anything else.

    A key has an entry of its own without a name, at the line that names it (`name` None).
    """

    line: int
    last: int
    key: str
    name: str | None
    data: str | int | None = None


def values(source: Source) -> Iterator[Value]:
    """The keys and values of `source` in order.

    Raises ExportError where it is cut, or is a script that deletes something.
    """
    head = next((line for line in source.lines if line.strip()), "")
    if source.lines and source.lines[-1].strip():
        problem = "the registry export does not end with an empty line: it is cut"
        raise ExportError(problem, _AGAIN, source.path, len(source.lines))
    yield from _exported(source) if _HEADER.match(head.strip()) else _queried(source)


def _exported(source: Source) -> Iterator[Value]:
    wide = not any(line.strip().upper() == "REGEDIT4" for line in source.lines[:20])
    key = ""
    number = 0
    while number < len(source.lines):
        number += 1
        line = source.lines[number - 1].strip()
        found = _KEY.match(line)
        if found:
            if found[1]:
                raise _script(source, number)
            key = found[2]
            yield Value(number, number, key, None)
            continue
        if not key or not line.startswith(('"', "@")):
            continue
        first = number
        text, number = _whole(source, number)
        parts = _NAME.match(text)
        if parts is None:
            continue
        if parts[2].strip() == "-":
            raise _script(source, first)
        yield Value(first, number, key, _unescaped(parts[1] or ""), _data(parts[2].strip(), wide))


def _whole(source: Source, number: int) -> tuple[str, int]:
    """The value that begins on line `number`, and the line on which it ends."""
    first, text = number, source.lines[number - 1].strip()
    rest = source.lines[first : first + _MAX_LINES]
    if text.endswith("\\") and not _OPEN_TEXT.match(text):
        parts = [text[:-1]]
        for line in rest:
            number += 1
            parts.append(line.strip().removesuffix("\\"))
            if not line.strip().endswith("\\"):
                return "".join(parts), number
        raise _endless(source, first)
    for line in rest[:_MAX_TEXT]:
        if not _OPEN_TEXT.match(text):
            return text, number
        text += "\n" + line
        number += 1
    if _OPEN_TEXT.match(text):
        raise _endless(source, first)
    return text, number


def _endless(source: Source, line: int) -> ExportError:
    return ExportError("a value of the registry export does not end: it is cut", _AGAIN, source.path, line)


def _script(source: Source, line: int) -> ExportError:
    problem = "the .reg file deletes keys or values: it is a script, not an export"
    return ExportError(problem, "pass the output of reg export", source.path, line)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _data(text: str, wide: bool) -> str | int | None:
    found = _TEXT.match(text)
    if found:
        return _unescaped(found[1])
    found = _DWORD.match(text)
    if found:
        return int(found[1], 16)
    found = _HEX.match("".join(text.split()))
    if found is None:
        return None
    data = bytes(int(byte, 16) for byte in re.findall("[0-9a-fA-F]{2}", found[2]))
    if found[1] == "4" and len(data) == 4:
        return int.from_bytes(data, "little")
    if (found[1] or "").lower() not in _TEXT_KINDS:
        return None
    try:
        return data.decode("utf-16-le" if wide else "cp1252").rstrip("\0")
    except UnicodeDecodeError:
        return None


def _queried(source: Source) -> Iterator[Value]:
    key = ""
    for number, line in enumerate(source.lines, 1):
        found = _QUERIED_KEY.match(line)
        if found:
            key = found[1].rstrip()
            yield Value(number, number, key, None)
            continue
        parts = _QUERIED.match(line) if key else None
        if parts:
            yield Value(number, number, key, parts[1], _queried_data(parts[2].upper(), parts[3]))


def _queried_data(kind: str, text: str) -> str | int | None:
    if kind in ("REG_SZ", "REG_EXPAND_SZ"):
        return text
    found = _QUERIED_DWORD.match(text) if kind == "REG_DWORD" else None
    return int(found[1], 16) if found else None
