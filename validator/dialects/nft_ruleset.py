"""`nft list ruleset`: the tables of nftables as text, nft(8).

    table inet filter {
        chain input {
            type filter hook input priority filter; policy drop;
            tcp dport 22 accept
        }
    }

Every released form since 0.9 is read, with handles (`-a`) or without. What the rules mean is in `_nft_convert.py`.
What lists only a part of the ruleset is refused where that shows (`_nft_listing.py`).
A file of commands (`define`, `include`, `add rule`) is not a dump: what it loads depends on other files. It is refused.
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects import _nft_text as text
from validator.dialects._linux import convert
from validator.dialects._nft_account import account
from validator.dialects._nft_convert import families
from validator.dialects._nft_listing import mark_hidden, refuse_chains_alone
from validator.dialects._nft_updates import mark_filled
from validator.source import Ledger, Source

NAME = "nft-ruleset"
TITLE = "nft list ruleset"
PLATFORM = "linux"

_TABLE = re.compile(r"table (?:(?:ip|ip6|inet|arp|bridge|netdev) )?\S+ \{")
_SNIFF_LINES = 4000


def sniff(source: Source) -> bool:
    """The head of a table at the start of a line."""
    return any(line.startswith("table ") and _TABLE.match(line) for line in source.lines[:_SNIFF_LINES])


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The ruleset in `source`. Raises ExportError where it is cut, or a script."""
    ruleset = text.read(source, ledger)
    mark_hidden(ruleset)
    mark_filled(ruleset)
    account(ruleset, ledger)
    refuse_chains_alone(ruleset, source.lines, "nft list ruleset")
    return Fragment(NAME, PLATFORM, source.path, ruleset, families(ruleset))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
