"""Untrusted text made fit for a terminal, a table, Markdown or JSON.

Names and lines of an export are written by others. A terminal acts on escape sequences (ECMA-48),
bidirectional controls reorder what is read (Unicode TR36 2.10), Markdown and HTML act on
their own signs, and GitHub notifies whoever an `@name` names.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata

# Complete sequences of ECMA-48 5.3, 5.4 and 5.6; one that is not complete loses only its first characters.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]?"
)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ELLIPSIS = "..."


class _Characters(dict[int, str]):
    """A table for `str.translate`, filled with the characters as they occur."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if char in "\t\n\r\v\f\x85" or category in ("Zl", "Zp"):
            safe = " "
        elif category in ("Cc", "Cf"):
            safe = ""
        else:
            safe = _REPLACEMENT if category == "Cs" or code & 0xFFFE == 0xFFFE else char
        self[code] = safe
        return safe


_CHARACTERS = _Characters()


def plain(text: str) -> str:
    """`text` as one printable line: escape sequences, control and format characters (bidirectional
    ones too) are gone, line ends and tabs are spaces, lone surrogates are U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return _SEQUENCE.sub("", text).translate(_CHARACTERS)


def columns(text: str) -> int:
    """How many columns of a terminal `text` (plain) takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip(text: str, width: int) -> str:
    """`text` (plain) in at most `width` columns (4 or more), with `...` for what is left out."""
    if len(text) * 2 <= width or columns(text) <= width:
        return text
    room = width - len(_ELLIPSIS)
    kept: list[str] = []
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + _ELLIPSIS


def clip_start(text: str, width: int) -> str:
    """Like `clip`, but the end of the text is kept: of a path, its name and line."""
    if columns(text) <= width:
        return text
    kept = clip(text[::-1], width).removesuffix(_ELLIPSIS)
    return _ELLIPSIS + kept[::-1]


def pad(text: str, width: int) -> str:
    """`text` (plain) with spaces up to `width` columns."""
    return text + " " * (width - columns(text))


# Signs of CommonMark and GitHub's extensions to it (tables, strikethrough, mathematics).
_SIGNS = {ord(sign): f"&#{ord(sign)};" for sign in "\\`*_[]()~|{}!$^="}
# What GitHub makes a link of once the Markdown is read: @name, #12, scheme://, www. A character of no
# width breaks it; plain text holds none.
_LINKS = re.compile(r"[@#](?=\w)|:(?=//)|(?<=www)\.", re.IGNORECASE)
_NOTHING = "\N{ZERO WIDTH SPACE}"


def markdown(text: str, width: int = 500) -> str:
    """Untrusted `text` as Markdown that shows it literally, on one line, cut at `width` columns."""
    broken = _LINKS.sub(lambda found: found[0] + _NOTHING, clip(plain(text), width))
    return html.escape(broken, quote=False).translate(_SIGNS).replace(_NOTHING, "&#8203;")


def code(text: str, width: int = 300) -> str:
    """Untrusted `text` as inline code in Markdown, where GitHub looks for no names and links."""
    shown = html.escape(clip(plain(text), width), quote=False).translate(_SIGNS)
    return f"<code>{shown}</code>" if shown.strip() else ""


def json_text(value: object) -> str:
    """`value` as indented JSON with a newline at its end.

    Text keeps its meaning: characters a terminal would act on are written as `\\uXXXX`, and only
    a lone surrogate, which no UTF-8 can hold, becomes U+FFFD.
    """
    written = json.dumps(value, ensure_ascii=False, indent=2)
    return _UNSAFE.sub(_escaped, written) + "\n"


_UNSAFE = re.compile(
    r"[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    r"\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xD800 <= number <= 0xDFFF:
        return _REPLACEMENT
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
