"""The catalogue: every rule has a case that fires and one that does not; fingerprints; what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from validator import check as checking
from validator import policy_file, rules, site_file
from validator.check import CheckOptions
from validator.errors import RuleError
from validator.hosts import load
from validator.packets.fields import Family
from validator.results import Finding, Report

FIXTURES = Path(__file__).parent.parent / "fixtures" / "rules"
CATALOGUE = {rule.id: rule for rule in rules.load()}
FILES = sorted(FIXTURES.glob("*.yaml"))
BOTH = [(file, name) for file in FILES for name in ("fires", "silent")]


def case(file: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))[name]
    return found


def report(case: Mapping[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """The report of a case, its exports and site written to `folder`, which is where it is made."""
    monkeypatch.chdir(folder)
    for name, text in case["exports"].items():
        Path(name).write_text(text, "utf-8")
    policy = policy_file.load("ol-connect")
    site = None
    if "site" in case:
        Path("site.yaml").write_text(yaml.safe_dump(case["site"]), "utf-8")
        site = site_file.load("site.yaml", policy)
    loaded = load(list(case["exports"]), site)
    assert loaded.errors == ()
    families = tuple(Family(name) for name in case.get("families", ())) or None
    options = CheckOptions(families, frozenset(case.get("withdraw", ())), case.get("settings", {}))
    return rules.judge(checking.check(loaded, policy, site, options), rules.load())


def of(found: Report, rule: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.rule == rule]


def test_every_rule_has_a_file_with_a_case_that_fires_and_one_that_does_not() -> None:
    assert [file.name for file in FILES] == [Path(rule.path).name for rule in CATALOGUE.values()]
    for file in FILES:
        assert list(yaml.safe_load(file.read_text("utf-8"))) == ["fires", "silent"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_case_that_fires_says_what_and_where(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = case(file, "fires")
    found = of(report(wanted, tmp_path, monkeypatch), file.stem[:5])
    places = [f"{one.span.path}:{one.span.line}" for one in found if wanted["message"] in one.message]
    assert places, [one.message for one in found]
    assert wanted.get("line", places[0]) in places


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_other_case_is_silent(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(report(case(file, "silent"), tmp_path, monkeypatch), file.stem[:5]) == []


MOVED = """# made again
*filter
:INPUT DROP [71:9]

