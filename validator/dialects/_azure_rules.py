"""The security rules of one network security group, in the order in which Azure asks them.

"Azure network security groups overview": lower priorities first, the first rule that matches decides; default rules
come last in every group and cannot be removed; groups keep state. "Azure platform considerations" there: the platform's
own services (DHCP, DNS, metadata, licensing) are not subject to a group unless a rule names their service tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects._azure_data import SecurityGroup, SecurityRule
from validator.dialects._azure_points import Wall
from validator.dialects._azure_sides import (
    HOST_ADDRESS,
    LICENSING_TAG,
    METADATA_ADDRESS,
    PLATFORM_TAGS,
    Side,
    Sides,
    tag_of,
)
from validator.dialects._cloud import addresses
from validator.model import (
    ACCEPT,
    DROP,
    Condition,
    ConditionMatch,
    FieldMatch,
    Match,
    Rule,
    stateful,
    undecidable,
)
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family, Field, Intervals
from validator.packets.intervals import normalise
from validator.source import Span

PROTOCOLS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "esp": 50, "ah": 51}
_ANY = ("*",)
_WITH_PORTS: Intervals = ((TCP, TCP), (UDP, UDP))
_WITHOUT_PORTS: Intervals = ((0, TCP - 1), (TCP + 1, UDP - 1), (UDP + 1, 255))
_EVERY_PORT: Intervals = ((0, 65535),)

_SERVICES = (
    (HOST_ADDRESS, UDP, (53, 67)),
    (HOST_ADDRESS, TCP, (53, 80, 443, 32526)),
    (METADATA_ADDRESS, TCP, (80,)),
)
"""The platform's services: DNS, DHCP and the agent's channel ("What is IP address 168.63.129.16?"), and metadata."""
_LICENSING_PORT = 1688
_TAGS = (*PLATFORM_TAGS, LICENSING_TAG, "")


def _default(name: str, inbound: bool, priority: int, source: str, destination: str) -> SecurityRule:
    return SecurityRule(name, inbound, priority < 65500, priority, "*", (source,), _ANY, (destination,), _ANY, 0)


DEFAULT_RULES = (
    _default("AllowVnetInBound", True, 65000, "VirtualNetwork", "VirtualNetwork"),
    _default("AllowAzureLoadBalancerInBound", True, 65001, "AzureLoadBalancer", "*"),
    _default("DenyAllInBound", True, 65500, "*", "*"),
    _default("AllowVnetOutBound", False, 65000, "VirtualNetwork", "VirtualNetwork"),
    _default("AllowInternetOutBound", False, 65001, "*", "Internet"),
    _default("DenyAllOutBound", False, 65500, "*", "*"),
)
"""The rules that every group has ("Default security rules")."""


def port_range(text: str) -> tuple[int, int] | None:
    """The ports of `*`, `80` or `80-90`; None where it is nothing of that."""
    if text.strip() == "*":
        return _EVERY_PORT[0]
    first, dash, last = (part.strip() for part in text.partition("-"))
    last = last if dash else first
    if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in (first, last)):
        return None
    return (int(first), int(last)) if int(first) <= int(last) <= 65535 else None


class Ruleset(Struct, frozen=True):
    """One direction of one wall at one point."""

    wall: Wall
    inbound: bool
    sides: Sides

    def rules(self) -> Iterator[Rule]:
        """Every rule, the implicit ones included; what none takes is dropped (`DenyAll`)."""
        wall = self.wall
        yield stateful(Span(wall.path, wall.line, "replies pass (network security groups are stateful)"))
        if wall.group is None:
            span = Span(wall.path, wall.line, wall.unknown)
            yield from undecidable((), span, wall.unknown, wall.unknown)
            yield Rule((), ACCEPT, span, wall.unknown, implicit=True, understood=False)
            return
        for expression in wall.group.conditions:
            text = f"{wall.group.name} is deployed only if {expression} holds"
            absent = ConditionMatch(_expression(expression, text), False)
            yield Rule((absent,), ACCEPT, Span(wall.path, wall.line, text), text, wall.group.name)
        if wall.group.manager:
            yield from self._of_manager(wall.group)
            return
        rules = [rule for rule in self._all(wall.group) if rule.inbound is self.inbound]
        unplaced = [rule for rule in rules if rule.priority is None]
        placed = sorted((rule for rule in rules if rule.priority is not None), key=_priority)
        for rule in unplaced:
            yield from self._undecidable(rule, rule.why or f"the priority of {rule.name} is not told")
        if not self.inbound:
            yield from self._platform(placed)
        for _, tied in groupby(placed, key=_priority):
            yield from self._tied(list(tied))

    def _of_manager(self, group: SecurityGroup) -> Iterator[Rule]:
        """Security admin rules come first, and some that allow leave it to the groups, some do not: the effective rules
        do not tell which ("Security admin rules in Azure Virtual Network Manager")."""
        for rule in group.rules:
            if rule.inbound is self.inbound:
                yield from self._undecidable(rule, f"{rule.name} is a security admin rule of a network manager")
        text = "no security admin rule decides"
        yield Rule((), ACCEPT, Span(self.wall.path, self.wall.line, text), text, implicit=True)

    def _all(self, group: SecurityGroup) -> list[SecurityRule]:
        """The group's rules, and the default rules that the export leaves out."""
        written = [*group.rules, *(group.default_rules or ())]
        there = {(rule.inbound, rule.priority) for rule in written if not rule.why}
        return [*written, *(rule for rule in DEFAULT_RULES if (rule.inbound, rule.priority) not in there)]

    def _tied(self, rules: list[SecurityRule]) -> Iterator[Rule]:
        """Rules of one priority. Azure has one each; which of several comes first nobody could tell."""
        if len({rule.allow for rule in rules}) > 1 or (len(rules) > 1 and any(rule.why for rule in rules)):
            for rule in rules:
                text = f"{rule.name} comes before the other rules of priority {rule.priority}"
                first = Condition(f"first of {self.wall.path}:{rule.line} {rule.name}", text, self._span(rule, text))
                for each in self._rule(rule):
                    yield replace(each, matches=(ConditionMatch(first), *each.matches))
        for rule in rules:
            yield from self._rule(rule)

    def _rule(self, rule: SecurityRule, text: str = "") -> Iterator[Rule]:
        """The rules of the model for one rule, all with its line: its sides and protocols in every combination."""
        why = rule.why or unclear(rule)
        if why:
            yield from self._undecidable(rule, why)
            return
        text = text or self._text(rule)
        span, action = self._span(rule, text), ACCEPT if rule.allow else DROP
        there = tuple(
            ConditionMatch(_expression(each, f"{rule.name} is deployed ({each})")) for each in rule.conditions
        )
        for matches in self._matches(rule):
            yield Rule((*there, *matches), action, span, text, rule.name, implicit=not rule.line)

    def _matches(self, rule: SecurityRule) -> Iterator[tuple[Match, ...]]:
        sources, destinations = self._sides(rule)
        for protocol in list(self._protocols(rule)):
            for source in sources:
                for destination in destinations:
                    yield (*source, *destination, *protocol)

    def _sides(self, rule: SecurityRule) -> tuple[Side, Side]:
        source = (rule.sources, rule.source_groups, Field.SOURCE)
        destination = (rule.destinations, rule.destination_groups, Field.DESTINATION)
        if rule.inbound:
            return self.sides.peer(*source), self.sides.own(*destination)
        return self.sides.own(*source), self.sides.peer(*destination)

    def _protocols(self, rule: SecurityRule) -> Iterator[tuple[Match, ...]]:
        """Protocol and ports. Ports are those of TCP and UDP alone."""
        ports = tuple(
            FieldMatch(field, ranges)
            for field, texts in (
                (Field.SOURCE_PORT, rule.source_ports),
                (Field.DESTINATION_PORT, rule.destination_ports),
            )
            if (ranges := _ports(texts)) != _EVERY_PORT
        )
        protocol = rule.protocol.casefold()
        if protocol in ("*", "all", "any"):
            if not ports:
                yield ()
                return
            yield (FieldMatch(Field.PROTOCOL, _WITH_PORTS), *ports)
            text = "a rule with ports and any protocol is about protocols without ports as well"
            yield (FieldMatch(Field.PROTOCOL, _WITHOUT_PORTS), ConditionMatch(Condition("azure ports of any", text)))
        elif protocol == "icmp" and self.sides.family is Family.IPV6:
            text = "rules for ICMP are about ICMPv6 as well"
            yield _is(ICMPV6), ConditionMatch(Condition("azure icmpv6", text))
        else:
            yield (_is(PROTOCOLS[protocol]), *ports)

    def _platform(self, rules: Iterable[SecurityRule]) -> Iterator[Rule]:
        """What the host asks of the platform itself: only rules that name a service's tag have a say."""
        for rule in rules:
            for tag in _TAGS if rule.why else ():
                for service in self._services(tag):
                    yield from undecidable(service, self._span(rule, rule.why), rule.why, rule.why)
            for tag in {tag_of(text) for text in rule.destinations} & {*_TAGS}:
                part = replace(rule, destinations=("*",), destination_groups=())
                for each in () if rule.why else self._rule(part, self._text(rule)):
                    for service in self._services(tag):
                        yield replace(each, matches=(*each.matches, *service))
        where = Span(self.wall.path, self.wall.line, "services of the platform are not subject to the group")
        for tag in _TAGS:
            for service in self._services(tag):
                yield Rule(service, ACCEPT, where, where.text, "platform services", implicit=True)

    def _services(self, tag: str) -> Iterator[tuple[Match, ...]]:
        """The packets to the services that a platform tag stands for; empty: those that no tag stands for."""
        if tag == LICENSING_TAG:
            text = "the destination is a licensing server of Azure (Key Management Service)"
            asks = ConditionMatch(Condition("azure licensing servers", text))
            yield (_is(TCP), FieldMatch(Field.DESTINATION_PORT, ((_LICENSING_PORT, _LICENSING_PORT),)), asks)
            return
        for address, protocol, ports in _SERVICES:
            named = [port for port in ports if _tag_of_service(address, port) == tag]
            place = addresses((address,), self.sides.family)
            if named and place:
                ranges = normalise((port, port) for port in named)
                yield (
                    FieldMatch(Field.DESTINATION, place),
                    _is(protocol),
                    FieldMatch(Field.DESTINATION_PORT, ranges),
                )

    def _undecidable(self, rule: SecurityRule, why: str) -> tuple[Rule, ...]:
        assert self.wall.group is not None
        text = f"{self.wall.group.name} {self._way}: {why}"
        return undecidable((), self._span(rule, text), text, why)

    def _span(self, rule: SecurityRule, text: str) -> Span:
        return Span(self.wall.path, rule.line or self.wall.line, text)

    @property
    def _way(self) -> str:
        return "inbound" if self.inbound else "outbound"

    def _text(self, rule: SecurityRule) -> str:
        assert self.wall.group is not None
        what = rule.protocol.lower() if rule.protocol != "*" else "any protocol"
        ports = ",".join(rule.destination_ports)
        verb = "allow" if rule.allow else "deny"
        return (
            f"{self.wall.group.name} {self._way} {rule.priority} {rule.name}: {verb} {what} "
            f"{'all ports' if ports == '*' else ports} from {_listed(rule.sources, rule.source_groups)} "
            f"to {_listed(rule.destinations, rule.destination_groups)}"
        )


