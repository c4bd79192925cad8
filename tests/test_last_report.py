"""The report kept for `explain`: where, for whom, and what is refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.reports import sample
from validator import last_report
from validator.errors import RequestError
from validator.reports.json_report import document

REPORT = document(sample.small())


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    return tmp_path / "state"


def test_what_is_kept_is_read_again() -> None:
    last_report.keep(REPORT)
    assert last_report.read(None) == json.loads(json.dumps(REPORT))


def test_the_last_one_counts_and_nothing_else_stays(state: Path) -> None:
    for title in ("one", "two"):
        last_report.keep({**REPORT, "tool": {"name": title, "version": "1"}})
    assert last_report.read(None)["tool"]["name"] == "two"
    assert [path.name for path in (state / "portproof").iterdir()] == ["last-report.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_it_is_for_the_user_alone() -> None:
    last_report.keep(REPORT)
    path = last_report.location()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)] == [0o600, 0o700]


def test_a_state_folder_that_is_not_absolute_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setattr(Path, "expanduser", lambda path: tmp_path / str(path).removeprefix("~/"))
    assert last_report.location() == tmp_path / ".local/state/portproof/last-report.json"


def test_windows_has_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert last_report.location() == tmp_path / "Local/portproof/last-report.json"


def test_where_nothing_can_be_kept_nothing_is_said(state: Path) -> None:
    state.write_text("a file, not a folder")
    last_report.keep(REPORT)
    with pytest.raises(RequestError):
        last_report.read(None)


def test_a_home_that_cannot_be_found_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "expanduser", nobody)
    last_report.keep(REPORT)
    with pytest.raises(RequestError, match="the last report: cannot be read"):
        last_report.read(None)


def test_no_report_yet_says_what_to_run() -> None:
    with pytest.raises(RequestError, match="run portproof check first"):
        last_report.read(None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON"),
        ("\x80", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "is no report of portproof"),
        ('{"schema": "other/report/1"}', "is no report of portproof"),
        ('{"schema": "portproof/report/1"}', "is no whole report"),
        (json.dumps({**REPORT, "results": [3]}), r"is no whole report \(results/0: "),
        (json.dumps({**REPORT, "findings": [{"fingerprint": "a"}]}), r"is no whole report \(findings/0: "),
    ],
    ids=["empty", "binary", "deep", "list", "other", "bare", "results", "findings"],
)
def test_a_file_that_is_no_report_is_a_mistake(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(RequestError, match=why) as caught:
        last_report.read(str(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert caught.value.remedy == "make one: portproof check --format json"
