"""`sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding`, or `sysctl -a`: whether the host forwards.

    net.ipv4.ip_forward = 1

ip-sysctl of the kernel's documentation: IPv4 forwards what comes in on an interface whose own `forwarding` is
set (`ip_forward` and `conf.all.forwarding` set them all), IPv6 what `conf.all.forwarding` says for all. Where
the interfaces of an export differ, nothing is taken from it for IPv4. All other keys are ignored.
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects._linux import convert
from validator.dialects._linux_facts import LinuxSettings
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "sysctl"
TITLE = "sysctl (forwarding)"
PLATFORM = "linux"
STANDS_ALONE = False

_LINE = re.compile(r"\s*-?([A-Za-z_][\w@:*/-]*(?:[./][\w@:*/-]+)+)\s*=\s*(.*?)\s*", re.ASCII)
_NET = re.compile(r"\s*-?net[./](?:ipv4|ipv6)[./]\S+\s*=", re.ASCII)
_GLOBAL = {
    "net.ipv4.ip_forward": Family.IPV4,
    "net.ipv4.conf.all.forwarding": Family.IPV4,
    "net.ipv6.conf.all.forwarding": Family.IPV6,
}
_OF_INTERFACE = re.compile(r"net\.ipv4\.conf\.(?!(?:all|default|lo)\.)(.+)\.forwarding")
_VALUE = re.compile(r"-?[0-9]{1,9}")
_REMEDY = "run sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding > FILE"


def sniff(source: Source) -> bool:
    """Lines `key = value`, one of them of net.ipv4 or net.ipv6."""
    if not any(_NET.match(line) for line in source.lines):
        return False
    head = [line for line in source.lines if line.strip() and not line.lstrip().startswith(("#", ";"))][:50]
    return sum(_LINE.fullmatch(line) is not None for line in head) * 5 >= len(head) * 4


def parse(source: Source, ledger: Ledger) -> Fragment:
    """What the export says about forwarding. Raises ExportError where it says nothing."""
    found: dict[Family, tuple[bool, Span]] = {}
    mixed: dict[int, bool] = {}
    told: dict[Family, int] = {}
    for number, line in enumerate(source.lines, 1):
        match = _LINE.fullmatch(line)
        key = re.sub("/", ".", match[1]) if match else ""
        family = _GLOBAL.get(key)
        if match is None or (family is None and not _OF_INTERFACE.fullmatch(key)):
            ledger.mark(number, LineState.IGNORED)
            continue
        if not _VALUE.fullmatch(match[2]):
            raise ExportError(f"{key} has no number", _REMEDY, source.path, number)
        on = int(match[2]) != 0
        ledger.mark(number, LineState.MODELLED)
        if family is None:
            mixed[number] = on
        else:
            found[family], told[family] = (on, source.span(number)), number
    if not found:
        raise ExportError("nothing about forwarding is in this output", _REMEDY, source.path, 1)
    if Family.IPV4 in found and any(on is not found[Family.IPV4][0] for on in mixed.values()):
        for number in (*mixed, told[Family.IPV4]):
            ledger.mark(number, LineState.CONDITIONAL)
        del found[Family.IPV4]
    return Fragment(NAME, PLATFORM, source.path, LinuxSettings(source.path, found), ())


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
