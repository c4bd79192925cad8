"""Rules of PowerShell: joined with their filters, flat, as JSON and CSV, with words and with numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.exports import counts, read, refusal, verdict
from tests.dialects.test_hostile import is_one_line
from tests.dialects.test_netsh_rules import dump, verbose
from tests.dialects.windows import host, rules, store, verdicts
from validator.dialects._windows_rules import IcmpRow, Limit, WindowsRule, WindowsRules
from validator.errors import UserError

DOCS = Path(__file__).parents[2] / "docs" / "exporting-from-windows.md"
RULE = {
    "InstanceID": "web",
    "DisplayName": "web",
    "Enabled": "True",
    "Direction": "Inbound",
    "Profile": "Any",
    "Action": "Allow",
    "EdgeTraversalPolicy": "Block",
    "LocalOnlyMapping": "False",
    "Owner": "",
    "Platform": "",
    "PolicyStoreSourceType": "Local",
    "PrimaryStatus": "OK",
    "PolicyAppId": "",
    "PackageFamilyName": "",
    "RemoteDynamicKeywordAddresses": "",
}
PARTS: dict[str, dict[str, str]] = {
    "Ports": {"Protocol": "TCP", "LocalPort": "80", "RemotePort": "Any", "IcmpType": "Any", "DynamicTarget": "Any"},
    "Addresses": {"LocalAddress": "Any", "RemoteAddress": "Any"},
    "Applications": {"Program": "Any", "Package": ""},
    "Services": {"Service": "Any"},
    "InterfaceTypes": {"InterfaceType": "Any"},
    "Interfaces": {"InterfaceAlias": "Any"},
    "Security": {
        "Authentication": "NotRequired",
        "Encryption": "NotRequired",
        "OverrideBlockRules": "False",
        "LocalUser": "Any",
        "RemoteUser": "Any",
        "RemoteMachine": "Any",
    },
}
PROFILE = {"Enabled": "True", "DefaultInboundAction": "NotConfigured", "DefaultOutboundAction": "NotConfigured"} | {
    "AllowInboundRules": "NotConfigured",
    "AllowLocalFirewallRules": "NotConfigured",
}


def flat(**changes: Any) -> dict[str, Any]:
    """A rule and all that belongs to it in one object."""
    found: dict[str, Any] = dict(RULE)
    for part in PARTS.values():
        found.update(part)
    return {**found, **changes}


def joined(*found: dict[str, Any], profiles: dict[str, dict[str, str]] | None = None, **more: Any) -> dict[str, Any]:
    """What the command writes: each of `found` taken apart again."""
    data: dict[str, Any] = {"Format": "portproof/windows/1", "Store": "ActiveStore"}
    data["Rules"] = [{key: each[key] for key in RULE} for each in found]
    for kind, part in PARTS.items():
        data[kind] = [{"InstanceID": each["InstanceID"], **{key: each[key] for key in part}} for each in found]
    named = profiles or {}
    data["Profiles"] = [{"Name": name, **PROFILE, **named.get(name, {})} for name in ("Domain", "Private", "Public")]
    data["Networks"] = [{"NetworkCategory": "Private"}]
    return {**data, **more}


def written(value: object) -> str:
    return json.dumps(value, indent=2)


def export(*found: dict[str, Any], **more: Any) -> str:
    return written(joined(*found, **more))


def rule(**changes: Any) -> WindowsRule:
    (found,) = rules(export(flat(**changes)))
    return found


def understood(**changes: Any) -> WindowsRule:
    found = rule(**changes)
    assert found.why == ""
    return found


def test_the_rules_decide() -> None:
    assert verdicts(host(export(flat())), 80, 81) == ["accept", "drop"]
    assert verdicts(host(export(flat(), flat(InstanceID="b", Action="Block"))), 80) == ["drop"]
    assert counts(export(flat()))["unsupported"] == 0
    found = store(export(flat()))
    assert len(found.covers) == 4
    assert found.rules is not None
    assert found.rules.hides == ()


def test_a_rule_is_the_same_as_in_a_dump_of_netsh() -> None:
    data = read(dump(verbose("web", LocalPort="80,443", RemoteIP="10.0.0.0/8,LocalSubnet", Program="a.exe")))[1].data
    assert isinstance(data, WindowsRules)
    mine = understood(LocalPort="80,443", RemoteAddress="10.0.0.0/255.0.0.0,LocalSubnet", Program="a.exe")
    assert mine.canonical == data.rules[0].canonical
    assert (mine.edge, mine.limits) == (data.rules[0].edge, data.rules[0].limits)


def test_numbers_of_windows_powershell_are_read() -> None:
    numbers = {"Enabled": 1, "Direction": 2, "Action": 4, "EdgeTraversalPolicy": 0, "PolicyStoreSourceType": 2}
    found = understood(**numbers, Profile=3, LocalPort="Any", RemotePort=["21", "22"], PrimaryStatus=1)
    assert (found.enabled, found.inbound, found.action, found.store) == (True, False, "block", "gpo")
    assert (found.profiles, found.remote_port) == (("domain", "private"), "21,22")
    assert [understood(Enabled=number).enabled for number in (1, 2)] == [True, False]
    assert understood(Profile=0).profiles == ("domain", "private", "public")
    wrapped = {"value": ["80", "81"], "Count": 2}
    assert understood(LocalPort=wrapped).local_port == "80,81"


def test_what_narrows_a_rule_is_a_condition() -> None:
    found = understood(
        Program="a", Service="b", InterfaceType="Wired, Wireless", InterfaceAlias="Ethernet", RemoteMachine="c"
    )
    kinds = {limit.kind: limit.value for limit in found.limits}
    assert kinds["interface-type"] == "LAN,Wireless"
    assert len(kinds) == 5
    more = understood(RemoteUser="d", LocalUser="e", Package="f", Owner="g", DynamicTarget="WifiDirectDisplay")
    assert len(more.limits) == 5
    assert understood(LocalOnlyMapping="True").limits
    assert understood(PolicyAppId="x").limits


@pytest.mark.parametrize(
    ("authentication", "encryption", "word"),
    [
        ("Required", "NotRequired", "Authenticate"),
        ("Required", "Required", "AuthEnc"),
        ("NoEncap", "NotRequired", "AuthNoEncap"),
        ("Required", "Dynamic", "AuthDynEnc"),
        ("2", "0", "2"),
    ],
)
def test_ipsec(authentication: str, encryption: str, word: str) -> None:
    found = understood(Authentication=authentication, Encryption=encryption)
    assert found.limits == (Limit("security", word),)


def test_rules_that_override_block_rules_are_bypass() -> None:
    assert understood(OverrideBlockRules="True", Authentication="Required").action == "bypass"
    assert rule(OverrideBlockRules="True", Action="Block").why


def test_icmp() -> None:
    assert understood(Protocol="ICMPv4", LocalPort="RPC", IcmpType="8").icmp == (IcmpRow(8, None),)
    both = understood(Protocol="ICMPv6", LocalPort="Any", IcmpType=["3:4", "128"])
    assert both.icmp == (IcmpRow(3, 4), IcmpRow(128, None))
    assert rule(Protocol="ICMPv4", LocalPort="80").why


@pytest.mark.parametrize(
    "changes",
    [
        {"Enabled": "Perhaps"},
        {"Enabled": "0"},
        {"Direction": "Up"},
        {"Action": "NotConfigured"},
        {"Action": ""},
        {"Profile": "Home"},
        {"Profile": "NotApplicable"},
        {"Profile": ""},
        {"Protocol": ""},
        {"Protocol": "²"},
        {"Protocol": "Any"},
        {"LocalPort": ""},
        {"RemoteAddress": ""},
        {"EdgeTraversalPolicy": "9"},
        {"PolicyStoreSourceType": "Moon"},
        {"PrimaryStatus": "Error"},
        {"RemoteDynamicKeywordAddresses": "{id}"},
        {"OverrideBlockRules": "?"},
        {"LocalPort": {"a": 1}, "Protocol": {"a": 1}},
        {"Protocol": "ICMPv4", "LocalPort": "RPC", "IcmpType": "999"},
    ],
)
def test_what_is_not_understood_decides_nothing(changes: dict[str, Any]) -> None:
    assert rule(**changes).why
    text = export(flat(**changes))
    assert counts(text)["unsupported"] > 0
    assert verdict(host(text), 80) == "unknown"


def test_a_property_that_is_not_known_may_mean_anything() -> None:
    data = joined(flat())
    data["Rules"][0]["Moon"] = "full"
    assert "'moon' is not known" in rules(written(data))[0].why


def test_profiles_and_networks() -> None:
    changed = {"Domain": {"Enabled": "False"}, "Private": {"AllowInboundRules": "False"}} | {
        "Public": {"DefaultInboundAction": "Allow", "DefaultOutboundAction": "4", "AllowLocalFirewallRules": "False"}
    }
    (found,) = store(export(flat(), profiles=changed)).profiles
    assert [state.says for state in found.profiles] == [
        (False, None, None, None),
        (True, "block-always", None, None),
        (True, "allow", "block", False),
    ]
    assert (found.store, found.current) == ("effective", ("private",))
    assert store(export(flat(), Networks=[])).profiles[0].current == ()


def test_filters_belong_to_the_rule_of_their_id() -> None:
    data = joined(flat(), flat(InstanceID="b", LocalPort="81"))
    data["Ports"].reverse()
    assert verdicts(host(written(data)), 80, 81, 82) == ["accept", "accept", "drop"]
    del data["Ports"][0]
    assert "its Ports are missing" in rules(written(data))[1].why


def test_rules_of_one_id_need_the_same_filters() -> None:
    twice = flat(Action="Block", PolicyStoreSourceType="GroupPolicy")
    assert [found.why for found in rules(export(flat(), twice))] == ["", ""]
    apart = rules(export(flat(), {**twice, "LocalPort": "81"}))
    assert all("its Ports differ between rules of one id" in found.why for found in apart)


@pytest.mark.parametrize("key", [*PARTS, "Format", "Store", "Profiles"])
def test_a_file_of_a_changed_command_is_refused(key: str) -> None:
    data = joined(flat())
    del data[key]
    assert "run the PowerShell command of docs/exporting-from-windows.md" in refusal(written(data))


def test_rules_without_their_filters_are_refused() -> None:
    message = refusal(written([RULE]))
    assert "Get-NetFirewallRule alone shows no ports and addresses; run the PowerShell command" in message
    assert refusal(written(RULE)) == message.replace("dump:2:", "dump:1:")


def test_a_file_without_rules_is_refused() -> None:
    assert "there is no rule in it: the command failed" in refusal(export())
    assert "there is no rule in it" in refusal(table(flat()).split("\n")[0] + "\n")


def test_flat_rules_of_one_direction_say_nothing_of_the_other() -> None:
    assert store(written([flat()])).covers == ("local-in",)
    assert verdict(host(written([flat()])), 80, hook="output") == "unknown"


def test_flat_json() -> None:
    text = written([flat(), flat(LocalPort=[81, 82])])
    assert verdicts(host(text), 80, 82, 83) == ["accept", "accept", "drop"]
    few = {key: value for key, value in flat().items() if key not in ("Program", "LocalUser")}
    found = store(written([few])).rules
    assert found is not None
    assert found.hides == ("program", "user")


def table(*found: dict[str, Any], delimiter: str = ",") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(found[0]), delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(delimiter: str) -> None:
    text = table(flat(), flat(LocalPort="81;82", DisplayName="two\nlines"), delimiter=delimiter)
    assert verdicts(host(text), 80, 82, 83) == ["accept", "accept", "drop"]
    assert counts(text) == {"total": 4, "modelled": 3, "ignored": 1, "conditional": 0, "unsupported": 0}
    assert verdicts(host("#TYPE Selected.CimInstance\n" + text), 80) == ["accept"]
    assert "the CSV is cut" in refusal(text + delimiter.join(["a", "b"]))
    assert "cut" in refusal(text[:-3])


def test_a_csv_without_ports_is_refused() -> None:
    assert "shows no ports and addresses" in refusal(table(RULE))


@pytest.mark.parametrize("form", ["utf-16", "utf-8-sig"])
def test_encodings(form: str) -> None:
    assert verdicts(host(export(flat(DisplayName="Büro")).replace("\n", "\r\n").encode(form)), 80) == ["accept"]


def test_the_command_of_the_documentation_asks_for_what_is_read() -> None:
    (command,) = re.findall(r"```powershell\n(.*ActiveStore.*)\n```", DOCS.read_text(encoding="utf-8"))
    asked = {kind: words.split() for kind, words in re.findall(r"(\w+) = @\(Get-\S+ (?:@s )?\| t '([^']*)'\)", command)}
    assert asked.pop("Rules") == list(RULE)
    assert asked.pop("Profiles") == ["Name", *PROFILE]
    assert asked.pop("Networks") == ["NetworkCategory"]
    assert asked == {kind: ["InstanceID", *part] for kind, part in PARTS.items()}


ANY = st.recursive(
    st.sampled_from([None, True, 0, 1, 2, 65536, "", "Any", "²", "Inbound", "web", "1-", "10.0.0.0/8"]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["value", "Count"]), inner)),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from(sorted(flat())), ANY, max_size=6),
    st.sampled_from(["Rules", "Ports", "Profiles"]),
    ANY,
)
def test_any_values(changes: dict[str, Any], key: str, value: Any) -> None:
    for data in (joined(flat(**changes)), joined(flat(), **{key: value}), [flat(**changes)], [flat(), value]):
        try:
            dialect, _, ledger = read(written(data))
        except UserError as error:
            is_one_line(error)
            continue
        found = ledger.counts()
        assert found.pop("total") == sum(found.values())
        assert dialect.NAME == "netfirewallrule"
