"""`gcloud compute networks list --format=json`: the order in which a network asks VPC rules and network policies.

compute.v1 API reference, `networks`, networkFirewallPolicyEnforcementOrder: AFTER_CLASSIC_FIREWALL where it is not
given. It adds facts to firewall rules.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._gcp import convert
from validator.dialects._gcp_data import Network, Networks
from validator.dialects._gcp_json import body, looks_like_json, objects, text
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "gcp-networks"
TITLE = "gcloud compute networks list --format=json"
PLATFORM = "gcp"
STANDS_ALONE = False
_AGAIN = f"export it again with {TITLE}"
_ORDER = "networkFirewallPolicyEnforcementOrder"
_ORDERS = {"AFTER_CLASSIC_FIREWALL": False, "BEFORE_CLASSIC_FIREWALL": True}


def sniff(source: Source) -> bool:
    """JSON with networks of Google's."""
    return looks_like_json(source) and '"autoCreateSubnetworks"' in source.text and '"selfLink"' in source.text


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The networks in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = []
    for each in objects(body(source, ledger), source, _AGAIN):
        order = each.get(_ORDER, "AFTER_CLASSIC_FIREWALL")
        name = text(each, "selfLink")
        if not name or "/networks/" not in name or not isinstance(order, str) or order not in _ORDERS:
            raise ExportError("an entry of the list is no network", _AGAIN, source.path, each.line)
        ledger.mark(each.at(_ORDER if _ORDER in each else "selfLink"), LineState.MODELLED)
        found.append(Network(name, _ORDERS[order]))
    return Fragment(NAME, PLATFORM, source.path, Networks(source.path, tuple(found)), tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
