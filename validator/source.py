"""Read an export: bytes to text, text to lines, and a ledger that accounts for every line.

The only module that opens exports. Decoding: a byte-order mark decides; then strict UTF-8;
then UTF-16 recognised by its zero bytes; then the code page of the console that wrote the file,
chosen by what decodes to known words. A dump that was decoded with the wrong code page before it
was written again (UTF-8 read as cp850, as the Windows console does) is repaired.
"""

from __future__ import annotations

import enum
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from validator.errors import ExportError

MAX_BYTES = 256 * 1024 * 1024
CODE_PAGES = ("cp850", "cp1252", "cp437", "cp852", "cp866", "cp932", "cp936", "cp1250", "cp1251")
_EXPORT_AGAIN = "export it again and pass that file"


@dataclass(frozen=True, slots=True)
class Span:
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


class Ledger:
    """The state of every line of one export.

    Lines are 1-based. A line that is blank is ignored from the start; a line that nobody marked
    counts as unsupported. Marking a line again keeps the worse of the two states.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._states = bytearray(LineState.UNREAD if line.strip() else LineState.IGNORED for line in lines)

    def mark(self, line: int, state: LineState) -> None:
        """Record that `line` is in `state` unless it is already in a worse one."""
        self._states[line - 1] = max(self._states[line - 1], state)

    def mark_range(self, first: int, last: int, state: LineState) -> None:
        """Mark the lines from `first` to `last`, both included."""
        for line in range(first, last + 1):
            self.mark(line, state)

    def state(self, line: int) -> LineState:
        """The state of `line`; a line nobody marked is unsupported."""
        state = LineState(self._states[line - 1])
        return LineState.UNSUPPORTED if state is LineState.UNREAD else state

    def unsupported(self) -> list[int]:
        """The 1-based numbers of the lines that were not understood, in order."""
        bad = (LineState.UNREAD, LineState.UNSUPPORTED)
        return [number for number, state in enumerate(self._states, 1) if state in bad]

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


@dataclass(frozen=True, slots=True)
class Source:
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
    """Decode `data`, the bytes of the export called `path`. Raises ExportError."""
    if not data.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise ExportError("the file is empty", _EXPORT_AGAIN, path)
    text, encoding = _decode(data, path)
    if not text.strip():
        raise ExportError("the file is empty", _EXPORT_AGAIN, path)
    normal = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    lines = normal.split("\n")
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


def _printable(text: str, path: str) -> str:
    controls = sum(text.count(chr(code)) for code in range(32) if code not in (9, 10, 12, 13, 26, 27))
    if controls * 20 > len(text):
        raise ExportError("the file is binary, not text", "pass the text export", path, 1)
    return text.rstrip("\x1a")


# Letters that the languages Windows speaks use, against the frames and signs that a wrong code page gives.
_WRONG = frozenset("─│┌┐└┘├┤┬┴┼═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬▀▄█▌▐░▒▓■¤¦§¨©¬®¯±´¶·¸¹²³¼½¾×÷ƒ†‡‰‹›™šžŸœ€‚„…^")


def _code_page(data: bytes, path: str) -> tuple[str, str]:
    best: tuple[int, int, str, str] | None = None
    for rank, encoding in enumerate(CODE_PAGES):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        foreign = {char for char in text if ord(char) > 127}
        wrong = sum(text.count(char) for char in foreign if char in _WRONG or not char.isalpha())
        capitals = sum(1 for a, b in pairwise(text) if a.islower() and b.isupper() and ord(b) > 127)
        score = wrong + capitals
        if best is None or (score, rank) < best[:2]:
            best = (score, rank, text, encoding)
    if best is None:
        raise ExportError("the file's characters cannot be decoded", "save it as UTF-8", path)
    return _printable(best[2], path), best[3]


def _repair(text: str, encoding: str) -> tuple[str, str]:
    """Undo UTF-8 that a console had read as cp850 or cp437 before it was written again."""
    if not any(char in text for char in "├┬┼╬"):
        return text, encoding
    for page in ("cp850", "cp437"):
        try:
            return text.encode(page).decode("utf-8"), f"{encoding}, UTF-8 read as {page}"
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
    return text, encoding
