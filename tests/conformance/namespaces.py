"""Two network namespaces: a firewall with two interfaces, and what is outside of them.

The process that makes them moves into the firewall's namespace for good: every tool it starts runs there, and
both namespaces vanish with the process, however it ends. The namespace it was started in is not touched.
(For real connections the outside is two namespaces: ends.py.)
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_interface, ip_network
from pathlib import Path

from validator.packets.fields import Family

_CLONE_NEWNET = 0x40000000
_IPV6_HDRINCL = 36
_OWN_NAMESPACE = "/proc/thread-self/ns/net"

INTERFACES = ("eth0", "eth1")
"""The firewall's interfaces, beside lo."""
OWN = {
    Family.IPV4: {"eth0": ("10.1.0.1/24", "10.1.0.9/24"), "eth1": ("10.2.0.1/24",)},
    Family.IPV6: {"eth0": ("fd01::1/64", "fd01::9/64"), "eth1": ("fd02::1/64",)},
}
"""The addresses of the firewall itself."""
LOOPBACK_ADDRESSES = {Family.IPV4: 127 << 24 | 1, Family.IPV6: 1}
ROUTES = {
    Family.IPV4: (("192.168.7.0/24", "eth0"), ("0.0.0.0/0", "eth1")),
    Family.IPV6: (("fd07::/64", "eth0"), ("::/0", "eth1")),
}
"""Its routes, beside those to its interfaces' networks."""

_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/all/accept_local": "1",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
}
_PER_INTERFACE = {
    "net/ipv4/conf/{}/rp_filter": "0",
    "net/ipv4/conf/{}/send_redirects": "0",
    "net/ipv4/conf/{}/accept_local": "1",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/router_solicitations": "0",
}


class Unavailable(Exception):
    """The suite cannot run here; the message says what is missing."""


def run(command: Sequence[str], text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """A command in the namespace of this process, `text` on its standard input."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[:2000]}")
    return done


@dataclass(frozen=True, slots=True)
class Topology:
    """The open ends: `wires` are packet sockets of the outside, by the interface of the firewall they lead to;
    `macs` the addresses of those interfaces; `local` sends packets from the firewall, by family."""

    wires: dict[str, socket.socket]
    macs: dict[str, bytes]
    local: dict[Family, socket.socket]


def build() -> Topology:
    """Make the two namespaces, move into the firewall's, and open the sockets. Raises Unavailable."""
    firewall, outside = new_namespace(), new_namespace()
    enter(firewall)
    for number in range(len(INTERFACES)):
        link(number, outside)
    enter(outside)
    wires = {name: _wire(f"out{number}") for number, name in enumerate(INTERFACES)}
    enter(firewall)
    os.close(firewall)
    os.close(outside)
    configure()
    macs = {name: bytes.fromhex(mac(number).replace(":", "")) for number, name in enumerate(INTERFACES)}
    return Topology(wires, macs, {family: _local_socket(family) for family in Family})


def mac(number: int) -> str:
    """The address of an interface of the firewall."""
    return f"02:00:00:00:01:0{number}"


def link(number: int, outside: int, *peer: str) -> None:
    """An interface here, and `out{number}` in the namespace `outside` (with the words `peer` for `ip`), as one wire."""
    end = ["name", f"out{number}", *peer, "netns", f"/proc/{os.getpid()}/fd/{outside}"]
    run(["ip", "link", "add", "name", INTERFACES[number], "address", mac(number), "type", "veth", "peer", *end])


def new_namespace() -> int:
    """Move into a new network namespace; a descriptor of it. Raises Unavailable."""
    if os.geteuid() != 0:
        raise Unavailable("it needs root")
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise Unavailable(f"it needs a new network namespace ({os.strerror(ctypes.get_errno())})")
    return os.open(_OWN_NAMESPACE, os.O_RDONLY)


def enter(namespace: int) -> None:
    """Move into a network namespace."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _wire(name: str) -> socket.socket:
    """A packet socket on an interface of the outside, which has no addresses and takes no notice of packets."""
    Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    run(["ip", "link", "set", name, "up", "arp", "off"])
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((name, 0))
    return wire


def _local_socket(family: Family) -> socket.socket:
    """A raw socket whose packets bring their own IP header."""
    if family is Family.IPV4:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        return raw
    raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.setsockopt(socket.IPPROTO_IPV6, _IPV6_HDRINCL, 1)
    return raw


def configure() -> None:
    """Addresses, routes and settings of the firewall; nobody needs to be asked for a MAC address."""
    for path, value in _SETTINGS.items():
        put(path, value)
    run(["ip", "link", "set", "lo", "up"])
    for name in INTERFACES:
        for path, value in _PER_INTERFACE.items():
            put(path.format(name), value)
        run(["ip", "link", "set", name, "up", "arp", "off", "addrgenmode", "none"])
        for family in Family:
            for address in OWN[family][name]:
                extra = ["nodad"] if family is Family.IPV6 else ["broadcast", "+"]
                run(["ip", "addr", "add", address, *extra, "dev", name])
        # A packet to a link-local group is redirected to an address of that scope.
        run(["ip", "addr", "add", "fe80::1/64", "nodad", "dev", name])
    for family in Family:
        for network, name in ROUTES[family]:
            run(["ip", "-6" if family is Family.IPV6 else "-4", "route", "add", network, "dev", name])


def put(path: str, value: str) -> None:
    """Set a setting of the kernel, in the namespace of this process."""
    Path("/proc/sys", path).write_text(value)


@cache
def networks(family: Family) -> tuple[tuple[int, int, str], ...]:
    """(first, last, interface) of every route, the longest prefix first."""
    connected = [(address, name) for name, listed in OWN[family].items() for address in listed]
    found = [(ip_network(text, strict=False), name) for text, name in (*connected, *ROUTES[family])]
    found.sort(key=lambda pair: -pair[0].prefixlen)
    return tuple((int(net.network_address), int(net.broadcast_address), name) for net, name in found)


def way_out(family: Family, address: int) -> str:
    """The interface that leads to an address which is not the firewall's own."""
    return next(name for low, high, name in networks(family) if low <= address <= high)


@cache
def own(family: Family) -> Mapping[int, str]:
    """The firewall's own addresses (loopback apart) and their interfaces."""
    return {int(ip_interface(text).ip): name for name, listed in OWN[family].items() for text in listed}
