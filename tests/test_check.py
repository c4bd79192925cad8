"""The main job, on exports a person can read: every row of the table on three kinds of firewall."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from validator import policy_file, site_file
from validator.check import Checked, CheckOptions, check, choose_families
from validator.hosts import load
from validator.packets.fields import Family
from validator.results import Report, Result, Verdict
from validator.site import Host, Site
from validator.trace import Tracer

FIXTURES = Path(__file__).parent.parent / "fixtures"
POLICY = policy_file.load("ol-connect")
KINDS = {"iptables_save": "rules", "netsh_rules": "txt", "aws_security_groups": "json", "azure_nsg": "json"}
FOUR, SIX = Family.IPV4, Family.IPV6

ROWS = [
    # module, direction, protocols, ports, how the fixtures call it
    ("messenger", "inbound", "tcp udp", "5863 5864", "Messenger"),
    ("messenger", "outbound", "tcp udp", "5863 5864", "Messenger"),
    ("connect-server", "inbound", "tcp", "9340", "Connect Server"),
    ("connect-server", "inbound", "tcp", "9350", "Connect Server"),
    ("http-server", "inbound", "tcp", "8080", "HTTP Server"),
    ("https-server", "inbound", "tcp", "443", "HTTPS Server"),
    ("nodejs-server", "inbound", "tcp", "9090", "NodeJS Server"),
    ("nodejs-https-server", "inbound", "tcp", "8443", "NodeJS HTTPS Server"),
    ("smtp-input-plugin", "inbound", "tcp", "25", "SMTP Input"),
    ("email-input-plugin", "outbound", "tcp", "110", "Email Input"),
    ("secure-email-input-plugin", "outbound", "tcp", "993", "Secure Email Input"),
    ("send-email-plugin", "outbound", "tcp", "25", "Send Email"),
    ("secure-email-output-plugin", "outbound", "tcp", "587", "Secure Email Output"),
    ("lpr", "outbound", "tcp", "515", "LPR"),
    ("lpd", "inbound", "tcp", "515", "LPD"),
    ("telnet", "inbound", "tcp", "9100", "Telnet"),
    ("ftp-input-output", "outbound", "tcp", "21", "FTP"),
    ("mysql", "inbound", "tcp udp", "3306", "MySQL"),
    ("microsoft-sql-server", "inbound", "tcp udp", "1433", "Microsoft SQL Server"),
    ("hypersql", "inbound", "tcp", "9001", "HyperSQL"),
]
"""The nineteen rows; Messenger's has two directions."""

FILES = [
    (f"{folder}/{name}.{ending}", Verdict(name)) for folder, ending in KINDS.items() for name in ("open", "blocked")
]


def checked(*paths: str, site: Site | None = None, families: tuple[Family, ...] | None = (FOUR,)) -> Checked:
    loaded = load([str(FIXTURES / path) for path in paths], site)
    assert loaded.errors == ()
    return check(loaded, POLICY, site, CheckOptions(families))


REPORTS = {path: checked(path).report for path, _ in FILES}


def ports(result: Result) -> str:
    return " ".join(str(port) for low, high in result.ports for port in range(low, high + 1))


def of_row(results: Iterable[Result], module: str, direction: str, numbers: str) -> list[Result]:
    return [r for r in results if not r.local and (r.module, r.direction, ports(r)) == (module, direction, numbers)]


@pytest.mark.parametrize(("path", "verdict"), FILES)
@pytest.mark.parametrize(("module", "direction", "protocols", "numbers", "name"), ROWS)
def test_the_row_gets_its_verdict(
    path: str, verdict: Verdict, module: str, direction: str, protocols: str, numbers: str, name: str
) -> None:
    found = of_row(REPORTS[path].results, module, direction, numbers)
    profiles = 3 if "netsh" in path else 1
    assert [(each.protocol, each.verdict) for each in found] == [
        (protocol, verdict) for protocol in protocols.split() for _ in range(profiles)
    ]


@pytest.mark.parametrize("path", [path for path, _ in FILES if "aws" not in path and "azure" not in path])
@pytest.mark.parametrize(("module", "direction", "protocols", "numbers", "name"), ROWS)
def test_the_row_is_decided_by_the_line_that_names_it(
    path: str, module: str, direction: str, protocols: str, numbers: str, name: str
) -> None:
    lines = (FIXTURES / path).read_text("utf-8").splitlines()
    for each in of_row(REPORTS[path].results, module, direction, numbers):
        first = next(blame for blame in each.blame if blame.leg == "request")
        assert name in lines[first.span.line - 1]


