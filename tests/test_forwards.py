"""Ports that a port proxy forwards elsewhere: who listens then, and whether what is forwarded leaves the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_near_misses import rule
from validator import policy_file, rules, site_file
from validator.check import Checked, CheckOptions, check
from validator.hosts import load
from validator.packets.fields import Family
from validator.results import Finding, Result

OUTBOUND = rule(name="off", Direction="Out", Enabled="No")
"""A dump without any outbound rule would be one of the inbound rules only."""
BLOCKED = [rule("out", Direction="Out", LocalPort="Any", RemotePort="80", Action="Block")]
OURS, SVCHOST = r"C:\OL\server.exe", r"C:\Windows\System32\svchost.exe"


def table(row: str, families: tuple[int, int] = (4, 4)) -> str:
    title = f"Listen on ipv{families[0]}:             Connect to ipv{families[1]}:"
    dashes = "--------------- ----------  --------------- ----------"
    return f"\n{title}\n\nAddress         Port        Address         Port\n{dashes}\n{row}\n\n"


def checked(
    folder: Path,
    proxies: str,
    *listed: str,
    host: str = "",
    module: str = "http-server",
    families: str = "4",
    more: str = "",
) -> Checked:
    """The check of a module on a host with these rules and port proxies."""
    (folder / "web.txt").write_text("\n" + "\n".join([*(listed or [rule()]), OUTBOUND]) + "\nOk.\n")
    (folder / "proxy.txt").write_text(proxies)
    text = f"hosts: {{web: {{{host}exports: [web.txt, proxy.txt], modules: [{module}], profile: domain}}}}\n{more}"
    (folder / "site.yaml").write_text(text)
    policy = policy_file.load("ol-connect")
    site = site_file.load(str(folder / "site.yaml"), policy)
    loaded = load([], site)
    assert loaded.errors == ()
    asked = tuple(Family.IPV4 if number == "4" else Family.IPV6 for number in families)
    return check(loaded, policy, site, CheckOptions(asked))


def judged(folder: Path, proxies: str, *listed: str, **said: str) -> list[Result]:
    return list(checked(folder, proxies, *listed, **said).report.results)


def told(folder: Path, proxies: str, *listed: str, **said: str) -> list[Finding]:
    """What the rules about forwarded ports find."""
    report = rules.judge(checked(folder, proxies, *listed, **said), rules.load())
    return [finding for finding in report.findings if finding.rule in ("PP029", "PP031")]


def notes(results: list[Result]) -> list[tuple[str, str, str, int]]:
    return [(each.listen, each.to, each.onward, each.span.line) for result in results for each in result.forwards]


@pytest.mark.parametrize("listen", ["*", "0.0.0.0", "10.20.0.10", "gateway"])
def test_a_port_that_is_listened_on_is_said_to_be_forwarded(tmp_path: Path, listen: str) -> None:
    found = judged(tmp_path, table(f"{listen}  8080  10.0.0.5  80"), host="addresses: [10.20.0.10], ")
    assert notes(found) == [(f"{listen}:8080", "10.0.0.5:80", "open", 6)]
    assert [each.verdict for each in found] == ["open"]


@pytest.mark.parametrize(
    "row", ["*  8081  10.0.0.5  80", "10.20.0.11  8080  10.0.0.5  80", "127.0.0.1  8080  10.0.0.5  80"]
)
def test_another_port_or_address_is_no_matter(tmp_path: Path, row: str) -> None:
    assert notes(judged(tmp_path, table(row), host="addresses: [10.20.0.10], ")) == []


def test_an_address_may_be_the_host_s_where_nobody_told_its_own(tmp_path: Path) -> None:
    assert len(notes(judged(tmp_path, table("10.20.0.11  8080  10.0.0.5  80")))) == 1


def test_only_tcp_of_the_family_is_forwarded(tmp_path: Path) -> None:
    found = judged(tmp_path, table("*  5863  10.0.0.5  80"), module="messenger", families="46")
    assert [(each.protocol, each.direction, each.family) for each in found if each.forwards] == [
        ("tcp", "inbound", "ipv4")
    ]


@pytest.mark.parametrize(
    ("listed", "to", "expected"),
    [
        ([], "10.0.0.5  80", "open"),
        (BLOCKED, "10.0.0.5  81", "open"),
        (
            [rule("out", Direction="Out", LocalPort="Any", RemoteIP="10.0.0.6/32", Action="Block")],
            "10.0.0.5  80",
            "open",
        ),
        (
            [rule("out", Direction="Out", LocalPort="Any", Program=SVCHOST, Service="Spooler", Action="Block")],
            "10.0.0.5  80",
            "open",
        ),
        (
            [rule("out", Direction="Out", LocalPort="Any", Program="svchost.exe", Service="iphlpsvc", Action="Block")],
            "10.0.0.5  80",
            "unknown",
        ),
        (BLOCKED, "10.0.0.5  80", "blocked"),
        ([], "127.0.0.1  80", "host"),
        ([], "10.20.0.10  80", "host"),
        ([], "db.example  80", "name"),
        ([], "2001:db8::5  80", "family"),
    ],
)
def test_whether_what_is_forwarded_leaves_the_host(tmp_path: Path, listed: list[str], to: str, expected: str) -> None:
    found = judged(tmp_path, table(f"*  8080  {to}"), rule(), *listed, host="addresses: [10.20.0.10], ")
    assert [each[2] for each in notes(found)] == [expected]
    assert [each.verdict for each in found] == ["open" if expected in ("open", "host") else "unknown"]


def test_to_another_family_that_is_judged_as_well(tmp_path: Path) -> None:
    found = judged(tmp_path, table("*  8080  2001:db8::5  80", (4, 6)), families="46")
    assert [note[1:3] for note in notes(found)] == [("[2001:db8::5]:80", "open")]


@pytest.mark.parametrize(
    ("program", "alone", "with_proxy"),
    [(OURS, "open", "unknown"), (SVCHOST, "blocked", "unknown"), (r"C:\other.exe", "blocked", "blocked")],
)
def test_a_rule_for_a_program_is_open_where_the_proxy_may_listen_in_its_place(
    tmp_path: Path, program: str, alone: str, with_proxy: str
) -> None:
    host = f"programs: {{http-server: ['{OURS}']}}, "
    for row, expected in (("*  1  10.0.0.5  80", alone), ("*  8080  10.0.0.5  80", with_proxy)):
        (found,) = judged(tmp_path, table(row), rule(Program=program), host=host)
        assert found.verdict == expected


TOLD = {"host": "addresses: [10.20.0.10], "}


def test_a_forward_that_is_surely_blocked_is_an_error_with_the_line_that_blocks(tmp_path: Path) -> None:
    (found,) = told(tmp_path, table("*  8080  10.0.0.5  80"), rule(), *BLOCKED, **TOLD)
    assert (found.rule, found.severity) == ("PP031", "error")
    assert (Path(found.span.path).name, found.span.line) == ("web.txt", 19)
    assert [(blame.leg, blame.action, blame.span.line) for blame in found.blame] == [("request", "drop", 19)]
    for part in ("*:8080", "10.0.0.5:80", "proxy.txt:6: * 8080 10.0.0.5 80"):
        assert part in found.message


@pytest.mark.parametrize("to", ["10.0.0.5  81", "127.0.0.1  80", "db.example  80", "2001:db8::5  80"])
def test_any_other_forward_is_a_note(tmp_path: Path, to: str) -> None:
    (found,) = told(tmp_path, table(f"*  8080  {to}"), rule(), *BLOCKED, **TOLD)
    assert (found.rule, found.severity, Path(found.span.path).name) == ("PP029", "note", "proxy.txt")


def test_that_it_depends_on_a_condition_is_no_proof(tmp_path: Path) -> None:
    maybe = rule("out", Direction="Out", LocalPort="Any", Program="svchost.exe", Service="iphlpsvc", Action="Block")
    assert [found.rule for found in told(tmp_path, table("*  8080  10.0.0.5  80"), rule(), maybe, **TOLD)] == ["PP029"]


def test_an_address_that_may_be_the_host_s_own_is_no_proof(tmp_path: Path) -> None:
    """What stays on the host is not filtered, and nobody told its addresses."""
    row = table("*  8080  10.0.0.5  80")
    assert [note[2] for note in notes(judged(tmp_path, row, rule(), *BLOCKED))] == ["unless-own"]
    (found,) = told(tmp_path, row, rule(), *BLOCKED)
    assert (found.rule, "unless 10.0.0.5 is its own" in found.message) == ("PP029", True)


def test_a_forward_to_the_address_that_it_listens_on_stays_on_the_host(tmp_path: Path) -> None:
    row = table("10.0.0.5  8080  10.0.0.5  80")
    assert [note[2] for note in notes(judged(tmp_path, row, rule(), *BLOCKED))] == ["host"]


def test_whether_a_port_gets_through_depends_on_who_listens_where_the_way_onward_is_no_proof(tmp_path: Path) -> None:
    row = table("*  8080  10.0.0.5  80")
    (found,) = judged(tmp_path, row, rule(), *BLOCKED, **TOLD)
    assert [(use.text, use.span and use.span.line) for use in found.conditions if use.assumed is None] == [
        ("the module itself listens on *:8080, not what forwards it to 10.0.0.5:80", 6)
    ]
    assert (found.verdict, found.request, found.accepted, found.witness_accepted) == ("unknown", "unknown", (), None)


@pytest.mark.parametrize(
    ("peers", "to", "expected"),
    [
        ("", "10.0.0.5  81", ("partial", True)),
        ("", "10.0.0.5  80", ("unknown", False)),
        ("peers: {http-server: [10.0.0.0/8, 192.0.2.1]}", "10.0.0.5  80", ("partial", False)),
        ("peers: {http-server: [192.0.2.1]}", "10.0.0.5  80", ("blocked", False)),
    ],
)
def test_a_port_that_some_peers_reach_depends_on_it_for_them(
    tmp_path: Path, peers: str, to: str, expected: tuple[str, bool]
) -> None:
    some = rule(RemoteIP="10.0.0.0/8")
    (found,) = judged(tmp_path, table(f"*  8080  {to}"), some, *BLOCKED, more=peers, **TOLD)
    assert (found.verdict, found.restricted) == expected
    assert found.accepted == () or expected[1]
