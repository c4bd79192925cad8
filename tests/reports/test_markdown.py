"""Markdown for a comment: marker, table first, under the limit."""

from __future__ import annotations

import re

from tests.reports import sample
from validator.reports import markdown


def test_marker_answer_table_and_then_details() -> None:
    shown = markdown.render(sample.small())
    assert shown.startswith(markdown.MARKER + "\n## OL Connect: 1 of 7 port checks blocked")
    assert shown.index("| Module | Port | Verdict | Decided by |") < shown.index("<details>")


def test_a_long_report_is_cut_between_items_and_says_so() -> None:
    shown = markdown.render(sample.many(3000))
    assert len(shown) < markdown.LIMIT
    assert "Cut to fit a comment" in shown
    assert re.search(r"Left out: [\d,]+ of 3,000 findings", shown)
    assert shown.count("<details>") == shown.count("</details>")
    assert "ERROR PP001" in shown


def test_a_nasty_report_adds_no_markup() -> None:
    shown = markdown.render(sample.nasty())
    assert len(shown) < markdown.LIMIT
    assert set(re.findall(r"<[^>]*>", shown)) <= {
        markdown.MARKER,
        "<details>",
        "<summary>",
        "</summary>",
        "</details>",
        "<br>",
        "<code>",
        "</code>",
    }
    for table in re.findall(r"(?m)^\| Module.*\n(?:\|.*\n)+", shown):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "](" not in shown
