"""What keeps a rule from opening a port: for each module what a Windows administrator needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from validator import check, policy_file, rules, site_file
from validator.check import CheckOptions
from validator.hosts import load
from validator.packets.fields import Family
from validator.results import NearMiss, Report, Result

OURS, OLD = r"C:\OL\javaw.exe", r"D:\Old\javaw.exe"
OFFICE = "peers: {http-server: [10.50.0.0/16]}"
HOST = "addresses: [10.20.0.10/16], "
PROGRAMS = f"programs: {{http-server: ['{OURS}']}}, "


def rule(name: str = "web", **changed: str) -> str:
    """A rule of a verbose dump; it lets anybody in to TCP 8080, but for what is `changed`."""
    fields = {
        "Enabled": "Yes",
        "Direction": "In",
        "Profiles": "Domain,Private,Public",
        "Grouping": "",
        "LocalIP": "Any",
        "RemoteIP": "Any",
        "Protocol": "TCP",
        "LocalPort": "8080",
        "RemotePort": "Any",
        "Edge traversal": "No",
        **({"Program": changed["Program"]} if "Program" in changed else {}),
        "InterfaceTypes": "Any",
        "Security": "NotRequired",
        "Rule source": "Local Setting",
        "Action": "Allow",
    }
    lines = [f"{key + ':':<38}{value}" for key, value in {**fields, **changed}.items()]
    return "\n".join([f"{'Rule Name:':<38}{name}", "-" * 70, *lines, ""])


def report(folder: Path, listed: Sequence[str], host: str = "", more: str = "", profile: str = "domain") -> Report:
    """What is found of HTTP Server, TCP 8080, on a host with these rules in that profile."""
    (folder / "web.txt").write_text("\n" + "\n".join(listed) + "\nOk.\n")
    text = f"hosts: {{web: {{{host}exports: [web.txt], modules: [http-server], profile: {profile}}}}}\n{more}\n"
    (folder / "site.yaml").write_text(text)
    policy = policy_file.load("ol-connect")
    site = site_file.load(str(folder / "site.yaml"), policy)
    loaded = load([], site)
    assert loaded.errors == ()
    return rules.judge(check.check(loaded, policy, site, CheckOptions((Family.IPV4,))), rules.load())


def judged(folder: Path, *listed: str, host: str = "", more: str = "", profile: str = "domain") -> Result:
    (found,) = report(folder, listed, host, more, profile).results
    return found


def misses(found: Result) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(miss.why, miss.span.line, miss.also) for miss in found.near_misses]


def only(found: Result) -> NearMiss:
    (miss,) = found.near_misses
    return miss


@pytest.mark.parametrize(
    ("listed", "host", "more", "why"),
    [
        ({"Enabled": "No"}, "", "", "disabled"),
        ({"Profiles": "Public"}, "", "", "other-profile"),
        ({"Program": OLD}, PROGRAMS, "", "other-program"),
        ({"RemoteIP": "LocalSubnet"}, HOST, OFFICE, "other-addresses"),
        ({"RemoteIP": "10.20.0.0/16"}, "", OFFICE, "other-addresses"),
        ({"RemoteIP": "127.0.0.1/32"}, "", "", "other-addresses"),
        ({"LocalIP": "10.20.0.11/32"}, HOST, "", "other-addresses"),
    ],
)
def test_a_rule_that_misses_in_one_way_is_named_with_it(
    tmp_path: Path, listed: dict[str, str], host: str, more: str, why: str
) -> None:
    found = judged(tmp_path, rule("other", LocalPort="1"), rule(**listed), host=host, more=more)
    assert found.verdict == "blocked"
    assert [(each[0], each[2]) for each in misses(found)] == [(why, ())]
    assert only(found).span.text.startswith("Rule Name: web")
    assert only(found).span.line == len(rule("other").splitlines()) + 3


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"Enabled": "No", "Profiles": "Public"}, ("disabled", ("other-profile",))),
        ({"Enabled": "No", "Program": OLD}, ("disabled", ("other-program",))),
        ({"Profiles": "Public", "RemoteIP": "10.9.0.0/16"}, ("other-profile", ("other-addresses",))),
        ({"RemoteIP": "10.9.0.0/16", "Program": OLD}, ("other-addresses", ("other-program",))),
        (
            {"Enabled": "No", "Profiles": "Public", "RemoteIP": "10.9.0.0/16", "Program": OLD},
            ("disabled", ("other-profile", "other-addresses", "other-program")),
        ),
    ],
)
def test_every_obstacle_of_a_rule_is_found(
    tmp_path: Path, changed: dict[str, str], expected: tuple[str, tuple[str, ...]]
) -> None:
    miss = only(judged(tmp_path, rule(**changed), host=PROGRAMS, more=OFFICE))
    assert (miss.why, miss.also) == expected


def test_a_rule_with_every_obstacle_taken_away_opens_the_port(tmp_path: Path) -> None:
    found = judged(tmp_path, rule(RemoteIP="10.50.0.0/16", Program=OURS), host=PROGRAMS, more=OFFICE)
    assert (found.verdict, found.near_misses) == ("open", ())


@pytest.mark.parametrize(
    "changed",
    [{"LocalPort": "8081"}, {"Protocol": "UDP"}, {"Direction": "Out", "LocalPort": "Any", "RemotePort": "8080"}],
)
def test_a_rule_about_something_else_is_none(tmp_path: Path, changed: dict[str, str]) -> None:
    assert misses(judged(tmp_path, rule(**changed))) == []


def test_an_overruled_rule_is_named_with_the_rule_that_overrules_it(tmp_path: Path) -> None:
    stop = rule("stop", Action="Block", RemoteIP="10.50.0.0/16")
    wide = rule("wide", Action="Block", RemoteIP="10.60.0.0-10.255.0.0")
    miss = only(judged(tmp_path, wide, rule("first", RemoteIP="10.50.1.0/24"), stop))
    assert (miss.why, miss.name) == ("too-late", "first")
    assert miss.by is not None
    assert miss.by.text.startswith("Rule Name: stop | In | Block")


@pytest.mark.parametrize(
    ("listed", "more", "why"),
    [
        ({"Enabled": "No"}, "", "disabled"),
        ({"Profiles": "Public", "RemoteIP": "10.50.0.0/16"}, OFFICE, "other-profile"),
        ({"RemoteIP": "10.20.0.0/16"}, OFFICE, "other-addresses"),
        ({"RemoteIP": "LocalSubnet"}, OFFICE, "other-addresses"),
        ({"Enabled": "No", "Protocol": "Any"}, "", "disabled"),
        ({"Profiles": "Public"}, "", ""),  # of a package, perhaps
    ],
)
def test_a_rule_for_any_port_and_program_is_named_too(
    tmp_path: Path, listed: dict[str, str], more: str, why: str
) -> None:
    ports = {"LocalPort": "Any", "RemotePort": "Any", "Program": "Any"}
    text = rule(**listed, **ports)
    if listed.get("Protocol") == "Any":  # netsh shows no ports then
        text = "\n".join(line for line in text.splitlines() if "Port:" not in line) + "\n"
    whole = report(tmp_path, [text], HOST, more)
    (found,) = whole.results
    assert found.verdict == "blocked"
    assert [miss.why for miss in found.near_misses] == ([why] if why else [])
    assert ("PP025" in {finding.rule for finding in whole.findings}) is not bool(why)


def test_a_rule_for_any_port_is_named_where_another_overrules_it(tmp_path: Path) -> None:
    some = rule("all", LocalPort="Any", RemoteIP="10.50.0.0/16", Program="Any")
    miss = only(judged(tmp_path, rule("stop", Action="Block", Program="Any"), some))
    assert (miss.why, miss.name) == ("too-late", "all")


def test_a_rule_for_any_port_whose_program_is_hidden_is_none(tmp_path: Path) -> None:
    verbose = rule(LocalPort="Any", Enabled="No")
    hidden = ("InterfaceTypes", "Security", "Rule source")
    plain = "\n".join(line for line in verbose.splitlines() if not line.startswith(hidden)) + "\n"
    assert misses(judged(tmp_path, plain)) == []


def test_a_rule_for_any_port_counts_where_its_program_has_the_name_of_the_module_s(tmp_path: Path) -> None:
    for program, expected in ((OLD, ["other-program"]), (r"D:\other.exe", []), (OURS, [])):
        found = judged(tmp_path, rule(LocalPort="Any", Program=program), host=PROGRAMS)
        assert [miss.why for miss in found.near_misses] == expected
        assert found.verdict == ("open" if program == OURS else "blocked")


def test_a_rule_for_a_program_that_nobody_answered_for_leaves_it_open(tmp_path: Path) -> None:
    found = judged(tmp_path, rule(Program=OLD))
    assert (found.verdict, found.near_misses) == ("unknown", ())


@pytest.mark.parametrize(
    ("remote", "host", "more", "expected"),
    [
        ("LocalSubnet", "", "", ("unknown", ("LocalSubnet",))),
        ("LocalSubnet,10.9.0.0/16", "", OFFICE, ("unknown", ("10.9.0.0/16", "LocalSubnet"))),
        ("10.50.1.0/24", "", OFFICE, ("partial", ("10.50.1.0/24",))),
        ("10.0.0.0/8", "", OFFICE, ("open", None)),
        ("10.50.1.0/24", "", "", ("partial", None)),
        ("LocalSubnet", HOST, "", ("partial", None)),
    ],
)
def test_a_rule_that_lets_some_in_is_named_with_them(
    tmp_path: Path, remote: str, host: str, more: str, expected: tuple[str, tuple[str, ...] | None]
) -> None:
    """Where nobody declared the peers and some surely get in, the port is restricted, and the rule does its work."""
    found = judged(tmp_path, rule(RemoteIP=remote), host=host, more=more)
    verdict, addresses = expected
    assert found.verdict == verdict
    wanted = [] if addresses is None else [("some-addresses", addresses)]
    assert [(miss.why, miss.addresses) for miss in found.near_misses] == wanted


def fired(found: Report, *names: str) -> dict[str, str]:
    return {each.rule: each.message for each in found.findings if each.rule in names}


def test_no_rule_at_all_is_said_once_for_a_host(tmp_path: Path) -> None:
    found = fired(report(tmp_path, [rule(LocalPort="9")]), "PP025", "PP001")
    assert "no inbound rule is made for HTTP Server TCP 8080" in found["PP025"]


def test_where_a_rule_blocks_the_port_by_its_number_it_is_not_said(tmp_path: Path) -> None:
    found = fired(report(tmp_path, [rule(Action="Block")]), "PP025", "PP001")
    assert list(found) == ["PP001"]


def test_what_else_is_in_the_way_is_said(tmp_path: Path) -> None:
    found = report(tmp_path, [rule(Enabled="No", Profiles="Public,Private", Program=OLD)], PROGRAMS)
    assert fired(found, "PP009")["PP009"] == (
        "web, profile domain: the rule 'web' would open HTTP Server TCP 8080, but is disabled; it also is only for "
        rf"these profiles: public, private; it also is for another program ({OLD})"
    )


DROPPED = ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp -j DROP\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"*filter\n{DROPPED}-A INPUT -p tcp --dport 8080 -m multiport --dports 81,8080 -j ACCEPT\nCOMMIT\n", 6),
        (
            "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
            "-A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.130\nCOMMIT\n"
            f"*filter\n{DROPPED}COMMIT\n",
            4,
        ),
    ],
    ids=["asks twice for ports", "is several rules"],
)
def test_a_line_that_misses_is_named_once(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "web.rules").write_text(text)
    loaded = load([str(tmp_path / "web.rules")], None)
    policy = policy_file.load("ol-connect")
    results = check.check(loaded, policy, None, CheckOptions((Family.IPV4,))).report.results
    (found,) = [each for each in results if each.module == "http-server"]
    assert [miss.span.line for miss in found.near_misses] == [line]
