"""The JSON of Azure in its three shapes: the REST API's (`properties` inside), az's flat one, and that of Az PowerShell
(`ConvertTo-Json`, names that begin with a capital).

REST API reference, Microsoft.Network; "Output formats for Azure CLI commands"; Az.Network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

_MARKS = (
    ("effective", '"effectivesecurityrules"'),
    ("template", "deploymenttemplate.json"),
    ("network", '"addressspace"'),
    ("group", '"securityrules"'),
    ("interface", '"ipconfigurations"'),
    ("tags", '"addressprefixes"'),
    ("subnet", '"addressprefix"'),
    ("rule", '"destinationportrange'),
)
"""Kinds of export, and a text that each has in it."""


class Thing(Struct, frozen=True):
    """An object of an export with the contents of its `properties`: value and line by name in small letters."""

    line: int
    fields: dict[str, tuple[Any, int]]

    def get(self, name: str) -> Any:
        """The value of `name`; None where there is none."""
        return self.fields.get(name.casefold(), (None, 0))[0]

    def text(self, name: str) -> str:
        """The value of `name` where it is text, else the empty text."""
        found = self.get(name)
        return found if isinstance(found, str) else ""

    def at(self, name: str) -> int:
        """The line of `name`, or of the object."""
        return self.fields.get(name.casefold(), (None, self.line))[1]

    def items(self, name: str) -> list[Any]:
        """The entries of a list; of a value that is no list, that value; none where it is missing or empty."""
        found = self.get(name)
        if isinstance(found, list):
            return found
        return [] if found is None or found == "" else [found]

    def reference(self, name: str) -> str:
        """The id of the resource that `name` refers to, empty where it refers to none."""
        return id_of(self.get(name))


def thing(item: Any) -> Thing | None:
    """`item` as a Thing, None where it is no object."""
    if not isinstance(item, Located):
        return None
    fields = {key.casefold(): (value, item.at(key)) for key, value in item.items()}
    inner = fields.get("properties", (None, 0))[0]
    if isinstance(inner, Located):
        del fields["properties"]
        fields.update({key.casefold(): (value, inner.at(key)) for key, value in inner.items()})
    return Thing(item.line, fields)


def id_of(item: Any) -> str:
    """The id of a reference to a resource (`{"id": ...}`), empty where it is none."""
    found = thing(item)
    return found.text("id") if found else ""


def ids(found: Thing, name: str) -> tuple[str, ...]:
    """The ids of a list of references."""
    return tuple(id_ for id_ in map(id_of, found.items(name)) if id_)


def texts(found: Thing, *names: str) -> tuple[str, ...]:
    """The texts and numbers under `names`, each once; one field may hold one or a list of them."""
    values = [value for name in names for value in found.items(name)]
    return tuple(dict.fromkeys(str(value) for value in values if isinstance(value, str | int)))


def mark(found: Thing, name: str, source: Source, ledger: Ledger, state: LineState) -> None:
    """Record the state of a field, and of the entries of its list, which stand one a line."""
    value, line = found.fields.get(name.casefold(), (None, 0))
    if not line:
        return
    ledger.mark(line, state)
    for text in value if isinstance(value, list) else ():
        line += 1
        if line > len(source.lines) or json.dumps(text) not in source.lines[line - 1]:
            break
        ledger.mark(line, state)


# --- what an export is --------------------------------------------------------


def is_kind(source: Source, kind: str) -> bool:
    """Whether an export of Azure is of this kind (see _MARKS), by its content alone."""
    return kind_of(source) == kind


def kind_of(source: Source) -> str:
    """The kind of an export of Azure, empty where it is none."""
    head = next((line.lstrip() for line in source.lines if line.strip()), "")
    return _kind(Texts(source)) if head.startswith(("{", "[")) else ""


class Texts:
    """A source as the key of a cache: two with the same bytes are the same."""

    __slots__ = ("source",)

    def __init__(self, source: Source) -> None:
        self.source = source

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and other.source.sha256 == self.source.sha256

    def __hash__(self) -> int:
        return hash(self.source.sha256)


@lru_cache(maxsize=1)
def _kind(texts: Texts) -> str:
    text = texts.source.text
    small = text.casefold()
    marked = [kind for kind, mark in _MARKS if mark in small]
    if not marked:
        return ""
    try:
        data = json.loads(text)
    except (RecursionError, ValueError):
        return marked[0] if marked[0] in ("effective", "template") or _AZURE.search(small) else ""
    if isinstance(data, dict) and "deploymenttemplate.json" in str(data.get("$schema", "")).casefold():
        return "template"
    if isinstance(data, dict) and isinstance(data.get("values"), list) and "changeNumber" in data:
        return "tags"
    answers = list(_answers(data))
    first = next((item for answer in answers for item in _listed(answer)), None)
    return _kind_of_item(first) if isinstance(first, dict) else ""


_AZURE = re.compile(r'"microsoft\.network/|/providers/microsoft\.network/|"defaultsecurityrules"')


def _kind_of_item(item: dict[str, Any]) -> str:
    keys = {key.casefold() for key in item}
    inner = item.get("properties")
    if isinstance(inner, dict):
        keys |= {key.casefold() for key in inner}
    for kind, needed in (
        ("effective", {"effectivesecurityrules"}),
        ("network", {"addressspace"}),
        ("group", {"securityrules"}),
        ("interface", {"ipconfigurations", "dnssettings"}),
        ("rule", {"direction", "access", "priority"}),
    ):
        if needed <= keys:
            return kind
    if {"addressprefix", "addressprefixes"} & keys and {"id", "name"} <= keys:
        return "subnet"
    return "interface" if "ipconfigurations" in keys and "macaddress" in keys else ""


def _answers(data: Any) -> Iterator[Any]:
    """What an API answered: `data` itself, or each answer in the recording of a session (`interactions`)."""
    recorded = data.get("interactions") if isinstance(data, dict) else None
    if not isinstance(recorded, list):
        yield data
    for each in recorded if isinstance(recorded, list) else ():
        response = each.get("response") if isinstance(each, dict) else None
        body = response.get("body") if isinstance(response, dict) else None
        answer = body.get("data") if isinstance(body, dict) else None
        if isinstance(answer, dict):
            yield answer


def _listed(answer: Any) -> list[Any]:
    """The entries of one answer: a list, its `value`, or the one object that it is."""
    if isinstance(answer, list):
        return answer
    value = answer.get("value", answer.get("Value")) if isinstance(answer, dict) else None
    return value if isinstance(value, list) else [answer]


class Answer(Struct, frozen=True):
    """The entries of an export; `next_page` is the line that says that there are more, 0 where there are not."""

    things: tuple[Thing, ...]
    next_page: int


def read(source: Source, ledger: Ledger, kind: str, command: str) -> Answer:
    """The entries of an export of this kind; every line is ignored until its dialect marks it.

    Raises ExportError where it is no JSON, cut, empty, holds entries of another kind, or records two different answers.
    """
    again = f"export it again with {command}"
    data = load(source)
    answers = [
        answer
        for answer in _answers(data)
        if any(isinstance(item, dict) and _kind_of_item(item) == kind for item in _listed(answer))
    ]
    if not answers:
        raise ExportError("nothing that this command gives is in this JSON", again, source.path, 1)
    if any(answer != answers[0] for answer in answers[1:]) or (len(answers) > 1 and _changes(data)):
        problem = "a recording of several answers that differ: which holds now nobody can tell"
        raise ExportError(problem, again, source.path, 1)
    found = []
    for item in _listed(answers[0]):
        each = thing(item)
        if each is None or _kind_of_item(item) != kind:
            line = item.line if isinstance(item, Located) else 1
            raise ExportError("an entry of the list is not of its kind, or was cut short", again, source.path, line)
        found.append(each)
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    more = answers[0].at("nextLink") if isinstance(answers[0], Located) and answers[0].get("nextLink") else 0
    if more:
        ledger.mark(more, LineState.UNSUPPORTED)
    return Answer(tuple(found), more)


def _changes(data: Any) -> bool:
    """Whether a recorded session changed anything."""
    recorded = data.get("interactions") if isinstance(data, dict) else None
    methods = {
        each["request"].get("method")
        for each in (recorded if isinstance(recorded, list) else ())
        if isinstance(each, dict) and isinstance(each.get("request"), dict)
    }
    return bool(methods & {"PUT", "POST", "PATCH", "DELETE"})
