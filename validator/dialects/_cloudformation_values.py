"""What the intrinsic functions of a CloudFormation template give, as far as the template tells.

"Intrinsic function reference" (CloudFormation template reference): Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Select,
Fn::Split, Fn::FindInMap, Fn::If and the condition functions. A parameter has its default (see `_iac_defaults`);
one without, or of Systems Manager, is not known. What is not known keeps the function's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from validator.dialects._iac_values import Reference, Unknown, items, short, whole
from validator.dialects._json_positions import Located

NO_VALUE = object()
"""What AWS::NoValue is: the property, or the member of the list, is not there."""
_SUB = re.compile(r"\$\{([^}]*)\}")
_LONGEST = 100_000
_DEEPEST = 200


class Template:
    """The parts of a template that functions ask: parameters, mappings, conditions and the names of resources."""

    def __init__(self, body: Located, defaults: bool = True) -> None:
        self._parameters, self._defaults = _part(body, "Parameters"), defaults
        self._mappings = _part(body, "Mappings")
        self._conditions = _part(body, "Conditions")
        self._resources = _part(body, "Resources")
        self._asked: list[str] = []
        self._depth = 0
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::If": self._if,
            "Fn::Equals": self._equals,
            "Fn::And": lambda value: self._all(value, True),
            "Fn::Or": lambda value: self._all(value, False),
            "Fn::Not": self._not,
            "Condition": self.condition,
        }

    @property
    def has_defaults(self) -> bool:
        """Whether a parameter has a default, which whoever makes the stack may replace."""
        return any(isinstance(each, Located) and "Default" in each for each in self._parameters.values())

    def value(self, given: Any) -> Any:
        """`given` with its functions evaluated; objects stay Located, and lists lose what is NO_VALUE.

        Raises RecursionError where the template is nested too deep.
        """
        if isinstance(given, list):
            return [found for each in given if (found := self.value(each)) is not NO_VALUE]
        if not isinstance(given, Located):
            return given
        name = next(iter(given), "")
        if len(given) == 1 and (name.startswith("Fn::") or name in ("Ref", "Condition")):
            return self._call(name, given[name])
        found = Located(given.line)
        for key, inner in given.items():
            value = self.value(inner)
            if value is not NO_VALUE:
                found[key] = value
                found.lines[key] = given.at(key)
        return found

    def _call(self, name: str, argument: Any) -> Any:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise RecursionError
        try:
            known = self._functions.get(name)
            found = known(argument) if known is not None else None
        finally:
            self._depth -= 1
        if found is None or (isinstance(found, str | list) and len(found) > _LONGEST):
            return Unknown(_text(name, argument))
        return found

    # --- names ----------------------------------------------------------------------

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        parameter = self._parameters.get(name) if isinstance(name, str) else None
        if isinstance(parameter, Located):
            return self._default(parameter)
        return Reference(f"Ref {name}", name, "Ref") if isinstance(name, str) and name in self._resources else None

    def _default(self, parameter: Located) -> Any:
        kind, default = str(parameter.get("Type")), parameter.get("Default") if self._defaults else None
        if kind.startswith("AWS::SSM::") or isinstance(default, Located | list | Unknown) or default is None:
            return None
        if kind.startswith(("List<", "CommaDelimitedList")):
            text = str(default)
            return [part.strip() for part in text.split(",")] if text else []
        return default

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            return None
        name, attribute = parts
        return Reference(f"Fn::GetAtt {name}.{attribute}", name, attribute) if name in self._resources else None

    def _find_in_map(self, argument: Any) -> Any:
        keys = self.value(argument)
        if not isinstance(keys, list) or len(keys) < 3:
            return None
        found: Any = self._mappings
        for key in keys[:3]:
            found = found.get(str(key)) if isinstance(found, Located) and isinstance(key, str | int) else None
        return found

    # --- texts ----------------------------------------------------------------------

    def _sub(self, argument: Any) -> Any:
        text, names = argument, Located(1)
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], Located):
            text, names = argument
        if not isinstance(text, str):
            return None
        found = []
        last = 0
        for match in _SUB.finditer(text):
            found += [text[last : match.start()], self._named(match[1].strip(), names)]
            last = match.end()
        found.append(text[last:])
        kept = [part for part in found if part != ""]
        if len(kept) == 1:
            return kept[0]
        return "".join(map(_word, kept)) if all(_is_text(part) for part in kept) else None

    def _named(self, name: str, names: Located) -> Any:
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        if name in names:
            return self.value(names[name])
        found = self._get_att(name) if "." in name else self._ref(name)
        return Unknown(f"${{{name}}}") if found is None or found is NO_VALUE else found

    def _join(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 2 or not isinstance(argument[0], str):
            return None
        parts = self.value(argument[1])
        if not isinstance(parts, list) or not all(_is_text(part) for part in parts):
            return parts[0] if isinstance(parts, list) and len(parts) == 1 else None
        return argument[0].join(map(_word, parts))

    def _split(self, argument: Any) -> Any:
        found = self.value(argument)
        if not isinstance(found, list) or len(found) != 2 or not all(isinstance(part, str) for part in found):
            return None
        return found[1].split(found[0]) if found[0] else None

    def _select(self, argument: Any) -> Any:
        found = self.value(argument)
        if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list):
            return None
        at = whole(found[0])
        return found[1][at] if at is not None and 0 <= at < len(found[1]) else None

    # --- conditions -----------------------------------------------------------------

    def condition(self, name: Any) -> Any:
        """Whether the condition `name` holds; an Unknown where nobody knows."""
        if not isinstance(name, str) or name not in self._conditions or name in self._asked:
            return Unknown(f"Condition {name}")
        self._asked.append(name)
        try:
            found = self.value(self._conditions[name])
        finally:
            self._asked.pop()
        return found if isinstance(found, bool) else Unknown(f"Condition {name}")

    def _if(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 3:
            return None
        holds = self.condition(argument[0])
        if isinstance(holds, bool):
            return self.value(argument[1 if holds else 2])
        return None

    def _equals(self, argument: Any) -> Any:
        found = self.value(argument)
        if not isinstance(found, list) or len(found) != 2 or not all(_is_text(part) for part in found):
            return None
        return _word(found[0]) == _word(found[1])

    def _all(self, argument: Any, wanted: bool) -> Any:
        found = [self.value(each) for each in items(argument)]
        if any(value is (not wanted) for value in found):
            return not wanted
        return wanted if all(isinstance(value, bool) for value in found) else None

    def _not(self, argument: Any) -> Any:
        found = self.value(argument)
        return not found[0] if isinstance(found, list) and len(found) == 1 and isinstance(found[0], bool) else None


def _part(body: Located, name: str) -> Located:
    found = body.get(name)
    return found if isinstance(found, Located) else Located(body.at(name))


def _is_text(value: Any) -> bool:
    return isinstance(value, str | int)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(name: str, argument: Any) -> str:
    """A function as people would write it."""
    told = argument if isinstance(argument, str) else json.dumps(argument, default=str)
    return short(f"{name} {told}")
