"""Network security groups and their rules, read from JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from validator.dialects._azure_data import SecurityGroup, SecurityRule
from validator.dialects._azure_json import Thing, ids, mark, texts, thing
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
    [
        "name",
        "id",
        "etag",
        "type",
        "resourcegroup",
        "description",
        "provisioningstate",
        "apiversion",
        "comments",
        "location",
        "dependson",
        "metadata",
        "tags",
        "sourceapplicationsecuritygroupstext",
        "destinationapplicationsecuritygroupstext",
        "condition",
        "scope",
    ]
)
"""Fields that say nothing about packets."""
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
    for key in _RULE[4:]:
        wanted = dict if key.endswith("Groups") else str | int
        if not all(isinstance(entry, wanted) for entry in found.items(key)):
            return f"{key} of {name} is not understood"
    for key in _RULE[4:12:2]:
        one, several = texts(found, key), texts(found, key + ("es" if key.endswith("Prefix") else "s"))
        if one and several and one != several:
            return f"{name} has both {key} and a list of them"
    return ""


_KNOWN = frozenset(key.casefold() for key in (*_RULE, *_EXPANDED)) | _OTHERS


def _account(found: Thing, parsed: SecurityRule, source: Source, ledger: Ledger) -> None:
    """Mark the lines of a rule."""
    for key in set(found.fields) - _KNOWN:
        ledger.mark(found.at(key), LineState.UNSUPPORTED)
    state = LineState.UNSUPPORTED if parsed.why else LineState.MODELLED
    for key in (*_RULE, *_EXPANDED):
        asks = key.endswith("Groups") and bool(found.items(key))
        asks = asks or ("Address" in key and any(_is_open(text) for text in texts(found, key)))
        mark(found, key, source, ledger, LineState.CONDITIONAL if asks and not parsed.why else state)
    ledger.mark(found.at("name"), state)


def _is_open(text: str) -> bool:
    """Whether an entry is a name that the export does not resolve."""
    return not is_block(text) and tag_of(text) not in _ALWAYS_KNOWN
