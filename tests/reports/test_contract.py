"""What holds of every format, whatever the report holds."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest

from tests.reports import sample
from validator.reports import Format, formats
from validator.results import Report

REPORTS: dict[str, Callable[[], Report]] = {
    "small": sample.small,
    "nasty": sample.nasty,
    "empty": sample.empty,
    "many": lambda: sample.many(300),
}


def test_the_formats_are_found_by_name() -> None:
    assert {"text", "json", "markdown", "sarif"} <= set(formats())
    assert list(formats()) == sorted(formats())


@pytest.mark.parametrize("made", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("each", formats().values(), ids=formats())
def test_a_format_renders_anything_safely_and_the_same_twice(each: Format, made: Callable[[], Report]) -> None:
    shown = each.render(made())
    assert shown.endswith("\n")
    assert shown.encode("utf-8") == each.render(made()).encode("utf-8")
    unsafe = {char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert unsafe <= {"\n"}
