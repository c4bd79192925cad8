"""The small report in every format, as it was last looked at.

`PORTPROOF_UPDATE=1 pytest tests/reports/test_golden.py` writes the files anew; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.reports import sample
from validator import __version__
from validator.reports import Format, formats

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("each", formats().values(), ids=formats())
def test_the_small_report_is_as_in_the_golden_file(each: Format) -> None:
    file = GOLDEN / f"small.{each.NAME}"
    shown = each.render(sample.small()).replace(f'"{__version__}"', '"VERSION"')
    if os.environ.get("PORTPROOF_UPDATE"):
        file.write_text(shown, encoding="utf-8", newline="\n")
    assert shown == file.read_text(encoding="utf-8")
