"""Global settings say nothing of a packet, unless another product filters in place of Windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.exports import asked, counts, refusal, verdict, wall
from tests.dialects.test_netsh_profiles import ALLOW_80, every

FOLDER = Path(__file__).parents[2] / "fixtures" / "netsh_global"
WINDOWS = (FOLDER / "windows.txt").read_text()
OTHER = (FOLDER / "other-product.txt").read_text()


def test_the_settings_of_windows_itself_change_no_verdict() -> None:
    found = wall(ALLOW_80, WINDOWS)
    assert [verdict(found, port) for port in (80, 81)] == ["accept", "drop"]
    assert counts(WINDOWS)["modelled"] == 3
    assert counts(WINDOWS)["unsupported"] == 0


@pytest.mark.parametrize("name", ["Windows Defender Firewall", "Windows-Firewall", "Windows 防火墙"])
def test_windows_is_known_by_its_name_in_every_language(name: str) -> None:
    text = WINDOWS.replace(
        "FirewallRuleCategory                  Windows Firewall", f"FirewallRuleCategory      {name}"
    )
    assert verdict(wall(ALLOW_80, text), 80) == "accept"


def test_where_another_product_filters_what_windows_says_is_unknown() -> None:
    found = wall(ALLOW_80, OTHER)
    assert [verdict(found, port) for port in (80, 81)] == ["unknown", "unknown"]
    assert verdict(found, 81, hook="output") == "unknown"
    assert "FirewallRuleCategory is 'Example Shield'" in asked(found, 80)[0]


@pytest.mark.parametrize("changes", [{"state": "OFF"}, {"policy": "BlockInboundAlways,AllowOutbound"}])
def test_where_another_product_filters_the_profiles_of_windows_decide_nothing(changes: dict[str, str]) -> None:
    found = wall(ALLOW_80, OTHER, every(**changes))
    assert [verdict(found, 80), verdict(found, 80, hook="output")] == ["unknown", "unknown"]
    assert verdict(found, 80, state="established") == "unknown"


def test_alone_it_is_no_firewall() -> None:
    assert not wall(WINDOWS).chains


def test_titles_in_another_language_change_nothing() -> None:
    text = WINDOWS.replace("Global Settings:", "Globale Einstellungen:").replace("Main Mode:", "Hauptmodus:")
    assert counts(text.replace("Ok.", "OK."))["unsupported"] == 0


def test_a_setting_that_is_not_known_is_unsupported() -> None:
    assert counts(WINDOWS.replace("ForceDH    ", "ForceEC    "))["unsupported"] == 1


def test_a_cut_output_is_refused() -> None:
    assert "it is cut" in refusal(WINDOWS[: WINDOWS.index("Categories")])


def test_another_output_in_the_file_is_to_be_parted() -> None:
    assert "two outputs stand in one file" in refusal(WINDOWS + every())
    assert "which profile 'Global Settings:' is" in refusal(every() + WINDOWS)
