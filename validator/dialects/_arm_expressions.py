"""The expressions of ARM templates, as far as they are literal.

"Understand the structure and syntax of ARM templates" and "ARM template functions" (Azure Resource Manager
documentation): a text in brackets is an expression; `parameters('x')` is the parameter's default value here, which a
deployment may replace (see `_iac_defaults`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct, field

from validator.dialects._json_positions import Located

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[()\[\],.]))")
_DEEPEST = 40
_LONGEST = 100_000


class _Open(Exception):
    """What the template alone does not tell."""


class Scope(Struct):
    """The parameters and variables of a template, by name in small letters; `used` are the lines of those asked for."""

    parameters: dict[str, tuple[Any, int]]
    variables: dict[str, tuple[Any, int]]
    used: set[int] = field(default_factory=set)
    known: dict[tuple[str, str], Any] = field(default_factory=dict)

    def resolve(self, value: Any, depth: int = 0) -> Any:
        """`value` with its expressions replaced by what they are; an expression that is not literal stays as it is
        written, or has its literal parts filled in (`[parameters('name')]/rule`)."""
        if depth > _DEEPEST:
            return value
        if isinstance(value, str):
            return self._expression(value, depth)
        if isinstance(value, list):
            return [self.resolve(each, depth + 1) for each in value]
        if isinstance(value, Located):
            found = Located(value.line)
            found.lines = value.lines
            for key, each in value.items():
                found[key] = self.resolve(each, depth + 1)
            return found
        return value

    def _expression(self, text: str, depth: int) -> Any:
        if not (text.startswith("[") and text.endswith("]")):
            return text
        if text.startswith("[["):
            return text[1:]
        try:
            return _Parser(self, text[1:-1], depth).whole()
        except _Open:
            return text

    def named(self, kind: str, name: str, depth: int) -> Any:
        """The value of a parameter or variable. Raises _Open where the template does not give it."""
        known = self.parameters if kind == "parameters" else self.variables
        value, line = known.get(name.casefold(), (None, 0))
        if value is None or depth > _DEEPEST:
            raise _Open
        self.used.add(line)
        key = (kind, name.casefold())
        if key not in self.known:
            self.known[key] = self.resolve(value, depth + 1)
        return self.known[key]


def has_defaults(template: Located) -> bool:
    """Whether a parameter has a default value."""
    return any(value is not None for value, _ in scope(template).parameters.values())


def scope(template: Located, defaults: bool = True) -> Scope:
    """The scope of a template; without `defaults` nobody knows its parameters."""
    parameters: dict[str, tuple[Any, int]] = {}
    declared = template.get("parameters") if defaults else None
    for name, each in declared.items() if isinstance(declared, Located) else ():
        if isinstance(each, Located):
            parameters[name.casefold()] = (each.get("defaultValue"), each.at("defaultValue"))
    variables: dict[str, tuple[Any, int]] = {}
    declared = template.get("variables")
    if isinstance(declared, Located):
        variables = {name.casefold(): (each, declared.at(name)) for name, each in declared.items()}
    return Scope(parameters, variables)


def is_open(value: Any) -> bool:
    """Whether a text still holds an expression."""
    return isinstance(value, str) and "[" in value


class _Parser:
    """One expression, evaluated as it is read."""

    def __init__(self, scope: Scope, text: str, depth: int) -> None:
        self._scope, self._text, self._depth = scope, text, depth
        self._at, self._nested = 0, 0

    def whole(self) -> Any:
        """The value of the whole text. Raises _Open where it is not literal, or no expression."""
        value = self._value()
        if self._text[self._at :].strip():
            raise _Open
        return value

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self._text, self._at)
        if match is None or match.lastgroup is None:
            raise _Open
        self._at = match.end()
        return match.lastgroup, match[match.lastgroup]

    def _peek(self) -> str:
        match = _TOKEN.match(self._text, self._at)
        return match[match.lastgroup] if match and match.lastgroup else ""

    def _value(self) -> Any:
        self._nested += 1
        if self._nested + self._depth > _DEEPEST:
            raise _Open
        start = self._at
        kind, token = self._next()
        value: Any
        if kind == "text":
            value = token[1:-1].replace("''", "'")
        elif kind == "number":
            value = int(token)
        elif kind == "word" and self._peek() == "(":
            value = self._called(token, self._arguments(), self._text[start : self._at].strip())
        else:
            raise _Open
        while self._peek() in (".", "["):
            value = self._member(value)
        self._nested -= 1
        return value

    def _arguments(self) -> list[Any]:
        self._next()
        found: list[Any] = []
        while self._peek() != ")":
            found.append(self._value())
            if self._peek() == ",":
                self._next()
            elif self._peek() != ")":
                raise _Open
        self._next()
        return found

    def _member(self, value: Any) -> Any:
        _, sign = self._next()
        if sign == ".":
            _, name = self._next()
            found = {key.casefold(): each for key, each in value.items()} if isinstance(value, Located) else {}
            if name.casefold() not in found:
                raise _Open
            return found[name.casefold()]
        index = self._value()
        if self._next()[1] != "]" or not isinstance(value, list) or not isinstance(index, int):
            raise _Open
        if not 0 <= index < len(value):
            raise _Open
        return value[index]

    def _called(self, name: str, arguments: list[Any], text: str) -> Any:
        """The value of a call; a call of a parameter that has no default stands for itself."""
        function = name.casefold()
        if function in ("parameters", "variables") and len(arguments) == 1 and isinstance(arguments[0], str):
            try:
                return self._scope.named(function, arguments[0], self._depth + self._nested)
            except _Open:
                return f"[{text}]"
        if function not in _FUNCTIONS:
            return f"[{text}]"
        return _FUNCTIONS[function](arguments)


def _concat(arguments: Sequence[Any]) -> Any:
    if arguments and all(isinstance(each, list) for each in arguments):
        return _bounded([entry for each in arguments for entry in each])
    return _bounded("".join(map(_text, arguments)))


def _bounded(value: Any) -> Any:
    """`value`, unless it is of a size that only a template made to be large has."""
    if len(value) > _LONGEST:
        raise _Open
    return value


def _format(arguments: Sequence[Any]) -> str:
    pattern, *values = map(_text, arguments)
    if len(pattern) * max(map(len, values), default=1) > _LONGEST:
        raise _Open
    found = re.sub(r"\{(\d+)\}", lambda match: values[int(match[1])] if int(match[1]) < len(values) else "", pattern)
    if "{" in re.sub(r"\[[^\]]*\]", "", found):
        raise _Open
    return found


def _resource_id(arguments: Sequence[Any]) -> str:
    """`resourceId([subscription], [resource group], type, name, ...)` without what comes before the type."""
    texts = list(map(_text, arguments))
    at = next((number for number, each in enumerate(texts) if "/" in each and "[" not in each), None)
    if at is None:
        raise _Open
    provider, *kinds = texts[at].strip("/").split("/")
    names = texts[at + 1 :]
    if len(names) != len(kinds) or not names:
        raise _Open
    return "/".join([provider, *(part for pair in zip(kinds, names, strict=True) for part in pair)])


def _lower(arguments: Sequence[Any]) -> str:
    (text,) = map(_text, arguments) if len(arguments) == 1 else ("[",)
    if is_open(text):
        raise _Open
    return text.lower()


def _text(value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise _Open
    return str(value)


_FUNCTIONS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "concat": _concat,
    "createarray": list,
    "format": _format,
    "resourceid": _resource_id,
    "tolower": _lower,
}
