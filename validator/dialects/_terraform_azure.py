"""Azure network security groups of Terraform in the provider's own terms.

hashicorp/azurerm provider documentation: azurerm_network_security_group (`security_rule` blocks), _rule (a rule as a
resource, which names its group), and the associations of a group with a subnet or a network interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from validator.dialects._azure_data import SecurityGroup, SecurityGroups, SecurityRule
from validator.dialects._iac_values import Places, Reference, Resource, Unknown, items, unknowns, whole
from validator.dialects._json_positions import Located
from validator.dialects._terraform_blocks import doubt_of
from validator.dialects._terraform_data import AZURE_ASSOCIATIONS, AZURE_GROUP, AZURE_RULE, Call

_PAIRS = (
    "source_port_range",
    "destination_port_range",
    "source_address_prefix",
    "destination_address_prefix",
)
_KNOWN = frozenset(
    ("name", "description", "priority", "direction", "access", "protocol", "id", "timeouts", "resource_group_name")
    + ("network_security_group_name", *_PAIRS, "source_port_ranges", "destination_port_ranges")
    + ("source_address_prefixes", "destination_address_prefixes")
    + ("source_application_security_group_ids", "destination_application_security_group_ids")
)
_PROTOCOLS = frozenset(("*", "tcp", "udp", "icmp", "esp", "ah"))


def groups(resources: Sequence[Resource], calls: Sequence[Call], places: Places) -> SecurityGroups:
    """The network security groups among `resources`, with lines that are numbers of `places`.

    A rule whose group nobody knows here may be of any of them.
    """
    own = [each for each in resources if each.type == AZURE_GROUP]
    made = []
    for group in own:
        rules = list(_inline(group, places))
        rules += [
            _rule(each.values, each.values.line, each, places, doubt)
            for each in resources
            if each.type == AZURE_RULE
            for doubt in _belongs(each, group, own)
        ]
        rules += list(_called(group, calls, places))
        name = group.values.get("name")
        attached = [
            [
                _id(each.values.get(key))
                for each in resources
                if each.type == kind and _is(each.values.get("network_security_group_id"), group)
            ]
            for kind, key in zip(AZURE_ASSOCIATIONS, ("subnet_id", "network_interface_id"), strict=True)
        ]
        place = places.add(group.origin, group.values.line, group.address)
        label = name if isinstance(name, str) else ""
        made.append(
            SecurityGroup(
                group.address,
                label,
                place,
                tuple(rules),
                subnets=tuple(attached[0]),
                interfaces=tuple(attached[1]),
                conditions=(group.uncertain,) if group.uncertain else (),
            )
        )
    return SecurityGroups("", tuple(made))


def _id(value: Any) -> str:
    return value.address if isinstance(value, Reference) else value.text if isinstance(value, Unknown) else str(value)


def _is(value: Any, group: Resource) -> bool:
    """Whether a value is surely the id of `group`."""
    if isinstance(value, Reference):
        return value.address == group.address
    return isinstance(value, str) and value == group.values.get("id")


def _belongs(rule: Resource, group: Resource, own: Sequence[Resource]) -> Iterator[str]:
    """A text where `rule` is or may be of `group`: empty where it surely is."""
    named = rule.values.get("network_security_group_name")
    if isinstance(named, Reference):
        if named.address == group.address:
            yield ""
        return
    fitting = [each for each in own if each.values.get("name") == named]
    if group in fitting:
        yield "" if len(fitting) == 1 else f"which group {named} is"
    elif isinstance(named, Unknown):
        yield f"whether {named.text} is {group.address}"
    elif isinstance(group.values.get("name"), Unknown) and not fitting:
        yield f"whether {group.values['name'].text} is {named}"


def _called(group: Resource, calls: Sequence[Call], places: Places) -> Iterator[SecurityRule]:
    """What a module whose files are not given may add to a group that it is told of."""
    for call in calls:
        if any(reference.address == group.address for reference in call.given):
            why = f"{call.address} ({call.source}), whose files are not given, may add rules to it"
            place = places.add(call.path, call.line, call.address)
            for inbound in (True, False):
                star = ("*",)
                yield SecurityRule(call.address, inbound, True, None, "*", star, star, star, star, place, why=why)


def _inline(group: Resource, places: Places) -> Iterator[SecurityRule]:
    for block in items(group.values.get("security_rule")):
        if isinstance(block, dict):
            line = block.line if isinstance(block, Located) else group.values.at("security_rule")
            yield from _sides(_rule(block, line, group, places, doubt_of(block)), block)
            continue
        place = places.add(group.origin, group.values.at("security_rule"), group.address)
        text = block.text if isinstance(block, Unknown) else str(block)
        star = ("*",)
        for inbound in (True, False):
            yield SecurityRule(text[:40], inbound, True, None, "*", star, star, star, star, place, why=text)


def _sides(rule: SecurityRule, block: dict[str, Any]) -> Iterator[SecurityRule]:
    """A rule whose direction nobody knows may be of either."""
    yield rule
    if str(block.get("direction")).lower() not in ("inbound", "outbound"):
        yield replace(rule, inbound=not rule.inbound)


def _rule(block: dict[str, Any], line: int, resource: Resource, places: Places, doubt: str = "") -> SecurityRule:
    direction, access = str(block.get("direction")).lower(), str(block.get("access")).lower()
    protocol = str(block.get("protocol")).lower()
    priority = whole(block.get("priority"))
    name = block.get("name")
    ends = [_both(block, key) for key in _PAIRS]
    grouped = [
        tuple(_id(each) for each in items(block.get(f"{side}_application_security_group_ids")))
        for side in ("source", "destination")
    ]
    doubt = doubt or (resource.uncertain if resource.type == AZURE_RULE else "")
    why = doubt or _why(block, direction, access, protocol, priority)
    return SecurityRule(
        name if isinstance(name, str) else resource.address,
        direction != "outbound",
        access != "deny",
        priority,
        protocol if protocol in _PROTOCOLS else "*",
        ends[2] or (() if grouped[0] else ("*",)),
        ends[0] or ("*",),
        ends[3] or (() if grouped[1] else ("*",)),
        ends[1] or ("*",),
        places.add(resource.origin, line, resource.address),
        grouped[0],
        grouped[1],
        why,
    )


def _both(block: dict[str, Any], key: str) -> tuple[str, ...]:
    """The values of a single argument and of the plural one beside it."""
    plural = key + ("es" if key.endswith("prefix") else "s")
    values = [*items(block.get(key)), *items(block.get(plural))]
    return tuple(str(value) for value in values if isinstance(value, str | int) and value != "")


def _why(block: dict[str, Any], direction: str, access: str, protocol: str, priority: int | None) -> str:
    """What of a rule is not known or not understood."""
    asked = {key: value for key, value in block.items() if key in _KNOWN and key not in ("name", "description", "id")}
    asked = {key: value for key, value in asked.items() if not key.endswith(("_name", "_group_ids"))}
    open_ = next(unknowns(list(asked.values())), None)
    if open_ is not None:
        return f"the expression {open_.text} decides"
    extra = sorted(set(block) - _KNOWN)
    if extra:
        return f"unknown argument {extra[0][:40]!r}"
    if direction not in ("inbound", "outbound"):
        return f"its direction is {direction[:40]!r}"
    if access not in ("allow", "deny"):
        return f"its access is {access[:40]!r}"
    if protocol not in _PROTOCOLS:
        return f"its protocol is {protocol[:40]!r}"
    if priority is None:
        return "it has no priority"
    return "" if all(_both(block, key) or _grouped(block, key) for key in _PAIRS) else "a port or prefix is missing"


def _grouped(block: dict[str, Any], key: str) -> bool:
    return bool(key.endswith("prefix") and block.get(f"{key.split('_')[0]}_application_security_group_ids"))