@pytest.mark.parametrize("path", [path for path, _ in FILES])
def test_no_other_ports_are_judged(path: str) -> None:
    wanted = {(module, direction, numbers) for module, direction, _, numbers, _ in ROWS}
    assert {(r.module, r.direction.value, ports(r)) for r in REPORTS[path].results} == wanted


@pytest.mark.parametrize(("path", "verdict"), FILES)
def test_smtp_with_encryption_is_another_port(path: str, verdict: Verdict) -> None:
    loaded = load([str(FIXTURES / path)])
    report = check(loaded, POLICY, None, CheckOptions((FOUR,), settings={"smtp_encryption": True})).report
    found = of_row(report.results, "smtp-input-plugin", "inbound", "587")
    assert {each.verdict for each in found} == {verdict}
    assert of_row(report.results, "smtp-input-plugin", "inbound", "25") == []


@pytest.mark.parametrize(("path", "verdict"), FILES)
def test_the_interpreter_says_of_every_witness_what_the_sets_say(path: str, verdict: Verdict) -> None:
    tracer = Tracer(load([str(FIXTURES / path)]))
    for each in [each for each in REPORTS[path].results if not each.local]:
        witness = each.witness_accepted if verdict is Verdict.OPEN else each.witness_blocked
        assert witness is not None
        if each.profile:
            assert each.profile in (witness["in_interface"], witness["out_interface"])
        answer = tracer.answer(dict(witness))
        assert answer["verdict"] in (["accept"] if verdict is Verdict.OPEN else ["drop", "reject"]), each.id


def test_the_interpreter_agrees_about_packets_over_loopback() -> None:
    path = "iptables_save/blocked.rules"
    tracer = Tracer(load([str(FIXTURES / path)]))
    witnesses = [each.witness_blocked for each in REPORTS[path].results if each.local]
    assert {str(tracer.answer(dict(witness or {}))["verdict"]) for witness in witnesses} == {"drop", "reject"}


@pytest.mark.parametrize(("path", "verdict"), FILES)
def test_a_proof_has_a_witness_of_its_side_only(path: str, verdict: Verdict) -> None:
    for each in REPORTS[path].results:
        assert (each.witness_accepted is None) == (verdict is Verdict.BLOCKED)
        assert (each.witness_blocked is None) == (verdict is Verdict.OPEN)
        assert (each.accepted == (), each.blocked == ()) == (verdict is Verdict.BLOCKED, verdict is Verdict.OPEN)


@pytest.mark.parametrize("path", [path for path, _ in FILES])
def test_the_ids_of_results_are_unique(path: str) -> None:
    ids = [each.id for each in REPORTS[path].results]
    assert len(set(ids)) == len(ids)


# --- written for a case each -------------------------------------------------

HEAD = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
KNOWN = "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"
CHAINS = HEAD + KNOWN


def written(folder: Path, site: str = "", families: tuple[Family, ...] | None = None, **texts: str) -> Report:
    """The report on exports by the host they are of, their files in `folder`."""
    names = []
    for host, text in texts.items():
        file = folder / f"{host}.rules"
        file.write_text(text if "*filter" in text else f"{CHAINS}{text}COMMIT\n", "utf-8")
        names.append(str(file))
    told = None
    if site:
        (folder / "site.yaml").write_text(site, "utf-8")
        told = site_file.load(str(folder / "site.yaml"), POLICY)
    return check(load(names, told), POLICY, told, CheckOptions(families)).report


def verdicts(report: Report, module: str) -> dict[str, str]:
    """The verdicts of a module by the rest of the result's id."""
    return {
        each.id.split("/", 2)[2]: "restricted" if each.restricted else each.verdict.value
        for each in report.results
        if each.module == module and not each.local
    }


@pytest.mark.parametrize("host", ["network", "peers"])
def test_an_export_may_have_any_name(tmp_path: Path, host: str) -> None:
    texts: dict[str, Any] = {host: "-A INPUT -p tcp --dport 515 -j ACCEPT\n"}
    report = written(tmp_path, **texts)
    assert verdicts(report, "lpd") == {"listen/tcp/ipv4": "open"}


