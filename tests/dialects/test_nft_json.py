"""The two exports of nftables say the same: what is read of the text and of the JSON of one ruleset is equal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from validator.dialects import nft_json, nft_ruleset
from validator.dialects._linux_host import Host
from validator.dialects._nft_convert import ruleset
from validator.dialects._nft_data import NftRuleset
from validator.engine.interpret import interpret
from validator.engine.packet import packet_from_json
from validator.errors import ExportError
from validator.model import AnyOf, ConditionMatch, Firewall, Hook, Match, NoneOf, Rule
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, from_bytes

ROOT = Path(__file__).parents[2]
FIXTURES, CORPUS = ROOT / "fixtures", ROOT.parent / "shared" / "corpus"
PAIRS = [(path, FIXTURES / "nft_json" / f"{path.stem}.json") for path in sorted(FIXTURES.glob("nft_ruleset/*"))]
CORPUS_PAIRS = [
    (path, path.parents[1] / "nft_json" / f"{path.name}".replace(".nft", ".json-nft"))
    for path in sorted(CORPUS.glob("nft/rcoscali*.nft"))
    if "0034get_element_0" not in path.name and "0055tcpflags_0" not in path.name  # tables without a chain
]


def source(path: Path) -> Source:
    return from_bytes(path.read_bytes(), path.name)


def as_text(path: Path) -> tuple[NftRuleset, Ledger]:
    read = source(path)
    ledger = Ledger(read.lines)
    data = nft_ruleset.parse(read, ledger).data
    assert isinstance(data, NftRuleset)
    return data, ledger


def as_json(read: Source) -> tuple[NftRuleset, Ledger]:
    ledger = Ledger(read.lines)
    data = nft_json.parse(read, ledger).data
    assert isinstance(data, NftRuleset)
    return data, ledger


def plain(match: Match) -> object:
    """A match without what tells the two files apart: places, and the texts of conditions."""
    match match:
        case ConditionMatch(condition, expected):
            text = re.sub(r"\([^()]*(:\d+| rule \d+)\)|\S+:\d+( .* rule \d+)?$", "", condition.key)
            return text, condition.assumption, condition.assumed, condition.per_packet, expected
        case AnyOf(alternatives):
            return [[plain(each) for each in alternative] for alternative in alternatives]
        case NoneOf(inner):
            return "none", [plain(each) for each in inner]
    return match


def meaning(rule: Rule) -> tuple[object, ...]:
    places = r" \w+ \w+:\w+ rule \d+|\S+:\d+|path='[^']*'|line=\d+|text='.*?'"
    assigned = [(target, re.sub(places, "", repr(value))) for target, value in rule.action.assign]
    matches = [plain(each) for each in rule.matches if "sends its port" not in repr(each)]
    return rule.action.verb, rule.action.chain, str(assigned), str(matches), rule.implicit, rule.understood


def agree(text: NftRuleset, other: NftRuleset) -> None:
    for family in Family:
        host = Host("h", family)
        one, two = ruleset(text, host), ruleset(other, host)
        if one is None or two is None:
            assert one is two
            continue
        assert one.bases == two.bases
        assert one.chains.keys() == two.chains.keys()
        for name, chain in one.chains.items():
            again = two.chains[name]
            assert chain.first_packets == again.first_packets
            assert (chain.policy is None) == (again.policy is None)
            assert [meaning(rule) for rule in chain.rules] == [meaning(rule) for rule in again.rules]


@pytest.mark.parametrize(("text", "other"), PAIRS, ids=lambda path: path.name)
def test_our_fixtures_agree(text: Path, other: Path) -> None:
    agree(as_text(text)[0], as_json(source(other))[0])


@pytest.mark.parametrize(("text", "other"), PAIRS, ids=lambda path: path.name)
def test_json_without_line_breaks_means_the_same(text: Path, other: Path) -> None:
    flat = json.dumps(json.loads(other.read_text())).encode()
    agree(as_text(text)[0], as_json(from_bytes(flat, "flat.json"))[0])


@pytest.mark.parametrize(("text", "other"), CORPUS_PAIRS, ids=lambda path: path.name[-40:])
def test_the_corpus_agrees(text: Path, other: Path) -> None:
    agree(as_text(text)[0], as_json(source(other))[0])


def test_in_one_line_each_rule_that_is_not_understood_is_its_own_variable() -> None:
    chain = {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0}
    rule = {"family": "inet", "table": "t", "chain": "c", "expr": [{"queue": {"num": 1}}]}
    entries = [{"table": {"family": "inet", "name": "t"}}, {"chain": chain}, {"rule": rule}, {"rule": rule}]
    data, ledger = as_json(from_bytes(json.dumps({"nftables": entries}).encode(), "flat.json"))
    found = ruleset(data, Host("h", Family.IPV4))
    assert found is not None
    made = found.chains["inet t:c"].rules
    keys = {match.condition.key for rule in made for match in rule.matches if isinstance(match, ConditionMatch)}
    assert len(keys) == 2 * 3
    assert ledger.state(1) is LineState.UNSUPPORTED


def test_a_rule_is_shown_in_the_words_of_nft() -> None:
    data, _ = as_json(source(FIXTURES / "nft_json" / "features.json"))
    texts = [rule.text for rule in data.tables["inet", "filter"].chains["input"].rules]
    assert texts[7] == "tcp dport 9340-9349 ip saddr 10.20.0.0/16 counter accept"
    assert texts[1] == "ct state vmap { invalid : drop, established : accept, related : accept }"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"nftables": 5}', "no list"),
        ('{"nftables": [{"rule": {"family": "ip", "table": "x", "chain": "c"}}]}', "not in the list before"),
        ('{"nftables": [{"frob": {}}]}', "not known"),
        ('{"nftables": [{"table": {"family": "ip", "name": "x"}}', "cut"),
        ('{"nftables": [5]}', "not one object"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(text: str, words: str) -> None:
    with pytest.raises(ExportError, match=words):
        as_json(from_bytes(text.encode(), "x.json"))


def listed(*entries: object) -> NftRuleset:
    """A ruleset of the table inet t and `entries`."""
    text = json.dumps({"nftables": [{"table": {"family": "inet", "name": "t"}}, *entries]})
    return as_json(from_bytes(text.encode(), "x.json"))[0]


def verdict(data: NftRuleset, **packet: object) -> str:
    """What becomes of a packet of IPv4: accept, drop, reject or unknown."""
    found = ruleset(data, Host("h", Family.IPV4))
    assert found is not None
    hooks = {hook: tuple(base.name for base in found.bases if base.hook is hook) for hook in Hook}
    wall = Firewall("h", "nftables", "linux", Family.IPV4, hooks, found.chains, ("x.json",))
    return interpret([wall], packet_from_json({"destination_port": 4000, **packet}, Family.IPV4)).verdict


def chain(name: str = "c", /, **more: object) -> dict[str, object]:
    head = {"family": "inet", "table": "t", "name": name, "type": "filter", "hook": "input", "prio": 0}
    return {"chain": {**head, **more}}


def rule(*statements: object) -> dict[str, object]:
    return {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": list(statements)}}


SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}


@pytest.mark.parametrize("hook", ["ingress", "egress"])
def test_a_chain_of_devices_that_are_left_out_is_a_condition(hook: str) -> None:
    away = {} if hook == "ingress" else {"hook": "output", "in_interface": ""}
    for devices, expected in (({}, "unknown"), ({"dev": "eth0"}, "drop"), ({"dev": ["eth1", "eth2"]}, "accept")):
        data = listed(chain(hook=hook, **devices), rule({"drop": None}))
        side = {"in_interface": "eth0"} if hook == "ingress" else {**away, "out_interface": "eth0"}
        assert verdict(data, **side) == expected


@pytest.mark.parametrize(
    ("flags", "dormant", "expected"),
    [
        ({}, False, "drop"),
        ({"flags": ["dormant"]}, True, None),
        ({"flags": "dormant"}, True, None),
        ({"flags": ["dormant", "owner"]}, True, None),
        ({"flags": ["owner"]}, False, "drop"),
        ({"flags": "t"}, None, "unknown"),
        ({"flags": "Lester Gooch #5"}, None, "unknown"),
        ({"flags": ["frob"]}, None, "unknown"),
    ],
)
def test_a_table_that_may_be_dormant_is_a_condition(
    flags: dict[str, object], dormant: bool | None, expected: str | None
) -> None:
    table = {"table": {"family": "inet", "name": "t", **flags}}
    text = json.dumps({"nftables": [table, chain(), rule({"drop": None})]})
    data = as_json(from_bytes(text.encode(), "x.json"))[0]
    assert data.tables["inet", "t"].dormant is dormant
    if expected:
        assert verdict(data) == expected


@pytest.mark.parametrize(
    "update",
    [
        {"set": {"op": "add", "elem": SADDR, "set": "@s"}},
        {"set": {"op": "delete", "elem": {"elem": {"val": SADDR, "timeout": 5}}, "set": "@s"}},
        {"map": {"op": "update", "elem": SADDR, "data": DPORT, "map": "@s"}},
        "update @s { ip saddr : tcp dport }",
    ],
)
def test_a_set_that_a_rule_changes_is_not_fixed(update: object) -> None:
    some = {"set": {"family": "inet", "table": "t", "name": "s", "type": "ipv4_addr", "elem": ["10.0.0.5"]}}
    asks = rule({"match": {"op": "==", "left": SADDR, "right": "@s"}}, {"drop": None})
    assert verdict(listed(some, chain(), asks, rule({"accept": None})), source="192.0.2.1") == "accept"
    assert verdict(listed(some, chain(), asks, rule(update), rule({"accept": None})), source="192.0.2.1") == "unknown"


def test_a_statement_that_nft_writes_as_text_is_read() -> None:
    known = {"map": {"family": "inet", "table": "t", "name": "m", "type": "ipv4_addr", "map": "inet_service"}}
    data = listed(known, chain(policy="drop"), rule("update @m { ip saddr : tcp dport }", {"accept": None}))
    assert verdict(data) == "accept"
    assert verdict(data, protocol="udp") == "drop"
    assert verdict(listed(chain(), rule("frobnicate", {"accept": None}))) == "unknown"


def test_a_named_limit_may_be_over_a_rate() -> None:
    limits = [
        {"limit": {"family": "inet", "table": "t", "name": "under", "rate": 5, "per": "second"}},
        {"limit": {"family": "inet", "table": "t", "name": "above", "rate": 5, "per": "second", "inv": True}},
    ]
    assert verdict(listed(*limits, chain(), rule({"limit": "under"}, {"drop": None}))) == "drop"
    assert verdict(listed(*limits, chain(), rule({"limit": "above"}, {"drop": None}))) == "accept"
    assert verdict(listed(*limits, chain(), rule({"limit": "gone"}, {"drop": None}))) == "unknown"
