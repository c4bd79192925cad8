"""YAML documents that know their lines: read, validated with a JSON Schema, errors with file and line.

The safe loader of PyYAML, which makes only plain data. Duplicate keys are refused, since YAML
says that they are an error and PyYAML lets the last one win.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from validator.errors import UserError

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 100_000
MOST_DEPTH = 100
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)$")
_SCHEMAS = Path(__file__).parent / "schemas"
Where = tuple[str | int, ...]
"""The way to a node of a document: keys and positions."""


class Document(Struct, frozen=True):
    """A YAML document: `data` as plain values, `lines` the 1-based line of each node by its way."""

    path: str
    data: Any
    lines: Mapping[Where, int]

    def line(self, where: Sequence[str | int]) -> int:
        """The line of the node at `where`, or of the nearest one above it."""
        way = tuple(where)
        while way and way not in self.lines:
            way = way[:-1]
        return self.lines.get(way, 1)


def read(path: str, kind: type[UserError]) -> Document:
    """Read the YAML document at `path`; raises `kind` where that cannot be done."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise kind("the file is too large", "a policy or site file has a few kilobytes", path)
        text = Path(path).read_bytes().decode("utf-8-sig")
        check_depth(text)
        node = yaml.compose(text, loader)
        if node is None:
            raise kind("the file is empty", "see docs/ for an example", path, 1)
        lines: dict[Where, int] = {}
        _walk(node, (), lines, path, kind)
        data = yaml.load(text, loader)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise kind(f"cannot be read ({reason})", "check the path and the file", path) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is not YAML"
        line = mark.line + 1 if mark else 1
        raise kind(f"not valid YAML ({problem})", "mend the line", path, line) from None
    except (ValueError, RecursionError):
        raise kind("not valid YAML (too deep, or a value out of range)", "simplify it", path, 1) from None
    return Document(path, data, lines)


def check_depth(text: str) -> None:
    """Raise RecursionError where a document's nodes are nested deeper than MOST_DEPTH, and yaml.YAMLError where it is
    none: libyaml's composer recurses in C, and would end the process."""
    import yaml

    depth = 0
    for event in yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                raise RecursionError
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _walk(node: yaml.Node, way: Where, lines: dict[Where, int], path: str, kind: type[UserError]) -> None:
    """Note the line of every node; refuse duplicate keys, aliases that grow, and keys that are no text."""
    import yaml

    line = node.start_mark.line + 1
    if len(lines) > MAX_NODES:
        raise kind("the file has too many values", "a policy or site file has a few hundred", path, line)
    lines[way] = line
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":int") and not _DECIMAL.match(node.value):
        problem = f"YAML reads {node.value} as the number {_number(node)}"
        raise kind(problem, f"write the number meant, or quote it: {node.value!r}", path, line)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise kind("a key must be text", "write `key: value`", path, line)
            if not key.tag.endswith((":str", ":merge")):
                raise kind(f"YAML reads the key {key.value} as no text", f"quote it: {key.value!r}", path, line)
            name = (*way, str(key.value))
            if name in lines:
                raise kind(f"the key {key.value!r} stands twice", "keep one of them", path, line)
            _walk(value, name, lines, path, kind)
            lines[name] = line
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _walk(value, (*way, position), lines, path, kind)


def _number(node: yaml.ScalarNode) -> Any:
    """What YAML 1.1 makes of a number like `20:21` (base 60) or `0443` (base 8)."""
    import yaml

    return yaml.SafeLoader("").construct_object(node)


def validate(document: Document, schema: str, kind: type[UserError]) -> None:
    """Hold `document` to the JSON Schema `schema` (a name in validator/schemas); raises `kind`."""
    import jsonschema

    rules = json.loads((_SCHEMAS / f"{schema}.schema.json").read_text("utf-8"))
    checker = jsonschema.Draft202012Validator(rules)
    error = jsonschema.exceptions.best_match(checker.iter_errors(document.data))
    if error is None:
        return
    where = list(error.absolute_path)
    remedy = f"see the schema {schema}.schema.json"
    problem = error.message if len(error.message) < 200 else error.message[:200] + "..."
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = [str(key) for key in error.schema.get("properties", {})]
        extra = next(str(key) for key in error.instance if str(key) not in known)
        where.append(extra)
        problem = f"unknown key {extra!r}"
        close = get_close_matches(extra, known, 1)
        remedy = f"did you mean {close[0]!r}?" if close else "known keys: " + ", ".join(known)
    raise kind(problem, remedy, document.path, document.line(where))
