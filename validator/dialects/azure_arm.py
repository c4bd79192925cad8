"""ARM templates: the network security groups that a deployment makes.

"Microsoft.Network networkSecurityGroups" and ".../securityRules" (Azure resource reference). What is literal is read,
and what the template's parameters and variables make of it; another expression is a condition that names it. A rule may
stand in its group, under its `resources`, or by itself with the group's name before its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects._arm_expressions import Scope, has_defaults, scope
from validator.dialects._azure import convert
from validator.dialects._azure_data import (
    SecurityGroup,
    SecurityGroups,
    SecurityRule,
    Untold,
    VirtualNetwork,
    VirtualNetworks,
)
from validator.dialects._azure_groups import rule, rules
from validator.dialects._azure_json import Thing, id_of, is_kind, mark, texts, thing
from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "azure-arm"
TITLE = "an ARM template"
PLATFORM = "azure"

_AGAIN = "pass a whole template (bicep build makes one of a .bicep file)"
_NETWORK = "microsoft.network/"
_GROUPS = _NETWORK + "networksecuritygroups"
_NETWORKS = _NETWORK + "virtualnetworks"


def sniff(source: Source) -> bool:
    """JSON with the schema of a deployment."""
    return is_kind(source, "template")


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The groups of a template. Raises ExportError where it is no JSON, or has no network security group."""
    data = load(source)
    if not isinstance(data, Located) or not isinstance(data.get("resources"), list | Located):
        raise ExportError("the template has no resources", _AGAIN, source.path, 1)
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    known = scope(data)
    found, networks = _read(data, source, ledger, known)
    if not found.groups:
        raise ExportError("no network security group is in this template", _AGAIN, source.path, 1)
    for line in known.used:
        ledger.mark(line, LineState.MODELLED)
    parts: tuple[object, ...] = (found, networks)
    if has_defaults(data):
        parts = (*parts, Untold(*_read(data, source, Ledger(source.lines), scope(data, defaults=False))))
    return Fragment(NAME, PLATFORM, source.path, parts, tuple(Family))


def _read(data: Located, source: Source, ledger: Ledger, known: Scope) -> tuple[SecurityGroups, VirtualNetworks]:
    reader = _Reader(source, ledger, known)
    for kind, name, resource in list(_resources(data["resources"], known, "", "")):
        reader.resource(kind, name, resource)
    found = SecurityGroups(source.path, reader.whole_groups(), not reader.nested, reader.nested)
    return found, VirtualNetworks(source.path, tuple(reader.networks))


def _resources(listed: Any, known: Scope, above_kind: str, above_name: str) -> Iterator[tuple[str, str, Thing]]:
    """Every resource with its whole type in small letters and its whole name; those inside others after them."""
    entries = list(listed.values()) if isinstance(listed, Located) else listed
    for entry in entries if isinstance(entries, list) else ():
        found = thing(known.resolve(entry)) if isinstance(entry, Located) else None
        if found is None or not found.text("type"):  # which no deployment takes
            continue
        kind, name = found.text("type").casefold().strip("/"), found.text("name")
        if above_kind and "/" not in kind.removeprefix(_NETWORK):
            kind = f"{above_kind}/{kind.removeprefix(_NETWORK)}"
            name = f"{above_name}/{name}"
        yield kind, name, found
        yield from _resources(entry.get("resources"), known, kind, name)


