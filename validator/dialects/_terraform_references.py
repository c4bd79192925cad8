"""What the configuration part of a plan says an expression refers to.

"JSON Output Format", expression representation: `constant_value`, or `references`, the most specific first, each
followed by what contains it. What else the expression does with them is not told.
"""

from __future__ import annotations

import re
from typing import Any

from validator.dialects._iac_values import Reference, Unknown, short
from validator.dialects._json_positions import Located

_PART = re.compile(r'([^.\[]+)(\[(?:"(?:[^"\\]|\\.)*"|[^\]]*)\])?\.?')
_SINGLE = frozenset(
    ("security_group_id", "source_security_group_id", "referenced_security_group_id", "prefix_list_id")
    + ("network_security_group_id", "network_security_group_name", "subnet_id", "network_interface_id", "network")
)
"""Arguments that are one id: what they refer to is what they are."""
_DEEPEST = 50


class Configuration:
    """The configuration of one plan, and the addresses of the resources that are planned."""

    def __init__(self, body: Located) -> None:
        found = body.get("configuration")
        self._root = found.get("root_module") if isinstance(found, Located) else None
        self._planned: dict[str, list[str]] = {}
        changes = body.get("resource_changes")
        for each in changes if isinstance(changes, list) else ():
            if isinstance(each, Located) and isinstance(each.get("address"), str):
                self._planned.setdefault(_without_index(each["address"]), []).append(each["address"])

    def arguments(self, address: str) -> frozenset[str] | None:
        """The arguments that the configuration of a resource gives; None where there is no configuration of it."""
        expressions = self._expressions(address)
        return None if expressions is None else frozenset(expressions)

    def value(self, address: str, key: str) -> Unknown:
        """The value of an argument that is not known yet, as what it refers to."""
        path, _ = _split(address)
        expressions = self._expressions(address) or Located(1)
        if key in _SINGLE:
            found = self._resolve(expressions.get(key), path, 0)
            if found is not None:
                return found
        return Unknown(_text(expressions.get(key)) or f"{address}.{key}")

    def _expressions(self, address: str) -> Located | None:
        path, name = _split(address)
        module = self._module(path)
        for each in _list(module, "resources"):
            expressions = each.get("expressions", Located(1))
            if each.get("address") == _without_index(name) and isinstance(expressions, Located):
                return expressions
        return None

    def _module(self, path: list[str]) -> Any:
        module = self._root
        for step in path:
            call = self._call(module, step)
            module = call.get("module") if call is not None else None
        return module

    def _call(self, module: Any, step: str) -> Located | None:
        calls = module.get("module_calls") if isinstance(module, Located) else None
        found = calls.get(_without_index(step)) if isinstance(calls, Located) else None
        return found if isinstance(found, Located) else None

    def _resolve(self, expression: Any, path: list[str], depth: int) -> Reference | None:
        """The one attribute that an expression in the module at `path` refers to; None where there is not just one."""
        names = _specific(expression)
        if len(names) != 1 or depth > _DEEPEST:
            return None
        parts = _PART.findall(names[0])
        words = [word for word, _ in parts]
        if words[0] == "var" and len(words) == 2 and path:
            call = self._call(self._module(path[:-1]), path[-1])
            given = call.get("expressions") if call is not None else None
            return self._resolve(given.get(words[1]) if isinstance(given, Located) else None, path[:-1], depth + 1)
        if words[0] == "module" and len(words) == 3:
            inner = [*path, words[1] + parts[1][1]]
            module = self._module(inner)
            outputs = module.get("outputs") if isinstance(module, Located) else None
            output = outputs.get(words[2]) if isinstance(outputs, Located) else None
            return self._resolve(output.get("expression") if isinstance(output, Located) else None, inner, depth + 1)
        if words[0] in ("var", "local", "data", "each", "count", "module", "path") or len(words) != 3:
            return None
        prefix = "".join(f"module.{step}." for step in path)
        wanted = f"{prefix}{words[0]}.{words[1]}"
        there = self._planned.get(_without_index(wanted), [])
        exact = wanted + parts[1][1]
        address = exact if exact in there else there[0] if len(there) == 1 and not parts[1][1] else None
        return Reference(f"{address}.{words[2]}", address, words[2]) if address else None


def _list(module: Any, key: str) -> list[Located]:
    found = module.get(key) if isinstance(module, Located) else None
    return [each for each in found if isinstance(each, Located)] if isinstance(found, list) else []


def _specific(expression: Any) -> list[str]:
    """The references of an expression without those that only contain another."""
    found = expression.get("references") if isinstance(expression, Located) else None
    names = [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
    return [
        name
        for name in dict.fromkeys(names)
        if not any(other != name and other.startswith((name + ".", name + "[")) for other in names)
    ]


def _text(expression: Any) -> str:
    return short(", ".join(_specific(expression)))


def _without_index(address: str) -> str:
    return re.sub(r'\[(?:"(?:[^"\\]|\\.)*"|[^\]]*)\]', "", address)


def _split(address: str) -> tuple[list[str], str]:
    """The modules that an address goes through, with their index, and the resource in the last."""
    parts = [word + index for word, index in _PART.findall(address)]
    path = []
    while len(parts) > 2 and parts[0] == "module":
        path.append(parts[1])
        parts = parts[2:]
    return path, ".".join(parts)
