"""`aws ec2 describe-security-group-rules`: every rule by itself, with the group it is of.

EC2 API reference, SecurityGroupRule: one source or destination a rule (CidrIpv4, CidrIpv6, PrefixListId or
ReferencedGroupInfo), IsEgress for the direction. A group without a rule is not in this answer.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Group, Groups, Permission
from validator.dialects._aws_json import Reader, answer, kind
from validator.dialects._aws_permissions import permission
from validator.dialects._json_positions import Located
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "aws-security-group-rules"
TITLE = "aws ec2 describe-security-group-rules"
PLATFORM = "aws"

_COPIED = ("IpProtocol", "FromPort", "ToPort")
_PEERS = {
    "CidrIpv4": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "PrefixListId": ("PrefixListIds", "PrefixListId"),
}
_ASIDE = frozenset(
    ("SecurityGroupRuleId", "SecurityGroupRuleArn", "GroupId", "GroupOwnerId", "IsEgress", "Description", "Tags")
)


def sniff(source: Source) -> bool:
    """JSON whose list is called SecurityGroupRules."""
    return kind(source) == "SecurityGroupRules"


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The groups that the rules in `source` make. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "SecurityGroupRules", "security group rules", TITLE)
    if not found.entries:
        raise ExportError("the list of rules is empty", f"export it again with {TITLE}", source.path, found.at)
    reader = Reader(source.path, ledger, TITLE)
    rules: dict[str, list[tuple[bool, Permission]]] = {}
    heads: dict[str, tuple[int, str]] = {}
    for item in found.entries:
        identity = reader.text(item, "GroupId", needed=True)
        if "IsEgress" not in item:
            raise reader.refuse("a rule does not say whether it is about egress", item.line)
        heads.setdefault(identity, (item.line, reader.text(item, "GroupOwnerId")))
        one = permission(_as_permission(item), ledger)
        rules.setdefault(identity, []).append((reader.truth(item, "IsEgress"), one))
    groups = []
    for identity, of_group in rules.items():
        ingress = tuple(one for egress, one in of_group if not egress)
        egress = tuple(one for egress, one in of_group if egress)
        line, owner = heads[identity]
        groups.append(Group(identity, "", line, ingress, egress, owner=owner))
    data = Groups(source.path, tuple(groups), found.complete)
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


def _as_permission(rule: Located) -> Located:
    """The rule as the permission that describe-security-groups makes of it."""
    item = Located(rule.line)
    for key, value in rule.items():
        if key in _ASIDE or (value is None and key not in _COPIED):
            continue
        line = rule.at(key)
        if key in _PEERS:
            listed, name = _PEERS[key]
            item[listed] = [_one(name, value, line)]
            item.lines[listed] = line
        elif key == "ReferencedGroupInfo":
            item["UserIdGroupPairs"], item.lines["UserIdGroupPairs"] = [value], line
        else:
            item[key], item.lines[key] = value, line
    return item


def _one(key: str, value: object, line: int) -> Located:
    found = Located(line)
    found[key], found.lines[key] = value, line
    return found


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "grouped", "parse", "sniff"]
