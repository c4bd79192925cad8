"""Label selectors against labels that are known in full, or in part.

"Labels and Selectors" (Kubernetes documentation): all requirements must hold; NotIn and DoesNotExist hold for objects
without the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from validator.dialects._kubernetes_data import Selector


def selects(selector: Selector, labels: Mapping[str, str], complete: bool) -> bool | None:
    """Whether `selector` is true of `labels`; None where that hangs on labels that are not known."""
    answers = [_label(labels.get(key), ("In", (value,)), complete) for key, value in selector.labels]
    answers += [_label(labels.get(key), (operator, values), complete) for key, operator, values in selector.expressions]
    return all_of(answers)


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """Whether all answers are yes; no as soon as one is no."""
    listed = list(answers)
    if False in listed:
        return False
    return None if None in listed else True


def _label(value: str | None, requirement: tuple[str, tuple[str, ...]], complete: bool) -> bool | None:
    operator, values = requirement
    if value is None and not complete:
        return None
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
