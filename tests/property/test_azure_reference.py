"""Network security groups as Azure's documentation states them, and what the converter and both engines make of them.

The reference below is written from the documentation alone, one packet and one rule at a time:

- "Azure network security groups overview": rules by priority, lower numbers first; once traffic matches a rule,
  processing stops; the default rules 65000, 65001 and 65500; groups are stateful; both ways go by private addresses.
- "How network security groups filter network traffic": inbound the group of the subnet, if there is one, then that of
  the interface, if there is one; outbound the reverse; both must allow.
- "Virtual network service tags": VirtualNetwork is the address space, what is connected with it, and the virtual
  address of the host; AzureLoadBalancer is that address; Internet is public and outside VirtualNetwork.
- "Application security groups": a rule that names one is about the interfaces that are members.
- "Azure platform considerations": services at 168.63.129.16 and 169.254.169.254 are not subject to groups unless a rule
  names their tags.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_interpret import leaf, levels_of
from validator.dialects import Fragment, Options
from validator.dialects._azure import convert
from validator.dialects._azure_data import (
    Interface,
    Interfaces,
    SecurityGroup,
    SecurityGroups,
    SecurityRule,
    Subnet,
    VirtualNetwork,
    VirtualNetworks,
)
from validator.engine.evaluate import Evaluator, interface_patterns
from validator.engine.interpret import interpret
from validator.engine.packet import Packet
from validator.model import LOOPBACK, Firewall, Hook
from validator.packets.fields import TCP, UDP, Family, Field, State
from validator.packets.space import PacketSpace

OWN, WORKER, STRANGER = "10.1.0.4", "10.1.0.5", "10.1.0.6"
PEERED, PUBLIC, HOST_ADDRESS, METADATA = "10.9.9.9", "20.40.60.80", "168.63.129.16", "169.254.169.254"
PEERS = (WORKER, STRANGER, PEERED, PUBLIC, HOST_ADDRESS, METADATA)
MEMBERS = {"servers": (OWN,), "workers": (WORKER,)}
NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": 1}
NETWORK = "net"


# --- the documentation, read literally ---------------------------------------


@dataclass(frozen=True)
class World:
    """What the exports do not tell: whether a peer outside the address space is connected with it, whether it is in the
    service tag Sql, and whether link-local addresses are in Internet, of which the documentation says nothing."""

    connected: bool
    sql: bool
    linked: bool = False

    @property
    def keys(self) -> dict[str, bool]:
        """The same by the keys of the model's conditions."""
        return {
            f"service tag VirtualNetwork of {NETWORK}": self.connected,
            "peer in sql": self.sql,
            "peer in internet": self.linked,
        }

    def is_virtual_network(self, address: str) -> bool:
        return ip_address(address) in ip_network("10.1.0.0/16") or address == HOST_ADDRESS or self.connected

    def holds(self, entry: str, address: str) -> bool:
        """Whether an entry of a rule's source or destination is about an address."""
        if entry == "Internet":
            public = self.linked if ip_address(address).is_link_local else ip_address(address).is_global
            return public and address != HOST_ADDRESS and not self.is_virtual_network(address)
        answers = {
            "*": True,
            "VirtualNetwork": self.is_virtual_network(address),
            "AzureLoadBalancer": address == HOST_ADDRESS,
            "AzurePlatformDNS": address == HOST_ADDRESS,
            "Sql": self.sql,
        }
        return answers[entry] if entry in answers else ip_address(address) in ip_network(entry)


DEFAULTS = (
    # inbound, priority, allow, source, destination
    (True, 65000, True, "VirtualNetwork", "VirtualNetwork"),
    (True, 65001, True, "AzureLoadBalancer", "*"),
    (True, 65500, False, "*", "*"),
    (False, 65000, True, "VirtualNetwork", "VirtualNetwork"),
    (False, 65001, True, "*", "Internet"),
    (False, 65500, False, "*", "*"),
)


def documented(groups: Sequence[SecurityGroup | None], packet: Packet, world: World) -> str:
    """What Azure does with `packet` at an interface with the groups of its subnet and of itself."""
    if packet.values[Field.STATE] == int(State.ESTABLISHED):
        return "accept"
    order = groups if packet.hook is Hook.INPUT else list(reversed(groups))
    return "accept" if all(group is None or allows(group, packet, world) for group in order) else "drop"


