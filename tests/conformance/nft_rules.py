"""Random rulesets of nft: tables of one family or both, several base chains at a hook, sets, maps and verdict maps,
concatenations and intervals, marks, states and translation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from random import Random

from tests.conformance.namespaces import INTERFACES
from tests.conformance.nft_matches import MARKS, SINGLE_STATES, Table, agrees, matches
from tests.conformance.probes import Pool

_VERDICTS = ("accept", "drop", "return", "continue", "jump", "goto")
_BASES = (
    *(("filter", "prerouting", priority) for priority in (-300, -250, -150, 0)),
    *(("filter", "input", priority) for priority in (-150, -10, 0, 0, 10)),
    *(("filter", "forward", priority) for priority in (-150, 0, 0, 10)),
    *(("filter", "output", priority) for priority in (-300, -150, 0, 0, 10)),
    *(("filter", "postrouting", priority) for priority in (-150, 0)),
    *(("nat", "prerouting", -100), ("nat", "prerouting", -90), ("nat", "output", -100)),
    *(("nat", "postrouting", 100), ("nat", "input", 100), ("route", "output", -150)),
    # Translation takes place at its own priority, whatever that of its chain is.
    *(("nat", "prerouting", 5), ("nat", "postrouting", -170)),
)


# --- statements -----------------------------------------------------------------------------------


def _marking(table: Table) -> str:
    value = table.random.choice(MARKS)
    return table.random.choice(
        (
            f"meta mark set {value:#x}",
            f"meta mark set meta mark or {value:#x}",
            f"meta mark set meta mark and {value:#x}",
            f"meta mark set meta mark xor {value:#x}",
            f"ct mark set {value:#x}",
            "ct mark set meta mark",
            "meta mark set ct mark",
        )
    )


def _aside(table: Table, parts: Sequence[str]) -> str:
    """Something that changes nothing about a packet's way, but ends the rule for some; empty where it contradicts."""
    random, pool = table.random, table.pool()
    ip, icmp = table.words(pool)[:2]
    protocol = random.choice(("tcp", "udp"))
    one, other = random.sample(pool.ports, 2)
    found = random.choice(
        (
            f"{ip} dscp set cs1",
            f"{ip} ecn set ce",
            "ip ttl set 9" if ip == "ip" else "ip6 hoplimit set 9",
            "tcp option maxseg size set 1400",
            "reset tcp option timestamp",
            "tcp urgptr set 0",
            f'counter name {protocol} dport map {{ {one} : "hits", {other} : "hits" }}',
            f'limit name {protocol} dport map {{ {one} : "below", {other} : "above" }}',
            f'limit name "{random.choice(("below", "above"))}"',
            f"{random.choice(('add', 'update', 'delete'))} @{icmp}_seen {{ {ip} {random.choice(('saddr', 'daddr'))} }}",
            f"meta priority set {protocol} sport map {{ {one} : 1:1 }}",
        )
    )
    return found if agrees(parts, found) else ""


_OBJECTS = (
    "  counter hits { }",
    "  limit below { rate 100000/second burst 100000 packets; }",
    "  limit above { rate over 100000/second burst 100000 packets; }",
)
"""What these statements name."""


def _verdict(table: Table, below: Sequence[str]) -> str:
    if below and table.random.random() < 0.3:
        return f"{table.random.choice(('jump', 'jump', 'goto'))} {table.random.choice(below)}"
    return table.random.choices(("accept", "drop", "return", "continue"), (5, 4, 2, 1))[0]


def _verdict_map(table: Table, below: Sequence[str]) -> str:
    pool = table.pool()
    ip, _, kind, _ = table.words(pool)

    def pairs(make: Callable[[], str]) -> str:
        keys = sorted({make() for _ in range(table.random.randint(1, 4))})
        return "{ " + ", ".join(f"{key} : {_verdict(table, below)}" for key in keys) + " }"

    named = [name for name, holds in table.vmaps if holds == kind]
    options = [
        f"{table.protocol()} dport vmap {pairs(lambda: table.port(pool))}",
        f"ct state vmap {pairs(lambda: table.random.choice(SINGLE_STATES))}",
        f"{ip} saddr . tcp dport vmap {pairs(lambda: f'{table.address(pool)} . {table.port(pool)}')}",
        f"{ip} daddr vmap {pairs(lambda: table.address(pool))}",
        f"meta l4proto vmap {pairs(lambda: table.random.choice(('tcp', 'udp', 'sctp')))}",
        f"iifname vmap {pairs(lambda: table.random.choice(INTERFACES))}",
        f"meta mark vmap {pairs(lambda: hex(table.random.choice(MARKS)))}",
    ]
    options += [f"{ip} saddr vmap @{name}" for name in named for _ in range(2)]
    return table.random.choice(options)


def _translation(table: Table, hook: str, parts: Sequence[str]) -> str:
    random, pool = table.random, table.pool()
    word = table.words(pool)[0]
    if not agrees(parts, f"{word} daddr"):
        return "accept"
    ports = any(part.startswith(("tcp ", "udp ")) for part in parts)
    port = random.choice(pool.ports) or 80
    target = table.address(pool)
    if hook in ("prerouting", "output"):
        if random.random() < 0.35:
            return f"redirect to :{port}" if ports else "redirect"
        if ports and random.random() < 0.6:
            return f"dnat {word} to {target if word == 'ip' else f'[{target}]'}:{port}"
        return f"dnat {word} to {target}"
    if hook == "postrouting" and random.random() < 0.5:
        return "masquerade"
    return f"snat {word} to {ip_address(random.choice(pool.own))}"


