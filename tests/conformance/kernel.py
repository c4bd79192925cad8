"""The kernel's answers: load a ruleset into the firewall's namespace, send packets, read which got through.

A table of our own notes packets at both ends of netfilter: when they have been given their state, and after
every other chain. It then drops them, so that no connection is made and nothing answers; `keep` lets them pass,
to make connections. What the firewall itself makes (resets, ICMP errors) is dropped at once.
"""

from __future__ import annotations

import errno
import json
import struct
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from tests.conformance.loading import TABLE, Loading
from tests.conformance.namespaces import Topology, run
from tests.conformance.netlink import elements
from tests.conformance.wire import HOPS
from validator.engine.packet import Packet
from validator.model import Hook
from validator.packets.fields import Family, Field, State

_LAST = 2**31 - 2
FIRST_LOOPING = 61_000
"""Packets to the firewall itself with this number or a higher one pass at the end of POSTROUTING, and come in again."""
_KEYS = {
    Family.IPV4: ("ip id", "ip saddr . ip daddr", "ip ttl", "meta nfproto ipv4"),
    Family.IPV6: ("@nh,16,16", "ip6 saddr . ip6 daddr", "ip6 hoplimit", "meta nfproto ipv6"),
}
_ADDRESS = {Family.IPV4: IPv4Address, Family.IPV6: IPv6Address}
_MAC = 0x0200000000AA
_ETHERTYPE = {Family.IPV4: b"\x08\x00", Family.IPV6: b"\x86\xdd"}
_STATES = {1: State.INVALID, 2: State.ESTABLISHED, 4: State.RELATED, 8: State.NEW, 64: State.UNTRACKED}
"""NF_CT_STATE_BIT of linux/netfilter/nf_conntrack_common.h."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A packet that got through: by which hook (input, or postrouting), in which state, and its addresses and
    ports in the end, as translated."""

    hook: str
    state: State
    source: int
    destination: int
    source_port: int
    destination_port: int


@dataclass(slots=True)
class Seen:
    """What the kernel did with a batch, by number: the state it gave each packet (missing where the packet was
    dropped before that), and the passages of those that got through."""

    states: dict[int, State] = field(default_factory=dict)
    passed: dict[int, list[Passage]] = field(default_factory=dict)


def probe_table(keep: bool) -> str:
    """The table that notes packets, as input for nft."""
    lines = [f"table {TABLE} {{}}", f"delete table {TABLE}", f"table {TABLE} {{"]
    for family, (number, ends, _, _) in _KEYS.items():
        lines.append(f" set state_{family} {{ typeof {number} . ct state; size 65535; flags dynamic; }}")
        for hook in ("input", "postrouting"):
            key = f"{number} . ct state . {ends} . th sport . th dport"
            lines.append(f" set {hook}_{family} {{ typeof {key}; size 65535; flags dynamic; }}")
    end = "accept" if keep else "drop"
    hops = " ; ".join(f"{only} {ttl} != {{ {HOPS}, {HOPS - 1} }} drop" for _, _, ttl, only in _KEYS.values())
    lines += [
        " counter arrived {}",
        " chain first_in { type filter hook prerouting priority -2147483648; iif != lo counter name arrived; }",
        f" chain first_out {{ type filter hook output priority -2147483648; {hops}; counter name arrived; }}",
    ]
    for hook in ("prerouting", "output"):
        notes = [f"{only} add @state_{f} {{ {n} . ct state }}" for f, (n, _, _, only) in _KEYS.items()]
        lines.append(f" chain state_{hook} {{ type filter hook {hook} priority -199; {' ; '.join(notes)}; }}")
    for hook in ("input", "postrouting"):
        notes = [
            f"{only} add @{hook}_{f} {{ {n} . ct state . {ends} . th sport . th dport }}"
            for f, (n, ends, _, only) in _KEYS.items()
        ]
        if hook == "postrouting":
            notes += [f"{only} oif lo {n} >= {FIRST_LOOPING} accept" for n, _, _, only in _KEYS.values()]
        lines.append(f" chain last_{hook} {{ type filter hook {hook} priority {_LAST}; {' ; '.join(notes)}; {end}; }}")
    return "\n".join([*lines, "}", ""])


class Kernel(Loading):
    """The firewall of a topology: what is loaded, and what has been sent since it was last read."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._sent = 0
        super().__init__(probe_table(False))

    def clear(self) -> None:
        """No rules, no sets, no connections, nothing noted; packets are dropped at the end."""
        super().clear()
        self._sent = 0

    def keep(self, connections: bool) -> None:
        """From now on packets pass at the end (and make connections), or are dropped there."""
        run(["nft", "-f", "-"], probe_table(connections))
        self._sent = 0

    def send(self, packet: Packet, data: bytes) -> None:
        """Send a packet (`data`: as bytes) to the hook it is at."""
        self._sent += 1
        if packet.hook is Hook.OUTPUT:
            target = str(_ADDRESS[packet.family](packet.values[Field.DESTINATION]))
            try:
                self._topology.local[packet.family].sendto(data, (target, 0))
            except PermissionError as refused:
                if refused.errno != errno.EPERM:  # EPERM: dropped at OUTPUT
                    raise
            return
        wire, mac = self._topology.wires[packet.in_interface], self._topology.macs[packet.in_interface]
        wire.send(mac + packet.values.get(Field.MAC, _MAC).to_bytes(6, "big") + _ETHERTYPE[packet.family] + data)

    def read(self) -> Seen:
        """What has become of the packets since the last reading. Raises RuntimeError where some never arrived."""
        arrived = 0
        for patience in range(20):
            time.sleep(0.005 * patience)
            listed = run(["nft", "-j", "reset", "counter", *TABLE.split(), "arrived"]).stdout
            arrived += sum(
                entry["counter"]["packets"] for entry in json.loads(listed)["nftables"] if "counter" in entry
            )
            if arrived >= self._sent:
                break
        if arrived != self._sent:
            raise RuntimeError(f"{self._sent} packets were sent and {arrived} arrived")
        seen = Seen()
        names = [(hook, family) for hook in ("state", "input", "postrouting") for family in Family]
        for hook, family in names:
            for key in elements(TABLE.split()[1], f"{hook}_{family}"):
                _note(seen, hook, family.bits // 8, key)
        run(["nft", "-f", "-"], "\n".join(f"flush set {TABLE} {hook}_{family}" for hook, family in names))
        self._sent = 0
        return seen


def _note(seen: Seen, hook: str, size: int, key: bytes) -> None:
    """Take in an element of a set: number, state, and the packet's ends, addresses of `size` bytes."""
    number, state = struct.unpack_from("!H", key)[0], _STATES[struct.unpack_from("=I", key, 4)[0]]
    if hook == "state":
        seen.states[number] = state
        return
    source, destination = (int.from_bytes(key[at : at + size], "big") for at in (8, 8 + size))
    ports = struct.unpack_from("!H2xH", key, 8 + 2 * size)
    seen.passed.setdefault(number, []).append(Passage(hook, state, source, destination, *ports))
