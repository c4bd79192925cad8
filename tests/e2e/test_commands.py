"""The commands beside `check`: trace, explain, rules, policy, graph, parse."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from jsonschema import Draft202012Validator

from tests.e2e.command import EXAMPLE, GATEWAY, ROOT, SITE, Run, portproof

Command = Callable[..., Run]
PACKETS = (
    {"protocol": "tcp", "source": "10.20.3.4", "destination_port": 515},
    {"protocol": "tcp", "source": "11.20.3.4", "destination_port": 515},
    {"destination_port": 9100},
    {"hook": "output", "protocol": "tcp", "destination_port": 21},
    {"protocol": "udp", "destination_port": 53, "state": "established"},
)
ANSWERS = (
    ("accept", 16, ["INPUT", "printing"]),
    ("drop", 17, ["INPUT", "printing"]),
    ("reject", 13, ["INPUT", "INPUT"]),
    ("reject", 15, ["OUTPUT"]),
    ("accept", 8, ["INPUT"]),
)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command with a home of its own, in which it may remember its last report."""

    def run(*arguments: str, **more: Any) -> Run:
        return portproof(tmp_path, *arguments, **more)

    return run


def lines(packets: tuple[dict[str, Any], ...]) -> str:
    return "".join(f"{json.dumps(packet)}\n" for packet in packets)


