"""`gcloud compute firewall-rules list --format=json`: VPC firewall rules as the Compute Engine API gives them.

compute.v1 API reference, `firewalls`: a list, a page with `items`, or one rule (`describe`).
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._gcp import convert
from validator.dialects._gcp_data import FirewallRules
from validator.dialects._gcp_json import RuleReader, body, looks_like_json, objects
from validator.dialects._json_positions import Located
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "gcp-firewall-rules"
TITLE = "gcloud compute firewall-rules list --format=json"
PLATFORM = "gcp"
_AGAIN = f"export it again with {TITLE}"


def sniff(source: Source) -> bool:
    """JSON with rules that have an IPProtocol (Amazon writes IpProtocol), and no list of them with policies."""
    if not looks_like_json(source):
        return False
    text = source.text
    others = ('"firewalls"', '"firewallPolicys"', '"asset_type"', '"assetType"', '"layer4Configs"')
    return '"IPProtocol"' in text and '"network"' in text and not any(other in text for other in others)


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules in `source`. Raises ExportError where it is no JSON, or other JSON."""
    data = body(source, ledger)
    reader = RuleReader(source, ledger)
    found = objects(data, source, _AGAIN)
    for each in found:
        if "allowed" not in each and "denied" not in each:
            raise ExportError("an entry of the list is no firewall rule", _AGAIN, source.path, each.line)
    rules = tuple(reader.firewall(each) for each in found)
    why = ""
    if isinstance(data, Located) and "items" not in data:
        why = f"the export is one rule alone: run {TITLE}"
    elif isinstance(data, Located) and data.get("nextPageToken"):
        why = f"the export is one page of several: run {TITLE}"
        ledger.mark(data.at("nextPageToken"), LineState.UNSUPPORTED)
    return Fragment(NAME, PLATFORM, source.path, FirewallRules(source.path, rules, not why, why), tuple(Family))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
