"""What a script runs beside netsh: Windows' own commands that leave the firewall alone, or something else.

What is called may change the firewall as well, so only commands that are known not to are passed over. In notes a
line may be prose, and there only what looks like a program, a script, or something that runs one is a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from validator.dialects._script_lines import Command, prints

_BATCH = re.compile(r"\s*@?(echo\s+o(n|ff)|setlocal)\b", re.IGNORECASE)
_VALUE = r"(\"[^\"]*\"|[^\s\"=]+)"
_BEFORE = re.compile(
    r"[\s@&()]+|(call|else|do)\b|[0-9]?>>?\s*(&[0-9]|[^\s&]+)"
    rf"|if\s+(/i\s+)?(not\s+)?((exist|defined|errorlevel)\s+{_VALUE}|{_VALUE}?\s*==\s*{_VALUE}?"
    rf"|{_VALUE}\s+(equ|neq|lss|leq|gtr|geq)\s+{_VALUE})(?=[\s(])",
    re.IGNORECASE,
)
"""What stands before a command of cmd and is none itself: brackets, `call`, a condition, a redirection."""
_LOOP = re.compile(r"for\s(.*?\bin\s*\((?P<list>.*?)(\)\s*do\b(?P<body>.*)|$))", re.IGNORECASE)
_PROMPT = re.compile(r"\s*(PS )?[a-z]:\\[^<>|\"]*>(?=[a-z])", re.IGNORECASE)
_WORD = re.compile(r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'])+")
_RUNNABLE = re.compile(r"\.(cmd|bat|exe|com|msi|msu|ps1|psm1|vbs|vbe|js|jse|wsf|reg|inf|hta|lnk)$")
_RUNNERS = frozenset((
    "powershell", "pwsh", "cmd", "cscript", "wscript", "mshta", "msiexec", "rundll32", "regsvr32", "runas",
    "psexec", "gpupdate", "secedit", "lgpo",
))  # fmt: skip
_STARTERS = frozenset(("start", "regedit", "schtasks", "wmic", "at", "forfiles"))
_POWERSHELL_RUNNERS = frozenset((
    "start-process", "invoke-expression", "iex", "invoke-command", "icm", "invoke-item", "ii", "saps",
))  # fmt: skip
_HARMLESS = frozenset((
    "assoc", "attrib", "break", "cacls", "certutil", "cd", "chcp", "chdir", "choice", "cls", "color", "comp",
    "compact", "copy", "date", "del", "dir", "dism", "echo", "endlocal", "erase", "eventcreate", "exit", "expand",
    "fc", "find", "findstr", "fsutil", "ftype", "goto", "hostname", "icacls", "ipconfig", "md", "mkdir", "mklink",
    "mode", "more", "move", "msg", "nbtstat", "net", "net1", "netsh", "netstat", "nslookup", "openfiles", "path",
    "pathping", "pause", "ping", "popd", "powercfg", "prompt", "pushd", "query", "quser", "rd", "rem", "ren",
    "rename", "replace", "rmdir", "robocopy", "route", "sc", "set", "setlocal", "setx", "shift", "shutdown",
    "sleep", "sort", "subst", "systeminfo", "takeown", "taskkill", "tasklist", "time", "timeout", "title",
    "tracert", "tree", "type", "ver", "verify", "vol", "w32tm", "waitfor", "where", "whoami", "xcopy",
))  # fmt: skip
_KEYWORDS = frozenset((
    "begin", "break", "catch", "class", "continue", "data", "do", "dynamicparam", "else", "elseif", "end", "enum",
    "exit", "filter", "finally", "for", "foreach", "function", "if", "in", "param", "process", "return", "switch",
    "throw", "trap", "try", "until", "using", "while",
))  # fmt: skip
_VERBS = frozenset((
    "add", "clear", "compare", "compress", "convert", "convertfrom", "convertto", "copy", "expand", "export",
    "find", "foreach", "format", "get", "group", "hide", "join", "limit", "measure", "move", "out", "pop", "push",
    "read", "remove", "rename", "resolve", "search", "select", "show", "sort", "split", "tee", "test", "trace",
    "wait", "where", "write",
))  # fmt: skip
"""The verbs of PowerShell's own cmdlets that look, compute or keep files; those of the firewall are sought before."""
_CMDLETS = frozenset((
    "new-item", "new-object", "new-variable", "new-timespan", "set-location", "set-strictmode",
    "set-executionpolicy", "set-variable", "set-content", "set-item", "set-itemproperty", "set-psdebug",
    "start-sleep", "start-transcript", "stop-transcript", "start-service", "stop-service", "restart-service",
    "set-service", "invoke-webrequest", "invoke-restmethod",
))  # fmt: skip
_ASSIGNED = re.compile(r"[\s(){}]*(\$[\w:.]+|\[[\w.\[\]]+\]\s*\$\w+)\s*[-+]?=\s*")
_TEXT = re.compile(r"'[^']*'|\"(?:(?!\$\()[^\"])*\"|\$\{[^}]*\}")
"""A text of PowerShell in which no command stands, or a variable in braces."""
_CALLED = re.compile(r"[.&]\s+\S|&[$\"'(]")


