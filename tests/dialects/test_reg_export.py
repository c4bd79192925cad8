"""`.reg` files and the output of `reg query`: the firewall's keys, alone and beside a proxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects.exports import asked, counts, read, refusal, verdict
from tests.dialects.test_hostile import is_one_line
from tests.dialects.windows import ALLOW_80, BLOCK_80, host, rules, store, verdicts
from validator.errors import UserError

HEAD = "Windows Registry Editor Version 5.00\n\n"
POLICY = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy"
GROUP = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"
PROXY = "[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings]\n"


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def key(name: str, **values: str) -> str:
    return f"[{name}]\n" + "".join(f'"{each}"={data}\n' for each, data in values.items()) + "\n"


def exported(*texts: str, below: str = POLICY) -> str:
    return HEAD + key(f"{below}\\FirewallRules", **{f"rule{n}": quoted(text) for n, text in enumerate(texts)})


def test_the_rules_of_a_reg_file_decide() -> None:
    assert verdicts(host(exported(ALLOW_80)), 80, 81) == ["accept", "drop"]
    assert verdicts(host(exported(ALLOW_80, BLOCK_80)), 80) == ["drop"]
    assert counts(exported(ALLOW_80)) == {
        "total": 5,
        "modelled": 1,
        "ignored": 4,
        "conditional": 0,
        "unsupported": 0,
    }


@pytest.mark.parametrize("form", ["utf-16", "utf-8", "utf-8-sig", "cp1252"])
def test_encodings_and_line_ends(form: str) -> None:
    text = exported(ALLOW_80.replace("web", "Büro")).replace("\n", "\r\n")
    assert [rule.name for rule in rules(text.encode(form))] == ["Büro"]


def test_backslashes_quotes_and_line_ends_in_a_text() -> None:
    text = ALLOW_80.replace("Name=web", 'App=C:\\a "b".exe|Name=two\nlines')
    (rule,) = rules(exported(text))
    assert [limit.value for limit in rule.limits] == ['C:\\a "b".exe']
    assert rule.name == "two\nlines"
    assert counts(exported(text))["unsupported"] == 0


def test_bytes_in_hexadecimal_over_several_lines() -> None:
    data = (BLOCK_80 + "\0").encode("utf-16-le")
    parts = [f"{byte:02x}" for byte in data]
    text = ",\\\n  ".join(",".join(parts[at : at + 25]) for at in range(0, len(parts), 25))
    found = HEAD + key(f"{POLICY}\\FirewallRules", rule=f"hex(1):{text}")
    assert [(rule.name, rule.why) for rule in rules(found)] == [("stop", "")]
    assert counts(found)["unsupported"] == 0
    assert rules(found.replace("hex(1)", "hex(7)"))[0].why == "a rule that is no text"


def test_profiles() -> None:
    text = exported(ALLOW_80) + key(f"{POLICY}\\PublicProfile", EnableFirewall="dword:00000000")
    assert [verdict(host(text), 81, in_interface=name) for name in ("domain", "public")] == ["drop", "accept"]
    wide = key(f"{POLICY}\\StandardProfile", EnableFirewall="hex(4):01,00,00,00")
    assert store(exported() + wide).profiles[0].profiles[0].says == (True, None, None, None)


def test_profiles_alone_are_not_the_rules() -> None:
    text = HEAD + key(f"{POLICY}\\PublicProfile", EnableFirewall="dword:00000001")
    assert store(text).rules is None
    assert "the rules were not exported" in asked(host(text), 80)[0]
    assert "neither rules nor states of profiles" in refusal(HEAD + key(POLICY, PolicyVersion="dword:1"))
    assert rules(HEAD + key(f"{POLICY}\\FirewallRules")) == ()


def test_group_policy_in_the_same_file() -> None:
    text = exported(ALLOW_80) + exported(BLOCK_80, below=GROUP)[len(HEAD) :]
    text += key(f"{GROUP}\\DomainProfile", EnableFirewall="dword:1", AllowLocalPolicyMerge="dword:0")
    assert [rule.store for rule in rules(text)] == ["local", "gpo"]
    assert [(each.store, each.profiles[0].local_rules) for each in store(text).profiles] == [("gpo", False)]
    assert len(store(text).covers) == 4


def test_firewall_and_proxy_in_one_file_are_both_read() -> None:
    proxy = PROXY + '"ProxyEnable"=dword:00000001\n"ProxyServer"="p:8080"\n\n'
    for text in (exported(ALLOW_80) + proxy, HEAD + proxy + exported(ALLOW_80)[len(HEAD) :]):
        dialect, _, ledger = read(text)
        assert dialect.NAME == "reg-export"
        assert ledger.unsupported() == []
        found = host(text)
        assert found.proxy is not None
        assert found.proxy.server == "p:8080"
        assert verdicts(found, 80, 81) == ["accept", "drop"]


def test_the_proxy_alone_is_internet_settings() -> None:
    assert read(HEAD + PROXY + '"ProxyEnable"=dword:1\n')[0].NAME == "internet-settings"


def query(*lines: str, below: str = POLICY) -> str:
    return f"\n{below}\\FirewallRules\n" + "".join(f"    {line}\n" for line in lines) + "\n"


def test_the_output_of_reg_query() -> None:
    text = query(f"{{a b}}    REG_SZ    {ALLOW_80}", f"UDP Query User C:\\x    REG_SZ    {BLOCK_80}")
    assert [rule.name for rule in rules(text)] == ["web", "stop"]
    state = f"{POLICY}\\DomainProfile\n    EnableFirewall    REG_DWORD    0x0\n\n"
    assert verdict(host(text + state), 81, in_interface="domain") == "accept"
    assert counts(text + state)["unsupported"] == 0


def test_a_key_that_reg_query_only_names_is_not_exported() -> None:
    text = (
        f"\n{POLICY}\n    PolicyVersion    REG_DWORD    0x221\n\n{POLICY}\\FirewallRules\n{POLICY}\\DomainProfile\n\n"
    )
    assert "(reg query: with /s)" in refusal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (exported(ALLOW_80)[:-1], "does not end with an empty line: it is cut"),
        (exported(ALLOW_80)[:-20], "it is cut"),
        (exported(ALLOW_80).replace('|"\n\n', "\n\n"), "does not end: it is cut"),
        (HEAD + f"[-{POLICY}\\FirewallRules]\n\n", "deletes keys or values: it is a script"),
        (HEAD + key(f"{POLICY}\\FirewallRules", a="-"), "deletes keys or values"),
        (exported(ALLOW_80) + exported(BLOCK_80)[len(HEAD) :], "stands twice"),
        (exported(ALLOW_80) + exported(below=POLICY.replace("CurrentControlSet", "ControlSet001")), "two control sets"),
        (HEAD + key(f"{POLICY}\\PublicProfile", EnableFirewall="dword:5"), "means nothing"),
    ],
)
def test_what_is_cut_or_a_script_is_refused(text: str, message: str) -> None:
    assert message in refusal(text)


def test_values_that_go_on_for_long_take_no_long_time() -> None:
    assert "does not end" in refusal(exported(ALLOW_80) + '"a"="\n' + "x\n" * 50_000 + "\n")
    assert "does not end" in refusal(exported(ALLOW_80) + '"a"=hex:\\\n' + "  00,\\\n" * 50_000 + "\n")
    spaced = exported(ALLOW_80) + '"a"=hex(1):' + "00  " * 5_000 + "x\n\n"
    assert rules(spaced)[1].why == "a rule that is no text"


def test_a_line_that_is_no_value_is_not_understood() -> None:
    assert counts(exported(ALLOW_80).replace('"rule0"', "rule0", 1))["unsupported"] == 1


LINES = st.sampled_from(
    [
        HEAD,
        f"[{POLICY}\\FirewallRules]",
        f"[{POLICY}\\PublicProfile]",
        f'"a"={quoted(ALLOW_80)}',
        '"a"="',
        '"b"=hex:00,\\',
    ]
    + ['"EnableFirewall"=dword:²', '"EnableFirewall"=dword:0', "[-", "[]", "@=-", "", "    a    REG_SZ    b", "HKEY_X"]
    + ['"c"=hex(1):00', "  00", ";", '"', '"d"=hex(1):' + "00," * 99]
)


@given(st.lists(LINES, max_size=20))
def test_lines_in_any_order(lines: list[str]) -> None:
    try:
        _, _, ledger = read("\n".join([exported(ALLOW_80), *lines, "", ""]))
    except UserError as error:
        is_one_line(error)
        return
    found = ledger.counts()
    assert found.pop("total") == sum(found.values())
