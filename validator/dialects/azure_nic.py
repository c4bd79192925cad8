"""`az network nic list`: interfaces with their addresses, subnet, and groups of both kinds.

Microsoft.Network/networkInterfaces (REST API reference): application security groups are those of the IP
configurations.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._azure import convert
from validator.dialects._azure_data import Interface, Interfaces
from validator.dialects._azure_json import Thing, id_of, ids, is_kind, mark, read, thing
from validator.dialects._cloud import is_block
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

NAME = "azure-nic"
TITLE = "az network nic list"
PLATFORM = "azure"
STANDS_ALONE = False

_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON whose entries have IP configurations."""
    return is_kind(source, "interface")


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The interfaces in `source`. Raises ExportError where it is no JSON, or was cut short."""
    answer = read(source, ledger, "interface", TITLE)
    if answer.next_page:
        raise ExportError("the export is one page of several", _AGAIN, source.path, answer.next_page)
    found = tuple(_interface(each, source, ledger) for each in answer.things)
    return Fragment(NAME, PLATFORM, source.path, Interfaces(source.path, found), ())


def _interface(found: Thing, source: Source, ledger: Ledger) -> Interface:
    name = found.text("name") or found.text("id").rpartition("/")[2]
    configurations = [thing(entry) for entry in found.items("ipConfigurations")]
    if not name or not all(configurations):
        what = "an interface has no name, or was cut short (ConvertTo-Json needs -Depth 10)"
        raise ExportError(what, _AGAIN, source.path, found.line)
    addresses: list[str] = []
    subnets: list[str] = []
    groups: list[str] = []
    for each in configurations:
        assert each is not None
        address = each.text("privateIPAddress")
        if address and not is_block(address):
            raise ExportError(f"{address[:40]!r} is no address", _AGAIN, source.path, each.at("privateIPAddress"))
        addresses += [address] if address else []
        subnets += [each.reference("subnet")] if each.reference("subnet") else []
        groups += ids(each, "applicationSecurityGroups")
        mark(each, "privateIPAddress", source, ledger, LineState.MODELLED)
        _mark_references(each, ("subnet", "applicationSecurityGroups"), ledger)
    _mark_references(found, ("networkSecurityGroup",), ledger)
    why = ""
    if found.get("disableTcpStateTracking") is True:
        why = f"the interface {name} has disableTcpStateTracking: what its groups do then is not documented"
        ledger.mark(found.at("disableTcpStateTracking"), LineState.UNSUPPORTED)
    if len({subnet.casefold() for subnet in subnets}) > 1:
        raise ExportError(f"the interface {name} is in two subnets", _AGAIN, source.path, found.line)
    return Interface(
        id=found.text("id") or name,
        name=name,
        line=found.at("name"),
        addresses=tuple(dict.fromkeys(addresses)),
        subnet=subnets[0] if subnets else "",
        group=found.reference("networkSecurityGroup"),
        application_groups=tuple(dict.fromkeys(groups)),
        whole=all(each is not None and each.text("privateIPAddress") for each in configurations),
        why=why,
    )


def _mark_references(found: Thing, names: tuple[str, ...], ledger: Ledger) -> None:
    """Mark the lines that name another resource."""
    for name in names:
        for entry in found.items(name):
            if id_of(entry):
                each = thing(entry)
                ledger.mark(each.at("id") if each else found.at(name), LineState.MODELLED)


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
