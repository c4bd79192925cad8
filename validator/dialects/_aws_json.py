"""Answers of the AWS command line: which command gave a file, and the entries of its list.

The command line prints an answer as the API gives it (`{"SecurityGroups": [...]}`); recorders of API calls wrap it in
`status_code` and `data`, SDKs add `ResponseMetadata`. `NextToken` stands where the answer is one page of several
(AWS CLI User Guide, "Pagination").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

_TOKEN = re.compile(r'[\[\]{}]|("(?:[^"\\]|\\.)*")(\s*:)?')
_HEAD = 256 * 1024
_AROUND = ("ResponseMetadata", "NextToken", "status_code")


def outer_keys(source: Source) -> Iterator[tuple[str, int]]:
    """The outermost keys of a JSON object with their lines, or those of its wrapper `data`; of what stands at
    the head of the file. A list gives the keys of its first object, each after `[`."""
    depth, wrapped, prefix = 0, 0, ""
    for line, text in _head(source):
        for match in _TOKEN.finditer(text):
            token = match[0]
            if token in "{[":
                prefix = "[" if not depth and token == "[" else prefix
                depth += 1
            elif token in "}]":
                depth -= 1
                if depth <= wrapped and prefix:
                    return
            elif match[2] and depth == 1 + wrapped + len(prefix):
                key = match[1][1:-1]
                if key == "data" and not wrapped:
                    wrapped = 1
                else:
                    yield prefix + key, line


def _head(source: Source) -> Iterator[tuple[int, str]]:
    size = 0
    for number, text in enumerate(source.lines, 1):
        stripped = text.lstrip()
        if not size and stripped and stripped[0] not in "{[":
            return
        yield number, text[:_HEAD]
        size += len(stripped)
        if size > _HEAD:
            return


def kind(source: Source) -> str:
    """The outermost key that says which list this is; empty where it is no answer of the API."""
    return next((key for key, _ in outer_keys(source) if key not in _AROUND), "")


class Answer(Struct, frozen=True):
    """The entries of an answer's list, `at` the line where it stands; `complete` is False for one page of several."""

    path: str
    entries: tuple[Located, ...]
    at: int
    complete: bool


def answer(source: Source, ledger: Ledger, key: str, what: str, command: str, beside: tuple[str, ...] = ()) -> Answer:
    """The entries of the list `key`; all lines are ignored until somebody reads them, but for a token of more pages.

    `what` are the entries in words, in the plural. Raises ExportError where there is no such list, or others beside it.
    """
    again = f"export it again with {command}"
    data = load(source)
    body = data["data"] if isinstance(data, Located) and isinstance(data.get("data"), Located) else data
    listed = body.get(key) if isinstance(body, Located) else body
    if not isinstance(listed, list):
        raise ExportError(f"no list of {what} is in this JSON", again, source.path, 1)
    line, token = 1, None
    if isinstance(body, Located):
        others = sorted(set(body) - {key, *_AROUND, *beside})
        if others:
            problem = f"this JSON holds {others[0][:40]!r} beside {what}, which would be left out"
            raise ExportError(problem, again, source.path, body.at(others[0]))
        line, token = body.at(key), body.get("NextToken")
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    if isinstance(body, Located) and token:
        ledger.mark(body.at("NextToken"), LineState.UNSUPPORTED)
    for entry in listed:
        if not isinstance(entry, Located):
            raise ExportError(f"an entry of the list is no {what[:-1]}", again, source.path, line)
    return Answer(source.path, tuple(listed), line, not token)


class Reader:
    """Takes values out of the entries of one file, and marks their lines as modelled.

    Every method raises ExportError where a value has another shape than the API gives it.
    """

    def __init__(self, path: str, ledger: Ledger, command: str) -> None:
        self.path, self._ledger, self._command = path, ledger, command

    def refuse(self, problem: str, line: int) -> ExportError:
        """The error that says what is wrong with a line."""
        return ExportError(problem, f"export it again with {self._command}", self.path, line)

    def text(self, item: Located, key: str, needed: bool = False) -> str:
        """A text; empty where there is none, unless it is `needed`."""
        value = item.get(key)
        if value is None and not needed:
            return ""
        if not isinstance(value, str) or (needed and not value):
            raise self.refuse(f"{key} is not given, or is no text", item.at(key))
        self._ledger.mark(item.at(key), LineState.MODELLED)
        return value

    def truth(self, item: Located, key: str, default: bool = False) -> bool:
        """True or false."""
        value = item.get(key, default)
        if not isinstance(value, bool):
            raise self.refuse(f"{key} is neither true nor false", item.at(key))
        if key in item:
            self._ledger.mark(item.at(key), LineState.MODELLED)
        return value

    def objects(self, item: Located, key: str) -> tuple[Located, ...]:
        """A list of objects; empty where there is none."""
        value = item.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, Located) for each in value):
            raise self.refuse(f"{key} is no list of objects", item.at(key))
        return tuple(value)

    def inner(self, item: Located, key: str) -> Located:
        """An object; an empty one where there is none."""
        value = item.get(key)
        if value is None:
            return Located(item.line)
        if not isinstance(value, Located):
            raise self.refuse(f"{key} is no object", item.at(key))
        return value

    def texts(self, item: Located, key: str, inside: str) -> tuple[str, ...]:
        """The text `inside` each object of a list."""
        return tuple(self.text(each, inside, needed=True) for each in self.objects(item, key))

    def blocks(self, item: Located, key: str, inside: str) -> tuple[str, ...]:
        """The block or address `inside` each object of a list."""
        return tuple(self.block(each, inside) for each in self.objects(item, key) if each.get(inside) is not None)

    def block(self, item: Located, key: str) -> str:
        """A block or an address; empty where there is none."""
        value = self.text(item, key)
        if value and not is_block(value):
            raise self.refuse(f"{key} is {value[:40]!r}, which is no address or block", item.at(key))
        return value


def as_text(value: Any) -> str:
    """A text, or nothing."""
    return value if isinstance(value, str) else ""
