"""The options that commands share: settings, assumptions, output in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from validator import policy_file
from validator.cli import options
from validator.errors import RequestError

POLICY = policy_file.load("ol-connect")


def test_settings_are_those_of_the_policy() -> None:
    assert options.settings(["database=mssql", "mail_host=mail.example"], POLICY) == {
        "database": "mssql",
        "mail_host": "mail.example",
    }
    assert options.settings([], POLICY) == {}


def test_the_last_value_of_a_setting_counts() -> None:
    assert options.settings(["database=mssql", "database=mysql"], POLICY) == {"database": "mysql"}


def test_a_value_may_hold_equals_signs() -> None:
    assert options.settings(["http_client_url=http://a/?b=c"], POLICY) == {"http_client_url": "http://a/?b=c"}


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        ("nope=1", "no setting is called 'nope'; write NAME=VALUE; settings: database, "),
        ("=1", "no setting is called ''; write NAME=VALUE"),
        ("database", "the value is missing; write database=VALUE"),
        ("database=", "database cannot be ''; write one of: mysql, mssql, hsqldb"),
    ],
)
def test_a_bad_setting_says_what_to_write(pair: str, why: str) -> None:
    with pytest.raises(RequestError, match=why):
        options.settings([pair], POLICY)


def test_assumptions_are_known_ones() -> None:
    assert options.withdrawn(["normal-load", "normal-load"]) == {"normal-load"}
    with pytest.raises(RequestError, match="'nope'; assumptions: normal-load, "):
        options.withdrawn(["nope"])


@pytest.mark.parametrize("path", [None, "-"])
def test_without_a_file_the_result_goes_to_stdout(path: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    options.write("text\n", path)
    assert capsys.readouterr().out == "text\n"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("a long text of before")
    options.write("é\n", str(file))
    assert file.read_bytes() == "é\n".encode()
    assert list(tmp_path.iterdir()) == [file]


def test_a_failure_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "report.txt"
    file.write_text("before")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(RequestError, match=r"cannot be written \(No space left on device\); check the folder"):
        options.write("after", str(file))
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_a_new_file_has_ordinary_rights(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        options.write("text", str(tmp_path / "report.txt"))
    finally:
        os.umask(before)
    assert (tmp_path / "report.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name == "nt", reason="no /dev there")
def test_a_device_is_written_to_and_not_replaced() -> None:
    options.write("text", os.devnull)
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("where", [".", "no/such/report.txt"])
def test_a_place_that_cannot_be_written_is_a_mistake(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="cannot be written"):
        options.write("text", where)


def test_exports_must_be_named(tmp_path: Path) -> None:
    for arguments, why in (((), "no export was named"), (("a=,",), "no export was named"), (("",), "is empty")):
        with pytest.raises(RequestError, match=why):
            options.loaded(arguments, None)
    missing = str(tmp_path / "missing")
    assert [error.path for error in options.loaded([missing], None).errors] == [missing]
