"""Rulesets that nobody meant well: words and lines exchanged, expressions without end, JSON of other shapes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from validator.dialects import Dialect, nft_json, nft_ruleset
from validator.dialects._linux_host import Host
from validator.dialects._nft_convert import ruleset
from validator.dialects._nft_data import NftRuleset
from validator.errors import UserError
from validator.packets.fields import Family
from validator.source import Ledger, from_bytes

FIXTURES = Path(__file__).parents[2] / "fixtures"
TEXT = (FIXTURES / "nft_ruleset" / "features.nft").read_text()
JSON = json.loads((FIXTURES / "nft_json" / "features.json").read_text())
CALM = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = sorted({*TEXT.split(), "{", "}", "(", ")", ":", "@", "!=", "-", ".", "map", "@th,0,8", "²", "\0"})


def is_one_line(error: UserError) -> None:
    assert "\n" not in str(error)


def survives(dialect: Dialect, data: bytes) -> None:
    try:
        source = from_bytes(data, "hostile")
        ledger = Ledger(source.lines)
        dialect.sniff(source)
        found = dialect.parse(source, ledger).data
        assert isinstance(found, NftRuleset)
        for family in Family:
            ruleset(found, Host("h", family))
    except UserError as error:
        is_one_line(error)


@CALM
@given(st.data())
def test_words_exchanged(data: st.DataObject) -> None:
    parts = re.split(r"(\s+)", TEXT)
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(parts) - 1))
        parts[at] = data.draw(st.sampled_from(WORDS))
    survives(nft_ruleset, "".join(parts).encode())


@CALM
@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_a_rule_of_any_words(words: list[str]) -> None:
    head = "table inet t {\n chain c {\n type filter hook input priority 0; policy drop;\n"
    survives(nft_ruleset, f"{head}{' '.join(words)}\n }}\n}}\n".encode())


SCALARS = st.none() | st.booleans() | st.integers(-3, 1 << 40) | st.floats(allow_nan=False) | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*WORDS, "set", "concat", "&", "range", "prefix", "payload", "meta", "ct", "elem", "key", "left", "op"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


def replaced(draw: st.DataObject, value: object) -> object:
    """`value` with one part, somewhere in it, that is something else."""
    if not isinstance(value, dict | list) or not value or draw.draw(st.integers(0, 6)) == 0:
        return draw.draw(VALUES)
    if isinstance(value, list):
        at = draw.draw(st.integers(0, len(value) - 1))
        return [*value[:at], replaced(draw, value[at]), *value[at + 1 :]]
    key = draw.draw(st.sampled_from(sorted(value)))
    return {**value, key: replaced(draw, value[key])}


@CALM
@given(st.data())
def test_json_of_another_shape(data: st.DataObject) -> None:
    entries = list(JSON["nftables"])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(entries) - 1))
        entries[at] = replaced(data, entries[at])
    survives(nft_json, json.dumps({"nftables": entries}).encode())


@pytest.mark.parametrize(
    "rule",
    [
        "meta mark " + "( " * 5000 + "1" + " )" * 5000 + " accept",
        "meta mark & 1" + " | 2" * 5000 + " == 1 accept",
        "tcp dport " + "{ " * 5000 + "}" * 5000 + " accept",
        "jhash " * 5000 + "ip saddr mod 2 0 accept",
        "add @x { ip saddr " + "add @x { ip saddr " * 2000 + "} " * 2001,
        "ip saddr 10.0.0.0/99999999999999999999 accept",
        "tcp dport 99999999999999999999999999999999999999999999999 accept",
        "@th,99999999999999999999,8 1 accept",
        "meta mark set meta mark << 99999999999 accept",
        "numgen inc mod 0 vmap { 0 : accept }",
    ],
    ids=lambda rule: rule[:24],
)
def test_expressions_without_end(rule: str) -> None:
    survives(nft_ruleset, f"table inet t {{\n chain c {{\n {rule}\n }}\n}}\n".encode())


def test_json_that_is_nested_deeply() -> None:
    deep = '{"&": [' * 300 + "1" + ", 1]}" * 300
    match = f'{{"match": {{"op": "==", "left": {deep}, "right": 1}}}}'
    rule = f'{{"rule": {{"family": "ip", "table": "t", "chain": "c", "expr": [{match}]}}}}'
    head = '{"table": {"family": "ip", "name": "t"}}, {"chain": {"family": "ip", "table": "t", "name": "c"}}'
    survives(nft_json, f'{{"nftables": [{head}, {rule}]}}'.encode())
