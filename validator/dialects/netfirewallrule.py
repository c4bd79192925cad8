"""`Get-NetFirewallRule` of PowerShell with what belongs to it, as JSON or CSV.

A rule of PowerShell has neither ports nor addresses; they are in filters of the same `InstanceID`. The command in
docs/exporting-from-windows.md writes one JSON file with the rules, each kind of filter, the profiles and the networks;
here they are joined. Files with a rule and its ports and addresses in one object, or in one line of CSV, are read
too. The NetSecurity module's reference gives the properties.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from validator.dialects import Fragment
from validator.dialects import _netfirewallrule_words as powershell
from validator.dialects._json_positions import Located, load
from validator.dialects._windows import convert
from validator.dialects._windows_rules import (
    GROUP_POLICY,
    LOCAL,
    PROFILES,
    ProfileState,
    WindowsProfiles,
    WindowsRule,
    WindowsRules,
)
from validator.dialects._windows_store import WindowsStore
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "netfirewallrule"
TITLE = "Get-NetFirewallRule with its filters, as JSON or CSV"
PLATFORM = "windows"

_FILTERS = ("Ports", "Addresses", "Applications", "Services", "InterfaceTypes", "Interfaces", "Security")
_FORMAT = "portproof/windows/1"
_HINT = re.compile(r'"(InstanceID|DisplayName|Name)"\s*:.*', re.IGNORECASE)
_DIRECTION = re.compile(r'"Direction"\s*:', re.IGNORECASE)
_COMMAND = "run the PowerShell command of docs/exporting-from-windows.md"
_CSV = ("enabled", "direction", "action")


class _Row(Struct, frozen=True):
    """A rule's properties by name in lower case, the line of the rule, and the lines that its properties stand on."""

    line: int
    values: dict[str, str]
    lines: frozenset[int]
    why: str = ""


def sniff(source: Source) -> bool:
    """The properties of a rule, in JSON or in the header of a CSV."""
    head = next((line.strip() for line in source.lines if line.strip() and not line.startswith("#TYPE")), "")
    if head.startswith(("{", "[")):
        text = source.text
        return _FORMAT in text or bool(_DIRECTION.search(text) and _HINT.search(text) and '"Action"' in text)
    return set(_CSV) <= set(_header(head))


def _header(line: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=_delimiter(line), strict=True), [])
    except csv.Error:
        return []
    return [cell.strip().lower() for cell in cells]


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules, profiles and active networks in `source`.

    Raises ExportError where rules came without their ports, or where the file is cut.
    """
    head = next((line.strip() for line in source.lines if line.strip()), "")
    data = load(source) if head.startswith(("{", "[")) else None
    whole = isinstance(data, Located) and "Rules" in data
    profiles: tuple[WindowsProfiles, ...] = ()
    if isinstance(data, Located) and whole:
        if data.get("Format") != _FORMAT or data.get("Store") != "ActiveStore":
            raise ExportError("the file is not what the command writes", _COMMAND, source.path, data.line)
        rows = list(_joined(source, data))
        profiles = (_profiles(source, ledger, data),)
        ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    elif data is not None:
        ledger.mark_range(1, len(source.lines), LineState.IGNORED)
        rows = [_flat(source, item) for item in _items(data)]
    else:
        rows = list(_read_csv(source, ledger))
    if not rows:
        raise ExportError("there is no rule in it: the command failed", f"{_COMMAND} as administrator", source.path, 1)
    rules = tuple(_rule(source, ledger, row) for row in rows)
    columns = {key for row in rows for key in row.values}
    hides = () if whole else tuple(word for key, word in powershell.HIDES.items() if key not in columns)
    ways = {rule.inbound for rule in rules}  # rules that were chosen by hand may be of one direction
    covers = (*LOCAL, *GROUP_POLICY) if whole else tuple(side for side in LOCAL if (side == LOCAL[0]) in ways)
    store = WindowsStore(source.path, WindowsRules(source.path, rules, hides), profiles, covers=covers)
    return Fragment(NAME, PLATFORM, source.path, store, tuple(Family))


def _rule(source: Source, ledger: Ledger, row: _Row) -> WindowsRule:
    missing = [key for key in powershell.REQUIRED if key not in row.values]
    if missing and not row.why:
        problem = f"the rules come without {missing[-1]}: Get-NetFirewallRule alone shows no ports and addresses"
        raise ExportError(problem, _COMMAND, source.path, row.line)
    rule = powershell.rule(row.values, source.path, row.line, row.why)
    state = LineState.CONDITIONAL if rule.is_conditional else LineState.MODELLED
    for line in row.lines | {row.line}:
        ledger.mark(line, LineState.UNSUPPORTED if rule.why else state)
    return rule


# --- JSON ----------------------------------------------------------------


def _items(value: Any) -> list[Any]:
    """The items of a list, of PowerShell's wrapper of one, or a single item."""
    if isinstance(value, Located) and isinstance(value.get("value"), list) and "Count" in value:
        return list(value["value"])
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """A property as text; lists with commas."""
    if isinstance(value, list | Located):
        return ",".join(_text(item) for item in _items(value)) if not isinstance(value, Located) else _inner(value)
    return "" if value is None else str(value)


def _inner(value: Located) -> str:
    """The text of an enumeration that was written as an object: `{"value": 2, "Value": "Allow"}`."""
    if isinstance(value.get("value"), list) and "Count" in value:
        return ",".join(_text(item) for item in value["value"])
    for key in ("Value", "value"):
        if isinstance(value.get(key), str | int):
            return str(value[key])
    return "?"


