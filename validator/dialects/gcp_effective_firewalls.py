"""`gcloud compute networks get-effective-firewalls --format=json`: the VPC rules and policies of one network.

compute.v1 API reference, `networks.getEffectiveFirewalls`: `firewalls`, and `firewallPolicys` in order of evaluation.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._gcp import convert
from validator.dialects._gcp_data import FirewallRules, Policies
from validator.dialects._gcp_json import RuleReader, body, looks_like_json
from validator.dialects._gcp_policies import effective
from validator.dialects._json_positions import Located
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "gcp-effective-firewalls"
TITLE = "gcloud compute networks get-effective-firewalls NETWORK --format=json"
PLATFORM = "gcp"
_AGAIN = f"export it again with {TITLE}"
_KEYS = ("firewalls", "firewallPolicys")


def sniff(source: Source) -> bool:
    """JSON with a list of firewalls or policies that have rules of Google's."""
    text = source.text
    return (
        looks_like_json(source)
        and any(f'"{key}"' in text for key in _KEYS)
        and ('"IPProtocol"' in text or '"layer4Configs"' in text)
    )


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules and policies in `source`. Raises ExportError where it is no JSON, or other JSON."""
    data = body(source, ledger)
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, Located) or not set(data) <= {*_KEYS, "kind"}:
        raise ExportError("this JSON is not what get-effective-firewalls gives", _AGAIN, source.path, 1)
    reader = RuleReader(source, ledger)
    rules = tuple(reader.firewall(each) for each in _list(data, "firewalls", source))
    networks = tuple(dict.fromkeys(rule.network for rule in rules)) or None
    policies = tuple(
        effective(each, rank, networks, reader, source)
        for rank, each in enumerate(_list(data, "firewallPolicys", source))
    )
    found = (FirewallRules(source.path, rules), Policies(source.path, policies, whole=True))
    return Fragment(NAME, PLATFORM, source.path, found, tuple(Family))


def _list(data: Located, key: str, source: Source) -> list[Located]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, Located) for each in found):
        raise ExportError(f"{key} is no list of objects", _AGAIN, source.path, data.at(key))
    return found


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
