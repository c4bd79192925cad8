"""`sysctl`: whether the host forwards, in each family."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.exports import counts, read, refusal
from validator import policy_file
from validator.check import CheckOptions, check
from validator.dialects._linux_facts import LinuxSettings, Setting
from validator.hosts import Loaded, load
from validator.packets.fields import Family
from validator.results import Verdict

Found = dict[str, tuple[bool, int]]


def settings(text: str) -> LinuxSettings:
    dialect, fragment, _ = read(text)
    assert dialect.NAME == "sysctl"
    assert fragment.families == ()
    assert isinstance(fragment.data, LinuxSettings)
    return fragment.data


def told(setting: Setting) -> Found:
    """Each interface with what is set and the line; `*` for all others."""
    found = dict(setting.interfaces) | ({"*": setting.others} if setting.others else {})
    return {name: (on, span.line) for name, (on, span) in found.items()}


def forwarding(text: str) -> Found:
    """Of each family for all interfaces alike."""
    found = settings(text).forwarding
    assert not any(each.interfaces for each in found.values())
    return {family.value: told(each)["*"] for family, each in found.items()}


def test_the_ports_that_the_host_connects_from() -> None:
    text = "net.ipv4.ip_local_port_range = 32768\t60999\n"
    assert settings(text).local_ports == ((32768, 60999),)
    assert settings(text + "net.ipv4.ip_forward = 1\n").local_ports == ((32768, 60999),)
    assert counts(text)["modelled"] == 1
    for odd in ("5", "5 4", "0 9", "1 65536", "a b"):
        assert "is no range of ports; run sysctl -a > FILE" in refusal(f"net.ipv4.ip_local_port_range = {odd}\n")


RULES = (
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport {0} -j DROP\n"
)
RULES += "COMMIT\n"


@pytest.mark.parametrize(("port", "expected"), [(9000, Verdict.OPEN), (40000, Verdict.PARTIAL)])
def test_what_drops_a_port_that_the_host_never_connects_from_does_not_drop_answers(
    tmp_path: Path, port: int, expected: Verdict
) -> None:
    (tmp_path / "v4").write_text(RULES.format(port))
    (tmp_path / "sysctl").write_text("net.ipv4.ip_local_port_range = 32768\t60999\n")
    results = outbound(load([f"h={tmp_path}/v4,{tmp_path}/sysctl"]))
    assert set(results) == {expected}
    alone = outbound(load([f"h={tmp_path}/v4"]))
    assert set(alone) == {Verdict.PARTIAL}


def outbound(loaded: Loaded) -> list[Verdict]:
    """Of TCP ports."""
    results = check(loaded, policy_file.load("ol-connect"), None, CheckOptions()).report.results
    return [each.verdict for each in results if each.direction == "outbound" and each.protocol == "tcp"]


def test_each_family_has_its_own_setting_and_line() -> None:
    text = "net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 0\n"
    assert forwarding(text) == {"ipv4": (True, 1), "ipv6": (False, 2)}
    assert counts(text)["modelled"] == 2


@pytest.mark.parametrize(
    "line", ["net.ipv4.ip_forward=1", "net/ipv4/ip_forward = 1", "net.ipv4.conf.all.forwarding = 1"]
)
def test_the_forms_of_a_line(line: str) -> None:
    assert forwarding(line + "\n") == {"ipv4": (True, 1)}


def test_other_keys_and_messages_are_ignored() -> None:
    text = (
        "sysctl: reading key x: denied\nkernel.hostname = a b\nnet.core.x = 1\n# a\nnet.ipv4.ip_forward = 0\nfs.y = \n"
    )
    assert forwarding(text) == {"ipv4": (False, 5)}
    assert counts(text)["ignored"] == 5


def test_the_last_line_counts() -> None:
    assert forwarding("net.ipv4.ip_forward = 0\nnet.ipv4.ip_forward = 1\n") == {"ipv4": (True, 2)}


def test_in_ipv4_each_interface_has_its_own_and_the_rest_what_is_set_for_all() -> None:
    text = "net.ipv4.conf.eth0.forwarding = 1\nnet.ipv4.conf.default.forwarding = 1\nnet.ipv4.ip_forward = 0\n"
    found = settings(text + "net.ipv4.conf.eth1/7.forwarding = 0\nnet/ipv4/conf/br.9/forwarding = 1\n")
    assert told(found.forwarding[Family.IPV4]) == {
        "eth0": (True, 1),
        "*": (False, 3),
        "eth1.7": (False, 4),
        "br.9": (True, 5),
    }
    assert list(found.forwarding[Family.IPV4].differing) == ["eth0", "br.9"]
    assert counts(text) == {**counts(text), "modelled": 2, "ignored": 1, "conditional": 0}


def test_interfaces_alone_say_what_they_say() -> None:
    found = settings("net.ipv4.conf.eth0.forwarding = 0\n").forwarding[Family.IPV4]
    assert told(found) == {"eth0": (False, 1)}
    assert list(found.differing) == ["eth0"]


def test_in_ipv6_all_counts_and_else_what_is_forced() -> None:
    text = "net.ipv6.conf.eth0.forwarding = 0\nnet.ipv6.conf.eth0.force_forwarding = 1\n"
    text += "net.ipv6.conf.eth1.force_forwarding = 0\nnet.ipv6.conf.all.force_forwarding = 1\n"
    found = settings(text + "net.ipv6.conf.all.forwarding = 0\n").forwarding
    assert {family: told(each) for family, each in found.items()} == {
        Family.IPV6: {"eth0": (True, 2), "*": (False, 5)},
    }
    assert forwarding(text + "net.ipv6.conf.all.forwarding = 1\n") == {"ipv6": (True, 5)}


@pytest.mark.parametrize(
    ("of_all", "found"),
    [
        ("net.ipv4.conf.all.route_localnet = 1\n", {"*": (True, 3)}),
        ("net.ipv4.conf.all.route_localnet = 0\n", {"eth0": (True, 1), "eth1": (False, 2), "*": (False, 3)}),
        ("", {"eth0": (True, 1)}),
    ],
)
def test_what_may_be_sent_to_loopback_is_set_of_the_interface_or_of_all(of_all: str, found: Found) -> None:
    text = "net.ipv4.conf.eth0.route_localnet = 1\nnet.ipv4.conf.eth1.route_localnet = 0\n" + of_all
    assert told(settings(text).localnet) == found
    assert settings(text).forwarding == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("net.ipv4.tcp_rmem = 1 2 3\n", "nothing about forwarding is in this output; run sysctl -a"),
        ("net.ipv4.ip_forward = ²\n", "net.ipv4.ip_forward has no number"),
        ("net.ipv4.ip_forward = \n", "net.ipv4.ip_forward has no number"),
    ],
)
def test_what_says_nothing_is_refused(text: str, why: str) -> None:
    assert why in refusal(text)


def test_prose_with_one_such_line_is_no_export() -> None:
    assert "no known kind" in refusal("Set this:\nnet.ipv4.ip_forward = 1\nand reboot\n")
