"""`sysctl`: whether the host forwards, in each family."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal
from validator.dialects._linux_facts import LinuxSettings


def forwarding(text: str) -> dict[str, tuple[bool, int]]:
    dialect, fragment, _ = read(text)
    assert dialect.NAME == "sysctl"
    assert fragment.families == ()
    assert isinstance(fragment.data, LinuxSettings)
    return {family.value: (on, span.line) for family, (on, span) in fragment.data.forwarding.items()}


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


def test_where_interfaces_differ_nothing_is_taken_for_ipv4() -> None:
    text = "net.ipv4.conf.eth0.forwarding = 1\nnet.ipv4.conf.lo.forwarding = 0\nnet.ipv4.ip_forward = 0\n"
    assert forwarding(text + "net.ipv6.conf.all.forwarding = 1\n") == {"ipv6": (True, 4)}
    assert counts(text)["conditional"] == 2
    assert forwarding("net.ipv4.conf.eth0.forwarding = 0\nnet.ipv4.ip_forward = 0\n") == {"ipv4": (False, 2)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("net.ipv4.tcp_rmem = 1 2 3\n", "nothing about forwarding is in this output; run sysctl net.ipv4.ip_forward"),
        ("net.ipv4.ip_forward = ²\n", "net.ipv4.ip_forward has no number"),
        ("net.ipv4.ip_forward = \n", "net.ipv4.ip_forward has no number"),
    ],
)
def test_what_says_nothing_is_refused(text: str, why: str) -> None:
    assert why in refusal(text)


def test_prose_with_one_such_line_is_no_export() -> None:
    assert "no known kind" in refusal("Set this:\nnet.ipv4.ip_forward = 1\nand reboot\n")