def _flat(source: Source, item: Any) -> _Row:
    """An object with a rule and all that belongs to it."""
    if not isinstance(item, Located):
        raise ExportError("something between the rules is no rule", _COMMAND, source.path, 1)
    values = {key.lower(): _text(value) for key, value in item.items()}
    if len(values) != len(item):
        raise ExportError("a property stands twice", _COMMAND, source.path, item.line)
    return _Row(item.line, values, frozenset(item.lines.values()))


def _joined(source: Source, data: Located) -> Iterator[_Row]:
    """The rules with the properties of their filters."""
    rules = [_flat(source, item) for item in _items(data["Rules"])]
    counts: dict[str, int] = {}
    for row in rules:
        identity = row.values.get("instanceid", "")
        counts[identity] = counts.get(identity, 0) + 1
    filters = [(kind, _by_identity(source, data, kind)) for kind in _FILTERS]
    for row in rules:
        identity = row.values.get("instanceid", "")
        values, lines, problems = dict(row.values), set(row.lines), []
        for kind, known in filters:
            found = known.get(identity, [])
            if not found or any(each.values != found[0].values for each in found):
                why = "differ between rules of one id" if found else "are missing"
                problems.append(f"its {kind} {why}")
                continue
            values.update({key: text for key, text in found[0].values.items() if key not in row.values})
            for each in found:
                lines |= each.lines
        if not identity:
            problems.append("it has no InstanceID")
        yield _Row(row.line, values, frozenset(lines), "; ".join(problems))


def _by_identity(source: Source, data: Located, kind: str) -> Mapping[str, list[_Row]]:
    """The filters of a kind by the id of their rules."""
    if kind not in data:
        raise ExportError(f"the filters {kind!r} are missing: the command was changed", _COMMAND, source.path, 1)
    found: dict[str, list[_Row]] = {}
    for item in _items(data[kind]):
        row = _flat(source, item)
        row.values.pop("creationclassname", None)
        found.setdefault(row.values.get("instanceid", ""), []).append(row)
    return found


def _profiles(source: Source, ledger: Ledger, data: Located) -> WindowsProfiles:
    """The states of the profiles, and which of them are active."""
    states: list[ProfileState] = []
    for item in _items(data.get("Profiles", [])):
        row = _flat(source, item)
        name = row.values.get("name", "").strip().lower()
        if name not in PROFILES or any(state.name == name for state in states):
            raise ExportError(f"a profile is {name[:40]!r}, or stands twice", _COMMAND, source.path, row.line)
        switch, default = powershell.SWITCH, powershell.DEFAULT
        accepts = _word(source, row, "allowinboundrules", switch)
        inbound = _word(source, row, "defaultinboundaction", default) or None
        states.append(
            ProfileState(
                name=name,
                on=_as_flag(_word(source, row, "enabled", switch)),
                inbound="block-always" if accepts == "no" else inbound,
                outbound=_word(source, row, "defaultoutboundaction", default) or None,
                state_span=source.span(item.at("Enabled")),
                policy_span=source.span(item.at("DefaultInboundAction")),
                local_rules=_as_flag(_word(source, row, "allowlocalfirewallrules", switch)),
            )
        )
        for line in row.lines:
            ledger.mark(line, LineState.MODELLED)
    if len(states) != len(PROFILES):
        raise ExportError("the profiles are missing: the command was changed", _COMMAND, source.path, 1)
    current = set()
    for item in _items(data.get("Networks", [])):
        row = _flat(source, item)
        current.add(_word(source, row, "networkcategory", powershell.CATEGORY))
        for line in row.lines:
            ledger.mark(line, LineState.MODELLED)
    return WindowsProfiles(source.path, tuple(states), "effective", tuple(n for n in PROFILES if n in current))


def _as_flag(word: str) -> bool | None:
    return {"yes": True, "no": False}.get(word)


def _word(source: Source, row: _Row, key: str, words: Mapping[str, str]) -> str:
    """What a property of a profile or network means, in netsh's words."""
    text = row.values.get(key, "").strip().lower()
    if text not in words:
        problem = f"{key} is {text[:40]!r}, which means nothing" if text else f"{key} is missing"
        raise ExportError(problem, _COMMAND, source.path, row.line)
    return words[text]


# --- CSV -----------------------------------------------------------------


def _read_csv(source: Source, ledger: Ledger) -> Iterator[_Row]:
    """The rows of a CSV; a cell may go on over lines."""
    rows = [number for number, line in enumerate(source.lines) if line.strip() and not line.startswith("#TYPE")]
    if not rows:
        raise ExportError("the CSV has no header", _COMMAND, source.path, 1)
    first = rows[0]
    ledger.mark_range(1, first + 1, LineState.IGNORED)
    header = _header(source.lines[first])
    if len(set(header)) != len(header):
        raise ExportError("a column stands twice", _COMMAND, source.path, first + 1)
    texts = [line + "\n" for line in source.lines[first + 1 :]]
    reader = csv.reader(texts, delimiter=_delimiter(source.lines[first]), strict=True)
    start = first + 2
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            problem = f"the CSV is damaged or cut ({error})"
            raise ExportError(problem, _COMMAND, source.path, min(start, len(source.lines))) from None
        end = first + 1 + reader.line_num
        if cells is None:
            return
        if cells:
            yield _Row(start, _columns(source, header, cells, start), frozenset(range(start, end + 1)))
        start = end + 1


def _columns(source: Source, header: Sequence[str], cells: Sequence[str], line: int) -> dict[str, str]:
    if len(cells) != len(header):
        problem = f"a row has {len(cells)} columns and not {len(header)}: the CSV is cut"
        raise ExportError(problem, _COMMAND, source.path, line)
    return dict(zip(header, cells, strict=True))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
