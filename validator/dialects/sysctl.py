"""`sysctl -a`, or some of its lines: whether the host forwards, and the ports it connects from.

    net.ipv4.ip_forward = 1
    net.ipv4.conf.eth0.forwarding = 0
    net.ipv4.ip_local_port_range = 32768	60999

ip-sysctl of the kernel's documentation, and ip_route_input_slow and ip6_forward in the kernel. IPv4 forwards what
comes in by an interface whose own `forwarding` is set; `ip_forward` (which is `conf.all.forwarding`) sets them all at
once, and is taken for those that an export does not name. IPv6 forwards where `conf.all.forwarding` is set, else what
comes in by an interface with `force_forwarding` (Linux 6.17). What comes in by an interface may be sent to
127.0.0.0/8 if `route_localnet` is set of it or of `all`. A connection of either family that asks for no port is made
from one of `ip_local_port_range`. All other keys are ignored.
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects._linux import convert
from validator.dialects._linux_facts import LinuxSettings, Setting, Told
from validator.errors import ExportError
from validator.packets.fields import Family, Intervals
from validator.source import Ledger, LineState, Source

NAME = "sysctl"
TITLE = "sysctl (forwarding)"
PLATFORM = "linux"
STANDS_ALONE = False

_LINE = re.compile(r"\s*-?([A-Za-z_][\w-]*[./][^\s=]+)\s*=\s*(.*?)\s*", re.ASCII)
_NET = re.compile(r"\s*-?net[./](?:ipv4|ipv6)[./]\S+\s*=", re.ASCII)
_OF_INTERFACE = re.compile(r"net\.(ipv[46])\.conf\.(?!default\.)(.+)\.(forwarding|force_forwarding|route_localnet)")
_COUNTS = ("ipv4 forwarding", "ipv4 route_localnet", "ipv6 force_forwarding")
"""The settings that each interface has for itself."""
_OF_ALL = ("all", "ipv6 forwarding")
_PORTS = "net.ipv4.ip_local_port_range"
_RANGE = re.compile(r"([0-9]{1,5})\s+([0-9]{1,5})", re.ASCII)
_VALUE = re.compile(r"-?[0-9]{1,9}")
_REMEDY = "run sysctl -a > FILE"
Found = dict[str, dict[str, Told]]
"""What is set of each interface, and of `all`, by setting."""


def sniff(source: Source) -> bool:
    """Lines `key = value`, one of them of net.ipv4 or net.ipv6."""
    if not any(_NET.match(line) for line in source.lines):
        return False
    head = [line for line in source.lines if line.strip() and not line.lstrip().startswith(("#", ";"))][:50]
    return sum(_LINE.fullmatch(line) is not None for line in head) * 5 >= len(head) * 4


def parse(source: Source, ledger: Ledger) -> Fragment:
    """What the export says about forwarding. Raises ExportError where it says nothing."""
    found: Found = {}
    ports: Intervals = ()
    for number, line in enumerate(source.lines, 1):
        match = _LINE.fullmatch(line)
        key = match and _OF_INTERFACE.fullmatch(_dotted(match[1]))
        name, what = (key[2], f"{key[1]} {key[3]}") if key else ("", "")
        if match and _dotted(match[1]) == _PORTS:
            ends = _RANGE.fullmatch(match[2])
            if ends is None or not 0 < int(ends[1]) <= int(ends[2]) <= 65535:
                raise ExportError(f"{match[1]} is no range of ports", _REMEDY, source.path, number)
            ledger.mark(number, LineState.MODELLED)
            ports = ((int(ends[1]), int(ends[2])),)
            continue
        if match is None or (what not in _COUNTS and (name, what) != _OF_ALL):
            ledger.mark(number, LineState.IGNORED)
            continue
        if not _VALUE.fullmatch(match[2]):
            raise ExportError(f"{match[1]} has no number", _REMEDY, source.path, number)
        ledger.mark(number, LineState.MODELLED)
        found.setdefault(what, {})[name] = (int(match[2]) != 0, source.span(number))
    if not found and not ports:
        raise ExportError("nothing about forwarding is in this output", _REMEDY, source.path, 1)
    settings = LinuxSettings(source.path, _forwarding(found), _localnet(found), ports)
    return Fragment(NAME, PLATFORM, source.path, settings, ())


def _dotted(key: str) -> str:
    """A key with dots for slashes, `ip_forward` by its other name."""
    key = key.replace("/", ".")
    return "net.ipv4.conf.all.forwarding" if key == "net.ipv4.ip_forward" else key


def _forwarding(found: Found) -> dict[Family, Setting]:
    """Of each family that is spoken of."""
    settings = {}
    for family, of_interface in ((Family.IPV4, "ipv4 forwarding"), (Family.IPV6, "ipv6 force_forwarding")):
        named = dict(found.get(of_interface, {}))
        of_all = named.pop("all", None)
        if family is Family.IPV6:
            of_all = found.get("ipv6 forwarding", {}).get("all")
            named = {name: told for name, told in named.items() if told[0] and not (of_all and of_all[0])}
        if of_all or named:
            settings[family] = Setting(of_all, named)
    return settings


def _localnet(found: Found) -> Setting:
    """IN_DEV_ROUTE_LOCALNET in the kernel's linux/inetdevice.h: of the interface, or of all."""
    named = dict(found.get("ipv4 route_localnet", {}))
    of_all = named.pop("all", None)
    if of_all and of_all[0]:
        return Setting(of_all)
    return Setting(of_all, named if of_all else {name: told for name, told in named.items() if told[0]})


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
