"""Profile states and proxies of several exports of one host: which wins, and that it is said."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.dialects.exports import verdict, wall
from tests.dialects.test_netsh_profiles import every
from tests.dialects.test_netsh_rules import dump
from tests.dialects.test_netsh_rules import rule as listed
from validator.dialects import Fragment, Options
from validator.dialects._windows import convert
from validator.dialects._windows_rules import (
    GROUP_POLICY,
    LOCAL,
    PROFILES,
    RANKS,
    Change,
    ProfileState,
    WindowsChanges,
    WindowsProfiles,
    WindowsRule,
    WindowsRules,
)
from validator.dialects._windows_states import Settled, proxy, settle
from validator.dialects._windows_store import WindowsStore
from validator.model import Proxy
from validator.packets.fields import Family
from validator.source import Span


def state(
    path: str,
    on: bool | None = None,
    inbound: str | None = None,
    outbound: str | None = None,
    merge: bool | None = None,
) -> ProfileState:
    spans = Span(path, 1), Span(path, 2)
    return ProfileState("domain", on, inbound, outbound, *spans, local_rules=merge, local_span=Span(path, 3))


def export(store: str, **said: object) -> WindowsProfiles:
    return WindowsProfiles(store, (state(store, **said),), store)  # type: ignore[arg-type]


def script(**new: str) -> WindowsChanges:
    change = Change("profile", Span("script", 1), selects=(("profile", "domain"),), new=tuple(new.items()))
    return WindowsChanges("script", (change,))


def told(found: Settled) -> list[tuple[str, str, str, int]]:
    """Each setting with the value that counts, and where the other one stands."""
    return [(each.setting, each.value, each.overruled_span.path, each.overruled_span.line) for each in found.overruled]


def test_what_comes_first_in_rank_counts_whatever_the_order_of_exports() -> None:
    exports = [export(store, on=store == "effective") for store in RANKS]
    for order in permutations(exports):
        found = settle(order, [])
        assert (found.states["domain"].on, found.states["domain"].state_span) == (True, Span("effective", 1))
        setting = "the state of the firewall in the domain profile"
        assert told(found) == [(setting, "on", store, 1) for store in ("gpo", "shown", "local")]


def test_settings_are_taken_one_by_one_each_with_its_line() -> None:
    found = settle([export("gpo", outbound="block"), export("local", on=True, inbound="allow", outbound="allow")], [])
    got = found.states["domain"]
    assert (got.on, got.inbound, got.outbound) == (True, "allow", "block")
    assert (got.policy_span, got.outbound_span) == (Span("local", 2), Span("gpo", 2))
    assert told(found) == [("the outbound default in the domain profile", "block", "local", 2)]


def test_exports_that_agree_are_not_reported() -> None:
    assert settle([export(store, on=True, inbound="block") for store in RANKS], []).overruled == ()


@pytest.mark.parametrize("other", ["local", "shown"])
@pytest.mark.parametrize("default", ["block", "allow"])
def test_blocking_all_inbound_is_on_where_either_says_so(other: str, default: str) -> None:
    """[MS-FASP] 2.2.38, SHIELDED: on values win."""
    found = settle([export("gpo", inbound=default), export(other, inbound="block-always")], [])
    assert (found.states["domain"].inbound, found.states["domain"].policy_span.path) == ("block-always", other)
    assert told(found) == [("the inbound default in the domain profile", "block-always", "gpo", 2)]
    assert settle([export("gpo", inbound="block-always"), export(other, inbound=default)], []).states[
        "domain"
    ].inbound == ("block-always")


def test_what_is_in_force_is_not_blocked_by_what_is_stored() -> None:
    found = settle([export("effective", inbound="block"), export("local", inbound="block-always")], [])
    assert found.states["domain"].inbound == "block"


def test_only_group_policy_says_whether_local_rules_count() -> None:
    """[MS-FASP] 2.2.38, ALLOW_LOCAL_POLICY_MERGE: always the value of group policy."""
    assert settle([export("local", merge=False)], []).states["domain"].local_rules is None
    found = settle([export("gpo", merge=False), export("shown", merge=True), export("local", merge=True)], [])
    assert found.states["domain"].local_rules is False
    assert told(found) == [("the source of rules in the domain profile", "group policy alone", "gpo", 3)]


def test_a_script_changes_what_was_exported() -> None:
    found = settle([export("shown", on=True, inbound="block")], [script(state="off")])
    assert found.states["domain"].on is False
    assert told(found) == [("the state of the firewall in the domain profile", "off", "shown", 1)]


@pytest.mark.parametrize("store", ["effective", "shown", "local"])
def test_a_script_does_not_change_what_group_policy_sets(store: str) -> None:
    exports = [export("gpo", on=True), export(store, on=True, outbound="allow")]
    found = settle(exports, [script(state="off", outbound="block", inbound="block")])
    got = found.states["domain"]
    assert (got.on, got.outbound) == (True, "block")
    assert ("the state of the firewall in the domain profile", "on", "script", 1) in told(found)
    assert ("the outbound default in the domain profile", "block", store, 2) in told(found)


def test_group_policy_alone_does_not_tell_whether_all_is_blocked() -> None:
    assert settle([export("gpo", inbound="block")], []).complete == frozenset()
    assert settle([export("gpo"), export("local")], []).complete == {"domain"}


def test_a_proxy_that_is_configured_counts_before_none_and_that_is_said() -> None:
    none, first = Proxy("", False, Span("a", 1)), Proxy("p:1", True, Span("b", 1))
    chosen, overruled = proxy([none, first])
    assert chosen == first
    assert [(each.value, each.overruled) for each in overruled] == [("p:1, bypassed for local addresses", "none")]
    assert proxy([]) == (None, [])
    assert proxy([first, first]) == (first, [])


def rule(port: int, store: str, profiles: tuple[str, ...] = PROFILES) -> WindowsRule:
    path = "rules"
    return WindowsRule(
        path, port, "a", True, True, profiles, "TCP", "any", "any", str(port), "any", "allow", store=store
    )


def answers(profiles: WindowsProfiles, *rules: WindowsRule, withdrawn: tuple[str, ...] = ()) -> list[str]:
    """What becomes of TCP 1, by a local rule, and TCP 2, by one of group policy, in the domain and public profiles."""
    store = WindowsStore("rules", WindowsRules("rules", rules), (profiles,), covers=(*LOCAL, *GROUP_POLICY))
    fragment = Fragment("some", "windows", "rules", store, tuple(Family))
    firewall = convert([fragment], Options("host", Family.IPV4, frozenset(withdrawn)))
    assert firewall is not None
    return [
        verdict(firewall, port, protocol="tcp", in_interface=name) for port in (1, 2) for name in ("domain", "public")
    ]


RULES = rule(1, "local"), rule(2, "gpo")


def test_where_group_policy_does_not_merge_them_local_rules_are_void() -> None:
    policy = export("gpo", on=True, inbound="block", merge=False)
    assert answers(policy, *RULES) == ["drop", "accept", "accept", "accept"]
    assert answers(export("gpo", on=True, inbound="block", merge=True), *RULES) == ["accept"] * 4


def test_a_local_rule_of_the_active_store_is_on_a_condition_there() -> None:
    active = export("effective", on=True, inbound="block", merge=False)
    assert answers(active, *RULES) == ["unknown", "accept", "accept", "accept"]


def test_that_local_settings_do_not_block_all_inbound_is_assumed_where_only_group_policy_is_known() -> None:
    policy = export("gpo", on=True, inbound="block", merge=False)
    assert answers(policy, *RULES, withdrawn=("profile-defaults",))[2] == "unknown"
    local = export("shown", on=True, inbound="block")
    assert answers(local, *RULES, withdrawn=("profile-defaults",))[2] == "accept"


def test_what_is_set_locally_counts_by_an_assumption_where_group_policy_is_not_known() -> None:
    assert settle([export("local", on=True)], []).local == {"domain"}
    assert settle([export("local", on=True), export("shown", on=True)], []).local == frozenset()
    assert settle([export("local", on=True), export("gpo", on=True)], []).local == frozenset()
    assert settle([export("shown", on=True)], [script(state="off")]).local == {"domain"}
    assert settle([export("shown", on=True), export("gpo", on=True)], [script(state="off")]).local == frozenset()


def test_a_script_switches_a_profile_off_unless_group_policy_sets_it() -> None:
    rules = dump(listed(), listed(Direction="Out", Enabled="No"))
    off = "netsh advfirewall set domainprofile state off\n"
    for texts in ((rules, off), (rules, every(), off)):
        assert verdict(wall(*texts), 81, in_interface="domain") == "accept"
        taken_back = wall(*texts, withdrawn=("group-policy", "profile-defaults"))
        assert verdict(taken_back, 81, in_interface="domain") == "unknown"
    assert verdict(wall(rules, every()), 81, in_interface="domain") == "drop"
    taken_back = wall(rules, every(), withdrawn=("group-policy",))
    assert verdict(taken_back, 81, in_interface="domain") == "unknown"  # it may have rules that let it in


def test_rules_of_group_policy_that_nobody_exported_are_assumed_to_be_none() -> None:
    texts = dump(listed(LocalPort="80"), listed(Direction="Out", Enabled="No")), every()
    for hook, expected in (("input", "accept"), ("output", "accept")):
        assert verdict(wall(*texts), 80, hook=hook) == expected
        assert verdict(wall(*texts, withdrawn=("group-policy",)), 80, hook=hook) == "unknown"
