"""`ip addr` and `ip -j addr`: the interfaces of a host and their addresses, per ip-address(8).

    2: eth0@if5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 ...
        inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0
        inet 10.8.0.1 peer 10.8.0.2/32 scope global eth0

What the kernel (6.18, asked with `ip route show table local`) makes of them in IPv4: an own address is local
though its interface be down; on an interface that is up the `brd` address is broadcast, and the highest
address of every network below /31 too, with or without `brd`, a peer's network included. The lowest one is
broadcast before Linux 5.14 alone (_linux_addresses.py). A `master` with the flag BROADCAST is a bridge, bond
or team: no VRF has it (vrf_dev_init in the kernel's drivers/net/vrf.c).

`ip -4 addr` and `ip -6 addr` tell of one family. An output without the loopback interface shows some interfaces
only, and is refused.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, ip_interface, ip_network
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Fragment, _json_positions
from validator.dialects._linux import convert
from validator.dialects._linux_facts import Address, LinuxInterface, LinuxInterfaces, Network
from validator.errors import ExportError
from validator.model import LOOPBACK
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "ip-addr"
TITLE = "ip addr (or ip -j addr)"
PLATFORM = "linux"
STANDS_ALONE = False

_HEADER = re.compile(r"(\d+): ([^\s:]+?)(?:@[^\s:]+)?: <([A-Z0-9_,-]*)> mtu \d+(.*)", re.ASCII)
_MASTER = re.compile(r" master (\S+)")
_INET = re.compile(r"\s+inet6? (\S+)(?: peer (\S+))?((?: (?:brd|any|metric) \S+)*) scope \S+.*", re.ASCII)
_BROADCAST = re.compile(r" brd (\S+)")
_LINK = re.compile(r"\s+link/")
_LIMITED = "255.255.255.255"
_REMEDY = "run `ip -j addr` > FILE, without the name of an interface"
_SNIFF_LINES = 200
_SWITCHES = ("bridge", "bond", "team", "openvswitch", "")


class _Shown(Struct, frozen=True):
    """An interface as shown: `switch` says that it takes the packets of those enslaved to it."""

    interface: LinuxInterface
    switch: bool


def sniff(source: Source) -> bool:
    """A line near the top that begins an interface, or JSON with the names that ip gives its values."""
    if source.lines and source.text.lstrip()[:1] == "[":
        return '"ifname"' in source.text and '"addr_info"' in source.text
    head = [line for line in source.lines[:_SNIFF_LINES] if line.strip()][:5]
    return any(_HEADER.fullmatch(line) for line in head)


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The interfaces. Raises ExportError where some are missing, or the output is cut."""
    if source.text.lstrip()[:1] == "[":
        shown, whole = _read_json(source, ledger)
    else:
        shown, whole = _read_text(source, ledger)
    switches = {each.interface.name for each in shown if each.switch}
    found = [replace(each.interface, port=each.interface.master in switches) for each in shown]
    if LOOPBACK not in [each.name for each in found]:
        raise ExportError("the loopback interface is missing: this shows some interfaces only", _REMEDY, source.path, 1)
    loopback = next(each for each in found if each.name == LOOPBACK)
    versions = {address.version for each in found for address in each.addresses}
    if loopback.up and not loopback.addresses:
        raise ExportError("the loopback interface has no address: this shows some only", _REMEDY, source.path, 1)
    families = tuple(Family) if whole else tuple(Family.IPV4 if n == 4 else Family.IPV6 for n in sorted(versions))
    return Fragment(NAME, PLATFORM, source.path, LinuxInterfaces(source.path, tuple(found), families), ())


def _interface(
    name: str, flags: list[str], listed: list[tuple[str, str, str]], master: str = "", kind: str = ""
) -> _Shown:
    """An interface from its (address with prefix, peer with prefix or empty, broadcast or empty), what it is enslaved
    to, and the kind of device it is, where `ip -d` says so. Raises ValueError."""
    up = "UP" in flags
    addresses: list[Address] = []
    peers: list[Network] = []
    broadcasts: dict[str, None] = {}
    for text, peer, broadcast in listed:
        address = ip_interface(text)
        if peer:
            peers.append(ip_network(peer, strict=False))
        addresses.append(address)
        network: Network = peers[-1] if peer else address.network
        if up and isinstance(network, IPv4Network):
            if broadcast and broadcast != _LIMITED:
                broadcasts[str(ip_interface(broadcast).ip)] = None
            if network.prefixlen < 31:
                broadcasts[str(network.broadcast_address)] = None
    interface = LinuxInterface(name, tuple(addresses), tuple(broadcasts), tuple(peers), up, master)
    return _Shown(interface, "BROADCAST" in flags and kind in _SWITCHES)


