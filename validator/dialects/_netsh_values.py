"""The parameters of `netsh advfirewall firewall add|set|delete rule`, read into the words of a dump.

Microsoft's "Netsh AdvFirewall Firewall Commands" gives the values. A dump writes a single address with its
length (`10.0.0.1/32`), a mask as a length, protocols 1, 6, 17 and 58 by name; so do these.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network

from msgspec.structs import replace

from validator.dialects._windows_rules import PROFILES, IcmpRow, Limit, WindowsRule
from validator.source import Span

SELECTORS = ("name", "group", "dir", "profile", "program", "service") + (
    *("localip", "remoteip", "localport", "remoteport", "protocol"),
)
_SETTINGS = ("action", "description", "enable", "interfacetype", "rmtcomputergrp", "rmtusrgrp", "edge", "security")
PARAMETERS = tuple(key for key in SELECTORS if key != "group") + _SETTINGS
"""What `add rule` and the part of `set rule` behind `new` take."""

_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_PORT_WORDS = {word.lower(): word for word in ("RPC", "RPC-EPMap", "IPHTTPS", "Teredo", "Ply2Disc", "mDNS")}
_ADDRESS_WORDS = {word.lower(): word for word in ("LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway")}
_PROTOCOLS = {"tcp": "TCP", "6": "TCP", "udp": "UDP", "17": "UDP", "icmpv4": "ICMPv4", "1": "ICMPv4"}
_PROTOCOLS |= {"icmpv6": "ICMPv6", "58": "ICMPv6", "any": "any"}
_ICMP = re.compile(r"(icmpv[46]):([0-9]{1,3}|any),([0-9]{1,3}|any)", re.IGNORECASE)


def _one_of(*words: str) -> Callable[[str], str]:
    known = {word.lower(): word for word in words}
    return lambda text: known.get(text.lower(), "")


def _profiles(text: str) -> str:
    names = {name.strip().lower() for name in text.split(",")}
    if names == {"any"}:
        return ",".join(PROFILES)
    return ",".join(name for name in PROFILES if name in names) if names <= set(PROFILES) else ""


def _address(text: str) -> str:
    """An address, block or range as a dump writes it, empty where it is none."""
    try:
        if "-" in text:
            first, last = (ip_address(part.strip()) for part in text.split("-", 1))
            return f"{first}-{last}" if first.version == last.version and int(first) <= int(last) else ""
        return "" if "%" in text or "/0." in text and not text.endswith("/0.0.0.0") else str(ip_network(text, False))
    except ValueError:
        return ""


def _addresses(text: str, words: Mapping[str, str]) -> str:
    if text.lower() == "any":
        return "any"
    parts = [words.get(part.lower()) or _address(part) for part in text.split(",")]
    return ",".join(parts) if all(parts) else ""


def _ports(text: str) -> str:
    if text.lower() == "any":
        return "any"
    parts = [_PORT_WORDS.get(part.lower()) or _port(part) for part in text.split(",")]
    return ",".join(parts) if all(parts) else ""


def _port(text: str) -> str:
    found = _PORT.fullmatch(text) if text.isascii() else None
    if not found or not int(found[1]) <= int(found[2] or found[1]) <= 65535:
        return ""
    return f"{int(found[1])}-{int(found[2])}" if found[2] else str(int(found[1]))


def _protocol(text: str) -> str:
    found = _ICMP.fullmatch(text)
    if found:
        kind, code = (part.lower() for part in (found[2], found[3]))
        numbers = [int(part) for part in (kind, code) if part != "any"]
        return f"{_PROTOCOLS[found[1].lower()]}:{kind},{code}" if all(number < 256 for number in numbers) else ""
    if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < 256:
        text = str(int(text))
        return _PROTOCOLS.get(text, text)
    return _PROTOCOLS.get(text.lower(), "")


def _any_text(text: str) -> str:
    return text.strip()


_READ: Mapping[str, Callable[[str], str]] = {
    "name": _any_text,
    "group": _any_text,
    "description": lambda text: text or " ",
    "program": _any_text,
    "service": _any_text,
    "rmtcomputergrp": _any_text,
    "rmtusrgrp": _any_text,
    "dir": _one_of("in", "out"),
    "action": _one_of("allow", "block", "bypass"),
    "enable": _one_of("yes", "no"),
    "profile": _profiles,
    "localip": lambda text: _addresses(text, {}),
    "remoteip": lambda text: _addresses(text, _ADDRESS_WORDS),
    "localport": _ports,
    "remoteport": _ports,
    "protocol": _protocol,
    "interfacetype": _one_of("any", "LAN", "Wireless", "RAS"),
    "edge": lambda text: {"deferapp": "defer-app", "deferuser": "defer-user"}.get(
        text.lower(), _one_of("yes", "no")(text)
    ),
    "security": _one_of("NotRequired", "Authenticate", "AuthEnc", "AuthDynEnc", "AuthNoEncap"),
}


def value(key: str, text: str) -> str:
    """The value of a parameter in the words of a dump, empty where netsh knows no such value."""
    return _READ[key](text)


LIMIT_KINDS: Mapping[str, str] = {
    "program": "program",
    "service": "service",
    "interfacetype": "interface-type",
    "rmtcomputergrp": "remote-computers",
    "rmtusrgrp": "remote-users",
    "security": "security",
}
"""The parameters that limit a rule, in the order of a dump, with their kinds of Limit."""


def unset(span: Span, why: str = "") -> WindowsRule:
    """A rule with netsh's defaults: for everything, in every profile, enabled; without an action."""
    everything = ("any",) * 5
    return WindowsRule(span.path, span.line, "", True, True, PROFILES, *everything, "", why=why)


