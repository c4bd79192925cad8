"""`netsh advfirewall show global`: settings of IPsec, of helpers for FTP and PPTP, and who filters.

Names and values in two columns under headings; the names are the same in every language. Nothing of IPsec lets
packets through or stops them here, and StatefulFTP and StatefulPPTP only admit connections that belong to others. But
where another product has registered for `FirewallRuleCategory`, Windows' own rules are not in force (Microsoft,
INetFwProduct::get_RuleCategories): then whatever they say is unknown. The form is that of an output which
voxpupuli/puppet-windows_firewall quotes.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects import _netsh_words as netsh
from validator.dialects._netsh_blocks import is_ruler
from validator.dialects._netsh_titles import commands
from validator.dialects._windows import convert
from validator.dialects._windows_rules import PROFILES, WindowsProfiles, WindowsRule, WindowsRules
from validator.dialects.netsh_portproxy import refuse_beside
from validator.errors import ExportError, SeveralExportsError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "netsh-global"
TITLE = "netsh advfirewall show global"
PLATFORM = "windows"
STANDS_ALONE = False

_CATEGORY = re.compile(r"FirewallRuleCategory\s+(\S.*?)\s*$")
_STATEFUL = re.compile(r"Stateful(FTP|PPTP)\s+\S")
_NAMES = re.compile(
    r"(StrongCRLCheck|SAIdleTimeMin|DefaultExemptions|IPsecThroughNAT|AuthzUserGrp|AuthzComputerGrp"
    r"|AuthzUserGrpTransport|AuthzComputerGrpTransport|KeyLifetime|SecMethods|ForceDH"
    r"|BootTimeRuleCategory|StealthRuleCategory|ConSecRuleCategory)\s+\S"
)
_TITLED = re.compile(r"\S.*[:：]\s*$")
_AGAIN = "run netsh advfirewall show global again and redirect all of its output into the file"


def sniff(source: Source) -> bool:
    """The settings of IPsec under a title and dashes, as the first section of the file."""
    lines = source.lines[:60]
    rulers = [number for number, line in enumerate(lines) if number and is_ruler(line)]
    if not rulers or not _TITLED.match(lines[rulers[0] - 1]):
        return False
    return any(line.startswith(("StrongCRLCheck", "SAIdleTimeMin")) for line in lines[rulers[0] : rulers[0] + 6])


def parse(source: Source, ledger: Ledger) -> Fragment:
    """Nothing but a doubt, where another product filters. Raises ExportError where another output follows."""
    refuse_beside(source)
    lines = source.lines
    rulers = [number for number, line in enumerate(lines, 1) if is_ruler(line)]
    if len(rulers) > 1:
        problem, remedy = "two outputs stand in one file", "pass each output as a file of its own"
        raise SeveralExportsError(problem, remedy, source.path, rulers[1] - 1)
    shown = {number for number, _ in commands(lines)}
    category, at = "", 0
    for number, line in enumerate(lines, 1):
        found = _CATEGORY.match(line)
        if found:
            category, at = found[1], number
            ledger.mark(number, LineState.MODELLED)
        elif _STATEFUL.match(line):
            ledger.mark(number, LineState.MODELLED)
        elif _NAMES.match(line) or _TITLED.match(line) or is_ruler(line) or number in shown or _ends(line):
            ledger.mark(number, LineState.IGNORED)
    if not at and not any(_ends(line) for line in lines):
        raise ExportError("the output does not end with `Ok.`: it is cut", _AGAIN, source.path, len(lines))
    data: WindowsRules | WindowsProfiles = WindowsProfiles(source.path, ())
    if at and "windows" not in category.lower():
        why = f"another product filters in place of Windows' rules: FirewallRuleCategory is {category[:60]!r}"
        anything = ("any", "any", "any", "any", "any")
        doubt = WindowsRule(source.path, at, "FirewallRuleCategory", True, True, PROFILES, *anything, "block", why=why)
        data = WindowsRules(source.path, (replace(doubt, anything=True),))
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


def _ends(line: str) -> bool:
    return line.strip().lower() in netsh.TERMINATORS


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
