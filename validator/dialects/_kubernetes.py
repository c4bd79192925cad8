"""Network policies of Kubernetes as a firewall of the model.

"Network Policies" (Kubernetes documentation): a pod that no policy of a direction selects is not isolated there, and
everything passes; else what a rule of any selecting policy of that direction allows, and the replies to it. Traffic
to and from the node of a pod is always allowed. Of protocols other than TCP, UDP and SCTP nothing is promised for
isolated pods. A named port is one of the containers of the pod that receives. NetworkPolicy v1 (API reference):
ports without a number are all ports of the protocol, TCP where none is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from validator.dialects import Fragment, Options
from validator.dialects._cloud import addresses, members, told
from validator.dialects._kubernetes_data import NetworkPolicy, Objects, Peer, PolicyRule, Port
from validator.dialects._kubernetes_points import Cluster, Point, points
from validator.errors import ExportError
from validator.model import (
    ACCEPT,
    DROP,
    AnyOf,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    Match,
    Rule,
    stateful,
    undecidable,
)
from validator.packets.fields import TCP, UDP, Field, top
from validator.packets.intervals import complement, intersect, normalise
from validator.source import Span

_NUMBERS = {"TCP": TCP, "UDP": UDP, "SCTP": 132}
_COVERED = normalise((number, number) for number in _NUMBERS.values())
_OTHERS = FieldMatch(Field.PROTOCOL, complement(_COVERED, 255))
_PODS = "kubectl get pods -A -o yaml"


class _Host(Struct, frozen=True):
    cluster: Cluster
    options: Options
    others: tuple[tuple[str, int, str], ...]
    path: str


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of a pod; where nobody told which pod the host is, each is an alternative.

    Without any policy it has no chains. Raises SiteError for a pod that no export holds.
    """
    exports = [fragment.data for fragment in fragments if isinstance(fragment.data, Objects)]
    cluster = Cluster.of(exports)
    others = tuple((each.path, line, kind) for each in exports for line, kind in each.others)
    path = next((where for where, _ in cluster.policies), fragments[0].path)
    _check_twice(cluster)
    found = points(cluster, options, path)
    host = _Host(cluster, options, others, path)
    chains = {}
    if cluster.policies or others:
        chains = {name: _chain(name, inbound, found, host) for name, inbound in (("ingress", True), ("egress", False))}
    several = len(found) > 1
    return Firewall(
        host=options.host,
        name=_name(found),
        platform="kubernetes",
        family=options.family,
        hooks={Hook.INPUT: ("ingress",), Hook.OUTPUT: ("egress",)} if chains else {},
        chains=chains,
        exports=tuple(dict.fromkeys(fragment.path for fragment in fragments)),
        loopback_filtered=False,
        alternatives=tuple(point.span for point in found) if several and chains else (),
    )


def _check_twice(cluster: Cluster) -> None:
    """Two different policies of one name: which of them the cluster has nobody could tell."""
    seen: dict[str, NetworkPolicy] = {}
    for path, policy in cluster.policies:
        if seen.setdefault(policy.label, policy) != policy:
            problem = f"the policy {policy.label} stands here a second time, and differs"
            raise ExportError(problem, "give the policies of one moment only", path, policy.line)


def _name(found: Sequence[Point]) -> str:
    if len(found) != 1:
        return f"{len(found)} kinds of pods"
    return found[0].span.text.removeprefix("the host is ")


def _chain(name: str, inbound: bool, found: Sequence[Point], host: _Host) -> Chain:
    rules = [stateful(Span(host.path, 1, "replies pass (network policies are stateful)"))]
    for path, line, kind in host.others:
        if kind != "BaselineAdminNetworkPolicy":
            why = f"policies of kind {kind} are not understood"
            rules += undecidable((), Span(path, line, why), why, why)
    for number, point in enumerate(found):
        place: tuple[Match, ...] = ()
        if len(found) > 1:
            place = (FieldMatch(Field.ALTERNATIVE, ((number, number),)),)
        rules += _of_point(point, place, inbound, host)
    for path, line, kind in host.others:
        if kind == "BaselineAdminNetworkPolicy":
            why = f"policies of kind {kind} are not understood"
            rules += undecidable((), Span(path, line, why), why, why)
    text = f"no policy isolates the pod for {name}"
    return Chain(name, tuple(rules), Rule((), ACCEPT, Span(host.path, 1, text), text, implicit=True))


