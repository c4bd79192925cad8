"""What the words of netsh mean: labels, and values by their field.

The words are those of `known_words.py`. They are compared in lower case without blanks and marks of direction
around them; a word that stands nowhere there is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from validator.known_words import ENDS, LABELS, LANGUAGES, SETTINGS, STATES, VALUES, Rows

FIELD_WORDS: Mapping[str, tuple[str, ...]] = {
    "enabled": ("yes", "no"),
    "direction": ("in", "out"),
    "profiles": ("domain", "private", "public"),
    "action": ("allow", "block", "bypass"),
    "edge": ("yes", "no", "defer-app", "defer-user"),
}
"""The fields whose values are words, and what the words may mean."""

TERMINATORS = frozenset(word.text.lower() for word in ENDS["end"])
NO_MATCH = frozenset(word.text.lower() for word in ENDS["nothing"])
MARKS = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Marks of direction and width, which Windows puts around words of languages written from the right."""


def _meanings(table: Rows, only: Iterable[str] = ()) -> dict[str, str]:
    return {word.text.lower(): key for key in only or table for word in table[key]}


_LABEL_OF = _meanings(LABELS)
_VALUE_OF = _meanings(VALUES)
_VALUE_IN = {field: _meanings(VALUES, words) for field, words in FIELD_WORDS.items()}
_STATE_OF = _meanings(STATES)
_SETTING_OF = _meanings(SETTINGS, ("state", "policy"))
_SWITCH_OF = _meanings(SETTINGS, ("enable", "disable"))


def label(text: str) -> str:
    """The canonical label of a field, or empty where no language has this one."""
    return _LABEL_OF.get(text.strip().lower(), "")


def english(field: str) -> str:
    """The English label of a field, which messages name it by."""
    return LABELS[field][0].text


def value(text: str) -> str:
    """The canonical value word, or empty where no language has this one."""
    return _VALUE_OF.get(text.strip().lower(), "")


def word(field: str, text: str) -> str:
    """What `text` means as the value of one of FIELD_WORDS, or empty."""
    return _VALUE_IN[field].get(text.strip().lower(), "")


def state(text: str) -> str:
    """`on` or `off`, or empty."""
    return _STATE_OF.get(text.strip().lower(), "")


def setting(text: str) -> str:
    """`state` or `policy` where `text` is their label in a profile's block, or empty."""
    return _SETTING_OF.get(text.strip().lower(), "")


def switch(text: str) -> str:
    """`enable` or `disable`, or empty."""
    return _SWITCH_OF.get(text.strip().lower(), "")


def whole(labels: Iterable[str]) -> frozenset[str]:
    """The fields of FIELD_WORDS (and `any`, `end`) for which every word of the dump's language is known and was seen.

    `labels` are those that stand in the dump. A language that may be the dump's has each of them.
    """
    texts = {text.strip().lower() for text in labels}
    spoken = [
        language
        for language in LANGUAGES
        if texts <= {word.text.lower() for words in LABELS.values() for word in words if word.language == language}
    ]
    wanted = {**FIELD_WORDS, "any": ("any",)}
    fields = {field for field, words in wanted.items() for language in spoken if _has(VALUES, words, language)}
    if any(_has(ENDS, ("end",), language) for language in spoken):
        fields.add("end")
    return frozenset(fields)


def _has(table: Rows, keys: Iterable[str], language: str) -> bool:
    return all(any(word.language == language and word.seen for word in table[key]) for key in keys)
