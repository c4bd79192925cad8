"""What leads to what: names, and those that each of them names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def led_to(next_of: Mapping[str, Iterable[str]], start: Iterable[str]) -> set[str]:
    """What `next_of` leads to from `start`, itself included, whether it is a key or not."""
    found: set[str] = set()
    todo = set(start)
    while todo:
        found |= todo
        todo = {other for name in todo for other in next_of.get(name, ())} - found
    return found


def turned_round(next_of: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """For each name, those that name it."""
    found: dict[str, list[str]] = {}
    for name, others in next_of.items():
        for other in others:
            found.setdefault(other, []).append(name)
    return found