def unclear(rule: SecurityRule) -> str:
    """What of a rule says nothing that could be judged, if anything."""
    protocol = rule.protocol.casefold()
    if protocol not in ("*", "all", "any", *PROTOCOLS):
        return f"the protocol of {rule.name} is {rule.protocol[:40]!r}"
    for texts in (rule.source_ports, rule.destination_ports):
        bad = next((text for text in texts if port_range(text) is None), None)
        if bad is not None or not texts:
            return f"the ports of {rule.name} are {bad or ''!r:.40}"
    if protocol in ("icmp", "esp", "ah") and not _every_port(rule):
        return f"{rule.name} names ports of {rule.protocol}, which has none"
    for blocks, groups in ((rule.sources, rule.source_groups), (rule.destinations, rule.destination_groups)):
        if bool(blocks) == bool(groups):
            what = "both addresses and application security groups" if blocks else "no addresses"
            return f"{rule.name} has {what} on one side"
    return ""


def _every_port(rule: SecurityRule) -> bool:
    return all(_ports(texts) == _EVERY_PORT for texts in (rule.source_ports, rule.destination_ports))


def _ports(texts: Iterable[str]) -> Intervals:
    return normalise(found for text in texts if (found := port_range(text)) is not None)


def _is(protocol: int) -> Match:
    return FieldMatch(Field.PROTOCOL, ((protocol, protocol),))


def _priority(rule: SecurityRule) -> int:
    assert rule.priority is not None
    return rule.priority


def _tag_of_service(address: str, port: int) -> str:
    if address == HOST_ADDRESS:
        return "azureplatformdns" if port == 53 else ""
    return "azureplatformimds"


def _expression(expression: str, text: str) -> Condition:
    return Condition(f"expression {expression}", text)


def _listed(blocks: tuple[str, ...], groups: tuple[str, ...]) -> str:
    names = [*blocks, *(group.rstrip("/").rpartition("/")[2] for group in groups)]
    shown = ", ".join("anywhere" if tag_of(name) == "*" else name for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
