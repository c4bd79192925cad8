"""Google Cloud's decision, as its documentation states it, and what the converter and both engines make of it.

The reference below is written from "VPC firewall rules" and "Evaluation order for firewall policies and rules" (Cloud
NGFW documentation) alone, one packet at a time: hierarchical policies, then VPC rules, then global network policies
(before the VPC rules with BEFORE_CLASSIC_FIREWALL), then deny inbound and allow outbound; lowest priority first, deny
before allow; goto_next, or no rule, goes to the next step; a source tag is the primary addresses of the instances that
have it; a target tag limits a rule to instances that have it; disabled rules do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_interpret import evaluated, leaf, levels_of
from validator.dialects import Fragment, Options
from validator.dialects._gcp import convert
from validator.dialects._gcp_data import (
    FirewallRule,
    FirewallRules,
    Instance,
    Instances,
    Interface,
    Network,
    Networks,
    Policies,
    Policy,
    Protocol,
)
from validator.engine.interpret import interpret
from validator.engine.packet import Packet
from validator.model import Firewall, Hook
from validator.packets.fields import Family, Field

NET, OTHER = "p/one", "p/two"
MEMBERS = {"a": ("10.0.0.1", "10.0.0.2"), "b": ("10.0.0.2",)}
HOST = Instance("host", 1, (Interface(NET, ("10.0.0.2",)),), ("a", "b"), ("me@x",))
REST = (
    Instance("other", 2, (Interface(NET, ("10.0.0.1",), ("192.0.2.1",)),), ("a",)),
    Instance("far", 3, (Interface(OTHER, ("10.0.0.9",)),), ("a", "b", "c")),
)
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "132": 132}
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.9", "192.0.2.1", "203.0.113.5")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.1", "192.0.2.0/24", "::/0")


def documented(rules: Sequence[FirewallRule], policies: Sequence[Policy], first: bool, packet: Packet) -> str:
    """What becomes of a new packet of the instance HOST."""
    inbound = packet.hook is Hook.INPUT
    classic = [[rule for rule in rules if rule.network == NET]]
    above = [list(policy.rules) for policy in policies if policy.kind == "hierarchy"]
    below = [list(policy.rules) for policy in policies if policy.kind == "global" and NET in (policy.networks or ())]
    for step in [*above, *(below + classic if first else classic + below)]:
        for rule in sorted(step, key=lambda each: (each.priority, each.allow)):
            if rule.inbound is inbound and not rule.disabled and is_about(rule, packet):
                if rule.goto_next:
                    break
                return "accept" if rule.allow else "drop"
    return "drop" if inbound else "accept"


def is_about(rule: FirewallRule, packet: Packet) -> bool:
    far = packet.values[Field.SOURCE if rule.inbound else Field.DESTINATION]
    near = packet.values[Field.DESTINATION if rule.inbound else Field.SOURCE]
    mine = not (rule.target_tags or rule.target_accounts)
    mine = mine or bool({*rule.target_tags} & {"a", "b"}) or "me@x" in rule.target_accounts
    tagged = any(str(ip_address(far)) in MEMBERS[tag] for tag in rule.source_tags)
    ranges = rule.ranges if rule.ranges or rule.source_tags else ("0.0.0.0/0",)
    return (
        mine
        and (tagged or any(ip_address(far) in ip_network(block) for block in ranges))
        and (not rule.destinations or any(ip_address(near) in ip_network(block) for block in rule.destinations))
        and any(has_protocol(each, packet) for each in rule.protocols)
    )


def has_protocol(protocol: Protocol, packet: Packet) -> bool:
    if protocol.name != "all" and packet.values[Field.PROTOCOL] != NUMBERS[protocol.name]:
        return False
    bounds = [text.partition("-") for text in protocol.ports]
    port = packet.values[Field.DESTINATION_PORT]
    return not bounds or any(int(low) <= port <= int(high or low) for low, _, high in bounds)


@st.composite
def rules(draw: st.DrawFn, line: int, policy: bool = False) -> FirewallRule:
    protocols = st.sampled_from(
        [
            Protocol("all"),
            Protocol("tcp"),
            Protocol("tcp", ("80", "90-100")),
            Protocol("udp", ("80",)),
            Protocol("icmp"),
        ]
        + [Protocol("132", ("80",))]
    )
    inbound = draw(st.booleans())
    tags = st.lists(st.sampled_from(["a", "b"]), max_size=1) if inbound and not policy else st.just([])
    targets = st.lists(st.sampled_from(["a", "zz"]), max_size=1) if not policy else st.just([])
    return FirewallRule(
        name=f"rule-{line}",
        network="" if policy else draw(st.sampled_from([NET, NET, NET, OTHER])),
        inbound=inbound,
        allow=draw(st.booleans()),
        priority=draw(st.integers(0, 3)) if not policy else line,
        protocols=tuple(draw(st.lists(protocols, min_size=1, max_size=2))),
        line=line,
        ranges=tuple(draw(st.lists(st.sampled_from(BLOCKS), max_size=2))),
        destinations=tuple(draw(st.lists(st.sampled_from(BLOCKS[1:4]), max_size=1))) if draw(st.booleans()) else (),
        source_tags=tuple(draw(tags)),
        target_tags=tuple(draw(targets)),
        target_accounts=tuple(draw(st.sampled_from([(), (), ("me@x",), ("you@x",)]))),
        disabled=draw(st.integers(0, 4)) == 0,
        goto_next=policy and draw(st.booleans()),
    )


def listed(policy: bool = False) -> st.SearchStrategy[list[FirewallRule]]:
    return st.integers(0, 5).flatmap(lambda n: st.tuples(*(rules(line + 1, policy) for line in range(n)))).map(list)


@st.composite
def policy_lists(draw: st.DrawFn) -> list[Policy]:
    found = []
    for rank in range(draw(st.integers(0, 2))):
        found.append(Policy(f"h{rank}", "hierarchy", tuple(draw(listed(policy=True))), 1, None, rank))
    if draw(st.booleans()):
        found.append(Policy("g", "global", tuple(draw(listed(policy=True))), 1, (draw(st.sampled_from([NET, OTHER])),)))
    return found


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    protocol = draw(st.sampled_from([6, 6, 17, 1, 132]))
    ports = protocol in (6, 17, 132)
    values = {
        Field.SOURCE: int(ip_address(draw(st.sampled_from(ADDRESSES)))),
        Field.DESTINATION: int(ip_address(draw(st.sampled_from(ADDRESSES)))),
        Field.PROTOCOL: protocol,
        Field.STATE: 0,
        Field.TCP_FLAGS: 2 if protocol == 6 else 0,
        Field.ICMP_TYPE: 8,
        Field.ICMP_CODE: 0,
        Field.SOURCE_PORT: 40000 if ports else 0,
        Field.DESTINATION_PORT: draw(st.sampled_from([80, 90, 95, 101])) if ports else 0,
    }
    if draw(st.booleans()):
        return Packet(Hook.INPUT, Family.IPV4, values, in_interface="eth0")
    return Packet(Hook.OUTPUT, Family.IPV4, values, out_interface="eth0")


ANCHOR = [FirewallRule("anchor", net, True, False, 9, (Protocol("icmp"),), 9, ("192.0.2.250",)) for net in (NET, OTHER)]
"""A rule that no packet here meets, so that both networks are exported."""


def host(
    found: Sequence[FirewallRule], policies: Sequence[Policy], first: bool, addresses: tuple[str, ...]
) -> Firewall:
    data = (
        FirewallRules("rules", (*found, *ANCHOR)),
        Policies("policies", tuple(policies)),
        Instances("instances", (HOST, *REST)),
        Networks("networks", (Network(f"https://x/projects/{NET.replace('/', '/global/networks/')}", first),)),
    )
    fragments = [Fragment("gcp", "gcp", str(number), part, tuple(Family)) for number, part in enumerate(data)]
    firewall = convert(fragments, Options("host", Family.IPV4, addresses=addresses))
    assert firewall is not None
    return firewall


@settings(max_examples=400, deadline=None)
@given(listed(), policy_lists(), st.booleans(), st.lists(packets(), min_size=1, max_size=4))
def test_every_packet_gets_what_the_documentation_says(
    found: list[FirewallRule], policies: list[Policy], first: bool, some: list[Packet]
) -> None:
    firewall = host(found, policies, first, ("10.0.0.2/32",))
    assert not firewall.alternatives
    for packet in some:
        expected = documented(found, policies, first, packet)
        assert interpret([firewall], packet).verdict == expected
        space, node = evaluated(firewall, packet.hook)
        settled = dict.fromkeys(map(str, space.conditions().values()), False)
        assert leaf(node, levels_of(space, packet, settled)).verb.value == expected


@settings(max_examples=150, deadline=None)
@given(listed(), policy_lists(), st.booleans(), packets())
def test_what_holds_for_the_host_is_possible_where_nobody_told_which_it_is(
    found: list[FirewallRule], policies: list[Policy], first: bool, packet: Packet
) -> None:
    firewall = host(found, policies, first, ())
    assert len(firewall.alternatives) == 3
    assert interpret([firewall], packet).verdict in (documented(found, policies, first, packet), "unknown")
    chosen = Packet(
        packet.hook,
        packet.family,
        {**packet.values, Field.ALTERNATIVE: 0},
        packet.in_interface,
        packet.out_interface,
    )
    assert interpret([firewall], chosen).verdict == documented(found, policies, first, packet)
