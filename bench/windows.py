"""Windows exports of any size, the same bytes for the same numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator

_PORTS = (53, 80, 135, 139, 443, 445, 1433, 3306, 3389, 5432, 5863, 5985, 8080, 9090, 9200, 9340, 9350, 50051)
_PROFILES = ("Domain,Private,Public", "Domain,Private,Public", "Domain", "Private", "Public", "Domain,Private")
_PROGRAMS = (
    "Any",
    "Any",
    r"C:\Program Files\Vendor\Suite {}\server.exe",
    r"%SystemRoot%\system32\svchost.exe",
    "System",
)


def netsh(rules: int) -> Iterator[str]:
    """The lines of `netsh advfirewall firewall show rule name=all verbose` with `rules` rules."""
    choose = random.Random(rules)
    for number in range(rules):
        yield from _rule(choose, number)
    yield from ("Ok.", "")


def _rule(choose: random.Random, number: int) -> Iterator[str]:
    """One rule: three in four are of TCP or UDP, most allow, one in ten is disabled."""
    protocol = choose.choice(("TCP", "TCP", "TCP", "TCP", "UDP", "UDP", "Any", "ICMPv4"))
    fields = {
        "Description": f"Lets in what service {number % 97} of the suite needs." if choose.random() < 0.5 else "",
        "Enabled": "No" if choose.random() < 0.1 else "Yes",
        "Direction": choose.choice(("In", "In", "Out")),
        "Profiles": choose.choice(_PROFILES),
        "Grouping": f"Suite {number % 211}" if choose.random() < 0.6 else "",
        "LocalIP": "Any",
        "RemoteIP": _addresses(choose),
        "Protocol": protocol,
    }
    for key, share in (("LocalPort", 0.8), ("RemotePort", 0.1)):
        if protocol in ("TCP", "UDP"):
            fields[key] = _ports(choose) if choose.random() < share else "Any"
    fields |= {
        "Edge traversal": "No",
        "Program": choose.choice(_PROGRAMS).format(number % 301),
        "InterfaceTypes": "Any",
        "Security": "NotRequired",
        "Rule source": "Local Setting",
        "Action": "Block" if choose.random() < 0.1 else "Allow",
    }
    yield from ("", f"{'Rule Name:':38}Rule {number} of the suite", "-" * 70)
    for label, text in fields.items():
        if text:
            yield f"{label + ':':38}{text}"
        elif label == "Grouping":
            yield f"{label + ':':38}".rstrip()
        if text == "ICMPv4":
            yield from (f"{'':38}Type    Code", f"{'':38}8       Any     ")


def _addresses(choose: random.Random) -> str:
    """Any, the local subnet, or up to three addresses and blocks."""
    kind = choose.random()
    if kind < 0.4:
        return "Any"
    if kind < 0.5:
        return "LocalSubnet"
    starts = [
        f"{choose.randint(11, 223)}.{choose.randrange(256)}.{choose.randrange(256)}"
        for _ in range(choose.randint(1, 3))
    ]
    return ",".join(
        f"{start}.0/24" if choose.random() < 0.3 else f"{start}.{choose.randrange(256)}/32" for start in starts
    )


def _ports(choose: random.Random) -> str:
    low = choose.choice(_PORTS) if choose.random() < 0.5 else choose.randint(1024, 65000)
    return choose.choice((f"{low}", f"{low}", f"{low}-{low + 9}", f"{low},{low + 1},{low + 100}"))
