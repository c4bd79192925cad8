"""`az network vnet list`: the address spaces of virtual networks, and the network security groups of their subnets.

Microsoft.Network/virtualNetworks (REST API reference). What a network is connected with (peers, on-premises, routes) is
not in it, so that the service tag VirtualNetwork holds more than its address space.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._azure import convert
from validator.dialects._azure_data import Subnet, VirtualNetwork, VirtualNetworks
from validator.dialects._azure_json import Thing, is_kind, mark, read, texts, thing
from validator.dialects._cloud import is_block
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

NAME = "azure-vnet"
TITLE = "az network vnet list"
PLATFORM = "azure"
STANDS_ALONE = False

_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON whose entries have an address space."""
    return is_kind(source, "network")


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The networks in `source`. Raises ExportError where it is no JSON, or was cut short."""
    answer = read(source, ledger, "network", TITLE)
    if answer.next_page:
        raise ExportError("the export is one page of several", _AGAIN, source.path, answer.next_page)
    found = tuple(_network(each, source, ledger) for each in answer.things)
    return Fragment(NAME, PLATFORM, source.path, VirtualNetworks(source.path, found), ())


def _network(found: Thing, source: Source, ledger: Ledger) -> VirtualNetwork:
    space = thing(found.get("addressSpace"))
    subnets = [thing(entry) for entry in found.items("subnets")]
    if space is None or not found.text("id") or not all(each and each.text("id") for each in subnets):
        what = "a virtual network has no address space or id, or was cut short (ConvertTo-Json needs -Depth 10)"
        raise ExportError(what, _AGAIN, source.path, found.line)
    prefixes = texts(space, "addressPrefixes")
    bad = next((text for text in prefixes if not is_block(text)), None)
    if bad is not None:
        raise ExportError(f"{bad[:40]!r} is no block of addresses", _AGAIN, source.path, space.at("addressPrefixes"))
    mark(space, "addressPrefixes", source, ledger, LineState.MODELLED)
    id_ = found.text("id")
    parts = tuple(_subnet(each, id_, ledger) for each in subnets if each is not None)
    return VirtualNetwork(id_, found.at("name"), prefixes, parts)


def _subnet(found: Thing, network: str, ledger: Ledger) -> Subnet:
    group = thing(found.get("networkSecurityGroup"))
    if group is not None and group.text("id"):
        ledger.mark(group.at("id"), LineState.MODELLED)
    ledger.mark(found.at("id"), LineState.MODELLED)
    name = found.text("name") or found.text("id").rpartition("/")[2]
    return Subnet(found.text("id"), name, found.at("name"), network, found.reference("networkSecurityGroup"))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
