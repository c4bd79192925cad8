"""`aws ec2 describe-security-groups`: JSON as the API gives it, bare or in a wrapper.

EC2 API reference, SecurityGroup and IpPermission. Wrappers: a list of groups, `SecurityGroups`, and
what recorders of API calls add (`status_code` and `data`, `ResponseMetadata`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from validator.dialects import Fragment
from validator.dialects._aws import Group, Groups, Peer, Permission, convert
from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "aws-security-groups"
TITLE = "aws ec2 describe-security-groups"
PLATFORM = "aws"

_KEYS = ("IpPermissions", "IpPermissionsEgress")
_PERMISSION = frozenset(
    ("IpProtocol", "FromPort", "ToPort", "IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds") + ("Groups",)
)
_SOURCES = (
    ("IpRanges", "CidrIp", "cidr"),
    ("Ipv6Ranges", "CidrIpv6", "cidr6"),
    ("UserIdGroupPairs", "GroupId", "group"),
    ("Groups", "GroupId", "group"),
    ("PrefixListIds", "PrefixListId", "prefix-list"),
)
_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_WRAPPER = frozenset(("SecurityGroups", "NextToken", "ResponseMetadata"))
_AGAIN = "export it again with aws ec2 describe-security-groups"
_TEMPLATE = re.compile(r'"Type"\s*:\s*"AWS::|"format_version"\s*:')  # CloudFormation, Terraform


def sniff(source: Source) -> bool:
    """JSON in which groups have permissions."""
    head = next((line.lstrip() for line in source.lines if line.strip()), "")
    if not head.startswith(("{", "[")):
        return False
    text = source.text
    if _TEMPLATE.search(text):
        return False
    return (
        '"SecurityGroups"' in text
        and '"Reservations"' not in text
        and '"NetworkInterfaces"' not in text
        or (head.startswith("[") and '"IpPermissions"' in text and '"GroupId"' in text)
    )


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The groups in `source`. Raises ExportError where it is no JSON, or other JSON."""
    data = load(source)
    body = data["data"] if isinstance(data, Located) and isinstance(data.get("data"), Located) else data
    listed = body.get("SecurityGroups") if isinstance(body, Located) else body
    if not isinstance(listed, list):
        raise ExportError("no list of security groups is in this JSON", _AGAIN, source.path, 1)
    others = sorted(set(body) - _WRAPPER) if isinstance(body, Located) else []
    if others:
        problem = f"this JSON holds {others[0][:40]!r} beside security groups, which would be left out"
        raise ExportError(problem, _AGAIN, source.path, body.at(others[0]))
    for number in range(1, len(source.lines) + 1):
        ledger.mark(number, LineState.IGNORED)
    groups = tuple(_group(item, source, ledger) for item in listed)
    if not groups:
        raise ExportError("the list of security groups is empty", _AGAIN, source.path, 1)
    complete = not (isinstance(body, Located) and body.get("NextToken"))
    if isinstance(body, Located) and not complete:
        ledger.mark(body.at("NextToken"), LineState.UNSUPPORTED)
    return Fragment(NAME, PLATFORM, source.path, Groups(source.path, groups, complete), tuple(Family))


def _group(item: Any, source: Source, ledger: Ledger) -> Group:
    if not isinstance(item, Located) or not isinstance(item.get("GroupId", item.get("GroupName")), str):
        line = item.line if isinstance(item, Located) else 1
        raise ExportError("an entry of the list is no security group", _AGAIN, source.path, line)
    name = item.get("GroupName")
    lists: list[tuple[Permission, ...] | None] = []
    for key in _KEYS:
        found = item.get(key)
        if found is None:
            lists.append(None)
        elif isinstance(found, list):
            lists.append(tuple(_permission(each, item, key, source, ledger) for each in found))
        else:
            raise ExportError(f"{key} is not a list", _AGAIN, source.path, item.at(key))
    identity = item.get("GroupId", name)
    return Group(str(identity), name if isinstance(name, str) else "", item.line, lists[0], lists[1])


def _permission(item: Any, group: Located, key: str, source: Source, ledger: Ledger) -> Permission:
    if not isinstance(item, Located):
        raise ExportError(f"an entry of {key} is no permission", _AGAIN, source.path, group.at(key))
    peers = tuple(_peers(item))
    why = _why(item)
    state = LineState.MODELLED
    if any(peer.kind in ("group", "prefix-list") for peer in peers):
        state = LineState.CONDITIONAL
    lines = [item.at(name) for name in ("IpProtocol", "FromPort", "ToPort") if name in item]
    for line in [*lines, *(peer.line for peer in peers)]:
        ledger.mark(line, LineState.UNSUPPORTED if why else state)
    for name in set(item) - _PERMISSION:
        ledger.mark(item.at(name), LineState.UNSUPPORTED)
    first, last = item.get("FromPort"), item.get("ToPort")
    return Permission(
        _protocol(item),
        first if isinstance(first, int) else None,
        last if isinstance(last, int) else None,
        peers,
        item.at("IpProtocol"),
        why,
    )


def _protocol(item: Located) -> str:
    """The protocol by its name, or by its number where Amazon names none; a text that is neither as it is."""
    text = str(item.get("IpProtocol", "")).lower()
    text = str(int(text)) if text.isascii() and text.isdigit() and len(text) < 4 else text
    return _NUMBERS.get(text, text)


def _why(item: Located) -> str:
    """What of a permission is not understood."""
    extra = sorted(set(item) - _PERMISSION)
    if extra:
        return f"unknown key {extra[0][:40]!r} in a permission"
    protocol = _protocol(item)
    known = protocol in ("-1", "tcp", "udp", "icmp", "icmpv6")
    if not known and not (protocol.isascii() and protocol.isdigit() and len(protocol) < 4 and int(protocol) < 256):
        return f"IpProtocol is {protocol[:40]!r}"
    ports = item.get("FromPort"), item.get("ToPort")
    if any(port is not None and (not isinstance(port, int) or isinstance(port, bool)) for port in ports):
        return "FromPort or ToPort is no number"
    if protocol in ("tcp", "udp"):
        first, last = ports
        if first is None or last is None or not 0 <= first <= last <= 65535:
            return f"the ports {first} to {last} are no range"
    elif protocol in ("icmp", "icmpv6") and any(port is not None and not -1 <= port <= 255 for port in ports):
        return "an ICMP type or code is out of range"
    if any(peer.kind == "unclear" for peer in _peers(item)):
        return "a source or destination of a permission is not understood"
    return ""


def _peers(item: Located) -> Iterator[Peer]:
    """The peers of a permission; one that is not understood has the kind `unclear`."""
    for key, name, kind in _SOURCES:
        entries = item.get(key) or []
        if not isinstance(entries, list):
            yield Peer("unclear", key, item.at(key))
            continue
        for entry in entries:
            value = entry.get(name) if isinstance(entry, Located) else None
            if kind == "group" and isinstance(entry, Located) and value is None:
                value = entry.get("GroupName")
            if not isinstance(value, str) or (kind in ("cidr", "cidr6") and not is_block(value)):
                yield Peer("unclear", str(value)[:40], item.at(key))
                continue
            label = value
            if isinstance(entry, Located) and isinstance(entry.get("GroupName"), str):
                label = f"{value} ({entry['GroupName']})"
            yield Peer(kind, value, entry.at(name), label)


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
