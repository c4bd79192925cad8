"""What `explain` tells of a rule, a finding, a result; and how it finds them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.reports import sample
from validator import rules
from validator.errors import RequestError
from validator.explain import explain_in_report, explain_rule, rule_document
from validator.reports.json_report import document
from validator.reports.safe_text import plain
from validator.results import Report

CATALOGUE = rules.load()


def report(made: Report) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(document(made)))
    return loaded


SMALL = report(sample.small())


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: rule.id)
def test_every_rule_can_be_explained(rule: rules.CatalogueRule) -> None:
    text = explain_rule(rule)
    assert text.startswith(f"{rule.id} {rule.name} ({rule.severity.value})\n")
    assert "\nWhy: " in text
    assert "\nHow to fix: " in text
    assert json.loads(json.dumps(rule_document(rule)))["id"] == rule.id


@pytest.mark.parametrize("wanted", ["a" * 64, "aaaa", "a"])
def test_a_finding_is_found_by_the_beginning_of_its_fingerprint(wanted: str) -> None:
    lines = explain_in_report(wanted, SMALL, CATALOGUE).splitlines()
    assert lines[:3] == [
        "ERROR PP001 Connect Server cannot be reached on 9350/tcp",
        "  web01.rules:9: -A INPUT -j DROP",
        f"  fingerprint {'a' * 64}",
    ]
    assert any(line.startswith("How to fix: ") for line in lines)
    assert "web01/connect-server/listen-9350/tcp/ipv4: BLOCKED" in lines


def test_a_finding_of_a_rule_that_is_gone_is_still_told() -> None:
    assert explain_in_report("aaaa", SMALL, ()).startswith("ERROR PP001 ")


def test_a_result_tells_what_decides_it() -> None:
    lines = explain_in_report("web01/connect-server/listen-9350/tcp/ipv4", SMALL, CATALOGUE).splitlines()
    assert lines == [
        "web01/connect-server/listen-9350/tcp/ipv4: BLOCKED",
        "  Connect Server, inbound tcp 9350, ipv4, peers 0.0.0.0/0, through iptables",
        "  request drop by web01.rules:9: -A INPUT -j DROP",
        "  request drop by web01.rules:2: :INPUT DROP [0:0] (a default that stands in no line)",
        "  blocked, for example: tcp 198.51.100.7:40000 -> 192.0.2.10:9350, new, on eth0",
        "  would open it, but too-late: web01.rules:11: -A INPUT -p tcp --dport 9350 -j ACCEPT",
        "  error PP001 Connect Server cannot be reached on 9350/tcp (aaaaaaaaaaaa)",
    ]


def test_a_result_says_what_it_depends_on_and_for_whom_it_is_open() -> None:
    unknown = explain_in_report("web01/https-server/listen/tcp/ipv4", SMALL, CATALOGUE)
    assert "  depends on: the address set `office` (open)\n" in unknown
    restricted = explain_in_report("web01/mysql/listen/tcp/ipv4", SMALL, CATALOGUE)
    assert "PARTIAL (restricted: some peers get through" in restricted
    assert "  accepted: source 10.0.0.0/8; destination port 3306\n" in restricted
    assert "  depends on: a rate limit (taken as true)\n" in restricted


def test_a_beginning_of_several_asks_for_more() -> None:
    several = {**SMALL, "findings": [{**SMALL["findings"][0], "fingerprint": f"ab{n}"} for n in range(3)]}
    with pytest.raises(RequestError, match="begins 3 fingerprints; write more of it: ab0, ab1, ab2"):
        explain_in_report("ab", several, CATALOGUE)


def test_what_is_not_there_offers_what_is() -> None:
    with pytest.raises(RequestError, match="'mysql'; try: web01/mysql/listen/tcp/ipv4"):
        explain_in_report("mysql", SMALL, CATALOGUE)
    with pytest.raises(RequestError, match="'nope'; try: PP001, a fingerprint"):
        explain_in_report("nope", SMALL, CATALOGUE)


def test_nothing_is_no_name() -> None:
    with pytest.raises(RequestError, match="is empty"):
        explain_in_report("", SMALL, CATALOGUE)


def test_a_report_of_others_is_told_safely() -> None:
    nasty = report(sample.nasty())
    wanted = [each["fingerprint"] for each in nasty["findings"]] + [each["id"] for each in nasty["results"]]
    for each in wanted:
        assert all(plain(line) == line for line in explain_in_report(each, nasty, CATALOGUE).split("\n"))


@pytest.mark.parametrize("wanted", ["\x1b[31m", "\u202e"])
def test_a_hostile_name_is_not_repeated_raw(wanted: str) -> None:
    with pytest.raises(RequestError) as caught:
        explain_in_report(wanted, SMALL, CATALOGUE)
    assert plain(str(caught.value)) == str(caught.value)


def test_what_keeps_a_rule_from_helping_is_told_whole() -> None:
    result = SMALL["results"][0]
    line = {"file": "web.txt", "line": 7, "text": "a rule"}
    near = [
        {"why": "disabled", "also": ["other-program"], "programs": ["a.exe"], "addresses": [], "by": None, **line},
        {"why": "too-late", "by": {"file": "web.txt", "line": 3, "text": "stop"}, **line},
        {"why": "some-addresses", "addresses": ["LocalSubnet"], **line},
        {"why": "other-profile", **line},
    ]
    stop = {"leg": "request", "action": "drop", "file": "web.txt", "line": 3, "text": "stop"}
    forwards = [{"listen": "*:1", "to": "10.0.0.5:2", "onward": "open", **line}]
    forwards += [{"listen": "*:3", "to": "10.0.0.5:4", "onward": "blocked", "blocked_by": [stop], **line}]
    made = {**SMALL, "results": [{**result, "near_misses": near, "forwards": forwards}]}
    lines = explain_in_report(result["id"], made, CATALOGUE).splitlines()
    for wanted in (
        "  would open it, but disabled, other-program (it is for a.exe): web.txt:7: a rule",
        "  would open it, but too-late by web.txt:3: web.txt:7: a rule",
        "  opens it for some addresses (it is for LocalSubnet): web.txt:7: a rule",
        "  would open it, but other-profile: web.txt:7: a rule",
        "  connections to *:1 are forwarded to 10.0.0.5:2: web.txt:7: a rule",
        "    onward, request drop by web.txt:3: stop",
    ):
        assert wanted in lines
