"""What adds to a Linux host's rules finds the host: sets, addresses, settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects.exports import asked, verdict
from tests.dialects.test_ip_addr import LO, UP
from tests.dialects.test_iptables_save import dump
from validator import policy_file
from validator.check import CheckOptions, check
from validator.hosts import Loaded, firewalls, load
from validator.packets.fields import Family

SETS = "create partners hash:net\nadd partners 198.51.100.0/24\n"
ADDRESSES = LO + UP + "    inet 10.1.0.5/24 brd 10.1.0.255 scope global eth0\n"
SETTINGS = "net.ipv4.ip_forward = 0\n"
RULES = dump(
    "-A INPUT -m set --match-set partners src -j ACCEPT",
    "-A INPUT -m addrtype --src-type LOCAL -j ACCEPT",
    "-A INPUT -j DROP",
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def given(*arguments: str, **files: str) -> Loaded:
    """Load `arguments` (all files, if none) after writing `files`; a_txt is a.txt."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    for name, text in named.items():
        Path(name).write_text(text)
    return load(arguments or list(named))


def hosts(loaded: Loaded) -> list[tuple[str, str, str]]:
    assert not loaded.errors
    return [(export.source.path, export.dialect.NAME, export.host) for export in loaded.exports]


def test_they_join_the_one_linux_host() -> None:
    loaded = given(gw_rules=RULES, all_ipset=SETS, some_addr=ADDRESSES, gw_sysctl=SETTINGS, more_txt="10.0.0.1\n")
    assert hosts(loaded) == [
        ("gw.rules", "iptables-save", "gw"),
        ("all.ipset", "ipset-save", "gw"),
        ("some.addr", "ip-addr", "gw"),
        ("gw.sysctl", "sysctl", "gw"),
        ("more.txt", "address-list", "gw"),
    ]


def test_an_argument_says_whose_they_are() -> None:
    arguments = ("a=a.rules,b.ipset,c.addr", "d.rules")
    loaded = given(*arguments, a_rules=RULES, b_ipset=SETS, c_addr=ADDRESSES, d_rules=RULES)
    assert [host for _, _, host in hosts(loaded)] == ["a", "a", "a", "d"]


def test_with_two_linux_hosts_they_stand_for_themselves() -> None:
    loaded = given(a_rules=RULES, b_rules=RULES, c_ipset=SETS)
    assert [host for _, _, host in hosts(loaded)] == ["a", "b", "c"]


def test_the_rules_of_a_host_ask_its_sets_and_addresses() -> None:
    (wall,) = firewalls(given(gw_rules=RULES, all_ipset=SETS, some_addr=ADDRESSES), (Family.IPV4,))
    assert verdict(wall, 80, source="198.51.100.9") == "accept"
    assert verdict(wall, 80, source="10.1.0.5") == "accept"
    assert verdict(wall, 80, source="203.0.113.9") == "drop"


def test_a_list_is_the_set_of_its_name() -> None:
    (wall,) = firewalls(given(gw_rules=RULES, partners_txt="203.0.113.0/24\n", some_addr=ADDRESSES), (Family.IPV4,))
    assert verdict(wall, 80, source="203.0.113.9") == "accept"
    assert verdict(wall, 80, source="198.51.100.9") == "drop"


def test_a_set_that_nobody_exported_is_named() -> None:
    (wall,) = firewalls(given(gw_rules=RULES), (Family.IPV4,))
    (text,) = asked(wall, 80, source="203.0.113.9")
    assert "set partners" in text
    assert "run `ipset save`" in text


def test_a_set_of_the_other_family_holds_no_packet() -> None:
    rules = dump("-A INPUT -m set --match-set partners src -j ACCEPT", "-A INPUT -j DROP")
    six = SETS.replace("hash:net", "hash:net family inet6").replace("198.51.100.0/24", "2001:db8::/32")
    (wall,) = firewalls(given(gw_rules=rules, all_ipset=six), (Family.IPV4,))
    assert verdict(wall, 80, source="198.51.100.9") == "drop"


def test_packets_come_in_by_the_interfaces_that_there_are() -> None:
    """Without `ip addr` there may be others."""
    rules = dump("-A INPUT -i eth0 -p tcp -m tcp --dport 9340 -j ACCEPT", "-A INPUT -j DROP")
    alias = rules.replace("-i eth0", "-i eth0:1")

    def verdicts(**files: str) -> list[str]:
        checked = check(given(**files), policy_file.load("ol-connect"), None, CheckOptions())
        return [each.verdict for each in checked.report.results if each.ports == ((9340, 9340),) and not each.local]

    assert verdicts(gw_rules=rules, some_addr=ADDRESSES) == ["open"]
    assert verdicts(gw_rules=rules) == ["partial"]
    assert verdicts(gw_rules=alias, some_addr=ADDRESSES) == ["blocked"]
