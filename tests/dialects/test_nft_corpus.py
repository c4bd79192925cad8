"""Rulesets of nftables that were found in public: every line accounted for, or refused with a clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from validator.dialects import detect
from validator.dialects._linux_host import Host
from validator.dialects._nft_convert import ruleset
from validator.dialects._nft_data import NftRuleset
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, from_bytes

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
FILES = sorted([*CORPUS.glob("nft/*"), *CORPUS.glob("nft_json/*")])
SCRIPTS = "openwrt__firewall4"
"""Files of firewall4's tests: they hold the script that it would load, in the midst of other files."""
NOT_UNDERSTOOD = {
    "vmap_timeout": 2,  # verdict maps whose elements come and go
    "0024synproxy_0": 1,  # synproxy answers for the host
}
"""Files with lines that are not understood, and how many."""


@pytest.mark.skipif(not FILES, reason="the corpus of public exports is not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[-60:])
def test_a_real_ruleset_is_accounted_for(path: Path) -> None:
    source = from_bytes(path.read_bytes(), path.name)
    ledger = Ledger(source.lines)
    dialect = detect(source)
    assert {"nft_json": "nft-json", "nft": "nft-ruleset"}[path.parent.name] == dialect.NAME
    if SCRIPTS in path.name:
        with pytest.raises(ExportError, match="this is a script of nft commands"):
            dialect.parse(source, ledger)
        return
    data = dialect.parse(source, ledger).data
    assert isinstance(data, NftRuleset)
    expected = next((count for name, count in NOT_UNDERSTOOD.items() if name in path.name), 0)
    assert len(ledger.unsupported()) == expected
    for family in Family:
        found = ruleset(data, Host("h", family))
        if found is not None:
            assert {base.name for base in found.bases} <= found.chains.keys()


@pytest.mark.skipif(not FILES, reason="the corpus of public exports is not here")
@pytest.mark.parametrize("path", [path for path in FILES if SCRIPTS not in path.name], ids=lambda path: path.name[-60:])
def test_a_ruleset_that_is_cut_is_refused(path: Path) -> None:
    text = path.read_text().rstrip()
    source = from_bytes(text[: len(text) - 1].encode(), path.name)
    with pytest.raises(ExportError, match=r"cut|not valid JSON"):
        detect(source).parse(source, Ledger(source.lines))
