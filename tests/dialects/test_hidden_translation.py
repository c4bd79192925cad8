"""A line of a nat chain that is not understood may translate too: what it could send on is not proved blocked."""

from __future__ import annotations

from pathlib import Path

import pytest

from validator import policy_file
from validator.check import CheckOptions, check
from validator.hosts import load

FILTER = """\
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
"""


def nat(*rules: str) -> str:
    chains = (":PREROUTING ACCEPT [0:0]", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", ":POSTROUTING ACCEPT [0:0]")
    return "\n".join(["*nat", *chains, *rules, "COMMIT", ""]) + FILTER


def nft(rule: str) -> str:
    known = "ct state established accept"
    return (
        "table ip nat {\n\tchain PREROUTING {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
        f"\t\t{rule}\n\t}}\n}}\n"
        "table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n"
        f"\t\t{known}\n\t}}\n}}\n"
    )


def verdict(folder: Path, text: str) -> str:
    """The verdict on LPD, tcp 515, of the host with this export."""
    (folder / "host.txt").write_text(text)
    loaded = load([str(folder / "host.txt")])
    assert not loaded.errors
    results = check(loaded, policy_file.load("ol-connect"), None, CheckOptions()).report.results
    return next(each.verdict.value for each in results if each.module == "lpd" and not each.local)


@pytest.mark.parametrize(
    "rule",
    [
        "-A PREROUTING -p tcp -m tcp --dport 515 -j TARGET_OF_TOMORROW --to-destination 172.17.0.2",
        "-A PREROUTING -p tcp -m tcp --dport 515 -m tomorrow --what -j DNAT --to-destination 172.17.0.2",
        "-A PREROUTING -p tcp -m tcp --dport 515 -j DNAT --to-somewhere 172.17.0.2",
        "-A PREROUTING -p tcp -m tcp --dport 515 -j missing-chain",
        "-A PREROUTING -p tcp -m tcp --dport 515 -g missing-chain",
    ],
)
def test_a_line_of_iptables_that_is_not_understood_may_translate(tmp_path: Path, rule: str) -> None:
    assert verdict(tmp_path, nat()) == "blocked"
    assert verdict(tmp_path, nat(rule)) == "unknown"
    assert verdict(tmp_path, nat(rule.replace("--dport 515", "--dport 516"))) == "blocked"


def test_a_target_that_nft_hides_may_translate(tmp_path: Path) -> None:
    assert verdict(tmp_path, nft("tcp dport 516 accept")) == "blocked"
    assert verdict(tmp_path, nft('tcp dport 515 xt target "DNAT"')) == "unknown"
    assert verdict(tmp_path, nft('tcp dport 516 xt target "DNAT"')) == "blocked"


def test_where_the_source_of_requests_is_translated_replies_may_leave_by_another_interface(tmp_path: Path) -> None:
    opened = FILTER.replace("-A INPUT", "-A INPUT -p tcp -m tcp --dport 515 -j ACCEPT\n-A INPUT", 1)
    closing = opened.replace("COMMIT", "-A OUTPUT -o eth7 -j DROP\nCOMMIT")
    translation = "-A INPUT -p tcp -m tcp --dport 515 -j SNAT --to-source 10.1.0.9"
    assert verdict(tmp_path, nat(translation).replace(FILTER, opened)) == "open"
    assert verdict(tmp_path, nat(translation).replace(FILTER, closing)) == "unknown"
    assert verdict(tmp_path, nat(translation).replace(FILTER, closing.replace("eth7", "+"))) == "blocked"
    hidden = translation.replace("SNAT --to-source 10.1.0.9", "NOSUCH")
    assert verdict(tmp_path, nat(hidden).replace(FILTER, closing)) == "unknown"


def test_ports_that_nft_prints_without_their_ranges_are_not_understood(tmp_path: Path) -> None:
    """nft 1.0.6 lists `multiport --ports 1:600` of iptables-nft as the ports 1 and 600."""
    pairs = "{ 0-65535 . 1, 1 . 0-65535, 0-65535 . 600, 600 . 0-65535 }"
    rule = f"meta l4proto tcp tcp sport . tcp dport {pairs} counter packets 0 bytes 0 accept"
    text = nft("tcp dport 516 accept").replace(
        "ct state established accept", f"ct state established accept\n\t\t{rule}"
    )
    assert verdict(tmp_path, text) == "unknown"
