"""`gcloud compute firewall-policies describe` and `network-firewall-policies describe` with `--format=json`.

compute.v1 API reference, `firewallPolicies` and `networkFirewallPolicies`: the rules with the policy's associations.
Beside the VPC rules of a network it adds what is decided before or after them.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._gcp import convert
from validator.dialects._gcp_data import Policies
from validator.dialects._gcp_json import RuleReader, body, looks_like_json, objects
from validator.dialects._gcp_policies import described
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "gcp-firewall-policies"
TITLE = "gcloud compute firewall-policies (network-firewall-policies) describe POLICY --format=json"
PLATFORM = "gcp"
STANDS_ALONE = False
HOLDS_RULES = True
_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON with rules of policies, without VPC rules."""
    text = source.text
    others = ('"firewalls"', '"firewallPolicys"', '"IPProtocol"', '"asset_type"', '"assetType"')
    return looks_like_json(source) and '"layer4Configs"' in text and not any(other in text for other in others)


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The policies in `source`. Raises ExportError where it is no JSON, or other JSON."""
    reader = RuleReader(source, ledger)
    found = []
    for each in objects(body(source, ledger), source, _AGAIN):
        if "rules" not in each:
            problem = "these are rules of a policy without the policy: where they hold is not told"
            raise ExportError(problem, _AGAIN, source.path, each.line)
        found.append(described(each, reader, source))
    return Fragment(NAME, PLATFORM, source.path, Policies(source.path, tuple(found)), tuple(Family))


__all__ = ["HOLDS_RULES", "NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