class _Reader(Struct):
    """What the resources of a template say, group by group."""

    source: Source
    ledger: Ledger
    scope: Scope
    groups: dict[str, list[SecurityGroup]] = field(default_factory=dict)
    apart: list[tuple[str, SecurityRule]] = field(default_factory=list)
    networks: list[VirtualNetwork] = field(default_factory=list)
    places: list[tuple[str, str, bool]] = field(default_factory=list)
    nested: str = ""

    def resource(self, kind: str, name: str, found: Thing) -> None:
        """Take in one resource."""
        conditions = _conditions(found)
        if conditions is None:
            return
        if kind == _GROUPS:
            self.groups.setdefault(name.casefold(), []).append(self._group(name, found, conditions))
        elif kind == f"{_GROUPS}/securityrules":
            group, _, own = name.rpartition("/")
            found.fields["name"] = (own, found.at("name"))
            for each in self._rule_apart(found, conditions):
                self.apart.append((group, each))
        elif kind == _NETWORKS:
            self._network(name, found)
        elif kind == f"{_NETWORKS}/subnets":
            self._placed(found, f"{_NETWORKS}/{'/subnets/'.join(name.rsplit('/', 1))}", True)
        elif kind == _NETWORK + "networkinterfaces":
            self._placed(found, f"{kind}/{name}", False)
        elif kind == "microsoft.resources/deployments":
            self.nested = "a nested deployment, which is not read, may have groups and rules: pass its template as well"
            self.ledger.mark(found.at("type"), LineState.UNSUPPORTED)

    def whole_groups(self) -> tuple[SecurityGroup, ...]:
        """The groups with the rules that stand apart, and where they are in force."""
        groups = {name: list(found) for name, found in self.groups.items()}
        for name, apart in self.apart:
            if name.casefold() not in groups:
                groups[name.casefold()] = [self._elsewhere(name, apart.line)]
            for number, group in enumerate(groups[name.casefold()]):
                groups[name.casefold()][number] = replace(group, rules=(*group.rules, apart))
        return tuple(self._in_force(group) for found in groups.values() for group in found)

    def _in_force(self, group: SecurityGroup) -> SecurityGroup:
        mine = [(place, subnet) for id_, place, subnet in self.places if id_.casefold() == group.id.casefold()]
        return replace(
            group,
            subnets=tuple(place for place, subnet in mine if subnet),
            interfaces=tuple(place for place, subnet in mine if not subnet),
        )

    def _group(self, name: str, found: Thing, conditions: tuple[str, ...]) -> SecurityGroup:
        listed = found.get("securityRules")
        entries = listed if isinstance(listed, list) else [] if listed is None else [listed]
        literal = [entry for entry in entries if isinstance(entry, Located)]
        written = list(rules(literal, self.source, self.ledger, _AGAIN, found.line))
        strange = [("securityRules", entry) for entry in entries if not isinstance(entry, Located)]
        strange += [(key, found.get(key)) for key in ("copy", "properties") if found.get(key) is not None]
        for key, value in strange:
            self.ledger.mark(found.at(key), LineState.UNSUPPORTED)
            text = value if isinstance(value, str) else "a copy loop"
            written += _unknown(f"rules of {name} come from {text[:80]}", found.at(key))
        id_ = f"Microsoft.Network/networkSecurityGroups/{name}"
        return SecurityGroup(id_, name, found.at("name"), tuple(written), conditions=conditions)

    def _rule_apart(self, found: Thing, conditions: tuple[str, ...]) -> Iterator[SecurityRule]:
        if found.get("copy") is not None:
            self.ledger.mark(found.at("copy"), LineState.UNSUPPORTED)
            yield from _unknown(f"{found.text('name')} is made by a copy loop", found.line)
            return
        if conditions:
            self.ledger.mark(found.at("condition"), LineState.CONDITIONAL)
        read = rule(found, self.source, self.ledger)
        yield replace(read, conditions=conditions)
        if read.why and read.priority is None:
            yield replace(read, inbound=not read.inbound, conditions=conditions)

    @staticmethod
    def _elsewhere(name: str, line: int) -> SecurityGroup:
        """A group that the template adds rules to, and that is made elsewhere."""
        why = f"other rules of the group {name} are not in this template: run az network nsg show"
        id_ = f"Microsoft.Network/networkSecurityGroups/{name}"
        return SecurityGroup(id_, name, line, _unknown(why, line))

    def _network(self, name: str, found: Thing) -> None:
        space = thing(found.get("addressSpace"))
        prefixes = texts(space, "addressPrefixes") if space else ()
        if space and prefixes and all(is_block(text) for text in prefixes):
            self.networks.append(VirtualNetwork(f"{_NETWORKS}/{name}", found.line, prefixes, ()))
            mark(space, "addressPrefixes", self.source, self.ledger, LineState.MODELLED)
        for entry in found.items("subnets"):
            each = thing(entry)
            if each:
                self._placed(each, f"{_NETWORKS}/{name}/subnets/{each.text('name')}", True)

    def _placed(self, found: Thing, place: str, subnet: bool) -> None:
        """Remember where a group is in force."""
        reference = thing(found.get("networkSecurityGroup"))
        if reference and id_of(found.get("networkSecurityGroup")):
            self.places.append((reference.text("id").strip("/"), place, subnet))
            self.ledger.mark(reference.at("id"), LineState.MODELLED)


def _conditions(found: Thing) -> tuple[str, ...] | None:
    """The expressions that must hold for a resource to be deployed; None where it never is."""
    condition = found.get("condition")
    if condition is None or condition is True or str(condition).casefold() == "true":
        return ()
    if condition is False or str(condition).casefold() == "false":
        return None
    return (str(condition)[:200],)


def _unknown(why: str, line: int) -> tuple[SecurityRule, ...]:
    """What stands for rules that nobody could read, of either direction."""
    empty = SecurityRule("rules", True, False, None, "?", (), (), (), (), line, why=why)
    return empty, replace(empty, inbound=False)


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