def _of_point(point: Point, place: tuple[Match, ...], inbound: bool, host: _Host) -> Iterator[Rule]:
    """What the policies do with the packets of one pod."""
    selecting = []
    for path, policy in host.cluster.policies:
        if not policy.why and (policy.ingress if inbound else policy.egress) is None:
            continue
        where = _selected(policy, point)
        if where is not None:
            selecting.append((path, policy, (*place, *where)))
    pod = point.pod
    if pod is not None and pod.on_host:
        why = f"pod {pod.name} uses the network of its node: what policies do there depends on the network plugin"
        yield from undecidable(place, Span(point.span.path, pod.line, why), why, why)
    if pod is not None and pod.nodes and selecting:
        nodes = addresses(pod.nodes, host.options.family)
        if nodes:
            text = "traffic to and from the pod's node is always allowed"
            match = FieldMatch(Field.SOURCE if inbound else Field.DESTINATION, nodes)
            yield Rule((*place, match), ACCEPT, Span(point.span.path, pod.line, text), text, implicit=True)
    for path, policy, where in selecting:
        yield from _outside(path, policy, where)
    for path, policy, where in selecting:
        if policy.why:
            why = f"{policy.label}: {policy.why}"
            yield from undecidable(where, Span(path, policy.line, why), why, why)
            continue
        for rule in (policy.ingress if inbound else policy.egress) or ():
            yield from _rules(path, policy, rule, where, point, inbound, host)
    for path, policy, where in selecting:
        if not policy.why:
            way = "ingress" if inbound else "egress"
            text = f"{policy.label} isolates the pod, and no rule allows this {way}"
            yield Rule(where, DROP, Span(path, policy.line, text), text, policy.label)


def _selected(policy: NetworkPolicy, point: Point) -> tuple[Match, ...] | None:
    """When `policy` selects the pod; None where it never does."""
    answer = point.selected(policy)
    if policy.why and policy.namespace == point.namespace:
        answer = True  # its selector may be what was not understood; undecidable rules leave that open
    if answer is False:
        return None
    if answer:
        return ()
    text = f"the host is a pod that {policy.label} selects ({policy.selector.text})"
    return (ConditionMatch(Condition(f"selected {policy.label}", text)),)


def _outside(path: str, policy: NetworkPolicy, where: tuple[Match, ...]) -> Iterator[Rule]:
    """Protocols for which network policies promise nothing."""
    if policy.why:
        return
    text = "what becomes of protocols other than TCP, UDP and SCTP depends on the network plugin"
    condition = Condition("other protocols", "the network plugin lets other protocols than TCP, UDP and SCTP pass")
    span = Span(path, policy.line, text)
    yield Rule((*where, _OTHERS, ConditionMatch(condition)), ACCEPT, span, text, implicit=True)
    yield Rule((*where, _OTHERS), DROP, span, text, implicit=True)


# --- rules -------------------------------------------------------------------


def _rules(
    path: str,
    policy: NetworkPolicy,
    rule: PolicyRule,
    where: tuple[Match, ...],
    point: Point,
    inbound: bool,
    host: _Host,
) -> Iterator[Rule]:
    """A rule for each peer (or one for everybody) that may match in this family."""
    ports = _any_of([case for each in rule.ports for case in _port(each, policy, point, inbound)])
    if rule.ports and ports is None:
        return
    what = ", ".join(map(_described, rule.ports)) or "everything"
    for peer in rule.peers or (None,):
        match: tuple[Match, ...] | None = ()
        line, who = rule.line, "everybody"
        if peer is not None:
            match = _any_of(list(_peer(peer, path, policy, inbound, host)))
            line, who = peer.line, peer_text(peer, policy)
        if match is None:
            continue
        text = f"{policy.label}: allow {what} {'from' if inbound else 'to'} {who}"
        yield Rule((*where, *(ports or ()), *match), ACCEPT, Span(path, line, text), text, policy.label)


