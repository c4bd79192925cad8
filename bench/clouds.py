"""Generated answers of a cloud's command line, as large as a busy account gives them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle, islice

_PORTS = (22, 80, 443, 1433, 3306, 5432, 5863, 8080, 9340, 9443)


def security_groups(groups: int, permissions: int) -> Iterator[str]:
    """The lines of a describe-security-groups with so many groups and permissions, as `--output json` prints them."""
    kinds = cycle(("cidr", "cidr", "cidr", "cidr6", "group", "prefix-list"))
    body = {"SecurityGroups": [_group(number, permissions // groups, kinds) for number in range(groups)]}
    yield from json.dumps(body, indent=4).splitlines()


def _group(number: int, permissions: int, kinds: Iterator[str]) -> dict[str, object]:
    return {
        "Description": f"group {number}",
        "GroupName": f"application-{number}",
        "IpPermissions": [_permission(number, each, kind) for each, kind in enumerate(islice(kinds, permissions - 1))],
        "OwnerId": "123456789012",
        "GroupId": f"sg-{number:017x}",
        "IpPermissionsEgress": [_permission(number, permissions, "all")],
        "VpcId": f"vpc-{number % 20:017x}",
    }


def _permission(group: int, number: int, kind: str) -> dict[str, object]:
    first = _PORTS[(group + number) % len(_PORTS)] + number
    lists: dict[str, list[object]] = {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
    if kind == "all":
        lists["IpRanges"].append({"CidrIp": "0.0.0.0/0"})
        return {"IpProtocol": "-1", **lists}
    if kind == "cidr":
        block = f"10.{group % 250}.{number}.0/24"
        lists["IpRanges"] += [{"CidrIp": block, "Description": f"office {number}"}, {"CidrIp": "192.0.2.0/24"}]
    elif kind == "cidr6":
        lists["Ipv6Ranges"].append({"CidrIpv6": f"2001:db8:{group % 65536:x}::/48"})
    elif kind == "group":
        lists["UserIdGroupPairs"].append(
            {"GroupId": f"sg-{(group * 7 + number) % 5000:017x}", "UserId": "123456789012"}
        )
    else:
        lists["PrefixListIds"].append({"PrefixListId": f"pl-{number:017x}"})
    return {"FromPort": first, "IpProtocol": "tcp", **lists, "ToPort": first}
