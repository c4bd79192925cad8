"""Random rulesets of iptables and ip6tables: every table and hook, what the dialect decides and some that it does not.

Made to interact: marks and states that one chain sets and another asks about, chains called from several places,
negations, and few values, so that rules hide one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from random import Random

from tests.conformance.iptables_matches import MARKS, MASKS, Table, matches
from tests.conformance.probes import Pool

_HOOKS = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_OFTEN = {"raw": 0.3, "mangle": 0.5, "nat": 0.35, "filter": 1.0, "security": 0.1}


# --- targets ------------------------------------------------------------------------------------


def _target(table: Table, hooks: frozenset[str], below: Sequence[str], matched: str) -> str:
    """A target that is allowed in this table at these hooks."""
    random = table.random
    if below and random.random() < 0.25:
        return f"{random.choice(('-j', '-j', '-g'))} {random.choice(below)}"
    ways: list[tuple[str, int]] = [("-j ACCEPT", 5), ("-j RETURN", 2), ("-j LOG --log-prefix x", 1), ("", 1)]
    if table.name != "nat":
        ways.append(("-j DROP", 4))
        ways.append((_marking(table), 6 if table.name == "mangle" else 1))
    if table.name == "filter":
        ways.append(("-j REJECT", 2))
        if "-p tcp" in matched and "! -p tcp" not in matched:
            ways.append(("-j REJECT --reject-with tcp-reset", 2))
    if table.name == "raw":
        ways.append((random.choice(("-j NOTRACK", "-j CT --notrack")), 5))
    if table.name == "nat":
        ways.append((_translation(table, hooks, matched), 9))
    return random.choices([way for way, _ in ways], [weight for _, weight in ways])[0]


def _marking(table: Table) -> str:
    random = table.random
    value, mask = random.choice(MARKS), random.choice(MASKS)
    return random.choice(
        (
            f"-j MARK --set-mark {value:#x}",
            f"-j MARK --set-xmark {value:#x}/{mask:#x}",
            f"-j MARK --and-mark {value:#x}",
            f"-j MARK --or-mark {value:#x}",
            f"-j CONNMARK --set-mark {value:#x}",
            f"-j CONNMARK --set-xmark {value:#x}/{mask:#x}",
            "-j CONNMARK --save-mark",
            "-j CONNMARK --restore-mark",
            f"-j CONNMARK --restore-mark --nfmask {mask:#x} --ctmask {random.choice(MASKS):#x}",
        )
    )


def _translation(table: Table, hooks: frozenset[str], matched: str) -> str:
    random = table.random
    ports = any(f"-p {protocol}" in matched and f"! -p {protocol}" not in matched for protocol in ("tcp", "udp"))
    port = random.choice(table.pool.ports) or 80
    if hooks <= {"PREROUTING", "OUTPUT"}:
        if random.random() < 0.35 and ports:
            return f"-j REDIRECT --to-ports {port}"
        target = str(ip_address(random.choice((*table.pool.outside, *table.pool.own))))
        if ports and random.random() < 0.6:
            return f"-j DNAT --to-destination {target if table.v4 else f'[{target}]'}:{port}"
        return f"-j DNAT --to-destination {target}"
    if hooks <= {"POSTROUTING"} and random.random() < 0.5:
        return "-j MASQUERADE"
    if hooks <= {"POSTROUTING", "INPUT"}:
        return f"-j SNAT --to-source {ip_address(random.choice(table.pool.own))}"
    return "-j ACCEPT"


# --- tables and rulesets -----------------------------------------------------------------------


def _table(random: Random, pool: Pool, name: str, sets: Sequence[tuple[str, int]]) -> list[str]:
    table = Table(name, random, pool, sets)
    built_in = [chain for chain in _HOOKS[name] if random.random() < 0.85]
    users = [f"{random.choice(('fw', 'in', 'svc', 'ACC'))}-{number}" for number in range(random.choice((0, 1, 2, 3)))]
    # From the outside in, so that it is known from which hooks a chain is reached when it is filled.
    reached: dict[str, frozenset[str]] = {chain: frozenset((chain,)) for chain in built_in}
    lines = [f"*{name}"]
    for chain in _HOOKS[name]:
        drops = name == "filter" and random.random() < 0.4 or name != "nat" and random.random() < 0.05
        lines.append(f":{chain} {'DROP' if drops else 'ACCEPT'} [0:0]")
    lines += [f":{chain} - [0:0]" for chain in users]
    for number, chain in enumerate((*built_in, *users)):
        hooks = reached.get(chain, frozenset(_HOOKS[name]))
        below = users[max(number - len(built_in) + 1, 0) :]
        for _ in range(random.choice((0, 1, 2, 3, 4, 6))):
            matched = matches(table, hooks, chain in built_in)
            target = _target(table, hooks, below, matched)
            words = target.split()
            if words[:1] in (["-j"], ["-g"]) and words[1] in users:
                reached[words[1]] = reached.get(words[1], frozenset()) | hooks
            lines.append(" ".join(f"-A {chain} {matched} {target}".split()))
    return [*lines, "COMMIT"]


def dump(random: Random, pool: Pool, sets: Sequence[tuple[str, int]] = ()) -> str:
    """The text of a ruleset of one family, for iptables-restore. `sets` are (name, number of dimensions)."""
    lines: list[str] = []
    for name, often in _OFTEN.items():
        if random.random() < often:
            lines += _table(random, pool, name, sets)
    return "\n".join([*lines, ""])