def test_each_host_is_judged_by_its_own_export(tmp_path: Path) -> None:
    site = "hosts: {a: {modules: [lpd]}, b: {modules: [lpd]}}"
    report = written(tmp_path, site, a="-A INPUT -p tcp --dport 515 -j ACCEPT\n", b="")
    assert [(each.host, each.verdict.value) for each in report.results] == [("a", "open"), ("b", "blocked")]


def test_a_profile_that_was_told_is_the_only_one_judged() -> None:
    site = Site("s", (Host("open", modules=("lpd",), profile="public"),))
    report = checked("netsh_rules/open.txt", site=site).report
    assert [each.profile for each in report.results] == ["public"]


def test_without_it_each_profile_is_judged() -> None:
    site = Site("s", (Host("open", modules=("lpd",)),))
    report = checked("netsh_rules/open.txt", site=site).report
    assert [each.profile for each in report.results] == ["domain", "private", "public"]


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (None, (FOUR,)),
        (Site("s", (Host("a", ("10.0.0.1/32",)),)), (FOUR,)),
        (Site("s", (Host("a", ("2001:db8::1/128",)),)), (FOUR, SIX)),
        (Site("s", networks={"n": ("2001:db8::/32",)}), (FOUR, SIX)),
        (Site("s", peers={"lpd": ("2001:db8::/32",)}), (FOUR, SIX)),
    ],
)
def test_ipv6_is_judged_where_the_site_names_it(site: Site | None, expected: tuple[Family, ...]) -> None:
    assert choose_families(load([str(FIXTURES / "iptables_save/open.rules")]), site) == expected


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (None, (SIX,)),
        (Site("s", peers={"lpd": ("2001:db8::/32",)}), (SIX,)),
        (Site("s", peers={"lpd": ("10.0.0.0/8",)}), (FOUR, SIX)),
        (Site("s", (Host("a", ("10.0.0.1/32", "2001:db8::1/128")),)), (FOUR, SIX)),
    ],
)
def test_ipv6_alone_is_judged_where_there_is_nothing_else(
    tmp_path: Path, site: Site | None, expected: tuple[Family, ...]
) -> None:
    file = tmp_path / "web.rules"
    file.write_text("# Generated by ip6tables-save\n" + CHAINS + "COMMIT\n", "utf-8")
    assert choose_families(load([str(file)]), site) == expected


def test_a_family_that_was_not_exported_is_unknown(tmp_path: Path) -> None:
    site = "hosts: {web: {modules: [lpd]}}\npeers: {lpd: [10.0.0.0/8, '2001:db8::/32']}"
    report = written(tmp_path, site, web="-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n")
    assert verdicts(report, "lpd") == {"listen/tcp/ipv4": "open", "listen/tcp/ipv6": "unknown"}


def test_declared_peers_in_two_families_must_get_through_in_both(tmp_path: Path) -> None:
    site = "hosts: {web: {modules: [lpd]}}\npeers: {lpd: [10.0.0.0/8, '2001:db8::/32']}"
    text = f"{CHAINS}-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\nCOMMIT\n"
    six = f"# Generated by ip6tables-save\n{CHAINS}COMMIT\n"
    report = written(tmp_path, site, web=f"# Generated by iptables-save\n{text}{six}")
    assert verdicts(report, "lpd") == {"listen/tcp/ipv4": "open", "listen/tcp/ipv6": "blocked"}


@pytest.mark.parametrize(
    ("rules", "met"),
    [
        ("", False),
        ("-A INPUT -p tcp --dport 9001 -j ACCEPT\n", True),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 9001 -j ACCEPT\n", True),
        ("-A INPUT -p tcp --dport 3306 -j ACCEPT\n", False),
        ("-A INPUT -p tcp --dport 3306 -j ACCEPT\n-A INPUT -p udp --dport 3306 -j ACCEPT\n", True),
        ("-A INPUT -p tcp --dport 9001 -m set --match-set x src -j ACCEPT\n", False),
        ("-A INPUT -i eth0 -p tcp --dport 9001 -j DROP\n", False),
    ],
)
def test_of_alternatives_one_must_be_open_for_all_its_protocols(tmp_path: Path, rules: str, met: bool) -> None:
    report = written(tmp_path, web="-A INPUT -i lo -j ACCEPT\n" + rules)
    assert {each.alternative_met for each in report.results if each.alternative} == {met}
    assert not any(each.alternative_met for each in report.results if not each.alternative)


