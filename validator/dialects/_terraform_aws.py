"""AWS security groups of Terraform in the provider's own terms.

hashicorp/aws provider documentation. aws_security_group: "By default, AWS creates an ALLOW ALL egress rule when
creating a new Security Group inside of a VPC. When creating a new Security Group inside a VPC, Terraform will remove
this default rule"; rules inline, or resources of their own, and mixing the two "will cause a conflict of rule
settings and will overwrite rules". aws_default_security_group: only the rules it has inline are left.
aws_vpc_security_group_*_rule: one block each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from validator.dialects._aws_data import Group, Groups, Permission
from validator.dialects._iac_aws import Said, doubted, permission, unread
from validator.dialects._iac_values import Places, Reference, Resource, Unknown, flag, items
from validator.dialects._json_positions import Located
from validator.dialects._terraform_blocks import doubt_of
from validator.dialects._terraform_data import AWS_GROUPS, AWS_RULES, Call

_INLINE = frozenset(
    (
        "from_port",
        "to_port",
        "protocol",
        "cidr_blocks",
        "ipv6_cidr_blocks",
        "prefix_list_ids",
        "security_groups",
        "self",
    )
    + ("description",)
)
_RULE = (
    _INLINE - {"security_groups"}
    | {"source_security_group_id", "security_group_id", "type", "id"}
    | {
        "security_group_rule_id",
        "region",
        "timeouts",
    }
)
_ONE_PEER = frozenset(
    ("from_port", "to_port", "ip_protocol", "cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
    + ("security_group_id", "description", "tags", "tags_all", "id", "arn", "security_group_rule_id", "region")
)
_DESCRIBE = "aws ec2 describe-security-groups"
Rules = dict[str, list[tuple[bool, Permission]]]
"""By the address of a group, or what names one elsewhere: its rules, each with whether it is for ingress."""


def groups(resources: Sequence[Resource], calls: Sequence[Call], places: Places) -> Groups:
    """The security groups among `resources`, with lines that are numbers of `places`.

    A rule of a group that is made elsewhere gives a group of which only that rule is known.
    """
    own = [each for each in resources if each.type in AWS_GROUPS]
    names = {key: (_called(each), _label(each)) for each in own for key in _keys(each)}
    placed: Rules = {}
    floating: list[tuple[bool, Permission, str]] = []
    for each in resources:
        if each.type in AWS_RULES:
            _place(each, own, names, places, placed, floating)
    added: Rules = {}
    for call in calls:
        for reference in call.given:
            text = f"{call.address} ({call.source}), whose files are not given, adds a rule that admits it"
            rule = unread(f"{call.address} adds", text, places.add(call.path, call.line, call.address))
            added.setdefault(reference.address, []).extend(((True, rule), (False, rule)))
    made = [
        _group(each, placed.pop(each.address, []), added.get(each.address, []), floating, names, places) for each in own
    ]
    elsewhere = [_elsewhere(name, rules) for name, rules in placed.items() if _is_group(name)]
    return Groups("", tuple(made + elsewhere))


def _is_group(name: str) -> bool:
    return "." not in name or "security_group" in name


def _called(group: Resource) -> str:
    """What a group is called as a peer: its id where that is known, else its address."""
    known = group.values.get("id")
    return known if isinstance(known, str) and known else group.address


def _label(group: Resource) -> str:
    name = group.values.get("name")
    return f"{group.address} ({name})" if isinstance(name, str) and name else group.address


def _keys(group: Resource) -> Iterator[str]:
    yield group.address
    for key in ("id", "name"):
        if isinstance(group.values.get(key), str) and group.values[key]:
            yield group.values[key]


def aliases(resources: Iterable[Resource]) -> dict[str, list[str]]:
    """The addresses of the groups by every name that people know them by."""
    found: dict[str, list[str]] = {}
    for each in resources:
        if each.type in AWS_GROUPS:
            for key in _keys(each):
                found.setdefault(key, []).append(each.address)
    return found


# --- one group ----------------------------------------------------------------------


def _group(
    group: Resource,
    placed: list[tuple[bool, Permission]],
    added: list[tuple[bool, Permission]],
    floating: list[tuple[bool, Permission, str]],
    names: dict[str, tuple[str, str]],
    places: Places,
) -> Group:
    name = group.values.get("name")
    lists = []
    for inbound, key in ((True, "ingress"), (False, "egress")):
        inline = list(_inline(group, key, names, places))
        apart = [rule for side, rule in placed if side is inbound]
        if group.values.get(key) is not None and key not in group.computed:
            text = f"the rules that {group.address} has inline do not overwrite this one"
            apart = [doubted(rule, f"overwritten {group.address}", text) for rule in apart]
        maybe = [
            doubted(rule, f"{expression} is {group.address}", f"{expression} is the group {group.address}")
            for side, rule, expression in floating
            if side is inbound
        ]
        lists.append(tuple(inline + apart + maybe + [rule for side, rule in added if side is inbound]))
    place = places.add(group.origin, group.values.line, group.address)
    return Group(group.address, name if isinstance(name, str) else "", place, lists[0], lists[1])


def _inline(group: Resource, key: str, names: dict[str, tuple[str, str]], places: Places) -> Iterator[Permission]:
    blocks = group.values.get(key)
    line = group.values.at(key)
    for block in items(blocks):
        at = block.line if isinstance(block, Located) else line
        place = places.add(group.origin, at, group.address)
        if isinstance(block, Unknown):
            yield _anything(block, place)
        elif not isinstance(block, dict):
            yield Permission("-1", None, None, (), place, f"{key} is no list of rules")
        else:
            yield _rule(block, at, group, group.address, _INLINE, names, places)


def _anything(expression: Unknown, place: int) -> Permission:
    """The rules of an expression that nobody knows: any traffic may pass by them, or none."""
    return permission("-1", None, None, [Said("cidr", expression, place)], place)


def _rule(
    block: dict[str, Any],
    line: int,
    resource: Resource,
    group: str,
    known: frozenset[str],
    names: dict[str, tuple[str, str]],
    places: Places,
) -> Permission:
    """One rule, inline or a resource of its own."""

    def place(key: str) -> int:
        return places.add(resource.origin, block.at(key) if isinstance(block, Located) else line, resource.address)

    said = []
    for kind, keys in (
        ("cidr", ("cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6")),
        ("group", ("security_groups", "source_security_group_id", "referenced_security_group_id")),
        ("prefix-list", ("prefix_list_ids", "prefix_list_id")),
    ):
        said += [Said(kind, block[key], place(key)) for key in keys if block.get(key) not in (None, "", [])]
    itself = block.get("self")
    if flag(itself):
        said.append(Said("group", Reference(group, group, "id"), place("self")))
    elif isinstance(itself, Unknown):
        said.append(Said("group", itself, place("self")))
    extra = sorted(set(block) - known)
    why = f"unknown argument {extra[0][:40]!r}" if extra else ""
    if itself is not None and not isinstance(itself, Unknown) and flag(itself) is None:
        why = "self is neither true nor false"
    key = "ip_protocol" if "ip_protocol" in block else "protocol"
    doubt = doubt_of(block) or resource.uncertain
    return permission(block.get(key), block.get("from_port"), block.get("to_port"), said, place(key), doubt, why, names)


# --- rules that are resources -------------------------------------------------------


def _place(
    rule: Resource,
    own: Sequence[Resource],
    names: dict[str, tuple[str, str]],
    places: Places,
    placed: Rules,
    floating: list[tuple[bool, Permission, str]],
) -> None:
    """Give a rule to its group; to every one, as a condition, where its group is not known."""
    values = rule.values
    group = values.get("security_group_id")
    address = _address(group, own)
    single = rule.type != "aws_security_group_rule"
    found = _rule(values, values.line, rule, address or "", _ONE_PEER if single else _RULE, names, places)
    side = rule.type.split("_")[4] if single else values.get("type")
    if side not in ("ingress", "egress"):
        text = side.text if isinstance(side, Unknown) else str(side)
        found = found if found.why else replace(found, why=f"its type is {text[:40]!r}")
    sides = [True, False] if side not in ("ingress", "egress") else [side == "ingress"]
    for inbound in sides:
        if address is not None:
            placed.setdefault(address, []).append((inbound, found))
            continue
        text = group.text if isinstance(group, Unknown) else "security_group_id"
        floating.append((inbound, found, text))
        placed.setdefault(f"security_group {text}" if "security_group" not in text else text, []).append(
            (inbound, found)
        )


def _address(group: Any, own: Sequence[Resource]) -> str | None:
    """The address of the group that a value names, or the id of one made elsewhere; None where nobody knows."""
    if isinstance(group, Reference):
        return group.address
    if not isinstance(group, str) or not group:
        return None
    found = [each.address for each in own if each.values.get("id") == group]
    return found[0] if len(found) == 1 else group


def _elsewhere(name: str, rules: list[tuple[bool, Permission]]) -> Group:
    """A group that is made elsewhere: what else it admits nobody knows here."""
    line = rules[0][1].line
    text = f"another rule of {name} admits it, which is not among these files: run {_DESCRIBE}"
    rest = unread(f"other rules of {name}", text, line)
    both = [tuple(rule for side, rule in rules if side is inbound) + (rest,) for inbound in (True, False)]
    return Group(name, "", line, both[0], both[1])
