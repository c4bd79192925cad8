"""The words and numbers of PowerShell's NetSecurity module, as netsh has them.

Windows PowerShell 5.1 writes enumerations as numbers into JSON, PowerShell 7 and `"$value"` as words. The
enumerations are those of the classes MSFT_NetFirewallRule, MSFT_NetFirewallProfile, MSFT_NetNetworkLayerSecurityFilter
and MSFT_NetConnectionProfile. A word that stands nowhere here is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from validator.dialects._windows_addresses import address
from validator.dialects._windows_rules import PROFILES, IcmpRow, Limit, WindowsRule

ENABLED = {"true": "yes", "1": "yes", "false": "no", "2": "no"}  # of a rule
SWITCH = {"true": "yes", "1": "yes", "false": "no", "0": "no", "notconfigured": "", "2": ""}  # of a profile
DIRECTION = {"inbound": "in", "1": "in", "outbound": "out", "2": "out"}
ACTION = {"allow": "allow", "2": "allow", "allowbypass": "bypass", "3": "bypass", "block": "block", "4": "block"}
DEFAULT = {"allow": "allow", "2": "allow", "block": "block", "4": "block", "notconfigured": "", "0": ""}
EDGE = {"block": "no", "0": "no", "allow": "yes", "1": "yes", "defertouser": "defer-user", "2": "defer-user"} | {
    "defertoapp": "defer-app",
    "3": "defer-app",
}
CATEGORY = {"public": "public", "0": "public", "private": "private", "1": "private"} | {
    "domainauthenticated": "domain",
    "domain": "domain",
    "2": "domain",
}
STORE = {"local": "local", "1": "local", "grouppolicy": "gpo", "2": "gpo", "mdm": "gpo", "dynamic": "local"} | {
    "3": "local",
    "generated": "local",
    "4": "local",
    "hardcoded": "static",
    "5": "static",
    "": "local",
}
_EVERY_PROFILE = ("any", "all", "0", "7", "2147483647")
_BITS = {"domain": 1, "private": 2, "public": 4}
_PROTOCOLS = {"tcp": "TCP", "6": "TCP", "udp": "UDP", "17": "UDP", "icmpv4": "ICMPv4", "1": "ICMPv4"} | {
    "icmpv6": "ICMPv6",
    "58": "ICMPv6",
    "any": "any",
    "256": "any",
}
_ADDRESS_WORDS = {"playtodevice": "Ply2Renders", "intranetremoteaccess": "RmtIntranet"}
_PORT_WORDS = {"rpcepmap": "RPC-EPMap", "playtodiscovery": "Ply2Disc", "mdns": "mDNS", "iphttpsin": "IPHTTPS"} | {
    "iphttpsout": "IPHTTPS",
}
_INTERFACES = {"wired": "LAN", "1": "LAN", "wireless": "Wireless", "remoteaccess": "RAS"}
_LIMITS = {
    "program": "program",
    "service": "service",
    "interfacealias": "interface",
    "remotemachine": "remote-computers",
    "remoteuser": "remote-users",
    "localuser": "local-users",
    "package": "package",
    "packagefamilyname": "package",
    "owner": "owner",
    "platform": "platform",
    "platforms": "platform",
}
_CONDITIONS = {
    "dynamictarget": "the connection is of the kind {}",
    "dynamictransport": "the connection is of the kind {}",
    "policyappid": "the application has the id {}",
}
REQUIRED = ("enabled", "direction", "profile", "action", "protocol", "localport", "remoteport", "localaddress") + (
    "remoteaddress",
)
HIDES = {"program": "program", "service": "service", "localuser": "user", "package": "package"}
"""Columns that narrow a rule, and what an export without them hides."""
SILENT = frozenset(
    ("name", "displayname", "instanceid", "creationclassname", "description", "group", "displaygroup", "rulegroup")
    + ("policystoresource", "policystoresourcetype", "primarystatus", "status", "statuscode", "enforcementstatus")
    + ("loosesourcemapping", "caption", "elementname", "id", "policyrulename", "pscomputername", "systemname", "ruleid")
    + ("systemcreationclassname", "commonname", "policykeywords", "policydecisionstrategy", "policyroles", "priority")
    + ("conditionlisttype", "ruleusage", "mandatory", "sequencedactions", "executionstrategy", "profiles", "apppath")
    + ("ciminstanceproperties", "cimclass", "cimsystemproperties", "edgetraversalpolicy", "icmptype", "interfacetype")
    + ("authentication", "encryption", "overrideblockrules", "localonlymapping", "remotedynamickeywordaddresses")
)
"""Columns that say nothing of their own, or that `rule` reads beside those above."""


def rule(row: Mapping[str, str], path: str, line: int, why: str = "") -> WindowsRule:
    """The rule in `row`: texts by the names of properties in lower case, lists with commas."""
    problems = [why] if why else []

    def word(key: str, words: Mapping[str, str], default: str | None = None) -> str:
        text = row.get(key, "").strip().lower()
        if not text and default is not None:
            return default
        if text not in words:
            problems.append(f"{key} is {text[:40]!r}" if text else f"{key} is missing")
        return words.get(text, "")

    action = word("action", ACTION)
    if _is_true(row, "overrideblockrules", problems):
        if action == "block":
            problems.append("a rule that blocks and overrides block rules")
        action = "bypass"
    protocol = _protocol(row, problems)
    if row.get("primarystatus", "").strip().lower() in ("error", "3"):
        problems.append("Windows reports an error in it and may not enforce it")
    if row.get("remotedynamickeywordaddresses", "").strip():
        problems.append("its remote addresses are dynamic keywords")
    unknown = sorted(row.keys() - SILENT - set(REQUIRED) - _LIMITS.keys() - _CONDITIONS.keys())
    problems += [f"the property {key[:40]!r} is not known" for key in unknown]
    return WindowsRule(
        path=path,
        line=line,
        name=row.get("displayname") or row.get("name") or row.get("instanceid", ""),
        enabled=word("enabled", ENABLED) == "yes",
        inbound=word("direction", DIRECTION) != "out",
        profiles=_profiles(row, problems),
        protocol=protocol,
        local_ip=_addresses(row, "localaddress", problems),
        remote_ip=_addresses(row, "remoteaddress", problems),
        local_port=_ports(row, "localport", protocol, problems),
        remote_port=_ports(row, "remoteport", protocol, problems),
        action=action,
        icmp=tuple(_icmp(row, protocol, problems)),
        limits=tuple(_limits(row, action == "bypass", problems)),
        edge=word("edgetraversalpolicy", EDGE, "no"),
        store=word("policystoresourcetype", STORE),
        why="; ".join(problems),
    )


def _parts(text: str) -> list[str]:
    """The items of a list, whether commas, semicolons or blanks are between them."""
    return text.replace(";", " ").replace(",", " ").split()


def _is_true(row: Mapping[str, str], key: str, problems: list[str]) -> bool:
    text = row.get(key, "").strip().lower()
    if text not in ("", "true", "false", "0", "1"):
        problems.append(f"{key} is {text[:40]!r}")
    return text in ("true", "1")


def _profiles(row: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    words = [part.lower() for part in _parts(row.get("profile", ""))]
    if len(words) == 1 and words[0] in _EVERY_PROFILE:
        return PROFILES
    if len(words) == 1 and words[0] in "123456":
        return tuple(name for name in PROFILES if int(words[0]) & _BITS[name])
    if not words or set(words) - set(PROFILES):
        problems.append(f"profile is {row.get('profile', '')[:40]!r}")
    return tuple(name for name in PROFILES if name in words)


def _protocol(row: Mapping[str, str], problems: list[str]) -> str:
    text = row.get("protocol", "").strip().lower()
    if text in _PROTOCOLS:
        return _PROTOCOLS[text]
    if text.isascii() and text.isdigit() and len(text) < 4 and int(text) < 256:
        return str(int(text))
    problems.append(f"protocol is {text[:40]!r}" if text else "protocol is missing")
    return "any"


def _addresses(row: Mapping[str, str], key: str, problems: list[str]) -> str:
    parts = _parts(row.get(key, ""))
    if not parts:
        problems.append(f"{key} is missing")
    if not parts or [part.lower() for part in parts] == ["any"]:
        return "any"
    return ",".join(_ADDRESS_WORDS.get(part.lower()) or address(part) or part for part in parts)


def _ports(row: Mapping[str, str], key: str, protocol: str, problems: list[str]) -> str:
    parts = _parts(row.get(key, ""))
    if protocol not in ("TCP", "UDP"):  # where Windows shows what comes to hand, `RPC` for ICMP
        if [part for part in parts if part.isascii() and part[0].isdigit() and part != "0"]:
            problems.append(f"{key} is given for protocol {protocol}")
        return "any"
    if not parts:
        problems.append(f"{key} is missing")
    if not parts or [part.lower() for part in parts] == ["any"]:
        return "any"
    return ",".join(_PORT_WORDS.get(part.lower(), part) for part in parts)


def _icmp(row: Mapping[str, str], protocol: str, problems: list[str]) -> Iterator[IcmpRow]:
    if protocol not in ("ICMPv4", "ICMPv6"):
        return
    if "icmptype" not in row:
        problems.append("the ICMP types are not exported")
    for part in _parts(row.get("icmptype", "")) or ["any"]:
        kind, _, code = part.partition(":")
        numbers = [None if text.lower() in ("any", "*", "") else text for text in (kind, code)]
        if any(text is not None and not (text.isdigit() and len(text) < 4 and int(text) < 256) for text in numbers):
            problems.append(f"icmptype is {part[:40]!r}")
        else:
            yield IcmpRow(*(None if text is None else int(text) for text in numbers))


def _limits(row: Mapping[str, str], bypass: bool, problems: list[str]) -> Iterator[Limit]:
    for key in ("program", "service"):
        yield from _limit(row, key)
    kinds = [_INTERFACES.get(part.lower(), part) for part in _parts(row.get("interfacetype", ""))]
    if kinds and [kind.lower() for kind in kinds] not in (["any"], ["0"]):
        yield Limit("interface-type", ",".join(sorted(kinds)))
    for key in ("remotemachine", "remoteuser"):
        yield from _limit(row, key)
    security = _security(row)
    if security or bypass:
        yield Limit("security", security or "bypass")
    for key in _LIMITS:
        if key not in ("program", "service", "remotemachine", "remoteuser"):
            yield from _limit(row, key)
    for key, sentence in _CONDITIONS.items():
        text = row.get(key, "").strip()
        if text.lower() not in ("", "any", "0"):
            yield Limit("other", sentence.format(text))
    if _is_true(row, "localonlymapping", problems):
        yield Limit("other", "the connection is mapped locally only (TRUE)")


def _limit(row: Mapping[str, str], key: str) -> Iterator[Limit]:
    text = row.get(key, "").strip()
    if text and text.lower() != "any":
        yield Limit(_LIMITS[key], text)


def _security(row: Mapping[str, str]) -> str:
    """IPsec in netsh's words; empty where it is not required."""
    first = row.get("authentication", "").strip().lower()
    second = row.get("encryption", "").strip().lower()
    nothing = ("", "notrequired", "0")
    if first in nothing and second in nothing:
        return ""
    known = {("required", ""): "Authenticate", ("required", "required"): "AuthEnc", ("noencap", ""): "AuthNoEncap"}
    known |= {("required", "dynamic"): "AuthDynEnc"}
    second = "" if second in nothing else second
    return known.get((first, second), f"{first} {second}".strip())
