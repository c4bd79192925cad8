"""YAML that knows its lines: documents of plain values, whose mappings remember where they and their keys stand.

The shape is that of `_json_positions`: mappings are Located. What YAML makes no number, truth value or null of is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from validator.dialects._json_positions import Located
from validator.errors import ExportError
from validator.source import Source
from validator.yaml_lines import MOST_DEPTH, check_depth

if TYPE_CHECKING:
    import yaml

_AGAIN = "mend the line, or export it again"
_WORDS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}


def load_all(source: Source) -> list[Any]:
    """The documents in `source`, empty ones left out. Raises ExportError where it is no YAML, or ambiguous."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reader = _Reader(source.path, most=len(source.text) + 100)
    try:
        check_depth(source.text)
        return [reader.value(node, 0) for node in yaml.compose_all(source.text, loader) if not _is_empty(node)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = " ".join(str(getattr(error, "problem", None) or "it cannot be read").split())
        line = min(mark.line + 1, len(source.lines)) if mark else 1
        raise ExportError(f"not valid YAML ({problem})", _AGAIN, source.path, line) from None
    except (RecursionError, ValueError, OverflowError):
        problem = "YAML that is nested too deep, or a value out of range"
        raise ExportError(problem, _AGAIN, source.path, 1) from None


def _is_empty(node: yaml.Node) -> bool:
    return node is None or node.tag.endswith(":null")


class _Reader:
    """Turns nodes into values; counts them, since aliases can make more of them than there are characters."""

    def __init__(self, path: str, most: int) -> None:
        self._path, self._most = path, most
        self._values = 0

    def value(self, node: yaml.Node, depth: int) -> Any:
        """What `node` is; raises ExportError for what has no plain value, RecursionError where it is too deep."""
        import yaml

        self._values += 1
        if self._values > self._most or depth > MOST_DEPTH:
            raise RecursionError
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, depth + 1) for each in node.value]
        if isinstance(node, yaml.MappingNode):
            found = Located(node.start_mark.line + 1)
            for key, value in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                    raise ExportError("a key that is no text", _AGAIN, self._path, line)
                if key.value in found:
                    problem = f"the key {key.value[:40]!r} stands twice in one mapping"
                    raise ExportError(problem, "keep one of them", self._path, line)
                found[key.value] = self.value(value, depth + 1)
                found.lines[key.value] = line
            return found
        return _scalar(node)


def _scalar(node: yaml.Node) -> Any:
    import yaml

    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return _WORDS.get(text.lower(), text)
    if kind == "int":
        return yaml.SafeLoader("").construct_object(node)
    return text
