"""The same security groups, however they are written: as the API gives them, in Terraform, in CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.exports import read, verdict
from validator.dialects import Options
from validator.model import Firewall
from validator.packets.fields import Family

BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "192.0.2.7/32")
BLOCKS6 = ("::/0", "2001:db8::/32")
NAMES = ("web", "db", "mq")
PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "-1", "47", "6")


@dataclass(frozen=True)
class Rule:
    """One rule with its peers; `groups` are positions of groups."""

    protocol: str
    first: int
    last: int
    four: tuple[str, ...]
    six: tuple[str, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    name: str
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...]


@st.composite
def rules(draw: st.DrawFn, count: int) -> Rule:
    protocol = draw(st.sampled_from(PROTOCOLS))
    if protocol.startswith("icmp"):
        first, last = draw(st.sampled_from([(8, 0), (8, -1), (-1, -1), (3, 4), (128, 0)]))
    elif protocol in ("-1", "47"):
        first, last = 0, 0
    else:
        first, last = sorted((draw(st.integers(20, 24)), draw(st.integers(20, 24))))
    four = tuple(draw(st.lists(st.sampled_from(BLOCKS), max_size=2, unique=True)))
    six = tuple(draw(st.lists(st.sampled_from(BLOCKS6), max_size=1)))
    groups = tuple(draw(st.lists(st.integers(0, count - 1), max_size=1)))
    if not (four or six or groups):
        four = (BLOCKS[0],)
    return Rule(protocol, first, last, four, six, groups)


@st.composite
def configurations(draw: st.DrawFn) -> list[Group]:
    count = draw(st.integers(1, 3))
    some = st.lists(rules(count), max_size=3)
    return [
        Group(name, tuple(draw(some)), tuple(draw(st.lists(rules(count), min_size=1, max_size=2))))
        for name in NAMES[:count]
    ]


# --- the ways to write them ---------------------------------------------------------


def described(groups: list[Group], _: bool) -> str:
    def permission(rule: Rule) -> dict[str, Any]:
        ports = {} if rule.protocol in ("-1", "47") else {"FromPort": rule.first, "ToPort": rule.last}
        return {
            "IpProtocol": rule.protocol,
            **ports,
            "IpRanges": [{"CidrIp": block} for block in rule.four],
            "Ipv6Ranges": [{"CidrIpv6": block} for block in rule.six],
            "UserIdGroupPairs": [{"GroupId": f"sg-{number}"} for number in rule.groups],
        }

    listed = [
        {
            "GroupId": f"sg-{number}",
            "GroupName": group.name,
            "IpPermissions": [permission(rule) for rule in group.ingress],
            "IpPermissionsEgress": [permission(rule) for rule in group.egress],
        }
        for number, group in enumerate(groups)
    ]
    return json.dumps({"SecurityGroups": listed})


def written(groups: list[Group], apart: bool) -> str:
    """A .tf file: rules inline, or each a resource of its own."""
    text = []
    for group in groups:
        inline = "" if apart else "".join(_block(side, rule, groups) for side, rule in _sides(group))
        text.append(f'resource "aws_security_group" "{group.name}" {{\n  name = "{group.name}"\n{inline}}}\n')
        for number, (side, rule) in enumerate(_sides(group)):
            if apart:
                text += _resources(f"{group.name}_{number}", side, rule, group, groups)
    return "\n".join(text)


def _sides(group: Group) -> Iterator[tuple[str, Rule]]:
    yield from (("ingress", rule) for rule in group.ingress)
    yield from (("egress", rule) for rule in group.egress)


def _block(side: str, rule: Rule, groups: list[Group]) -> str:
    named = ", ".join(f"aws_security_group.{groups[number].name}.id" for number in rule.groups)
    return (
        f'  {side} {{\n    protocol = "{rule.protocol}"\n    from_port = {rule.first}\n    to_port = {rule.last}\n'
        f"    cidr_blocks = {json.dumps(rule.four)}\n    ipv6_cidr_blocks = {json.dumps(rule.six)}\n"
        f"    security_groups = [{named}]\n  }}\n"
    )


def _resources(name: str, side: str, rule: Rule, group: Group, groups: list[Group]) -> Iterator[str]:
    peers = [("cidr_ipv4", json.dumps(block)) for block in rule.four]
    peers += [("cidr_ipv6", json.dumps(block)) for block in rule.six]
    peers += [
        ("referenced_security_group_id", f"aws_security_group.{groups[number].name}.id") for number in rule.groups
    ]
    for number, (key, value) in enumerate(peers):
        yield (
            f'resource "aws_vpc_security_group_{side}_rule" "{name}_{number}" {{\n'
            f"  security_group_id = aws_security_group.{group.name}.id\n  {key} = {value}\n"
            f'  ip_protocol = "{rule.protocol}"\n  from_port = {rule.first}\n  to_port = {rule.last}\n}}\n'
        )


def _block_json(rule: Rule) -> dict[str, Any]:
    return {
        "protocol": rule.protocol,
        "from_port": rule.first,
        "to_port": rule.last,
        "cidr_blocks": rule.four,
        "ipv6_cidr_blocks": rule.six,
        "security_groups": [f"sg-{number}" for number in rule.groups],
        "prefix_list_ids": [],
        "self": False,
        "description": "",
    }


def _values(groups: list[Group]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, group in enumerate(groups):
        yield (
            group.name,
            {
                "id": f"sg-{number}",
                "name": group.name,
                "ingress": [_block_json(rule) for rule in group.ingress],
                "egress": [_block_json(rule) for rule in group.egress],
            },
        )


def planned(groups: list[Group], state: bool) -> str:
    resources = [
        {"address": f"aws_security_group.{name}", "mode": "managed", "type": "aws_security_group", "values": values}
        for name, values in _values(groups)
    ]
    module = {"root_module": {"child_modules": [{"address": "module.a", "resources": resources}]}}
    changes = [
        {"address": each["address"], "change": {"actions": ["no-op"], "after_unknown": {}}} for each in resources
    ]
    body = {"values": module} if state else {"planned_values": module, "resource_changes": changes}
    return json.dumps({"format_version": "1.2", "terraform_version": "1.9.5", **body})


def kept(groups: list[Group], _: bool) -> str:
    resources = [
        {"mode": "managed", "type": "aws_security_group", "name": name, "instances": [{"attributes": values}]}
        for name, values in _values(groups)
    ]
    return json.dumps({"version": 4, "serial": 1, "lineage": "x", "resources": resources}, indent=1)


def templated(groups: list[Group], apart: bool) -> str:
    """A CloudFormation template in JSON: rules inline, or each ingress rule a resource of its own."""
    resources: dict[str, Any] = {}
    for group in groups:
        lists = [[each for rule in some for each in _entries(rule, groups)] for some in (group.ingress, group.egress)]
        named = [
            [{key.replace("Peer", way): value for key, value in entry.items()} for entry in entries]
            for way, entries in zip(("Source", "Destination"), lists, strict=True)
        ]
        properties: dict[str, Any] = {"GroupName": group.name, "SecurityGroupEgress": named[1]}
        if apart:
            for number, entry in enumerate(named[0]):
                target = {"GroupId": {"Fn::GetAtt": [group.name, "GroupId"]}}
                resources[f"{group.name}In{number}"] = {
                    "Type": "AWS::EC2::SecurityGroupIngress",
                    "Properties": {**entry, **target},
                }
        else:
            properties["SecurityGroupIngress"] = named[0]
        resources[group.name] = {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, indent=1)


def _entries(rule: Rule, groups: list[Group]) -> Iterator[dict[str, Any]]:
    what = {"IpProtocol": rule.protocol, "FromPort": rule.first, "ToPort": str(rule.last)}
    yield from ({**what, "CidrIp": block} for block in rule.four)
    yield from ({**what, "CidrIpv6": block} for block in rule.six)
    for number in rule.groups:
        yield {**what, "PeerSecurityGroupId": {"Ref": groups[number].name}}


def templated_yaml(groups: list[Group], apart: bool) -> str:
    """The same template in YAML, as its dumper writes it."""
    import yaml

    return yaml.safe_dump(json.loads(templated(groups, apart)), sort_keys=True)


# --- they agree ---------------------------------------------------------------------

WAYS: tuple[Callable[[list[Group], bool], str], ...] = (written, planned, kept, templated, templated_yaml)


def wall(text: str, name: str, family: Family) -> Firewall:
    dialect, fragment, ledger = read(text)
    assert ledger.unsupported() == []
    found = dialect.convert([fragment], Options("host", family, groups=(name,)))
    assert found is not None
    return found


PACKETS: list[dict[str, object]] = [
    {"protocol": protocol, "destination_port": port}
    for protocol in ("tcp", "udp", "47")
    for port in (20, 22, 24)
    if protocol != "47" or port == 22
]
PACKETS += [{"protocol": "icmp", "icmp_type": kind, "icmp_code": code} for kind, code in ((8, 0), (3, 4), (3, 1))]
ENDS = {Family.IPV4: ("10.1.0.1", "10.2.0.1", "192.0.2.7", "8.8.8.8"), Family.IPV6: ("2001:db8::1", "2002::1")}


@settings(max_examples=60, deadline=None)
@given(configurations(), st.booleans(), st.sampled_from(sorted(Family)), st.data())
def test_however_they_are_written_the_verdicts_are_the_same(
    groups: list[Group], apart: bool, family: Family, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([group.name for group in groups]))
    walls = [wall(way(groups, apart), name, family) for way in (described, *WAYS)]
    for packet in PACKETS:
        if packet["protocol"] == "icmp" and family is Family.IPV6:
            packet = {"protocol": "icmpv6", "icmp_type": 128, "icmp_code": 0}
        for end in ENDS[family]:
            for hook, side in (("input", "source"), ("output", "destination")):
                asked: dict[str, object] = {**packet, "hook": hook, side: end}
                port = asked.pop("destination_port", None)
                assert isinstance(port, int | None)
                said = [verdict(each, port, **asked) for each in walls]
                assert len(set(said)) == 1, (said, asked)


def test_the_ways_differ_in_more_than_layout() -> None:
    rule = Rule("tcp", 22, 22, ("10.0.0.0/8",), (), (0,))
    group = Group("web", (rule,), (rule,))
    texts = [way([group], apart) for way in (described, *WAYS) for apart in (False, True)]
    assert len({read(text)[0].NAME for text in texts}) == 5
