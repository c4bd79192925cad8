"""The titles of profiles in netsh's outputs, and what stands below them, in any language.

A title ends with a colon and stands over a line of dashes. Below it stand settings in two columns (`show
allprofiles`), or the names of networks, one a line (`monitor show currentprofile`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from validator.dialects import _netsh_words as netsh
from validator.dialects._netsh_blocks import is_ruler
from validator.known_words import TITLES

_COLUMNS = re.compile(r"\S.*?\s{2,}\S")
_COMMAND = re.compile(r"[^|<>]*>\s*netsh\b(?P<words>.*)", re.IGNORECASE)


class Section(Struct, frozen=True):
    """A title's line (1-based), the last line before the next title, and the profile it names, empty if not known."""

    first: int
    last: int
    profile: str


def sections(lines: Sequence[str]) -> tuple[Section, ...]:
    """The sections of an output, in order."""
    starts = [
        number
        for number, line in enumerate(lines)
        if line[:1] == "-" and number and lines[number - 1].rstrip().endswith((":", "：")) and is_ruler(line)
    ]
    ends = [*(start - 1 for start in starts[1:]), len(lines)]
    return (
        tuple(
            Section(start, end, profile(lines[start - 1]))
            for start, end in zip(starts, ends[-len(starts) :], strict=True)
        )
        if starts
        else ()
    )


def profile(title: str) -> str:
    """Which profile a title names, or empty."""
    text = title.strip().lower()
    return next((name for name, words in TITLES.items() if any(word.text in text for word in words)), "")


def body(lines: Sequence[str], section: Section) -> Iterator[tuple[int, str]]:
    """The lines below a section's dashes that are not blank, without blanks around, up to the output's end."""
    for number in range(section.first + 2, section.last + 1):
        text = lines[number - 1].strip()
        if text.lower() in netsh.TERMINATORS:
            return
        if text:
            yield number, text


def has_columns(text: str) -> bool:
    """Whether a line is a name and a value in two columns."""
    return _COLUMNS.match(text) is not None


def commands(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The netsh commands at the prompts that stand in an output, in lower case, with their lines."""
    for number, line in enumerate(lines, 1):
        found = _COMMAND.match(line)
        if found:
            yield number, " ".join(found["words"].lower().split())
