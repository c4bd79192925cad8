"""What `--record` asks the kernel about: features.yaml, one small ruleset for each feature.

A packet there is `{tcp: 80}`, `{udp: 53}`, `{icmp: 3/1}` or `{icmpv6: 128}` with what is special about it: `from`
and `to` addresses, the source `port`, TCP `flags`, the interface it comes `in` by, its `mac`, `out: true` where it
is the firewall's own; `of: onward` or `of: reply` makes it a packet of the connection that it would open.
`bare: true` beside the packets: only the rules are exported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import yaml

from tests.conformance.cases import Case
from tests.conformance.connections import followers
from tests.conformance.kernel import Kernel
from tests.conformance.loading import LOADERS
from tests.conformance.probes import placed
from tests.conformance.rulesets import SETTINGS, Ruleset, translates
from tests.conformance.run import ask, is_mirrored, odd_state, prepare
from tests.conformance.wire import Probe, lone_state
from validator.engine.packet import Packet, packet_from_json
from validator.packets.fields import ICMP, ICMPV6, Field

_FILE = Path(__file__).with_name("features.yaml")
_KEYS = {
    "from": "source",
    "to": "destination",
    "port": "source_port",
    "in": "in_interface",
    "mac": "mac",
    "tcp": "destination_port",
    "udp": "destination_port",
}
_MAC = 0x0200000000AA


def record(kernel: Kernel) -> Iterator[Case]:
    """What the kernel says of every feature's packets. Raises RuntimeError where it cannot be asked."""
    for feature in yaml.safe_load(_FILE.read_text()):
        parts = {kind: feature[kind] for kind in (SETTINGS, *LOADERS) if kind in feature}
        ruleset = Ruleset(feature["name"], parts, {}, translates(parts), bare=feature.get("bare", False))
        for short in feature["packets"]:
            yield _asked(kernel, ruleset, packet(short), short.get("of", ""))


def _asked(kernel: Kernel, ruleset: Ruleset, packet: Packet, of: str) -> Case:
    openings = [Probe(packet, identifier=60_000)] if of else []
    made, problem = prepare(kernel, ruleset, openings)
    if problem or len(made) != len(openings):
        raise RuntimeError(f"{ruleset.name}: {problem or 'the connection was not made'}")
    probe = Probe(packet)
    if made:
        probe = next(each for each in followers(Random(0), made[0]) if each.reply is (of == "reply"))
    (verdict, state), *_ = ask(kernel, [probe])
    if odd_state(probe, state):
        raise RuntimeError(f"{ruleset.name}: {odd_state(probe, state)}")
    opening = probe.opening if is_mirrored(ruleset, probe) else None
    return Case(ruleset.name, kernel.exports(ruleset), probe.packet, verdict, opening)


def packet(short: Mapping[str, str | int | bool]) -> Packet:
    """The packet that `short` describes; from 10.1.0.5 to 10.1.0.1 (IPv6 alike) over eth0 if it does not say."""
    six = "icmpv6" in short or ":" in str(short.get("from", ""))
    whole: dict[str, object] = {
        "source": "fd01::5" if six else "10.1.0.5",
        "destination": "fd01::1" if six else "10.1.0.1",
        "protocol": next(name for name in ("tcp", "udp", "icmp", "icmpv6") if name in short),
        **{_KEYS[key]: value for key, value in short.items() if key in _KEYS},
    }
    for name in {"icmp", "icmpv6"} & set(short):
        kind, _, code = str(short[name]).partition("/")
        whole |= {"icmp_type": int(kind), "icmp_code": int(code or 0)}
    if "flags" in short:
        whole["tcp_flags"] = str(short["flags"]).split(",")
    if "out" in short:
        whole["hook"] = "output"
    found = packet_from_json(whole)
    values = dict(found.values)
    protocol = values[Field.PROTOCOL]
    values[Field.STATE] = int(lone_state(protocol, values[Field.TCP_FLAGS], values[Field.ICMP_TYPE]))
    if protocol not in (ICMP, ICMPV6):
        values[Field.ICMP_TYPE] = 0
    if found.in_interface:
        values.setdefault(Field.MAC, _MAC)
    return placed(Packet(found.hook, found.family, values, found.in_interface))
