"""The same Windows rules in every form of export have the same verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.windows_forms import FORMS, PROFILES, Told, states
from validator import policy_file
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.policy import Direction
from validator.results import Verdict
from validator.site import Host, Site

POLICY = policy_file.load("ol-connect")
CONNECT = r"C:\Program Files\OL\Connect.exe"
OTHER = r"C:\Other\other.exe"
SITE = Site("site", (Host("h", programs={"connect-server": (CONNECT,)}),))
RULES = (
    Told("Connect Server", ports="9340,9350", program=CONNECT),
    Told("Messenger", ports="5863-5864", profiles=("Domain",)),
    Told("Messenger UDP", protocol="UDP", ports="5863", profiles=("Domain", "Private")),
    Told("HTTP from the office", ports="80", addresses="10.0.0.0/8,192.168.1.0/24"),
    Told("HTTPS", ports="443", enabled=False),
    Told("LPD", ports="515"),
    Told("no LPD", ports="515", allow=False, profiles=("Public",)),
    Told("database of another program", ports="3306", program=OTHER),
    Told("no mail", inbound=False, allow=False, ports="25,587"),
    Told("no FTP but for one", inbound=False, allow=False, ports="21", addresses="203.0.113.0/24"),
    Told("ping", protocol="ICMPv4"),
    Told("Telnet", ports="9100,9101-9200"),
    Told("no UDP", protocol="UDP", allow=False, ports="9100"),
)


def verdicts(form: str, rules: Sequence[Told], folder: Path, site: Site = SITE) -> dict[tuple[object, ...], Verdict]:
    """The verdict of every result for a host that gives `rules` away in `form`."""
    names = []
    for name, data in {**FORMS[form](rules), **states()}.items():
        path = folder / name
        path.write_bytes(data)
        names.append(str(path))
    loaded = load([f"h={','.join(names)}"], site)
    assert loaded.errors == ()
    assert all(export.ledger.unsupported() == [] for export in loaded.exports)
    results = check(loaded, POLICY, site, CheckOptions()).report.results
    return {
        (each.module, each.port_entry, each.ports, each.protocol, each.direction, each.profile): each.verdict
        for each in results
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[object, ...], Verdict]:
    return verdicts("netsh", RULES, tmp_path_factory.mktemp("netsh"))


def test_the_rules_have_every_kind_of_verdict(expected: dict[tuple[object, ...], Verdict]) -> None:
    assert {Verdict.OPEN, Verdict.BLOCKED, Verdict.UNKNOWN} <= set(expected.values())
    found = {
        (module, protocol, profile): verdict
        for (module, _, _, protocol, direction, profile), verdict in expected.items()
        if direction is Direction.INBOUND
    }
    assert found["connect-server", "tcp", "public"] is Verdict.OPEN
    assert [found["messenger", "tcp", name] for name in ("domain", "private")] == [Verdict.OPEN, Verdict.BLOCKED]
    assert found["lpd", "tcp", "public"] is Verdict.BLOCKED


@pytest.mark.parametrize("form", [form for form in FORMS if form != "netsh"])
def test_every_form_gives_the_same_verdicts(
    form: str, expected: dict[tuple[object, ...], Verdict], tmp_path: Path
) -> None:
    assert verdicts(form, RULES, tmp_path) == expected


@st.composite
def told(draw: st.DrawFn) -> Told:
    """A rule about the ports of the policy now and then."""
    protocol = draw(st.sampled_from(["TCP", "TCP", "TCP", "UDP", "any", "ICMPv4"]))
    ports = draw(st.sampled_from(["", "9340", "80,443", "5863-5864", "21", "3306,9340-9350", "25"]))
    return Told(
        name=draw(st.sampled_from(["one", "two", "three"])),
        inbound=draw(st.booleans()),
        allow=draw(st.booleans()),
        enabled=draw(st.integers(0, 3)) > 0,
        profiles=tuple(name for name in PROFILES if draw(st.integers(0, 2)) > 0) or PROFILES,
        protocol=protocol,
        ports=ports if protocol in ("TCP", "UDP") else "",
        addresses=draw(st.sampled_from(["", "", "10.0.0.0/8", "192.0.2.1,198.51.100.0/24"])),
        program=draw(st.sampled_from(["", "", CONNECT, OTHER])),
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(told(), min_size=1, max_size=5), st.sampled_from([form for form in FORMS if form != "netsh"]))
def test_random_rules_have_the_same_verdicts_in_another_form(rules: list[Told], form: str) -> None:
    # A form that does not say that it holds both directions must be seen to.
    rules = [Told("in", enabled=False, ports="1"), Told("out", False, enabled=False, ports="1"), *rules]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        assert verdicts(form, rules, Path(two)) == verdicts("netsh", rules, Path(one))
