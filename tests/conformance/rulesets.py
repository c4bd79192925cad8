"""A ruleset as a test has it: texts to load, and the pools its packets are drawn from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from tests.conformance import ipset_rules, iptables_rules, nft_rules
from tests.conformance.probes import Pool, draw_pool
from validator.packets.fields import Family

_TRANSLATES = re.compile(r"-j (?:[SD]NAT|REDIRECT|MASQUERADE|NETMAP)|\b[sd]nat\b|\bredirect\b|\bmasquerade\b")
_CHANGES = re.compile(r"-j (?:CONN)?MARK|(?i:notrack)|mark set")
_STOPS = re.compile(
    r"(?<=-j )(?:DROP|REJECT.*)|(?<= )DROP(?= \[)|(?<=policy )drop|\b(?:drop|reject(?: with tcp reset)?)$"
)
SETTINGS = "sysctl"
"""The part of a ruleset that says what is set otherwise than usual, as sysctl prints it."""
_STILL = "net.ipv4.ip_forward = 0\nnet.ipv6.conf.all.forwarding = 0\n"
_COMMANDS = {Family.IPV4: "iptables", Family.IPV6: "ip6tables"}


@dataclass(frozen=True, slots=True)
class Ruleset:
    """`parts` are texts by kind (loading.LOADERS, SETTINGS); `translates`: some rule translates addresses; `changes`:
    or sets a mark or a state, which a packet over loopback brings along from OUTPUT to PREROUTING.

    `bare`: only the rules are exported, not what else a host is; `as_json`: nft's rules are exported with `nft -j`;
    `through_nft`: so are those of iptables-nft, `beside` what iptables-save says, or `instead` of it.
    """

    name: str
    parts: Mapping[str, str]
    pools: Mapping[Family, Pool]
    translates: bool
    changes: bool = True
    bare: bool = False
    as_json: bool = False
    through_nft: str = ""


def ruleset(random: Random, name: str, parts: Mapping[str, str], pools: Mapping[Family, Pool]) -> Ruleset:
    """A ruleset, exported in one way or another."""
    changes = translates(parts) or any(_CHANGES.search(text) for text in parts.values())
    through_nft = (
        random.choices(("", "beside", "instead"), (6, 1, 1))[0] if any("-nft" in kind for kind in parts) else ""
    )
    bare, as_json = random.random() < 0.3, random.random() < 0.3
    if not bare and random.random() < 0.15:  # where it is not exported, forwarding is assumed
        parts = {**parts, SETTINGS: _STILL}
    return Ruleset(name, parts, pools, translates(parts), changes, bare, as_json, through_nft)


def translates(parts: Mapping[str, str]) -> bool:
    """Whether some rule translates addresses."""
    return any(_TRANSLATES.search(text) for text in parts.values())


def lenient(random: Random, found: Ruleset) -> Ruleset:
    """The ruleset with most of what stops packets turned into its opposite: else hardly a connection gets through."""
    parts = {
        kind: "\n".join(_turned(line) if random.random() < 0.65 else line for line in text.split("\n"))
        for kind, text in found.parts.items()
    }
    return replace(found, parts=parts)


def _turned(line: str) -> str:
    return _STOPS.sub(lambda stop: "ACCEPT" if stop[0][0].isupper() else "accept", line)


def of_iptables(random: Random, name: str) -> Ruleset:
    """iptables and ip6tables, of one backend."""
    return _of_iptables(random, name, with_sets=False)


def of_ipset(random: Random, name: str) -> Ruleset:
    """The same, with sets that the rules ask about."""
    return _of_iptables(random, name, with_sets=True)


def _of_iptables(random: Random, name: str, with_sets: bool) -> Ruleset:
    backend = random.choice(("legacy", "nft"))
    pools = _pools(random)
    parts: dict[str, str] = {}
    for family, pool in pools.items():
        texts, names = ipset_rules.sets(random, pool) if with_sets else ("", [])
        if texts:
            parts["ipset"] = parts.get("ipset", "") + texts
        parts[f"{_COMMANDS[family]}-{backend}"] = iptables_rules.dump(random, pool, names)
    return ruleset(random, name, parts, pools)


def of_nft(random: Random, name: str) -> Ruleset:
    """Tables of nft."""
    pools = _pools(random)
    text = nft_rules.ruleset(random, list(pools.values()))
    return ruleset(random, name, {"nft": text}, spoken_of(text, pools))


def of_both(random: Random, name: str) -> Ruleset:
    """iptables and nft together: a packet must please both."""
    found = of_iptables(random, name)
    nft = nft_rules.ruleset(random, list(found.pools.values()), beside_iptables=True)
    return ruleset(random, name, {**found.parts, "nft": nft}, found.pools)


def spoken_of(text: str, pools: Mapping[Family, Pool]) -> dict[Family, Pool]:
    """The pools of the families that some table of an nft ruleset is for."""
    tables = {Family.IPV4: ("table inet ", "table ip "), Family.IPV6: ("table inet ", "table ip6 ")}
    return {family: pool for family, pool in pools.items() if any(table in text for table in tables[family])}


def _pools(random: Random) -> dict[Family, Pool]:
    families = random.choice(((Family.IPV4,), (Family.IPV4,), (Family.IPV6,), tuple(Family)))
    return {family: draw_pool(random, family) for family in families}
