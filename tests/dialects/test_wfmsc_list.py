"""Lists of the firewall's console: its words, its columns, and what it does not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.exports import asked, counts, read, refusal, verdict
from tests.dialects.test_hostile import is_one_line
from tests.dialects.windows import host, rules, store, verdicts
from validator.dialects._windows_rules import Limit
from validator.errors import UserError

COLUMNS = {
    "Name": "web (TCP-In)",
    "Group": "",
    "Profile": "All",
    "Enabled": "Yes",
    "Action": "Allow",
    "Override": "No",
    "Program": "Any",
    "Local Address": "Any",
    "Remote Address": "Any",
    "Protocol": "TCP",
    "Local Port": "80",
    "Remote Port": "Any",
    "Authorized Users": "Any",
    "Authorized Computers": "Any",
    "Authorized Local Principals": "Any",
    "Local User Owner": "Any",
    "PolicyAppId": "None",
    "Application Package": "Any",
}


def row(**changes: str) -> dict[str, str]:
    """A rule: `local_port="81"` changes a column."""
    return {**COLUMNS, **{key.replace("_", " ").title(): value for key, value in changes.items()}}


def listed(*rows: dict[str, str], end: str = "\t\n", by: str = "\t") -> str:
    return "".join(by.join(cells) + end for cells in (COLUMNS, *(each.values() for each in rows)))


def test_the_rules_of_a_list_decide() -> None:
    assert verdicts(host(listed(row())), 80, 81) == ["accept", "drop"]
    assert verdicts(host(listed(row(), row(name="stop", action="Block"))), 80) == ["drop"]
    assert counts(listed(row())) == {"total": 2, "modelled": 1, "ignored": 1, "conditional": 0, "unsupported": 0}


def test_the_other_direction_is_not_known() -> None:
    found = host(listed(row()))
    assert verdict(found, 80, hook="output") == "unknown"
    assert "a local outbound rule that was not exported blocks it" in asked(found, 80, hook="output")
    outward = listed(row(name="x (TCP-Out)", action="Block", local_port="Any", remote_port="21"))
    assert verdict(host(outward), 80) == "unknown"
    both = host(listed(row()), outward)
    assert [verdict(both, 21, hook="output"), verdict(both, 22, hook="output")] == ["drop", "accept"]
    assert verdicts(both, 80, 81) == ["accept", "drop"]


@pytest.mark.parametrize("names", [("web",), ("a (TCP-In)", "b (TCP-Out)")])
def test_a_list_of_no_clear_direction_is_refused(names: tuple[str, ...]) -> None:
    message = refusal(listed(*(row(name=name) for name in names)))
    assert "inbound or outbound is not in the list; export with the PowerShell command" in message


def test_words_are_those_of_netsh() -> None:
    found = rules(
        listed(row(local_port="RPC Dynamic Ports, 80", remote_address="Local subnet, 10.0.0.1, PlayTo Renderers"))
    )
    assert found[0].local_port == "RPC,80"
    assert found[0].remote_ip == "LocalSubnet,10.0.0.1/32,Ply2Renders"
    assert rules(listed(row(profile="Private, Domain")))[0].profiles == ("domain", "private")


def test_columns_that_narrow_a_rule_are_conditions() -> None:
    narrow = row(program="a.exe", authorized_users="b", application_package="c")
    limits = rules(listed({**narrow, "PolicyAppId": "d"}))[0].limits
    assert limits[0] == Limit("program", "a.exe")
    assert {limit.kind for limit in limits} == {"program", "remote-users", "package", "other"}
    changed = listed(row()).replace("PolicyAppId", "Moon Phase").replace("None", "full")
    assert rules(changed)[0].limits == (Limit("other", "what the column moon phase says holds (full)"),)


def test_secure_rules_need_ipsec_and_override_makes_them_bypass() -> None:
    (rule,) = rules(listed(row(action="Secure", override="Yes")))
    assert (rule.action, rule.limits) == ("bypass", (Limit("security", "Secure"),))
    assert rules(listed(row(action="Secure")))[0].action == "allow"


def test_what_the_list_never_shows_is_said() -> None:
    found = store(listed(row())).rules
    assert found is not None
    assert found.hides == ("service", "interface type")
    assert "which the list does not show" in rules(listed(row(protocol="ICMPv4", local_port="Any")))[0].limits[0].value


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "Home"},
        {"enabled": "Perhaps"},
        {"action": "Maybe"},
        {"override": "?"},
        {"protocol": "²"},
        {"protocol": "999"},
        {"local_port": ""},
        {"remote_address": ","},
        {"protocol": "Any"},
    ],
)
def test_what_is_not_understood_decides_nothing(changes: dict[str, str]) -> None:
    text = listed(row(**changes))
    assert rules(text)[0].why
    assert counts(text)["unsupported"] == 1
    assert verdict(host(text), 80) == "unknown"


def test_commas_and_encodings() -> None:
    text = listed(row(name="Büro (TCP-In)"), end="\n", by=",")
    assert rules(text)[0].local_port == "80"
    for form in ("utf-16", "cp1252", "utf-8-sig"):
        assert rules(listed(row(name="Büro (TCP-In)")).encode(form))[0].name == "Büro (TCP-In)"
    broken = listed(row(local_port="80, 81"), end="\n", by=",")
    assert "a rule has 19 columns and not 18" in refusal(broken)


def test_a_list_that_is_cut_or_in_another_language_is_refused() -> None:
    assert "a rule has 12 columns and not 18: the list is cut" in refusal(
        "\n".join(listed(row()).split("\n")[:1]) + "\n" + "\t".join(list(COLUMNS.values())[:12])
    )
    german = listed({**row(), "Enabled": "Ja", "Action": "Zulassen"}).replace("Local Address", "Lokale Adresse")
    assert "1: the headers of the list are not English; export it from Windows in English" in refusal(german)
    assert "same header" in refusal(listed(row()).replace("Group", "Name"))


@given(
    st.lists(
        st.sampled_from([*COLUMNS.values(), "²", "", ",", "Local subnet", "Block", "1-"]), min_size=18, max_size=18
    )
)
def test_any_cells(cells: list[str]) -> None:
    try:
        _, _, ledger = read(listed(row(), dict(zip(COLUMNS, cells, strict=True))))
    except UserError as error:
        is_one_line(error)
        return
    found = ledger.counts()
    assert found.pop("total") == sum(found.values())
