"""JSON that knows its lines: objects remember where they and their keys stand.

The text is read by the standard library, whose errors say the line. Where every line holds one key, as programs print
JSON that indent it, the lines themselves tell where all stands; else the text is read again, token by token.
"""

from __future__ import annotations

import gc
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from validator.errors import ExportError
from validator.source import Source

_TOKEN = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*"|[^\s,:\[\]{}"]+')
_AGAIN = "export it again"


class Located(dict[str, Any]):
    """An object: `line` is where it starts, `lines` where each of its values stands."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def at(self, key: str) -> int:
        """The line of the value of `key`, or of the object where it has no such key."""
        return self.lines.get(key, self.line)


@contextmanager
def without_collection() -> Iterator[None]:
    """Without looking for garbage: what is built only grows, and is large."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def load(source: Source) -> Any:
    """The value in `source`; objects are Located. Raises ExportError where it is no JSON, or ambiguous."""
    with without_collection():
        return _load(source)


def _load(source: Source) -> Any:
    text = source.text
    layout = _layout(source.lines, text)
    known = iter(layout or ())
    fits = layout is not None

    def located(pairs: list[tuple[str, Any]]) -> Located:
        nonlocal fits
        line, lines = next(known, (0, None))
        found = Located(line)
        found.update(pairs)
        if lines is not None and len(lines) == len(pairs) == len(found):
            found.lines = dict(zip(found, lines, strict=True))
        else:
            fits = False
        return found

    try:
        value = json.loads(text, object_pairs_hook=located)
    except json.JSONDecodeError as error:
        problem = f"not valid JSON ({error.msg})"
        if error.pos >= len(text.rstrip()) - 1:
            problem = "the JSON ends in the middle: the export is cut"
        raise ExportError(problem, _AGAIN, source.path, error.lineno) from None
    except (RecursionError, ValueError):
        problem = "JSON that is nested too deep, or a number that is too long"
        raise ExportError(problem, _AGAIN, source.path, 1) from None
    return value if fits and next(known, None) is None else _locate(text, source.path)


_KEY = '": '


def _layout(lines: Sequence[str], text: str) -> list[tuple[int, list[int]]] | None:
    """The line of each object and those of its keys, in the order in which objects end, which is that in which the
    standard library makes them. None where a line holds two keys: programs print one each that indent JSON.

    Without an escaped quote `": ` ends a key and nothing else, and braces at the end of a line that is no string's are
    those of objects. What else may stand in one line shows when the objects are made.
    """
    if '\\"' in text:
        return None
    found: list[tuple[int, list[int]]] = []
    open_objects: list[tuple[int, list[int]]] = []
    keys: list[int] = []
    for number, line in enumerate(lines, 1):
        if _KEY in line:
            keys.append(number)
        tail = line[-2:]
        if tail[-1:] == "{":
            if line.lstrip()[:1] == "}" and open_objects:  # one ends where the next begins
                found.append(open_objects.pop())
            keys = []
            open_objects.append((number, keys))
        elif "}" in tail and tail[-1] != '"':
            if line.endswith(("{}", "{},")):
                found.append((number, []))
            elif open_objects:
                found.append(open_objects.pop())
                keys = open_objects[-1][1] if open_objects else []
    return found if text.count(_KEY) == sum(len(of_keys) for _, of_keys in found) else None


def _locate(text: str, path: str) -> Any:
    """The value of valid JSON, without recursion: `stack` holds the containers that are open."""
    ends = [match.start() for match in re.finditer("\n", text)]
    root: list[Any] = []
    stack: list[Any] = [root]
    keys: list[str | None] = [None]
    for match in _TOKEN.finditer(text):
        token = match[0]
        first = token[0]
        if first in "]}":
            stack.pop()
            keys.pop()
            continue
        into = stack[-1]
        if isinstance(into, Located) and keys[-1] is None:
            keys[-1] = _string(token)
            continue
        line = bisect_right(ends, match.start()) + 1
        value: Any
        if first == "{":
            value = Located(line)
        elif first == "[":
            value = []
        else:
            value = _string(token) if first == '"' else json.loads(token)
        if isinstance(into, Located):
            key = keys[-1] or ""
            if key in into:
                raise ExportError(f"the key {key[:40]!r} stands twice in one object", _AGAIN, path, line)
            into[key] = value
            into.lines[key] = line
            keys[-1] = None
        else:
            into.append(value)
        if first in "{[":
            stack.append(value)
            keys.append(None)
    return root[0]


def _string(token: str) -> str:
    return json.loads(token) if "\\" in token else token[1:-1]
