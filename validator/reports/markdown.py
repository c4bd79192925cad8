"""The report as Markdown for a pull request's comment: the verdict table first, details collapsed.

GitHub takes at most 65,536 characters in a comment; what does not fit is left out, and the report
says so. The first line is a marker by which a bot finds its own comment again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from validator.reports.safe_text import code, markdown
from validator.reports.verdict_table import Row, Section, sections
from validator.reports.wording import (
    alternative_text,
    alternatives,
    decider,
    headline,
    packet_text,
    place,
    times,
    worst_first,
)
from validator.results import Finding, Report, Result

NAME = "markdown"
MARKER = "<!-- portproof -->"
LIMIT = 65_000
_MOST_LINES = 5
_RESERVE = 600
_LABELS = {"BLOCKED": "**BLOCKED**", "PARTIAL": "**PARTIAL**", "UNKNOWN": "**UNKNOWN**"}


class _Block(Struct, frozen=True):
    """A part that can be cut between two of its items; `head` and `foot` are always whole."""

    head: str
    items: Sequence[str]
    foot: str
    word: str


def render(report: Report) -> str:
    """The report as Markdown of fewer than LIMIT characters."""
    blocks = [*_tables(report), *_details(report)]
    written = [MARKER, *_answer(report)]
    used = sum(len(part) + 1 for part in written) + _RESERVE
    left_out: list[str] = []
    for block in blocks:
        room = LIMIT - used - len(block.head) - len(block.foot) - 2
        kept = _fitting(block.items, room)
        if len(kept) < len(block.items):
            left_out.append(f"{len(block.items) - len(kept):,} of {times(len(block.items), block.word)}")
        if kept:
            part = "\n".join([block.head, *kept, block.foot]) if block.foot else "\n".join([block.head, *kept])
            written.append(part)
            used += len(part) + 1
    if left_out:
        written.append(f"\n**Cut to fit a comment.** Left out: {', '.join(left_out)}. `--format json` has all.")
    return "\n".join(written) + "\n"


def _fitting(items: Sequence[str], room: int) -> list[str]:
    kept: list[str] = []
    for item in items:
        room -= len(item) + 1
        if room < 0:
            break
        kept.append(item)
    return kept


def _answer(report: Report) -> Iterator[str]:
    yield f"## {markdown(headline(report), 300)}"
    for group, (names, met) in alternatives(report).items():
        yield "\n" + markdown(alternative_text(group, names, met))
    if report.errors:
        yield f"\n{times(len(report.errors), 'input')} could not be used; see below."


# --- tables ----------------------------------------------------------------


def _tables(report: Report) -> list[_Block]:
    several = len({result.host for result in report.results}) > 1
    families = len({result.family for result in report.results}) > 1
    return [_table(section, several, families) for section in sections(report)]


def _table(section: Section, several: bool, families: bool) -> _Block:
    rows = section.rows
    wanted = {
        "Host": several,
        "Peers": any(row.peers for row in rows),
        "Profile": any(row.profile for row in rows),
        "Family": families,
    }
    headings = [name for name in _HEADINGS if wanted.get(name, True)]
    head = f"\n### {markdown(section.title, 150)}\n\n| {' | '.join(headings)} |\n|{' --- |' * len(headings)}"
    items = [_table_row(row, headings) for row in rows]
    return _Block(head, items, "", "table row")


_HEADINGS = ("Module", "Port", "Host", "Peers", "Profile", "Family", "Verdict", "Decided by")


def _table_row(row: Row, headings: Iterable[str]) -> str:
    places = row.decided_by
    more = f" +{len(places) - 2} more" if len(places) > 2 else ""
    cells = {
        "Module": markdown(row.module_name, 60),
        "Port": markdown(row.port, 60),
        "Host": code(row.host, 60),
        "Peers": code(row.peers or "anybody", 60),
        "Profile": markdown(row.profile, 40),
        "Family": "+".join(row.families),
        "Verdict": _LABELS.get(row.label, row.label),
        "Decided by": ", ".join(code(each, 120) for each in places[:2]) + more,
    }
    return f"| {' | '.join(cells[name] for name in headings)} |"


# --- details ---------------------------------------------------------------


def _details(report: Report) -> Iterator[_Block]:
    results = {result.id: result for result in report.results}
    findings = [_finding(finding, results) for finding in worst_first(report.findings)]
    yield _collapsed(f"Findings ({len(findings)})", findings, "finding")
    used = {finding.rule for finding in report.findings}
    fixes = [f"- **{markdown(r.id)}** {markdown(r.fix, 1000)}" for r in report.rules if r.id in used and r.fix]
    yield _collapsed("How to fix", fixes, "fix")
    yield _collapsed("Not decided by the exports", _depends(report), "condition")
    assumed = [f"- {code(name)} {markdown(text)}" for name, text in report.assumptions.items()]
    yield _collapsed("Assumed", assumed, "assumption")
    skipped = [
        f"- {markdown(each.module_name, 60)} on {code(each.host, 60)}: {markdown(each.reason, 200)}"
        for each in report.skipped
    ]
    yield _collapsed("Not configured, so not checked", skipped, "entry")
    yield _collapsed("Not understood", list(_not_understood(report)), "line")
    yield _collapsed("Exports", _exports(report), "export")
    yield _collapsed("Could not be used", [f"- {markdown(error)}" for error in report.errors], "error")


def _collapsed(title: str, items: Sequence[str], word: str) -> _Block:
    return _Block(f"\n<details><summary>{title}</summary>\n", items, "\n</details>", word)


def _finding(finding: Finding, results: dict[str, Result]) -> str:
    message = markdown(finding.message or finding.name, 1000)
    lines = [f"- **{finding.severity.value.upper()} {markdown(finding.rule)}** {message}"]
    lines.append(_raw(place(finding.span), finding.span.text))
    others = [blame for blame in finding.blame if blame.span != finding.span]
    lines += [_raw(decider(blame), "" if blame.implicit else blame.span.text) for blame in others[:_MOST_LINES]]
    result = results.get(finding.result or "")
    if result and result.witness_blocked:
        lines.append(f"  <br>stopped, for example: {code(packet_text(result.witness_blocked), 200)}")
    return "\n".join(lines)


def _raw(where: str, text: str) -> str:
    return f"  <br>{code(where, 200)} {code(text.strip(), 200)}".rstrip()


def _depends(report: Report) -> list[str]:
    uses = [use for result in report.results for use in result.conditions if use.assumed is None]
    items = [f"- {markdown(use.text, 300)} {code(place(use.span), 200) if use.span else ''}".rstrip() for use in uses]
    return list(dict.fromkeys(items))


def _not_understood(report: Report) -> Iterator[str]:
    for export in report.exports:
        count = export.lines.get("unsupported", 0)
        if count:
            yield f"- {code(export.path, 200)}: {count:,} of {times(export.lines.get('total', 0), 'line')}"
        yield from (_raw(place(span), span.text) for span in export.unsupported[:_MOST_LINES])


def _exports(report: Report) -> list[str]:
    items = []
    for export in report.exports:
        counts = {state: f"{number:,}" for state, number in export.lines.items()}
        told = (
            f"{counts.get('total', '0')} lines: {counts.get('modelled', '0')} modelled, "
            f"{counts.get('ignored', '0')} ignored, {counts.get('conditional', '0')} conditional, "
            f"{counts.get('unsupported', '0')} not understood"
        )
        where = f"{code(export.path, 200)} ({markdown(export.dialect, 40)}, host {code(export.host, 60)})"
        items.append(f"- {where} {told}; SHA-256 {code(export.sha256, 64)}")
    return items
