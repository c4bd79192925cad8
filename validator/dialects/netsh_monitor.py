"""`netsh advfirewall monitor show currentprofile`: which profiles are active, each with the networks it is active for.

    Private Profile:
    ----------------------------------------------------------------------
    Network 2

    Public Profile:
    ----------------------------------------------------------------------
    Unidentified network
    Ok.

The form is that of an output which a public test of 2026 quotes (abyssfs), in English; titles in other languages are
those of `show allprofiles` as far as they are known, and no output confirms them. Where the last line is missing, an
active profile may be missing too.
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects import _netsh_words as netsh
from validator.dialects._netsh_titles import body, commands, has_columns, sections
from validator.dialects._windows import convert
from validator.dialects._windows_rules import PROFILES, WindowsProfiles
from validator.dialects.netsh_portproxy import refuse_beside
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "netsh-monitor"
TITLE = "netsh advfirewall monitor show currentprofile"
PLATFORM = "windows"
STANDS_ALONE = False

_SETTINGS = re.compile(r"Settings\s*:\s*$", re.IGNORECASE)
_AGAIN = "run netsh advfirewall monitor show currentprofile again and redirect all of its output into the file"


def sniff(source: Source) -> bool:
    """Titles of profiles over names alone, without settings in two columns."""
    lines = source.lines[:400]
    parts = sections(lines)
    return bool(parts) and all(
        part.profile
        and not _SETTINGS.search(lines[part.first - 1])
        and any(True for _ in body(lines, part))
        and not any(has_columns(text) for _, text in body(lines, part))
        for part in parts
    )


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The active profiles. Raises ExportError where the output is cut."""
    refuse_beside(source)
    lines = source.lines
    parts = sections(lines)
    written = [number for number, line in enumerate(lines, 1) if line.strip()]
    end = next((number for number in written if lines[number - 1].strip().lower() in netsh.TERMINATORS), 0)
    if not parts or not all(part.profile for part in parts) or end < parts[-1].first:
        problem = "the output does not end with `Ok.`: it is cut, and an active profile may be missing"
        raise ExportError(problem, _AGAIN, source.path, len(lines))
    for part in parts:
        ledger.mark_range(part.first, part.first + 1, LineState.MODELLED)
        for number, _ in body(lines, part):
            ledger.mark(number, LineState.MODELLED)
    for number, _ in commands(lines):
        ledger.mark(number, LineState.IGNORED)
    ledger.mark(end, LineState.IGNORED)
    active = {part.profile for part in parts}
    data = WindowsProfiles(source.path, (), current=tuple(name for name in PROFILES if name in active))
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
