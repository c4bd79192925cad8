"""JSON that knows its lines: objects remember where they and their keys stand.

The text is first checked by the standard library, whose errors say the line; the tokens of what is
then known to be JSON are read a second time for their positions.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
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
    return _locate(text, source.path)


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
