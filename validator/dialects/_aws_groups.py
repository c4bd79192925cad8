"""Security groups as a chain: every rule an accept, replies first, what is left dropped.

`IpPermission` (EC2 API reference): -1 is every protocol; for protocols other than tcp, udp, icmp and icmpv6 all ports
are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from validator.dialects._aws_data import Group, Permission
from validator.dialects._aws_inventory import Inventory
from validator.dialects._aws_members import Members
from validator.dialects._aws_platform import platform_rules
from validator.dialects._aws_points import Point, attached
from validator.model import (
    ACCEPT,
    DROP,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Match,
    Rule,
    stateful,
    undecidable,
)
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family, Field
from validator.source import Span

_PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
_COMMAND = "aws ec2 describe-security-groups"


def group_chain(
    points: Sequence[Point], inbound: bool, inventory: Inventory, members: Members, family: Family
) -> Chain:
    """What the groups of `points` let in, or out."""
    name = "ingress" if inbound else "egress"
    path = inventory.paths[0]
    rules = [stateful(Span(path, 1, "replies pass (security groups are stateful)"))]
    rules += platform_rules(inventory, inbound, family)
    for export in inventory.exports:
        if not export.complete:
            why = f"the export is one page of several: run {_COMMAND} without --no-paginate"
            rules.extend(undecidable((), Span(export.path, 1, why), why, why))
    where: dict[str, list[int]] = {}
    kept: dict[str, tuple[str, Group]] = {}
    for number, point in enumerate(points):
        for export, group in point.groups:
            key = f"{export.path}:{group.line}:{group.id}"
            kept[key] = export.path, group
            where.setdefault(key, []).append(number)
    for key, (of_path, group) in kept.items():
        own = attached(points, where[key])
        permissions = group.ingress if inbound else group.egress
        if permissions is None:
            why = f"the {name} rules of {group.label} are not in the export: run {_COMMAND}"
            rules.extend(undecidable(own, Span(of_path, group.line, why), why, why))
        for permission in permissions or ():
            rules.extend(_rules(permission, own, group, of_path, inbound, members, family))
    rules.extend(_unknown(points))
    groups = [group for _, group in kept.values()]
    labels = ", ".join(group.label for group in groups[:3]) or "no security group"
    labels += f" and {len(groups) - 3} more" if len(groups) > 3 else ""
    text = f"{labels}: no {name} rule admits it"
    first = next(iter(kept.values()), None)
    span = Span(first[0], first[1].line, text) if first else Span(points[0].span.path, points[0].span.line, text)
    return Chain(name, tuple(rules), Rule((), DROP, span, f"{name} default of {labels}", implicit=True))


def _unknown(points: Sequence[Point]) -> Iterator[Rule]:
    """Groups that interfaces are in and no export holds, and interfaces that no group filters."""
    lacking: dict[str, list[int]] = {}
    for number, point in enumerate(points):
        for identity in point.missing if point.missing is not None else ("",):
            lacking.setdefault(identity, []).append(number)
        if not point.filtered:
            text = "an interface without security groups is not filtered by any"
            yield Rule(attached(points, [number]), ACCEPT, Span(point.span.path, point.span.line, text), text)
    for identity, numbers in lacking.items():
        what = f"security group {identity}, which is not exported, admits it: run {_COMMAND}"
        key = f"rules of {identity}"
        span = points[numbers[0]].span
        if not identity:
            what = "a group of the interface admits it: its groups are not in the export"
            key = f"groups of {span.path}:{span.line}"
        matches = (*attached(points, numbers), ConditionMatch(Condition(key, what)))
        yield Rule(matches, ACCEPT, Span(span.path, span.line, what), what)


def _rules(
    permission: Permission,
    own: tuple[Match, ...],
    group: Group,
    path: str,
    inbound: bool,
    members: Members,
    family: Family,
) -> Iterator[Rule]:
    """A rule for each peer of a permission that speaks about this family."""
    where = "ingress" if inbound else "egress"
    if permission.why:
        text = f"{group.label} {where}: {permission.why}"
        yield from undecidable(own, Span(path, permission.line, text), text, permission.why)
        return
    what = (*own, *_what(permission.protocol, permission.first, permission.last))
    ports = _ports_text(permission)
    field = Field.SOURCE if inbound else Field.DESTINATION
    way = "from" if inbound else "to"
    for peer in permission.peers:
        match = members.match(peer, group, field)
        if match is None:
            continue
        whom = f", if {peer.label}" if peer.kind == "condition" else f" {way} {peer.value}"
        text = f"{group.label} {where} {ports}{whom}"
        yield Rule((*what, *match), ACCEPT, Span(path, peer.line, text), text, group.label)


def _ports_text(permission: Permission) -> str:
    if permission.protocol == "-1":
        return "all traffic"
    if permission.first is None or permission.protocol.startswith("icmp"):
        return permission.protocol
    ports = str(permission.first) if permission.first == permission.last else f"{permission.first}-{permission.last}"
    return f"{permission.protocol} {ports}"


@lru_cache(maxsize=1 << 16)
def _what(name: str, first: int | None, last: int | None) -> tuple[Match, ...]:
    """Protocol and ports, or ICMP type and code; the same object for the same, which the engine looks at once."""
    if name == "-1":
        return ()
    number = _PROTOCOLS[name] if name in _PROTOCOLS else int(name)
    found: list[Match] = [FieldMatch(Field.PROTOCOL, ((number, number),))]
    if number in (TCP, UDP) and first is not None and last is not None:
        found.append(FieldMatch(Field.DESTINATION_PORT, ((first, last),)))
    if number in (ICMP, ICMPV6):
        for field, value in ((Field.ICMP_TYPE, first), (Field.ICMP_CODE, last)):
            if value is not None and value >= 0:
                found.append(FieldMatch(field, ((value, value),)))
    return tuple(found)
