"""What the security groups of a Terraform configuration let pass, as the provider's documentation states it.

The reference below is written from these pages alone, one packet at a time (hashicorp/aws provider,
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/NAME):

- security_group: `from_port` "Start port (or ICMP type number if protocol is icmp or icmpv6)", `to_port` "End range
  port (or ICMP code if protocol is icmp)"; "-1 (semantically equivalent to all)"; `self` "Whether the security group
  itself will be added as a source"; "Terraform will remove this default rule" that allows all egress.
- vpc_security_group_ingress_rule, _egress_rule: one of `cidr_ipv4`, `cidr_ipv6` and `referenced_security_group_id`
  each; "if ip_protocol is set to -1, it translates to all protocols, all port ranges".
- security_group_rule: `type` ingress or egress; other protocols by number, "applicable to all ports".

IpPermission (EC2 API reference), which they refer to: -1 is every ICMP type, or every code. A group has its rules and
nothing else, so what none of them admits is dropped. Who is in a group the files do not tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.exports import wall
from tests.property.test_interpret import evaluated, verbs_of
from validator import policy_file
from validator.check import CheckOptions, check
from validator.engine.interpret import interpret
from validator.engine.packet import Packet
from validator.hosts import load
from validator.model import Hook
from validator.packets.fields import Family, Field
from validator.results import Result
from validator.site import Host, Site

POLICY = policy_file.load("ol-connect")
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "47": 47}
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "::/0", "2001:db8::/32")
ENDS = {Family.IPV4: ("10.1.2.3", "10.9.9.9", "198.51.100.7"), Family.IPV6: ("2001:db8::5", "2a00::1")}


@dataclass(frozen=True)
class Rule:
    """One rule; `members` is whether the members of a group are its peers, too."""

    side: str
    protocol: str
    first: int
    last: int
    blocks: tuple[str, ...]
    members: bool


# --- what the documentation says ----------------------------------------------------


def documented(rules: Sequence[Rule], side: str, packet: Packet) -> str:
    """What becomes of the first packet of a connection: accept, drop, or unknown where its peer may be in a group."""
    far = ip_address(packet.values[Field.SOURCE if side == "ingress" else Field.DESTINATION])
    fitting = [rule for rule in rules if rule.side == side and is_about(rule, packet)]
    if any(far in ip_network(block) for rule in fitting for block in rule.blocks):
        return "accept"
    return "unknown" if any(rule.members for rule in fitting) else "drop"


def is_about(rule: Rule, packet: Packet) -> bool:
    if rule.protocol == "-1":
        return True
    if packet.values[Field.PROTOCOL] != NUMBERS[rule.protocol]:
        return False
    if rule.protocol in ("tcp", "udp"):
        return rule.first <= packet.values[Field.DESTINATION_PORT] <= rule.last
    if rule.protocol in ("icmp", "icmpv6"):
        kind, code = packet.values[Field.ICMP_TYPE], packet.values[Field.ICMP_CODE]
        return rule.first in (-1, kind) and rule.last in (-1, code)
    return True


# --- configurations -----------------------------------------------------------------


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    protocol = draw(st.sampled_from(("tcp", "tcp", "udp", "icmp", "icmpv6", "-1", "47")))
    if protocol.startswith("icmp"):
        first, last = draw(st.sampled_from(((-1, -1), (8, 0), (8, -1), (128, 0))))
    elif protocol in ("tcp", "udp"):
        first, last = sorted((draw(st.integers(78, 82)), draw(st.integers(78, 82))))
    else:
        first, last = 0, 0
    blocks = tuple(draw(st.lists(st.sampled_from(BLOCKS), max_size=2, unique=True)))
    side = draw(st.sampled_from(("ingress", "egress")))
    return Rule(side, protocol, first, last, blocks, draw(st.integers(0, 3)) == 0 or not blocks)


@dataclass
class Writer:
    """Writes values as they are, as a variable's default, or by way of a local value."""

    draw: st.DrawFn
    before: str = ""
    names: int = 0

    def value(self, value: object) -> str:
        text, way = json.dumps(value), self.draw(st.sampled_from(("plain", "plain", "var", "local")))
        self.names += 1
        if way == "var":
            self.before += f'variable "v{self.names}" {{\n  default = {text}\n}}\n'
        elif way == "local":
            self.before += f"locals {{\n  v{self.names} = {text}\n}}\n"
        return text if way == "plain" else f"{way}.v{self.names}"

    def inline(self, rule: Rule) -> str:
        peers = f"    self = {self.value(True)}\n" if rule.members else ""
        return f"  {rule.side} {{\n{self._said(rule, 'protocol')}{self._lists(rule)}{peers}  }}\n"

    def rule(self, name: str, rule: Rule) -> str:
        """aws_security_group_rule: addresses and groups are resources of their own."""
        text = []
        peers = [self._lists(rule)] if rule.blocks else []
        peers += ["    source_security_group_id = aws_security_group.web.id\n"] if rule.members else []
        for number, peer in enumerate(peers):
            text.append(
                f'resource "aws_security_group_rule" "{name}_{number}" {{\n'
                f"  security_group_id = aws_security_group.web.id\n  type = {self.value(rule.side)}\n"
                f"{self._said(rule, 'protocol')}{peer}}}\n"
            )
        return "".join(text)

    def single(self, name: str, rule: Rule) -> str:
        """aws_vpc_security_group_ingress_rule and _egress_rule: each peer is a resource of its own."""
        keys = [("cidr_ipv6" if ":" in block else "cidr_ipv4", self.value(block)) for block in rule.blocks]
        keys += [("referenced_security_group_id", "aws_security_group.web.id")] if rule.members else []
        return "".join(
            f'resource "aws_vpc_security_group_{rule.side}_rule" "{name}_{number}" {{\n'
            f"  security_group_id = aws_security_group.web.id\n  {key} = {peer}\n{self._said(rule, 'ip_protocol')}}}\n"
            for number, (key, peer) in enumerate(keys)
        )

    def _said(self, rule: Rule, key: str) -> str:
        said = f"    {key} = {self.value(rule.protocol)}\n"
        if rule.protocol == "-1" and key == "ip_protocol":
            return said
        return said + f"    from_port = {self.value(rule.first)}\n    to_port = {self.value(rule.last)}\n"

    def _lists(self, rule: Rule) -> str:
        four = [block for block in rule.blocks if ":" not in block]
        six = [block for block in rule.blocks if ":" in block]
        return "".join(
            f"    {key} = {self.value(blocks)}\n" for key, blocks in (("cidr_blocks", four), ("ipv6_cidr_blocks", six))
        )


