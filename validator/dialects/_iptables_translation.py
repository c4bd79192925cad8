"""Where DNAT, REDIRECT and NETMAP send a packet, per iptables-extensions(8)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from validator.dialects import _iptables_fields as fields
from validator.dialects._iptables_words import TargetUse, Unclear
from validator.dialects._linux_host import Target, translation
from validator.dialects._linux_sources import source_translation
from validator.model import Rule
from validator.packets.fields import Family, Interval, Intervals
from validator.packets.intervals import normalise

if TYPE_CHECKING:
    from validator.dialects._iptables_targets import Place


def rules(place: Place, target: Target) -> tuple[Rule, ...]:
    """The rules of a translation at PREROUTING or OUTPUT."""
    context = place.context
    return translation(context.host, place.hook, place.matches, target, context.span, place.canonical)


def source_rules(place: Place, use: TargetUse) -> tuple[Rule, ...]:
    """The rules of SNAT, MASQUERADE, or NETMAP of the source. Raises Unclear."""
    context = place.context
    to = _source(use, context.host.family)
    if context.dry:
        return ()
    return source_translation(context.host, place.matches, to.addresses, to.ports, context.span, place.canonical)


def _source(use: TargetUse, family: Family) -> Target:
    if use.name == "MASQUERADE":
        ports = use.values("--to-ports")
        return Target(ports=_ports(ports[0]) if ports else None)
    return target(use, family)


def target(use: TargetUse, family: Family) -> Target:
    """Where a packet goes. Raises Unclear."""
    drawn = bool([option for option in use.options if option.name in ("--random", "--random-fully")])
    if use.name == "REDIRECT":
        ports = use.values("--to-ports")
        return Target(ports=_ports(ports[0]) if ports else None, redirect=True, random=drawn)
    if use.name in ("NETMAP", "SAME"):
        ranges = [each for option in use.options if option.name == "--to" for each in _net(option.values[0], family)]
        if not ranges:
            raise Unclear(f"{use.name} names no address")
        return Target(normalise(ranges))
    given = [option.values[0] for option in use.options if option.name in ("--to-destination", "--to-source")]
    parts = [_split(text, family) for text in given]
    addresses = [fields.address_ranges(where, family) for where, _ in parts if where]
    numbers = [_ports(port) for _, port in parts if port]
    if not given or len(addresses) not in (0, len(given)) or len(numbers) not in (0, len(given)):
        raise Unclear(f"{use.name} does not say where to")
    shifted = bool([text for text in given if "/" in text])
    return Target(_together(addresses), _together(numbers), random=drawn or shifted)


def _together(ranges: Sequence[Intervals]) -> Intervals | None:
    """All of `ranges`, each in normal form; None where there are none."""
    if len(ranges) < 2:
        return ranges[0] if ranges else None
    return normalise(interval for each in ranges for interval in each)


def _split(text: str, family: Family) -> tuple[str, str]:
    """Addresses and ports of `[ADDRESS[-ADDRESS]][:PORTS]`; IPv6 addresses stand in brackets before ports."""
    if family is Family.IPV4:
        where, _, port = text.partition(":")
    elif "[" in text:
        where, _, port = text.rpartition("]")
        where, port = where.replace("[", "").replace("]", ""), port.removeprefix(":")
    elif text.startswith(":") and text[1:2].isdigit() and ":" not in text[1:]:
        where, port = "", text[1:]
    else:
        where, port = text, ""
    return where, port


@lru_cache(1024)
def _ports(text: str) -> Intervals:
    """`port`, `port-port`, `port-port/base`. Raises Unclear."""
    span, slash, base = text.partition("/")
    if slash:
        fields.port(base)
    low, dash, high = span.partition("-")
    first = fields.port(low)
    last = fields.port(high) if dash else first
    if last < first:
        raise Unclear(f"the range {text} runs backwards")
    return ((first, last),)


def _net(text: str, family: Family) -> list[Interval]:
    """A network, or `first-last`. Raises Unclear."""
    if "-" in text:
        return list(fields.address_ranges(text, family))
    try:
        return fields.network(text, family)
    except fields.Gaps:
        raise Unclear(f"{text} has gaps") from None
