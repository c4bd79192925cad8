"""A host's CloudFormation templates as a firewall of the model.

"AWS::EC2::SecurityGroup" (CloudFormation template reference): "When you create a security group, if you do not add
egress rules, we add egress rules that allow all outbound IPv4 and IPv6 traffic. Otherwise, we do not add them."
Whether a rule that stands beside the group (AWS::EC2::SecurityGroupEgress) takes that default away, it does not say:
a condition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Fragment, Options
from validator.dialects._aws import convert as aws_convert
from validator.dialects._aws_data import Group, Groups, Permission
from validator.dialects._cloudformation_values import Template
from validator.dialects._iac_aws import Said, doubted, everything, permission, unread
from validator.dialects._iac_defaults import assuming_defaults
from validator.dialects._iac_firewall import behind, placed
from validator.dialects._iac_values import Places, Reference, Resource, Unknown, items, unknowns
from validator.dialects._json_positions import Located
from validator.errors import ExportError
from validator.model import Firewall
from validator.packets.fields import Family

PLATFORM = "cloudformation"
GROUP = "AWS::EC2::SecurityGroup"
INGRESS, EGRESS = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"
_ACLS = ("AWS::EC2::NetworkAcl", "AWS::EC2::NetworkAclEntry")
_NESTED = ("AWS::CloudFormation::Stack", "AWS::CloudFormation::StackSet")
_KNOWN = frozenset(
    ("IpProtocol", "FromPort", "ToPort", "CidrIp", "CidrIpv6", "Description", "SourceSecurityGroupId", "Tags")
    + ("SourceSecurityGroupName", "SourceSecurityGroupOwnerId", "SourcePrefixListId", "DestinationSecurityGroupId")
    + ("DestinationPrefixListId", "GroupId", "GroupName")
)
_PEERS = (
    ("cidr", ("CidrIp", "CidrIpv6")),
    ("group", ("SourceSecurityGroupId", "DestinationSecurityGroupId", "SourceSecurityGroupName")),
    ("prefix-list", ("SourcePrefixListId", "DestinationPrefixListId")),
)
_HARMLESS = ("AWS::Serverless-", "AWS::SecretsManager-", "AWS::CodeDeploy", "AWS::LanguageExtensions")


class Stack(Struct, frozen=True):
    """One template: its resources that matter, evaluated; `changed` says what may add to them beyond the template.
    `untold` is the same where nobody knows the values of its parameters; None where no parameter has a default."""

    path: str
    resources: tuple[Resource, ...]
    changed: tuple[tuple[str, int], ...] = ()
    untold: Stack | None = None


def stack(body: Located, path: str) -> Stack:
    """The security groups, rules and network ACLs of a template. Raises ExportError where it is nested too deep."""
    template = Template(body)
    told = _stack(body, path, template)
    return replace(told, untold=_stack(body, path, Template(body, defaults=False))) if template.has_defaults else told


def _stack(body: Located, path: str, template: Template) -> Stack:
    there = body.get("Resources")
    listed = there if isinstance(there, Located) else Located(1)
    found, changed = [], []
    for name, each in listed.items():
        if name.startswith("Fn::ForEach") and any(text.startswith("AWS::EC2::") for text in _texts(each)):
            changed.append((name, listed.at(name)))
        elif isinstance(each, Located) and each.get("Type") in (GROUP, INGRESS, EGRESS, *_ACLS, *_NESTED):
            made = _resource(name, each, listed.at(name), template, path)
            if made is not None:
                found.append(made)
    for macro in items(body.get("Transform")):
        named = macro.get("Name") if isinstance(macro, Located) else macro
        if not str(named).startswith(_HARMLESS):
            changed.append((f"the macro {named}", body.at("Transform")))
    return Stack(path, tuple(found), tuple(changed))


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()


def _resource(name: str, each: Located, line: int, template: Template, path: str) -> Resource | None:
    """One resource, evaluated; None where its condition does not hold."""
    try:
        holds = template.condition(each["Condition"]) if "Condition" in each else True
        if holds is False:
            return None
        values = template.value(each.get("Properties", Located(line)))
    except RecursionError:
        raise ExportError(f"the resource {name[:60]} is nested too deep", "simplify it", path, line) from None
    if not isinstance(values, Located):
        whole = Located(line)
        whole["Properties"] = values if isinstance(values, Unknown) else Unknown(f"the properties of {name}")
        values = whole
    values.line = line
    doubt = holds.text if isinstance(holds, Unknown) else ""
    return Resource(name, str(each["Type"]), values, path, uncertain=doubt)


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of one family that the templates of a host make. Raises ExportError where none has a group, and what
    `_aws.convert` raises, with the template's own lines."""
    stacks = [fragment.data for fragment in fragments if isinstance(fragment.data, Stack)]
    if all(each.untold is None for each in stacks):
        return _made(stacks, options)
    return assuming_defaults(
        lambda defaults: _made([each if defaults else each.untold or each for each in stacks], options), options
    )


def _made(stacks: Sequence[Stack], options: Options) -> Firewall | None:
    paths = tuple(dict.fromkeys(each.path for each in stacks))
    places = Places()
    places.add(paths[0], 1, "")
    made = groups(stacks, places)
    if not made.groups:
        problem = "no security group is in these templates"
        raise ExportError(problem, "pass those that make the groups", paths[0], 1)
    given = [Fragment("aws", "aws", "", made, tuple(Family))]
    firewall = placed(aws_convert, given, options, places)
    if firewall is None:
        return None
    acls = [(each, "stops") for found in stacks for each in found.resources if each.type in _ACLS]
    return behind(replace(firewall, platform=PLATFORM, exports=paths), acls)


