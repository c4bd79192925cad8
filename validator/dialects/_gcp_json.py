"""JSON of `gcloud compute ... --format=json` and of the Compute Engine API: lists, and firewall rules.

compute.v1 API reference, `firewalls` and `firewallPolicies`. Wrappers: a list, `items` (a page of the API), one object
(`describe`), and what recorders of API calls add (`headers` and `body`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from validator.dialects._gcp_data import FirewallRule, Protocol
from validator.dialects._gcp_matches import port
from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

_HARMLESS = frozenset(
    ("kind", "id", "creationTimestamp", "description", "logConfig", "selfLink", "selfLinkWithId", "enableLogging")
    + ("ruleName", "ruleTupleCount", "etag", "fingerprint", "params", "tlsInspect")
)
_RULE = frozenset(
    ("name", "network", "priority", "direction", "disabled", "allowed", "denied", "sourceRanges", "destinationRanges")
    + ("sourceTags", "sourceServiceAccounts", "targetTags", "targetServiceAccounts")
)
_POLICY_RULE = frozenset(
    ("priority", "match", "action", "direction", "disabled", "targetResources", "targetServiceAccounts")
    + ("targetSecureTags", "targetType")
)
_PEERS = {
    "Fqdns": "domain",
    "RegionCodes": "region",
    "ThreatIntelligences": "threat list",
    "AddressGroups": "address group",
    "SecureTags": "secure tag",
}
_LIMITS = {"NetworkScope": "network scope", "NetworkType": "network type", "NetworkContext": "network context"}


def looks_like_json(source: Source) -> bool:
    """Whether the first line that is not blank begins an object or a list."""
    head = next((line.lstrip() for line in source.lines if line.strip()), "")
    return head.startswith(("{", "["))


def body(source: Source, ledger: Ledger) -> Any:
    """The JSON in `source` without a recorder's wrapper; every line is ignored until it is marked otherwise."""
    data = load(source)
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    if isinstance(data, Located) and isinstance(data.get("body"), Located) and "headers" in data:
        return data["body"]
    return data


def objects(data: Any, source: Source, again: str) -> list[Located]:
    """The objects of a list, of `items`, or the one there is. Raises ExportError for anything else."""
    listed = data.get("items", [data]) if isinstance(data, Located) else data
    if not isinstance(listed, list) or not listed:
        raise ExportError("the list is empty, or no list", again, source.path, 1)
    for each in listed:
        if not isinstance(each, Located):
            raise ExportError("an entry of the list is no object", again, source.path, 1)
    return listed


def text(item: Located, key: str) -> str:
    """The text at `key`, empty where there is none."""
    found = item.get(key)
    return found if isinstance(found, str) else ""