def schema(name: str) -> Draft202012Validator:
    text = (ROOT / "validator" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


# --- trace -------------------------------------------------------------------


def test_trace_answers_a_line_each_in_order(command: Command) -> None:
    run = command("trace", GATEWAY, "--packets", "-", stdin=lines(PACKETS))
    answers = [json.loads(line) for line in run.out.splitlines()]
    found = [(each["verdict"], each["rule"]["line"], [step["chain"] for step in each["path"]]) for each in answers]
    assert found == list(ANSWERS)
    assert (run.status, run.err) == (0, "")


def test_trace_follows_its_contracts(command: Command) -> None:
    rules = (ROOT / GATEWAY).read_text(encoding="utf-8").splitlines()
    for packet in PACKETS:
        schema("packet").validate(packet)
    for line in command("trace", GATEWAY, "--packets", "-", stdin=lines(PACKETS)).out.splitlines():
        answer = json.loads(line)
        schema("answer").validate(answer)
        assert answer["rule"]["file"] == GATEWAY
        assert answer["rule"]["text"] == rules[answer["rule"]["line"] - 1]
        assert {step["table"] for step in answer["path"]} == {"filter"}


def test_trace_reads_packets_from_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "packets.jsonl"
    file.write_text("\ufeff" + lines(PACKETS), encoding="utf-8")
    from_stdin = command("trace", GATEWAY, "--packets", "-", stdin=lines(PACKETS))
    assert command("trace", GATEWAY, "--packets", str(file)) == from_stdin


BAD_LINES = {
    "not json": "not a JSON object (Expecting value); write a packet a line",
    "[1]": "a packet is a JSON object; ",
    '{"port": 1}': "a packet has no field 'port'; fields: hook, ",
    '{"protocol": "tcp"}': "the packet has no destination_port; ",
    '{"destination_port": 65536}': "destination_port cannot be 65536; write a number from 0 to 65535",
    '{"destination_port": ' + "1" * 5000 + "}": "not a JSON object (too deep, or a number too long); ",
    "[" * 100_000: "not a JSON object (too deep, or a number too long); ",
}


def test_a_line_that_is_no_packet_is_answered_in_its_place(command: Command) -> None:
    good = json.dumps(PACKETS[0])
    run = command("trace", GATEWAY, "--packets", "-", stdin="\n".join([good, *BAD_LINES, "", good]))
    answers = [json.loads(line) for line in run.out.splitlines()]
    assert run.status == 2
    assert [each["verdict"] for each in answers] == ["accept", *["unknown"] * len(BAD_LINES), "accept"]
    told = run.err.splitlines()
    for number, (line, answer, wanted) in enumerate(zip(told, answers[1:-1], BAD_LINES.values(), strict=True), 2):
        schema("answer").validate(answer)
        assert answer["error"].startswith(f"standard input:{number}: {wanted}")
        assert line == f"portproof: {answer['error']}"


def test_bytes_that_are_no_text_are_a_bad_line(command: Command) -> None:
    run = command("trace", GATEWAY, "--packets", "-", stdin=b'\xff\xfe\n{"destination_port": 80}\n')
    assert [json.loads(line)["verdict"] for line in run.out.splitlines()] == ["unknown", "accept"]
    assert run.status == 2


def test_trace_asks_which_host(command: Command) -> None:
    run = command("trace", *SITE, "--packets", "-")
    assert run.status == 2
    assert "name it with --host (connect-server, print-gateway, database)" in run.err
    named = command("trace", *SITE, "--host", "database", "--packets", "-", stdin='{"destination_port": 3306}')
    assert json.loads(named.out)["verdict"] == "drop"


@pytest.mark.parametrize(("path", "why"), [("missing", "No such file or directory"), (EXAMPLE, "Is a directory")])
def test_packets_that_cannot_be_read_are_one_line(command: Command, path: str, why: str) -> None:
    run = command("trace", GATEWAY, "--packets", path)
    assert (run.status, run.out, run.err) == (2, "", f"portproof: {path}: cannot be read ({why}); check the path\n")


# --- explain and rules -------------------------------------------------------


@pytest.mark.parametrize("name", ["PP001", "pp001", "inbound-blocked"])
def test_explain_tells_of_a_rule(command: Command, name: str) -> None:
    run = command("explain", name)
    assert run.out.startswith("PP001 inbound-blocked (error)\n")
    assert all(heading in run.out for heading in ("Fires when: ", "Why: ", "How to fix: ", "References:"))
    assert (run.status, run.err) == (0, "")


def test_explain_tells_of_the_last_checks_findings_and_results(command: Command) -> None:
    report = command("check", *SITE, "--format", "json").json()
    finding, result = report["findings"][0], report["results"][0]
    whole, short = (command("explain", finding["fingerprint"][:length]) for length in (64, 10))
    assert whole == short
    assert whole.out.startswith(f"ERROR {finding['rule']} {finding['message']}\n")
    assert f"{finding['file']}:{finding['line']}" in whole.out
    assert command("explain", result["id"]).out.startswith(f"{result['id']}: {result['verdict'].upper()}\n")


def test_explain_before_a_check_says_so(command: Command) -> None:
    run = command("explain", "abcdef")
    assert (run.status, run.out) == (2, "")
    assert "run portproof check first, or name a report with --report FILE" in run.err


def test_rules_lists_the_whole_catalogue(command: Command) -> None:
    files = sorted((ROOT / "rules").glob("*.yaml"))
    text, data = command("rules").out, command("rules", "--format", "json").json()
    assert [line.partition(" ")[0] for line in text.splitlines()] == [path.name[:5] for path in files]
    assert [rule["id"] for rule in data] == [path.name[:5] for path in files]
    assert all(rule[key] for rule in data for key in ("name", "severity", "message", "why", "fix"))


# --- policy ------------------------------------------------------------------


def test_policy_list_names_the_bundled_ones(command: Command) -> None:
    run = command("policy", "list")
    assert run.out.splitlines()[0].startswith("ol-connect  ")
    assert len(run.out.splitlines()) == len(list((ROOT / "policy").glob("*.yaml")))


def test_policy_show_has_every_module_and_setting(command: Command) -> None:
    out = command("policy", "show").out
    for words in ("SMTP Input plugin (smtp-input-plugin)", "5863-5864", "database: mysql, mssql, hsqldb"):
        assert words in out


def test_a_copied_policy_is_good(command: Command, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text((ROOT / "policy/ol-connect.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    run = command("policy", "validate", str(mine))
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith(f"{mine}: good: OL Connect, ")
    judged = [command("check", *SITE, *more).out for more in ((), ("--policy", str(mine)))]
    assert judged[0] == judged[1]


# --- graph -------------------------------------------------------------------


def network(text: str) -> nx.DiGraph[str]:
    """The graph in a GraphML text, its nodes renamed to their labels."""
    graph: nx.DiGraph[str] = nx.DiGraph(nx.read_graphml(io.BytesIO(text.encode())))
    renamed: nx.DiGraph[str] = nx.relabel_nodes(graph, nx.get_node_attributes(graph, "label"))
    return renamed


def test_graphml_is_the_network(command: Command) -> None:
    graph = network(command("graph", *SITE, "--format", "graphml").out)
    kinds = nx.get_node_attributes(graph, "kind")
    assert {name for name, kind in kinds.items() if kind == "host"} == {"connect-server", "print-gateway", "database"}
    assert kinds["database/mysql"] == "module"
    assert graph.edges["network", "print-gateway"] == {"hook": "input", "firewall": "iptables"}
    assert nx.has_path(graph, "peers", "connect-server/messenger")


def test_every_drawing_has_the_same_nodes_and_edges(command: Command) -> None:
    texts = {form: command("graph", *SITE, "--format", form).out for form in ("mermaid", "dot", "graphml")}
    graph = network(texts["graphml"])
    assert texts["mermaid"].startswith("flowchart LR\n")
    assert len(re.findall(r"^  n\d+[\[({]", texts["mermaid"], re.MULTILINE)) == len(graph)
    assert len(re.findall(r"^  n\d+ -", texts["mermaid"], re.MULTILINE)) == graph.size()
    assert len(re.findall(r"^  n\d+ \[label=", texts["dot"], re.MULTILINE)) == len(graph)
    assert len(re.findall(r"^  n\d+ -> n\d+", texts["dot"], re.MULTILINE)) == graph.size()


def test_a_drawing_can_go_into_a_file(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "network.mmd"
    assert command("graph", *SITE, "-o", str(file)) == Run(0, "", "")
    assert file.read_text(encoding="utf-8") == command("graph", *SITE).out


@pytest.mark.parametrize("name", ["network", "peers"])
def test_a_host_may_have_the_name_of_a_place(command: Command, name: str) -> None:
    assert command("check", f"{name}={GATEWAY}").status == 1
    assert re.findall(rf'"{name}"', command("graph", f"{name}={GATEWAY}").out) == [f'"{name}"'] * 2


# --- parse -------------------------------------------------------------------


@pytest.fixture
def odd(tmp_path: Path) -> str:
    """An export with a line that nobody understands, the fourth."""
    file = tmp_path / "odd.rules"
    file.write_text("*filter\n:INPUT DROP [0:0]\n-A INPUT -j ACCEPT\n-A INPUT garbage\nCOMMIT\n")
    return file.as_posix()


def test_parse_lists_the_kinds_of_exports(command: Command) -> None:
    run = command("parse", "--kinds")
    assert (run.status, run.err) == (0, "")
    assert "iptables-save: iptables-save and ip6tables-save\n" in run.out
    assert run.out.splitlines()[0].startswith("aws-")
    assert len(run.out.splitlines()) > 40


def test_parse_accounts_for_every_line(command: Command) -> None:
    run = command("parse", GATEWAY)
    assert run.out == (f"{GATEWAY}: iptables-save, 19 lines: 15 modelled, 4 ignored, 0 conditional, 0 not understood\n")
    assert (run.status, run.err) == (0, "")


def test_parse_names_the_lines_that_are_not_understood(command: Command, odd: str) -> None:
    run = command("parse", odd)
    assert run.out.splitlines()[1:] == [f"{odd}:4: not understood: -A INPUT garbage"]
    assert (run.status, run.err) == (1, "")


def test_quiet_names_only_files_with_something_to_say(command: Command, odd: str) -> None:
    run = command("parse", "--quiet", GATEWAY, odd)
    assert GATEWAY not in run.out
    assert odd in run.out
    assert run.status == 1


def test_skip_unknown_passes_over_what_is_no_export(command: Command) -> None:
    assert command("parse", "--skip-unknown", "--quiet", "README.md", GATEWAY) == Run(0, "", "")
    assert command("parse", "README.md").status == 2
    assert command("parse", "--skip-unknown", "missing.txt").status == 2


def test_skip_unknown_passes_over_json_of_others(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    file.write_text('{"name": "web", "version": "1.0.0"}\n')
    assert command("parse", "--skip-unknown", "--quiet", str(file)) == Run(0, "", "")
