"""What came of a run, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.conformance.cases import Case, described
from tests.conformance.rulesets import Ruleset
from tests.conformance.run import Disagreement, Tally, is_mirrored
from tests.conformance.whole import Counted, Difference

_MOST = 20


def lines(total: Tally, seconds: float) -> Iterator[str]:
    """The lines of the report: counts, what went wrong, what unknown answers hang on, disagreements; none where nothing
    was asked."""
    if not (total.counts or total.refused or total.crashes):
        return
    for name, count in sorted(total.counts.items()):
        yield f"{count:>10,} {name}"
    yield f"{seconds:>10.1f} seconds"
    for title, listed in (("refused", total.refused), ("DEFECT of the suite", total.defects), ("CRASH", total.crashes)):
        yield from _some(title, listed)
    for text, count in total.unknown.most_common(_MOST):
        yield f"{count:>10,} unknown: {text}"
    for each in total.disagreements[:_MOST]:
        yield from _disagreement(each)
    if len(total.disagreements) > _MOST:
        yield f"and {len(total.disagreements) - _MOST} more"


def _some(title: str, listed: Sequence[str]) -> Iterator[str]:
    yield from (f"{title}: {line}" for line in listed[:_MOST])
    if len(listed) > _MOST:
        yield f"{title}: {len(listed) - _MOST} more"


def whole_lines(counted: Counted, seconds: float) -> Iterator[str]:
    """The lines of the report on whole connections; none where none were made."""
    if not (counted.counts or counted.refused or counted.crashes):
        return
    yield "Whole connections:"
    for name, count in sorted(counted.counts.items()):
        yield f"{count:>10,} {name}"
    yield f"{seconds:>10.1f} seconds"
    yield from _some("refused", counted.refused)
    yield from _some("CRASH", counted.crashes)
    for each in counted.differences[:_MOST]:
        yield from _difference(each)
    if len(counted.differences) > _MOST:
        yield f"and {len(counted.differences) - _MOST} more"


def _difference(each: Difference) -> Iterator[str]:
    attempt, result = each.attempt, each.result
    way = f"from {attempt.source}" if attempt.source else "over loopback"
    real = "works" if each.works else "fails"
    yield ""
    yield f"DIFFERED {each.ruleset.name}: said to be {result.verdict.value}, and {real}:"
    yield f"{attempt.protocol} {attempt.port} {way} to {attempt.destination}"
    yield from (f"{blame.leg} {blame.action}: {blame.span.line} {blame.canonical}" for blame in result.blame)
    exported = "the rules alone" if each.ruleset.bare else "rules, addresses and settings"
    through = f", iptables through nft {each.ruleset.through_nft}" if each.ruleset.through_nft else ""
    yield f"exported: {exported}{through}{', as JSON' if each.ruleset.as_json else ''}"
    yield from _texts(each.ruleset)


def _disagreement(each: Disagreement) -> Iterator[str]:
    walked = each.interpreter or "not asked"
    yield ""
    yield f"DISAGREED {each.ruleset.name}: kernel {each.kernel}, sets {each.sets}, interpreter {walked}"
    yield f"{described(each.probe.packet)}"
    if each.probe.opening is not None:
        yield f"{'a reply' if each.probe.reply else 'next'} in the connection of {described(each.probe.opening)}"
    yield f"exported: {', '.join(each.exports)}"
    yield from _texts(each.ruleset)


def _texts(ruleset: Ruleset) -> Iterator[str]:
    for kind, text in ruleset.parts.items():
        yield f"# {kind}"
        yield text.rstrip()


def case_of(each: Disagreement) -> Case:
    """The disagreement as a case to be replayed."""
    opening = each.probe.opening if is_mirrored(each.ruleset, each.probe) else None
    return Case(each.ruleset.name, each.exports, each.probe.packet, each.kernel, opening)
