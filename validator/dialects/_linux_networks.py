"""By which interfaces of a Linux host packets come and go, and which addresses are in the networks of which one.

A bridge, bond or team takes the frames that its ports receive before IP sees them (rx_handler in the kernel's
net/core/dev.c): -i names the master at PREROUTING, INPUT and FORWARD, also for bridged packets that br_netfilter
shows; and routes lead out of a port only if it has an address of its own. (Asked of Linux 6.18 with a bridge.) A VRF
is a master as well, but its interfaces are seen: PREROUTING meets a packet with the interface, then again with the
VRF (Documentation/networking/vrf.rst).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from validator.dialects._linux_facts import Address, LinuxInterface, Network
from validator.model import LOOPBACK, Condition, Connected
from validator.packets.fields import Family, Intervals
from validator.packets.intervals import complement, intersect, normalise


def passed(interfaces: Iterable[LinuxInterface]) -> tuple[str, ...]:
    """The interfaces that packets come in or go out by: all but ports that have no address of their own."""
    return tuple(each.name for each in interfaces if not each.port or any(map(_leads, each.addresses)))


def connected(interfaces: Sequence[LinuxInterface], family: Family, condition: Condition) -> Connected | None:
    """The networks of the interfaces. Of two that hold an address the smaller one counts; one that several
    interfaces are in says any of these. None where nothing is known: no network, or several routing tables (VRFs)."""
    found: dict[Network, dict[str, None]] = {}
    by_name = {each.name: each for each in interfaces}
    seen = passed(interfaces)
    for each in interfaces:
        if each.master and not each.port:
            return None
        ways = {name: None for name in (each.name, _top(each, by_name)) if name in seen}
        for network in each.networks(family):
            if ways and each.name != LOOPBACK and _leads(network) and not _is_itself(network, each):
                found.setdefault(network, {}).update(ways)
    taken: Intervals = ()
    parts: list[tuple[Intervals, tuple[str, ...]]] = []
    for network in sorted(found, key=lambda each: (-each.prefixlen, int(each.network_address))):
        whole: Intervals = ((int(network.network_address), int(network.broadcast_address)),)
        part = intersect(whole, complement(taken, (1 << family.bits) - 1))
        if part:
            parts.append((part, tuple(found[network])))
        taken = normalise([*taken, *whole])
    return Connected(tuple(parts), condition) if parts else None


def _top(interface: LinuxInterface, by_name: Mapping[str, LinuxInterface]) -> str:
    """The interface that packets of `interface` come in by: its bridge, its bond or the bridge of this."""
    seen = set[str]()
    while interface.port and interface.name not in seen:
        seen.add(interface.name)
        interface = by_name[interface.master]
    return interface.name


def _leads(what: Address | Network) -> bool:
    """Whether an address or network says where packets go. fe80::/64 is on every interface, and says nothing."""
    return what.version == 4 or not what.is_link_local


def _is_itself(network: Network, interface: LinuxInterface) -> bool:
    """Whether a network is but an address of the interface."""
    return network.num_addresses == 1 and network not in interface.peers


__all__ = ["connected", "passed"]
