"""The matches of Windows rules, field by field.

A dump names the same ports, profiles and addresses again and again: each text of a field is read once for a host, and
all rules that say it share one match, which the engine then asks about once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import Generic, TypeVar

from validator.dialects import Options
from validator.dialects._windows_matches import Scope, address_match, port_match, protocol_match
from validator.dialects._windows_rules import PROFILES, IcmpRow, WindowsRule
from validator.model import AnyOf, Condition, ConditionMatch, FieldMatch, InterfaceMatch, Match
from validator.packets.fields import ICMP, ICMPV6, Family, Field
from validator.source import Span

_ICMP = {"icmpv4": ICMP, "icmpv6": ICMPV6}
_Said = TypeVar("_Said", bound=Hashable)


class _Read(dict[_Said, Match | None], Generic[_Said]):
    """What a field says, read when it is first met; None where it says nothing."""

    def __init__(self, read: Callable[[_Said], Match | None]) -> None:
        self._read = read

    def __missing__(self, said: _Said) -> Match | None:
        found = self[said] = self._read(said)
        return found


class Side:
    """Makes the matches of the rules of one direction; `scope` holds the conditions of the host for both."""

    def __init__(self, inbound: bool, options: Options, scope: Scope) -> None:
        self._host, self._scope = options.host, scope
        self._is_wide = None if "hidden-scope" in options.withdrawn else True
        self._is_service = None if "service-hardening" in options.withdrawn else False
        self._edge = self._edge_of(options) if inbound and options.family is Family.IPV6 else None
        self.interface = Field.IN_INTERFACE if inbound else Field.OUT_INTERFACE
        ends, ports = (Field.SOURCE, Field.DESTINATION), (Field.SOURCE_PORT, Field.DESTINATION_PORT)
        (remote, local), (remote_port, local_port) = (ends, ports) if inbound else (ends[::-1], ports[::-1])
        family = options.family
        self._profiles: _Read[tuple[str, ...]] = _Read(self._interfaces)
        self._protocols: _Read[str] = _Read(protocol_match)
        self._local: _Read[str] = _Read(lambda text: address_match(local, text, family, scope))
        self._remote: _Read[str] = _Read(lambda text: address_match(remote, text, family, scope, local))
        self._local_ports: _Read[str] = _Read(lambda text: port_match(local_port, text, scope))
        self._remote_ports: _Read[str] = _Read(lambda text: port_match(remote_port, text, scope))
        self._types: _Read[tuple[str, tuple[IcmpRow, ...]]] = _Read(_icmp)

    def matches(self, rule: WindowsRule, span: Span, hides: tuple[str, ...]) -> tuple[Match, ...]:
        """When `rule` applies, a rule of this direction that stands at `span`; `hides` as in WindowsRules."""
        said = [
            self._profiles[rule.profiles],
            self._protocols[rule.protocol],
            self._local[rule.local_ip],
            self._remote[rule.remote_ip],
            self._local_ports[rule.local_port],
            self._remote_ports[rule.remote_port],
            self._types[rule.protocol, rule.icmp] if rule.icmp else None,
        ]
        found = [match for match in said if match is not None]
        if rule.store == "static":
            found.append(self._hardening(rule, span))
        for limit in rule.limits:
            about = (limit.kind, limit.value) if limit.kind in ("program", "service") else None
            found.append(self._scope.condition(limit.sentence, about))
        if hides:
            found.append(self._hidden(rule, span, hides))
        if self._edge is not None and rule.action != "block" and rule.edge != "yes":
            found.append(self._edge)
        return tuple(found)

    def _edge_of(self, options: Options) -> Match:
        """A rule without edge traversal, or one that leaves it to the program or user, does not let in what nobody on
        the host asked for and what came tunnelled through a NAT (Teredo): as IPv6, so IPv4 knows no such thing."""
        came_so = None if "edge-traversal" in options.withdrawn else False
        text = "the packet came through an edge device, tunnelled (Teredo)"
        return ConditionMatch(Condition(f"{self._host}: {text}", text, None, "edge-traversal", came_so), False)

    def _interfaces(self, profiles: tuple[str, ...]) -> Match | None:
        return InterfaceMatch(self.interface, profiles) if set(profiles) != set(PROFILES) else None

    def _hidden(self, rule: WindowsRule, span: Span, hides: tuple[str, ...]) -> Match:
        """An export may hide part of a rule's scope: a plain netsh dump programs too, a verbose one users."""
        text = f"the rule {rule.name!r} is for every {_spoken(hides)}"
        key = f"{self._host}: hidden scope of {rule.path}:{rule.line}"
        return ConditionMatch(Condition(key, text, span, "hidden-scope", self._is_wide, about=("hidden", hides[0])))

    def _hardening(self, rule: WindowsRule, span: Span) -> Match:
        """Service hardening restricts Windows' own services: its blocks are for nothing else."""
        text = f"{rule.name!r} restricts a service of Windows that a module is"
        key = f"{self._host}: service hardening {rule.path}:{rule.line}"
        return ConditionMatch(Condition(key, text, span, "service-hardening", self._is_service))


@cache
def _spoken(things: tuple[str, ...]) -> str:
    """`a, b or c`."""
    return " or ".join([", ".join(things[:-1]), things[-1]]) if len(things) > 1 else things[0]


def _icmp(said: tuple[str, tuple[IcmpRow, ...]]) -> Match | None:
    """The types and codes of a rule; None where its protocol has none."""
    protocol, rows = said
    if protocol.lower() not in _ICMP:
        return None
    alternatives: list[tuple[Match, ...]] = []
    for row in rows:
        parts: list[Match] = []
        if row.type is not None:
            parts.append(FieldMatch(Field.ICMP_TYPE, ((row.type, row.type),)))
        if row.code is not None:
            parts.append(FieldMatch(Field.ICMP_CODE, ((row.code, row.code),)))
        alternatives.append(tuple(parts))
    return AnyOf(tuple(alternatives))
