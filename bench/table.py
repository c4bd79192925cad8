"""Tables for a terminal, and what a figure says beside its goal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.measure import MOST_SECONDS, Sample

_ENDED = {0: "", 1: "", 2: "refused", 3: "our fault", -9: f"ended at {MOST_SECONDS} s"}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a command may take at most: seconds, and megabytes where that matters."""

    seconds: float
    megabytes: float | None = None

    def verdict(self, sample: Sample) -> str:
        """The goal, and whether `sample` meets it."""
        text = f"{self.seconds:g} s" + (f", {self.megabytes:g} MB" if self.megabytes else "")
        met = sample.wall <= self.seconds and (self.megabytes is None or sample.megabytes <= self.megabytes)
        return f"{text}: {'met' if met and sample.status in (0, 1) else 'MISSED'}"


def show(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: the first column to the left, the others to the right."""
    table = [list(headings), *map(list, rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(headings))]
    print(f"\n{title}")
    for row in table:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print(("  " + "  ".join(cells)).rstrip(), flush=True)


SAMPLE_HEADINGS = ("wall s", "CPU s", "peak MB", "")


def cells(sample: Sample) -> tuple[str, str, str, str]:
    """A sample under SAMPLE_HEADINGS; the last says how a run ended that gave no report."""
    ended = _ENDED.get(sample.status, f"status {sample.status}")
    return f"{sample.wall:.3f}", f"{sample.processor:.3f}", f"{sample.megabytes:.0f}", ended


def ratio(sample: Sample, base: Sample | None) -> str:
    """How many times `base` a sample took; empty where there is nothing to compare with."""
    return f"{sample.wall / base.wall:.1f} x" if base and base.wall and base.status == 0 else "-"
