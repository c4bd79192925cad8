"""The JSON contract: names, nesting and order."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from tests.reports import sample
from validator.reports import json_report

REPORT = [
    "schema",
    "tool",
    "policy",
    "exports",
    "results",
    "findings",
    "summary",
]
RESULT = [
    "id",
    "host",
    "firewall",
    "profile",
    "module",
    "port_entry",
    "direction",
    "protocol",
    "ports",
    "family",
    "peers",
    "local",
    "verdict",
    "accepted",
    "blocked",
    "conditions",
    "blame",
    "witness",
]
FINDING = ["rule", "severity", "message", "file", "line", "result", "fingerprint"]


def schema(name: str) -> Draft202012Validator:
    text = resources.files("validator").joinpath("schemas", f"{name}.schema.json").read_text(encoding="utf-8")
    loaded = json.loads(text)
    Draft202012Validator.check_schema(loaded)
    return Draft202012Validator(loaded)


def definition(name: str) -> dict[str, Any]:
    loaded = schema(name).schema
    assert isinstance(loaded, dict)
    return loaded


def written(report: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json_report.render(report))
    return loaded


@pytest.mark.parametrize("made", [sample.small, sample.nasty, sample.empty])
def test_a_report_follows_its_schema(made: Any) -> None:
    schema("report").validate(written(made()))


def test_the_names_and_their_order_are_the_contracts() -> None:
    report = written(sample.small())
    assert list(report)[: len(REPORT)] == REPORT
    assert list(report["exports"][0])[:5] == ["path", "dialect", "host", "sha256", "lines"]
    assert list(report["exports"][0]["lines"]) == ["total", "modelled", "ignored", "conditional", "unsupported"]
    for result in report["results"]:
        assert list(result)[: len(RESULT)] == RESULT
        assert list(result["witness"]) == ["accepted", "blocked"]
        for condition in result["conditions"]:
            assert list(condition)[:4] == ["text", "file", "line", "assumed"]
        for blame in result["blame"]:
            assert list(blame)[:5] == ["leg", "action", "file", "line", "text"]
    for finding in report["findings"]:
        assert list(finding)[: len(FINDING)] == FINDING
    assert report["summary"] == {"open": 4, "partial": 1, "blocked": 1, "unknown": 1, "findings": 2}


def test_the_schema_asks_for_the_contracts_names() -> None:
    report = definition("report")
    assert report["required"] == REPORT
    assert report["$defs"]["result"]["required"] == RESULT
    assert report["$defs"]["finding"]["required"] == FINDING


def test_boxes_packets_and_ports_are_as_given() -> None:
    by_module = {result["module"]: result for result in written(sample.small())["results"]}
    mysql = by_module["mysql"]
    assert mysql["accepted"] == [{"source": ["10.0.0.0/8"], "destination_port": [[3306, 3306]]}]
    assert by_module["messenger"]["ports"] == [[5863, 5864]]
    assert by_module["messenger"]["witness"]["blocked"] is None
    schema("packet").validate(mysql["witness"]["blocked"])


def test_the_packet_of_a_report_is_that_of_trace() -> None:
    packet = definition("packet")
    inside = definition("report")["$defs"]["packet"]
    assert inside == {key: packet[key] for key in inside}


def test_an_answer_of_trace_follows_its_schema() -> None:
    answer = {
        "verdict": "drop",
        "rule": {"file": "a.rules", "line": 3, "text": "-A INPUT -j DROP"},
        "path": [{"table": "filter", "chain": "INPUT", "file": "a.rules", "line": 3}],
        "conditions": [{"text": "the set `x`", "file": None, "line": None, "assumed": None}],
    }
    schema("answer").validate(answer)
    schema("answer").validate({**answer, "rule": None, "verdict": "unknown"})
    with pytest.raises(ValidationError):
        schema("answer").validate({**answer, "verdict": "open"})


def test_what_a_terminal_acts_on_is_escaped_but_kept() -> None:
    shown = json_report.render(sample.nasty())
    assert "\\u001b[31mred" in shown
    assert "\\u202e" in shown
    assert "\\udb40\\udc41" in shown
    assert json.loads(shown)["errors"][0] == sample.NASTY[0]
