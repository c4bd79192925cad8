"""The commands of a batch file, a PowerShell script or notes: line by line, as cmd and PowerShell cut them.

cmd: double quotes; `^` takes the next character literally and, at the end of a line, joins the next; `&`, `&&`, `||`
and `|` part commands; `rem`, `::` and labels are not run. PowerShell: single quotes too, a backtick joins lines, `;`
parts commands, `#` and `<# #>` are comments. `#` starts a comment in notes as well. What may not run as it stands
(after `&&`, in a block, behind `goto`) says why; that a script runs to its end is taken for granted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from msgspec import Struct, field

_POWERSHELL = re.compile(
    r"\s*(\$[A-Za-z_:]\w*\s*[=.]|Write-(Host|Output)\b|param\s*\(|function\s+[\w-]+\s*[({]?|#Requires\b|Import-Module\b)"
    r"|.*\S\s`\s*$",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"\s*@?\s*(rem(\s|$)|:|#)", re.IGNORECASE)
_BRANCH = re.compile(r"(if|for|else|while|foreach|switch|do|function|filter|try|catch|trap)\b", re.IGNORECASE)
_JUMP = re.compile(r"\bgoto\b", re.IGNORECASE)
_END = {
    False: re.compile(r"@?exit(\s+/b)?(\s+\S+)?\s*", re.IGNORECASE),
    True: re.compile(r"(exit|return|throw|break)\b.*", re.IGNORECASE),
}
"""The end of a script: in cmd, and in PowerShell."""
_HERE = re.compile(r"@(['\"])\s*$")
_PRINTS = re.compile(r"(echo([.:/(].*)?|title|write-(host|output|verbose))", re.IGNORECASE)


class Word(Struct, frozen=True):
    """A word of a command: its text without quotes, and the part of it that stood outside of quotes."""

    text: str
    bare: str


class Command(Struct, frozen=True):
    """A command on the lines from `first` to `last`: its words without redirections, and `why` it may not run, or
    not run as it stands. `text` is the whole line, `raw` the command alone. What is no command (a comment, a text) has
    no words, and its `raw` is what may be more than that."""

    first: int
    last: int
    text: str
    raw: str
    words: tuple[Word, ...] = ()
    why: str = ""


def prints(name: str) -> bool:
    """Whether a command of this name only shows its words."""
    return bool(_PRINTS.fullmatch(name.lstrip("@")))


def is_powershell(path: str, lines: Sequence[str]) -> bool:
    """Whether a script is PowerShell's: by its name, or by a line that only PowerShell knows."""
    suffix = PurePath(path).suffix.lower()
    if suffix in (".ps1", ".psm1", ".bat", ".cmd"):
        return suffix.startswith(".ps")
    return any(_POWERSHELL.match(line) for line in lines)


def commands(lines: Sequence[str], powershell: bool) -> Iterator[Command]:
    """The commands and comments of a script, in order; every line belongs to at least one."""
    walk = _Walk(powershell)
    for first, last, text in _joined(lines, powershell):
        yield from walk.line(first, last, text, lines[first - 1])


def _joined(lines: Sequence[str], powershell: bool) -> Iterator[tuple[int, int, str]]:
    """Lines with those that continue them: first and last number, and the text."""
    parts: list[str] = []
    first = 1
    for number, line in enumerate(lines, 1):
        first = first if parts else number
        goes_on = line.endswith(" `") if powershell else _ends_in_caret(line)
        parts.append(line[:-1] if goes_on else line)
        if not goes_on:
            yield first, number, "".join(parts)
            parts = []
    if parts:
        yield first, len(lines), "".join(parts)


def _ends_in_caret(line: str) -> bool:
    """Whether cmd joins the next line: the last character is a `^` that is neither escaped nor quoted."""
    return (len(line) - len(line.rstrip("^"))) % 2 == 1 and line.replace('^"', "").count('"') % 2 == 0


class _Walk(Struct):
    """Where in a script a line stands: in which blocks, behind what."""

    powershell: bool
    parens: int = 0
    braces: int = 0
    behind: str = ""
    here: str = ""
    comment: bool = False

    def line(self, first: int, last: int, text: str, head: str) -> Iterator[Command]:
        """The commands of one line with its continuations."""
        plain = " ".join(text.split())
        if self.comment or (self.powershell and text.lstrip().startswith("<#")):
            self.comment = "#>" not in text
            yield Command(first, last, plain, text.partition("#>")[2])
            return
        if self.here:
            self.here = "" if text.startswith(f"{self.here}@") else self.here
            yield Command(first, last, plain, text, why="it stands in a text, not among the commands")
            return
        if not plain or _COMMENT.match(text):
            more = text[len(head) - 1 :] if last > first else ""
            runs = not self.powershell and text.lstrip(" \t@").startswith("#") and re.search(r"[&|]", text)
            yield Command(first, last, plain, text if runs else more)  # cmd knows no `#`, and runs what is behind it
            return
        opened = _HERE.search(text) if self.powershell else None
        self.here = opened[1] if opened else ""
        before = ""
        for operator, segment in _segments(text, self.powershell):
            why = segment.why or self._uncertain(operator, before)
            before = operator
            if segment.first == "rem":
                yield Command(first, last, plain, "")
                break
            yield Command(first, last, plain, segment.raw, tuple(segment.words), why)
            self._after(segment, operator)
        if self.powershell and segment.open_quote and not opened:
            self.behind = "a quote before it is not closed"
        if self.powershell and text.rfind("<#") > text.rfind("#>"):
            self.behind = "it may stand in a comment"

    def _uncertain(self, operator: str, before: str) -> str:
        if self.parens or self.braces:
            return "it stands in a block that may not run"
        if operator in ("&&", "||", "|") or before in ("&&", "||"):
            return f"it stands behind {operator if operator != '&' else before}"
        return self.behind

    def _after(self, segment: _Segment, operator: str) -> None:
        """What a command means for those behind it."""
        if prints(segment.first) and not self.powershell:
            return  # an opening parenthesis in a text opens no block
        if _JUMP.search(segment.raw):
            self.behind = self.behind or "it stands behind a goto"
        elif _END[self.powershell].fullmatch(segment.raw.strip()) and not (self.parens or self.braces or operator):
            self.behind = self.behind or "it stands behind the end of the script"
        for sign in segment.brackets:
            if sign in "()":
                self.parens = max(0, self.parens + (1 if sign == "(" else -1))
            else:
                self.braces = max(0, self.braces + (1 if sign == "{" else -1))