def allows(group: SecurityGroup, packet: Packet, world: World) -> bool:
    inbound = packet.hook is Hook.INPUT
    written = sorted((rule for rule in group.rules if rule.inbound is inbound), key=lambda rule: rule.priority or 0)
    service = service_of(packet)
    if not inbound and service:
        named = [rule for rule in written if service in rule.destinations]
        return next((rule.allow for rule in named if matches(rule, packet, world)), True)
    for rule in written:
        if matches(rule, packet, world):
            return rule.allow
    for way, _, allow, source, destination in DEFAULTS:
        ends = ((source, text(packet, Field.SOURCE)), (destination, text(packet, Field.DESTINATION)))
        if way is inbound and all(world.holds(entry, address) for entry, address in ends):
            return allow
    raise AssertionError("the last default rule matches everything")


def service_of(packet: Packet) -> str:
    """The platform's service that a packet is for: its tag, `-` for one without, empty for none."""
    protocol, port = packet.values[Field.PROTOCOL], packet.values[Field.DESTINATION_PORT]
    place = text(packet, Field.DESTINATION)
    if place == HOST_ADDRESS and port == 53 and protocol in (TCP, UDP):
        return "AzurePlatformDNS"
    if place == HOST_ADDRESS and ((protocol, port) == (UDP, 67) or (protocol == TCP and port in (80, 443, 32526))):
        return "-"
    return "AzurePlatformIMDS" if (place, protocol, port) == (METADATA, TCP, 80) else ""


def matches(rule: SecurityRule, packet: Packet, world: World) -> bool:
    ends = (
        (rule.sources, rule.source_groups, Field.SOURCE, rule.source_ports, Field.SOURCE_PORT),
        (rule.destinations, rule.destination_groups, Field.DESTINATION, rule.destination_ports, Field.DESTINATION_PORT),
    )
    if rule.protocol != "*" and NUMBERS[rule.protocol] != packet.values[Field.PROTOCOL]:
        return False
    for entries, groups, field, ports, port in ends:
        address = text(packet, field)
        if not any(world.holds(entry, address) for entry in entries) and not any(
            address in MEMBERS[group] for group in groups
        ):
            return False
        if not any(has_port(each, packet.values[port]) for each in ports):
            return False
    return True


def has_port(ports: str, number: int) -> bool:
    first, _, last = ports.partition("-")
    return ports == "*" or int(first) <= number <= int(last or first)


def text(packet: Packet, field: Field) -> str:
    return str(ip_address(packet.values[field]))


# --- random groups -----------------------------------------------------------


@st.composite
def security_rules(draw: st.DrawFn, line: int, priority: int) -> SecurityRule:
    """A rule whose fields meet those of the packets now and then."""
    protocol = draw(st.sampled_from(["*", "tcp", "tcp", "udp", "icmp"]))
    ports = st.sampled_from([("*",), ("80",), ("53", "79-80"), ("100-65535",)])
    destination_ports = draw(ports) if protocol in ("tcp", "udp") else ("*",)
    source_ports = draw(ports) if protocol in ("tcp", "udp") else ("*",)
    inbound = draw(st.booleans())
    tags = ["*", "*", "VirtualNetwork", "Internet", "AzureLoadBalancer", "Sql"]
    entries = st.lists(
        st.sampled_from([*tags, "10.1.0.5/32", "10.0.0.0/8", "20.40.0.0/16", "168.63.129.16"]), max_size=2
    )
    own_entries = st.lists(
        st.sampled_from(["*", "*", "VirtualNetwork", "10.1.0.4", "10.1.0.5", "10.1.0.0/24"]), max_size=2
    )
    peer = draw(entries)
    if not inbound and draw(st.integers(0, 3)) == 0:
        peer = ["AzurePlatformDNS"]
    own = draw(own_entries)
    peer_groups = () if peer else (draw(st.sampled_from(["workers", "servers"])),)
    own_groups = () if own else (draw(st.sampled_from(["workers", "servers"])),)
    ends = [(tuple(peer), peer_groups), (tuple(own), own_groups)]
    (sources, source_groups), (destinations, destination_groups) = ends if inbound else ends[::-1]
    return SecurityRule(
        *(f"rule{line}", inbound, draw(st.booleans()), priority, protocol, sources, source_ports, destinations),
        *(destination_ports, line, source_groups, destination_groups),
    )


