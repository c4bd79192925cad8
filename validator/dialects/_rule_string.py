"""A Windows rule as the registry holds it: `v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|...|`.

[MS-GPFAS] 2.2.2.19 (Firewall Rule Grammar): fields between bars; ports, addresses, profiles, ICMP types and platforms
may stand several times, and one of them must match; without Profile a rule is for all, without Protocol for any,
without Active it is off. What real registries do besides: other cases (`app`, `Dir=in`), `Protocol=tcp`, lists with
commas, and built-in rules of services, which are on without saying so.

A field that is not known narrows a rule by a condition; one that might widen it, or a value that is not
understood, makes a rule of which nothing is known (`why`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct, field

from validator.dialects._windows_addresses import address
from validator.dialects._windows_rules import PROFILES, IcmpRow, Limit, WindowsRule

_RULE = re.compile(r"[vV][0-9]{1,3}\.[0-9]{1,3}\|")
_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_ICMP = re.compile(r"([0-9]{1,3}|\*):([0-9]{1,3}|\*)")
_PORT_WORDS = {
    word.lower(): word
    for word in ("RPC", "RPC-EPMap", "Teredo", "Ply2Disc", "mDNS", "IPTLSIn", "IPHTTPSIn", "IPTLSOut", "IPHTTPSOut")
}
_ADDRESS_WORDS = {
    word.lower(): word
    for word in ("LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway", "Intranet", "Internet", "RmtIntranet")
    + ("Ply2Renders", "CaptivePortal")
}
_PROTOCOLS = {"1": "ICMPv4", "6": "TCP", "17": "UDP", "58": "ICMPv6", "256": "any"}
_PROTOCOL_WORDS = {"tcp": "TCP", "udp": "UDP", "icmpv4": "ICMPv4", "icmpv6": "ICMPv6", "any": "any"}
_INTERFACES = {"lan": "LAN", "wireless": "Wireless", "remoteaccess": "RAS", "mobilebband": "MobileBBand"}
_SECURITY = {
    "authenticate": "Authenticate",
    "authenticateencrypt": "AuthEnc",
    "an-noencap": "AuthNoEncap",
    "ane-nego": "AuthDynEnc",
}
"""The words of the registry and, behind them, those of netsh."""

_PORTS = {
    "local": ("lport", "lport2_10", "lport2_20", "lport2_24"),
    "remote": ("rport", "rport2_10"),
}
_ADDRESSES = {"local": ("la4", "la6"), "remote": ("ra4", "ra42", "ra6", "ra62")}
_IPV6 = ("la6", "ra6", "ra62")
_REPEATED = frozenset((*_PORTS["local"], *_PORTS["remote"], *_ADDRESSES["local"], *_ADDRESSES["remote"]))
_REPEATED |= {"profile", "icmp4", "icmp6", "platform", "platform2", "if", "iftype", "ttk", "ttk2_22", "ttk2_27"}
_REPEATED |= {"ttk2_28"}
_SINGLE = ("action", "active", "dir", "protocol", "edge", "defer", "authbypassout", "lsm", "pcross")
_TEXTS = frozenset(("name", "desc", "embedctxt"))
_LIMITS = {
    "app": "program",
    "svc": "service",
    "rmauth": "remote-computers",
    "ruauth": "remote-users",
    "if": "interface",
    "luauth": "local-users",
    "luauth2_24": "local-users",
    "apppkgid": "package",
    "pfn": "package",
    "luown": "owner",
}
_OTHER = {
    "ttk": "the connection has the trust keyword {}",
    "ttk2_22": "the connection has the trust keyword {}",
    "ttk2_27": "the connection has the trust keyword {}",
    "ttk2_28": "the connection has the trust keyword {}",
    "lom": "the connection is mapped locally only ({})",
    "nnm": "the network is {}",
    "securityrealmid": "the security realm is {}",
    "skipver": "Windows reads rules that it may skip up to version {}",
}
_WIDENING = ("lport", "rport", "la", "ra", "icmp", "profile", "protocol", "dir", "action", "active", "auth", "edge")
"""How the names of fields begin that might add to what a rule matches, or change what it does."""
_HARMLESS = ("lsm", "pcross")
"""Loose source mapping and profile crossing are about replies and about sockets, not about what matches."""


def is_rule(text: str) -> bool:
    """Whether `text` begins as a rule does."""
    return bool(_RULE.match(text))


def parse_rule(text: str, path: str, line: int, identity: str, store: str = "local") -> WindowsRule | None:
    """The rule in `text`, whose name in the registry is `identity`; None for a connection-security rule."""
    reading = _Reading()
    reading.split(text)
    action = reading.word("action")
    if action == "boundary" and not reading.problems:
        return None
    if not is_rule(text):
        reading.problems.append("it does not begin with a version")
    inbound = reading.choice("dir", {"in": True, "out": False})
    if reading.flag("authbypassout"):
        if inbound is not False or action != "allow":
            reading.problems.append("AuthByPassOut is on another rule than an outbound one that allows")
        action = "bypass"
    if action not in ("allow", "block", "bypass"):
        reading.problems.append(f"Action is {action[:40]!r}" if action else "Action is missing")
    protocol = reading.protocol()
    limits = (*reading.limits(action == "bypass"), *reading.others())
    if store == "static" and not {limit.kind for limit in limits} & {"service", "package", "program"}:
        reading.problems.append("a built-in rule for no service, program or package")
    active = reading.flag("active") if "active" in reading.fields else store == "static"
    return WindowsRule(
        path=path,
        line=line,
        name=_name(reading.text("name"), identity),
        enabled=active,
        inbound=inbound is not False,
        profiles=reading.profiles(),
        protocol=protocol,
        local_ip=reading.addresses("local", protocol),
        remote_ip=reading.addresses("remote", protocol),
        local_port=reading.ports("local", protocol),
        remote_port=reading.ports("remote", protocol),
        action=action,
        icmp=reading.icmp(protocol),
        limits=limits,
        edge=reading.edge(),
        store=store,
        why="; ".join(reading.problems),
    )


def _name(name: str, identity: str) -> str:
    """The name people know; that of the registry where the other is in a library that is not here."""
    unresolved = name.startswith("@") and not name.startswith("@{")
    return identity if identity and (not name or (unresolved and not identity.startswith("{"))) else name


class _Reading(Struct):
    """The fields of a rule, by name in lower case, and what was not understood so far."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def split(self, text: str) -> None:
        """Read the fields of `text`."""
        *parts, last = text.split("|")
        if last:
            self.problems.append("it does not end with a bar: it is cut")
        for part in [*parts, last][1:] if last else parts[1:]:
            name, sign, value = part.partition("=")
            if not sign or not (value.strip() or name.strip().lower() in _TEXTS):
                self.problems.append(f"the field {part[:40]!r} is not understood")
                continue
            self.fields.setdefault(name.strip().lower(), []).append(value.strip())
        for name, values in self.fields.items():
            if len(values) > 1 and name not in _REPEATED:
                self.problems.append(f"{name[:40]!r} stands {len(values)} times")

    def text(self, name: str) -> str:
        """The first value of a field, empty where it is missing."""
        return self.fields.get(name, [""])[0]

    def word(self, name: str) -> str:
        """The first value of a field in lower case."""
        return self.text(name).lower()

    def choice(self, name: str, words: dict[str, bool]) -> bool | None:
        """What a field's word means; None, with a problem, for another word or none."""
        word = self.word(name)
        if word not in words:
            self.problems.append(f"{name.capitalize()} is {word[:40]!r}" if word else f"{name.capitalize()} is missing")
        return words.get(word)

    def flag(self, name: str) -> bool:
        """Whether a field is TRUE."""
        return name in self.fields and self.choice(name, {"true": True, "false": False}) is True

    def listed(self, name: str) -> list[str]:
        """All values of a field, also those between commas."""
        parts = [part.strip() for value in self.fields.get(name, ()) for part in value.split(",")]
        if "" in parts:
            self.problems.append(f"{name!r} has an empty value")
        return [part for part in parts if part]

    def profiles(self) -> tuple[str, ...]:
        """The profiles named; all where none is."""
        found = {each.lower() for each in self.listed("profile")}
        for name in sorted(found - set(PROFILES)):
            self.problems.append(f"a profile is {name[:40]!r}")
        return tuple(name for name in PROFILES if not found or name in found)

    def protocol(self) -> str:
        """The protocol in netsh's words."""
        word = self.word("protocol") or "any"
        if word.isascii() and word.isdigit() and len(word) < 4 and int(word) <= 256:
            return _PROTOCOLS.get(str(int(word)), str(int(word)))
        if word not in _PROTOCOL_WORDS:
            self.problems.append(f"Protocol is {word[:40]!r}")
        return _PROTOCOL_WORDS.get(word, "any")

    def ports(self, side: str, protocol: str) -> str:
        """The ports of a side as netsh lists them."""
        items: list[str] = []
        for name in (name for name in self.fields if name in _PORTS[side]):
            for part in self.listed(name):
                number = _PORT.fullmatch(part)
                if number and int(number[1]) <= int(number[2] or number[1]) <= 65535:
                    items.append(part)
                elif part.lower() in _PORT_WORDS:
                    items.append(_PORT_WORDS[part.lower()])
                else:
                    self.problems.append(f"a {side} port is {part[:40]!r}")
        if items and protocol not in ("TCP", "UDP"):
            self.problems.append(f"{side} ports are given for protocol {protocol}")
        for way in ("In", "Out"):  # netsh has one word where a rule has the two of the registry
            both = (f"IPTLS{way}", f"IPHTTPS{way}")
            if all(word in items for word in both):
                items = [item if item != both[0] else "IPHTTPS" for item in items if item != both[1]]
        return ",".join(items) or "any"

    def addresses(self, side: str, protocol: str) -> str:
        """The addresses of a side as netsh lists them: words, then addresses."""
        words: dict[str, set[int]] = {}
        items: list[str] = []
        for name in (name for name in self.fields if name in _ADDRESSES[side]):
            version = 6 if name in _IPV6 else 4
            for part in self.listed(name):
                if part.lower() in _ADDRESS_WORDS:
                    words.setdefault(_ADDRESS_WORDS[part.lower()], set()).add(version)
                    continue
                found = address(part, version)
                if found:
                    items.append(found)
                else:
                    self.problems.append(f"a {side} address is {part[:60]!r}")
        alone = {"ICMPv4": 4, "ICMPv6": 6}.get(protocol)
        named = [
            word if len(versions) == 2 or versions == {alone} else f"{word}{min(versions)}"
            for word, versions in words.items()
        ]
        return ",".join([*named, *items]) or "any"

    def icmp(self, protocol: str) -> tuple[IcmpRow, ...]:
        """The types and codes of an ICMP rule."""
        rows: list[IcmpRow] = []
        for name, owner in (("icmp4", "ICMPv4"), ("icmp6", "ICMPv6")):
            for part in self.listed(name):
                found = _ICMP.fullmatch(part)
                numbers = [None if text == "*" else int(text) for text in found.groups()] if found else [256]
                if protocol != owner or any(number is not None and number > 255 for number in numbers):
                    self.problems.append(f"{name.upper()} is {part[:40]!r} for protocol {protocol}")
                else:
                    rows.append(IcmpRow(numbers[0], numbers[1]))
        if not rows and protocol in ("ICMPv4", "ICMPv6"):
            rows.append(IcmpRow(None, None))
        return tuple(rows)

    def edge(self) -> str:
        """Edge traversal in netsh's words."""
        through = self.flag("edge")
        if "defer" not in self.fields:
            return "yes" if through else "no"
        to_application = self.choice("defer", {"app": True, "user": False})
        return "defer-app" if to_application else "defer-user"

    def limits(self, bypass: bool) -> Iterator[Limit]:
        """What narrows a rule beside addresses and ports, in the order of netsh."""
        for name in ("app", "svc"):
            yield from (Limit(_LIMITS[name], value) for value in self.fields.get(name, ()))
        kinds = sorted(_INTERFACES.get(each.lower(), each) for each in self.listed("iftype"))
        if kinds:
            yield Limit("interface-type", ",".join(kinds))
        for name in ("rmauth", "ruauth"):
            yield from (Limit(_LIMITS[name], value) for value in self.fields.get(name, ()))
        names = [name for name in self.fields if name in ("security", "security2_9", "security2")]
        values = [value for name in names for value in self.fields[name]]
        if values:
            yield Limit("security", ",".join(_SECURITY.get(value.lower(), value) for value in values))
        elif bypass:  # [MS-FASP] 2.2.34: only authenticated connections bypass
            yield Limit("security", "bypass")
        if "if" in self.fields:
            yield Limit("interface", ",".join(self.fields["if"]))
        for name in ("luauth", "luauth2_24", "apppkgid", "pfn", "luown"):
            yield from (Limit(_LIMITS[name], value) for value in self.fields.get(name, ()))
        if "platform" in self.fields or "platform2" in self.fields:
            platforms = [*self.fields.get("platform", ()), *self.fields.get("platform2", ())]
            yield Limit("platform", " ".join(platforms))

    def others(self) -> Iterator[Limit]:
        """Conditions of fields that are rare, or not known; what might widen the rule is a problem instead."""
        known = _REPEATED | _TEXTS | _LIMITS.keys() | set(_SINGLE) | {"security", "security2_9", "security2"}
        for name in (*_HARMLESS, "lom"):
            self.flag(name)
        for name in sorted(self.fields):
            values = ", ".join(self.fields[name])
            if name == "lom" and values.lower() == "false":
                continue
            if name in _OTHER:
                yield Limit("other", _OTHER[name].format(values))
            elif name not in known and name.startswith(_WIDENING):
                self.problems.append(f"the field {name[:40]!r} is not known")
            elif name not in known:
                yield Limit("other", f"what {name} says holds ({values})")
