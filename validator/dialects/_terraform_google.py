"""Firewall rules of Google Cloud in Terraform in the provider's own terms.

hashicorp/google provider documentation, google_compute_firewall: direction INGRESS and priority 1000 unless given;
`allow` or `deny` blocks; sources are the union of ranges, tags and service accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from validator.dialects._gcp_data import FirewallRule, FirewallRules, Protocol
from validator.dialects._iac_values import Places, Reference, Resource, Unknown, flag, items, unknowns, whole
from validator.dialects._json_positions import Located
from validator.dialects._terraform_blocks import doubt_of
from validator.dialects._terraform_data import GOOGLE_NETWORK, GOOGLE_RULE

_LISTS = (
    "source_ranges",
    "destination_ranges",
    "source_tags",
    "source_service_accounts",
    "target_tags",
    "target_service_accounts",
)
_DECIDING = frozenset((*_LISTS, "allow", "deny", "direction", "priority", "disabled"))
_KNOWN = (
    _DECIDING
    | {"name", "network", "description", "project", "id", "self_link", "creation_timestamp", "timeouts"}
    | {
        "enable_logging",
        "log_config",
        "params",
    }
)


def rules(resources: Sequence[Resource], places: Places) -> FirewallRules:
    """The firewall rules among `resources`, with lines that are numbers of `places`."""
    networks = {each.address: each.values.get("name") for each in resources if each.type == GOOGLE_NETWORK}
    found = []
    for each in resources:
        if each.type == GOOGLE_RULE:
            found += _rules(each, networks, places)
    return FirewallRules("", tuple(found))


def _rules(rule: Resource, networks: dict[str, Any], places: Places) -> list[FirewallRule]:
    """One rule; both directions of it where nobody knows which it is for."""
    values = rule.values
    direction = values.get("direction")
    direction = "INGRESS" if direction in (None, "") else direction
    why = rule.uncertain or _why(values, direction)
    sides = [direction == "INGRESS"] if direction in ("INGRESS", "EGRESS") else [True, False]
    lists = {key: tuple(each for each in items(values.get(key)) if isinstance(each, str) and each) for key in _LISTS}
    verb = "deny" if items(values.get("deny")) else "allow"
    priority = 1000 if values.get("priority") is None else whole(values["priority"])
    found = []
    for inbound in sides:
        near, far = ("destination_ranges", "source_ranges") if inbound else ("source_ranges", "destination_ranges")
        ranges = lists[far]
        if not ranges and not lists["source_tags"] and not lists["source_service_accounts"]:
            ranges = ("0.0.0.0/0",)
        found.append(
            FirewallRule(
                rule.address,
                _network(values.get("network"), networks),
                inbound,
                verb == "allow",
                0 if priority is None else priority,
                tuple(_protocol(block) for block in items(values.get(verb)) if isinstance(block, dict)),
                places.add(rule.origin, values.line, rule.address),
                ranges,
                lists[near],
                lists["source_tags"],
                lists["source_service_accounts"],
                lists["target_tags"],
                lists["target_service_accounts"],
                flag(values.get("disabled")) is True,
                why,
            )
        )
    return found


def _network(value: Any, networks: dict[str, Any]) -> str:
    """What a network is called: its name however it is referred to, else its address or the expression."""
    if isinstance(value, Reference):
        name = networks.get(value.address)
        return name if isinstance(name, str) else value.address
    if isinstance(value, Unknown):
        return value.text
    return str(value or "default").rpartition("/networks/")[2]


def _protocol(block: dict[str, Any]) -> Protocol:
    ports = tuple(str(port) for port in items(block.get("ports")) if isinstance(port, str | int))
    return Protocol(str(block.get("protocol")).lower(), ports)


def _why(values: Located, direction: Any) -> str:
    """What of a rule is not known or not understood."""
    asked = [value for key, value in values.items() if key in _DECIDING]
    open_ = next(unknowns(asked), None)
    if open_ is not None:
        return f"the expression {open_.text} decides"
    extra = sorted(set(values) - _KNOWN)
    if extra:
        return f"unknown argument {extra[0][:40]!r}"
    if direction not in ("INGRESS", "EGRESS"):
        return f"its direction is {str(direction)[:40]!r}"
    if bool(items(values.get("allow"))) is bool(items(values.get("deny"))):
        return "it has both allow and deny, or neither"
    blocks = [*items(values.get("allow")), *items(values.get("deny"))]
    doubt = next((doubt_of(block) for block in blocks if doubt_of(block)), "")
    if doubt:
        return f"the expression {doubt} decides"
    if not all(isinstance(block, dict) and isinstance(block.get("protocol"), str | int) for block in blocks):
        return "a protocol is missing"
    for block in blocks:
        if set(block) - {"protocol", "ports"}:
            return "unknown argument of allow or deny"
    priority = 1000 if values.get("priority") is None else whole(values["priority"])
    return "" if priority is not None and 0 <= priority <= 65535 else "its priority is no number"
