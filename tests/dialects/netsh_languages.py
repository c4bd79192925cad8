"""A dump of Windows rules in another language: the words of `known_words.py`, and stand-ins where it has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from validator.known_words import ENDS, LABELS, VALUES, Rows

TABLES: tuple[Rows, ...] = (LABELS, VALUES, ENDS)
Spoken = Mapping[str, str]


def spoken(language: str, missing: Callable[[str], str]) -> Spoken:
    """English words by those of `language`; `missing` makes a word up for an English one that is not known."""
    found: dict[str, str] = {}
    for table in TABLES:
        for words in table.values():
            english = next(word.text for word in words if word.language == "en")
            seen = [word.text for word in words if word.language == language and word.seen]
            found[english] = seen[0] if seen else missing(english)
    return found


def english(word: str) -> str:
    """The English word itself."""
    return word


def invented(word: str) -> str:
    """A word of no language."""
    return f"Q{word[::-1].replace(' ', '').replace('.', '').lower()}ø"


def said(text: str, words: Spoken, colon: str = ":") -> str:
    """An English dump in other words. Values that are the same in every language stay."""
    lines = []
    for line in text.splitlines():
        head, sign, value = line.partition(":")
        if sign and not line[0].isspace():
            name = head == "Rule Name"
            parts = [value.strip()] if name else [words.get(part.strip(), part.strip()) for part in value.split(",")]
            lines.append(f"{words.get(head, head)}{colon:41}{','.join(parts)}".rstrip())
        elif line[:1].isspace():
            lines.append("      ".join(["", *(words.get(part, part) for part in line.split())]))
        else:
            lines.append(words.get(line, line))
    return "\n".join(lines) + "\n"