# --- text ------------------------------------------------------------------------


def _read_text(source: Source, ledger: Ledger) -> tuple[list[_Shown], bool]:
    """The interfaces, and whether both families are shown."""
    found: list[_Shown] = []
    name, flags, listed, master, whole = "", [""], list[tuple[str, str, str]](), "", False
    for number, line in enumerate(source.lines, 1):
        header = _HEADER.fullmatch(line)
        if header:
            if name:
                found.append(_interface(name, flags, listed, master))
            name, flags, listed = header[2], header[3].split(","), []
            enslaved = _MASTER.search(header[4])
            master = enslaved[1] if enslaved else ""
            ledger.mark(number, LineState.MODELLED)
        elif name and re.match(r"\s+inet6?\s", line):
            listed.append(_address(source, number, line))
            ledger.mark(number, LineState.MODELLED)
        else:
            whole = whole or bool(name and _LINK.match(line))
            # Outside the interfaces: a prompt. Inside them: link addresses, lifetimes, statistics, details.
            inside = bool(name and line[:1] not in (" ", "\t") and line.strip())
            ledger.mark(number, LineState.UNSUPPORTED if inside else LineState.IGNORED)
    if name:
        found.append(_interface(name, flags, listed, master))
    return found, whole


def _address(source: Source, number: int, line: str) -> tuple[str, str, str]:
    match = _INET.fullmatch(line)
    try:
        if match is None:
            raise ValueError
        broadcast = _BROADCAST.search(match[3])
        parts = match[1], match[2] or "", broadcast[1] if broadcast else ""
        _interface("", ["UP"], [parts])
    except ValueError:
        problem = "this address is not understood: the output is cut or damaged"
        raise ExportError(problem, "export it again with `ip -j addr`", source.path, number) from None
    return parts


# --- JSON ------------------------------------------------------------------------


def _read_json(source: Source, ledger: Ledger) -> tuple[list[_Shown], bool]:
    value = _json_positions.load(source)
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    found: list[_Shown] = []
    whole = False
    for each in value if isinstance(value, list) else []:
        if not isinstance(each, _json_positions.Located) or not each:
            continue  # `ip -4 -j addr` of iproute2 5 writes {} for what it leaves out
        try:
            found.append(_interface(*_members(each)))
        except (ValueError, TypeError, KeyError):
            problem = "this interface is not understood"
            raise ExportError(problem, "export it again with `ip -j addr`", source.path, each.line) from None
        whole = whole or "link_type" in each
        ledger.mark(each.at("ifname"), LineState.MODELLED)
        for address in each["addr_info"]:
            if isinstance(address, _json_positions.Located) and "local" in address:
                ledger.mark(address.at("local"), LineState.MODELLED)
    return found, whole


def _members(value: dict[str, Any]) -> tuple[str, list[str], list[tuple[str, str, str]], str, str]:
    """Name, flags, addresses, master and kind of an interface. Raises ValueError, TypeError or KeyError."""
    listed: list[tuple[str, str, str]] = []
    for each in value["addr_info"]:
        if not each:
            continue
        local, peer, length = each["local"], each.get("address", ""), each["prefixlen"]
        if (
            not isinstance(length, int)
            or isinstance(length, bool)
            or not all(isinstance(s, str) for s in (local, peer))
        ):
            raise TypeError
        own = local if peer else f"{local}/{length}"
        listed.append((own, f"{peer}/{length}" if peer else "", str(each.get("broadcast", ""))))
    flags = value.get("flags", [])
    if not isinstance(value["ifname"], str) or not isinstance(flags, list):
        raise TypeError
    details = value.get("linkinfo")
    kind = details.get("info_kind", "") if isinstance(details, dict) else ""
    return value["ifname"], [str(flag) for flag in flags], listed, str(value.get("master", "")), str(kind)


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
