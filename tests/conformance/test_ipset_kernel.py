"""Sets as the kernel has them: random packets through a rule that asks about random sets, and the same asked of us.

Needs root, ipset and iptables. The packets are sent inside a network namespace of their own; one that the rule
did not drop is seen on loopback.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest

from tests.build import chain, firewall
from validator.dialects import ipset_save
from validator.dialects._ipset_elements import DIMENSIONS
from validator.dialects._ipset_matches import set_match
from validator.dialects._linux_facts import Host, named_sets
from validator.engine.interpret import interpret
from validator.engine.packet import Packet
from validator.model import DROP, ConditionMatch, Hook, Match, Rule
from validator.packets.fields import Family, Field
from validator.source import Ledger, Span, from_bytes

ROOT = Path(__file__).parents[2]
TYPES = [*(each for each in DIMENSIONS if each != "list:set"), "list:set"]
NETS = ("net",)
PACKETS = 120
SETS_OF_A_TYPE = 5
PROTOCOLS = (1, 6, 17, 132, 136, 33, 47, 58)
PORTS = (0, 79, 80, 81, 443)
CODES = ((8, 0), (3, 1), (3, 4), (0, 0), (128, 0))


@dataclass(frozen=True)
class Probe:
    """A packet as numbers."""

    source: int
    destination: int
    protocol: int
    ports: tuple[int, int]
    icmp: tuple[int, int]


def reason() -> str:
    """Why these tests cannot run here, empty if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux"
    for tool in ("ipset", "iptables", "ip6tables", "unshare", "ip"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    tried = subprocess.run(["unshare", "-n", "ipset", "create", "x", "hash:ip"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "the kernel has no sets, or grants no network namespace"


def base(family: Family) -> int:
    return int(ip_address("10.0.0.0" if family is Family.IPV4 else "fd00::"))


def text_of(number: int, family: Family) -> str:
    return str(IPv6Address(number) if family is Family.IPV6 else IPv4Address(number))


class Writer:
    """Writes random sets as `ipset restore` reads them."""

    def __init__(self, chance: random.Random, family: Family) -> None:
        self._chance, self._family = chance, family

    def create(self, name: str, kind: str) -> list[str]:
        """The lines of one set."""
        options = [] if kind in ("hash:mac", "bitmap:port", "list:set") or kind.startswith("bitmap") else ["family"]
        options += ["inet" if self._family is Family.IPV4 else "inet6"] if options else []
        if kind == "hash:ip" and self._chance.random() < 0.4:
            options += ["netmask", str(self._family.bits - self._chance.choice((1, 2, 3)))]
        if kind.startswith("bitmap:ip"):
            options += ["range", "10.0.0.0/24"]
        if kind == "bitmap:ip" and self._chance.random() < 0.4:
            options += ["netmask", "30"]
        if kind == "bitmap:port":
            options += ["range", "0-1000"]
        lines = [f"create {name} {kind} {' '.join(options)}".rstrip()]
        for _ in range(self._chance.randrange(1, 14)):
            element = ",".join(self._part(part, kind) for part in DIMENSIONS[kind])
            denies = "net" in DIMENSIONS[kind] and self._chance.random() < 0.3
            wild = "iface" in DIMENSIONS[kind] and not denies and self._chance.random() < 0.3
            lines.append(f"add {name} {element}{' nomatch' if denies else ''}{' wildcard' if wild else ''} -exist")
        return lines

    def _part(self, part: str, kind: str) -> str:
        chance, family = self._chance, self._family
        number = base(family) + chance.randrange(1, 24)
        match part:
            case "ip":
                if family is Family.IPV4 and chance.random() < 0.1 and kind in ("hash:ip", "bitmap:ip"):
                    return f"{text_of(number, family)}-{text_of(number + 5, family)}"
                return text_of(number, family)
            case "net":
                if family is Family.IPV4 and kind == "hash:net" and chance.random() < 0.1:
                    return f"{text_of(number, family)}-{text_of(number + 9, family)}"
                return f"{text_of(number, family)}/{family.bits - chance.randrange(0, 6)}"
            case "port":
                if kind == "bitmap:port":
                    return chance.choice(("80", "79-81", "443", "0"))
                return self._port()
            case "mac":
                return f"02:00:00:00:00:0{chance.randrange(5)}"
            case "mark":
                return hex(chance.randrange(4))
        return chance.choice(("lo", "eth0", "l", "et"))

    def _port(self) -> str:
        icmp = "icmp" if self._family is Family.IPV4 else "icmpv6"
        code = self._chance.choice(CODES)
        choices = ("80", "tcp:79-81", "udp:80", "sctp:443", "udplite:80", "gre:0", "33:0", "tcp:0")
        return self._chance.choice((*choices, f"{icmp}:{code[0]}/{code[1]}", f"{icmp}:{code[0]}/{code[1]}"))


def probes(chance: random.Random, family: Family) -> list[Probe]:
    def one() -> int:
        return base(family) + chance.randrange(0, 32)

    return [
        Probe(
            one(),
            one(),
            chance.choice(PROTOCOLS),
            (chance.choice(PORTS), chance.choice(PORTS)),
            chance.choice(CODES),
        )
        for _ in range(PACKETS)
    ]


def on_the_wire(number: int, probe: Probe, family: Family) -> bytes:
    """A packet whose IPv4 identification or IPv6 flow label is `number`."""
    icmp = probe.protocol in (1, 58)
    head = struct.pack("!BBHHH", *probe.icmp, 0, 1, 1) if icmp else struct.pack("!HHHH", *probe.ports, 8, 0)
    body = head + (b"\x00\x00\x00\x00\x50\x02" + bytes(14) if probe.protocol == 6 else bytes(16))
    if family is Family.IPV4:
        ends = struct.pack("!II", probe.source, probe.destination)
        return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), number, 0, 64, probe.protocol, 0) + ends + body
    ends = probe.source.to_bytes(16, "big") + probe.destination.to_bytes(16, "big")
    return struct.pack("!IHBB", 6 << 28 | number, len(body), probe.protocol, 64) + ends + body


def in_the_kernel(restore: str, rules: list[list[str]], packets: list[bytes], family: Family) -> list[list[int]]:
    """For each rule the numbers of the packets that it matched; run in a namespace of its own (see `main`)."""
    job = {"restore": restore, "rules": rules, "packets": [each.hex() for each in packets], "family": family.value}
    command = ["unshare", "-n", sys.executable, "-m", "tests.conformance.test_ipset_kernel"]
    done = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    answer: list[list[int]] = json.loads(done.stdout)
    return answer


def main() -> None:
    """Read a job, load its sets, send its packets once for each rule, and write what was dropped."""
    job = json.load(sys.stdin)
    four = job["family"] == "ipv4"
    tables = "iptables" if four else "ip6tables"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ipset", "restore"], input=job["restore"], text=True, check=True)
    subprocess.run([tables, "-A", "INPUT", "-j", "DROP"], check=True)
    kind, here = (socket.AF_INET, "127.0.0.1") if four else (socket.AF_INET6, "::1")
    sender = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW)
    seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800 if four else 0x86DD))
    seen.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    seen.bind(("lo", 0x0800 if four else 0x86DD))
    seen.settimeout(2)
    answer = []
    last = 0xFFFE
    for rule in job["rules"]:
        subprocess.run([tables, "-F", "OUTPUT"], check=True)
        subprocess.run([tables, "-A", "OUTPUT", *rule, "-j", "DROP"], check=True)
        passed: set[int] = set()
        packets = [bytes.fromhex(each) for each in job["packets"]]
        for packet in packets:
            with suppress(PermissionError):  # what OUTPUT drops
                sender.sendto(packet, (here, 0))
        subprocess.run([tables, "-F", "OUTPUT"], check=True)
        marker = bytearray(packets[0])
        marker[4 if four else 2 : 6 if four else 4] = struct.pack("!H", last)
        sender.sendto(bytes(marker), (here, 0))
        while last not in passed:
            packet = seen.recv(200)
            passed.add(struct.unpack("!H", packet[4:6] if four else packet[2:4])[0])
        answer.append([n for n in range(len(packets)) if n + 1 not in passed])
    json.dump(answer, sys.stdout)


