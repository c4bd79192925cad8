"""Firewall policies in the API's JSON: what kind they are, where they hold, and their rules.

compute.v1 API reference, `firewallPolicies`, `networkFirewallPolicies` and `networks.getEffectiveFirewalls`.
"""

from __future__ import annotations

from validator.dialects._gcp_data import FirewallRule, Policy
from validator.dialects._gcp_json import RuleReader, text
from validator.dialects._json_positions import Located
from validator.errors import ExportError
from validator.source import Source

_TYPES = {
    "HIERARCHY": "hierarchy",
    "NETWORK": "global",
    "NETWORK_REGIONAL": "regional",
    "SYSTEM": "system",
    "SYSTEM_GLOBAL": "system",
    "SYSTEM_REGIONAL": "system",
}


def effective(item: Located, rank: int, networks: tuple[str, ...] | None, reader: RuleReader, source: Source) -> Policy:
    """A policy of get-effective-firewalls, at place `rank` of the list. Raises ExportError for an unknown type."""
    kind = _TYPES.get(text(item, "type"))
    if kind is None:
        problem = f"a firewall policy of the unknown type {text(item, 'type')[:40]!r}"
        raise ExportError(problem, "report it, and leave the policy out meanwhile", source.path, item.at("type"))
    label = _label(item)
    return Policy(label, kind, _rules(item, label, reader, source), item.line, networks, rank)


def described(item: Located, reader: RuleReader, source: Source) -> Policy:
    """A policy as `describe` gives it, with its associations.

    Raises ExportError where its kind cannot be told, or where it is associated with nothing (then it decides nothing).
    """
    label, link = _label(item), text(item, "selfLink")
    associated = item.get("associations")
    entries = associated if isinstance(associated, list) else []
    targets = [text(each, "attachmentTarget") for each in entries if isinstance(each, Located)]
    if not targets:
        problem = f"policy {label} is associated with no network, folder or organization, so that it decides nothing"
        raise ExportError(problem, "leave the file out, or export it again", source.path, item.line)
    rules = _rules(item, label, reader, source)
    if text(item, "parent") or "/locations/global/firewallPolicies/" in link:
        rank = 0 if any("organizations/" in target for target in targets) else 1
        return Policy(label, "hierarchy", rules, item.line, None, rank)
    networks = tuple(target for target in targets if "/networks/" in target)
    if len(networks) != len(targets):
        problem = f"where policy {label} holds is not understood"
        raise ExportError(problem, "export it again with gcloud ... describe", source.path, item.line)
    region = text(item, "region").rpartition("/")[2]
    return Policy(label, "regional" if region else "global", rules, item.line, networks, 0, region)


def _label(item: Located) -> str:
    return text(item, "displayName") or text(item, "shortName") or text(item, "name") or "without a name"


def _rules(item: Located, label: str, reader: RuleReader, source: Source) -> tuple[FirewallRule, ...]:
    listed = item.get("rules", [])
    if not isinstance(listed, list) or not all(isinstance(each, Located) for each in listed):
        raise ExportError(f"the rules of policy {label} are no list", "export it again", source.path, item.at("rules"))
    return tuple(reader.of_policy(each, label) for each in listed)
