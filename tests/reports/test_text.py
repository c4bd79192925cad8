"""The text report: the answer first, rows that agree as one, everything named."""

from __future__ import annotations

import io
import re
from typing import Literal

import pytest
from msgspec.structs import replace
from rich.console import Console

from tests.reports import sample
from validator.packets.fields import Family
from validator.reports import text
from validator.reports.safe_text import columns
from validator.reports.verdict_table import rows
from validator.reports.wording import box_text, headline, packet_text
from validator.results import Report, Result, Skipped, Verdict
from validator.source import Span

PROFILES = ("domain", "private", "public")


def of(*results: Result) -> Report:
    return Report(sample.policy(), (), results)


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([], "OL Connect: no port was checked"),
        (["open"], "OL Connect: the only port check is open"),
        (["open", "open"], "OL Connect: all 2 port checks open"),
        (["blocked", "blocked"], "OL Connect: all 2 port checks blocked"),
        (["open", "blocked", "unknown"], "OL Connect: 1 of 3 port checks blocked, 1 unknown, 1 open"),
        (["open", "partial"], "OL Connect: 1 of 2 port checks partly blocked, 1 open"),
    ],
)
def test_the_first_line_is_the_answer(verdicts: list[str], said: str) -> None:
    report = of(*(sample.result(Verdict(each)) for each in verdicts))
    assert headline(report) == said
    assert text.render(report).splitlines()[0] == said


def test_protocols_and_profiles_that_agree_are_one_row() -> None:
    found = rows(
        sample.result(Verdict.BLOCKED, profile=profile, protocol=protocol)
        for profile in PROFILES
        for protocol in ("tcp", "udp")
    )
    [(row)] = found
    assert (row.port, row.profile, row.label) == ("9340/tcp+udp", "all profiles", "BLOCKED")


def test_what_does_not_agree_stays_apart() -> None:
    found = rows(
        sample.result(Verdict.BLOCKED if profile == "public" else Verdict.OPEN, profile=profile, protocol=protocol)
        for profile in PROFILES
        for protocol in ("tcp", "udp")
    )
    assert [(row.profile, row.port, row.label) for row in found] == [
        ("domain, private", "9340/tcp+udp", "OPEN"),
        ("public", "9340/tcp+udp", "BLOCKED"),
    ]
    found = rows(sample.result(Verdict(v), protocol=p) for v, p in (("open", "tcp"), ("blocked", "udp")))
    assert [(row.port, row.label) for row in found] == [("9340/tcp", "OPEN"), ("9340/udp", "BLOCKED")]


def test_a_profile_that_was_told_is_named() -> None:
    [row] = rows([sample.result(Verdict.OPEN, profile="domain")])
    assert row.profile == "domain"


def test_families_are_a_column_where_there_are_two() -> None:
    both = [sample.result(Verdict.OPEN, family=family) for family in Family]
    assert "ipv4+ipv6" in text.render(of(*both))
    assert "Family" not in text.render(of(both[0]))


def test_hosts_are_a_column_where_there_are_several() -> None:
    two = [sample.result(Verdict.OPEN, host=host) for host in ("web01", "web02")]
    shown = text.render(of(*two))
    assert "INBOUND: others connect to the hosts" in shown
    assert "web02" in shown
    assert "INBOUND: others connect to web01" in text.render(of(two[0]))


def test_loopback_is_a_table_of_its_own() -> None:
    inside = replace(sample.result(Verdict.OPEN, local=True), peers=("127.0.0.1/32", "10.0.0.1/32"))
    shown = text.render(of(sample.result(Verdict.OPEN), inside))
    assert "INSIDE: modules on web01 connect to each other (loopback, by 127.0.0.1, 10.0.0.1)\n" in shown
    shown = text.render(of(replace(inside, peers=tuple(f"10.0.0.{number}/32" for number in range(9)))))
    assert "(loopback, by 10.0.0.0, 10.0.0.1, 10.0.0.2 and 6 more)\n" in shown
    other = replace(inside, host="web02", id="other")
    assert "INSIDE: modules on the hosts connect to each other (loopback)\n" in text.render(of(inside, other))


