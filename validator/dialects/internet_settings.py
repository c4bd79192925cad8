"""`reg export` or `reg query` of Internet Settings: the proxy of a user.

Values of HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings: `ProxyEnable` (1: on),
`ProxyServer`, `ProxyOverride` (`<local>` in it bypasses the proxy for local addresses) and
`AutoConfigURL` (a script that may name a proxy).
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects._registry_firewall import names_firewall_key
from validator.dialects._windows import convert
from validator.model import Proxy
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "internet-settings"
TITLE = "reg export of Internet Settings (proxy)"
PLATFORM = "windows"
STANDS_ALONE = False

_KEY = re.compile(r"\[?HKEY_[A-Z_]+\\.*\\Internet Settings\]?\s*$", re.IGNORECASE)
_OTHER_KEY = re.compile(r"\[?HKEY_", re.IGNORECASE)
_EXPORTED = re.compile(r'"((?:[^"\\]|\\.)*)"=(.*)$')
_QUERIED = re.compile(r"\s+(\S+)\s+REG_\w+\s+(.*)$")
_DWORD = re.compile(r"(?:dword:|0x)([0-9a-f]{1,8})$", re.IGNORECASE)


def sniff(source: Source) -> bool:
    """The registry key of Internet Settings; a file with the firewall's keys too is `reg_export`'s."""
    return has_settings(source) and not any(map(names_firewall_key, source.lines))


def has_settings(source: Source) -> bool:
    """Whether `source` holds the registry key of Internet Settings."""
    named = "internet settings" in source.text.lower()
    return named and any("\\" in line and _KEY.match(line.strip()) for line in source.lines)


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The proxy setting; values of other keys are ignored."""
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    inside, first = False, 1
    for number, line in enumerate(source.lines, 1):
        text = line.strip()
        if _OTHER_KEY.match(text):
            inside = bool(_KEY.match(text))
            first = number if inside and first == 1 else first
            ledger.mark(number, LineState.IGNORED)
            continue
        found = _EXPORTED.match(text) or _QUERIED.match(line)
        if inside and found and found[2].strip() != "-":  # `"name"=-` removes a value
            name = found[1].lower()
            values[name], lines[name] = _text(found[2].strip()), number
            ledger.mark(number, LineState.MODELLED if name.startswith("proxy") else LineState.IGNORED)
        else:
            ledger.mark(number, LineState.IGNORED)
    enabled = values.get("proxyenable", "0") not in ("0", "")
    script = values.get("autoconfigurl", "")
    server = values.get("proxyserver", "") if enabled else f"by script {script}" if script else ""
    local = "<local>" in values.get("proxyoverride", "").lower()
    at = lines.get("proxyoverride") or lines.get("proxyserver") or lines.get("autoconfigurl") or first
    span = Span(source.path, at, source.lines[at - 1].strip())
    if script:
        ledger.mark(lines["autoconfigurl"], LineState.MODELLED)
    return Fragment(NAME, PLATFORM, source.path, Proxy(server, local, span), tuple(Family))


def _text(value: str) -> str:
    """A value as text: a number in decimal, a string without quotes and escapes."""
    number = _DWORD.match(value)
    if number:
        return str(int(number[1], 16))
    return re.sub(r"\\(.)", r"\1", value.strip('"'))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