def changed(rule: WindowsRule, new: Mapping[str, str]) -> WindowsRule:
    """`rule` with the values `new` (of `value`) in place of its own; one that netsh would refuse says why."""
    limits = {limit.kind: limit for limit in rule.limits}
    for key, kind in LIMIT_KINDS.items():
        if key in new:
            limits.pop(kind, None)
            if new[key] != "NotRequired" and (key, new[key]) != ("interfacetype", "any"):
                limits[kind] = Limit(kind, "*" if key == "service" and new[key].lower() == "any" else new[key])
    protocol = new.get("protocol", rule.protocol).partition(":")[0]
    action = new.get("action", rule.action)
    if action == "bypass" and "security" not in limits:
        limits["security"] = Limit("security", "bypass")
    order = [*LIMIT_KINDS.values()]
    ordered = sorted(limits.values(), key=lambda limit: order.index(limit.kind) if limit.kind in order else len(order))
    found = replace(
        rule,
        name=new.get("name", rule.name),
        enabled=new["enable"] == "yes" if "enable" in new else rule.enabled,
        inbound=new["dir"] == "in" if "dir" in new else rule.inbound,
        profiles=tuple(new["profile"].split(",")) if "profile" in new else rule.profiles,
        protocol=protocol,
        local_ip=new.get("localip", rule.local_ip),
        remote_ip=new.get("remoteip", rule.remote_ip),
        local_port=new.get("localport", rule.local_port),
        remote_port=new.get("remoteport", rule.remote_port),
        action=action,
        icmp=icmp_rows(new["protocol"]) if "protocol" in new else rule.icmp,
        limits=tuple(ordered),
        edge=new.get("edge", rule.edge),
    )
    return replace(found, why=rule.why or _refused(found))


def icmp_rows(protocol: str) -> tuple[IcmpRow, ...]:
    """The types and codes of a protocol as `value` writes it: `ICMPv4:8,any`; every type for `ICMPv4`."""
    name, _, types = protocol.partition(":")
    if name not in ("ICMPv4", "ICMPv6"):
        return ()
    kind, _, code = types.partition(",")
    return (IcmpRow(*(int(part) if part.isdigit() else None for part in (kind, code))),)


def _refused(rule: WindowsRule) -> str:
    """Why netsh refuses a rule with these values, as its manual says; empty where it does not."""
    kinds = {limit.kind for limit in rule.limits}
    if rule.protocol.lower() not in ("tcp", "udp", "6", "17") and (rule.local_port, rule.remote_port) != ("any", "any"):
        return "ports are given for a protocol without ports"
    if rule.action == "block" and "security" in kinds:
        return "a block rule cannot require security"
    if kinds & {"remote-computers", "remote-users"} and "security" not in kinds:
        return "a group of computers or users needs security"
    if rule.edge in ("yes", "defer-app", "defer-user") and not rule.inbound:
        return "edge is given for an outbound rule"
    return ""
