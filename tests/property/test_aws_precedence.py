"""Amazon VPC's decision as its documentation states it, and what the converter and both engines make of it.

The reference below is written from the documentation alone, one packet at a time:

- Amazon VPC User Guide, "Control traffic to your AWS resources using security groups": rules only allow; the rules of
  all groups of an interface are taken together; "responses to allowed inbound traffic are allowed to flow out
  regardless of outbound rules", and the other way round.
- "Security group rules": a rule that references a group allows the private addresses of that group's interfaces.
- EC2 API reference, IpPermission: -1 is every protocol; other numbers than those of TCP, UDP and ICMP have no ports.
- "Network ACL basics", "Network ACL rules": lowest number first, the first that matches is applied; stateless; "as
  traffic enters and leaves the subnet, not as it is routed within a subnet"; `*` denies what no rule matches.
- EC2 API reference, NetworkAclEntry: -1 is every protocol and every port.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects import aws
from tests.property.test_interpret import leaf, levels_of
from validator.engine.evaluate import Evaluator, interface_patterns
from validator.engine.interpret import interpret
from validator.engine.packet import Packet, packet_from_json
from validator.packets.fields import TCP, UDP
from validator.packets.space import PacketSpace

NUMBERS = {"tcp": TCP, "udp": UDP, "47": 47}
OWN = "10.0.1.10"
ENDS = ("10.0.1.20", "10.0.2.30", "10.0.3.40", "192.0.2.1")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.30/32", "192.0.2.0/24")
MEMBERS = {"sg-a": (OWN, "10.0.2.30"), "sg-b": ("10.0.1.20", "10.0.2.30"), "sg-none": ()}
SUBNET = "10.0.1.0/24"


@dataclass(frozen=True)
class Allowed:
    """A rule of a group: protocol (-1 for all), ports, and a block or a group."""

    protocol: str
    first: int
    last: int
    peer: str

    def as_exported(self) -> dict[str, Any]:
        peers: dict[str, Any] = {"IpRanges": [{"CidrIp": self.peer}]}
        if self.peer.startswith("sg-"):
            peers = aws.of_group(self.peer)
        ported = self.protocol in ("tcp", "udp")
        return aws.allow(self.protocol, self.first if ported else None, self.last, **peers)


@dataclass(frozen=True)
class Numbered:
    """An entry of a network ACL."""

    number: int
    allow: bool
    protocol: int
    first: int
    last: int
    block: str

    def as_exported(self, egress: bool) -> dict[str, Any]:
        ported = self.protocol in (TCP, UDP)
        ports = aws.ports(self.first, self.last) if ported else {}
        action = "allow" if self.allow else "deny"
        return aws.entry(self.number, action, self.block, self.protocol, egress, **ports)


# --- the documentation, read literally ---------------------------------------


def allowed(rules: list[Allowed], peer: str, protocol: int, port: int) -> bool:
    """Whether some rule of some group allows it."""
    return any(
        (rule.protocol == "-1" or NUMBERS[rule.protocol] == protocol)
        and (rule.protocol not in ("tcp", "udp") or rule.first <= port <= rule.last)
        and (peer in MEMBERS[rule.peer] if rule.peer in MEMBERS else ip_address(peer) in ip_network(rule.peer))
        for rule in rules
    )


def listed(entries: list[Numbered], peer: str, protocol: int, port: int) -> bool:
    """Whether the list lets it through: what the lowest number that matches says."""
    if ip_address(peer) in ip_network(SUBNET):
        return True
    for entry in sorted(entries, key=lambda each: each.number):
        if entry.protocol not in (-1, protocol) or ip_address(peer) not in ip_network(entry.block):
            continue
        if entry.protocol not in (TCP, UDP) or entry.first <= port <= entry.last:
            return entry.allow
    return False


# --- random inventories --------------------------------------------------------

PORTS = st.sampled_from((0, 79, 80, 81, 1024, 65535))
RANGES = st.tuples(PORTS, PORTS).map(sorted)
ALLOWED = st.builds(
    lambda protocol, ports, peer: Allowed(protocol, ports[0], ports[1], peer),
    st.sampled_from(("-1", *NUMBERS)),
    RANGES,
    st.sampled_from((*BLOCKS, *MEMBERS)),
)
NUMBERED = st.builds(
    lambda allow, protocol, ports, block: Numbered(0, allow, protocol, ports[0], ports[1], block),
    st.booleans(),
    st.sampled_from((-1, TCP, UDP, 47)),
    RANGES,
    st.sampled_from(BLOCKS),
)


@st.composite
def lists(draw: st.DrawFn) -> list[Numbered]:
    entries = draw(st.lists(NUMBERED, max_size=4))
    numbers = draw(st.lists(st.integers(1, 32766), min_size=len(entries), max_size=len(entries), unique=True))
    return [
        Numbered(number, each.allow, each.protocol, each.first, each.last, each.block)
        for number, each in zip(numbers, entries, strict=True)
    ]


RULES = st.lists(ALLOWED, max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    groups=st.dictionaries(st.sampled_from(("sg-a", "sg-c")), st.tuples(RULES, RULES), min_size=1),
    acl=st.tuples(lists(), lists()),
    peer=st.sampled_from(ENDS),
    protocol=st.sampled_from((TCP, UDP, 47)),
    port=PORTS,
    inbound=st.booleans(),
    known=st.booleans(),
)
def test_a_packet_fares_as_the_documentation_says(
    groups: dict[str, tuple[list[Allowed], list[Allowed]]],
    acl: tuple[list[Numbered], list[Numbered]],
    peer: str,
    protocol: int,
    port: int,
    inbound: bool,
    known: bool,
) -> None:
    exported = [
        aws.group(name, *(each.as_exported() for each in into), egress=tuple(each.as_exported() for each in out))
        for name, (into, out) in groups.items()
    ]
    own = aws.interface("eni-own", *groups, address=OWN)
    others = [
        aws.interface(f"eni-{address}", *(name for name, of in MEMBERS.items() if address in of), address=address)
        for address in ENDS[:3]
    ]
    if "sg-a" not in groups:
        others.append(aws.interface("eni-a", "sg-a", address=OWN, subnet="subnet-9"))
        own["PrivateIpAddress"], own["PrivateIpAddresses"] = "10.0.1.11", []
    here = own["PrivateIpAddress"]
    entries = [each.as_exported(egress) for egress in (False, True) for each in acl[egress]]
    firewall = aws.point(
        aws.groups(*exported),
        aws.interfaces(own, *others),
        aws.acls(aws.acl("acl-1", *entries)),
        aws.subnets(**{"1": SUBNET}),
        at=(here,),
    )
    side = 0 if inbound else 1
    rules = [rule for of_group in groups.values() for rule in of_group[side]]
    expected = listed(acl[side], peer, protocol, port) and (known or allowed(rules, peer, protocol, port))
    packet = _packet(peer, here, protocol, port, inbound, known)
    word = "accept" if expected else "drop"
    assert interpret([firewall], packet).verdict == word
    space = PacketSpace(firewall.family, interface_patterns([firewall]))
    node = Evaluator(space, {}).hook(firewall, packet.hook)
    settled = dict.fromkeys(map(str, space.conditions().values()), False)
    assert leaf(node, levels_of(space, packet, settled)).verb.value == word


def _packet(peer: str, here: str, protocol: int, port: int, inbound: bool, known: bool) -> Packet:
    ends = {"source": peer, "destination": here} if inbound else {"source": here, "destination": peer}
    return packet_from_json(
        {
            **ends,
            "hook": "input" if inbound else "output",
            "protocol": str(protocol),
            "state": "established" if known else "new",
            "destination_port": port if protocol in (TCP, UDP) else None,
        }
    )
