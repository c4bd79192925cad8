"""What translation sends to another host needs a host that forwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.test_ip_addr import LO, UP
from validator import policy_file, site_file
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.packets.fields import Family
from validator.results import Result

ADDRESSES = LO + UP + "    inet 10.1.0.5/24 brd 10.1.0.255 scope global eth0\n"
OFF, ON = "net.ipv4.ip_forward = 0\n", "net.ipv4.ip_forward = 1\n"
AWAY = """\
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 9340 -j DNAT --to-destination 10.9.0.9
-A OUTPUT -p tcp -m tcp --dport 9340 -j DNAT --to-destination 10.9.0.9
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
"""
BY = "net.ipv4.conf."
TWO = ADDRESSES + "3: eth1: <UP> mtu 1500\n    inet 10.9.0.5/24 brd 10.9.0.255 scope global eth1\n"


def asked(folder: Path, withdrawn: frozenset[str] = frozenset(), **files: str) -> Result:
    """What becomes of connections from elsewhere to port 9340."""
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "site.yaml").write_text("hosts: {gw: {addresses: [10.1.0.5]}}\n")
    loaded = load(["gw=" + ",".join(str(folder / name) for name in files)])
    assert not loaded.errors
    policy = policy_file.load("ol-connect")
    site = site_file.load(str(folder / "site.yaml"), policy)
    options = CheckOptions(families=(Family.IPV4,), withdrawn=withdrawn)
    results = check(loaded, policy, site, options).report.results
    (found,) = [each for each in results if each.ports == ((9340, 9340),) and not each.local]
    return found


def blamed(result: Result) -> list[tuple[str, bool]]:
    return [(blame.span.text, blame.implicit) for blame in result.blocked_by]


def open_conditions(result: Result) -> list[str]:
    return [each.text for each in result.conditions if each.assumed is None]


def test_where_forwarding_is_off_the_line_that_says_so_is_named(tmp_path: Path) -> None:
    found = asked(tmp_path, rules=AWAY, sysctl=OFF, addr=ADDRESSES)
    assert found.verdict == "blocked"
    assert blamed(found) == [("net.ipv4.ip_forward = 0", False)]


def test_where_it_is_on_nothing_is_assumed_of_it(tmp_path: Path) -> None:
    found = asked(tmp_path, rules=AWAY, sysctl=ON, addr=ADDRESSES)
    assert found.verdict == "open"
    assert "forwarding" not in {each.assumption for each in found.conditions}


def test_what_nobody_told_is_assumed_and_can_be_withdrawn(tmp_path: Path) -> None:
    found = asked(tmp_path, rules=AWAY, addr=ADDRESSES)
    assert found.verdict == "open"
    assert "forwarding" in {each.assumption for each in found.conditions}
    found = asked(tmp_path, withdrawn=frozenset(("forwarding",)), rules=AWAY, addr=ADDRESSES)
    assert found.verdict == "unknown"
    assert open_conditions(found) == ["the host forwards ipv4"]


def test_what_is_sent_to_the_host_itself_needs_none(tmp_path: Path) -> None:
    rules = AWAY.replace("10.9.0.9", "10.1.0.5").replace(":INPUT DROP", ":INPUT ACCEPT")
    found = asked(tmp_path, rules=rules, sysctl=OFF, addr=ADDRESSES)
    assert found.verdict == "open"
    assert "forwarding" not in {each.assumption for each in found.conditions}


def test_with_unknown_addresses_only_what_is_the_hosts_own_gets_on(tmp_path: Path) -> None:
    found = asked(tmp_path, rules=AWAY.replace(":INPUT DROP", ":INPUT ACCEPT"), sysctl=OFF)
    assert found.verdict == "unknown"
    assert open_conditions(found) == ["the translated address is one of the host (export ip -j addr)"]


@pytest.mark.parametrize(
    ("settings", "verdict", "lines"),
    [
        (ON + f"{BY}eth0.forwarding = 0\n", "partial", [f"{BY}eth0.forwarding = 0"]),
        (ON + f"{BY}eth1.forwarding = 0\n", "blocked", [f"{BY}eth1.forwarding = 0"]),
        (ON + f"{BY}eth2.forwarding = 0\n", "open", []),
        (OFF + f"{BY}eth0.forwarding = 1\n{BY}eth1.forwarding = 1\n", "open", []),
        (OFF + f"{BY}eth0.forwarding = 1\n", "blocked", [OFF.strip()]),
        (f"{BY}eth0.forwarding = 0\n{BY}eth1.forwarding = 1\n", "partial", [f"{BY}eth0.forwarding = 0"]),
        (f"{BY}eth0.forwarding = 1\n{BY}eth1.forwarding = 1\n", "open", []),
    ],
)
def test_what_counts_is_the_interface_that_packets_come_in_by(
    tmp_path: Path, settings: str, verdict: str, lines: list[str]
) -> None:
    """Requests by eth0 or eth1, replies by eth1."""
    found = asked(tmp_path, rules=AWAY, sysctl=settings, addr=TWO)
    assert found.verdict == verdict
    assert list(dict.fromkeys(blamed(found))) == [(line, False) for line in lines]
    assumed = "forwarding" in {each.assumption for each in found.conditions}
    assert assumed is ("ip_forward" not in settings)  # of other interfaces


def test_of_an_interface_that_nobody_told_of_it_is_assumed(tmp_path: Path) -> None:
    found = asked(tmp_path, rules=AWAY, sysctl=f"{BY}eth1.forwarding = 1\n", addr=TWO)
    assert found.verdict == "open"
    assert "forwarding" in {each.assumption for each in found.conditions}


INWARD = AWAY.replace("10.9.0.9", "127.0.0.1:80").replace(":INPUT DROP", ":INPUT ACCEPT")
LOCALNET = "packets from outside may be sent to 127.0.0.0/8 (`sysctl net.ipv4.conf.all.route_localnet`, or that of"


@pytest.mark.parametrize(
    ("settings", "verdict", "line"),
    [
        ("net.ipv4.conf.all.route_localnet = 1\n", "open", ""),
        ("net.ipv4.conf.eth0.route_localnet = 1\n", "open", ""),
        ("net.ipv4.conf.all.route_localnet = 0\nnet.ipv4.conf.eth0.route_localnet = 1\n", "open", ""),
        ("net.ipv4.conf.all.route_localnet = 1\nnet.ipv4.conf.eth0.route_localnet = 0\n", "open", ""),
        (
            "net.ipv4.conf.all.route_localnet = 0\nnet.ipv4.conf.eth1.route_localnet = 1\n",
            "blocked",
            "net.ipv4.conf.all.route_localnet = 0",
        ),
    ],
)
def test_what_is_sent_to_loopback_needs_a_setting(tmp_path: Path, settings: str, verdict: str, line: str) -> None:
    found = asked(tmp_path, rules=INWARD, sysctl=ON + settings, addr=ADDRESSES)
    assert found.verdict == verdict
    assert blamed(found) == ([(line, False)] if line else [])
    assert open_conditions(found) == []


@pytest.mark.parametrize("settings", ["", "net.ipv4.conf.eth1.route_localnet = 1\n"])
def test_where_nobody_told_that_setting_it_is_a_condition(tmp_path: Path, settings: str) -> None:
    found = asked(tmp_path, rules=INWARD, sysctl=ON + settings, addr=ADDRESSES)
    assert found.verdict == "unknown"
    assert [text.startswith(LOCALNET) for text in open_conditions(found)] == [True]