def _rule(table: Table, base: tuple[str, str, int] | None, below: Sequence[str]) -> str:
    random = table.random
    parts = matches(table)
    if random.random() < 0.15:
        fates = _verdict_map(table, below)
        return " ".join([*parts, fates] if agrees(parts, fates) else [fates])
    matched = " ".join(parts)
    kind, hook, priority = base or ("", "", 0)
    statement = _verdict(table, below)
    chance = random.random()
    if table.plain:
        return f"{matched} {statement}"
    if kind == "nat" and chance < 0.5:
        statement = _translation(table, hook, parts)
    elif kind == "filter" and priority == -300 and chance < 0.4:
        statement = "notrack"
    elif hook in ("input", "forward", "output") and kind == "filter" and chance < 0.15:
        statement = "reject with tcp reset" if matched.startswith("tcp ") else "reject"
    elif chance < 0.35 and kind != "nat":
        statement = _marking(table)
        if random.random() < 0.3:
            statement += " " + random.choice(("accept", "drop", "return"))
    elif chance > 0.95:
        statement = random.choice(("", "counter", 'log prefix "x"'))
    aside = _aside(table, parts) if random.random() < 0.15 and statement.split(" ")[0] in _VERDICTS else ""
    return f"{matched} {random.choice(('', '', '', 'counter'))} {aside} {statement}"


# --- tables ----------------------------------------------------------------------------------------


def _sets_of(table: Table, pool: Pool) -> Iterator[str]:
    """Named sets and a verdict map of one family."""
    ip, _, kind, _ = table.words(pool)
    wanted: tuple[tuple[str, str, str, Callable[[], str]], ...] = (
        (f"{ip}_hosts", kind, "", lambda: table.address(pool)),
        (f"{ip}_nets", kind, "flags interval; auto-merge; ", lambda: table.network(pool)),
        (f"{ip}_pairs", f"{kind} . inet_service", "", lambda: f"{table.address(pool)} . {table.port(pool)}"),
    )
    for name, holds, flags, make in wanted:
        if table.random.random() < 0.5:
            elements = f"elements = {table.listed(make, 4)}; " if table.random.random() < 0.9 else ""
            yield f"  set {name} {{ type {holds}; {flags}{elements}}}"
            table.sets.append((name, holds))
    if table.random.random() < 0.4:
        keys = sorted({table.address(pool) for _ in range(3)})
        listed = ", ".join(f"{key} : {table.random.choice(('accept', 'drop', 'return'))}" for key in keys)
        yield f"  map {ip}_fates {{ type {kind} : verdict; elements = {{ {listed} }}; }}"
        table.vmaps.append((f"{ip}_fates", kind))


def _sets(table: Table) -> list[str]:
    """Named sets and verdict maps, of the families of the table."""
    lines = [line for pool in table.pools for line in _sets_of(table, pool)]
    for pool in table.pools:
        _, icmp, kind, _ = table.words(pool)
        lines.append(f"  set {icmp}_seen {{ type {kind}; {table.random.choice(('', 'flags dynamic; '))}size 65535; }}")
    if table.random.random() < 0.5:
        low, high = sorted(table.random.sample(table.pools[0].ports, 2))
        lines.append(f"  set ports {{ type inet_service; flags interval; auto-merge; elements = {{ {low}-{high} }}; }}")
        table.sets.append(("ports", "inet_service"))
    return lines


def _table(random: Random, name: str, pools: Sequence[Pool], taken: set[tuple[str, int]], plain: bool) -> list[str]:
    table = Table(random, pools, plain=plain)
    family = "inet" if len(pools) > 1 or random.random() < 0.5 else table.words(pools[0])[0]
    lines = [f"table {family} {name} {{", *_OBJECTS, *_sets(table)]
    users = [f"c{number}" for number in range(random.choice((0, 1, 2, 3)))]
    for number, user in reversed(list(enumerate(users))):
        lines.append(f"  chain {user} {{")
        lines += [
            f"    {' '.join(_rule(table, None, users[number + 1 :]).split())}" for _ in range(random.randint(0, 4))
        ]
        lines.append("  }")
    bases = [base for base in _BASES if not plain or base[0] != "nat"]
    for number, (kind, hook, priority) in enumerate(random.sample(bases, random.randint(2, 6))):
        while not plain and (hook, priority) in taken and random.random() < 0.8:
            priority += 1
        taken.add((hook, priority))
        policy = "drop" if kind == "filter" and random.random() < 0.3 else "accept"
        lines.append(f"  chain base{number} {{")
        lines.append(f"    type {kind} hook {hook} priority {priority}; policy {policy};")
        base = (kind, hook, priority)
        lines += [f"    {' '.join(_rule(table, base, users).split())}" for _ in range(random.randint(1, 6))]
        lines.append("  }")
    return [*lines, "}"]


def ruleset(random: Random, pools: Sequence[Pool], beside_iptables: bool = False) -> str:
    """The text of a ruleset, for `nft -f`.

    Which of two chains with one priority comes first is in no dump, so the answer is often unknown there: most chains
    have a priority of their own.
    """
    lines: list[str] = []
    plain = not beside_iptables and random.random() < 0.25
    taken = {(hook, priority) for _, hook, priority in _BASES} if beside_iptables else set()
    for number in range(random.choice((1, 1, 2, 3))):
        some = list(pools) if random.random() < 0.7 else [random.choice(list(pools))]
        lines += _table(random, f"t{number}", some, taken, plain)
    return "\n".join([*(line for line in lines if line.strip()), ""])
