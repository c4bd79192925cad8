"""Files that people mistake for an export that Portproof reads: what they are, and what to run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from validator.source import Source

_SAVE = "run iptables-save > FILE and pass that file"
_SAVE_BOTH = "run iptables-save > FILE, or nft list ruleset > FILE, and pass that file"
_IPTABLES_LIST = "this is iptables -L output, which leaves out interfaces and tables"
_ARPTABLES_LIST = "this is arptables -L output: rules for ARP"
_IPSET = "run ipset save > FILE and pass that file"
_IPSET_LIST = "this is ipset list output"
_ROUTES = "this is a table of routes"
_ADDRESSES = "these are the addresses of a host in a form that leaves out some"
FACTS = frozenset((_IPSET_LIST, _ROUTES, _ADDRESSES))
"""What holds no rules, whatever host it is of."""
_FIRST_LINES = 3
_TEXTS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(
            r"(((ip6?|eb|arp)tables(-\w+)*|ipset) v\S+( \(\w+\))?|netlink: Error): .*(ot permitted|ermission denied)"
            r"|Failed to list table names in /proc/net/\S+: Permission denied"
            r"|Operation not permitted \(you must be root\)|ERROR: You need to be root to run this script"
        ),
        "this is an error message: the command was not run by root",
        "run it as root (sudo) and pass the file that it writes then",
    ),
    (
        re.compile(r"Bridge (table|chain): \S"),
        "this is ebtables -L output: rules for frames that pass a bridge",
        _SAVE_BOTH,
    ),
    (
        re.compile(r"Chain (INPUT|OUTPUT|FORWARD|PREROUTING|\S+) \((policy \w+|\d+ references)"),
        _IPTABLES_LIST,
        _SAVE,
    ),
    (
        re.compile(r"Status: (active|inactive)\s*$|-{2,}\s{2,}-{4,6}\s{2,}-{2,}\s*$|Added user rules|(sudo )?ufw \w+ "),
        "this is what ufw prints, which is not the whole ruleset",
        _SAVE,
    ),
    (
        re.compile(r"FirewallD is not running\s*$"),
        "this says that firewalld is not running, and nothing of other firewalls of the host",
        _SAVE_BOTH,
    ),
    (
        re.compile(r"(\d+(-\d+)?/(tcp|udp|sctp|dccp)( |$)){1,500}\s*$"),
        "this is a list of ports, as firewall-cmd --list-ports prints it, which is not the whole ruleset",
        _SAVE_BOTH,
    ),
    (
        re.compile(r"<iptables-rules\b"),
        "this is iptables-xml output",
        _SAVE,
    ),
    (
        re.compile(r"<ipsets>"),
        _IPSET_LIST,
        _IPSET,
    ),
    (
        re.compile(r"family (ip|ip6|inet|arp|bridge|netdev) (\S+ )?\{\s*$"),
        "this is nft list hooks output, which holds no rules",
        "run nft list ruleset > FILE and pass that file",
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
        _IPSET_LIST,
        _IPSET,
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
        _ROUTES,
        "run ip -j addr > FILE and pass that file: it tells the host's addresses and networks",
    ),
    (
        re.compile(
            r"\S+: flags=\d+<[A-Z,]*>|\S+ +Link encap:|\d+: \S+ +inet6? \S+/\d+ "
            r"|\S+ +(UP|DOWN|UNKNOWN) +([\da-f.:]+/\d+( +|$))+$"
        ),
        _ADDRESSES,
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
    """The line that gives the file away, what it is, and what to do; None where it is nobody's guess. A line of what
    may hold rules counts before one of FACTS."""
    head = next((line.strip() for line in source.lines if line.strip()), "")
    if head.startswith(("{", "[")):
        return None
    facts: tuple[int, str, str] | None = None
    for number, line in enumerate(source.lines[:2000], 1):
        for pattern, what, remedy in _TEXTS:
            if not pattern.match(line):
                continue
            if what not in FACTS:
                return (number, *_with_the_next_line(what, remedy, source.lines[number : number + 1]))
            facts = facts or (number, what, remedy)
    return facts


def of_facts(line: int, what: str) -> bool:
    """Whether what `lookalike` says means a file without any rule: further down than at the top of a file, something
    else stands before it."""
    return what in FACTS and line <= _FIRST_LINES


def _with_the_next_line(what: str, remedy: str, below: Sequence[str]) -> tuple[str, str]:
    """Chains of arptables -L look like those of iptables -L, but for the line below, which has no heads of columns."""
    if what == _IPTABLES_LIST and below and (not below[0].strip() or below[0].startswith("-")):
        return _ARPTABLES_LIST, _SAVE_BOTH
    return what, remedy
