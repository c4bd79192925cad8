"""Listings of nft that leave a part of the ruleset out: refused, or nothing is concluded from what is missing."""

from __future__ import annotations

import json

import pytest

from tests.dialects.exports import asked, counts, refusal, trace, verdict, wall

WITHDRAWN = ("whole-listing",)


def verdicts(text: str, port: int = 80, **packet: object) -> tuple[str, str]:
    """What becomes of a packet, as the listing is taken for the ruleset and as it may be a part of it."""
    whole, part = (wall(text, withdrawn=names) for names in ((), WITHDRAWN))
    return verdict(whole, port, **packet), verdict(part, port, **packet)


def table(*rules: str, head: str = "", name: str = "inet t") -> str:
    """A table with an input chain of `rules` that accepts what is left."""
    body = "".join(f"\t\t{rule}\n" for rule in rules)
    base = "\t\ttype filter hook input priority filter; policy accept;\n"
    return f"table {name} {{\n{head}\tchain in {{\n{base}{body}\t}}\n}}\n"


NOTHING_LISTED = "\tset bad {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t}\n"
ONE_LISTED = "\tset good {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1 }\n\t}\n"
EMPTY_MAP = "\tmap m {\n\t\ttype inet_service : verdict\n\t}\n"
ASKS = "ip saddr @bad tcp dport 80 drop"


def test_a_set_without_elements_is_empty_only_where_another_set_shows_some() -> None:
    terse, whole = table(ASKS, head=NOTHING_LISTED), table(ASKS, head=NOTHING_LISTED + ONE_LISTED)
    assert [verdicts(text) for text in (terse, whole)] == [("accept", "unknown"), ("accept", "accept")]
    assert [verdicts(text, 81) for text in (terse, whole)] == [("accept", "accept")] * 2
    (condition,) = asked(wall(terse, withdrawn=WITHDRAWN), 80)
    assert "is in the set bad of inet t, of which no elements are listed" in condition
    (assumed,) = trace(wall(terse), destination_port=80).conditions
    assert (assumed.assumption, assumed.assumed) == ("whole-listing", False)


def test_a_map_without_elements_may_hold_anything() -> None:
    asks = "tcp dport vmap @m"
    assert verdicts(table(asks, head=EMPTY_MAP)) == ("accept", "unknown")
    assert verdicts(table(asks, head=EMPTY_MAP + ONE_LISTED)) == ("accept", "accept")
    assert verdicts(table("meta mark set tcp dport map @m", "meta mark 1 drop", head=EMPTY_MAP)) == (
        "accept",
        "unknown",
    )
    assert counts(table(asks, head=EMPTY_MAP))["unsupported"] == 0


def test_anonymous_sets_say_nothing_of_named_ones() -> None:
    assert verdicts(table("tcp dport { 81, 82 } accept", ASKS, head=NOTHING_LISTED)) == ("accept", "unknown")


def test_a_verdict_map_of_a_bridge_may_drop_where_no_elements_are_listed() -> None:
    bridge = table("ether type vmap @m", head=EMPTY_MAP, name="bridge b")
    assert verdict(wall(table("accept") + bridge), 80, in_interface="eth0") == "unknown"


BASE = "\tchain {0} {{\n\t\ttype filter hook {0} priority filter; policy {1};\n\t}}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("table inet t {\n" + BASE.format("input", "drop") + BASE.format("output", "accept") + "}\n", 5),
        ("table ip n {\n}\ntable inet t {\n" + BASE.format("input", "drop") + "\tchain other {\n\t}\n}\n", 7),
    ],
)
def test_chains_without_their_rules_are_refused(text: str, line: int) -> None:
    message = refusal(text)
    assert message.startswith(
        f"dump:{line}: these are chains without their rules, as nft list chains prints them; run nft"
    )


