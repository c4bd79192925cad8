"""Network security groups and their rules, read from JSON."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from validator.dialects._azure_data import SecurityGroup, SecurityRule
from validator.dialects._azure_json import Thing, id_of, ids, mark, texts, thing
from validator.dialects._azure_rules import unclear
from validator.dialects._azure_sides import tag_of
from validator.dialects._cloud import is_block
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

_RULE = (
    *("protocol", "access", "priority", "direction"),
    *("sourcePortRange", "sourcePortRanges", "destinationPortRange", "destinationPortRanges"),
    *("sourceAddressPrefix", "sourceAddressPrefixes", "destinationAddressPrefix", "destinationAddressPrefixes"),
    *("sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups"),
)
"""The fields that say what a rule does."""
_EXPANDED = ("expandedSourceAddressPrefix", "expandedDestinationAddressPrefix")
_OTHERS = frozenset(
    (
        *("name", "id", "etag", "type", "resourcegroup", "description", "provisioningstate", "tags", "metadata"),
        *("sourceapplicationsecuritygroupstext", "destinationapplicationsecuritygroupstext"),
        *("apiversion", "comments", "location", "dependson", "condition", "scope"),
    )
)
"""Fields that say nothing about packets."""
_NAMES = {name.casefold(): name for name in (*_RULE, *_EXPANDED)}
_KNOWN = _OTHERS | frozenset(_NAMES)
_ENDS = tuple(_NAMES)[4:-2]
_PAIRS = tuple(zip(_ENDS[0:8:2], _ENDS[1:8:2], strict=True))
_MEMBERS = _ENDS[8:]
_ADDRESSES = frozenset(key for key in _NAMES if "address" in key)
_ALWAYS_KNOWN = frozenset(("*", "azureloadbalancer"))
_DIRECTIONS = ("inbound", "outbound")


def group(found: Thing, source: Source, ledger: Ledger, again: str) -> SecurityGroup:
    """One network security group; marks the lines of its rules. Raises ExportError where it is none."""
    name = found.text("name") or found.text("id").rpartition("/")[2]
    if not name:
        raise ExportError("a network security group has neither id nor name", again, source.path, found.line)
    lists: list[tuple[SecurityRule, ...] | None] = []
    for key in ("securityRules", "defaultSecurityRules"):
        entries = found.get(key)
        if entries is not None and not isinstance(entries, list):
            raise ExportError(f"{key} is not a list", again, source.path, found.at(key))
        lists.append(None if entries is None else rules(entries, source, ledger, again, found.at(key)))
    if lists[0] is None:
        raise ExportError(f"the group {name} has no securityRules", again, source.path, found.line)
    return SecurityGroup(
        id=found.text("id") or name,
        name=name,
        line=found.at("name"),
        rules=lists[0],
        default_rules=lists[1],
        subnets=ids(found, "subnets"),
        interfaces=ids(found, "networkInterfaces"),
    )


def rules(entries: Sequence[object], source: Source, ledger: Ledger, again: str, line: int) -> tuple[SecurityRule, ...]:
    """The rules of a list. Raises ExportError where an entry is none (ConvertTo-Json cuts what is nested too deep)."""
    found = []
    for entry in entries:
        each = thing(entry)
        if each is None or not each.text("name"):
            what = "an entry of the rules is no rule, or was cut short (ConvertTo-Json needs -Depth 10)"
            raise ExportError(what, again, source.path, each.line if each else line)
        parsed = rule(each, source, ledger)
        found.append(parsed)
        if parsed.why and each.text("direction").casefold() not in _DIRECTIONS:  # it may be of either
            found.append(replace(parsed, inbound=not parsed.inbound))
    return tuple(found)


def rule(found: Thing, source: Source, ledger: Ledger) -> SecurityRule:
    """One rule; what of it is not understood is said in `why`. Marks its lines."""
    direction, access = found.text("direction").casefold(), found.text("access").casefold()
    priority = found.get("priority")
    known = isinstance(priority, int) and not isinstance(priority, bool) and 0 < priority <= 65535
    parsed = SecurityRule(
        name=found.text("name"),
        inbound=direction == "inbound",
        allow=access == "allow",
        priority=priority if known else None,
        protocol=found.text("protocol") or "?",
        sources=texts(found, "sourceAddressPrefix", "sourceAddressPrefixes"),
        source_ports=texts(found, "sourcePortRange", "sourcePortRanges"),
        destinations=texts(found, "destinationAddressPrefix", "destinationAddressPrefixes"),
        destination_ports=texts(found, "destinationPortRange", "destinationPortRanges"),
        line=found.at("name"),
        source_groups=ids(found, "sourceApplicationSecurityGroups"),
        destination_groups=ids(found, "destinationApplicationSecurityGroups"),
        why=_why(found, direction, access, known),
    )
    parsed = replace(parsed, why=parsed.why or unclear(parsed))
    _account(found, parsed, source, ledger)
    return parsed


def _why(found: Thing, direction: str, access: str, priority: bool) -> str:
    name = found.text("name")
    strange = sorted(set(found.fields) - _KNOWN)
    if strange:
        return f"unknown key {strange[0][:40]!r} in the rule {name}"
    if direction not in _DIRECTIONS:
        return f"the direction of {name} is {direction[:40]!r}"
    if access not in ("allow", "deny"):
        return f"the access of {name} is {access[:40]!r}"
    if not priority:
        return f"the priority of {name} is {str(found.get('priority'))[:80]!r}, not a number from 1 to 65535"
    for key in _ENDS:
        entries = found.items(key)
        wrong = any(type(entry) not in (str, int) for entry in entries)
        if wrong and not (key in _MEMBERS and all(map(id_of, entries))):
            return f"{_NAMES[key]} of {name} is not understood"
    for key, plural in _PAIRS:
        if found.get(key) and found.get(plural) and texts(found, key) != texts(found, plural):
            return f"{name} has both {_NAMES[key]} and a list of them"
    return ""


def _account(found: Thing, parsed: SecurityRule, source: Source, ledger: Ledger) -> None:
    """Mark the lines of a rule."""
    state = LineState.UNSUPPORTED if parsed.why else LineState.MODELLED
    for key, (value, line) in found.fields.items():
        if key not in _KNOWN:
            ledger.mark(line, LineState.UNSUPPORTED)
        elif key in _NAMES:
            asks = bool(value) and key in _MEMBERS
            asks = asks or (key in _ADDRESSES and any(_is_open(text) for text in texts(found, key)))
            mark(found, key, source, ledger, LineState.CONDITIONAL if asks and not parsed.why else state)
    ledger.mark(found.at("name"), state)


def _is_open(text: str) -> bool:
    """Whether an entry is a name that the export does not resolve."""
    return tag_of(text) not in _ALWAYS_KNOWN and not is_block(text)
