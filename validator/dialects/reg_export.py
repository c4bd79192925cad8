"""`reg export` (`.reg`) and `reg query /s` of the firewall's keys.

Where a file holds Internet Settings too, their proxy is read as well (`internet_settings` reads files that hold them
alone).
"""

from __future__ import annotations

from msgspec.structs import replace

from validator.dialects import Fragment, internet_settings
from validator.dialects._registry_firewall import names_firewall_key, store
from validator.dialects._registry_values import values
from validator.dialects._windows import convert
from validator.model import Proxy
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "reg-export"
TITLE = "reg export of the firewall's keys"
PLATFORM = "windows"


def sniff(source: Source) -> bool:
    """A key of the firewall, in a file that is text."""
    if source.encoding.startswith("regf"):
        return False
    return any(names_firewall_key(line) for line in source.lines)


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules, profiles and proxy in `source`. Raises ExportError where it is cut, or a script that deletes."""
    number = next((number for number, line in enumerate(source.lines, 1) if line.strip()), 1)
    if not source.lines[number - 1].startswith(("[", "HK")):
        ledger.mark(number, LineState.IGNORED)  # the name of the format
    for number, line in enumerate(source.lines, 1):
        if line.startswith(";"):
            ledger.mark(number, LineState.IGNORED)
    found = store(source, ledger, values(source), is_whole=False)
    if internet_settings.has_settings(source):
        scratch = Ledger(source.lines)
        proxy = internet_settings.parse(source, scratch).data
        for number in range(1, len(source.lines) + 1):
            if scratch.state(number) is LineState.MODELLED:
                ledger.mark(number, LineState.MODELLED)
        found = replace(found, proxy=proxy if isinstance(proxy, Proxy) else None)
    return Fragment(NAME, PLATFORM, source.path, found, tuple(Family))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
