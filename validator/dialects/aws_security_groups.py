"""`aws ec2 describe-security-groups`: JSON as the API gives it, bare or in a wrapper.

EC2 API reference, SecurityGroup and IpPermission. Wrappers: a list of groups, `SecurityGroups`, and
what recorders of API calls add (`status_code` and `data`, `ResponseMetadata`).
"""

from __future__ import annotations

from typing import Any

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Group, Groups, Permission
from validator.dialects._aws_json import answer, as_text, kind, outer_keys
from validator.dialects._aws_permissions import permission
from validator.dialects._json_positions import Located, without_collection
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "aws-security-groups"
TITLE = "aws ec2 describe-security-groups"
PLATFORM = "aws"

_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON in which groups have permissions."""
    if kind(source) == "SecurityGroups":
        return True
    keys = {key for key, _ in outer_keys(source) if key.startswith("[")}
    return "[GroupId" in keys and bool(keys & {"[IpPermissions", "[IpPermissionsEgress"})


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The groups in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "SecurityGroups", "security groups", TITLE)
    with without_collection():
        groups = tuple(_group(item, source, ledger) for item in found.entries)
    if not groups:
        raise ExportError("the list of security groups is empty", _AGAIN, source.path, found.at)
    return Fragment(NAME, PLATFORM, source.path, Groups(source.path, groups, found.complete), tuple(Family))


def _group(item: Located, source: Source, ledger: Ledger) -> Group:
    name = item.get("GroupName")
    identity = item.get("GroupId", name)
    if not isinstance(identity, str):
        raise ExportError("an entry of the list is no security group", _AGAIN, source.path, item.line)
    ingress = _permissions(item, "IpPermissions", source, ledger)
    egress = _permissions(item, "IpPermissionsEgress", source, ledger)
    return Group(
        identity, as_text(name), item.line, ingress, egress, as_text(item.get("VpcId")), as_text(item.get("OwnerId"))
    )


def _permissions(item: Located, key: str, source: Source, ledger: Ledger) -> tuple[Permission, ...] | None:
    found: Any = item.get(key)
    if found is None:
        return None
    if not isinstance(found, list):
        raise ExportError(f"{key} is not a list", _AGAIN, source.path, item.at(key))
    if not all(isinstance(each, Located) for each in found):
        raise ExportError(f"an entry of {key} is no permission", _AGAIN, source.path, item.at(key))
    return tuple(permission(each, ledger) for each in found)


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "grouped", "parse", "sniff"]