def test_what_was_not_checked_is_one_line_for_each_reason() -> None:
    skipped = tuple(
        Skipped(host, "web", "Web", entry, "not over IPv6")
        for host, entries in {"a": ("in", "out"), "b": ("in", "out"), "c": ("in",)}.items()
        for entry in entries
    )
    shown = text.render(replace(of(sample.result(Verdict.OPEN)), skipped=skipped[:2]))
    assert "  Web (in, out): not over IPv6\n" in shown
    shown = text.render(replace(of(sample.result(Verdict.OPEN)), skipped=skipped))
    assert "  Web (in): not over IPv6; on a, b, c\n  Web (out): not over IPv6; on a, b\n" in shown


def test_a_result_that_nothing_decides_says_so() -> None:
    bare = replace(sample.result(Verdict.OPEN), accepted_by=())
    assert "no firewall on the way" in text.render(of(bare))


def test_findings_come_worst_first_with_line_and_fix() -> None:
    lines = text.render(sample.small()).splitlines()
    at = lines.index("ERROR PP001 Connect Server cannot be reached on 9350/tcp")
    assert lines[at + 1] == "  web01.rules:9: -A INPUT -j DROP"
    assert any(line.startswith("NOTE PP005") for line in lines[at:])
    assert any(line.startswith("  How to fix PP001: Add a rule") for line in lines)


def test_findings_on_the_same_lines_show_them_once() -> None:
    base = sample.small()
    error = base.findings[1]
    twice = replace(base, findings=(error, replace(error, message="LPD cannot be reached")))
    lines = text.render(twice).splitlines()
    at = lines.index("ERROR PP001 Connect Server cannot be reached on 9350/tcp")
    assert lines[at + 1] == "ERROR PP001 LPD cannot be reached"
    assert lines.count("  web01.rules:9: -A INPUT -j DROP") == 1


def test_places_in_one_file_name_it_once() -> None:
    blames = tuple(replace(sample.small().results[0].accepted_by[0], span=Span("a/b.rules", n)) for n in (3, 4, 5))
    shown = text.render(of(replace(sample.result(Verdict.OPEN), accepted_by=blames)))
    assert "a/b.rules:3, 4 +1 more" in shown


def test_what_could_not_be_used_is_said_at_both_ends() -> None:
    shown = text.render(replace(sample.small(), errors=("b.txt: no such file; check the path",)))
    assert "1 input could not be used; see the end of this report." in shown.splitlines()[:4]
    assert shown.endswith("COULD NOT BE USED\n  b.txt: no such file; check the path\n")


def test_long_names_keep_the_table_narrow() -> None:
    long = replace(sample.result(Verdict.BLOCKED, host="h" * 500), module_name="漢" * 500)
    table = [line for line in text.render(of(long, sample.result(Verdict.OPEN))).splitlines() if "BLOCKED" in line]
    assert table
    assert all(columns(line) < 200 for line in table)


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_gets_the_same_words(colour: bool) -> None:
    stream = io.StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    console = Console(file=stream, width=text.WIDTH, force_terminal=colour, color_system=system)
    text.render_terminal(sample.nasty(), console)
    shown = stream.getvalue()
    assert ("\x1b[" in shown) is colour
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == text.render(sample.nasty())


def test_packets_and_boxes_in_words() -> None:
    packet = sample.packet(9340)
    assert packet_text(packet) == "tcp 198.51.100.7:40000 -> 192.0.2.10:9340, new, on eth0"
    assert packet_text({"source": "2001:db8::1", "source_port": 1}) == "any protocol [2001:db8::1]:1 -> any"
    assert box_text({"source": ["10.0.0.0/8"], "destination_port": [[1, 1], [3, 5]]}) == (
        "source 10.0.0.0/8; destination port 1, 3-5"
    )
