"""Many things that each ask for some values of a field: those that may meet a few values, without a look at all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from validator.packets.fields import Intervals

T = TypeVar("T")


class Buckets(Generic[T]):
    """Things, put where they meet one of the intervals of `whole`; things that ask for no values meet all."""

    def __init__(self, whole: Intervals, things: Iterable[tuple[Intervals | None, T]]) -> None:
        self._whole, self._highs = whole, [high for _, high in whole]
        self._things: list[T] = []
        self._always: list[int] = []
        self._inside: list[list[int]] = [[] for _ in whole]
        for number, (asked, thing) in enumerate(things):
            self._things.append(thing)
            if asked is None:
                self._always.append(number)
                continue
            for place in self._met(asked):
                self._inside[place].append(number)

    def near(self, asked: Intervals) -> Sequence[T]:
        """The things that may meet one of the values `asked`, which are within the whole; each once, in order."""
        found = set(self._always)
        for place in self._met(asked):
            found.update(self._inside[place])
        return [self._things[number] for number in sorted(found)]

    def _met(self, asked: Intervals) -> Iterable[int]:
        """The intervals of the whole that `asked` meets, by their numbers; one may be there twice."""
        for low, high in asked:
            for place in range(bisect_left(self._highs, low), len(self._whole)):
                if self._whole[place][0] > high:
                    break
                yield place
