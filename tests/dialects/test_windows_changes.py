"""The rules and profiles of a host after a script of changes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.exports import read, verdict, wall
from tests.dialects.test_netsh_profiles import every
from tests.dialects.test_netsh_rules import dump, rule, verbose
from validator.dialects._windows_changes import apply, apply_profiles
from validator.dialects._windows_rules import (
    ProfileState,
    WindowsChanges,
    WindowsProfiles,
    WindowsRule,
    WindowsRules,
)

FIREWALL = "netsh advfirewall firewall "
ADD = FIREWALL + "add rule name=new dir=in action=allow"


def script(*lines: str) -> WindowsChanges:
    data = read("\n".join(lines), "change.bat")[1].data
    assert isinstance(data, WindowsChanges)
    return data


def rules(*blocks: str) -> WindowsRules:
    data = read(dump(*blocks))[1].data
    assert isinstance(data, WindowsRules)
    return data


def after(exported: WindowsRules, *lines: str) -> list[WindowsRule]:
    return [each for part in apply([exported], [script(*lines)]) for each in part.rules]


def names(exported: WindowsRules, *lines: str) -> list[str]:
    """The names of the rules that stand surely, `name?` for those that may."""
    return [
        each.name + ("?" if any(limit.kind == "other" for limit in each.limits) else "")
        for each in after(exported, *lines)
    ]


def test_added_rules_stand_beside_those_of_the_export_in_their_own_list() -> None:
    dumped, scripted = apply([rules(rule("old"))], [script(ADD)])
    assert ([each.name for each in dumped.rules], dumped.hides) == (["old"], ("program", "service", "user", "package"))
    assert ([each.name for each in scripted.rules], scripted.hides, scripted.path) == (["new"], (), "change.bat")


def test_delete_takes_away_what_all_selectors_choose() -> None:
    exported = rules(rule("A"), rule("a", Direction="Out"), rule("b"), rule("a", Protocol="UDP"))
    assert names(exported, FIREWALL + "delete rule name=a") == ["b"]
    assert names(exported, FIREWALL + "delete rule name=a dir=in") == ["a", "b"]
    assert names(exported, FIREWALL + "delete rule name=a protocol=udp") == ["A", "a", "b"]
    assert names(exported, FIREWALL + "delete rule name=all") == []
    assert names(exported, FIREWALL + "delete rule name=c") == ["A", "a", "b", "a"]


def test_set_changes_what_is_given_and_nothing_else() -> None:
    line = FIREWALL + "set rule name=a new enable=no action=block remoteip=10.0.0.1 profile=domain localport=81"
    old, other = rules(rule("a"), rule("b")).rules
    new, same = after(rules(rule("a"), rule("b")), line)
    assert same == other
    assert (new.enabled, new.action, new.remote_ip) == (False, "block", "10.0.0.1/32")
    assert (new.profiles, new.local_port) == (("domain",), "81")
    assert (new.name, new.line, new.path, new.protocol, new.local_ip) == (old.name, old.line, old.path, "TCP", "any")


def test_set_replaces_a_limit_of_its_kind() -> None:
    exported = rules(verbose("a", Program="C:\\a.exe", Service="spooler"))
    (new,) = after(exported, FIREWALL + "set rule name=a new program=C:\\b.exe")
    assert [limit.value for limit in new.limits] == ["C:\\b.exe", "spooler"]


def test_changes_are_made_in_order() -> None:
    exported = rules(rule("old"))
    delete = FIREWALL + "delete rule name=new"
    assert names(exported, ADD, delete) == ["old"]
    assert names(exported, delete, ADD) == ["old", "new"]
    assert names(exported, FIREWALL + "set rule name=old new name=new", delete) == []


def test_a_value_that_only_overlaps_leaves_open_whether_the_rule_is_chosen() -> None:
    exported = rules(rule("a", LocalPort="80-90"), rule("b", LocalPort="80"), rule("c", LocalPort="443"))
    assert names(exported, FIREWALL + "delete rule name=all protocol=tcp localport=80") == ["a?", "c"]
    assert names(exported, FIREWALL + "delete rule name=all protocol=tcp localport=80-85,86-90") == ["b?", "c"]


def test_a_rule_for_everything_may_or_may_not_be_chosen_by_a_part() -> None:
    exported = rules(rule("a", LocalPort="Any"), rule("b", RemoteIP="LocalSubnet"), rule("c", Profiles="Domain"))
    assert names(exported, FIREWALL + "delete rule name=all protocol=tcp localport=80") == ["a?"]
    assert names(exported, FIREWALL + "delete rule name=all remoteip=10.0.0.1") == ["a?", "b?", "c?"]
    assert names(exported, FIREWALL + "delete rule name=all remoteip=localsubnet") == ["a?", "c?"]
    assert names(exported, FIREWALL + "delete rule name=all profile=public") == ["a?", "b?", "c"]
    assert names(exported, FIREWALL + "delete rule name=all profile=domain") == ["a?", "b?"]


def test_a_program_that_a_dump_hides_leaves_the_choice_open() -> None:
    line = FIREWALL + "delete rule name=a program=C:\\A.exe"
    assert names(rules(rule("a")), line) == ["a?"]
    assert names(rules(verbose("a", Program="c:\\a.EXE")), line) == []
    assert names(rules(verbose("a", Program="C:\\b.exe")), line) == ["a"]
    assert names(rules(verbose("a", Program="%ProgramFiles%\\a.exe")), line) == ["a?"]


def test_a_name_that_is_not_resolved_may_be_any() -> None:
    exported = rules(rule("@FirewallAPI.dll,-28502"), rule("@{pkg?ms-resource://x}"), rule("b"))
    found = names(exported, FIREWALL + "delete rule name=Remote")
    assert found == ["@FirewallAPI.dll,-28502?", "@{pkg?ms-resource://x}?", "b"]


def test_a_group_leaves_open_which_rules_are_changed_and_those_that_are_so_already_stand() -> None:
    exported = rules(rule("off", Enabled="No"), rule("on"))
    assert names(exported, FIREWALL + 'set rule group="Remote Desktop" new enable=yes') == ["off?", "off?", "on"]
    enabled = [each.enabled for each in after(exported, FIREWALL + 'set rule group="Remote Desktop" new enable=yes')]
    assert enabled == [False, True, True]


def test_what_may_be_changed_stands_both_ways_on_conditions_of_its_own() -> None:
    line = FIREWALL + "set rule name=all protocol=tcp localport=80 new action=block"
    found = after(rules(rule("a", LocalPort="80-90"), rule("b", LocalPort="80-91")), line)
    assert [each.action for each in found] == ["allow", "block", "allow", "block"]
    assert len({limit.sentence for each in found for limit in each.limits}) == 4
    assert found[0].limits[0].sentence == "change.bat:1 leaves the rule at dump:2"


def test_a_change_that_netsh_would_refuse_makes_the_rule_undecidable() -> None:
    (new,) = after(rules(rule("a")), FIREWALL + "set rule name=a new protocol=icmpv4")
    assert new.why == "ports are given for a protocol without ports"


def test_a_change_that_is_not_understood_is_a_rule_that_may_do_anything() -> None:
    found = after(rules(rule("a")), FIREWALL + "delete rule name=%NAME%", ADD)
    assert [(each.name, bool(each.why)) for each in found] == [("a", False), ("", True), ("new", False)]
    assert "name holds a variable" in found[1].why
    assert (found[1].path, found[1].line) == ("change.bat", 1)


def test_a_reset_leaves_rules_that_nobody_exported() -> None:
    found = after(rules(rule("a"), rule("b", Action="Block")), "netsh advfirewall reset", ADD)
    assert [(each.name, bool(each.why)) for each in found] == [("", True), ("new", False)]


def test_without_an_export_added_rules_stand_and_other_changes_are_undecidable() -> None:
    lines = (ADD, FIREWALL + "delete rule name=old", FIREWALL + "set rule name=old new enable=no")
    (found,) = apply([], [script(*lines)])
    assert [(each.name, bool(each.why)) for each in found.rules] == [("new", False), ("", True), ("", True)]
    assert "rules that were not exported" in found.rules[1].why


def test_a_rule_that_was_not_understood_is_left_as_it_is() -> None:
    exported = rules(rule("a", Action="Deny"))
    assert [bool(each.why) for each in after(exported, FIREWALL + "delete rule name=a")] == [True]


# --- profiles ---------------------------------------------------------------


def states(*lines: str, exported: str = "") -> dict[str, ProfileState]:
    before: Mapping[str, ProfileState] = {}
    if exported:
        data = read(exported)[1].data
        assert isinstance(data, WindowsProfiles)
        before = {state.name: state for state in data.profiles}
    return apply_profiles(before, [script(*lines)])


def test_a_profile_is_switched_and_the_line_is_known() -> None:
    found = states("netsh advfirewall set publicprofile state off", exported=every())
    assert {name: state.on for name, state in found.items()} == {"domain": True, "private": True, "public": False}
    assert (found["public"].state_span.path, found["public"].state_span.line) == ("change.bat", 1)
    assert found["public"].inbound == "block"


def test_a_policy_is_set_and_the_state_stays() -> None:
    line = "netsh advfirewall set allprofiles firewallpolicy allowinbound,blockoutbound"
    found = states(line, exported=every(state="OFF"))
    assert {(state.on, state.inbound, state.outbound) for state in found.values()} == {(False, "allow", "block")}


def test_a_profile_that_nobody_exported_has_what_is_set_alone() -> None:
    found = states("netsh advfirewall set domainprofile state on")
    assert {name: (state.on, state.inbound, state.outbound) for name, state in found.items()} == {
        "domain": (True, None, None)
    }


def test_a_reset_gives_every_profile_what_windows_starts_with() -> None:
    found = states("netsh advfirewall reset", exported=every(state="OFF", policy="AllowInbound,BlockOutbound"))
    assert {(state.on, state.inbound, state.outbound) for state in found.values()} == {(True, "block", "allow")}


@pytest.mark.parametrize("line", ["netsh advfirewall set currentprofile state off", "netsh advfirewall import a.wfw"])
def test_what_is_not_understood_leaves_nothing_known_of_a_profile(line: str) -> None:
    found = states(ADD, line, exported=every())
    assert {(state.on, state.inbound, state.outbound) for state in found.values()} == {(None, None, None)}


def test_what_is_not_understood_of_a_rule_leaves_the_profiles_alone() -> None:
    found = states(FIREWALL + "delete rule name=%X%", exported=every())
    assert {state.on for state in found.values()} == {True}


def test_the_old_command_without_exceptions_blocks_always() -> None:
    before = every(policy="BlockInboundAlways,AllowOutbound")
    off = states("netsh firewall set opmode enable disable domain", exported=every())
    on = states("netsh firewall set opmode mode=enable profile=domain", exported=before)
    assert (off["domain"].inbound, on["domain"].inbound) == ("block-always", None)


# --- in general --------------------------------------------------------------

LINES = st.sampled_from(
    [
        ADD,
        ADD + " protocol=tcp localport=80-85",
        FIREWALL + "add rule name=a dir=out action=block program=x.exe",
        FIREWALL + "delete rule name=a",
        FIREWALL + "delete rule name=all protocol=tcp localport=80",
        FIREWALL + "delete rule name=all service=any protocol=any",
        FIREWALL + "set rule name=all new enable=no",
        FIREWALL + "set rule name=a dir=in new protocol=udp name=b",
        FIREWALL + "set rule group=g new enable=yes",
        FIREWALL + "delete rule name=%x%",
        "netsh advfirewall reset",
        "netsh advfirewall set allprofiles state off",
    ]
)
BLOCKS = st.sampled_from(
    [rule("a"), rule("b", LocalPort="²"), rule("a", RemoteIP="x y"), rule("c", Action="?"), rule("d", Protocol="²",
     LocalPort=None, RemotePort=None)]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(BLOCKS, min_size=1, max_size=4), st.lists(LINES, min_size=1, max_size=5))
def test_changes_never_fail_and_touch_only_what_they_may(blocks: list[str], lines: list[str]) -> None:
    before = rules(*blocks)
    dumped, scripted = apply([before], [script(*lines)])
    assert (dumped.path, scripted.path) == ("dump", "change.bat")
    assert {each.line for each in dumped.rules} <= {each.line for each in before.rules}
    unclear = sum("not understood" in each.why for each in scripted.rules)
    assert unclear == sum("%" in line or "reset" in line for line in lines)


@pytest.mark.parametrize(
    "line", ["netsh advfirewall set currentprofile state off", f"{ADD}\nnetsh advfirewall import a.wfw"]
)
@pytest.mark.parametrize("before", [every(), every(state="OFF"), every(policy="BlockInboundAlways,AllowOutbound")])
def test_after_a_command_that_may_set_any_profile_none_decides_a_packet(before: str, line: str) -> None:
    found = wall(dump(rule(), rule(Direction="Out")), before, line)
    assert [verdict(found, 80), verdict(found, 81), verdict(found, 81, hook="output")] == ["unknown"] * 3


def test_a_command_about_rules_that_is_not_understood_leaves_a_profile_off() -> None:
    found = wall(dump(rule(), rule(Direction="Out")), every(state="OFF"), f"{FIREWALL}add rule name=a sort=b")
    assert [verdict(found, 80), verdict(found, 81)] == ["accept", "accept"]