def groups(stacks: Sequence[Stack], places: Places) -> Groups:
    """The security groups of `stacks`, with lines that are numbers of `places`. A rule for a group of another stack
    gives a group of which only that rule is known."""
    found: list[Group] = []
    for each in stacks:
        own = [resource for resource in each.resources if resource.type == GROUP]
        found += [_group(resource, each, places) for resource in own]
        found += _elsewhere(each, {resource.address for resource in own}, places)
    return Groups("", tuple(found))


def _group(group: Resource, found: Stack, places: Places) -> Group:
    name = group.values.get("GroupName")
    place = places.add(group.origin, group.values.line, group.address)
    lists = []
    for key, kind in (("SecurityGroupIngress", INGRESS), ("SecurityGroupEgress", EGRESS)):
        rules = list(_inline(group, key, places))
        apart = [rule for each in found.resources if each.type == kind for rule in _apart(each, group, places)]
        if kind == EGRESS and not any(_surely(rule) for rule in rules):
            default = everything(place)
            if rules or apart or key in group.values:
                text = f"CloudFormation leaves {group.address} the default that allows all egress"
                default = doubted(default, f"default egress of {group.address}", text)
            rules.append(default)
        rules += apart
        rules += _added(group, found, places)
        lists.append(tuple(rules))
    return Group(group.address, name if isinstance(name, str) else "", place, lists[0], lists[1])


def _surely(rule: Permission) -> bool:
    """Whether an inline rule is there, whatever it admits."""
    return bool(rule.why) or any(peer.kind != "condition" for peer in rule.peers)


def _inline(group: Resource, key: str, places: Places) -> Iterator[Permission]:
    if "Properties" in group.values:
        place = places.add(group.origin, group.values.line, group.address)
        yield permission("-1", None, None, [Said("cidr", group.values["Properties"], place)], place)
    listed = [inner for each in items(group.values.get(key)) for inner in (each if isinstance(each, list) else [each])]
    for block in listed:
        at = block.line if isinstance(block, Located) else group.values.at(key)
        if isinstance(block, Located):
            yield _rule(block, group, places)
            continue
        place = places.add(group.origin, at, group.address)
        if isinstance(block, Unknown):
            yield permission("-1", None, None, [Said("cidr", block, place)], place)
        else:
            yield Permission("-1", None, None, (), place, f"an entry of {key} is no rule")


def _rule(block: Located, resource: Resource, places: Places) -> Permission:
    """One rule, inline or a resource of its own."""

    def place(key: str) -> int:
        return places.add(resource.origin, block.at(key), resource.address)

    said = [Said(kind, block[key], place(key)) for kind, keys in _PEERS for key in keys if block.get(key) is not None]
    extra = sorted(set(block) - _KNOWN)
    why = f"unknown property {extra[0][:40]!r}" if extra else ""
    doubt = resource.uncertain
    if "Properties" in block:
        why, doubt = "", block["Properties"].text
    return permission(
        block.get("IpProtocol") if "Properties" not in block else Unknown(doubt),
        block.get("FromPort"),
        block.get("ToPort"),
        said or ([Said("cidr", block["Properties"], place("Properties"))] if "Properties" in block else []),
        place("IpProtocol"),
        doubt,
        why,
    )


def _target(rule: Resource) -> Any:
    """What says which group a rule is of: a reference, an id or name, or an Unknown."""
    found = rule.values.get("GroupId", rule.values.get("GroupName"))
    return found if isinstance(found, str | Unknown) else Unknown(f"the group of {rule.address}")


def _apart(rule: Resource, group: Resource, places: Places) -> Iterator[Permission]:
    """A rule that stands beside the groups, if it is of `group`: a condition where nobody knows."""
    target = _target(rule)
    if isinstance(target, Reference):
        if target.address == group.address:
            yield _rule(rule.values, rule, places)
        return
    made = _rule(rule.values, rule, places)
    if isinstance(target, Unknown):
        key, text = f"{target.text} is {group.address}", f"{target.text} is the group {group.address}"
        yield doubted(made, key, text)
    elif target == group.values.get("GroupName"):
        yield made


def _added(group: Resource, found: Stack, places: Places) -> Iterator[Permission]:
    """What nested stacks that are told of the group, and macros, may add to it."""
    for each in found.resources:
        if each.type in _NESTED and any(
            isinstance(value, Reference) and value.address == group.address for value in unknowns(each.values)
        ):
            place = places.add(each.origin, each.values.line, each.address)
            yield unread(f"{each.address} adds", f"the nested stack {each.address} adds a rule that admits it", place)
    for name, line in found.changed:
        place = places.add(found.path, line, "")
        yield unread(f"{name} adds", f"{name} adds a rule that admits it", place)


def _elsewhere(found: Stack, own: set[str], places: Places) -> list[Group]:
    """The groups of other stacks that rules of this one are of."""
    rules: dict[str, list[tuple[bool, Permission]]] = {}
    for each in found.resources:
        target = _target(each) if each.type in (INGRESS, EGRESS) else None
        if isinstance(target, Reference) and target.address in own:
            continue
        if target is not None:
            name = target.text if isinstance(target, Unknown) else target
            rules.setdefault(name, []).append((each.type == INGRESS, _rule(each.values, each, places)))
    made = []
    for name, listed in rules.items():
        text = f"another rule of {name} admits it, which is not in this template: run aws ec2 describe-security-groups"
        rest = unread(f"other rules of {name}", text, listed[0][1].line)
        both = [tuple(rule for inbound, rule in listed if inbound is side) + (rest,) for side in (True, False)]
        made.append(Group(name, "", listed[0][1].line, both[0], both[1]))
    return made
