"""JSON that knows its lines: objects remember where they and their keys stand.

The text is first checked by the standard library, whose errors say the line; what is then known to be JSON is read
a second time for its positions: line by line where every line holds one value, as programs print it that indent, else
token by token.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from validator.errors import ExportError
from validator.source import Source

_TOKEN = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*"|[^\s,:\[\]{}"]+')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
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


def load(source: Source) -> Any:
    """The value in `source`; objects are Located. Raises ExportError where it is no JSON, or ambiguous."""
    text = source.text
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"not valid JSON ({error.msg})"
        if error.pos >= len(text.rstrip()) - 1:
            problem = "the JSON ends in the middle: the export is cut"
        raise ExportError(problem, _AGAIN, source.path, error.lineno) from None
    except (RecursionError, ValueError):
        problem = "JSON that is nested too deep, or a number that is too long"
        raise ExportError(problem, _AGAIN, source.path, 1) from None
    found = _by_line(source.lines, source.path)
    return _locate(text, source.path) if found is None else found


_WORDS = {"true": True, "false": False, "null": None, "[]": None, "{}": None}
_OPENING = ("{", "[")


def _by_line(lines: Sequence[str], path: str) -> Any:
    """The value of valid JSON of which every line holds one value, the start of one, or an end; None for others."""
    root: list[Any] = []
    stack: list[Any] = [root]
    into: Any = root
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        if text[0] in "]}":
            if len(text) > 2 or text[1:] not in ("", ","):
                return None
            stack.pop()
            into = stack[-1]
            continue
        if text[-1] == ",":
            text = text[:-1]
        key = ""
        keyed = type(into) is Located
        if keyed:
            end = text.find('": ')
            key = text[1:end]
            text = text[end + 3 :]
            if end < 1 or '"' in key or "\\" in key or not text:
                return None
        value: Any
        if text[0] == '"':
            value = text[1:-1]
            if '"' in value or "\\" in value or len(text) < 2:
                if not _STRING.fullmatch(text):
                    return None
                value = json.loads(text)
        elif text in _OPENING:
            value = Located(number) if text == "{" else []
            stack.append(value)
        elif text in _WORDS:
            value = _WORDS[text] if text[0] not in "[{" else Located(number) if text == "{}" else []
        elif _NUMBER.fullmatch(text):
            value = json.loads(text)
        else:
            return None
        if keyed:
            if key in into:
                raise ExportError(f"the key {key[:40]!r} stands twice in one object", _AGAIN, path, number)
            into[key] = value
            into.lines[key] = number
        else:
            into.append(value)
        if text in _OPENING:
            into = value
    return root[0]


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
