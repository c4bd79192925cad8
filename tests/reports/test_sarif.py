"""SARIF: the published schema, what GitHub asks for besides, and addresses of files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from msgspec.structs import replace

from tests.reports import sample
from validator.reports import sarif
from validator.reports.sarif_location import file_uri
from validator.results import Report
from validator.source import Span

SCHEMA = Path(__file__).parents[1] / "data" / "sarif-schema-2.1.0.json"


def log(report: Report) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(sarif.render(report))
    return loaded


def run(report: Report) -> dict[str, Any]:
    first: dict[str, Any] = log(report)["runs"][0]
    return first


def strings(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("made", [sample.small, sample.nasty, sample.empty])
def test_a_log_follows_the_schema_and_has_no_empty_text(made: Any) -> None:
    written = log(made())
    Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(written)
    assert all(text.strip() for text in strings(written))


def test_every_result_has_a_place_a_rule_and_a_fingerprint() -> None:
    for report in (sample.small(), sample.nasty()):
        written = run(report)
        rules = [rule["id"] for rule in written["tool"]["driver"]["rules"]]
        assert len(written["results"]) == len(report.findings)
        for each in written["results"]:
            assert rules[each["ruleIndex"]] == each["ruleId"]
            [place] = each["locations"]
            assert place["physicalLocation"]["region"]["startLine"] >= 1
            assert place["physicalLocation"]["artifactLocation"]["uri"]
            assert each["partialFingerprints"]["primaryLocationLineHash"]


def test_errors_come_first_and_carry_the_lines_that_decide() -> None:
    first, second = run(sample.small())["results"]
    assert (first["level"], second["level"]) == ("error", "note")
    region = first["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 9, "snippet": {"text": "-A INPUT -j DROP"}}
    [related] = first["relatedLocations"]
    assert related["physicalLocation"]["region"]["startLine"] == 2


def test_a_rule_says_what_and_how_to_fix() -> None:
    rule = run(sample.small())["tool"]["driver"]["rules"][0]
    assert rule["id"] == "PP001"
    assert rule["shortDescription"] == {"text": "Inbound blocked"}
    assert "How to fix: Add a rule" in rule["help"]["text"]
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert float(rule["properties"]["security-severity"]) > 0
    assert rule["helpUri"] == "https://www.netfilter.org/documentation/"


def test_a_rule_that_only_a_finding_names_is_there_too() -> None:
    report = replace(sample.small(), rules=())
    assert [rule["id"] for rule in run(report)["tool"]["driver"]["rules"]] == ["PP001", "PP005"]


def test_too_many_findings_are_cut_worst_first_and_said() -> None:
    written = run(sample.many(sarif.MOST_RESULTS + 2))
    assert len(written["results"]) == sarif.MOST_RESULTS
    assert written["results"][0]["level"] == "error"
    [note] = written["invocations"][0]["toolExecutionNotifications"]
    assert "2 findings are left out" in note["message"]["text"]


def test_inputs_that_could_not_be_used_are_said() -> None:
    [invocation] = run(replace(sample.small(), errors=("x.txt: no such file",)))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "x.txt: no such file"


def test_a_message_can_hold_no_link_and_no_placeholder() -> None:
    finding = replace(sample.small().findings[0], message="{0} [x](http://evil.example)")
    [shown] = run(replace(sample.small(), findings=(finding,)))["results"]
    assert shown["message"]["text"] == "{{0}} [x] (http://evil.example)"


def test_a_finding_without_a_file_is_put_on_the_policy() -> None:
    finding = replace(sample.small().findings[0], span=Span("", 0))
    [shown] = run(replace(sample.small(), findings=(finding,)))["results"]
    place = shown["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "policy/ol-connect.yaml"}, "region": {"startLine": 1}}


def test_uris_are_relative_where_they_can_be_and_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert file_uri("a/b c#1.txt") == "a/b%20c%231.txt"
    assert file_uri("./a//b.txt") == "a/b.txt"
    assert file_uri("../here/a.txt") == "a.txt"
    assert file_uri(f"{folder.as_posix()}/a.txt") == "a.txt"
    assert file_uri("../other.txt") == f"file:///{tmp_path.as_posix().lstrip('/')}/other.txt"
    assert file_uri("C:/dump.txt") == "file:///C:/dump.txt"
    assert file_uri("web:1.txt") == "web%3A1.txt"
    assert file_uri("é\udcff\n") == "%C3%A9%FF%0A"
    assert file_uri("\ud800") == "%3F"
