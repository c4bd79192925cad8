"""JSON that knows its lines: objects remember where they and their keys stand.

The text is first read by the standard library, whose errors say the line. Then its objects are told their lines: by
counting where every line holds one key, as programs print JSON that indent it, else the text is read again, token by
token.
"""

from __future__ import annotations

import gc
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
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
    made = 0
    keys = 0
    twice = False

    def located(pairs: list[tuple[str, Any]]) -> Located:
        nonlocal made, keys, twice
        found = Located(0)
        found.update(pairs)
        made += 1
        keys += len(pairs)
        twice = twice or len(found) < len(pairs)
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
    if not twice and _placed(value, source.lines, text, made, keys):
        return value
    return _locate(text, source.path)


_KEY = '": '
_OBJECT = ("{", "{}", "{},")


def _placed(value: Any, lines: Sequence[str], text: str, made: int, keys: int) -> bool:
    """Whether the `made` objects of `value` and their `keys` were told their lines.

    They can be where no line holds two of either, as programs print JSON that indent it: both then come in the order
    of the lines. Without an escaped quote `": ` ends a key and nothing else, and a last `{` in a line starts an object.
    """
    if '\\"' in text or text.count(_KEY) != keys:
        return False
    of_keys = [number for number, line in enumerate(lines, 1) if _KEY in line]
    of_objects = [number for number, line in enumerate(lines, 1) if line.endswith(_OBJECT)]
    if len(of_keys) != keys or len(of_objects) != made:
        return False
    try:
        _place(value, iter(of_objects).__next__, iter(of_keys).__next__)
    except RecursionError:
        return False
    return True


def _place(value: Any, next_object: Callable[[], int], next_key: Callable[[], int]) -> None:
    if type(value) is list:
        for each in value:
            if type(each) is Located or type(each) is list:
                _place(each, next_object, next_key)
    elif type(value) is Located:
        value.line = next_object()
        lines = value.lines
        for key, inner in value.items():
            lines[key] = next_key()
            if type(inner) is Located or type(inner) is list:
                _place(inner, next_object, next_key)


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