def is_batch(path: str, lines: Sequence[str]) -> bool:
    """Whether a file is surely a batch file, in which every line is a command: by its name, or by `echo off`."""
    return path.lower().endswith((".bat", ".cmd")) or any(_BATCH.match(line) for line in lines)


def runs_another(command: Command, powershell: bool, batch: bool) -> bool:
    """Whether a command of a script may run a script, or a program that is not known to leave the firewall alone."""
    if not command.words:
        return False
    if powershell:
        return any(map(_powershell_runs, re.split(r"[{}]|\$\(", _TEXT.sub("''", command.raw))))
    if prints(command.words[0].text.lstrip("(")):
        return False
    fed = "|" in command.why or "its input" in command.why
    parts = re.split(r"\)\s*else\b", command.raw.replace("^", ""), flags=re.IGNORECASE)
    return any(_runs(text, batch, fed) for part in parts for text in _commands(part))


def _commands(text: str) -> Iterator[str]:
    """The commands in a command of cmd: itself, or what conditions and loops in it run."""
    while found := _BEFORE.match(text):
        text = text[found.end() :]
    loop = _LOOP.match(text)
    if loop is None:
        yield from re.split(r"'\s*\)\s*do\s", text)  # the end of a command in a loop, behind a pipe
        return
    if loop["list"].strip()[:1] in ("'", "`"):
        yield from _commands(loop["list"].strip(" '`"))
    yield from _commands(loop["body"] or "")


def _runs(text: str, batch: bool, fed: bool) -> bool:
    """Whether a command of cmd runs something else; one that runs what it is fed does."""
    prompt = None if batch else _PROMPT.match(text)
    texts = [word.lower().replace('"', "") for word in _WORD.findall(text[prompt.end() :] if prompt else text)]
    texts[:1] = [texts[0].rstrip(")")] if texts else []
    if not texts or texts[0][:1] in ("", ":", ")"):
        return False
    plain = re.match(r"[^>.:/,;=+]+", texts[0])  # cmd ends a command's name there: echo.x, cd\, set>x
    name = texts[0].rpartition("\\")[2].removesuffix(".exe").removesuffix(".com")
    if name in _HARMLESS or (plain and plain[0].partition("\\")[0] in _HARMLESS and not _RUNNABLE.search(texts[0])):
        return False
    if name == "reg":
        return "%" in "".join(texts[1:3]) or (texts[1:2] or ["-"])[0] in ("import", "restore", "load", "copy")
    if name == "schtasks" and texts[1:2] == ["/query"]:
        return False
    away = texts[0][0] in "%!" or "\\" in texts[0] or texts[0].startswith(("./", "../")) or texts[0] == "."
    if batch or prompt or away:
        return True
    if name in _RUNNERS or name in _STARTERS:
        return fed or any(_RUNNABLE.search(word) or (word[:1] in "-/" and name in _RUNNERS) for word in texts[1:])
    return bool(_RUNNABLE.search(texts[0])) or name in _POWERSHELL_RUNNERS


def _powershell_runs(text: str) -> bool:
    """Whether a command of PowerShell, or a part of one between braces, runs something else."""
    assigned = _ASSIGNED.match(text)
    rest = text[assigned.end() :] if assigned else text
    rest = rest.lstrip(" \t()@")
    if _CALLED.match(rest):
        return True
    word = _WORD.match(rest)
    if word is None or re.match(r"[\"'$\[\]\-+*/<>|,#0-9]", rest) or re.match(r"\s*[=]", rest[word.end() :]):
        return False
    full = word[0].lower().rstrip(");,")
    name = full.replace("/", "\\").rpartition("\\")[2].removesuffix(".exe")
    verb, dash, _ = name.partition("-")
    keyword = re.split(r"[(\s]", name)[0]
    known = name in _HARMLESS or keyword in _KEYWORDS or name in _CMDLETS or (bool(dash) and verb in _VERBS)
    if name == "import-module":
        return bool(re.search(r"[\\/.$]", rest))
    return not known
