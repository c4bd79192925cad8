"""Hives of the registry: a `.wfw`, SYSTEM and SOFTWARE, and what only looks like one."""

from __future__ import annotations

import lzma
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dialects.exports import asked, counts, read, refusal, trace, verdict
from tests.dialects.test_hostile import is_one_line
from tests.dialects.windows import ALLOW_80, BLOCK_80, host, rules, store, verdicts
from tests.hives import ON, Key, hive, policy, system
from validator.dialects._windows_rules import ProfileState
from validator.errors import UserError
from validator.source import from_bytes

FIXTURES = Path(__file__).parents[2] / "fixtures" / "registry_hive"
MADE = {
    "open.wfw": hive(policy(ALLOW_80)),
    "blocked.wfw": hive(policy(ALLOW_80, BLOCK_80)),
    "system.hiv": hive(system(policy(ALLOW_80, StandardProfile={"DoNotAllowExceptions": 1})), "SYSTEM"),
}
CALM = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_fixtures_are_what_the_writer_writes(name: str) -> None:
    assert (FIXTURES / name).read_bytes() == MADE[name]


def states(data: bytes) -> dict[tuple[str, str], ProfileState]:
    return {(each.store, state.name): state for each in store(data).profiles for state in each.profiles}


def test_the_rules_of_a_wfw_decide() -> None:
    assert verdicts(host(MADE["open.wfw"]), 80, 81) == ["accept", "drop"]
    assert verdicts(host(MADE["blocked.wfw"]), 80, 81) == ["drop", "drop"]
    assert counts(MADE["open.wfw"])["unsupported"] == 0


def test_a_rule_is_named_by_its_line_in_the_text_of_the_hive() -> None:
    (rule,) = rules(MADE["open.wfw"])
    lines = from_bytes(MADE["open.wfw"], "x").lines
    assert ALLOW_80 in lines[rule.line - 1]
    found = trace(host(MADE["open.wfw"]), destination_port=80, in_interface="public").rule
    assert found is not None
    assert found.span.line == rule.line


def test_the_control_set_in_force_counts() -> None:
    assert verdicts(host(MADE["system.hiv"]), 80, 81, in_interface="public") == ["accept", "drop"]
    other = hive(system(policy(ALLOW_80), current=2), "SYSTEM")
    assert verdicts(host(other), 81) == ["accept"]
    assert "no firewall settings" in refusal(hive(system(policy(), current=3), "SYSTEM"))


def test_profiles_and_their_values() -> None:
    off = {"EnableFirewall": 0, "DefaultOutboundAction": 1, "AllowLocalPolicyMerge": 0}
    found = states(hive(policy(PublicProfile=off, StandardProfile={"DoNotAllowExceptions": 1})))
    assert found["local", "public"].says == (False, "block", "block", False)
    assert found["local", "private"].says == (True, "block-always", "allow", None)
    assert found["local", "public"].state_span.text == '"EnableFirewall"=dword:00000000'


def test_values_that_are_missing_are_not_told() -> None:
    found = states(hive(Key({}, {"DomainProfile": Key({"EnableFirewall": 1}), "PublicProfile": Key()})))
    assert found["local", "domain"].says == (True, None, None, None)
    assert ("local", "public") not in found


def test_block_always_overrides_the_rules_of_its_profile() -> None:
    found = host(MADE["system.hiv"])
    assert [verdict(found, 80, in_interface=name) for name in ("domain", "private")] == ["accept", "drop"]


@pytest.mark.parametrize("name", ["EnableFirewall", "DefaultInboundAction", "DoNotAllowExceptions"])
def test_a_value_that_means_nothing_is_refused(name: str) -> None:
    assert "means nothing" in refusal(hive(policy(PublicProfile={name: 7})))
    assert "is no number" in refusal(hive(policy(PublicProfile={name: "yes"})))


def test_a_value_that_is_not_known_is_not_understood() -> None:
    assert counts(hive(policy(PublicProfile={"Moon": 1})))["unsupported"] == 1