def test_a_ruleset_without_rules_is_known_by_its_blank_lines() -> None:
    both = BASE.format("input", "drop") + "\n" + BASE.format("output", "accept")
    assert verdict(wall(f"table inet t {{\n{both}}}\n"), 80) == "drop"
    assert verdict(wall(f"table inet t {{\n{both}}}\n"), 80, hook="output") == "accept"


@pytest.mark.parametrize("policy", ["drop", "accept"])
def test_one_chain_without_rules_may_be_a_list_of_chains(policy: str) -> None:
    text = "table inet t {\n" + BASE.format("input", policy) + "}\n"
    assert verdicts(text) == ("unknown", "unknown")
    more = "table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t}\n\n" + BASE.format("input", policy) + "}\n"
    assert verdicts(more) == (policy, policy)
    assert verdicts(text.replace("t {\n", "t {\n\tflags dormant\n\n")) == ("accept", "accept")


@pytest.mark.parametrize(
    "inside", ["", NOTHING_LISTED, ONE_LISTED, EMPTY_MAP, "\tcounter c {\n\t\tpackets 0 bytes 0\n\t}\n"]
)
def test_what_a_listing_without_chains_leaves_out_is_open(inside: str) -> None:
    text = f"table inet t {{\n{inside}}}\ntable ip n {{\n}}\n"
    assert verdicts(text) == ("unknown", "unknown")
    assert all(
        "no chain is in this listing" in each and "run nft list ruleset" in each for each in asked(wall(text), 80)
    )
    assert counts(text)["unsupported"] == 0


METAINFO, TABLE = {"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "t", "handle": 1}}
CHAIN = {"chain": {"family": "inet", "table": "t", "name": "in", "type": "filter", "hook": "input", "prio": 0}}
NO_ELEMENTS: dict[str, dict[str, object]] = {"set": {"family": "inet", "table": "t", "name": "s", "type": "ipv4_addr"}}
RULE = {
    "rule": {
        "family": "inet",
        "table": "t",
        "chain": "in",
        "expr": [
            {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}},
            {"drop": None},
        ],
    }
}


def listing(*entries: object) -> str:
    return json.dumps({"nftables": [METAINFO, *entries]})


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ((CHAIN,), "the table inet t is not in the list before what it holds: this is not the whole ruleset"),
        ((NO_ELEMENTS,), "the table inet t is not in the list before what it holds: this is not the whole ruleset"),
    ],
)
def test_a_listing_of_a_part_is_refused(entries: tuple[object, ...], what: str) -> None:
    message = refusal(listing(*entries))
    assert what in message
    assert "run nft -j list ruleset > FILE" in message


def test_a_listing_of_nothing_says_that_there_are_no_tables() -> None:
    """It settles what iptables-save does not show: the text would be an empty file."""
    assert verdicts(listing()) == ("accept", "unknown")
    assert verdicts(listing(TABLE)) == verdicts(listing(TABLE, NO_ELEMENTS)) == ("unknown", "unknown")
    drops = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    drops += "-A INPUT -p tcp --dport 80 -j ACCEPT\nCOMMIT\n"
    both = wall(drops, listing())
    assert (verdict(both, 80), verdict(both, 81), both.assumed) == ("accept", "drop", ())
    assert [each.assumption for each in wall(drops).assumed] == ["every-ruleset"]


def test_sets_without_elements_are_empty_only_where_one_has_some() -> None:
    other = {"set": {**NO_ELEMENTS["set"], "name": "o", "elem": ["10.0.0.1"]}}
    assert verdicts(listing(TABLE, NO_ELEMENTS, CHAIN, RULE)) == ("accept", "unknown")
    assert verdicts(listing(TABLE, NO_ELEMENTS, other, CHAIN, RULE)) == ("accept", "accept")
    empty = {"set": {**NO_ELEMENTS["set"], "elem": []}}
    assert verdicts(listing(TABLE, empty, CHAIN, RULE)) == ("accept", "accept")


def test_a_ruleset_without_rules_is_whole_where_its_tables_are_listed() -> None:
    assert verdict(wall(listing(TABLE, CHAIN)), 80) == "accept"