class RuleReader:
    """Reads rules of one export, and marks their lines."""

    def __init__(self, source: Source, ledger: Ledger) -> None:
        self._source, self._ledger = source, ledger

    def firewall(self, item: Located) -> FirewallRule:
        """A VPC firewall rule (API `firewalls`)."""
        reasons = [f"unknown key {key[:40]!r}" for key in sorted(set(item) - _RULE - _HARMLESS)]
        direction = item.get("direction", "INGRESS")
        if direction not in ("INGRESS", "EGRESS"):
            reasons.append("its direction is not understood")
        if ("allowed" in item) == ("denied" in item):
            reasons.append("it must either allow or deny")
        if not text(item, "network"):
            reasons.append("it has no network")
        inbound = direction != "EGRESS"
        key = "allowed" if "allowed" in item else "denied"
        sources, destinations = self._texts(item, "sourceRanges"), self._texts(item, "destinationRanges")
        found = [sources, destinations]
        names = [self._texts(item, f"{side}{kind}") for side in ("source", "target") for kind in _NAMES]
        protocols = self._protocols(item, key, "IPProtocol")
        if None in (*found, *names) or protocols is None:
            reasons.append("a list of it is not understood")
        if not inbound and (names[0] or names[1]):
            reasons.append("an outbound rule has sources by tag or account")
        rule = FirewallRule(
            name=text(item, "name") or "a rule without a name",
            network=text(item, "network"),
            inbound=inbound,
            allow=key == "allowed",
            priority=self._priority(item, 1000, reasons),
            protocols=protocols or (),
            line=item.at("name") if "name" in item else item.line,
            ranges=(sources if inbound else destinations) or (),
            destinations=(destinations if inbound else sources) or (),
            source_tags=names[0] or (),
            source_accounts=names[1] or (),
            target_tags=names[2] or (),
            target_accounts=names[3] or (),
            disabled=self._disabled(item, reasons),
            why=reasons[0] if reasons else "",
        )
        conditional = rule.source_tags or rule.source_accounts or rule.target_tags or rule.target_accounts
        self._mark(item, _RULE, rule.why, bool(conditional))
        return rule

    def of_policy(self, item: Located, policy: str) -> FirewallRule:
        """A rule of a firewall policy (API `firewallPolicies`, FirewallPolicyRule)."""
        reasons = [f"unknown key {key[:40]!r}" for key in sorted(set(item) - _POLICY_RULE - _HARMLESS)]
        match = item.get("match")
        if not isinstance(match, Located):
            reasons.append("it has no match")
            match = Located(item.line)
        direction, action = item.get("direction"), item.get("action")
        if direction not in ("INGRESS", "EGRESS"):
            reasons.append("its direction is not understood")
        if action not in ("allow", "deny", "goto_next"):
            reasons.append(f"its action {str(action)[:40]!r} is not understood")
        if item.get("targetType", "INSTANCES") != "INSTANCES":
            reasons.append("its targets are no instances")
        inbound = direction != "EGRESS"
        near, far = ("dest", "src") if inbound else ("src", "dest")
        lists = [self._texts(match, f"{far}IpRanges"), self._texts(match, f"{near}IpRanges")]
        lists += [self._texts(item, "targetServiceAccounts"), self._texts(item, "targetResources")]
        secure = self._texts(item, "targetSecureTags", "name")
        protocols = self._protocols(match, "layer4Configs", "ipProtocol")
        peers, limits, other = self._named(match, near, far)
        reasons += other
        if None in lists or secure is None or protocols is None:
            reasons.append("a list of it is not understood")
        rule = FirewallRule(
            name=f"{policy}: {text(item, 'ruleName') or text(item, 'description') or 'rule'}",
            network="",
            inbound=inbound,
            allow=action == "allow",
            priority=self._priority(item, 0, reasons),
            protocols=protocols or (),
            line=item.at("priority"),
            ranges=lists[0] or (),
            destinations=lists[1] or (),
            target_accounts=lists[2] or (),
            target_networks=lists[3] or (),
            target_secure_tags=secure or (),
            disabled=self._disabled(item, reasons),
            why=reasons[0] if reasons else "",
            peers=tuple(peers),
            limits=tuple(limits),
            goto_next=action == "goto_next",
        )
        conditional = bool(peers or limits or rule.target_accounts or rule.target_secure_tags)
        self._mark(item, _POLICY_RULE, rule.why, conditional)
        self._mark(match, frozenset(match), rule.why, conditional)
        return rule

    def _named(self, match: Located, near: str, far: str) -> tuple[list[str], list[str], list[str]]:
        """Peers and limits that are only named, and what was not understood."""
        peers: list[str] = []
        limits: list[str] = []
        reasons: list[str] = []
        for key in match:
            kind = key.removeprefix(far)
            if key in ("layer4Configs", f"{far}IpRanges", f"{near}IpRanges"):
                continue
            values = self._texts(match, key, "name")
            if kind != key and kind in _PEERS and values is not None:
                peers += [f"{_PEERS[kind]} {value}" for value in values]
            elif kind != key and kind in _LIMITS and text(match, key):
                limits.append(f"{_LIMITS[kind]} {text(match, key)}")
            elif kind == "Networks" and values:
                limits.append(f"the networks {', '.join(values)}")
            else:
                reasons.append(f"unknown key {key[:40]!r} in its match")
        return peers, limits, reasons

    def _texts(self, item: Located, key: str, inner: str = "") -> tuple[str, ...] | None:
        """The list of texts at `key`, or of `inner` of its objects; None where it is none."""
        found = item.get(key)
        if found is None:
            return ()
        if not isinstance(found, list):
            return None
        values = [each.get(inner) if inner and isinstance(each, Located) else each for each in found]
        texts = tuple(each for each in values if isinstance(each, str))
        return texts if len(texts) == len(values) else None

    def _protocols(self, item: Located, key: str, name: str) -> tuple[Protocol, ...] | None:
        found = item.get(key)
        if not isinstance(found, list) or not found:
            return None
        protocols = []
        for each in found:
            if not isinstance(each, Located) or not isinstance(each.get(name), str) or set(each) - {name, "ports"}:
                return None
            ports = self._texts(each, "ports")
            if ports is None or any(port(value) is None for value in ports):
                return None
            protocols.append(Protocol(each[name], ports))
        return tuple(protocols)

    def _priority(self, item: Located, default: int, reasons: list[str]) -> int:
        found = item.get("priority", default)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < 1 << 32:
            reasons.append("its priority is no number")
            return -1
        return found

    def _disabled(self, item: Located, reasons: list[str]) -> bool:
        found = item.get("disabled", False)
        if not isinstance(found, bool):
            reasons.append("whether it is disabled is not understood")
        return found is True

    def _mark(self, item: Located, keys: frozenset[str], why: str, conditional: bool) -> None:
        state = LineState.UNSUPPORTED if why else LineState.CONDITIONAL if conditional else LineState.MODELLED
        for key in item:
            if key in keys or (why and key not in _HARMLESS):
                self._mark_value(item.at(key), item[key], state)

    def _mark_value(self, line: int, value: Any, state: LineState) -> None:
        """Mark the line of a value, those of the texts in a list, and those of the objects in it."""
        self._ledger.mark(line, state)
        if not isinstance(value, list):
            return
        for each in value:
            if isinstance(each, Located):
                for key in each:
                    self._mark_value(each.at(key), each[key], state)
        lines: Sequence[str] = self._source.lines
        if lines[line - 1].rstrip().endswith("[") and value and all(isinstance(each, str) for each in value):
            self._ledger.mark_range(line, min(line + len(value), len(lines)), state)


_NAMES = ("Tags", "ServiceAccounts")