:OUTPUT ACCEPT [5:5]
# a comment
-A INPUT -p tcp --dport 22 -j ACCEPT
[3:180] -A INPUT -p tcp --dport 8080 -j DROP
COMMIT
"""
BEFORE = """*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp --dport 8080 -j DROP
COMMIT
"""


def prints(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    found = report({"exports": {"web.rules": text}}, folder, monkeypatch)
    assert len({one.fingerprint for one in found.findings}) == len(found.findings)
    return {one.fingerprint: one for one in found.findings}


def test_fingerprints_stay_when_lines_and_counters_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = prints(BEFORE, tmp_path, monkeypatch), prints(MOVED, tmp_path, monkeypatch)
    assert before.keys() == after.keys()
    assert [one.span.line for one in before.values()] != [one.span.line for one in after.values()]


def test_a_finding_keeps_its_fingerprint_when_another_line_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prints(BEFORE, tmp_path, monkeypatch)
    mended = prints(BEFORE.replace("COMMIT", "-A INPUT -p tcp --dport 443 -j ACCEPT\nCOMMIT"), tmp_path, monkeypatch)
    gone = {one.message for one in before.values() if one.fingerprint not in mended}
    assert gone == {"HTTPS Server: inbound TCP 443 from anybody is blocked on web"}


def test_a_finding_that_another_line_decides_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = prints(BEFORE, tmp_path, monkeypatch)
    moved = prints(BEFORE.replace("-A INPUT -p tcp --dport 8080 -j DROP\n", ""), tmp_path, monkeypatch)
    gone = {one.message for one in before.values() if one.fingerprint not in moved}
    assert gone == {"HTTP Server: inbound TCP 8080 from anybody is blocked on web"}


@pytest.mark.parametrize(
    ("tool", "table", "told"),
    [
        ("iptables-save", "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", True),
        ("iptables-nft-save", "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", True),
        ("iptables-save", "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", False),
    ],
)
def test_a_dump_without_a_filter_table_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, table: str, told: bool
) -> None:
    text = f"# Generated by {tool} v1.8.9\n{table}COMMIT\n"
    (found,) = of(report({"exports": {"web.rules": text}}, tmp_path, monkeypatch), "PP012")
    lacks = "stops nothing inbound: the export has no filter table (iptables-save without -t writes every table)"
    assert found.message == f"web: the firewall iptables {lacks if told else 'is off or stops nothing inbound'}"


def test_findings_come_gravest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = [one.severity.rank for one in prints(BEFORE, tmp_path, monkeypatch).values()]
    assert ranks == sorted(ranks)


FAMILIES = """# Generated by iptables-save
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
# Generated by ip6tables-save
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
"""
PEERS = {"peers": {"http-server": ["10.0.0.0/8", "2001:db8::/32"]}}


@pytest.mark.parametrize(("peers", "fired"), [({}, ["PP007"]), (PEERS, ["PP001", "PP007"])])
def test_one_family_makes_up_for_the_other_only_where_nobody_declared_peers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peers: dict[str, Any], fired: list[str]
) -> None:
    site = {"hosts": {"web": {"modules": ["http-server"]}}, **peers}
    case = {"exports": {"web.rules": FAMILIES}, "site": site, "families": ["ipv4", "ipv6"]}
    found = {one.rule for one in report(case, tmp_path, monkeypatch).findings}
    assert sorted(found & {"PP001", "PP007"}) == fired


def test_every_result_that_is_no_pass_has_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (BEFORE, FAMILIES, BEFORE.replace("8080 -j DROP", "8080 -m set --match-set x src -j ACCEPT")):
        case = {"exports": {"web.rules": text}, "settings": {"database": "mysql"}, "families": ["ipv4"]}
        found = report(case, tmp_path, monkeypatch)
        told = {one.result for one in found.findings if one.rule in ("PP001", "PP002", "PP003", "PP004", "PP008")}
        assert told == {each.id for each in found.results if each.verdict != "open"}


RULE = """id: ZZ001
name: mine
severity: note
subject: result
when: exposed
message: "{module} is open"
why: so
fix: so
references: [mine]
"""


def folder_with(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder


def test_a_folder_of_rules_is_read(tmp_path: Path) -> None:
    (rule,) = rules.load(folder_with(tmp_path, "ZZ001-mine.yaml", RULE))
    assert (rule.id, rule.message.render({"module": "A {b}"})) == ("ZZ001", "A {b} is open")


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("exposed", "exposd", 5, "unknown name 'exposd'"),
        ("{module}", "{modul}", 6, "the message names an unknown fact 'modul'"),
        ("{module}", "{module.__class__}", 6, "with more than a name"),
        ("{module}", "{module!r}", 6, "with more than a name"),
        ("{module}", "{module:>9}", 6, "with more than a name"),
        ("{module}", "{0}", 6, "with more than a name"),
        ("{module}", "{module", 6, "the message cannot be read"),
        ("severity", "severty", 3, "unknown key 'severty'"),
        ("severity: note", "severity: grave", 3, "'grave' is not one of"),
        ("ZZ001", "ZZ002", 1, "the file of rule ZZ002-mine has another name"),
    ],
)
def test_a_rule_that_is_none_is_refused(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    with pytest.raises(RuleError) as caught:
        rules.load(folder_with(tmp_path, "ZZ001-mine.yaml", RULE.replace(old, new)))
    assert problem in caught.value.problem
    assert (Path(caught.value.path).name, caught.value.line) == ("ZZ001-mine.yaml", line)


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no rule files"):
        rules.load(tmp_path)


def test_what_is_about_loopback_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 9001 -j ACCEPT\nCOMMIT\n"
    site = {"hosts": {"web": {"modules": ["hypersql"]}}}
    found = of(report({"exports": {"web.rules": text}, "site": site}, tmp_path, monkeypatch), "PP008")
    assert "HyperSQL: requests of inbound TCP 9001 on web (loopback) get through, but the replies are stopped" in [
        each.message for each in found
    ]