class _Segment(Struct):
    """A command being cut into words."""

    powershell: bool
    words: list[Word] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    quoted: bool = False
    brackets: str = ""
    raw: str = ""
    why: str = ""
    open_quote: bool = False

    @property
    def first(self) -> str:
        """The command's name in lower case."""
        return self.words[0].text.lower().lstrip("@") if self.words else ""

    def end_word(self) -> None:
        """The word that was being read is whole."""
        if self.text or self.quoted:
            self.words.append(Word("".join(self.text), "".join(self.bare)))
        self.text, self.bare, self.quoted = [], [], False

    def doubt(self, why: str) -> None:
        """Remember the first thing that makes the command doubtful."""
        self.why = self.why or why


_OPERATOR = {False: re.compile(r"&&|\|\||[&|]"), True: re.compile(r"&&|\|\||[&|;]")}
_REDIRECT = re.compile(r">>?\s*(&\s*[0-9]|\"[^\"]*\"|[^\s&|<>\"]+)")


def _segments(text: str, powershell: bool) -> Iterator[tuple[str, _Segment]]:
    """The commands of a line, each with the operator before it."""
    operator, segment = "", _Segment(powershell)
    at, start = 0, 0
    while at < len(text):
        found = _OPERATOR[powershell].match(text, at)
        if found and powershell and found[0] == "&" and not segment.words and not segment.text:
            at += 1  # PowerShell's call operator
        elif found:
            segment.end_word()
            segment.raw = text[start:at]
            yield operator, _closed(segment)
            operator, segment = found[0].replace(";", "&"), _Segment(powershell)
            at = start = found.end()
        elif powershell and text[at] == "#" and not segment.text:
            text = text[:at]
        else:
            at = _step(text, at, segment)
    segment.end_word()
    segment.raw = text[start:]
    yield operator, _closed(segment)


def _closed(segment: _Segment) -> _Segment:
    """A whole command; one that starts with a word that branches may not run."""
    if _BRANCH.match(segment.first.lstrip("(){}")):
        segment.doubt("it runs only on a condition")
    return segment


def _step(text: str, at: int, segment: _Segment) -> int:
    """Read one thing of a command at `at`; gives where to go on."""
    char = text[at]
    if char in " \t":
        segment.end_word()
        return at + 1
    if char == '"' or (char == "'" and segment.powershell):
        return _quoted(text, at, segment)
    if char == ">":
        target = _REDIRECT.match(text, at)
        if "".join(segment.text) in ("1", "2", "*"):
            segment.text, segment.bare = [], []
        segment.end_word()
        if target is None:
            segment.doubt("its output goes nowhere")
        return target.end() if target else at + 1
    if char == "<":
        segment.doubt("it reads its input from a file")
    escape = "`" if segment.powershell else "^"
    if char == escape:
        if segment.powershell:
            segment.doubt("a character is escaped")
        at += 1
        char = text[at : at + 1]
    elif char in "(){}":
        segment.brackets += char
        if segment.powershell:
            segment.doubt("it holds an expression")
    elif char in "$," and segment.powershell:
        segment.doubt("it holds a variable" if char == "$" else "PowerShell splits it at the comma: quote the list")
    segment.text.append(char)
    segment.bare.append(char)
    return at + 1


def _quoted(text: str, at: int, segment: _Segment) -> int:
    """Read a quoted part of a word."""
    sign = text[at]
    end = text.find(sign, at + 1)
    if end < 0:
        segment.doubt("a quote is not closed")
        segment.open_quote = True
        end = len(text)
    inside = text[at + 1 : end]
    if text[at - 1 : at] == "\\" or inside.endswith("\\") or text[end + 1 : end + 2] == sign:
        segment.doubt("a quote is escaped")
    if segment.powershell and sign == '"' and ("$" in inside or "`" in inside):
        segment.doubt("it holds a variable")
    segment.text.append(inside)
    segment.quoted = True
    return end + 1
