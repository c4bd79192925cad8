"""A CloudFormation template as objects that know their lines, from YAML or JSON.

"CloudFormation template formats": YAML's short forms (`!Ref x`, `!GetAtt a.b`, `!Sub ...`) mean the same as the keys
`Ref` and `Fn::...`, which is how they are given here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.source import Source

if TYPE_CHECKING:
    import yaml

MAX_NODES = 300_000
_AGAIN = "see whether aws cloudformation validate-template takes it"
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]{0,15})$")


def read(source: Source) -> Located:
    """The template in `source`. Raises ExportError where it is neither YAML nor JSON, or no object."""
    head = next((line.lstrip() for line in source.lines if line.strip()), "")
    try:
        found = load(source) if head.startswith("{") else _yaml(source)
    except RecursionError:
        raise ExportError("YAML that is nested too deep", _AGAIN, source.path, 1) from None
    if not isinstance(found, Located):
        raise ExportError("this is no CloudFormation template", _AGAIN, source.path, 1)
    return found


def _yaml(source: Source) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(source.text, loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is not YAML"
        line = min(mark.line + 1, len(source.lines)) if mark else 1
        raise ExportError(
            f"not valid YAML ({' '.join(str(problem).split())[:80]})", _AGAIN, source.path, line
        ) from None
    except ValueError:
        raise ExportError("not valid YAML (a value out of range)", _AGAIN, source.path, 1) from None
    return _Reader(source.path).value(node) if node is not None else None


class _Reader:
    def __init__(self, path: str) -> None:
        self._path, self._nodes = path, 0

    def value(self, node: yaml.Node) -> Any:
        """The value of a node. Raises ExportError for a key that stands twice, or aliases that grow."""
        self._nodes += 1
        line = node.start_mark.line + 1
        if self._nodes > MAX_NODES:
            raise ExportError(f"the template has more than {MAX_NODES:,} values", "split it", self._path, line)
        plain = self._plain(node, line)
        if not node.tag.startswith("!"):
            return plain
        name = node.tag[1:]
        found = Located(line)
        key = name if name in ("Ref", "Condition") else f"Fn::{name}"
        found[key] = plain
        found.lines[key] = line
        return found

    def _plain(self, node: yaml.Node, line: int) -> Any:
        if isinstance(node.value, str):
            return _scalar(node)
        if not node.value or not isinstance(node.value[0], tuple):
            return [self.value(each) for each in node.value] if _is_list(node) else Located(line)
        found = Located(line)
        for key, value in node.value:
            name, at = _name(key), key.start_mark.line + 1
            if name in found:
                problem = f"the key {name[:40]!r} stands twice in one object"
                raise ExportError(problem, "keep one of them", self._path, at)
            found[name] = self.value(value)
            found.lines[name] = at
        return found


def _name(node: yaml.Node) -> str:
    return node.value if isinstance(node.value, str) else "?"


def _is_list(node: yaml.Node) -> bool:
    return type(node).__name__ == "SequenceNode"


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("true", "yes", "on")
    return int(text) if kind == "int" and _DECIMAL.match(text) else text
