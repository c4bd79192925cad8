"""Google Cloud: what holds whatever the rules say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.dialects.exports import verdict
from tests.dialects.test_gcp import rule, wall
from validator import policy_file
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.packets.fields import Family

ANYBODY = {Family.IPV4: "0.0.0.0/0", Family.IPV6: "::/0"}
METADATA = "169.254.169.254"


def all_of(direction: str, kind: str, family: Family = Family.IPV4) -> dict[str, object]:
    """A rule about everything to or from anybody."""
    key = "sourceRanges" if direction == "INGRESS" else "destinationRanges"
    said: dict[str, Any] = {kind: [{"IPProtocol": "all"}], key: [ANYBODY[family]]}
    return rule("r", direction, **said)


def test_the_metadata_server_is_not_filtered_either_way() -> None:
    closed = wall([all_of("INGRESS", "denied"), all_of("EGRESS", "denied")])
    assert verdict(closed, 80, hook="output", destination=METADATA) == "accept"
    assert verdict(closed, 80, source=METADATA) == "accept"
    assert verdict(closed, 80, hook="output", destination="169.254.169.253") == "drop"


@pytest.mark.parametrize("direction", ["INGRESS", "EGRESS"])
def test_that_the_metadata_server_is_reached_opens_no_port(tmp_path: Path, direction: str) -> None:
    """A rule that denies everything blocks a port for everybody, not for all peers but one."""
    (tmp_path / "rules.json").write_text(json.dumps([all_of(direction, "denied")]))
    policy = policy_file.load("ol-connect")
    report = check(load([str(tmp_path / "rules.json")]), policy, None, CheckOptions()).report
    way = "inbound" if direction == "INGRESS" else "outbound"
    assert {each.verdict for each in report.results if each.direction == way} == {"blocked"}


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("203.0.113.9", "unknown"),
        ("10.1.1.1", "accept"),
        ("172.31.0.1", "accept"),
        ("2001:db8::9", "unknown"),
        ("fd20:1::9", "accept"),
    ],
)
def test_mail_to_external_addresses_may_be_blocked_in_both_families(destination: str, expected: str) -> None:
    family = Family.IPV6 if ":" in destination else Family.IPV4
    found = wall([all_of("EGRESS", "allowed", family)], family=family)
    own = "fd20:1::1" if family is Family.IPV6 else "10.0.0.1"
    assert verdict(found, 25, hook="output", source=own, destination=destination) == expected
    assert verdict(found, 587, hook="output", source=own, destination=destination) == "accept"


@pytest.mark.parametrize(("family", "port", "other"), [(Family.IPV4, 68, 546), (Family.IPV6, 546, 68)])
def test_dhcp_from_others_than_the_metadata_server_may_be_blocked(family: Family, port: int, other: int) -> None:
    found = wall([all_of("INGRESS", "allowed", family)], family=family)
    ends = {"source": "2001:db8::1", "destination": "fd20:1::1"} if family is Family.IPV6 else {}
    assert verdict(found, port, protocol="udp", **ends) == "unknown"
    assert verdict(found, other, protocol="udp", **ends) == "accept"
    assert verdict(found, port, protocol="tcp", **ends) == "accept"
    if family is Family.IPV4:
        assert verdict(found, port, protocol="udp", source=METADATA) == "accept"
