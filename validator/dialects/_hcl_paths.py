"""What stands where in a value of Terraform's language: members, attributes, splats.

"References to Values" and "Splat Expressions" (Terraform language documentation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct

from validator.dialects._hcl_functions import NotHere, Set
from validator.dialects._iac_values import Unknown, whole


class Handle(Protocol):
    """A resource or module whose attributes are evaluated when they are asked for."""

    def get(self, name: str) -> Any:
        """The attribute `name`. Raises NotHere."""


class Splat(Struct, frozen=True):
    """Every member of a list, and in each what stands at the end of `steps`."""

    steps: tuple[Step, ...]


Step = str | int | Unknown | Splat
"""One step of a traversal: an attribute's or key's name, a position, one that nobody knows, or a splat."""


def pairs(source: Any) -> list[tuple[Any, Any]]:
    """Key and value of every member of a list, set or map. Raises NotHere for what is none, or is not known."""
    if isinstance(source, Set):
        return [(value, value) for value in source]
    if isinstance(source, list):
        return list(enumerate(source))
    if isinstance(source, dict):
        return sorted(source.items())
    raise NotHere


def follow(value: Any, steps: Sequence[Step]) -> Any:
    """What stands at the end of `steps` in `value`. Raises NotHere where nothing does, or nobody knows."""
    for step in steps:
        if isinstance(step, Splat):
            if isinstance(value, Unknown):
                raise NotHere
            members = value if isinstance(value, list) else [] if value is None else [value]
            value = [follow(member, step.steps) for member in members]
            continue
        if isinstance(step, str) and not isinstance(value, dict) and hasattr(value, "get"):
            value = value.get(step)
            continue
        if isinstance(value, dict) and isinstance(step, str) and step in value:
            value = value[step]
            continue
        at = whole(step)
        if not isinstance(value, list) or at is None or not 0 <= at < len(value):
            raise NotHere
        value = value[at]
    return value
