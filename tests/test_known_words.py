"""The words of netsh: a row a language, and what they tell of a text."""

from __future__ import annotations

import pytest

from validator.known_words import ENDS, LABELS, LANGUAGES, SETTINGS, STATES, TITLES, VALUES, telling

TABLES = (LABELS, VALUES, TITLES, STATES, SETTINGS, ENDS)


@pytest.mark.parametrize("table", TABLES)
def test_english_is_complete_and_seen(table: dict[str, tuple[object, ...]]) -> None:
    for words in TABLES[TABLES.index(table)].values():
        assert any(word.language == "en" and word.seen for word in words)
        assert {word.language for word in words} <= set(LANGUAGES)
        assert all(word.text == word.text.strip() and "?" not in word.text for word in words)


def test_words_that_no_dump_showed_are_marked() -> None:
    assert [word.seen for word in VALUES["out"] if word.text == "Saída"] == [False]
    assert [word.seen for word in VALUES["out"] if word.text == "Fuera"] == [True]


def test_words_tell_of_a_text_where_a_wrong_code_page_would_spoil_them() -> None:
    assert telling("Aktiviert: Ja\nProfile:   Domäne,Öffentlich\n") == 2
    assert telling("Profile:   Dom„ne,™ffentlich\n") == 0
    assert telling("規則名：x   有効") == 2
