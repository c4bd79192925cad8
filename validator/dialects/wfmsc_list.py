"""`Export List` of the Windows Defender Firewall console (`wf.msc`), as text with tabs or commas.

One rule a line, under headers in the language of Windows. The list is of one direction and does not say of which: the
names of Windows' own rules do, which end in `-In)` and `-Out)`. Its words are not those of netsh. It shows no service,
interface type, ICMP type or edge traversal.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence

from validator.dialects import Fragment
from validator.dialects import _netsh_words as netsh
from validator.dialects._windows import convert
from validator.dialects._windows_addresses import address
from validator.dialects._windows_rules import LOCAL, PROFILES, Limit, WindowsRule, WindowsRules
from validator.dialects._windows_store import WindowsStore
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "wfmsc-list"
TITLE = "Export List of wf.msc"
PLATFORM = "windows"

_NEEDED = ("name", "profile", "enabled", "action", "program", "local address", "remote address", "protocol") + (
    "local port",
    "remote port",
)
_LIMITS = {
    "program": "program",
    "authorized computers": "remote-computers",
    "authorized users": "remote-users",
    "authorized local principals": "local-users",
    "application package": "package",
    "local user owner": "owner",
}
_KNOWN = frozenset((*_NEEDED, *_LIMITS, "group", "override", "policyappid"))
_HIDES = {"program": "program", "authorized local principals": "user", "application package": "package"}
_NOT_SHOWN = ("service", "interface type")
_ADDRESSES = {
    "local subnet": "LocalSubnet",
    "dns servers": "DNS",
    "dhcp servers": "DHCP",
    "wins servers": "WINS",
    "default gateway": "DefaultGateway",
    "playto renderers": "Ply2Renders",
    "internet": "Internet",
    "intranet": "Intranet",
}
_PORTS = {
    "rpc dynamic ports": "RPC",
    "rpc endpoint mapper": "RPC-EPMap",
    "iphttps": "IPHTTPS",
    "edge traversal": "Teredo",
    "playto discovery": "Ply2Disc",
    "mdns": "mDNS",
}
_PROTOCOLS = {"hopopt": "0", "ipv6-route": "43", "ipv6-frag": "44", "ipv6-nonxt": "59", "ipv6-opts": "60"} | {
    "pgm": "113",
    "l2tp": "115",
}
_NAMED = ("any", "tcp", "udp", "icmpv4", "icmpv6", "igmp", "ipv6", "gre", "vrrp")
_ACTIONS = ("allow", "block", "secure")
_OTHER = "export it from Windows in English, or with the PowerShell command of docs/exporting-from-windows.md"


def sniff(source: Source) -> bool:
    """The console's headers, or rows of their shape in another language."""
    rows = [_cells(line) for line in source.lines[:2]]
    if not rows or len(rows[0]) < len(_NEEDED):
        return False
    return set(_NEEDED) <= {cell.lower() for cell in rows[0]} or (len(rows) > 1 and _is_row(rows[1]))


def _is_row(cells: Sequence[str]) -> bool:
    """Whether the fourth and fifth cell say that a rule is on and what it does, in any language."""
    return len(cells) >= 12 and netsh.value(cells[3]) in ("yes", "no") and netsh.value(cells[4]) in ("allow", "block")


