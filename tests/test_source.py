"""Bytes become text and lines, whatever the console that wrote them; and no line gets lost."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from validator import source
from validator.errors import ExportError
from validator.source import Ledger, LineState, from_bytes, read

GERMAN = "Aktiviert: Ja\nProfile: Domäne,Öffentlich\nAktion: Zulassen für müde Größen\n"
SPANISH = "Dirección: Dentro\nAcción: Permitir\nHabilitada: Sí\n"


def refused(data: bytes) -> str:
    with pytest.raises(ExportError) as caught:
        from_bytes(data, "a.txt")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp850", "cp1252"])
def test_the_text_is_the_same_in_every_encoding(encoding: str) -> None:
    assert from_bytes(GERMAN.encode(encoding), "a.txt").text + "\n" == GERMAN


def test_big_endian_with_a_mark_is_read() -> None:
    assert from_bytes(b"\xfe\xff" + GERMAN.encode("utf-16-be"), "a.txt").lines[0] == "Aktiviert: Ja"


@pytest.mark.parametrize(("encoding", "text"), [("cp850", SPANISH), ("cp437", SPANISH), ("cp932", "規則名: 有効\n")])
def test_a_code_page_is_found_by_the_words_it_gives(encoding: str, text: str) -> None:
    assert from_bytes(text.encode(encoding), "a.txt").text + "\n" == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_and_with_few_latin_letters_is_known_by_its_words(encoding: str) -> None:
    text = "規則名:ウェブサーバー\n有効:はい\n方向:入力\n"
    assert from_bytes(text.encode(encoding), "a.txt").text + "\n" == text


def test_known_words_decide_between_code_pages_that_give_letters_alike() -> None:
    assert from_bytes("群組: 一\n規則名稱: 二\n".encode("cp950"), "a.txt").encoding == "cp950"
    assert from_bytes("规则名称: 一\n操作: 允许\n".encode("cp936"), "a.txt").encoding == "cp936"


def test_utf8_that_was_read_as_a_windows_code_page_is_repaired_where_that_gives_known_words() -> None:
    assert "Acción" in from_bytes("Acción: x\n".encode().decode("cp1252").encode(), "a.txt").text
    assert from_bytes("Ã³ is a letter\n".encode(), "a.txt").text == "Ã³ is a letter"


def test_a_large_file_with_a_few_letters_is_decoded_by_those() -> None:
    data = b"x" * 80 + b"\n"
    text = from_bytes(data * 50_000 + GERMAN.encode("cp850") + data, "a.txt").text
    assert "Domäne,Öffentlich" in text


@pytest.mark.parametrize("page", ["cp850", "cp437"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
def test_utf8_that_a_console_had_read_as_a_code_page_is_repaired(page: str, encoding: str) -> None:
    found = from_bytes(SPANISH.encode("utf-8").decode(page).encode(encoding), "a.txt")
    assert found.text + "\n" == SPANISH
    assert "UTF-8 read as cp" in found.encoding


def test_text_with_frames_that_is_no_damage_stays_as_it_is() -> None:
    assert from_bytes("├ día €\n".encode(), "a.txt").lines == ("├ día €",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_line_ends_do_not_matter(end: str) -> None:
    assert from_bytes(end.join(("one", "", "two", "")).encode(), "a.txt").lines == ("one", "", "two")


def test_other_separators_of_unicode_are_no_line_ends() -> None:
    assert from_bytes("a\u2028b\x0cc\x85d\n".encode(), "a.txt").lines == ("a\u2028b\x0cc\x85d",)


def test_a_last_line_without_end_counts() -> None:
    assert from_bytes(b"one\ntwo", "a.txt").lines == ("one", "two")


def test_the_end_of_file_sign_of_dos_is_left_out() -> None:
    assert from_bytes(b"one\r\n\x1a", "a.txt").lines == ("one",)


@pytest.mark.parametrize(
    "data", [b"", b" \r\n\t\n", b"\xff\xfe", b"\xef\xbb\xbf\r\n", b"\0\0\0", b"\x1a", "\ufeff\n".encode("utf-16-be")]
)
def test_an_empty_file_is_refused(data: bytes) -> None:
    remedy = "export it again as root and pass that file, or leave it out if there are no rules to export"
    assert refused(data) == f"a.txt: the file is empty; {remedy}"


@pytest.mark.parametrize("data", [b"MZ\x90\0\x03\0\0", b"\x7fELF\x02\x01\x01\0", bytes(range(1, 32)) * 9])
def test_a_binary_file_is_refused(data: bytes) -> None:
    assert "the file is binary" in refused(data)


def test_a_binary_file_is_refused_at_its_first_zero() -> None:
    assert refused(b"text\ntext\n\0\1\2 and more text").startswith("a.txt:3:")


def test_utf16_that_is_cut_in_a_character_is_refused() -> None:
    assert "it may be cut" in refused(GERMAN.encode("utf-16")[:-1])


def test_wrong_utf8_behind_its_mark_is_refused_with_its_line() -> None:
    assert refused(b"\xef\xbb\xbfone\ntw\xffo\n").startswith("a.txt:2: the file is not valid UTF-8-SIG")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no such file; check the path"):
        read(tmp_path / "missing.txt")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="is a folder"):
        read(tmp_path)


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(ExportError, match="cannot be read"):
        read("a\0b")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_BYTES", 10)
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 10)
    assert read(path).lines == ("x" * 10,)
    path.write_bytes(b"x" * 11)
    with pytest.raises(ExportError, match="more than 10 bytes; split the export"):
        read(path)


def test_what_goes_on_for_ever_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no such device here")
    monkeypatch.setattr(source, "MAX_BYTES", 1000)
    with pytest.raises(ExportError, match="more than 1,000 bytes"):
        read("/dev/zero")


def test_the_checksum_is_of_the_bytes() -> None:
    data = GERMAN.encode("utf-16")
    assert from_bytes(data, "a.txt").sha256 == hashlib.sha256(data).hexdigest()


def test_a_span_says_path_line_and_text() -> None:
    span = from_bytes(b"one\ntwo\n", "a/b.txt").span(2)
    assert (span.path, span.line, span.text) == ("a/b.txt", 2, "two")


def test_a_line_that_nobody_marked_is_unsupported() -> None:
    ledger = Ledger(["a rule", "", "   "])
    assert [ledger.state(line) for line in (1, 2, 3)] == [LineState.UNSUPPORTED, LineState.IGNORED, LineState.IGNORED]
    assert ledger.unsupported() == [1]


def test_of_two_states_of_a_line_the_worse_one_stays() -> None:
    ledger = Ledger(["a", "b"])
    ledger.mark_range(1, 2, LineState.CONDITIONAL)
    ledger.mark(1, LineState.MODELLED)
    ledger.mark(2, LineState.UNSUPPORTED)
    assert [ledger.state(line) for line in (1, 2)] == [LineState.CONDITIONAL, LineState.UNSUPPORTED]


def test_the_counts_add_up_to_the_lines() -> None:
    ledger = Ledger(["a", "", "b", "c", "d"])
    for line, state in ((1, LineState.MODELLED), (3, LineState.CONDITIONAL), (4, LineState.UNSUPPORTED)):
        ledger.mark(line, state)
    assert ledger.counts() == {"total": 5, "modelled": 1, "ignored": 1, "conditional": 1, "unsupported": 2}


@pytest.mark.parametrize("encoding", ["cp1250", "cp852"])
def test_latin_words_are_not_taken_for_east_asian_ones(encoding: str) -> None:
    text = (
        "Nazwa reguły:   Serwer poczty\nKierunek:       Przychodzący\nWłączono:       Tak\nAkcja:          Zezwalaj\n"
    )
    assert from_bytes(text.encode(encoding), "pl.txt").lines[1].endswith("Przychodzący")
