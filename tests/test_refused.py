"""What an export that could not be used leaves of the answers for its host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dialects import aws
from tests.dialects.exports import asked, verdict
from tests.dialects.test_aws_security_groups import WEB, export
from tests.dialects.test_iptables_save import dump
from tests.dialects.test_netsh_profiles import every
from tests.dialects.test_netsh_rules import dump as netsh
from tests.dialects.test_netsh_rules import rule
from validator import policy_file, rules
from validator.check import CheckOptions, check
from validator.hosts import firewalls, load
from validator.packets.fields import Family
from validator.reports import formats
from validator.results import Report, Verdict
from validator.site import Host, Site

WEB_POLICY = """\
id: web
version: "1"
title: Web
modules:
  web:
    name: Web
    entries:
      listen: {direction: inbound, protocols: [tcp], ports: [80], local: true}
      other: {direction: inbound, protocols: [tcp], ports: [81]}
      out: {direction: outbound, protocols: [tcp], ports: [443]}
"""
LETS_80 = dump(
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT",
    "-A INPUT -j DROP",
)
CUT = "table inet t {\n\tchain in {\n\t\ttype filter hook input priority filter; policy drop;\n"
FOUR = (Family.IPV4,)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def report(*arguments: str, site: Site | None = None, **files: str) -> Report:
    """The report on `arguments` after writing `files`; a_txt is a.txt."""
    Path("web.yaml").write_text(WEB_POLICY)
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text)
    loaded = load(arguments, site)
    checked = check(loaded, policy_file.load("web.yaml"), site, CheckOptions(FOUR))
    return rules.judge(checked, rules.load(), tuple(map(str, loaded.errors)))


def verdicts(found: Report, host: str = "h") -> dict[str, str]:
    """The verdict of every result of a host, by its entry; of those of the loopback with `local`."""
    return {each.port_entry + " local" * each.local: each.verdict.value for each in found.results if each.host == host}


@pytest.mark.parametrize("arguments", [("h=a.rules,cut.nft",), ("h=a.rules", "h=cut.nft"), ("h=cut.nft", "h=a.rules")])
def test_nothing_is_open_where_another_export_of_the_host_was_cut(arguments: tuple[str, ...]) -> None:
    found = report(*arguments, a_rules=LETS_80, cut_nft=CUT)
    assert verdicts(found) == {"listen": "unknown", "listen local": "unknown", "other": "blocked", "out": "unknown"}
    texts = {use.text for result in found.results for use in result.conditions if use.assumed is None}
    assert texts == {
        "what cut.nft holds, which could not be used: the ruleset ends in the middle of a table: the file is cut; "
        "run nft list ruleset > FILE and pass that file"
    }
    assert {finding.rule for finding in found.findings} == {"PP001", "PP004", "PP021", "PP025"}
    blocked = next(result for result in found.results if result.verdict is Verdict.BLOCKED)
    assert [blame.span.path for blame in blocked.blame] == ["a.rules"]


@pytest.mark.parametrize("form", sorted(formats()))
def test_every_report_names_the_file(form: str) -> None:
    text = formats()[form].render(report("h=a.rules,cut.nft", a_rules=LETS_80, cut_nft=CUT))
    assert "cut.nft" in text
    assert form != "json" or json.loads(text)["summary"] == {
        "open": 0,
        "partial": 0,
        "blocked": 1,
        "unknown": 3,
        **_n(),
    }
    assert form != "text" or text.startswith("Web: 1 of 4 port checks blocked, 3 unknown")


def _n() -> dict[str, int]:
    found = report("h=a.rules,cut.nft")
    return {"findings": len(found.findings)}


@pytest.mark.parametrize(
    ("name", "text"),
    [("missing_txt", ""), ("notes_txt", "Dear diary\n"), ("empty_txt", ""), ("l_txt", "Chain INPUT (policy DROP)\n")],
)
def test_a_file_of_which_nobody_knows_what_it_is_may_hold_rules(name: str, text: str) -> None:
    if name != "missing_txt":
        Path(name.replace("_", ".")).write_text(text)
    found = report(f"h=a.rules,{name.replace('_', '.')}", a_rules=LETS_80)
    assert verdicts(found)["listen"] == "unknown"


@pytest.mark.parametrize(
    "text",
    [
        "net.ipv4.ip_forward = 0\nnet.ipv4.ip_forward = yes\n",
        "Name: a\nType: hash:ip\nMembers:\n10.0.0.1\n",
        "default via 10.0.0.1 dev eth0 proto dhcp\n",
        "lo UNKNOWN 127.0.0.1/8\n",
    ],
)
def test_a_file_that_holds_no_rules_leaves_facts_unknown_alone(text: str) -> None:
    found = report("h=a.rules,facts.txt", a_rules=LETS_80, facts_txt=text)
    assert verdicts(found)["listen"] == "open"


def test_a_host_is_not_judged_by_a_refused_export_alone() -> None:
    found = report("h=cut.nft", "other=a.rules", a_rules=LETS_80, cut_nft=CUT)
    assert verdicts(found) == {}
    assert verdicts(found, "other")["listen"] == "open"


def test_files_without_a_host_are_hosts_of_their_own() -> None:
    assert verdicts(report("a.rules", "cut.nft", a_rules=LETS_80, cut_nft=CUT), "a")["listen"] == "open"


def test_the_site_says_whose_a_refused_export_is() -> None:
    site = Site("site.yaml", hosts=(Host("h", exports=("a.rules", "cut.nft")), Host("g", exports=("a.rules",))))
    found = report(site=site, a_rules=LETS_80, cut_nft=CUT)
    assert [verdicts(found, host)["listen"] for host in ("h", "g")] == ["unknown", "open"]


def test_rules_of_one_windows_firewall_may_allow_what_the_others_do_not() -> None:
    found = report("h=a.txt,p.txt", a_txt=netsh(rule(LocalPort="80")), p_txt=every())
    assert verdicts(found) == {"listen": "open", "other": "blocked", "out": "unknown"}
    found = report("h=a.txt,p.txt,b.txt", b_txt=netsh(rule(LocalPort="81"))[:-30])
    assert verdicts(found) == {"listen": "unknown", "other": "unknown", "out": "unknown"}


def test_states_of_windows_profiles_are_facts() -> None:
    found = report(
        "h=a.txt,p.txt", a_txt=netsh(rule(LocalPort="80")), p_txt=every().replace("LocalFirewallRules", "Unknown")
    )
    assert "no LocalFirewallRules: the output is cut" in found.errors[0]
    assert verdicts(found)["listen"] == "open"


def test_a_cloud_before_the_host_still_blocks() -> None:
    found = report("h=g.json,a.rules,cut.nft", g_json=export(WEB), a_rules=LETS_80, cut_nft=CUT)
    assert verdicts(found) == {"listen": "unknown", "listen local": "unknown", "other": "blocked", "out": "unknown"}
    found = report("h=g.json,a.rules,cut.json", cut_json='{"SecurityGroups": [')
    assert verdicts(found) == {"listen": "unknown", "listen local": "unknown", "other": "blocked", "out": "unknown"}


def test_a_refused_export_of_an_inventory_is_of_its_host() -> None:
    acls = aws.acls(aws.acl("acl-1"))
    Path("g.json").write_text(export(WEB))
    for text, expected in ((acls, "drop"), (acls[:-9], "unknown")):
        Path("acls.json").write_text(text)
        loaded = load(["g.json", "acls.json"])
        assert bool(loaded.errors) is (expected == "unknown")
        assert verdict(firewalls(loaded, FOUR)[0], 80) == expected


def test_single_packets_are_unknown_too() -> None:
    Path("a.rules").write_text(LETS_80)
    Path("cut.nft").write_text(CUT)
    found = firewalls(load(["h=a.rules,cut.nft"]), FOUR)
    assert [verdict(found[0], port) for port in (80, 81)] == ["unknown", "drop"]
    assert asked(found[0], 80)[0].startswith("what cut.nft holds, which could not be used: the ruleset ends")
