"""Read an export: bytes to text, text to lines, and a ledger that accounts for every line.

The only module that opens exports. Decoding: a byte-order mark decides; then UTF-16 recognised by its zero bytes, or
by the words it gives; then strict UTF-8; then the code page of the console that wrote the file, chosen by what decodes
to known words (`known_words.py`), and where there are none by what decodes to letters. A dump that was decoded with
the wrong code page before it was written again (UTF-8 read as cp850, as the Windows console does) is repaired.
"""

from __future__ import annotations

import enum
import hashlib
import os
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from validator import hive
from validator.errors import ExportError
from validator.known_words import telling

MAX_BYTES = 256 * 1024 * 1024
CODE_PAGES = ("cp850", "cp1252", "cp437", "cp852", "cp866", "cp932", "cp936", "cp1250", "cp1251", "cp950")
_SAMPLE = 64 * 1024
_EXPORT_AGAIN = "export it again and pass that file"
_EMPTY_IS_RIGHT = "export it again as root and pass that file, or leave it out if there are no rules to export"


class Span(Struct, frozen=True, order=True, gc=False):
    """Where something stands in an export: path as given, 1-based line, and the raw text."""

    path: str
    line: int
    text: str = ""


class LineState(enum.IntEnum):
    """What became of an input line; a line has exactly one state in the end."""

    UNREAD = 0
    IGNORED = 1  # on purpose: blank, comment, counter, log
    MODELLED = 2
    CONDITIONAL = 3  # modelled, but what it does depends on something the export cannot tell
    UNSUPPORTED = 4  # not understood: it may or may not match, and may or may not drop


_AT_FIRST = (int(LineState.IGNORED), int(LineState.UNREAD))
"""The state of a line that is blank, and of another."""


