"""`netsh advfirewall firewall show rule name=all`, with or without `verbose`.

A rule is a block: its name, a line of dashes, then `label: value` lines; ICMP rules have an indented
table of types and codes. Verbose dumps add program, service, interface types and more. The facts are
Microsoft's "netsh advfirewall firewall" reference, and what real dumps show where that is silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from validator.dialects import Fragment
from validator.dialects import _netsh_words as netsh
from validator.dialects._windows import convert
from validator.dialects._windows_rules import PLAIN_HIDES, VERBOSE_HIDES, IcmpRow, Limit, WindowsRule, WindowsRules
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "netsh-rules"
TITLE = "netsh advfirewall firewall show rule name=all [verbose]"
PLATFORM = "windows"

_DASHES = re.compile(r"-{20,}\s*$")
_NEEDED = ("enabled", "direction", "profiles", "local_ip", "remote_ip", "protocol", "action")
_IGNORED = ("grouping", "rule_source", "description")
_NUMBERS = ("local_ip", "remote_ip", "protocol", "local_port", "remote_port")
_WITH_PORTS = ("tcp", "udp", "6", "17")
_WITH_TYPES = ("icmpv4", "icmpv6", "1", "58")
_ICMP_ROW = re.compile(r"\s+(\S+)\s+(\S+)\s*$")
_AGAIN = "run the command again and redirect all of its output into the file"


def sniff(source: Source) -> bool:
    """A rule name over a line of dashes; or field labels that a filter left of such blocks."""
    lines = source.lines
    for number, line in enumerate(lines[:400]):
        head, colon, _ = line.partition(":")
        if colon and netsh.label(head) == "name" and _DASHES.match(_at(lines, number + 1)):
            return True
    labels = [netsh.label(line.partition(":")[0]) for line in lines[:400] if ":" in line]
    return labels.count("name") > 1 and len(set(labels) - {""}) > 1


def _at(lines: tuple[str, ...], index: int) -> str:
    return lines[index] if index < len(lines) else ""


@dataclass(frozen=True, slots=True)
class _Field:
    line: int
    text: str


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules in `source`. Raises ExportError where blocks were cut, or filtered away.

    A file without the last line of the output is cut too: block rules may be missing, which override.
    """
    lines = source.lines
    starts = [
        number
        for number in range(1, len(lines))
        if _DASHES.match(lines[number]) and netsh.label(lines[number - 1].partition(":")[0]) == "name"
    ]
    if not starts:
        problem = "the rules' blocks were filtered away (findstr, grep)"
        raise ExportError(problem, _AGAIN, source.path, 1)
    _check_head(source, starts[0])
    rules: list[WindowsRule] = []
    verbose = False
    for position, start in enumerate(starts):
        end = starts[position + 1] - 1 if position + 1 < len(starts) else len(lines)
        fields, icmp = _fields(source, ledger, start, end)
        verbose = verbose or "program" in fields or "security" in fields
        rules.append(_rule(source, ledger, start, fields, icmp))
    _check_end(source, starts[-1])
    data = WindowsRules(source.path, tuple(rules), VERBOSE_HIDES if verbose else PLAIN_HIDES)
    return Fragment(NAME, PLATFORM, source.path, data, (Family.IPV4, Family.IPV6))


def _check_head(source: Source, start: int) -> None:
    """Raises ExportError where something of a rule is left above the first one's name."""
    above = list(enumerate(source.lines[: start - 1], 1))
    left = [number for number, line in above if _DASHES.match(line)]
    labels = [number for number, line in above if netsh.label(line.partition(":")[0])]
    if left or len(labels) > 1:
        number = min(left + labels)
        raise ExportError("a rule without its name: the dump is damaged", _AGAIN, source.path, number)


def _check_end(source: Source, start: int) -> None:
    """Raises ExportError where no last line of the output follows the rule at `start`."""
    if not any(line.strip().lower() in netsh.TERMINATORS for line in source.lines[start + 1 :]):
        problem = "the dump does not end with `Ok.`: it is cut, and rules may be missing"
        raise ExportError(problem, _AGAIN, source.path, len(source.lines))


def _fields(source: Source, ledger: Ledger, start: int, end: int) -> tuple[dict[str, _Field], tuple[IcmpRow, ...]]:
    """The fields of the block whose name is on line `start` (1-based) and that ends on `end`."""
    ledger.mark_range(start, min(start + 1, end), LineState.MODELLED)
    name = source.lines[start - 1].partition(":")[2].strip()
    fields: dict[str, _Field] = {"name": _Field(start, name)}
    icmp: list[IcmpRow] = []
    last = ""
    for number in range(start + 2, end + 1):
        line = source.lines[number - 1]
        head, colon, rest = line.partition(":")
        key = netsh.label(head) if colon and not line[:1].isspace() else ""
        if key and key in fields:
            ledger.mark(number, LineState.UNSUPPORTED)
            fields.setdefault("unknown", _Field(number, line.strip()))
        elif key:
            fields[key] = _Field(number, rest.strip())
            ledger.mark(number, LineState.IGNORED if key in _IGNORED else LineState.MODELLED)
            last = key
        elif not line.strip():
            last = "" if last == "action" else last
        elif last == "protocol" and fields[last].text.lower() in _WITH_TYPES and _ICMP_ROW.match(line):
            row = _icmp_row(line)
            if row:
                icmp.append(row)
            elif number > fields[last].line + 1:  # not the table's header, which is in the dump's language
                fields.setdefault("unknown", _Field(number, line.strip()))
            ledger.mark(number, LineState.MODELLED)
        elif line.strip().lower() in netsh.TERMINATORS and "action" in fields:
            ledger.mark(number, LineState.IGNORED)
            last = ""
        elif last in ("description", "grouping"):
            ledger.mark(number, LineState.IGNORED)
        elif last in ("local_ip", "remote_ip", "local_port", "remote_port") and fields[last].text.endswith(","):
            fields[last] = _Field(fields[last].line, fields[last].text + line.strip())
            ledger.mark(number, LineState.MODELLED)
        elif "action" in fields and not last and not _DASHES.match(line):  # prose behind the output
            ledger.mark(number, LineState.UNSUPPORTED)
        else:
            ledger.mark(number, LineState.UNSUPPORTED)
            fields.setdefault("unknown", _Field(number, line.strip()))
    return fields, tuple(icmp)


