"""The specification of a network policy, held to what the API server accepts.

NetworkPolicySpec v1 networking.k8s.io (API reference): without policyTypes a policy is of type Ingress, and of type
Egress where it has egress rules; an entry of from or to is an ipBlock, or a podSelector, a namespaceSelector or both;
endPort needs a port that is a number, and is not less than it.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Any

from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located
from validator.dialects._kubernetes_data import Peer, PolicyRule, Port, Selector

_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?", re.ASCII)
_VALUE = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_PORT = re.compile(r"(?=.*[a-z])[a-z0-9-]{1,15}")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
Sides = tuple[tuple[PolicyRule, ...] | None, tuple[PolicyRule, ...] | None]


class Unclear(Exception):
    """What of a policy is not understood, or is what the API server refuses."""


def specification(spec: Located) -> tuple[Selector, Sides]:
    """The pods a policy selects, and its ingress and egress rules, None where it is not of that type.

    Raises Unclear for what is not understood.
    """
    _known(spec, ("podSelector", "policyTypes", "ingress", "egress"))
    selector = _selector(spec.get("podSelector"))
    types = _types(spec)
    ingress = tuple(_rule(each, "from") for each in _list(spec, "ingress"))
    egress = tuple(_rule(each, "to") for each in _list(spec, "egress"))
    return selector, (ingress if "Ingress" in types else None, egress if "Egress" in types else None)


def labels_of(value: Any) -> tuple[tuple[str, str], ...]:
    """The labels of a mapping, sorted. Raises Unclear for what is none."""
    if value is None:
        return ()
    if not isinstance(value, Located):
        raise Unclear("its labels are no mapping")
    for key, each in value.items():
        if not _KEY.fullmatch(key):
            raise Unclear(f"{key[:40]!r} is no label")
        if not isinstance(each, str) or not _VALUE.fullmatch(each):
            raise Unclear(f"the value of label {key[:40]} is none")
    return tuple(sorted(value.items()))


def _known(item: Located, keys: tuple[str, ...]) -> None:
    for key in item:
        if key not in keys:
            raise Unclear(f"unknown key {key[:40]!r}")


def _list(item: Located, key: str) -> list[Any]:
    found = item.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unclear(f"{key} is no list")
    return found


def _selector(value: Any) -> Selector:
    if value is None:
        return Selector()
    if not isinstance(value, Located):
        raise Unclear("a selector is no mapping")
    _known(value, ("matchLabels", "matchExpressions"))
    expressions = []
    for each in _list(value, "matchExpressions"):
        if not isinstance(each, Located):
            raise Unclear("an expression of a selector is no mapping")
        _known(each, ("key", "operator", "values"))
        key, operator, values = each.get("key"), each.get("operator"), _list(each, "values")
        if not isinstance(key, str) or not _KEY.fullmatch(key) or operator not in _OPERATORS:
            raise Unclear("an expression of a selector is not understood")
        if bool(values) != (operator in ("In", "NotIn")) or not all(isinstance(each, str) for each in values):
            raise Unclear(f"the values of an expression with {operator} are not understood")
        expressions.append((key, str(operator), tuple(values)))
    return Selector(labels_of(value.get("matchLabels")), tuple(expressions))


def _types(spec: Located) -> tuple[str, ...]:
    found = _list(spec, "policyTypes")
    if not all(each in ("Ingress", "Egress") for each in found):
        raise Unclear("its policyTypes are not understood")
    if found:
        return tuple(found)
    return ("Ingress", "Egress") if _list(spec, "egress") else ("Ingress",)


def _rule(value: Any, side: str) -> PolicyRule:
    if value is None:
        raise Unclear("a rule is null")
    if not isinstance(value, Located):
        raise Unclear("a rule is no mapping")
    _known(value, (side, "ports"))
    peers = tuple(_peer(each) for each in _list(value, side))
    return PolicyRule(peers, tuple(_port(each) for each in _list(value, "ports")), value.line)


def _peer(value: Any) -> Peer:
    if not isinstance(value, Located) or not value:
        raise Unclear("a peer is empty or no mapping")
    _known(value, ("ipBlock", "podSelector", "namespaceSelector"))
    given = [key for key in value if value[key] is not None]
    if not given or ("ipBlock" in given and len(given) > 1):
        raise Unclear("a peer must be an ipBlock, or selectors")
    if "ipBlock" in given:
        block = value["ipBlock"]
        if not isinstance(block, Located):
            raise Unclear("an ipBlock is no mapping")
        _known(block, ("cidr", "except"))
        exceptions = _list(block, "except")
        texts = [block.get("cidr"), *exceptions]
        if not all(isinstance(each, str) and "/" in each and is_block(each) for each in texts):
            raise Unclear(f"{str(block.get('cidr'))[:40]!r} or an exception of it is no block of addresses")
        networks = [ip_network(each, strict=False) for each in texts]
        if any(each.version != networks[0].version for each in networks):
            raise Unclear("an exception of an ipBlock is of the other address family")
        return Peer(value.line, str(block["cidr"]), tuple(exceptions))
    pods = _selector(value["podSelector"]) if "podSelector" in given else None
    namespaces = _selector(value["namespaceSelector"]) if "namespaceSelector" in given else None
    return Peer(value.line, pods=pods, namespaces=namespaces)


def _port(value: Any) -> Port:
    if not isinstance(value, Located):
        raise Unclear("a port is no mapping")
    _known(value, ("protocol", "port", "endPort"))
    protocol = value.get("protocol")
    protocol = "TCP" if protocol is None else protocol
    first, last = value.get("port"), value.get("endPort")
    if protocol not in ("TCP", "UDP", "SCTP"):
        raise Unclear(f"the protocol {str(protocol)[:40]!r} is unknown")
    if first is None and last is None:
        return Port(protocol)
    if isinstance(first, str) and last is None and _PORT.fullmatch(first):
        return Port(protocol, name=first)
    last = first if last is None else last
    numbers = [each for each in (first, last) if isinstance(each, int) and not isinstance(each, bool)]
    if len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1] <= 65535:
        raise Unclear(f"the port {str(first)[:40]!r} is none")
    return Port(protocol, numbers[0], numbers[1])
