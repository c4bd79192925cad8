"""Ports that a port proxy forwards elsewhere: who listens then, and whether what is forwarded leaves the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_near_misses import rule
from validator import policy_file, site_file
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.packets.fields import Family
from validator.results import Result

OUTBOUND = rule(name="off", Direction="Out", Enabled="No")
"""A dump without any outbound rule would be one of the inbound rules only."""
OURS, SVCHOST = r"C:\OL\server.exe", r"C:\Windows\System32\svchost.exe"


def table(row: str, families: tuple[int, int] = (4, 4)) -> str:
    title = f"Listen on ipv{families[0]}:             Connect to ipv{families[1]}:"
    dashes = "--------------- ----------  --------------- ----------"
    return f"\n{title}\n\nAddress         Port        Address         Port\n{dashes}\n{row}\n\n"


def judged(
    folder: Path, proxies: str, *listed: str, host: str = "", module: str = "http-server", families: str = "4"
) -> list[Result]:
    """The results of a module on a host with these rules and port proxies."""
    (folder / "web.txt").write_text("\n" + "\n".join([*(listed or [rule()]), OUTBOUND]) + "\nOk.\n")
    (folder / "proxy.txt").write_text(proxies)
    text = f"hosts: {{web: {{{host}exports: [web.txt, proxy.txt], modules: [{module}], profile: domain}}}}\n"
    (folder / "site.yaml").write_text(text)
    policy = policy_file.load("ol-connect")
    site = site_file.load(str(folder / "site.yaml"), policy)
    loaded = load([], site)
    assert loaded.errors == ()
    asked = tuple(Family.IPV4 if number == "4" else Family.IPV6 for number in families)
    return list(check(loaded, policy, site, CheckOptions(asked)).report.results)


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
        ([rule("out", Direction="Out", LocalPort="Any", RemotePort="80", Action="Block")], "10.0.0.5  80", "blocked"),
        ([rule("out", Direction="Out", LocalPort="Any", RemotePort="80", Action="Block")], "10.0.0.5  81", "open"),
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
        ([], "127.0.0.1  80", "host"),
        ([], "10.20.0.10  80", "host"),
        ([], "db.example  80", "name"),
        ([], "2001:db8::5  80", "family"),
    ],
)
def test_whether_what_is_forwarded_leaves_the_host(tmp_path: Path, listed: list[str], to: str, expected: str) -> None:
    found = judged(tmp_path, table(f"*  8080  {to}"), rule(), *listed, host="addresses: [10.20.0.10], ")
    assert [each[2] for each in notes(found)] == [expected]


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
