"""Rulesets that ask the same twice, with something in between that may change the answer.

What they ask is not in any export, so our answer may be that it cannot tell; that two lines ask the same does not mean
that both get the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from random import Random

from tests.conformance.probes import Pool, draw_pool
from tests.conformance.rulesets import Ruleset, ruleset
from validator.packets.fields import Family

_IPTABLES = (
    *("length --length 40", "length --length 28", "ttl --ttl-eq 77", "ttl --ttl-eq 9", "ecn --ecn-ip-ect 0"),
    *("dscp --dscp 0", "dscp --dscp 8", "tos --tos 0", "mark --mark 0x40000/0x40000", "addrtype --dst-type UNICAST"),
    *("conntrack --ctreplsrc {address}", "conntrack --ctrepldst {address}", "conntrack --ctorigdst {address}"),
    *('string --hex-string "|{hex}|" --algo bm', 'u32 --u32 "16=0x{hex}"', "conntrack --ctstatus CONFIRMED"),
)
"""Matches, behind `-m`: the module, and the option that can be negated."""
_NFT = (
    *(("ip dscp", "cs0"), ("ip dscp", "cs1"), ("ip ttl", "77"), ("ip length", "40"), ("meta length", "40")),
    *(("ct reply ip saddr", "{address}"), ("ct reply ip daddr", "{address}"), ("ct original ip daddr", "{address}")),
    *(("jhash ip daddr mod 2 seed 3", "0"), ("jhash meta mark mod 2 seed 3", "0"), ("@nh,8,8", "0")),
    *(("@nh,128,32", "0x{hex}"), ("ip checksum", "0"), ("meta priority", "0:0"), ("ip daddr", "@dyn")),
    *(("ct status", "snat"), ("ct label", "1"), ("fib daddr type", "local"), ("tcp option maxseg size", "1000")),
)
_CHANGES_OF_IPTABLES = (
    *("-j TOS --set-tos 0x10", "-j DSCP --set-dscp 8", "-j TTL --ttl-set 9", "-j MARK --set-xmark 0x40000/0x40000"),
    *("-p tcp --syn -j TCPMSS --set-mss 1000", "-m connlabel --label 1 --set", "-m length --length 40"),
)
_CHANGES_OF_NFT = (
    *("ip dscp set cs1", "ip ttl set 9", "meta priority set 1:2", "meta mark set meta mark | 0x40000"),
    *("ct label set 1", "update @dyn { ip daddr }", "counter"),
)
_AT = {"PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}


class _Lines:
    """A ruleset being made: rules of iptables by table, chains of nft."""

    def __init__(self, random: Random, pool: Pool) -> None:
        self.random, self.pool = random, pool
        self.tables: dict[str, list[str]] = {}
        self.chains: list[str] = []

    def of_packets(self, text: str) -> str:
        """`text` with an address of the pool."""
        address = ip_address(self.random.choice((*self.pool.own, *self.pool.outside)))
        return text.format(address=address, hex=f"{int(address):08x}")

    def iptables(self, table: str, chain: str, rule: str) -> None:
        """Add a rule."""
        self.tables.setdefault(table, []).append(f"-A {chain} {rule}")

    def nft(self, kind: str, chain: str, priority: int, *rules: str) -> None:
        """Add a base chain."""
        head = f"type {kind} hook {_AT[chain]} priority {priority}; policy accept;"
        self.chains.append("\n".join((f"chain c{len(self.chains)} {{", head, *rules, "}")))

    def parts(self, backend: str) -> Mapping[str, str]:
        """The texts to load."""
        found = {}
        if self.tables:
            dump = [line for table, rules in self.tables.items() for line in (f"*{table}", *rules, "COMMIT")]
            found[f"iptables-{backend}"] = "\n".join([*dump, ""])
        if self.chains:
            dyn = "set dyn { type ipv4_addr; flags dynamic,timeout; timeout 1h; }"
            found["nft"] = "\n".join(("table ip twice {", dyn, *self.chains, "}", ""))
        return found


def of_twice(random: Random, name: str) -> Ruleset:
    """What one line asks decides together with what a later one asks."""
    pool = draw_pool(random, Family.IPV4)
    lines = _Lines(random, pool)
    with_nft = random.random() < 0.5
    first, last = random.choice((("PREROUTING", "INPUT"), ("PREROUTING", "FORWARD"), ("FORWARD", "FORWARD")))
    for bit in range(random.choice((1, 2, 3))):
        _twice(lines, 1 << bit, first, last, with_nft)
    for _ in range(random.choice((0, 1, 2, 3))):
        _change(lines, random.choice((first, last)))
    if random.random() < 0.6:
        target = ip_address(random.choice((*pool.own, *pool.outside)))
        if random.random() < 0.5:
            lines.iptables("nat", "PREROUTING", f"-p tcp -j DNAT --to-destination {target}")
        else:
            lines.nft("nat", "PREROUTING", -100, f"ip protocol tcp dnat to {target}")
    return ruleset(random, name, lines.parts(random.choice(("legacy", "nft"))), {Family.IPV4: pool})


def _twice(lines: _Lines, bit: int, first: str, last: str, with_nft: bool) -> None:
    """A mark for packets of which something holds, and a drop of those with it of which that does not hold any more."""
    random = lines.random
    if with_nft:
        left, right = (lines.of_packets(text) for text in random.choice(_NFT))
        lines.nft("filter", first, -160, f"{left} {right} meta mark set meta mark | {bit:#x}")
        lines.nft("filter", last, random.choice((-140, 10)), f"{left} != {right} meta mark & {bit:#x} == {bit:#x} drop")
        return
    module, asks = lines.of_packets(random.choice(_IPTABLES)).split(" ", 1)
    lines.iptables("mangle", first, f"-m {module} {asks} -j MARK --set-xmark {bit:#x}/{bit:#x}")
    table = "mangle" if random.random() < 0.3 else "filter"
    lines.iptables(table, last, f"-m {module} ! {asks} -m mark --mark {bit:#x}/{bit:#x} -j DROP")


def _change(lines: _Lines, chain: str) -> None:
    random = lines.random
    if random.random() < 0.5:
        lines.iptables("mangle", chain, random.choice(_CHANGES_OF_IPTABLES))
    else:
        lines.nft("filter", chain, random.choice((-155, -120, -20)), random.choice(_CHANGES_OF_NFT))
