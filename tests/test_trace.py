"""Single packets through a host's firewalls: whose, in which order, in which words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from validator.errors import RequestError
from validator.hosts import load
from validator.trace import Answer, Tracer, answers

RULES = """*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 23 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j web
-A INPUT -p tcp -m tcp --dport 22 -m set --match-set admins src -j ACCEPT
-A INPUT -p tcp -m tcp --dport 25 -m limit --limit 5/sec -j ACCEPT
-A web -s 10.0.0.0/8 -j ACCEPT
-A web -j RETURN
COMMIT
"""


@pytest.fixture
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with exports."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web.rules").write_text(RULES)
    (tmp_path / "other.rules").write_text("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")
    (tmp_path / "groups.json").write_text(
        '{"SecurityGroups": [{"GroupId": "sg-1", "GroupName": "web", "VpcId": "vpc-1", "OwnerId": "1",\n'
        '"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}],\n'
        '"Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}],\n'
        '"IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [],\n'
        '"PrefixListIds": [], "UserIdGroupPairs": []}]}]}\n'
    )
    return tmp_path


def ask(*arguments: str, **packet: object) -> Answer:
    return Tracer(load(arguments)).answer(packet)


def path(answer: Answer) -> list[tuple[object, object, object]]:
    steps = answer["path"]
    assert isinstance(steps, list)
    return [(step["table"], step["chain"], step["line"]) for step in steps if isinstance(step, dict)]


@pytest.mark.usefixtures("exports")
class TestOneFirewall:
    def test_the_rule_that_decides_is_named_with_its_text(self) -> None:
        answer = ask("web.rules", source="10.1.2.3", destination_port=80)
        assert answer["verdict"] == "accept"
        assert answer["rule"] == {"file": "web.rules", "line": 12, "text": "-A web -s 10.0.0.0/8 -j ACCEPT"}
        assert path(answer) == [("raw", "PREROUTING", 2), ("filter", "INPUT", 9), ("filter", "web", 12)]
        assert answer["conditions"] == []

    def test_a_default_decides_where_no_rule_does(self) -> None:
        answer = ask("web.rules", source="11.1.2.3", destination_port=80)
        assert answer["verdict"] == "drop"
        assert answer["rule"] == {"file": "web.rules", "line": 6, "text": ":INPUT DROP [0:0]"}
        assert path(answer)[1:] == [("filter", "INPUT", 9), ("filter", "web", 13), ("filter", "INPUT", 6)]

    def test_tables_are_met_in_the_kernels_order(self) -> None:
        answer = ask("web.rules", destination_port=23)
        assert (answer["verdict"], path(answer)) == ("drop", [("raw", "PREROUTING", 3)])

    def test_a_condition_that_decides_leaves_the_verdict_unknown(self) -> None:
        answer = ask("web.rules", destination_port=22)
        assert (answer["verdict"], answer["rule"]) == ("unknown", None)
        [condition] = answer["conditions"] if isinstance(answer["conditions"], list) else []
        assert isinstance(condition, dict)
        assert str(condition["text"]).startswith("the packet (src) is in set admins")
        assert condition["assumed"] is None

    def test_a_rate_limit_is_taken_at_normal_load_unless_withdrawn(self) -> None:
        packet = {"destination_port": 25}
        tracer = Tracer(load(["web.rules"]))
        bare = Tracer(load(["web.rules"]), withdrawn=frozenset({"normal-load"}))
        assert [each.answer(packet)["verdict"] for each in (tracer, bare)] == ["accept", "unknown"]

    def test_a_family_that_was_not_exported_is_unknown(self) -> None:
        answer = ask("web.rules", source="2001:db8::1", destination_port=80)
        assert answer["verdict"] == "unknown"
        assert "ip6tables-save" in json.dumps(answer)


@pytest.mark.usefixtures("exports")
class TestSeveralFirewalls:
    def test_a_packet_meets_the_clouds_before_the_hosts(self) -> None:
        answer = ask("web=web.rules,groups.json", source="10.1.2.3", destination_port=80)
        assert [chain for _, chain, _ in path(answer)] == ["ingress", "PREROUTING", "INPUT", "web"]

    def test_a_packet_leaves_the_other_way(self) -> None:
        answer = ask("web=web.rules,groups.json", hook="output", destination_port=80)
        assert answer["verdict"] == "accept"
        steps = answer["path"]
        assert isinstance(steps, list)
        files = [step["file"] for step in steps if isinstance(step, dict)]
        assert list(dict.fromkeys(files)) == ["web.rules", "groups.json"]

    def test_the_host_must_be_one(self) -> None:
        with pytest.raises(RequestError, match=r"2 hosts.*--host \(web, other\)"):
            Tracer(load(["web.rules", "other.rules"]))
        with pytest.raises(RequestError, match="no export is of host 'db'; hosts: web, other"):
            Tracer(load(["web.rules", "other.rules"]), "db")
        tracer = Tracer(load(["web.rules", "other.rules"]), "other")
        assert tracer.answer({"destination_port": 23})["verdict"] == "accept"


@pytest.mark.usefixtures("exports")
def test_bad_lines_are_answered_in_their_place_and_blank_ones_passed_over() -> None:
    lines = ['{"destination_port": 23}\n', "\n", "{\n", '{"source": 1}\n', '{"destination_port": 80}']
    found = list(answers(Tracer(load(["web.rules"])), lines, "packets.jsonl"))
    assert [answer["verdict"] for answer, _ in found] == ["drop", "unknown", "unknown", "drop"]
    assert [mistake and (mistake.path, mistake.line) for _, mistake in found] == [
        *(None, ("packets.jsonl", 3), ("packets.jsonl", 4), None),
    ]
    assert [answer.get("error") for answer, _ in found] == [mistake and str(mistake) for _, mistake in found]