def test_an_alternative_on_one_host_does_not_serve_another(tmp_path: Path) -> None:
    report = written(tmp_path, a="-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp --dport 9001 -j ACCEPT\n", b="")
    met = {(each.host, each.alternative_met) for each in report.results if each.alternative}
    assert met == {("a", True), ("b", False)}


def test_a_host_of_which_only_the_proxy_is_known_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "proxy.txt").write_text("Current WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n")
    found = check(load([str(tmp_path / "proxy.txt")]), POLICY, None, CheckOptions())
    assert [error.problem for error in found.errors] == ["no firewall rules were given for host proxy"]
    assert found.report.results == ()


def test_only_assumptions_that_were_used_are_reported() -> None:
    assert set(checked("netsh_rules/open.txt").report.assumptions) == {
        "hidden-scope",
        "profile-defaults",
        "group-policy",
    }
    assert set(checked("iptables_save/open.rules").report.assumptions) == {"every-ruleset"}
    assert checked("iptables_save/blocked.rules").report.assumptions.keys() <= {"every-ruleset"}


HOLDS = {
    "v4": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n",
    "nft": "table ip t {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n\t\taccept\n\t}\n}\n",
}


HOLDS["shown"] = (  # what `nft list ruleset` shows of v4 where iptables-nft made it
    "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n\n"
    "\tchain OUTPUT {\n\t\ttype filter hook output priority filter; policy accept;\n\t}\n}\n"
)
HOLDS["v4 of nft"] = f"# Generated by iptables-nft-save v1.8.9 (nf_tables)\n{HOLDS['v4']}"


@pytest.mark.parametrize(
    ("names", "told"),
    [(("v4",), False), (("nft",), False), (("v4", "nft"), True), (("v4 of nft", "shown"), True)],
)
def test_rulesets_that_an_export_does_not_show_are_assumed_to_filter_nothing(
    tmp_path: Path, names: tuple[str, ...], told: bool
) -> None:
    """firewalld, Docker and others make tables that iptables-save does not show."""
    for name in names:
        (tmp_path / name).write_text(HOLDS[name])
    exports = load(["h=" + ",".join(str(tmp_path / name) for name in names)])
    results = check(exports, POLICY, None, CheckOptions()).report.results
    assert {each.verdict for each in results} == {Verdict.OPEN}
    assert all((use.assumption == "every-ruleset") is not told for each in results for use in each.conditions)
    withdrawn = check(exports, POLICY, None, CheckOptions(withdrawn=frozenset(("every-ruleset",)))).report.results
    assert {each.verdict for each in withdrawn} == {Verdict.OPEN if told else Verdict.UNKNOWN}


def test_withdrawn_assumptions_leave_nothing_proved() -> None:
    loaded = load([str(FIXTURES / "netsh_rules/open.txt")])
    options = CheckOptions((FOUR,), frozenset({"hidden-scope", "profile-defaults", "group-policy"}))
    report = check(loaded, POLICY, None, options).report
    assert {each.verdict for each in report.results} == {Verdict.UNKNOWN}
    assert report.assumptions == {}


def test_entries_without_ports_are_listed_once(tmp_path: Path) -> None:
    reasons = [each.reason for each in written(tmp_path, families=(FOUR, SIX), web="").skipped]
    assert reasons == [
        f"not configured: set {name}"
        for name in ("mail_host", "http_client_url", "soap_client_url", "legacy_soap_client_url")
    ]


def test_a_rate_limit_is_open_once_normal_load_is_withdrawn(tmp_path: Path) -> None:
    file = tmp_path / "web.rules"
    file.write_text(f"{CHAINS}-A INPUT -p tcp --dport 515 -m limit --limit 5/sec -j ACCEPT\nCOMMIT\n", "utf-8")
    report = check(load([str(file)]), POLICY, None, CheckOptions(withdrawn=frozenset({"normal-load"}))).report
    assert verdicts(report, "lpd") == {"listen/tcp/ipv4": "unknown"}
