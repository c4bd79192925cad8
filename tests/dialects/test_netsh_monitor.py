"""Which profiles are active."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal, wall
from tests.dialects.test_netsh_profiles import ALLOW_80, every, profile
from validator.dialects import netsh_monitor
from validator.dialects._windows_rules import WindowsProfiles
from validator.source import from_bytes

DASHES = "-" * 70 + "\n"


def network(title: str, *names: str) -> str:
    return f"\n{title}\n{DASHES}" + "".join(f"{name}\n" for name in names)


def current(text: str) -> tuple[str, ...]:
    data = read(text)[1].data
    assert isinstance(data, WindowsProfiles)
    assert not data.profiles
    return data.current


def test_the_titles_name_the_active_profiles() -> None:
    text = network("Public Profile:", "VPN", "Guest") + network("Domain Profile:", "contoso.com") + "Ok.\n\n"
    assert current(text) == ("domain", "public")
    assert counts(text) == {"total": 11, "modelled": 7, "ignored": 4, "conditional": 0, "unsupported": 0}


@pytest.mark.parametrize("title", ["ドメイン プロファイル:", "Profil de domaine :", "域配置文件：", "Domänenprofil:"])
def test_a_title_may_be_in_another_language(title: str) -> None:
    assert current(network(title, "a network") + "Ok.\n") == ("domain",)


def test_without_its_last_line_a_profile_may_be_missing() -> None:
    assert "it is cut, and an active profile may be missing" in refusal(network("Public Profile:", "VPN"))


@pytest.mark.parametrize(
    "text", [every(), network("Perfil de nadie:", "VPN") + "Ok.\n", network("Public Profile:") + "Ok.\n"]
)
def test_what_is_something_else_or_unknown_is_not_taken_for_it(text: str) -> None:
    source = from_bytes(text.encode(), "dump")
    assert not netsh_monitor.sniff(source)


def test_it_adds_to_rules_and_is_no_firewall_alone() -> None:
    text = network("Public Profile:", "VPN") + "Ok.\n"
    assert not wall(text).chains
    assert wall(ALLOW_80, text).chains


def test_a_command_above_the_settings_tells_that_they_are_of_the_current_profile() -> None:
    for command, expected in (("show currentprofile", ("public",)), ("show publicprofile", ())):
        data = read(f"C:\\>netsh advfirewall {command}\n{profile('Public')}\nOk.\n")[1].data
        assert isinstance(data, WindowsProfiles)
        assert data.current == expected