def _any_of(cases: Sequence[tuple[Match, ...]]) -> tuple[Match, ...] | None:
    """The matches that hold when one of `cases` does; None for no case."""
    if not cases:
        return None
    if () in cases:
        return ()
    return cases[0] if len(cases) == 1 else (AnyOf(tuple(cases)),)


def _described(port: Port) -> str:
    number = port.name or (str(port.first) if port.first == port.last else f"{port.first}-{port.last}")
    return port.protocol if port.first is None and not port.name else f"{port.protocol} {number}"


def _port(port: Port, policy: NetworkPolicy, point: Point, inbound: bool) -> Iterator[tuple[Match, ...]]:
    """When a packet is for a port of a rule."""
    number = _NUMBERS[port.protocol]
    protocol = FieldMatch(Field.PROTOCOL, ((number, number),))
    if port.first is not None and port.last is not None:
        yield (protocol, FieldMatch(Field.DESTINATION_PORT, ((port.first, port.last),)))
    elif not port.name:
        yield (protocol,)
    elif inbound and point.pod is not None:
        named = {value for name, kind, value in point.pod.ports if (name, kind) == (port.name, port.protocol)}
        if named:
            yield (protocol, FieldMatch(Field.DESTINATION_PORT, normalise((value, value) for value in named)))
    else:
        text = f"the port is the one that the receiving pod's containers call {port.name}"
        side = "ingress" if inbound else "egress"
        key = f"{side} port {policy.namespace} {port.protocol} {port.name}"
        yield (protocol, ConditionMatch(Condition(key, text, per_packet=True)))


def peer_text(peer: Peer, policy: NetworkPolicy) -> str:
    """A peer in words; the name under which the site's networks may resolve it."""
    if peer.block:
        return peer.block + (f" except {', '.join(peer.exceptions)}" if peer.exceptions else "")
    pods = "pods" if peer.pods is None or peer.pods.text == "any" else f"pods {peer.pods.text}"
    if peer.namespaces is None:
        return f"{pods} in {policy.namespace}"
    return f"{pods} in namespaces {peer.namespaces.text}"


def _peer(peer: Peer, path: str, policy: NetworkPolicy, inbound: bool, host: _Host) -> Iterator[tuple[Match, ...]]:
    """When the other side is `peer`."""
    family = host.options.family
    field = Field.SOURCE if inbound else Field.DESTINATION
    if peer.block:
        outside = complement(addresses(peer.exceptions, family), top(field, family))
        block = intersect(addresses((peer.block,), family), outside)
        if block:
            yield (FieldMatch(field, block),)
        return
    name = peer_text(peer, policy)
    resolved = told(name, host.options)
    if resolved is not None:
        if resolved:
            yield (FieldMatch(field, resolved),)
        return
    text = f"the peer is one of the {name} ({_PODS} tells their addresses)"
    condition = ConditionMatch(Condition(f"peer {name}", text))
    sure: list[str] = []
    maybe: list[str] = []
    apart: list[str] = []
    for _, pod in host.cluster.pods:
        answer = host.cluster.is_peer(pod, peer.pods, peer.namespaces, policy.namespace)
        if answer is False:
            apart += pod.addresses if not pod.on_host else ()
            continue
        if not pod.addresses:
            yield (condition,)
            return
        (sure if answer and not pod.on_host else maybe).extend(pod.addresses)
    if not sure and not maybe:
        yield (condition,)
        return
    unclear = addresses(maybe, family)
    if unclear:
        yield (FieldMatch(field, unclear), condition)
    inside = addresses(sure, family)
    listed = normalise([*addresses(apart, family), *unclear])
    span = Span(path, peer.line, f"{policy.label}: {name}")
    yield from members(field, inside, listed, f"peer {name}", f"one of the {name}", span, host.options)