@st.composite
def security_groups(draw: st.DrawFn, name: str) -> SecurityGroup:
    priorities = draw(st.lists(st.integers(100, 4096), max_size=5, unique=True))
    rules = tuple(draw(security_rules(line + 2, priority)) for line, priority in enumerate(priorities))
    return SecurityGroup(name, name, 1, rules)


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """A packet between the host and a peer."""
    own, peer = int(ip_address(OWN)), int(ip_address(draw(st.sampled_from(PEERS))))
    hook = draw(st.sampled_from([Hook.INPUT, Hook.OUTPUT]))
    source, destination = (peer, own) if hook is Hook.INPUT else (own, peer)
    protocol = draw(st.sampled_from([TCP, TCP, UDP, 1]))
    port = st.sampled_from([53, 67, 79, 80, 443, 65535]) if protocol != 1 else st.just(0)
    values = {
        Field.SOURCE: source,
        Field.DESTINATION: destination,
        Field.PROTOCOL: protocol,
        Field.SOURCE_PORT: draw(port),
        Field.DESTINATION_PORT: draw(port),
        Field.STATE: int(draw(st.sampled_from([State.NEW, State.NEW, State.NEW, State.ESTABLISHED]))),
    }
    interface = {"in_interface": "eth0"} if hook is Hook.INPUT else {"out_interface": "eth0"}
    return Packet(hook, Family.IPV4, values, **interface)


WORLDS = st.builds(World, st.booleans(), st.booleans(), st.booleans())
BOTH = (False, True)
PAIRS = st.tuples(
    st.none() | security_groups("subnet group"),
    st.none() | security_groups("interface group"),
)


def host(groups: Sequence[SecurityGroup | None]) -> Firewall:
    """The interface with the groups of its subnet and of itself."""
    outer, inner = (group.id if group else "" for group in groups)
    members = {address: name for name, addresses in MEMBERS.items() for address in addresses}
    subnet = f"{NETWORK}/subnets/front"
    parts = (
        SecurityGroups("groups", (*(group for group in groups if group), SecurityGroup("other", "other", 1, ()))),
        VirtualNetworks(
            "networks", (VirtualNetwork(NETWORK, 1, ("10.1.0.0/16",), (Subnet(subnet, "front", 1, NETWORK, outer),)),)
        ),
        Interfaces(
            "interfaces",
            tuple(
                Interface(
                    address, address, 1, (address,), subnet, inner if address == OWN else "", (name,) if name else ()
                )
                for address, name in ((each, members.get(each, "")) for each in (OWN, WORKER, STRANGER))
            ),
        ),
    )
    fragments = [Fragment("azure-nsg", "azure", "groups", part, tuple(Family)) for part in parts]
    firewall = convert(fragments, Options("host", Family.IPV4, addresses=(OWN,)))
    assert firewall is not None
    assert firewall.alternatives == ()
    return firewall


def evaluated(firewall: Firewall, packet: Packet, told: Mapping[str, bool]) -> str:
    """What the packet sets say of one packet."""
    space = PacketSpace(firewall.family, interface_patterns([firewall]) | {LOOPBACK})
    node = Evaluator(space, {}).hook(firewall, packet.hook)
    settled = {**dict.fromkeys(map(str, space.conditions().values()), False), **told}
    return leaf(node, levels_of(space, packet, settled)).verb.value


# --- they agree --------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(PAIRS, st.lists(packets(), min_size=1, max_size=4), WORLDS)
def test_every_packet_gets_what_the_documentation_says(
    groups: tuple[SecurityGroup | None, SecurityGroup | None], some: list[Packet], world: World
) -> None:
    firewall = host(groups)
    for packet in some:
        expected = documented(groups, packet, world)
        assert interpret([firewall], packet, {**world.keys, "azure licensing servers": False}).verdict == expected
        assert evaluated(firewall, packet, world.keys) == expected


@settings(max_examples=150, deadline=None)
@given(PAIRS, packets())
def test_a_verdict_that_is_given_holds_in_every_world(
    groups: tuple[SecurityGroup | None, SecurityGroup | None], packet: Packet
) -> None:
    results = {
        documented(groups, packet, World(connected, sql, linked))
        for connected in BOTH
        for sql in BOTH
        for linked in BOTH
    }
    found = interpret([host(groups)], packet).verdict
    assert found == (results.pop() if len(results) == 1 else "unknown")


@settings(max_examples=200, deadline=None)
@given(PAIRS, packets(), WORLDS, st.randoms())
def test_the_order_in_which_rules_stand_changes_nothing(
    groups: tuple[SecurityGroup | None, SecurityGroup | None], packet: Packet, world: World, random: object
) -> None:
    def shuffled(group: SecurityGroup | None) -> SecurityGroup | None:
        if group is None:
            return None
        rules = list(group.rules)
        random.shuffle(rules)  # type: ignore[attr-defined]
        return SecurityGroup(group.id, group.name, 1, tuple(rules))

    verdicts = {
        interpret([host(order)], packet, world.keys).verdict
        for order in (groups, tuple(shuffled(group) for group in groups))
    }
    assert len(verdicts) == 1
