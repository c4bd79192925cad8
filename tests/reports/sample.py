"""Reports made by hand: a small one as a check gives it, and a nasty one."""

from __future__ import annotations

from msgspec.structs import replace

from validator.packets.fields import Family, Intervals
from validator.policy import Direction, Policy
from validator.results import (
    Blame,
    ConditionUse,
    ExportSummary,
    Finding,
    NearMiss,
    PacketJson,
    Report,
    Result,
    RuleText,
    Severity,
    Skipped,
    Verdict,
)
from validator.source import Span

ACCEPT = Span("web01.rules", 4, "-A INPUT -p tcp -m tcp --dport 9340 -j ACCEPT")
DROP = Span("web01.rules", 9, "-A INPUT -j DROP")
SET = Span("web01.rules", 6, "-A INPUT -p tcp --dport 443 -m set --match-set office src -j ACCEPT")
POLICY_DROP = Span("web01.rules", 2, ":INPUT DROP [0:0]")


def packet(port: int, protocol: str = "tcp") -> PacketJson:
    return {
        "hook": "input",
        "protocol": protocol,
        "source": "198.51.100.7",
        "source_port": 40000,
        "destination": "192.0.2.10",
        "destination_port": port,
        "in_interface": "eth0",
        "out_interface": None,
        "state": "new",
        "tcp_flags": ["syn"] if protocol == "tcp" else [],
        "icmp_type": None,
        "icmp_code": None,
    }


def result(
    verdict: Verdict,
    module: str = "Connect Server",
    *,
    host: str = "web01",
    port_entry: str = "listen",
    protocol: str = "tcp",
    ports: Intervals = ((9340, 9340),),
    profile: str | None = None,
    family: Family = Family.IPV4,
    direction: Direction = Direction.INBOUND,
    local: bool = False,
) -> Result:
    """A result with nothing but its verdict and what makes it pass for one."""
    identity = module.lower().replace(" ", "-")
    parts = [host, identity, port_entry, protocol, family.value, *([profile] if profile else [])]
    return Result(
        id="/".join([*parts, *(["local"] if local else [])]),
        host=host,
        firewall="iptables",
        profile=profile,
        module=identity,
        module_name=module,
        port_entry=port_entry,
        direction=direction,
        protocol=protocol,
        ports=ports,
        family=family,
        peers=("0.0.0.0/0",) if family is Family.IPV4 else ("::/0",),
        local=local,
        verdict=verdict,
        accepted_by=() if verdict is Verdict.BLOCKED else (Blame("request", "accept", ACCEPT, "accept 9340"),),
        blocked_by=() if verdict is Verdict.OPEN else (Blame("request", "drop", DROP, "drop"),),
        witness_accepted=None if verdict is Verdict.BLOCKED else packet(ports[0][0], protocol),
        witness_blocked=None if verdict is Verdict.OPEN else packet(ports[0][0], protocol),
    )


def policy() -> Policy:
    return Policy("ol-connect", "2026.1", "OL Connect", (), {}, "policy/ol-connect.yaml")


RULES = (
    RuleText(
        "PP001",
        "inbound-blocked",
        Severity.ERROR,
        "{module_name} cannot be reached",
        "Nobody gets through to a port the module listens on.",
        "Add a rule that accepts the port before the line that drops it.",
        ("iptables(8)", "https://www.netfilter.org/documentation/"),
    ),
    RuleText("PP005", "restricted", Severity.NOTE, "{module_name} is open to some only", "Some peers get in."),
)


def small() -> Report:
    """Every verdict once or more, two protocols that agree, findings, and all that goes with them."""
    blocked = replace(
        result(Verdict.BLOCKED, port_entry="listen-9350", ports=((9350, 9350),)),
        blocked_by=(Blame("request", "drop", DROP, "drop"), Blame("request", "drop", POLICY_DROP, implicit=True)),
        near_misses=(NearMiss("too-late", Span("web01.rules", 11, "-A INPUT -p tcp --dport 9350 -j ACCEPT")),),
        request=Verdict.BLOCKED,
    )
    unknown = replace(
        result(Verdict.UNKNOWN, "HTTPS Server", ports=((443, 443),)),
        conditions=(ConditionUse("the address set `office`", SET, None),),
        accepted_by=(Blame("request", "accept", SET, "accept 443 office"),),
    )
    restricted = replace(
        result(Verdict.PARTIAL, "MySQL", ports=((3306, 3306),)),
        restricted=True,
        accepted=({"source": ["10.0.0.0/8"], "destination_port": [[3306, 3306]]},),
        blocked=({"source": ["0.0.0.0-9.255.255.255", "11.0.0.0-255.255.255.255"]},),
        conditions=(ConditionUse("a rate limit", ACCEPT, True, "normal-load"),),
        alternative="database",
        alternative_met=True,
    )
    sent = replace(
        result(Verdict.OPEN, "LPR", port_entry="connect", ports=((515, 515),), direction=Direction.OUTBOUND),
        accepted_by=(Blame("request", "accept", Span("web01.rules", 3, ":OUTPUT ACCEPT [0:0]")),),
    )
    messenger = [
        result(Verdict.OPEN, "Messenger", protocol=protocol, ports=((5863, 5864),)) for protocol in ("tcp", "udp")
    ]
    return Report(
        policy=policy(),
        exports=(
            ExportSummary(
                "web01.rules",
                "iptables-save",
                "web01",
                "5d" * 32,
                {"total": 12, "modelled": 8, "ignored": 2, "conditional": 1, "unsupported": 1},
                (Span("web01.rules", 7, "-A INPUT -m mystery --of life -j ACCEPT"),),
            ),
        ),
        results=(*messenger, result(Verdict.OPEN, port_entry="listen-9340"), blocked, unknown, restricted, sent),
        findings=(
            Finding(
                "PP005", "restricted", Severity.NOTE, "MySQL is open to some only", ACCEPT, "b" * 64, restricted.id
            ),
            Finding(
                "PP001",
                "inbound-blocked",
                Severity.ERROR,
                "Connect Server cannot be reached on 9350/tcp",
                DROP,
                "a" * 64,
                blocked.id,
                blocked.blame,
            ),
        ),
        skipped=(Skipped("web01", "soap-client", "SOAP Client", "connect", "not configured: set soap_client_url"),),
        assumptions={"normal-load": "rate limiters are below their limit"},
        rules=RULES,
    )