@pytest.mark.parametrize("name", ["$$$PROTO.HIV", "FirewallPolicy", "x"])
def test_a_policy_that_was_saved_alone_may_have_any_name(name: str) -> None:
    assert verdicts(host(hive(policy(ALLOW_80), name)), 80, 81) == ["accept", "drop"]


def test_group_policy_that_was_saved_alone_is_known_by_its_name_or_its_profiles() -> None:
    assert store(hive(policy(ALLOW_80), "WindowsFirewall")).covers == ("gpo-in", "gpo-out")
    data = hive(Key({}, {"PrivateProfile": Key(ON)}), "x")
    assert [each.store for each in store(data).profiles] == ["gpo"]


def group_policy(*texts: str, **profile: int) -> bytes:
    values: dict[str, str | int | bytes] = {f"{{{number}}}": text for number, text in enumerate(texts)}
    folder = Key({}, {"FirewallRules": Key(dict(values)), "DomainProfile": Key({**ON, **profile})})
    root = Key({}, {"Microsoft": Key(), "Policies": Key({}, {"Microsoft": Key({}, {"WindowsFirewall": folder})})})
    return hive(root, "SOFTWARE")


def test_a_software_hive_holds_group_policy() -> None:
    data = group_policy(BLOCK_80)
    assert [rule.store for rule in rules(data)] == ["gpo"]
    assert [each.store for each in store(data).profiles] == ["gpo"]
    assert verdicts(host(MADE["open.wfw"], data), 80, 81)[0] == "drop"


def test_group_policy_alone_leaves_open_what_the_local_rules_say() -> None:
    found = host(group_policy(ALLOW_80))
    assert verdicts(found, 80, 81) == ["unknown", "unknown"]
    assert "a local inbound rule that was not exported blocks it" in asked(found, 80)
    assert verdict(found, 80, hook="output") == "unknown"


def test_group_policy_of_the_old_firewall_is_not_understood() -> None:
    folder = Key({}, {"StandardProfile": Key({"EnableFirewall": 0})})
    root = Key({}, {"Microsoft": Key(), "Policies": Key({}, {"Microsoft": Key({}, {"WindowsFirewall": folder})})})
    data = hive(root, "SOFTWARE")
    assert "old firewall" in rules(data)[0].why
    ports = Key({}, {"List": Key({"80:TCP": "80:TCP:*:Enabled:web"})})
    listed = policy(ALLOW_80)
    listed.keys["DomainProfile"].keys = {"GloballyOpenPorts": ports}
    assert "old firewall" in rules(hive(listed))[0].why


def test_rules_of_services_are_a_store_of_their_own_and_on_without_saying_so() -> None:
    built_in = Key({"a-1": "V2.0|Action=Block|Dir=in|App=a.exe|Svc=a|Name=Block a|"})
    folder = policy(ALLOW_80)
    folder.keys = {**folder.keys, "RestrictedServices": Key({}, {"Static": Key({}, {"System": built_in})})}
    found = [(rule.store, rule.enabled, rule.why) for rule in rules(hive(folder))]
    assert found == [("local", True, ""), ("static", True, "")]


def test_a_rule_in_a_key_nobody_knows_is_not_lost() -> None:
    folder = policy(ALLOW_80)
    folder.keys = {**folder.keys, "NewRules": Key({"a": BLOCK_80})}
    assert verdicts(host(hive(folder)), 80) == ["unknown"]


def test_connection_security_is_left_out_and_accounted_for() -> None:
    folder = policy(ALLOW_80)
    folder.keys = {**folder.keys, "ConSecRules": Key({"a": "v2.10|Action=Boundary|Active=TRUE|Name=b|"})}
    data = hive(folder)
    assert len(rules(data)) == 1
    assert counts(data)["unsupported"] == 0


def test_a_hive_that_was_in_use_proves_nothing() -> None:
    data = hive(policy(ALLOW_80), sequence=(2, 1))
    assert verdicts(host(data), 80, 81) == ["unknown", "unknown"]
    assert "while Windows was writing it" in rules(data)[0].why


