"""`portproof check` on the example: what it prints, where, and how it ends.

`PORTPROOF_UPDATE=1 pytest tests/e2e/test_check.py` writes the golden report anew; read the difference.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft202012Validator

from tests.e2e.command import EXAMPLE, GATEWAY, ROOT, SITE, Run, copied_example, portproof

GOLDEN = Path(__file__).parent / "golden" / "example.text"
FORMATS = ("text", "json", "markdown", "sarif")
Check = Callable[..., Run]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """`portproof check` with a home of its own."""

    def run(*arguments: str, **more: Any) -> Run:
        return portproof(tmp_path, "check", *arguments, **more)

    return run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The example's report as JSON."""
    return portproof(tmp_path_factory.mktemp("home"), "check", *SITE, "--format", "json").json()


def schema(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def verdicts(run: Run) -> dict[str, str]:
    return {result["id"]: result["verdict"] for result in run.json()["results"]}


def test_the_example_gives_the_golden_report_and_fails(check: Check) -> None:
    run = check(*SITE)
    if os.environ.get("PORTPROOF_UPDATE"):
        GOLDEN.write_text(run.out, encoding="utf-8", newline="\n")
    assert run.out == GOLDEN.read_text(encoding="utf-8")
    assert (run.status, run.err) == (1, "")
    assert run.out.startswith("OL Connect: 6 of 19 port checks blocked, 1 unknown, 12 open\n")


@pytest.mark.parametrize("form", FORMATS)
def test_the_exit_status_does_not_depend_on_the_format(check: Check, form: str) -> None:
    run = check(*SITE, "--format", form)
    assert (run.status, run.err) == (1, "")
    assert run.out.endswith("\n")


@pytest.mark.parametrize(("severity", "status"), [("error", 1), ("warning", 1), ("note", 1), ("never", 0)])
def test_fail_on_decides_the_exit_status(check: Check, severity: str, status: int) -> None:
    assert check(*SITE, "--fail-on", severity).status == status


def test_a_warning_alone_fails_only_where_it_is_asked_for(check: Check, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("hosts:\n  h:\n    exports: [h.rules]\n    modules: [telnet]\n")
    (tmp_path / "h.rules").write_text("*filter\n:INPUT DROP [0:0]\n-A INPUT -m mystery -j ACCEPT\nCOMMIT\n")
    wanted = ("--site", str(site), "--fail-on")
    assert [check(*wanted, each).status for each in ("error", "warning")] == [0, 1]


def test_the_json_report_follows_the_contract(report: Any) -> None:
    Draft202012Validator(schema("validator/schemas/report.schema.json")).validate(report)
    assert report["schema"] == "portproof/report/1"
    assert report["summary"] == {"open": 12, "partial": 0, "blocked": 6, "unknown": 1, "findings": 17}
    assert [export["host"] for export in report["exports"]] == [
        *("connect-server", "connect-server", "print-gateway", "database"),
    ]
    for export in report["exports"]:
        counts = dict(export["lines"])
        assert counts.pop("total") == sum(counts.values())


def test_every_blocked_result_has_a_line_and_a_packet(report: Any) -> None:
    packet = Draft202012Validator(schema("validator/schemas/packet.schema.json"))
    for result in report["results"]:
        assert result["blame"]
        wanted = {"open": ["accepted"], "blocked": ["blocked"]}.get(result["verdict"], [])
        for side in wanted:
            packet.validate(result["witness"][side])


def test_every_finding_is_of_a_result_or_of_an_export(report: Any) -> None:
    results = {result["id"] for result in report["results"]}
    exports = {export["path"] for export in report["exports"]}
    for finding in report["findings"]:
        assert finding["result"] in results or finding["file"] in exports
    assert len({finding["fingerprint"] for finding in report["findings"]}) == len(report["findings"])


def test_the_sarif_log_follows_the_schema_with_relative_uris(check: Check) -> None:
    log = check(*SITE, "--format", "sarif").json()
    Draft4Validator(schema("tests/data/sarif-schema-2.1.0.json")).validate(log)
    for result in log["runs"][0]["results"]:
        for place in (*result["locations"], *result.get("relatedLocations", ())):
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            assert uri.startswith(f"{EXAMPLE}/")
            assert "\\" not in uri
            assert (ROOT / uri).is_file()


def test_fingerprints_stay_when_lines_move(check: Check, tmp_path: Path) -> None:
    found = []
    for name, more in (("before", ""), ("after", "# one more line\n\n")):
        folder = copied_example(tmp_path / name)
        rules = folder / "print-gateway.rules"
        rules.write_text(more + rules.read_text())
        log = check("--site", "site.yaml", "--format", "sarif", cwd=folder).json()
        found.append([each["partialFingerprints"]["primaryLocationLineHash"] for each in log["runs"][0]["results"]])
    assert found[0] == found[1]


def test_a_result_in_a_file_leaves_stdout_empty(check: Check, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    run = check(*SITE, "--format", "json", "-o", str(file))
    assert (run.status, run.out, run.err) == (1, "", "")
    assert file.read_text(encoding="utf-8") == check(*SITE, "--format", "json").out
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.json", "state"]


def test_files_that_belong_together_are_one_host(check: Check) -> None:
    files = ",".join(f"{EXAMPLE}/{name}" for name in ("connect-server.txt", "connect-server-profiles.txt"))
    report = check(f"web01={files}", "--format", "json").json()
    assert {result["host"] for result in report["results"]} == {"web01"}
    assert {result["profile"] for result in report["results"] if not result["local"]} == {"domain", "private", "public"}


def test_a_setting_chooses_the_database(check: Check) -> None:
    modules = [
        {result["module"] for result in check(GATEWAY, *more, "--format", "json").json()["results"]}
        for more in ((), ("--set", "database=mssql"))
    ]
    assert {"mysql", "microsoft-sql-server"} <= modules[0]
    assert "mysql" not in modules[1]
    assert "microsoft-sql-server" in modules[1]


def test_a_family_nobody_exported_is_unknown_and_names_the_command(check: Check) -> None:
    run = check(GATEWAY, "--family", "ipv6", "--format", "json")
    assert set(verdicts(run).values()) == {"unknown"}
    assert "ip6tables-save" in run.out


def test_both_families_are_both_judged(check: Check) -> None:
    run = check(GATEWAY, "--family", "both", "--format", "json")
    assert {result["family"] for result in run.json()["results"]} == {"ipv4", "ipv6"}


def test_what_rested_on_a_withdrawn_assumption_is_unknown(check: Check) -> None:
    before, after = (verdicts(check(*SITE, *more, "--format", "json")) for more in ((), ("--withdraw", "hidden-scope")))
    name = "connect-server/connect-server/listen-9340/tcp/ipv4/domain"
    assert (before[name], after[name]) == ("open", "unknown")


@pytest.mark.parametrize(("option", "coloured"), [("auto", False), ("never", False), ("always", True)])
def test_colour_comes_only_where_it_is_asked_for(check: Check, option: str, coloured: bool) -> None:
    assert ("\x1b[" in check(*SITE, "--color", option).out) is coloured


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_the_command_line_is_above_the_environment(check: Check, more: dict[str, str]) -> None:
    assert re.search("\x1b\\[[0-9;]*3[0-7]m", check(*SITE, "--color", "always", **more).out)
    assert "\x1b" not in check(*SITE, **more).out


def test_colour_never_goes_into_a_file(check: Check, tmp_path: Path) -> None:
    check(*SITE, "--color", "always", "-o", str(tmp_path / "report.txt"))
    assert "\x1b" not in (tmp_path / "report.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_input_gives_the_same_bytes(check: Check, form: str) -> None:
    first, second = (check(*SITE, "--format", form, PYTHONHASHSEED=seed).out for seed in ("0", "4242"))
    assert first == second


def test_ports_that_are_all_open_exit_with_0(check: Check, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("hosts:\n  h:\n    exports: [h.rules]\n    modules: [telnet]\n")
    (tmp_path / "h.rules").write_text("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
    run = check("--site", str(site), "--fail-on", "error")
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith("OL Connect: the only port check is open\n")
