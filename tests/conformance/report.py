"""What came of a run, for people."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.cases import Case, described
from tests.conformance.run import Disagreement, Tally, is_mirrored

_MOST = 20


def lines(total: Tally, seconds: float) -> Iterator[str]:
    """The lines of the report: counts, what went wrong, what unknown answers hang on, disagreements."""
    for name, count in sorted(total.counts.items()):
        yield f"{count:>10,} {name}"
    yield f"{seconds:>10.1f} seconds"
    for title, listed in (("refused", total.refused), ("DEFECT of the suite", total.defects), ("CRASH", total.crashes)):
        yield from (f"{title}: {line}" for line in listed[:_MOST])
        if len(listed) > _MOST:
            yield f"{title}: {len(listed) - _MOST} more"
    for text, count in total.unknown.most_common(_MOST):
        yield f"{count:>10,} unknown: {text}"
    for each in total.disagreements[:_MOST]:
        yield from _disagreement(each)
    if len(total.disagreements) > _MOST:
        yield f"and {len(total.disagreements) - _MOST} more"


def _disagreement(each: Disagreement) -> Iterator[str]:
    walked = each.interpreter or "not asked"
    yield ""
    yield f"DISAGREED {each.ruleset.name}: kernel {each.kernel}, sets {each.sets}, interpreter {walked}"
    yield f"{described(each.probe.packet)}"
    if each.probe.opening is not None:
        yield f"{'a reply' if each.probe.reply else 'next'} in the connection of {described(each.probe.opening)}"
    yield f"exported: {', '.join(each.exports)}"
    for kind, text in each.ruleset.parts.items():
        yield f"# {kind}"
        yield text.rstrip()


def case_of(each: Disagreement) -> Case:
    """The disagreement as a case to be replayed."""
    opening = each.probe.opening if is_mirrored(each.ruleset, each.probe) else None
    return Case(each.ruleset.name, each.exports, each.probe.packet, each.kernel, opening)