def _cells(line: str) -> list[str]:
    """The cells of a line; every cell ends in a tab, or commas separate them."""
    if "\t" in line:
        cells = line.split("\t")
        return cells[:-1] if not cells[-1].strip() else cells
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules in `source`. Raises ExportError for another language, a broken line, or an unknown direction."""
    header = [cell.strip().lower() for cell in _cells(source.lines[0])]
    if not set(_NEEDED) <= set(header):
        raise ExportError("the headers of the list are not English", _OTHER, source.path, 1)
    if len(set(header)) != len(header):
        raise ExportError("two columns have the same header", "export the list again", source.path, 1)
    ledger.mark(1, LineState.IGNORED)
    rows: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(source.lines[1:], 2):
        if not line.strip():
            continue
        cells = _cells(line)
        if len(cells) != len(header):
            problem = f"a rule has {len(cells)} columns and not {len(header)}: the list is cut, or has commas in names"
            raise ExportError(problem, "export the list again, as text with tabs", source.path, number)
        rows.append((number, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    inbound = _direction(source, [row["name"] for _, row in rows])
    hides = tuple(word for column, word in _HIDES.items() if column not in header)
    rules = []
    for number, row in rows:
        rule = _rule(source, number, row, inbound)
        rules.append(rule)
        state = LineState.CONDITIONAL if rule.is_conditional else LineState.MODELLED
        ledger.mark(number, LineState.UNSUPPORTED if rule.why else state)
    found = WindowsRules(source.path, tuple(rules), (*hides, *_NOT_SHOWN))
    data = WindowsStore(source.path, found, covers=(LOCAL[0] if inbound else LOCAL[1],))
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


def _direction(source: Source, names: Sequence[str]) -> bool:
    """Whether the rules are inbound."""
    inward = sum(name.lower().endswith("-in)") for name in names)
    outward = sum(name.lower().endswith("-out)") for name in names)
    if bool(inward) == bool(outward):
        problem = "whether these rules are inbound or outbound is not in the list"
        remedy = "export with the PowerShell command of docs/exporting-from-windows.md"
        raise ExportError(problem, remedy, source.path, 1)
    return bool(inward)


def _rule(source: Source, number: int, row: Mapping[str, str], inbound: bool) -> WindowsRule:
    problems: list[str] = []
    action = row["action"].lower()
    if action not in _ACTIONS:
        problems.append(f"Action is {row['action'][:40]!r}")
    if row["enabled"].lower() not in ("yes", "no"):
        problems.append(f"Enabled is {row['enabled'][:40]!r}")
    profiles = [part.strip().lower() for part in row["profile"].split(",")]
    profiles = list(PROFILES) if profiles == ["all"] else profiles
    problems += [f"a profile is {name[:40]!r}" for name in profiles if name not in PROFILES]
    protocol = _protocol(row["protocol"], problems)
    override = row.get("override", "no").lower()
    if override not in ("yes", "no"):
        problems.append(f"Override is {override[:40]!r}")
    problems += [f"{name} is empty" for name in _NEEDED[5:] if not row[name].strip(", ")]
    if protocol not in ("TCP", "UDP"):
        problems += [f"{name} is given for {protocol}" for name in ("local port", "remote port") if _given(row[name])]
    return WindowsRule(
        path=source.path,
        line=number,
        name=row["name"],
        enabled=row["enabled"].lower() == "yes",
        inbound=inbound,
        profiles=tuple(name for name in PROFILES if name in profiles),
        protocol=protocol,
        local_ip=_list(row["local address"], _ADDRESSES),
        remote_ip=_list(row["remote address"], _ADDRESSES),
        local_port=_list(row["local port"], _PORTS),
        remote_port=_list(row["remote port"], _PORTS),
        action="bypass" if override == "yes" else "allow" if action == "secure" else action,
        limits=tuple(_limits(row, protocol, action == "secure" or override == "yes")),
        why="; ".join(problems),
    )


def _given(text: str) -> bool:
    return text.lower() != "any"


def _protocol(text: str, problems: list[str]) -> str:
    """The protocol in netsh's words."""
    name = text.lower()
    if name in _PROTOCOLS:
        return _PROTOCOLS[name]
    if not (name in _NAMED or (name.isascii() and name.isdigit() and len(name) < 4 and int(name) < 256)):
        problems.append(f"Protocol is {text[:40]!r}")
    written = {"tcp": "TCP", "udp": "UDP", "icmpv4": "ICMPv4", "icmpv6": "ICMPv6"}
    return written.get(name, name)


def _list(text: str, words: Mapping[str, str]) -> str:
    """A list of addresses or ports as netsh writes it."""
    if not _given(text):
        return "any"
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if words is _PORTS:
        return ",".join(words.get(part.lower(), part) for part in parts)
    return ",".join(words.get(part.lower()) or address(part) or part for part in parts)


def _limits(row: Mapping[str, str], protocol: str, secure: bool) -> Iterator[Limit]:
    for column, kind in _LIMITS.items():
        text = row.get(column, "Any")
        if text and _given(text):
            yield Limit(kind, text)
    if secure:
        yield Limit("security", "Secure")
    if protocol in ("ICMPv4", "ICMPv6"):
        yield Limit("other", "the ICMP type is one of the rule's, which the list does not show")
    if row.get("policyappid", "None").lower() not in ("none", "any", ""):
        yield Limit("other", f"the application has the id {row['policyappid']}")
    for column in sorted(set(row) - _KNOWN):
        if row[column].lower() not in ("any", "none", ""):
            yield Limit("other", f"what the column {column} says holds ({row[column]})")


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
