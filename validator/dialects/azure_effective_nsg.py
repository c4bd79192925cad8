"""`az network nic list-effective-nsg`: what is in force at one interface, its service tags expanded.

"Network Interfaces - List Effective Network Security Groups" (REST API reference) and "Diagnose a virtual machine
network traffic filter problem": an entry each for the group of the subnet and that of the interface, with all rules,
the default ones included; `All` is every protocol, `80-80` one port.
"""

from __future__ import annotations

from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects._azure import convert
from validator.dialects._azure_data import SecurityGroup, SecurityGroups, SecurityRule
from validator.dialects._azure_groups import rules
from validator.dialects._azure_json import Thing, is_kind, read, texts, thing
from validator.dialects._azure_points import place_of
from validator.dialects._azure_sides import tag_of
from validator.dialects._cloud import is_block
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "azure-effective-nsg"
TITLE = "az network nic list-effective-nsg"
PLATFORM = "azure"

_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON whose entries have effective security rules."""
    return is_kind(source, "effective")


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The groups at one interface. Raises ExportError where it is no JSON, cut short, or of several interfaces."""
    answer = read(source, ledger, "effective", TITLE)
    if answer.next_page:
        raise ExportError("the export is one page of several", _AGAIN, source.path, answer.next_page)
    groups = tuple(_group(each, source, ledger) for each in answer.things)
    places = [place_of(group) or "interface" for group in groups]
    twice = next((number for number, place in enumerate(places) if place in places[:number]), None)
    if twice is not None:
        problem = f"two groups are in force at one {places[twice]}: this is of more than one interface"
        raise ExportError(problem, "give one file for each interface", source.path, groups[twice].line)
    return Fragment(NAME, PLATFORM, source.path, SecurityGroups(source.path, groups), tuple(Family))


def _group(found: Thing, source: Source, ledger: Ledger) -> SecurityGroup:
    entries = found.get("effectiveSecurityRules")
    if not isinstance(entries, list):
        raise ExportError("effectiveSecurityRules is not a list", _AGAIN, source.path, found.line)
    written = rules(entries, source, ledger, _AGAIN, found.at("effectiveSecurityRules"))
    if len(written) == len(entries):
        written = tuple(_expanded(rule, thing(entry)) for rule, entry in zip(written, entries, strict=True))
    association = thing(found.get("association"))
    id_ = found.reference("networkSecurityGroup")
    line = found.line
    return SecurityGroup(
        id=id_ or f"the group at line {line}",
        name=id_.rpartition("/")[2] or "effective rules",
        line=line,
        rules=written,
        subnets=_associated(association, "subnet"),
        interfaces=_associated(association, "networkInterface"),
        effective=True,
        manager=bool(_associated(association, "networkManager")),
    )


def _associated(association: Thing | None, name: str) -> tuple[str, ...]:
    id_ = association.reference(name) if association else ""
    return (id_,) if id_ else ()


def _expanded(rule: SecurityRule, found: Thing | None) -> SecurityRule:
    """`rule` with the blocks that the platform gives for its service tags, and without what names a kind of rule.

    On the host's own side VirtualNetwork stays what it is: the host is in it, whatever its address.
    """
    if found is None:
        return rule
    sources = _blocks(found, "expandedSourceAddressPrefix")
    destinations = _blocks(found, "expandedDestinationAddressPrefix")
    return replace(
        rule,
        name=rule.name.rpartition("/")[2],
        sources=rule.sources if not rule.inbound and _is_network(rule.sources) else sources or rule.sources,
        destinations=rule.destinations
        if rule.inbound and _is_network(rule.destinations)
        else destinations or rule.destinations,
    )


def _is_network(entries: tuple[str, ...]) -> bool:
    return [tag_of(entry) for entry in entries] == ["virtualnetwork"]


def _blocks(found: Thing, name: str) -> tuple[str, ...]:
    blocks = texts(found, name)
    return blocks if all(is_block(block) for block in blocks) else ()


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
