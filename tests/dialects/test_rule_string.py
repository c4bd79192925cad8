"""Rules as the registry holds them: each field read as netsh shows it, and nothing guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.dialects.exports import read
from tests.dialects.test_netsh_rules import dump, types, verbose
from validator.dialects._rule_string import is_rule, parse_rule
from validator.dialects._windows_rules import PROFILES, IcmpRow, Limit, WindowsRule, WindowsRules

BASE = {"Action": "Allow", "Active": "TRUE", "Dir": "In"}


def text(*more: str, **changes: str | None) -> str:
    """A rule string: BASE with changes (None leaves a field out), then further fields."""
    fields = [f"{key}={value}" for key, value in {**BASE, **changes}.items() if value is not None]
    return "|".join(["v2.30", *fields, *more, ""])


def rule(*more: str, store: str = "local", **changes: str | None) -> WindowsRule:
    found = parse_rule(text(*more, **changes), "x", 1, "{id}", store)
    assert found is not None
    return found


def understood(*more: str, store: str = "local", **changes: str | None) -> WindowsRule:
    found = rule(*more, store=store, **changes)
    assert found.why == ""
    return found


def test_without_more_a_rule_is_for_everything() -> None:
    found = understood()
    assert (found.profiles, found.protocol, found.local_port, found.remote_ip) == (PROFILES, "any", "any", "any")
    assert (found.enabled, found.inbound, found.action, found.limits) == (True, True, "allow", ())


def test_fields_that_repeat_are_alternatives() -> None:
    found = understood(
        "Protocol=6", "LPort=80", "LPort2_10=8000-8010", "LPort=443", "Profile=Private", "Profile=Domain"
    )
    assert found.local_port == "80,443,8000-8010"
    assert found.profiles == ("domain", "private")
    assert understood("Protocol=17", "RPort=53", "RPort2_10=1-9").remote_port == "53,1-9"
    assert understood("RA4=10.0.0.1", "RA4=10.1.0.0-10.1.0.9", "RA4=10.2.0.0/255.255.0.0").remote_ip == (
        "10.0.0.1/32,10.1.0.0-10.1.0.9,10.2.0.0/16"
    )


def test_what_real_registries_write_is_read() -> None:
    found = understood("rport=3268,389", "app=x.exe", "Protocol=tcp", Dir="out")
    assert (found.protocol, found.remote_port, found.inbound) == ("TCP", "3268,389", False)
    assert found.limits == (Limit("program", "x.exe"),)
    assert understood("LPORT=68", "Protocol=17").local_port == "68"
    assert parse_rule("V4.0|Action=Block|Dir=In|Svc=a|Name=b|", "x", 1, "", "static") is not None
    assert understood("Desc=").limits == ()


@pytest.mark.parametrize(
    ("fields", "ports"),
    [
        (["LPort=RPC", "LPort=RPC-EPMap"], "RPC,RPC-EPMap"),
        (["LPort2_10=IPTLSIn", "LPort2_10=IPHTTPSIn"], "IPHTTPS"),
        (["LPort2_10=IPHTTPSIn"], "IPHTTPSIn"),
        (["LPort=Teredo", "LPort2_20=Ply2Disc", "LPort2_24=mDNS"], "Teredo,Ply2Disc,mDNS"),
    ],
)
def test_words_for_ports(fields: list[str], ports: str) -> None:
    assert understood("Protocol=6", *fields).local_port == ports


@pytest.mark.parametrize(
    ("fields", "addresses"),
    [
        (["RA4=LocalSubnet", "RA6=LocalSubnet"], "LocalSubnet"),
        (["RA4=LocalSubnet"], "LocalSubnet4"),
        (["RA6=LocalSubnet", "RA4=10.0.0.1"], "LocalSubnet6,10.0.0.1/32"),
        (["RA42=IntErnet", "RA62=IntErnet"], "Internet"),
        (["RA6=LocalSubnet", "RA6=fe80::/64", "RA6=ff02::1", "Protocol=58"], "LocalSubnet,fe80::/64,ff02::1-ff02::1"),
    ],
)
def test_words_for_addresses_say_of_which_family_they_are(fields: list[str], addresses: str) -> None:
    assert understood(*fields).remote_ip == addresses


def test_icmp_types() -> None:
    assert understood("Protocol=1", "ICMP4=8:*", "ICMP4=3:4").icmp == (IcmpRow(8, None), IcmpRow(3, 4))
    assert understood("Protocol=58").icmp == (IcmpRow(None, None),)


def test_limits_of_every_kind() -> None:
    fields = ["App=a", "Svc=b", "IFType=Lan", "IFType=RemoteAccess", "IF={1}", "RMauth=c", "RUAuth=d", "LUAuth=e"]
    fields += ["AppPkgId=f", "PFN=g", "LUOwn=h", "Security=AuthenticateEncrypt", "Platform=2:6:2", "Platform2=GTEQ"]
    kinds = {limit.kind: limit.value for limit in understood(*fields, "TTK=ProxSharing", "LOM=TRUE").limits}
    assert kinds["interface-type"] == "LAN,RAS"
    assert kinds["security"] == "AuthEnc"
    assert kinds["platform"] == "2:6:2 GTEQ"
    assert len(kinds) == 12
    assert kinds["other"].startswith("the connection")
    assert understood("LOM=FALSE", "LSM=FALSE").limits == ()


def test_bypass_needs_ipsec() -> None:
    assert understood(Action="ByPass").limits == (Limit("security", "bypass"),)
    found = understood("AuthByPassOut=TRUE", "Security=Authenticate", Dir="Out")
    assert (found.action, found.limits) == ("bypass", (Limit("security", "Authenticate"),))
    assert "AuthByPassOut" in rule("AuthByPassOut=TRUE").why


def test_edge_traversal() -> None:
    assert understood("Edge=TRUE").edge == "yes"
    assert [understood(f"Defer={word}").edge for word in ("App", "User")] == ["defer-app", "defer-user"]


def test_a_rule_that_does_not_say_it_is_active_is_off_but_for_built_in_ones() -> None:
    assert not understood(Active=None).enabled
    assert not understood(Active="FALSE").enabled
    assert understood("Svc=a", Active=None, store="static").enabled
    assert "for no service" in rule(Active=None, store="static").why


def test_connection_security_rules_are_none() -> None:
    assert parse_rule(text(Action="Boundary"), "x", 1, "") is None


def test_a_field_that_is_not_known_is_a_condition_and_never_nothing() -> None:
    (limit,) = understood("Moon=full").limits
    assert limit.sentence == "what moon says holds (full)"


@pytest.mark.parametrize(
    "broken",
    [
        text(Dir=None),
        text(Dir="Up"),
        text(Action=None),
        text(Action="Maybe"),
        text(Active="perhaps"),
        text("Action=Block"),
        text("Protocol=6", "Protocol=17"),
        text("Protocol=300"),
        text("Protocol=²"),
        text("LPort=80"),
        text("Protocol=6", "LPort=80-"),
        text("Protocol=6", "LPort=90-80"),
        text("Protocol=6", "LPort=70000"),
        text("Protocol=6", "LPort=80,"),
        text("Protocol=6", "LPort3_0=80"),
        text("Protocol=6", "LPort=Everything"),
        text("RA4=::1"),
        text("RA6=10.0.0.1"),
        text("RA4=10.0.0.0/0.0.0.255"),
        text("RA4=10.0.0.9-10.0.0.1"),
        text("RA4=Neighbours"),
        text("RA99=10.0.0.0/8"),
        text("Profile=Home"),
        text("ICMP4=8:*"),
        text("Protocol=1", "ICMP4=300:*"),
        text("Protocol=58", "ICMP4=8:*"),
        text("Edge=perhaps"),
        text("Defer=Never"),
        text("nonsense"),
        text("LPort="),
        text("ActionMore=Block"),
        text()[:-1],
        "x" + text(),
    ],
)
def test_what_is_not_understood_makes_a_rule_of_which_nothing_is_known(broken: str) -> None:
    found = parse_rule(broken, "x", 1, "")
    assert found is not None
    assert found.why


def test_a_name_in_a_library_is_replaced_by_the_one_of_the_registry() -> None:
    def name(text_of_it: str, identity: str) -> str:
        found = parse_rule(text(f"Name={text_of_it}"), "x", 1, identity)
        return found.name if found else ""

    assert name("@FirewallAPI.dll,-28502", "RemoteDesktop-In-TCP") == "RemoteDesktop-In-TCP"
    assert name("@FirewallAPI.dll,-28502", "{GUID}") == "@FirewallAPI.dll,-28502"
    assert name("web", "id") == "web"


def apart(found: WindowsRule) -> WindowsRule:
    return replace(found, path="", line=0)


PAIRS = [
    (["Protocol=6", "LPort=80"], {}),
    (["Protocol=6", "LPort=80", "App=C:\\a.exe", "Svc=b"], {"Program": "C:\\a.exe", "Service": "b"}),
    (["Protocol=17", "LPort=554", "LPort2_10=8554-8558"], {"Protocol": "UDP", "LocalPort": "554,8554-8558"}),
    (
        ["Protocol=6", "LPort=RPC", "RA4=LocalSubnet", "RA6=LocalSubnet"],
        {"LocalPort": "RPC", "RemoteIP": "LocalSubnet"},
    ),
    (["Protocol=6", "LPort=80", "RA4=10.0.0.0/8", "RA4=10.0.0.1"], {"RemoteIP": "10.0.0.0/8,10.0.0.1/32"}),
    (["Protocol=6", "LPort=80", "Profile=Domain"], {"Profiles": "Domain"}),
    (["Protocol=6", "LPort=80", "Edge=TRUE"], {"Edge traversal": "Yes"}),
    (["Protocol=6", "LPort=80", "Defer=User"], {"Edge traversal": "Defer to user"}),
    (["Protocol=6", "LPort=80", "IFType=Wireless"], {"InterfaceTypes": "Wireless"}),
    (["Protocol=6", "LPort=80", "Security=Authenticate"], {"Security": "Authenticate"}),
    (["Protocol=1", "ICMP4=8:*"], {"Protocol": "ICMPv4" + types("8       Any"), "LocalPort": None, "RemotePort": None}),
    (["Protocol=47"], {"Protocol": "47", "LocalPort": None, "RemotePort": None}),
]


@pytest.mark.parametrize(("fields", "changes"), PAIRS)
def test_a_rule_is_the_same_in_the_registry_and_in_a_dump_of_netsh(
    fields: list[str], changes: dict[str, str | None]
) -> None:
    data = read(dump(verbose("a rule", **changes)))[1].data
    assert isinstance(data, WindowsRules)
    assert apart(rule(*fields, "Name=a rule")) == apart(data.rules[0])


@given(st.text(max_size=80), st.sampled_from(["local", "gpo", "static"]))
def test_any_text_is_a_rule_or_is_not_understood(words: str, store: str) -> None:
    for each in (words, f"v2.30|{words}|", text(words)):
        found = parse_rule(each, "x", 1, words, store)
        assert found is None or is_rule(each) or found.why


NAMES = st.sampled_from(
    ["Protocol", "LPort", "RA4", "RA62", "ICMP4", "Dir", "Profile", "Edge", "Moon", "Platform", "²"]
)
VALUES = st.sampled_from(
    ["6", "17", "80", "1-2", "2-1", "²", "Any", "LocalSubnet", "10.0.0.0/8", "::1", "8:*", "TRUE", ","]
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_a_rule_is_understood_whole_or_not_at_all(pairs: list[tuple[str, str]]) -> None:
    found = rule(*(f"{name}={value}" for name, value in pairs))
    if not found.why:
        named = {name for name, _ in pairs}
        assert found.local_port != "any" or "LPort" not in named
        assert found.remote_ip != "any" or not named & {"RA4", "RA62"}
        assert found.limits or "Moon" not in named