class Ledger:
    """The state of every line of one export.

    Lines are 1-based. A line that is blank is ignored from the start; a line that nobody marked
    counts as unsupported. Marking a line again keeps the worse of the two states.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._states = bytearray(map(_AT_FIRST.__getitem__, map(bool, map(str.strip, lines))))

    def mark(self, line: int, state: LineState) -> None:
        """Record that `line` is in `state` unless it is already in a worse one."""
        if state > self._states[line - 1]:
            self._states[line - 1] = state

    def mark_range(self, first: int, last: int, state: LineState) -> None:
        """Mark the lines from `first` to `last`, both included."""
        self.mark_each(first, bytes((state,)) * (last - first + 1))

    def mark_each(self, first: int, states: bytes) -> None:
        """Mark the lines from `first` on, each with its state."""
        place = slice(first - 1, first - 1 + len(states))
        before = self._states[place]
        self._states[place] = bytes(map(max, before, states)) if any(before) else states

    def state(self, line: int) -> LineState:
        """The state of `line`; a line nobody marked is unsupported."""
        state = LineState(self._states[line - 1])
        return LineState.UNSUPPORTED if state is LineState.UNREAD else state

    def unsupported(self) -> list[int]:
        """The 1-based numbers of the lines that were not understood, in order."""
        bad = (LineState.UNREAD, LineState.UNSUPPORTED)
        return [match.end() for match in re.finditer(b"[%c%c]" % bad, self._states)]

    def counts(self) -> dict[str, int]:
        """How many lines are in each state, with `total`, as the JSON report gives them."""
        count = self._states.count
        return {
            "total": len(self._states),
            "modelled": count(LineState.MODELLED),
            "ignored": count(LineState.IGNORED),
            "conditional": count(LineState.CONDITIONAL),
            "unsupported": count(LineState.UNSUPPORTED) + count(LineState.UNREAD),
        }


class Source(Struct, frozen=True):
    """A decoded export.

    `path` is as the user gave it, with `/`; `lines` are without line ends; `sha256` is of the bytes.
    """

    path: str
    lines: tuple[str, ...]
    sha256: str
    encoding: str

    @property
    def text(self) -> str:
        """The whole decoded text with `\\n` line ends."""
        return "\n".join(self.lines)

    def span(self, line: int) -> Span:
        """The span of the 1-based `line`."""
        return Span(self.path, line, self.lines[line - 1])


def read(path: str | os.PathLike[str]) -> Source:
    """Read and decode the export at `path`.

    Raises ExportError where it is missing, unreadable, empty, too large or not text.
    """
    name = os.fspath(path).replace(os.sep, "/")
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # what is no file, such as a device, may go on for ever
    except IsADirectoryError:
        raise ExportError("is a folder", "name the export files in it", name) from None
    except FileNotFoundError:
        raise ExportError("no such file", "check the path", name) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExportError(f"cannot be read ({reason})", "check the path and its rights", name) from None
    if len(data) > MAX_BYTES:
        raise ExportError(f"the file has more than {MAX_BYTES:,} bytes", "split the export", name)
    return from_bytes(data, name)


def from_bytes(data: bytes, path: str) -> Source:
    """Decode `data`, the bytes of the export called `path`. Raises ExportError.

    An xz file is read as what it holds. A registry hive is read as the lines that `reg export` writes of it
    (`hive.py`); `encoding` is `regf` then, or `regf, not closed` where Windows was still writing it.
    """
    if data.startswith(hive.XZ_MAGIC):
        return replace(_from_bytes(hive.unpack(data, path, MAX_BYTES), path), sha256=hashlib.sha256(data).hexdigest())
    return _from_bytes(data, path)


def _from_bytes(data: bytes, path: str) -> Source:
    if data.startswith(hive.MAGIC):
        texts, closed = hive.to_text(data, path)
        encoding = "regf" if closed else "regf, not closed"
        return Source(path, tuple(texts), hashlib.sha256(data).hexdigest(), encoding)
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise ExportError("the file is empty", _EMPTY_IS_RIGHT, path)
    text, encoding = _decode(data, path)
    if not text.strip():
        raise ExportError("the file is empty", _EMPTY_IS_RIGHT, path)
    for end in ("\r\r\n", "\r\n", "\r"):
        text = text.replace(end, "\n") if end in text else text
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return Source(path, tuple(lines), hashlib.sha256(data).hexdigest(), encoding)


def _decode(data: bytes, path: str) -> tuple[str, str]:
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return _repair(_strict(data, encoding, path), encoding)
    half = max(1, len(data[:4096]) // 2)
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[:4096][offset::2].count(0) > 0.6 * half and data[:4096][1 - offset :: 2].count(0) < 0.1 * half:
            return _repair(_strict(data, encoding, path), encoding)
    if b"\0" in data:
        for encoding in ("utf-16-le", "utf-16-be"):
            if _tells(data[:_SAMPLE], encoding):  # few zero bytes: a language without Latin letters
                return _strict(data, encoding, path), encoding
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise ExportError("the file is binary, not text", "pass the text export", path, line)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _code_page(data, path)
    return _repair(_printable(text, path), "utf-8")


def _strict(data: bytes, encoding: str, path: str) -> str:
    try:
        return _printable(data.decode(encoding), path)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = f"the file is not valid {encoding.upper()} (it may be cut)"
        raise ExportError(problem, _EXPORT_AGAIN, path, line) from None


_CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 12, 13, 26, 27))


def _printable(text: str, path: str) -> str:
    raw = text.encode("utf-8", "surrogatepass")
    if (len(raw) - len(raw.translate(None, _CONTROLS))) * 20 > len(text):
        raise ExportError("the file is binary, not text", "pass the text export", path, 1)
    return text.rstrip("\x1a")


# Letters that the languages Windows speaks use, against the frames and signs that a wrong code page gives.
_WRONG = frozenset("─│┌┐└┘├┤┬┴┼═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬▀▄█▌▐░▒▓■¤¦§¨©¬®¯±´¶·¸¹²³¼½¾×÷ƒ†‡‰‹›™šžŸœ€‚„…^")


_MIXED = re.compile("[a-z][\u2e80-\uffdc]|[\u2e80-\uffdc][a-z]")
"""A letter of East Asia in a word of small Latin letters: two bytes of another code page."""


def _code_page(data: bytes, path: str) -> tuple[str, str]:
    """The text in the code page that gives the most known words, then the most letters, of the lines that differ."""
    sample = _telling_lines(data)
    ranked: list[tuple[int, int, int, str]] = []
    for rank, encoding in enumerate(CODE_PAGES):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        foreign = {char for char in text if ord(char) > 127}
        wrong = sum(text.count(char) for char in foreign if char in _WRONG or not char.isalpha())
        capitals = sum(1 for a, b in pairwise(text) if a.islower() and b.isupper() and ord(b) > 127)
        ranked.append((-telling(text), wrong + capitals + len(_MIXED.findall(text)), rank, encoding))
    for *_, encoding in sorted(ranked):
        try:
            return _printable(data.decode(encoding), path), encoding
        except UnicodeDecodeError:
            continue
    raise ExportError("the file's characters cannot be decoded", "save it as UTF-8", path)


def _telling_lines(data: bytes) -> bytes:
    """The first lines that hold more than ASCII: what code pages differ in. No line end is part of a character."""
    lines: list[bytes] = []
    size = 0
    for line in data.split(b"\n"):
        if not line.isascii():
            lines.append(line)
            size += len(line)
            if size > _SAMPLE:
                break
    return b"\n".join(lines)


def _tells(data: bytes, encoding: str) -> bool:
    """Whether `data` holds known words in `encoding`."""
    return telling(data.decode(encoding, "replace")) > 0


def _repair(text: str, encoding: str) -> tuple[str, str]:
    """Undo UTF-8 that a console had read as a code page before it was written again.

    Frames, which no dump holds, give away cp850 and cp437; another page must give more known words than there were.
    """
    if text.isascii():
        return text, encoding
    pages = ("cp850", "cp437") if any(char in text for char in "├┬┼╬") else ()
    for page in (*pages, "cp1252", "cp1250", "cp1251", "cp866", "cp932", "cp936"):
        try:
            found = text.encode(page).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if page in pages or telling(found[:_SAMPLE]) > telling(text[:_SAMPLE]):
            return found, f"{encoding}, UTF-8 read as {page}"
    return text, encoding
