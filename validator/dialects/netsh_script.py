"""Scripts and notes with `netsh advfirewall firewall add|set|delete rule` lines: a change before it is made.

The rest of a script is ignored, since it changes nothing that we know of; a line that names the firewall and is
not understood may change anything. Microsoft's netsh reference gives the commands; see `_netsh_commands.py`, and
`_script_lines.py` for how cmd and PowerShell cut lines.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects._netsh_commands import change
from validator.dialects._netsh_values import PARAMETERS, SELECTORS
from validator.dialects._script_lines import Command, commands, is_powershell
from validator.dialects._script_runs import is_batch, runs_another
from validator.dialects._windows import convert
from validator.dialects._windows_rules import Change, PortProxy, WindowsChanges
from validator.dialects.netsh_portproxy import refuse_beside
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "netsh-script"
TITLE = "a script of netsh advfirewall commands (.bat, .cmd, .ps1)"
PLATFORM = "windows"

_COMMAND = re.compile(
    r"([^&]*&|\s*(if|for)\b.*[\s(@])?\s*@?\s*(call\s+)?\"?(\S*[\\/])?netsh(\.exe)?\"?\s+(-c\s+)?(adv\w*\s+"
    r"(f\w*\s+(a\w*|set?|d\w*)\s+r\w*|set|reset|import|(consec|mainmode)\s+(add|set|delete))\b"
    r"|firewall\s+(add|set|delete|reset)\b)",
    re.IGNORECASE,
)
_HELP = re.compile(r"\s*Usage:\s+(set|add|delete)\s", re.IGNORECASE)
_KEYS = "|".join(sorted({*SELECTORS, *PARAMETERS, "listenport", "listenaddress", "connectport", "connectaddress"}))
_GOES_ON = re.compile(rf"\s*({_KEYS})\s*=|\s*,", re.IGNORECASE)
_FORWARDS = re.compile(
    r"([^&]*[&(@])?\s*@?(\S*[\\/])?netsh(\.exe)?\s+int\w*\s+portp\w*\s+(add|set|delete|reset)\b", re.IGNORECASE
)
_RUNS = "it runs something else, which may change the firewall"
_MOST_LINES = 20_000


def sniff(source: Source) -> bool:
    """A line that starts with a netsh command which changes the firewall."""
    return any(
        "etsh" in line.lower() and (_COMMAND.match(line) or _FORWARDS.match(line))
        for line in source.lines[:_MOST_LINES]
    )


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The changes that the script makes, in order. Raises ExportError for netsh's help, which only shows commands."""
    refuse_beside(source)
    for number, line in enumerate(source.lines, 1):
        if _HELP.match(line):
            raise ExportError("this is netsh's help, not a script", "pass the script or an export", source.path, number)
    changes: list[Change] = []
    proxies: list[PortProxy] = []
    powershell, batch = is_powershell(source.path, source.lines), is_batch(source.path, source.lines)
    for command in commands(source.lines, powershell):
        found = change(command, source.path)
        if found is None and runs_another(command, powershell, batch):
            found = Change("unclear", Span(source.path, command.first, command.text), why=_RUNS)
        if isinstance(found, PortProxy):
            found = _goes_on(command, source) or found
        if isinstance(found, PortProxy):
            proxies.append(found)
        elif found is not None:
            found = _whole(found, command, source)
            changes.append(found)
        ledger.mark_range(command.first, command.last, _state(found))
    data = WindowsChanges(source.path, tuple(changes), tuple(proxies))
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


def _whole(found: Change, command: Command, source: Source) -> Change:
    """The change, not understood where the next line seems to go on with it: an editor may have wrapped it."""
    wrapped = None if found.why else _goes_on(command, source)
    return replace(found, why=wrapped.why) if wrapped else found


def _goes_on(command: Command, source: Source) -> Change | None:
    """A change that is not understood, where the next line seems to go on with the command."""
    after = source.lines[command.last] if command.last < len(source.lines) else ""
    if not _GOES_ON.match(after):
        return None
    why = f"line {command.last + 1} seems to go on with it: put it on one line"
    return Change("unclear", Span(source.path, command.first, command.text), why=why)


def _state(found: Change | PortProxy | None) -> LineState:
    if found is None:
        return LineState.IGNORED
    if isinstance(found, PortProxy):
        return LineState.MODELLED
    if found.why:
        return LineState.UNSUPPORTED
    return LineState.CONDITIONAL if found.rule and found.rule.is_conditional else LineState.MODELLED


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
