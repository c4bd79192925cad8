"""`az network nsg list` and `show`: network security groups as the API gives them, flat, or from Az PowerShell.

Microsoft.Network/networkSecurityGroups and securityRules (REST API reference).
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._azure import convert
from validator.dialects._azure_data import SecurityGroups
from validator.dialects._azure_groups import group
from validator.dialects._azure_json import is_kind, read
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "azure-nsg"
TITLE = "az network nsg list"
PLATFORM = "azure"

_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON whose entries have security rules."""
    return is_kind(source, "group")


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The groups in `source`. Raises ExportError where it is no JSON, or was cut short."""
    answer = read(source, ledger, "group", TITLE)
    groups = tuple(group(each, source, ledger, _AGAIN) for each in answer.things)
    why = "the export is one page of several: run az network nsg list" if answer.next_page else ""
    found = SecurityGroups(source.path, groups, not answer.next_page, why)
    return Fragment(NAME, PLATFORM, source.path, found, tuple(Family))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
