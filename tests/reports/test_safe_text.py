"""Untrusted text in terminals, Markdown and JSON."""

from __future__ import annotations

import json
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.reports.safe_text import clip, clip_start, code, columns, json_text, markdown, plain

HOSTILE = st.text(
    st.one_of(st.sampled_from("\x1b[]0;m\x07\x9b\x90\x9c\\\u202e|`<>&@#/:w.1a\ud800\n\t漢"), st.characters()),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1b\x1b[31m[31mx", "[31mx"),
        ("\x1b]never ends", "never ends"),
        ("a\tb\r\nc\u2028d", "a b  c d"),
        ("\u202ea\u2066b\u200dc\ufeff", "abc"),
        ("a\x00\x08\x7fb", "ab"),
        ("\ud800x", "\ufffdx"),
        ("Größe 漢字", "Größe 漢字"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(HOSTILE)
def test_plain_text_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = plain(text)
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert plain(shown) == shown
    shown.encode("utf-8")


@given(HOSTILE, st.integers(4, 30))
def test_clipped_text_fits(text: str, width: int) -> None:
    safe = plain(text)
    for cut in (clip(safe, width), clip_start(safe, width)):
        assert columns(cut) <= width
        assert cut == safe or "..." in cut


def test_clipping_keeps_the_end_of_a_path() -> None:
    assert clip_start("a/very/long/path/to/web01.rules:12", 18) == ".../web01.rules:12"
    assert clip("漢字漢字", 7) == "漢字..."


@given(HOSTILE)
def test_markdown_holds_no_sign_of_markdown_or_html(text: str) -> None:
    for shown in (markdown(text), code(text).removeprefix("<code>").removesuffix("</code>")):
        assert not set(shown) & set("<>`|*_[]\\~\n")
        assert "&" not in shown.replace("&#", "").replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


def test_markdown_makes_no_links_or_mentions() -> None:
    assert markdown("@team #12 http://x www.x.y") == ("@&#8203;team #&#8203;12 http:&#8203;//x www.&#8203;x.y")


def test_every_character_a_terminal_may_act_on_is_escaped_in_json() -> None:
    unsafe = [char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) in _UNSAFE]
    written = json_text("".join(unsafe))
    assert {char for char in written if unicodedata.category(char) in _UNSAFE} == {"\n"}
    kept = [char for char in unsafe if unicodedata.category(char) != "Cs"]
    assert json.loads(json_text("".join(kept))) == "".join(kept)


_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("piece", ["\x1b]", "\x9d", "\x1b[", "\x9b1;", "\x90x", "\x1b ("])
def test_unfinished_sequences_take_no_time(piece: str) -> None:
    start = time.perf_counter()
    plain(piece * 100_000)
    assert time.perf_counter() - start < 2
