"""What the body of a block says: its attributes' values, its nested blocks, and those that dynamic blocks make.

"dynamic Blocks" and "The for_each Meta-Argument" (Terraform language documentation).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validator.dialects._hcl_evaluate import Scope, evaluate
from validator.dialects._hcl_functions import Set
from validator.dialects._hcl_paths import pairs
from validator.dialects._hcl_tree import Block, Body
from validator.dialects._iac_values import Unknown
from validator.dialects._json_positions import Located

META = frozenset(("count", "for_each", "provider", "depends_on"))
"""Arguments that are Terraform's own, not the resource's."""
MOST = 5_000
"""How many instances of a block are made."""
_ASIDE = frozenset(("lifecycle", "connection", "provisioner", "timeouts"))


def countable(listed: Any) -> bool:
    """Whether `listed` is a list or map that is known, and not too long to go through."""
    return isinstance(listed, list | dict) and len(listed) <= MOST


def members(listed: Any, scope: Scope, name: str) -> Iterator[tuple[Any, Scope, str]]:
    """A scope for each member that for_each goes through."""
    for key, value in pairs(Set(listed) if isinstance(listed, list) else listed):
        if isinstance(key, Unknown):
            yield key, scope.inner(**{name: {"key": key, "value": value}}), f"for_each = {key.text} makes it"
        else:
            yield str(key), scope.inner(**{name: {"key": key, "value": value}}), ""


def values_of(body: Body, scope: Scope, line: int) -> Located:
    """What a body says: attributes, and under the type of nested blocks the list of them. A dynamic block whose
    members nobody knows gives an Unknown in that list."""
    found = Located(line)
    for name, (expression, at) in body.attributes.items():
        if name not in META:
            found[name] = _placed(evaluate(expression, scope), at)
            found.lines[name] = at
    for block in body.blocks:
        name = block.labels[0] if block.type == "dynamic" and block.labels else block.type
        if name in _ASIDE:
            continue
        made = [values_of(block.body, scope, block.line)] if block.type != "dynamic" else _dynamic(block, name, scope)
        if made:  # a dynamic block that makes none is as if it were not there
            before = found.get(name)
            found[name] = [*(before if isinstance(before, list) else ()), *made]
            found.lines.setdefault(name, block.line)
    return found


def _placed(value: Any, line: int) -> Any:
    """Objects in a list (`ingress = [{...}]`) as Located."""
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [_object(each, line) for each in value]
    return value


def _object(value: Any, line: int) -> Any:
    if not isinstance(value, dict):
        return value
    found = Located(line)
    found.update(value)
    return found


def _dynamic(block: Block, name: str, scope: Scope) -> list[Any]:
    each = block.body.attributes.get("for_each")
    content = next((inner for inner in block.body.blocks if inner.type == "content"), None)
    iterator = block.body.attributes.get("iterator")
    label = iterator[0].text[iterator[0].node.meta.start_pos : iterator[0].node.meta.end_pos] if iterator else name
    listed = evaluate(each[0], scope) if each else Unknown(f"dynamic {name}")
    if content is None:
        return [Unknown(f"dynamic {name}")]
    if not countable(listed):
        text = listed.text if isinstance(listed, Unknown) else "for_each"
        return [_Unsure(values_of(content.body, scope, content.line), text)]
    found = []
    for _, inner, doubt in members(listed, scope, label):
        made = values_of(content.body, inner, content.line)
        found.append(_Unsure(made, doubt) if doubt else made)
    return found


class _Unsure(Located):
    """A nested block that may not be there."""

    __slots__ = ("doubt",)

    def __init__(self, block: Located, doubt: str) -> None:
        super().__init__(block.line)
        self.update(block)
        self.lines.update(block.lines)
        self.doubt = doubt


def doubt_of(block: Any) -> str:
    """Why a nested block may not be there; empty where it surely is."""
    return str(getattr(block, "doubt", ""))
