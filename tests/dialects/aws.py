"""Short ways to write answers of the AWS command line, as the API gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.dialects.exports import read
from validator.dialects import Options
from validator.model import Firewall
from validator.packets.fields import Family

Json = dict[str, Any]
ANYBODY: Json = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}


def allow(protocol: str = "tcp", first: int | None = 80, last: int | None = None, **peers: object) -> Json:
    """A permission; one port where no last is given, none where no first is."""
    ports = {} if first is None else {"FromPort": first, "ToPort": first if last is None else last}
    return {"IpProtocol": protocol, **ports, **(peers or ANYBODY)}


def of_group(identity: str, **more: str) -> Json:
    """The peers of a permission: a security group."""
    return {"UserIdGroupPairs": [{"GroupId": identity, "UserId": "1", **more}]}


def group(identity: str, *ingress: Json, egress: tuple[Json, ...] | None = None, vpc: str = "vpc-1") -> Json:
    """A security group; it lets everything out where nothing else is said."""
    out = [allow("-1", None)] if egress is None else list(egress)
    name = identity.replace("sg-", "")
    return {
        "GroupId": identity,
        "GroupName": name,
        "IpPermissions": list(ingress),
        "IpPermissionsEgress": out,
        "VpcId": vpc,
    }


def interface(identity: str, *groups: str, address: str, subnet: str = "subnet-1", **more: object) -> Json:
    """An interface in groups, with one private address."""
    return {
        "NetworkInterfaceId": identity,
        "Groups": [{"GroupId": each, "GroupName": each} for each in groups],
        "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": address}],
        "Ipv6Addresses": [],
        "SubnetId": subnet,
        "VpcId": "vpc-1",
        "Status": "in-use",
        **more,
    }


def entry(
    number: int, action: str, block: str = "0.0.0.0/0", protocol: int = 6, egress: bool = False, **more: object
) -> Json:
    """An entry of a network ACL, of all ports where none are given."""
    ports: Json = {"PortRange": {"From": 0, "To": 65535}} if protocol in (6, 17) else {}
    ports = {"IcmpTypeCode": {"Type": -1, "Code": -1}} if protocol in (1, 58) else ports
    key = "Ipv6CidrBlock" if ":" in block else "CidrBlock"
    return {
        key: block,
        "Egress": egress,
        **ports,
        **more,
        "Protocol": str(protocol),
        "RuleAction": action,
        "RuleNumber": number,
    }


def ports(first: int, last: int) -> Json:
    """The PortRange of an entry."""
    return {"PortRange": {"From": first, "To": last}}


def acl(identity: str, *entries: Json, subnets: tuple[str, ...] = ("subnet-1",), default: bool = False) -> Json:
    """A network ACL with the deny that ends every list."""
    ends = [entry(32767, "deny", protocol=-1, egress=egress) for egress in (False, True)]
    ends += [entry(32768, "deny", "::/0", protocol=-1, egress=egress) for egress in (False, True)]
    return {
        "NetworkAclId": identity,
        "VpcId": "vpc-1",
        "IsDefault": default,
        "Associations": [{"SubnetId": each, "NetworkAclId": identity} for each in subnets],
        "Entries": [*entries, *ends],
    }


def answer(key: str, *entries: Json, **more: object) -> str:
    """The answer with such a list."""
    return json.dumps({key: list(entries), **more}, indent=4)


def groups(*entries: Json, **more: object) -> str:
    """A describe-security-groups."""
    return answer("SecurityGroups", *entries, **more)


def interfaces(*entries: Json, **more: object) -> str:
    """A describe-network-interfaces."""
    return answer("NetworkInterfaces", *entries, **more)


def acls(*entries: Json, **more: object) -> str:
    """A describe-network-acls."""
    return answer("NetworkAcls", *entries, **more)


def subnets(**blocks: str) -> str:
    """A describe-subnets, with the subnet-1 called `one` and so on."""
    entries = [{"SubnetId": f"subnet-{name}", "VpcId": "vpc-1", "CidrBlock": block} for name, block in blocks.items()]
    return answer("Subnets", *entries)


def point(
    *texts: str | tuple[str, str],
    at: tuple[str, ...] = (),
    told: tuple[str, ...] = (),
    family: Family = Family.IPV4,
    withdrawn: tuple[str, ...] = (),
    networks: Mapping[str, tuple[str, ...]] | None = None,
) -> Firewall:
    """The firewall of exports (texts, or a name and a text): `at` are the host's addresses, `told` its groups."""
    named = [each if isinstance(each, tuple) else (f"dump{number}.json", each) for number, each in enumerate(texts)]
    exports = [read(text, name) for name, text in named]
    options = Options("host", family, frozenset(withdrawn), groups=told, addresses=at, networks=networks or {})
    firewall = exports[0][0].convert([fragment for _, fragment, _ in exports], options)
    assert firewall is not None
    return firewall
