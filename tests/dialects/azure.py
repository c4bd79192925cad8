"""Short ways to write what Azure exports, in each of its shapes."""

from __future__ import annotations

import json
from typing import Any

from tests.dialects.exports import read
from validator.dialects import Options
from validator.dialects._azure import convert
from validator.model import Firewall
from validator.packets.fields import Family

ROOT = "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Network"
Json = dict[str, Any]


def reference(kind: str, name: str) -> Json:
    return {"id": f"{ROOT}/{kind}/{name}"}


def application_groups(*names: str) -> list[Json]:
    return [reference("applicationSecurityGroups", name) for name in names]


def rule(name: str = "rule", priority: object = 100, **fields: object) -> Json:
    """A rule in az's flat shape: inbound, TCP to port 80 from anywhere, unless `fields` say otherwise."""
    ordinary = {
        "access": "Allow",
        "destinationAddressPrefix": "*",
        "destinationAddressPrefixes": [],
        "destinationPortRange": "80",
        "destinationPortRanges": [],
        "direction": "Inbound",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourceAddressPrefixes": [],
        "sourcePortRange": "*",
        "sourcePortRanges": [],
    }
    found: Json = {"name": name, "priority": priority, **ordinary, **fields}
    return {key: value for key, value in found.items() if value is not None}


def deny(priority: int = 4096, **fields: object) -> Json:
    fields = {"destinationPortRange": "*", "protocol": "*", "access": "Deny", **fields}
    return rule(f"Deny{priority}", priority, **fields)


def nsg(*rules: Json, name: str = "web", **fields: object) -> Json:
    return {**reference("networkSecurityGroups", name), "name": name, "securityRules": list(rules), **fields}


def subnet_id(name: str = "front", network: str = "net") -> str:
    return f"{ROOT}/virtualNetworks/{network}/subnets/{name}"


def nic(
    name: str, *addresses: str, group: str = "", subnet: str = "front", asgs: tuple[str, ...] = (), **more: object
) -> Json:
    found: Json = {
        **reference("networkInterfaces", name),
        "name": name,
        "dnsSettings": {},
        "macAddress": "00",
        "ipConfigurations": [
            {
                "name": "ip",
                "privateIPAddress": address,
                "subnet": {"id": subnet_id(subnet)},
                "applicationSecurityGroups": application_groups(*asgs),
            }
            for address in addresses
        ],
        **more,
    }
    return {**found, "networkSecurityGroup": reference("networkSecurityGroups", group)} if group else found


def vnet(prefixes: tuple[str, ...] = ("10.1.0.0/16",), network: str = "net", **subnets: str) -> Json:
    """A virtual network; `subnets` give each its group, or the empty text."""
    listed: list[Json] = []
    for name, group in subnets.items():
        entry: Json = {"id": subnet_id(name, network), "name": name, "addressPrefix": "10.1.0.0/24"}
        listed.append({**entry, "networkSecurityGroup": reference("networkSecurityGroups", group)} if group else entry)
    return {
        **reference("virtualNetworks", network),
        "name": network,
        "addressSpace": {"addressPrefixes": list(prefixes)},
        "subnets": listed,
    }


def host(
    *exports: object,
    family: Family = Family.IPV4,
    groups: tuple[str, ...] = (),
    addresses: tuple[str, ...] = (),
    withdrawn: tuple[str, ...] = (),
    **networks: tuple[str, ...],
) -> Firewall:
    """The firewall that exports (JSON values) of one host make; `networks` are the site's, `__` for a dot."""
    fragments = [read(json.dumps(export, indent=1), f"dump{number or ''}")[1] for number, export in enumerate(exports)]
    named = {name.replace("__", "."): blocks for name, blocks in networks.items()}
    found = convert(fragments, Options("host", family, frozenset(withdrawn), groups, addresses, networks=named))
    assert found is not None
    return found