NASTY = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07after\x1b",
    "\x9b2Jcleared\x90dcs\x9c",
    "a\u202ereversed\u202c \u2066isolated\u2069",
    "pipe | in | a cell",
    "<script>alert(1)</script><!-- --> </details> &amp;",
    "`tick` ``` ~~~ **bold** _it_ [x](http://evil.example) ![y](//z) $x$ @team #12 www.evil.example",
    "two\nlines\r\nand\ta tab\u2028and\x85more",
    "=1+1 @SUM(A1) +cmd|' /C calc'!A0",
    "lone \ud800 surrogate \udc80 and \ufffe",
    "{0} {placeholder} }} {{",
    "wide 漢字 and e\u0301 and \U0001f600 \U000e0041",
    "x" * 3000,
    "",
    " ",
)


def nasty() -> Report:
    """A report in which everything that comes from outside is hostile."""

    def bad(number: int) -> str:
        return NASTY[number % len(NASTY)]

    spans = [Span(bad(at + 3), at % 5, bad(at)) for at in range(len(NASTY))]
    results = []
    for at in range(len(NASTY)):
        verdict = list(Verdict)[at % 4]
        blames = tuple(Blame("request", "drop", spans[(at + more) % len(NASTY)], bad(more)) for more in range(3))
        results.append(
            replace(
                result(verdict, host=bad(at + 1), protocol=("tcp", "udp")[at % 2], ports=((at + 1, at + 9),)),
                id=f"{bad(at)}/{at}",
                module=bad(at + 2),
                module_name=bad(at + 4),
                port_entry=bad(at + 5),
                firewall=bad(at + 6),
                peers=(bad(at + 7),),
                peers_declared=at % 3 == 0,
                profile=(None, "domain", "public")[at % 3],
                alternative=bad(at) if at % 4 == 0 else "",
                restricted=verdict is Verdict.PARTIAL and at % 2 == 1,
                accepted_by=blames,
                blocked_by=blames[1:],
                accepted=({"in_interface": [bad(at)], "destination_port": [[1, 2]]},),
                conditions=(
                    ConditionUse(bad(at), spans[at], None),
                    ConditionUse(bad(at + 1), None, True, bad(at)),
                ),
                witness_blocked={**packet(80), "in_interface": bad(at), "source": "2001:db8::7"},
                near_misses=(NearMiss("disabled", spans[at], bad(at)),),
            )
        )
    findings = [
        Finding(
            f"PP{at:03}",
            bad(at),
            list(Severity)[at % 3],
            bad(at + 1),
            spans[at],
            f"{at:064x}",
            results[at].id,
            results[at].blame,
        )
        for at in range(len(NASTY))
    ]
    exports = [
        ExportSummary(bad(at), bad(at + 1), bad(at + 2), "0" * 64, {"total": 9, "unsupported": 9}, tuple(spans))
        for at in range(len(NASTY))
    ]
    return Report(
        policy=replace(policy(), title=NASTY[0] + NASTY[5] + NASTY[6], path=""),
        exports=tuple(exports),
        results=tuple(results),
        findings=tuple(findings),
        skipped=tuple(Skipped(text, text, text, text, text) for text in NASTY),
        assumptions={text: text for text in NASTY},
        errors=NASTY,
        rules=tuple(RuleText(f"PP{at:03}", t, Severity.NOTE, t, t, t, (t,)) for at, t in enumerate(NASTY[:9])),
    )


def empty() -> Report:
    return Report(policy(), (), ())


def many(number: int) -> Report:
    """The small report with `number` findings."""
    base = small()
    note, error = base.findings
    return replace(base, findings=(*(replace(note, fingerprint=f"{at:064x}") for at in range(number - 1)), error))
