"""Functions of Terraform's language that need nothing but their arguments.

"Functions" (Terraform language documentation): each does what the page of its name says. A function that is not here,
or that its arguments do not fit, gives None: the expression is then one that only Terraform evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from itertools import chain
from typing import Any

from validator.dialects._iac_values import Reference, Unknown, unknowns, whole

MOST = 10_000
"""The longest list, and text, that is made here."""


class NotHere(Exception):
    """Only Terraform can tell."""


class Set(list[Any]):
    """A set: no member twice, in Terraform's order; the key of a member is the member."""


def call(name: str, arguments: Sequence[Any]) -> Any:
    """What the function gives. Raises NotHere where only Terraform can tell (it may say that it is an error)."""
    if name in _LAZY:
        return _LAZY[name](*_fitting(name, arguments))
    if name not in _STRICT or any(True for _ in unknowns(list(arguments))):
        raise NotHere
    try:
        return _STRICT[name](*_fitting(name, arguments))
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        raise NotHere from None


def _fitting(name: str, arguments: Sequence[Any]) -> Sequence[Any]:
    few, most = _ARGUMENTS.get(name, (1, 100))
    if not few <= len(arguments) <= most:
        raise NotHere
    return arguments


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of one type, as Terraform compares."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def text_of(value: Any) -> str:
    """A value in a string. Raises NotHere for what has no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise NotHere


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise NotHere
    return value


def _map(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotHere
    return value


def _distinct(values: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    seen: set[str] = set()
    for value in values:
        key = repr(value)
        if key not in seen and not any(same(value, other) for other in found if not isinstance(value, str)):
            found.append(value)
        seen.add(key)
    return found


def _concat(*lists: Any) -> Any:
    if any(not isinstance(each, list) for each in lists):
        raise NotHere
    return _bounded(list(chain.from_iterable(lists)))


def _bounded(found: list[Any]) -> list[Any]:
    if len(found) > MOST:
        raise NotHere
    return found


def _flatten(values: Any) -> list[Any]:
    found: list[Any] = []
    for value in _list(values):
        if isinstance(value, Unknown) and not isinstance(value, Reference):
            raise NotHere  # it may be a list
        found += _flatten(value) if isinstance(value, list) else [value]
    return _bounded(found)


def _toset(values: Any) -> Set:
    found = _distinct(_list(values))
    if any(True for _ in unknowns(found)):
        return Set(found)
    numbers = all(isinstance(value, int | float) for value in found)
    return Set(sorted(found) if numbers else sorted(found, key=text_of))


def _tolist(values: Any) -> list[Any]:
    if isinstance(values, Set) and any(True for _ in unknowns(list(values))):
        raise NotHere  # their order is that of values nobody knows
    return list(_list(values))


def _merge(*maps: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in maps:
        found.update(_map(each) if each is not None else {})
    return found


def _join(separator: Any, values: Any) -> Any:
    parts = _list(values)
    if len(parts) == 1 and isinstance(parts[0], Unknown):
        return parts[0]  # join("", resource.*.id), as it was written before one()
    return str(separator).join(text_of(part) for part in parts)


def _lookup(values: Any, key: Any, *default: Any) -> Any:
    found = _map(values)
    if isinstance(key, Unknown) or (key not in found and not default):
        raise NotHere
    return found.get(key, *default)


def _element(values: Any, number: Any) -> Any:
    found, at = _list(values), whole(number)
    if not found or at is None:
        raise NotHere
    return found[at % len(found)]


def _one(values: Any) -> Any:
    found = _list(values)
    if len(found) > 1:
        raise NotHere
    return found[0] if found else None


def _try(*values: Any) -> Any:
    if isinstance(values[0], Unknown):
        raise NotHere  # whether it is an error nobody knows
    return values[0]


def _range(*numbers: Any) -> list[int]:
    found = [whole(number) for number in numbers]
    if any(number is None for number in found):
        raise NotHere
    told = [number for number in found if number is not None]
    first, last = (0, told[0]) if len(told) == 1 else (told[0], told[1])
    step = told[2] if len(told) == 3 else 1 if first <= last else -1
    made = range(first, last, step)
    if len(made) > MOST or (not made and first != last):
        raise NotHere
    return list(made)


def _coalesce(*values: Any) -> Any:
    return next(value for value in values if value is not None and value != "")


def _cidrsubnet(block: Any, bits: Any, number: Any) -> str:
    network = ip_network(block, strict=False)
    more, at = whole(bits), whole(number)
    if more is None or at is None or more < 0 or at < 0 or at >> more:
        raise NotHere
    length = network.prefixlen + more
    if length > network.max_prefixlen:
        raise NotHere
    first = int(network.network_address) + (at << (network.max_prefixlen - length))
    return str(ip_network((first, length)))


def _number(value: Any) -> Any:
    found = whole(value)
    if found is None:
        raise NotHere
    return found


def _split(separator: Any, text: Any) -> list[str]:
    return _bounded(text.split(separator) if separator else list(text))


def _length(value: Any) -> int:
    if isinstance(value, str) and not value.isascii():
        raise NotHere  # characters as people see them are counted
    return len(value)


def _unchanged(value: Any) -> Any:
    return value


_LAZY: Mapping[str, Callable[..., Any]] = {
    "concat": _concat,
    "element": _element,
    "flatten": _flatten,
    "join": _join,
    "lookup": _lookup,
    "merge": _merge,
    "nonsensitive": _unchanged,
    "one": _one,
    "sensitive": _unchanged,
    "tolist": _tolist,
    "tomap": lambda values: _map(values),
    "toset": _toset,
    "try": _try,
    "values": lambda values: [value for _, value in sorted(_map(values).items())],
}
"""Functions that keep what is not known among the members of a list or map where it was."""
_STRICT: Mapping[str, Callable[..., Any]] = {
    "cidrsubnet": _cidrsubnet,
    "coalesce": _coalesce,
    "compact": lambda values: [value for value in _list(values) if value is not None and value != ""],
    "contains": lambda values, value: any(same(value, each) for each in _list(values)),
    "distinct": lambda values: _distinct(_list(values)),
    "keys": lambda values: sorted(_map(values)),
    "length": _length,
    "lower": lambda text: text.lower(),
    "max": lambda *numbers: max(_number(number) for number in numbers),
    "min": lambda *numbers: min(_number(number) for number in numbers),
    "range": _range,
    "reverse": lambda values: _list(values)[::-1],
    "setunion": lambda *lists: _toset(_concat(*lists)),
    "sort": lambda values: sorted(str.__str__(value) for value in _list(values)),
    "split": _split,
    "tonumber": _number,
    "tostring": text_of,
    "trimspace": lambda text: text.strip(),
    "upper": lambda text: text.upper(),
    "zipmap": lambda names, values: dict(zip(names, values, strict=True)),
}
_ARGUMENTS = {
    **dict.fromkeys((*_LAZY, *_STRICT), (1, 1)),
    **dict.fromkeys(("concat", "merge", "try", "coalesce", "max", "min", "setunion"), (1, 100)),
    **dict.fromkeys(("element", "join", "contains", "split", "zipmap"), (2, 2)),
    "lookup": (2, 3),
    "range": (1, 3),
    "cidrsubnet": (3, 3),
}