def test_a_rule_that_is_no_text_is_not_understood() -> None:
    folder = policy()
    folder.keys = {**folder.keys, "FirewallRules": Key({"a": b"v2.30"})}
    assert rules(hive(folder))[0].why == "a rule that is no text"


def test_controls_and_quotes_stay_in_their_line() -> None:
    nasty = ALLOW_80.replace("web", 'a"b\\c\n[HKEY_x]')
    data = hive(policy(nasty))
    assert rules(data)[0].name == 'a"b\\c\n[HKEY_x]'
    assert all("\n" not in line for line in from_bytes(data, "x").lines)


def test_xz_files_are_opened() -> None:
    assert verdicts(host(lzma.compress(MADE["open.wfw"])), 80, 81) == ["accept", "drop"]
    packed = lzma.compress(MADE["open.wfw"])
    assert "the xz file is cut" in refusal(packed[:-20])
    assert "the xz file is damaged" in refusal(packed[:8] + bytes(40))
    assert "no known kind" in refusal(lzma.compress(b"text"))
    assert "binary" in refusal(lzma.compress(packed))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"regf", "is damaged"),
        (b"regf" + bytes(5000), "is damaged"),
        (MADE["open.wfw"][:-100], "is cut"),
        (MADE["open.wfw"][:4096], "is cut"),
        (hive(Key({"a": 1})), "no firewall settings"),
        (hive(system(Key()), "SYSTEM").replace(b"FirewallPolicy", b"FirewallPolicx"), "no firewall settings"),
        (MADE["open.wfw"].replace(b"DomainProfile", b"PublicProfile"), "is damaged"),
        (MADE["open.wfw"].replace(b"PublicProfile", b"D\x00mainProfile"[:13]), ""),
    ],
)
def test_what_is_no_whole_hive_is_refused(data: bytes, message: str) -> None:
    if message:
        assert message in refusal(data)
    else:
        with suppress(UserError):
            read(data)


CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
REAL = {
    "wfw/Dharmika-2705__Cybersecurity-task4__firewall_config.wfw": 600,
    "wfw/GeoffWilliams__puppet-windows_firewall__spec__res__fwpolicy_full.wfw": 452,
    "wfw/cooperXdavis__TKA_CyberPatriot_Team_A__Windows__firewall.wfw": 0,
    "reghive/mkorman90__regipy__regipy_tests__data__SYSTEM.xz": 434,
    "reghive/mkorman90__regipy__regipy_tests__data__SYSTEM_WIN_10_1709.xz": 1064 + 1,  # in use: a rule says so
}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of public exports is not here")
@pytest.mark.parametrize(("name", "number"), REAL.items())
def test_every_rule_of_a_real_hive_is_understood(name: str, number: int) -> None:
    data = (CORPUS / name).read_bytes()
    found = rules(data)
    assert len(found) == number
    unclear = [rule.why for rule in found if rule.why]
    assert len(unclear) == counts(data)["unsupported"] == (1 if "1709" in name else 0)


def survives(data: bytes) -> None:
    try:
        _, _, ledger = read(data)
    except UserError as error:
        is_one_line(error)
        return
    found = ledger.counts()
    assert found.pop("total") == sum(found.values())


@CALM
@given(st.binary(max_size=600))
def test_any_bytes_behind_the_magic(data: bytes) -> None:
    survives(b"regf" + data)


@CALM
@given(st.sampled_from(sorted(MADE)), st.lists(st.tuples(st.integers(4096, 9000), st.binary(min_size=1, max_size=4))))
def test_a_hive_with_changed_bytes(name: str, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(MADE[name])
    for at, new in changes:
        data[at : at + len(new)] = new
    survives(bytes(data))


def test_a_key_that_contains_itself_is_refused() -> None:
    data = bytearray(MADE["open.wfw"])
    at = data.index(b"lf")
    data[at + 4 : at + 8] = (0x20).to_bytes(4, "little")  # the first key below the root is the root
    assert "is damaged" in refusal(bytes(data))