@st.composite
def configurations(draw: st.DrawFn) -> tuple[list[Rule], str]:
    """Rules, and a configuration that says them in one of the three ways (which do not mix)."""
    found, writer = draw(st.lists(rules(), max_size=4)), Writer(draw)
    way = draw(st.sampled_from(("inline", "rule", "single")))
    inside = "".join(map(writer.inline, found)) if way == "inline" else ""
    apart = [getattr(writer, way)(f"r{number}", rule) for number, rule in enumerate(found)] if way != "inline" else []
    group = f'resource "aws_security_group" "web" {{\n  name = {writer.value("web")}\n{inside}}}\n'
    return found, writer.before + group + "".join(apart)


def packets(family: Family) -> Iterator[tuple[str, Packet]]:
    """First packets in both directions, to and from every end."""
    own = ip_address("10.200.0.1" if family is Family.IPV4 else "fd00::1")
    ping = (1, 8) if family is Family.IPV4 else (58, 128)
    asked = [(6, 79, 0, 0), (6, 81, 0, 0), (17, 80, 0, 0), (47, 0, 0, 0), (ping[0], 0, ping[1], 0), (ping[0], 0, 3, 1)]
    for end in map(ip_address, ENDS[family]):
        for protocol, port, kind, code in asked:
            values = {
                Field.PROTOCOL: protocol,
                Field.STATE: 0,
                Field.TCP_FLAGS: 2 if protocol == 6 else 0,
                Field.ICMP_TYPE: kind,
                Field.ICMP_CODE: code,
                Field.SOURCE_PORT: 40000 if port else 0,
                Field.DESTINATION_PORT: port,
            }
            inward = {**values, Field.SOURCE: int(end), Field.DESTINATION: int(own)}
            outward = {**values, Field.SOURCE: int(own), Field.DESTINATION: int(end)}
            yield "ingress", Packet(Hook.INPUT, family, inward, in_interface="eth0")
            yield "egress", Packet(Hook.OUTPUT, family, outward, out_interface="eth0")


@settings(max_examples=150, deadline=None)
@given(configurations(), st.sampled_from(sorted(Family)))
def test_every_packet_gets_what_the_documentation_says(written: tuple[list[Rule], str], family: Family) -> None:
    found, text = written
    firewall = wall(text, family=family)
    sides = {hook: evaluated(firewall, hook) for hook in (Hook.INPUT, Hook.OUTPUT)}
    for side, packet in packets(family):
        expected = documented(found, side, packet)
        assert interpret([firewall], packet).verdict == expected, (side, packet)
        space, node = sides[packet.hook]
        verbs = {verb.value for verb in verbs_of(node, space, packet)}
        assert ("unknown" if len(verbs) > 1 else verbs.pop()) == expected


@settings(max_examples=60, deadline=None)
@given(configurations(), st.sampled_from(sorted(Family)))
def test_without_its_defaults_nothing_else_is_proven(written: tuple[list[Rule], str], family: Family) -> None:
    found, text = written
    firewall = wall(text, family=family, withdrawn=("variable-defaults",))
    for side, packet in packets(family):
        assert interpret([firewall], packet).verdict in (documented(found, side, packet), "unknown")
        if "variable" not in text:
            assert interpret([firewall], packet).verdict == documented(found, side, packet)


SITE = Site(
    "site",
    (Host("h", modules=("http-server", "lpd", "lpr"), groups=("aws_security_group.web",)),),
    peers={"http-server": ("10.1.2.3/32",), "lpd": ("10.0.0.0/8",), "lpr": ("10.1.2.3/32", "198.51.100.7/32")},
    ports={"http-server": {"listen": ((80, 80),)}, "lpd": {"listen": ((79, 81),)}, "lpr": {"connect": ((80, 80),)}},
)


def judged(path: Path, withdrawn: frozenset[str]) -> dict[str, Result]:
    report = check(load([f"h={path}"], SITE), POLICY, SITE, CheckOptions(withdrawn=withdrawn)).report
    return {each.id: each for each in report.results}


@settings(max_examples=60, deadline=None)
@given(configurations())
def test_a_result_that_names_no_default_is_the_same_without_them(written: tuple[list[Rule], str]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "main.tf")
        path.write_text(written[1], encoding="utf-8")
        told, untold = (judged(path, withdrawn) for withdrawn in (frozenset[str](), frozenset(("variable-defaults",))))
    assert told.keys() == untold.keys()
    for name, result in told.items():
        if all(use.assumption != "variable-defaults" for use in result.conditions):
            assert (result.verdict, result.accepted, result.blocked) == (
                untold[name].verdict,
                untold[name].accepted,
                untold[name].blocked,
            )
