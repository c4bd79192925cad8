"""`netsh advfirewall export` (`.wfw`), and copies of the registry's SYSTEM and SOFTWARE hives.

They are binary; `validator.hive` reads them as the text of `reg export`. A SYSTEM hive holds the local policy, a
SOFTWARE hive that of group policy. A hive that was copied while Windows wrote it lacks what its log holds.
"""

from __future__ import annotations

from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects._registry_firewall import store, unclear_rule
from validator.dialects._registry_values import values
from validator.dialects._windows import convert
from validator.dialects._windows_rules import WindowsRules
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "registry-hive"
TITLE = "netsh advfirewall export (.wfw), or a SYSTEM hive"
PLATFORM = "windows"

_NOT_CLOSED = "the hive was copied while Windows was writing it, and changes may be missing: use reg save, or a .wfw"


def sniff(source: Source) -> bool:
    """Whether it was binary."""
    return source.encoding.startswith("regf")


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules and profiles of the policy in force. Raises ExportError where a value means nothing."""
    ledger.mark(1, LineState.IGNORED)
    found = store(source, ledger, values(source), is_whole=True)
    if source.encoding != "regf":
        rule = unclear_rule(source.path, 1, "", "local", _NOT_CLOSED)
        ledger.mark(1, LineState.UNSUPPORTED)
        known = found.rules.rules if found.rules else ()
        found = replace(found, rules=WindowsRules(source.path, (rule, *known)))
    return Fragment(NAME, PLATFORM, source.path, found, tuple(Family))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
