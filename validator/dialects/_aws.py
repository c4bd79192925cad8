"""Security groups of Amazon VPC as a firewall of the model.

"Control traffic to your AWS resources using security groups" (Amazon VPC User Guide): rules only allow;
what no rule allows is dropped; all groups of an interface are taken together; replies to allowed
traffic pass whatever the rules of the other direction say. `IpPermission` (EC2 API reference): -1 is
every protocol; for protocols other than tcp, udp, icmp and icmpv6 all ports are allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from validator.dialects import Fragment, Options
from validator.errors import SiteError
from validator.model import (
    ACCEPT,
    DROP,
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
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family, Field
from validator.source import Span

_PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
_COMMAND = "aws ec2 describe-security-groups"


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom a permission lets in or out: `kind` is cidr, cidr6, group or prefix-list; or `condition` for what
    nobody can tell of, `value` its key and `label` what it asks."""

    kind: str
    value: str
    line: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """One IpPermission; `first` and `last` are FromPort and ToPort, None where absent.

    `why` says what was not understood, if anything.
    """

    protocol: str
    first: int | None
    last: int | None
    peers: tuple[Peer, ...]
    line: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A security group; a list of permissions is None where the export has none of that kind."""

    id: str
    name: str
    line: int
    ingress: tuple[Permission, ...] | None
    egress: tuple[Permission, ...] | None

    @property
    def label(self) -> str:
        """Its id and name, as people look for it."""
        return f"{self.id} ({self.name})" if self.name and self.name != self.id else self.id


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of an export; `complete` is False where it is one page of several."""

    path: str
    groups: tuple[Group, ...]
    complete: bool = True


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The union of the groups a host is in: those the site names, or the only one there is.

    Where there are several and nobody told, each is an alternative. Raises SiteError
    for a group that no export holds, or that is not the only one of its name.
    """
    exports = [fragment.data for fragment in fragments if isinstance(fragment.data, Groups)]
    groups = [(export, group) for export in exports for group in export.groups]
    chosen = _chosen(groups, options)
    told = bool(options.groups) or len(groups) == 1
    chains = {}
    for name, inbound in (("ingress", True), ("egress", False)):
        chains[name] = _chain(name, inbound, chosen, told, exports, options.family)
    labels = " + ".join(group.name or group.id for _, group in chosen)
    alternatives = () if told else tuple(_attached(export, group) for export, group in chosen)
    return Firewall(
        host=options.host,
        name=labels if told else f"{len(groups)} security groups",
        platform="aws",
        family=options.family,
        hooks={Hook.INPUT: ("ingress",), Hook.OUTPUT: ("egress",)},
        chains=chains,
        exports=tuple(export.path for export in exports),
        loopback_filtered=False,
        alternatives=alternatives,
    )


def _attached(export: Groups, group: Group) -> Span:
    return Span(export.path, group.line, f"the interface is in {group.label}")


def _chosen(groups: list[tuple[Groups, Group]], options: Options) -> list[tuple[Groups, Group]]:
    if not options.groups:
        return groups
    chosen: list[tuple[Groups, Group]] = []
    for wanted in options.groups:
        found = [pair for pair in groups if pair[1].id == wanted] or [pair for pair in groups if pair[1].name == wanted]
        if len(found) != 1:
            what = "which is not exported" if not found else f"of which {len(found)} are exported"
            listed = ", ".join(group.id for _, group in (found or groups)[:10])
            raise SiteError(
                f"host {options.host} is in the security group {wanted}, {what}",
                f"name one by its id; groups of the export: {listed}",
                (found or groups)[0][0].path,
                (found or groups)[0][1].line if found else 1,
            )
        chosen += [pair for pair in found if pair not in chosen]
    return chosen


def _chain(
    name: str,
    inbound: bool,
    chosen: list[tuple[Groups, Group]],
    told: bool,
    exports: Sequence[Groups],
    family: Family,
) -> Chain:
    path = exports[0].path
    rules = [stateful(Span(path, 1, "replies pass (security groups are stateful)"))]
    for export in exports:
        if not export.complete:
            why = f"the export is one page of several: run {_COMMAND} without --no-paginate"
            rules.extend(undecidable((), Span(path, 1, why), why, why))
    for number, (export, group) in enumerate(chosen):
        attached: tuple[Match, ...] = ()
        if not told:
            attached = (FieldMatch(Field.ALTERNATIVE, ((number, number),)),)
        permissions = group.ingress if inbound else group.egress
        if permissions is None:
            why = f"the {name} rules of {group.label} are not in the export: run {_COMMAND}"
            rules.extend(undecidable(attached, Span(export.path, group.line, why), why, why))
        for permission in permissions or ():
            rules.extend(_rules(permission, attached, group, export.path, inbound, family))
    labels = ", ".join(group.label for _, group in chosen[:3]) or "no security group"
    labels += f" and {len(chosen) - 3} more" if len(chosen) > 3 else ""
    text = f"{labels}: no {name} rule admits it"
    line = chosen[0][1].line if chosen else 1
    policy = Rule((), DROP, Span(path, line, text), f"{name} default of {labels}", implicit=True)
    return Chain(name, tuple(rules), policy)


def _rules(
    permission: Permission, attached: tuple[Match, ...], group: Group, path: str, inbound: bool, family: Family
) -> Iterator[Rule]:
    """A rule for each peer of a permission that speaks about this family."""
    where = "ingress" if inbound else "egress"
    if permission.why:
        text = f"{group.label} {where}: {permission.why}"
        yield from undecidable(attached, Span(path, permission.line, text), text, permission.why)
        return
    what = _what(permission, family)
    if what is None:
        return
    ports = _ports_text(permission)
    for peer in permission.peers:
        match = _peer(peer, inbound, family)
        if match is None:
            continue
        way = "from" if inbound else "to"
        whom = f", if {peer.label}" if peer.kind == "condition" else f" {way} {peer.value}"
        text = f"{group.label} {where} {ports}{whom}"
        matches = (*attached, *what, *match)
        yield Rule(matches, ACCEPT, Span(path, peer.line, text), text, group.label)


def _ports_text(permission: Permission) -> str:
    if permission.protocol == "-1":
        return "all traffic"
    if permission.first is None or permission.protocol.startswith("icmp"):
        return permission.protocol
    ports = str(permission.first) if permission.first == permission.last else f"{permission.first}-{permission.last}"
    return f"{permission.protocol} {ports}"


def _what(permission: Permission, family: Family) -> tuple[Match, ...] | None:
    """Protocol and ports, or ICMP type and code; None where the permission is of the other family."""
    name = permission.protocol
    if name == "-1":
        return ()
    number = _PROTOCOLS[name] if name in _PROTOCOLS else int(name)
    found: list[Match] = [FieldMatch(Field.PROTOCOL, ((number, number),))]
    first, last = permission.first, permission.last
    if number in (TCP, UDP) and first is not None and last is not None:
        found.append(FieldMatch(Field.DESTINATION_PORT, ((first, last),)))
    if number in (ICMP, ICMPV6):
        for field, value in ((Field.ICMP_TYPE, first), (Field.ICMP_CODE, last)):
            if value is not None and value >= 0:
                found.append(FieldMatch(field, ((value, value),)))
    return tuple(found)


def _peer(peer: Peer, inbound: bool, family: Family) -> tuple[Match, ...] | None:
    """The peer's addresses; None where they are of the other family."""
    field = Field.SOURCE if inbound else Field.DESTINATION
    if peer.kind == "condition":
        return (ConditionMatch(Condition(peer.value, peer.label)),)
    if peer.kind in ("cidr", "cidr6"):
        network = ip_network(peer.value, strict=False)
        if (network.version == 4) != (family is Family.IPV4):
            return None
        low, high = int(network.network_address), int(network.broadcast_address)
        return (FieldMatch(field, ((low, high),)),)
    what = "security group" if peer.kind == "group" else "prefix list"
    text = f"the peer is in {what} {peer.label or peer.value}"
    return (ConditionMatch(Condition(f"{what} {peer.value}", text)),)
