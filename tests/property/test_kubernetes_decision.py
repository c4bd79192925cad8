"""The decision of network policies, as Kubernetes documents it, and what the converter and both engines make of it.

The reference below is written from "Network Policies" (Kubernetes documentation) alone, one packet at a time: a pod is
isolated for a direction by the policies of its namespace that select it and are of that type; then a packet passes if a
rule of one of them has its peer and its port; a rule without peers or ports is for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_interpret import evaluated, leaf, levels_of
from validator.dialects import Fragment, Options
from validator.dialects._kubernetes import convert
from validator.dialects._kubernetes_data import NetworkPolicy, Objects, Peer, Pod, PolicyRule, Port, Selector
from validator.engine.interpret import interpret
from validator.engine.packet import Packet
from validator.model import Firewall, Hook
from validator.packets.fields import Family, Field

NUMBERS = {"TCP": 6, "UDP": 17, "SCTP": 132}
PODS = (
    Pod("web", "x", 1, (("app", "web"),), ("10.0.0.1",), (("rest", "TCP", 80), ("rest", "UDP", 81))),
    Pod("db", "x", 2, (("app", "db"), ("tier", "back")), ("10.0.0.2",)),
    Pod("old", "y", 3, (), ("10.0.0.3",)),
    Pod("far", "y", 4, (("app", "web"),), ("10.0.0.4",)),
)
SPACES = {"x": {"team": "one"}, "y": {}}
OUTSIDE = ("192.0.2.9", "203.0.113.7")


def holds(selector: Selector, labels: dict[str, str]) -> bool:
    for key, value in selector.labels:
        if labels.get(key) != value:
            return False
    for key, operator, values in selector.expressions:
        there = key in labels
        good = {
            "In": there and labels[key] in values,
            "NotIn": not there or labels[key] not in values,
            "Exists": there,
            "DoesNotExist": not there,
        }
        if not good[operator]:
            return False
    return True


def documented(policies: Sequence[NetworkPolicy], pod: Pod, packet: Packet) -> str:
    """What becomes of a new TCP, UDP or SCTP packet to or from `pod`."""
    inbound = packet.hook is Hook.INPUT
    far = packet.values[Field.SOURCE if inbound else Field.DESTINATION]
    applying = [
        policy
        for policy in policies
        if policy.namespace == pod.namespace and holds(policy.selector, dict(pod.labels))
        if (policy.ingress if inbound else policy.egress) is not None
    ]
    if not applying:
        return "accept"
    for policy in applying:
        for rule in (policy.ingress if inbound else policy.egress) or ():
            peer = not rule.peers or any(is_peer(each, policy, far) for each in rule.peers)
            if peer and (not rule.ports or any(is_port(each, pod, packet) for each in rule.ports)):
                return "accept"
    return "drop"


def is_peer(peer: Peer, policy: NetworkPolicy, far: int) -> bool:
    address = ip_address(far)
    if peer.block:
        return address in ip_network(peer.block) and not any(address in ip_network(each) for each in peer.exceptions)
    for pod in PODS:
        if str(address) in pod.addresses:
            here = pod.namespace == policy.namespace
            if peer.namespaces is not None:
                here = holds(peer.namespaces, {**SPACES[pod.namespace], "kubernetes.io/metadata.name": pod.namespace})
            return here and (peer.pods is None or holds(peer.pods, dict(pod.labels)))
    return False


def is_port(port: Port, pod: Pod, packet: Packet) -> bool:
    if packet.values[Field.PROTOCOL] != NUMBERS[port.protocol]:
        return False
    number = packet.values[Field.DESTINATION_PORT]
    if port.name:
        return (port.name, port.protocol, number) in pod.ports
    return port.first is None or port.last is None or port.first <= number <= port.last


SELECTORS = st.sampled_from(
    [Selector(), Selector((("app", "web"),)), Selector((("app", "db"), ("tier", "back")))]
    + [Selector((), (("app", "NotIn", ("web",)),)), Selector((), (("app", "In", ("db", "web")),))]
    + [Selector((), (("tier", "DoesNotExist", ()),)), Selector((("app", "web"),), (("tier", "Exists", ()),))]
)
SPACE_SELECTORS = st.sampled_from(
    [Selector(), Selector((("team", "one"),)), Selector((("kubernetes.io/metadata.name", "y"),))]
    + [Selector((), (("team", "DoesNotExist", ()),))]
)


@st.composite
def peers(draw: st.DrawFn) -> Peer:
    kind = draw(st.sampled_from(["block", "pods", "spaces", "both"]))
    if kind == "block":
        exceptions = draw(st.sampled_from([(), ("10.0.0.2/31",), ("192.0.2.0/25", "10.0.0.1/32")]))
        return Peer(1, draw(st.sampled_from(["0.0.0.0/0", "10.0.0.0/29", "192.0.2.0/24"])), exceptions)
    return Peer(
        1,
        pods=draw(SELECTORS) if kind != "spaces" else None,
        namespaces=draw(SPACE_SELECTORS) if kind != "pods" else None,
    )


def ports(inbound: bool) -> st.SearchStrategy[Port]:
    found = [Port("TCP"), Port("UDP"), Port("TCP", 80, 80), Port("TCP", 79, 90), Port("SCTP", 80, 81)]
    return st.sampled_from(found + [Port("TCP", name="rest"), Port("TCP", name="none")] * inbound)


@st.composite
def sides(draw: st.DrawFn, inbound: bool) -> tuple[PolicyRule, ...] | None:
    if draw(st.booleans()):
        return None
    return tuple(
        PolicyRule(
            tuple(draw(st.lists(peers(), max_size=2))), tuple(draw(st.lists(ports(inbound), max_size=2))), line + 1
        )
        for line in range(draw(st.integers(0, 2)))
    )


@st.composite
def policies(draw: st.DrawFn) -> list[NetworkPolicy]:
    return [
        NetworkPolicy(
            f"p{number}",
            draw(st.sampled_from("xxy")),
            number + 1,
            draw(SELECTORS),
            draw(sides(True)),
            draw(sides(False)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    protocol = draw(st.sampled_from([6, 6, 17, 132]))
    far = int(ip_address(draw(st.sampled_from([*OUTSIDE, *(pod.addresses[0] for pod in PODS)]))))
    inbound = draw(st.booleans())
    values = {
        Field.SOURCE: far if inbound else 0,
        Field.DESTINATION: 0 if inbound else far,
        Field.PROTOCOL: protocol,
        Field.STATE: 0,
        Field.TCP_FLAGS: 2 if protocol == 6 else 0,
        Field.ICMP_TYPE: 0,
        Field.ICMP_CODE: 0,
        Field.SOURCE_PORT: 40000,
        Field.DESTINATION_PORT: draw(st.sampled_from([79, 80, 81, 91])),
    }
    if inbound:
        return Packet(Hook.INPUT, Family.IPV4, values, in_interface="eth0")
    return Packet(Hook.OUTPUT, Family.IPV4, values, out_interface="eth0")


def host(found: Sequence[NetworkPolicy], pods: Sequence[Pod], groups: tuple[str, ...]) -> Firewall:
    spaces = tuple((name, tuple(labels.items())) for name, labels in SPACES.items())
    data = (Objects("policies", tuple(found), (), ()), Objects("pods", (), tuple(pods), spaces if pods else ()))
    fragments = [Fragment("kubernetes", "kubernetes", part.path, part, tuple(Family)) for part in data]
    firewall = convert(fragments, Options("host", Family.IPV4, groups=groups))
    assert firewall is not None
    return firewall


@settings(max_examples=400, deadline=None)
@given(policies(), st.sampled_from(PODS), st.lists(packets(), min_size=1, max_size=4))
def test_every_packet_gets_what_the_documentation_says(
    found: list[NetworkPolicy], pod: Pod, some: list[Packet]
) -> None:
    firewall = host(found, PODS, (f"{pod.namespace}/{pod.name}",))
    for packet in some:
        # No pod at all may match a peer here, which is then a condition: settled to false, it is the empty set.
        space, node = evaluated(firewall, packet.hook)
        settled = dict.fromkeys(map(str, space.conditions().values()), False)
        expected = documented(found, pod, packet)
        assert interpret([firewall], packet, settled).verdict == expected
        assert leaf(node, levels_of(space, packet, settled)).verb.value == expected


@settings(max_examples=300, deadline=None)
@given(policies(), st.sampled_from(PODS), packets())
def test_without_pods_what_is_said_is_true_of_every_pod_or_nothing(
    found: list[NetworkPolicy], pod: Pod, packet: Packet
) -> None:
    expected = documented(found, pod, packet)
    labels = tuple(f"{key}={value}" for key, value in pod.labels)
    firewall = host(found, (), (*labels, pod.namespace) if any(p.namespace == pod.namespace for p in found) else labels)
    if len(firewall.alternatives) > 1 or all(policy.namespace != pod.namespace for policy in found):
        return
    assert interpret([firewall], packet).verdict in (expected, "unknown")
