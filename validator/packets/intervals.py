"""Sets of integers as sorted, disjoint, non-adjacent inclusive ranges."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from validator.packets.fields import Interval, Intervals


def normalise(ranges: Iterable[Interval]) -> Intervals:
    """Sort and merge `ranges`; empty ones (low above high) vanish."""
    merged: list[Interval] = []
    for low, high in sorted(ranges):
        if low > high:
            continue
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Intervals, top: int) -> Intervals:
    """The values from 0 to `top` that are not in `ranges` (normal form in and out)."""
    gaps: list[Interval] = []
    start = 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= top:
        gaps.append((start, top))
    return tuple(gaps)


def intersect(a: Intervals, b: Intervals) -> Intervals:
    """The values in both (normal form in and out)."""
    result: list[Interval] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if low <= high:
            result.append((low, high))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(result)


def meets(a: Intervals, b: Intervals) -> bool:
    """Whether the two share a value."""
    if len(a) > len(b):
        a, b = b, a
    if len(a) == 1:
        low, high = a[0]
        if len(b) == 1:
            return low <= b[0][1] and b[0][0] <= high
        at = bisect_left(b, (high + 1,))  # the first that begins behind it
        return at > 0 and b[at - 1][1] >= low
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i][0] <= b[j][1] and b[j][0] <= a[i][1]:
            return True
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return False


def contains(ranges: Intervals, value: int) -> bool:
    """Whether `value` is in `ranges`."""
    return any(low <= value <= high for low, high in ranges)