def by_us(match: Match, probe: Probe, family: Family) -> bool:
    """Whether the model's rule matches."""
    wall = firewall(chain("out", Rule((match,), DROP, Span("x", 1)), policy="accept"), family=family, output="out")
    values = {
        Field.SOURCE: probe.source,
        Field.DESTINATION: probe.destination,
        Field.PROTOCOL: probe.protocol,
        Field.SOURCE_PORT: probe.ports[0],
        Field.DESTINATION_PORT: probe.ports[1],
        Field.ICMP_TYPE: probe.icmp[0],
        Field.ICMP_CODE: probe.icmp[1],
    }
    verdict = interpret([wall], Packet(Hook.OUTPUT, family, values, "", "lo")).verdict
    assert verdict in ("accept", "drop")
    return verdict == "drop"


def supported(kind: str) -> bool:
    options = ["range", "10.0.0.0/24"] if "bitmap:ip" in kind else ["range", "0-9"] if kind == "bitmap:port" else []
    command = ["unshare", "-n", "ipset", "create", "x", kind, *options]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(bool(reason()), reason=reason() or "-")
@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("seed", range(2))
def test_random_packets_are_in_the_sets_that_the_kernel_says(seed: int, family: Family) -> None:
    chance = random.Random(seed)
    writer = Writer(chance, family)
    kinds = [kind for kind in TYPES if supported(kind) and not (kind.startswith("bitmap:ip") and family is Family.IPV6)]
    kinds = [kind for kind in kinds if kind not in ("list:set", "bitmap:ip,mac")]  # a MAC is learned from packets
    lines: list[str] = []
    names: dict[str, str] = {}
    for number, kind in enumerate(kind for kind in kinds for _ in range(SETS_OF_A_TYPE)):
        names[f"s{number}"] = kind
        lines += writer.create(f"s{number}", kind)
    lines.append("create all list:set size 32")
    lines += [
        f"add all {name} -exist" for name in chance.sample([n for n in sorted(names) if "iface" not in names[n]], 4)
    ]
    names["all"] = "list:set"
    asked = []
    for name in names:
        flags = ",".join(chance.choice(("src", "dst")) for _ in range(chance.choice((1, 2, 2, 3, 3, 3))))
        asked.append((name, flags, chance.random() < 0.3))
    rules = [["-m", "set", *(["!"] if no else []), "--match-set", name, flags] for name, flags, no in asked]
    sent = probes(chance, family)
    restore = "\n".join(lines) + "\n"
    kernel = in_the_kernel(restore, rules, [on_the_wire(n, each, family) for n, each in enumerate(sent, 1)], family)
    source = from_bytes(restore.encode(), "sets")
    ledger = Ledger(source.lines)
    data = ipset_save.parse(source, ledger).data
    assert isinstance(data, tuple)
    assert ledger.unsupported() == []
    host = Host("host", family, sets=named_sets(data, family))
    for (name, flags, negated), matched in zip(asked, kernel, strict=True):
        match = set_match(host, name, tuple(flags.split(",")), negated, "dump")
        if isinstance(match, ConditionMatch):
            assert "an element and one with nomatch name the same interface" in match.condition.text
            continue
        ours = [n for n, probe in enumerate(sent) if by_us(match, probe, family)]
        created = [line for line in lines if line.split()[1] == name]
        assert ours == matched, (names[name], flags, negated, created, [sent[n] for n in set(ours) ^ set(matched)])


if __name__ == "__main__":
    main()
