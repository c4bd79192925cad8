"""The report for people: the answer, the table of modules, findings, and what it all stands on.

Every sign is a word; colour, where a terminal shows it, only repeats what the words say.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from validator.reports.safe_text import clip, clip_start, columns, pad, plain
from validator.reports.verdict_table import Row, Section, sections
from validator.reports.wording import (
    alternative_text,
    alternatives,
    box_text,
    decider,
    headline,
    packet_text,
    place,
    times,
    worst_first,
)
from validator.results import Finding, Report, Result

if TYPE_CHECKING:
    from rich.console import Console

NAME = "text"
WIDTH = 110
_RAW_WIDTH = 300
_MOST_CONDITIONS, _MOST_BOXES, _MOST_LINES, _MOST_BLAMED, _MOST_MODULES = 20, 3, 5, 4, 12
_STYLES = {
    r"\bBLOCKED\b|^ERROR\b": "bold red",
    r"\bPARTIAL\b|\bUNKNOWN\b|^WARNING\b": "bold yellow",
    r"\bRESTRICTED\b|^NOTE\b": "cyan",
    r"\bOPEN\b": "green",
    r"\A.*$": "bold",
    r"^(?:[A-Z]+: .*|[A-Z][A-Z ]+)$": "bold",
}


def render(report: Report) -> str:
    """The report as plain text of about 110 columns."""
    return compose(report, WIDTH)


def render_terminal(report: Report, console: Console) -> None:
    """Print the report to a rich console, with colour where the console has it, as wide as it is."""
    from rich.text import Text

    text = Text(compose(report, max(80, console.width)).removesuffix("\n"))
    for pattern, style in _STYLES.items():
        text.highlight_regex(f"(?m){pattern}", style)
    console.print(text, soft_wrap=True)


def compose(report: Report, width: int) -> str:
    """The report as plain text; tables and sentences keep to `width` columns, raw lines need not."""
    parts = (_answer, _tables, _findings, _depends, _partly, _assumed, _skipped, _not_understood, _exports, _errors)
    blocks = ["\n".join(part(report, width)) for part in parts]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` columns; a word (a path) is never broken."""
    return textwrap.wrap(
        plain(text),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _answer(report: Report, width: int) -> Iterator[str]:
    yield clip(plain(headline(report)), 300)
    for section in sections(report):
        names = list(dict.fromkeys(_port(row) for row in section.rows if row.label == "BLOCKED"))
        if names:
            more = f" and {len(names) - _MOST_MODULES} more" if len(names) > _MOST_MODULES else ""
            way = section.title.partition(":")[0].lower()
            yield from _wrapped(f"Blocked {way}: {', '.join(names[:_MOST_MODULES])}{more}", width)
    for group, (modules, met) in alternatives(report).items():
        yield from _wrapped(alternative_text(group, modules, met), width)
    if report.errors:
        yield f"{times(len(report.errors), 'input')} could not be used; see the end of this report."


def _port(row: Row) -> str:
    where = f" ({row.profile})" if row.profile and not row.every_profile else ""
    return clip(plain(f"{row.module_name} {row.port}{where}"), 60)


# --- tables ----------------------------------------------------------------


def _tables(report: Report, width: int) -> Iterator[str]:
    several = len({result.host for result in report.results}) > 1
    families = len({result.family for result in report.results}) > 1
    for number, section in enumerate(sections(report)):
        if number:
            yield ""
        yield clip(plain(section.title), width)
        yield from _table(_columns(section, several, families), width)


def _columns(section: Section, several: bool, families: bool) -> list[list[str]]:
    """The table's columns, heading first; those that would say nothing are left out."""
    rows = section.rows
    shown: list[tuple[str, int, Callable[[Row], str], bool]] = [
        ("Module", 34, lambda row: row.module_name, True),
        ("Port", 28, lambda row: row.port, True),
        ("Host", 24, lambda row: row.host, several),
        ("Peers", 30, lambda row: row.peers or "anybody", any(row.peers for row in rows)),
        ("Profile", 16, lambda row: row.profile, any(row.profile for row in rows)),
        ("Family", 9, lambda row: "+".join(row.families), families),
        ("Verdict", 10, lambda row: row.label, True),
    ]
    made = [
        [heading, *(clip(plain(text(row)), most) for row in rows)] for heading, most, text, wanted in shown if wanted
    ]
    return [*made, ["Decided by", *(_decided_by(row) for row in rows)]]


def _decided_by(row: Row) -> str:
    """The first two places, the second without its file where it is the first one's."""
    places = [plain(each) for each in row.decided_by]
    shown = [clip_start(each, 60) for each in places[:2]]
    if len(shown) == 2 and places[0].rpartition(":")[0] == places[1].rpartition(":")[0]:
        shown[1] = places[1].rpartition(":")[2]
    more = f" +{len(places) - 2} more" if len(places) > 2 else ""
    return ", ".join(shown) + more


def _table(made: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Columns side by side; the last one is as wide as its texts."""
    widths = [max(map(columns, column)) for column in made[:-1]]
    for cells in zip(*made, strict=True):
        padded = [pad(cell, most) for cell, most in zip(cells, widths, strict=False)]
        yield "  " + "  ".join([*padded, cells[-1]]).rstrip()


# --- findings --------------------------------------------------------------


def _findings(report: Report, width: int) -> Iterator[str]:
    if not report.findings:
        return
    results = {result.id: result for result in report.results}
    fixes = {rule.id: rule.fix for rule in report.rules}
    yield f"FINDINGS ({len(report.findings)}, worst first)"
    for rule, members in groupby(worst_first(report.findings), lambda finding: finding.rule):
        for _, alike in groupby(members, lambda finding: (finding.severity, finding.span, finding.blame)):
            yield from _alike(list(alike), results, width)
        if fixes.get(rule):
            yield from _wrapped(f"How to fix {rule}: {fixes[rule]}", width, "  ")


def _alike(found: list[Finding], results: dict[str, Result], width: int) -> Iterator[str]:
    """Findings that stand on the same lines: what each says, then the lines once."""
    for finding in found:
        head = f"{finding.severity.value.upper()} {finding.rule} {finding.message or finding.name}"
        yield from _wrapped(clip(plain(head), 1000), width)
    first = found[0]
    yield _raw(place(first.span), first.span.text)
    others = [blame for blame in first.blame if blame.span != first.span]
    for blame in others[:_MOST_BLAMED]:
        yield _raw(f"{blame.leg} {blame.action} by {decider(blame)}", "" if blame.implicit else blame.span.text)
    if len(others) > _MOST_BLAMED:
        yield f"  and {len(others) - _MOST_BLAMED} more lines"
    result = results.get(first.result or "")
    if result and result.witness_blocked:
        yield f"  stopped, for example: {clip(plain(packet_text(result.witness_blocked)), 200)}"


def _raw(where: str, text: str) -> str:
    raw = clip(plain(text).strip(), _RAW_WIDTH)
    return f"  {plain(where)}: {raw}" if raw else f"  {plain(where)}"


# --- what it stands on -----------------------------------------------------


def _listed(heading: str, items: Iterable[str], most: int, width: int) -> Iterator[str]:
    """A heading and its items once each, at most `most`; nothing where there are none."""
    found = list(dict.fromkeys(items))
    if not found:
        return
    yield heading
    for item in found[:most]:
        yield from _wrapped(clip(plain(item), 400), width, "  ")
    if len(found) > most:
        yield f"  and {len(found) - most} more"


def _depends(report: Report, width: int) -> Iterator[str]:
    uses: dict[str, int] = {}
    for result in report.results:
        for use in result.conditions:
            if use.assumed is None:
                text = f"{use.text} ({place(use.span)})" if use.span else use.text
                uses[text] = uses.get(text, 0) + 1
    items = [f"{text}: {times(count, 'check')}" for text, count in uses.items()]
    yield from _listed("NOT DECIDED BY THE EXPORTS", items, _MOST_CONDITIONS, width)


def _partly(report: Report, width: int) -> Iterator[str]:
    rows = [row for section in sections(report) for row in section.rows if row.label in ("PARTIAL", "RESTRICTED")]
    items = []
    for row in rows:
        boxes = list(dict.fromkeys(box_text(box) or "any" for result in row.results for box in result.accepted))
        more = f" and {len(boxes) - _MOST_BOXES} more" if len(boxes) > _MOST_BOXES else ""
        where = f"{row.module_name} {row.port} on {row.host}" + (f" ({row.profile})" if row.profile else "")
        items.append(f"{where}: {' | '.join(boxes[:_MOST_BOXES]) or 'nothing for sure'}{more}")
    yield from _listed("WHAT GETS THROUGH WHERE ONLY PART DOES", items, _MOST_CONDITIONS, width)


def _assumed(report: Report, width: int) -> Iterator[str]:
    items = [f"{name}: {text} (--withdraw {name} takes it back)" for name, text in report.assumptions.items()]
    yield from _listed("ASSUMED", items, len(items), width)


def _skipped(report: Report, width: int) -> Iterator[str]:
    hosts: dict[tuple[str, str, str], dict[str, None]] = {}
    for each in report.skipped:
        hosts.setdefault((each.module_name, each.reason, each.port_entry), {})[each.host] = None
    entries: dict[tuple[str, str, str], list[str]] = {}
    for (module, reason, entry), names in hosts.items():
        entries.setdefault((module, reason, ", ".join(names)), []).append(entry)
    several = len({each.host for each in report.skipped}) > 1
    items = [
        f"{module} ({', '.join(listed)}): {reason}" + f"; on {names}" * several
        for (module, reason, names), listed in entries.items()
    ]
    yield from _listed("NOT CONFIGURED, SO NOT CHECKED", items, len(items), width)


def _not_understood(report: Report, width: int) -> Iterator[str]:
    exports = [export for export in report.exports if export.lines.get("unsupported")]
    if exports:
        yield "NOT UNDERSTOOD (each such line may accept or drop whatever it matches)"
    for export in exports:
        count, total = export.lines["unsupported"], export.lines.get("total", 0)
        yield f"  {plain(export.path)}: {count:,} of {times(total, 'line')}"
        yield from (f"  {_raw(place(span), span.text)}" for span in export.unsupported[:_MOST_LINES])
        if count > _MOST_LINES:
            yield f"    and {count - _MOST_LINES:,} more"


def _exports(report: Report, width: int) -> Iterator[str]:
    if not report.exports:
        return
    states = ("total", "modelled", "ignored", "conditional", "unsupported")
    headings = ("Lines", "Modelled", "Ignored", "Conditional", "Not understood")
    made = [["Host", *(clip(plain(export.host), 24) for export in report.exports)]]
    made += [["Kind", *(clip(plain(export.dialect), 24) for export in report.exports)]]
    for heading, state in zip(headings, states, strict=True):
        made += [[heading, *(f"{export.lines.get(state, 0):,}" for export in report.exports)]]
    made += [["SHA-256", *(clip(plain(export.sha256), 15) for export in report.exports)]]
    made += [["File", *(plain(export.path) for export in report.exports)]]
    yield "EXPORTS"
    yield from _table(made, width)


def _errors(report: Report, width: int) -> Iterator[str]:
    yield from _listed("COULD NOT BE USED", report.errors, len(report.errors), width)
