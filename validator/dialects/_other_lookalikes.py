"""Files that people mistake for an export that Portproof reads: what they are, and what to run."""

from __future__ import annotations

import re

from validator.source import Source

_TEXTS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"Chain (INPUT|OUTPUT|FORWARD|PREROUTING|\S+) \((policy \w+|\d+ references)"),
        "this is iptables -L output, which leaves out interfaces and tables",
        "run iptables-save > FILE and pass that file",
    ),
    (
        re.compile(r"Status: (active|inactive)\s*$|--\s{2,}-{4,}\s{2,}-{2,}\s*$|Added user rules|(sudo )?ufw \w+ "),
        "this is what ufw prints, which is not the whole ruleset",
        "run iptables-save > FILE and pass that file",
    ),
    (
        re.compile(
            r"\S+ \((active|default)(, (active|default))?\)\s*$|\s+services: .*"
            r"|\s+(masquerade|icmp-block-inversion): (yes|no)|\s+target: (default|ACCEPT|DROP|REJECT|%%REJECT%%)\s*$"
        ),
        "this is firewall-cmd output, which is not the whole ruleset",
        "run nft list ruleset > FILE (or iptables-save > FILE) and pass that file",
    ),
    (
        re.compile(r"# Table [`']\w+' (is|contains) incompatible"),
        "iptables-save shows nothing of a ruleset that nft made",
        "run nft list ruleset > FILE and pass that file",
    ),
    (
        re.compile(r"table (ip|ip6|inet|arp|bridge|netdev) \S+\s*$"),
        "this is a list of nft's tables without what is in them",
        "run nft list ruleset > FILE and pass that file",
    ),
    (
        re.compile(r"-P [A-Z]+ (ACCEPT|DROP)\s*$|-N \S+\s*$|-[AI] \S+ (.* )?-[jg] \S+"),
        "these are rules without their tables, as iptables -S prints them",
        "run iptables-save > FILE and pass that file",
    ),
    (
        re.compile(r"Type: (hash|bitmap|list):\S+\s*$"),
        "this is ipset list output",
        "run ipset save > FILE and pass that file",
    ),
    (
        re.compile(
            r"\s*(sudo )?(/s?bin/|/usr/s?bin/)?ipset (-exist |-! )?(create|add|del|flush|destroy|swap|-[NADFXWE]) "
        ),
        "this is a script of ipset commands, not a dump",
        "run ipset save > FILE on the host and pass that file",
    ),
    (
        re.compile(
            r"Kernel (IP|IPv6) routing table"
            r"|(default|[\da-fA-F.:]+/\d+) (via \S+ |dev \S+ |nhid \d+ )+(proto|scope|metric|src|$)"
        ),
        "this is a table of routes",
        "run ip -j addr > FILE and pass that file: it tells the host's addresses and networks",
    ),
    (
        re.compile(
            r"\S+: flags=\d+<[A-Z,]*>|\S+ +Link encap:|\d+: \S+ +inet6? \S+/\d+ "
            r"|\S+ +(UP|DOWN|UNKNOWN) +([\da-f.:]+/\d+( +|$))+$"
        ),
        "these are the addresses of a host in a form that leaves out some",
        "run ip -j addr > FILE and pass that file",
    ),
    (
        re.compile(r"\s*(sudo |\$IPTABLES |/s?bin/|/usr/s?bin/)?ip6?tables (-t \w+ )?-[AIPNFX] "),
        "this is a script of iptables commands, not a dump",
        "run the script on a test host, then iptables-save > FILE, and pass that file",
    ),
    (
        re.compile(r"(Domain|Standard) profile configuration", re.IGNORECASE),
        "this is the legacy netsh firewall output, cut or changed",
        "run netsh advfirewall firewall show rule name=all verbose > FILE and pass that file",
    ),
    (
        re.compile(r"Windows Registry Editor"),
        "this is a registry export without the firewall's keys or Internet Settings",
        "export the key HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy",
    ),
)


def lookalike(source: Source) -> tuple[int, str, str] | None:
    """The line that gives the file away, what it is, and what to do; None where it is nobody's guess."""
    head = next((line.strip() for line in source.lines if line.strip()), "")
    if head.startswith(("{", "[")):
        return None
    for number, line in enumerate(source.lines[:2000], 1):
        for pattern, what, remedy in _TEXTS:
            if pattern.match(line):
                return number, what, remedy
    return None