def _icmp_row(line: str) -> IcmpRow | None:
    """A row of the ICMP table, numbers or `Any`; None for another line, such as the table's header."""
    kind, code = line.split()
    if not all(_is_byte(text) or netsh.value(text) == "any" for text in (kind, code)):
        return None
    return IcmpRow(int(kind) if _is_byte(kind) else None, int(code) if _is_byte(code) else None)


def _is_byte(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4 and int(text) < 256


def _rule(
    source: Source, ledger: Ledger, start: int, fields: Mapping[str, _Field], icmp: tuple[IcmpRow, ...]
) -> WindowsRule:
    missing = [key for key in _NEEDED if key not in fields]
    if missing:
        last = max(entry.line for entry in fields.values())
        label = netsh.LABELS[missing[0]][0]
        if "unknown" in fields:
            problem = f"the field {fields['unknown'].text[:40]!r} is in no known language ({label} is missing)"
            raise ExportError(problem, "run `chcp 437` before netsh, to export in English", source.path, last)
        problem = f"the rule {fields['name'].text[:60]!r} has no {label}: the dump is cut or filtered"
        raise ExportError(problem, _AGAIN, source.path, last)
    why = "; ".join(_unclear(fields, bool(icmp)))
    texts = {key: entry.text for key, entry in fields.items()}
    rule = WindowsRule(
        path=source.path,
        line=start,
        name=texts["name"],
        enabled=netsh.value(texts["enabled"]) == "yes",
        inbound=netsh.value(texts["direction"]) == "in",
        profiles=tuple(netsh.value(text) for text in texts["profiles"].split(",")),
        protocol=_plain(texts["protocol"]),
        local_ip=_plain(texts["local_ip"]),
        remote_ip=_plain(texts["remote_ip"]),
        local_port=_plain(texts.get("local_port", "any")),
        remote_port=_plain(texts.get("remote_port", "any")),
        action=netsh.value(texts["action"]),
        icmp=icmp,
        limits=tuple(_limits(texts, netsh.value(texts["action"]) == "bypass")),
        edge=netsh.value(texts.get("edge", "no")) or texts.get("edge", ""),
        why=why,
    )
    if why or rule.is_conditional:
        state = LineState.UNSUPPORTED if why else LineState.CONDITIONAL
        ledger.mark_range(start, max(entry.line for entry in fields.values()), state)
    return rule


def _plain(text: str) -> str:
    """`any` for the word of any language, else the text."""
    return "any" if netsh.value(text) == "any" else text


def _unclear(fields: Mapping[str, _Field], has_types: bool) -> Iterator[str]:
    """What of a rule is not understood; such a rule may do anything."""
    wanted = {"enabled": ("yes", "no"), "direction": ("in", "out"), "action": ("allow", "block", "bypass")}
    for key, words in wanted.items():
        if netsh.value(fields[key].text) not in words:
            yield f"{netsh.LABELS[key][0]} is {fields[key].text[:40]!r}"
    for text in fields["profiles"].text.split(","):
        if netsh.value(text) not in ("domain", "private", "public"):
            yield f"a profile is {text[:40]!r}"
    for key in _NUMBERS:
        if key in fields and not fields[key].text.strip(", "):
            yield f"{netsh.LABELS[key][0]} is empty"
    protocol = fields["protocol"].text.lower()
    for key in ("local_port", "remote_port"):
        if (key in fields) is not (protocol in _WITH_PORTS):
            yield f"{netsh.LABELS[key][0]} is {'given' if key in fields else 'missing'} for protocol {protocol[:20]}"
    if protocol in _WITH_TYPES and not has_types:
        yield f"the types of protocol {protocol} are missing"
    if "unknown" in fields:
        yield f"the line {fields['unknown'].text[:40]!r} is not understood"


_LIMITS = {
    "program": "program",
    "service": "service",
    "interface_types": "interface-type",
    "remote_computers": "remote-computers",
    "remote_users": "remote-users",
}


def _limits(texts: Mapping[str, str], bypass: bool) -> Iterator[Limit]:
    """What limits a rule beyond addresses and ports.

    [MS-FASP] 2.2.34: only authenticated connections bypass block rules, also where a plain dump hides that.
    """
    for key, kind in _LIMITS.items():
        text = texts.get(key, "").strip()
        if text and netsh.value(text) != "any":
            yield Limit(kind, text)
    security = texts.get("security", "NotRequired")
    if security.lower() != "notrequired":
        yield Limit("security", security)
    elif bypass:
        yield Limit("security", "bypass")


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
