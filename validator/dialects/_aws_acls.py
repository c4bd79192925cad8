"""Network ACLs as chains: the first entry by number decides, and nothing is remembered of a connection.

Amazon VPC User Guide, "Network ACL basics" and "Network ACL rules": "rules are evaluated starting with the lowest
numbered rule; as soon as a rule matches traffic, it's applied regardless of any higher-numbered rule"; "NACLs are
stateless", so that replies need the ephemeral ports; they are evaluated "when traffic enters and leaves the subnet, not
as it is routed within a subnet"; every subnet has one list, the VPC's default where none is associated, and a
default list that nobody changed allows everything. An entry is about the source of what comes in, and the destination
of what goes out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from validator.dialects import Options
from validator.dialects._aws_data import Acl, Entry
from validator.dialects._aws_inventory import Inventory
from validator.dialects._aws_platform import platform_rules
from validator.dialects._aws_points import Point, attached
from validator.dialects._cloud import addresses
from validator.model import (
    ACCEPT,
    DROP,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Match,
    Rule,
    undecidable,
)
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Field
from validator.source import Span

_COMMAND = "aws ec2 describe-network-acls"
_SUBNETS = "aws ec2 describe-subnets"


def acl_chain(points: Sequence[Point], inbound: bool, inventory: Inventory, options: Options) -> Chain:
    """What the lists of the points' subnets let in, or out."""
    name = "acl-ingress" if inbound else "acl-egress"
    rules = [*platform_rules(inventory, inbound, options.family), *_inside(points, inbound, options)]
    for facts in inventory.facts:
        if facts.acls and not facts.complete:
            why = f"the export is one page of several: run {_COMMAND} without --no-paginate"
            rules.extend(undecidable((), Span(facts.path, 1, why), why, why))
    acls: dict[str, list[int]] = {}
    unknown: dict[str, list[int]] = {}
    for number, point in enumerate(points):
        if point.acl:
            acls.setdefault(point.acl.id, []).append(number)
        else:
            unknown.setdefault(point.subnet_id, []).append(number)
    for identity, numbers in acls.items():
        rules.extend(_list(inventory.acls[identity], attached(points, numbers), inbound, options))
    for subnet, numbers in unknown.items():
        what = f"the network ACL of {subnet or 'the subnet'}, which is not exported, lets it pass: run {_COMMAND}"
        matches = (*attached(points, numbers), ConditionMatch(Condition(f"{name} of {subnet}", what)))
        span = points[numbers[0]].span
        rules.append(Rule(matches, ACCEPT, Span(span.path, span.line, what), what))
    first = next((point.acl for point in points if point.acl), None)
    text = f"no {name} entry matches it"
    span = Span(first.path, first.line, text) if first else Span(points[0].span.path, points[0].span.line, text)
    return Chain(name, tuple(rules), Rule((), DROP, span, f"{name} default", implicit=True))


def assumed_chain(points: Sequence[Point], name: str, options: Options) -> Chain:
    """The list of a subnet where no list is exported: taken to be a default one that nobody changed."""
    text = f"the subnet's network ACL lets it pass ({_COMMAND} exports it)"
    taken = None if "default-acls" in options.withdrawn else True
    condition = Condition("default network ACL", text, assumption="default-acls", assumed=taken)
    span = Span(points[0].span.path, points[0].span.line, text)
    passes = Rule((ConditionMatch(condition),), ACCEPT, span, text, implicit=True)
    return Chain(name, (passes,), Rule((), DROP, span, f"{name} not exported", implicit=True))


def _inside(points: Sequence[Point], inbound: bool, options: Options) -> Iterator[Rule]:
    """Between interfaces of one subnet no list stands."""
    field = Field.SOURCE if inbound else Field.DESTINATION
    told: dict[str, list[int]] = {}
    untold: dict[str, list[int]] = {}
    for number, point in enumerate(points):
        into = told if point.subnet else untold
        into.setdefault(point.subnet_id, []).append(number)
    for identity, numbers in told.items():
        subnet = points[numbers[0]].subnet
        blocks = addresses(subnet.blocks, options.family) if subnet else ()
        if subnet and blocks:
            text = f"traffic inside {identity} passes no network ACL"
            matches = (*attached(points, numbers), FieldMatch(field, blocks))
            yield Rule(matches, ACCEPT, Span(subnet.path, subnet.line, text), text, implicit=True)
    for identity, numbers in untold.items():
        text = f"the peer is in the host's own subnet ({_SUBNETS} exports its block)"
        taken = None if "other-subnets" in options.withdrawn else False
        condition = Condition(f"in subnet {identity}", text, assumption="other-subnets", assumed=taken)
        span = points[numbers[0]].span
        matches = (*attached(points, numbers), ConditionMatch(condition))
        yield Rule(matches, ACCEPT, Span(span.path, span.line, text), text, implicit=True)


def _list(acl: Acl, own: tuple[Match, ...], inbound: bool, options: Options) -> Iterator[Rule]:
    """The entries of one direction, by number."""
    entries = [entry for entry in acl.entries if entry.egress is not inbound]
    for entry in sorted(entries, key=lambda each: each.number):
        label = f"{acl.id} {'ingress' if inbound else 'egress'} {entry.number}"
        if entry.why:
            text = f"{label}: {entry.why}"
            yield from undecidable(own, Span(acl.path, entry.line, text), text, entry.why)
            continue
        ranges = addresses([entry.block], options.family)
        if not ranges:
            continue
        field = Field.SOURCE if inbound else Field.DESTINATION
        action = "allow" if entry.allow else "deny"
        way = "from" if inbound else "to"
        text = f"{label} {action} {_what_text(entry)} {way} {entry.block}"
        matches = (*own, FieldMatch(field, ranges), *_what(entry))
        yield Rule(matches, ACCEPT if entry.allow else DROP, Span(acl.path, entry.line, text), text, acl.id)


def _what(entry: Entry) -> Iterator[Match]:
    """Protocol, and ports or ICMP type and code."""
    if entry.protocol is None:
        return
    yield FieldMatch(Field.PROTOCOL, ((entry.protocol, entry.protocol),))
    first, last = entry.first, entry.last
    if entry.protocol in (TCP, UDP) and first is not None and last is not None:
        yield FieldMatch(Field.DESTINATION_PORT, ((first, last),))
    if entry.protocol in (ICMP, ICMPV6):
        for field, value in ((Field.ICMP_TYPE, first), (Field.ICMP_CODE, last)):
            if value is not None:
                yield FieldMatch(field, ((value, value),))


def _what_text(entry: Entry) -> str:
    if entry.protocol is None:
        return "all traffic"
    name = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}.get(entry.protocol, f"protocol {entry.protocol}")
    if entry.protocol not in (TCP, UDP) or entry.first is None:
        return name
    return f"{name} {entry.first}" if entry.first == entry.last else f"{name} {entry.first}-{entry.last}"
