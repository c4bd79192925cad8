"""Sequences that are made when somebody asks for what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, TypeVarTuple, overload

T = TypeVar("T", covariant=True)
Ts = TypeVarTuple("Ts")


class Deferred(Sequence[T]):
    """What `make` returns for `of`, which is called once, and only if it must be: most chains of a big ruleset are
    never met."""

    __slots__ = ("_items", "_make", "_of")

    def __init__(self, make: Callable[[*Ts], Sequence[T]], *of: *Ts) -> None:
        self._make: Callable[..., Sequence[T]] | None = make
        self._of: tuple[Any, ...] = of
        self._items: Sequence[T] = ()

    @property
    def _made(self) -> Sequence[T]:
        if self._make is not None:
            self._items, self._make, self._of = self._make(*self._of), None, ()
        return self._items

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        return self._made[at]

    def __len__(self) -> int:
        return len(self._made)

    def __iter__(self) -> Iterator[T]:
        return iter(self._made)
