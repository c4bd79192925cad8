"""Whether an nft listing is the whole ruleset: what the commands that list a part of it leave out.

What nft 1.0.6 and its sources (rule.c, json.c) show:

- `list sets`, `list maps`, `list counters` and so on print no chain. A ruleset without any chain cannot be told from
  them: what it does is open.
- `list chains` prints every chain and no rule, and no blank line between two chains of a table as `list ruleset` does;
  where each table has one chain, the two print the same of a ruleset without rules.
- `nft -j list chains` (`sets`, `maps`) does not list the tables.
- `-t` leaves out the elements of every named set and map, and nothing else: those of anonymous ones stay.
- `list table` and `list chain` print one table as `list ruleset` does; nothing tells that there are others.

Chains without any rule are most likely the second, and what they do is open; sets without any element are most likely
empty, which is the assumption `whole-listing`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from validator.dialects._nft_data import NftRule, NftRuleset, NftTable
from validator.errors import ExportError

_OF_CHAINS = re.compile(r"(?:(?:table|chain|type|policy|devices|comment) |flags offload|[}#]|$)")
"""The lines that `nft list chains` prints."""
WHOLE = "whole-listing"


def refuse_chains_alone(data: NftRuleset, lines: Sequence[str], command: str) -> None:
    """Raises ExportError for what `nft list chains` prints. Where that may be a ruleset without rules as well, every
    base chain is marked."""
    chains = [chain for table in data.tables.values() for chain in table.chains.values()]
    said = [line.strip() for line in lines]
    if any(chain.rules for chain in chains) or not all(map(_OF_CHAINS.match, said)):
        return
    further = [at for at, line in enumerate(said) if line.startswith("chain ") and said[at - 1] in ("}", "")]
    close = next((at for at in further if said[at - 1] == "}"), None)
    if close is not None:
        problem = "these are chains without their rules, as nft list chains prints them"
        raise ExportError(problem, f"run {command} > FILE and pass that file", data.path, close + 1)
    for chain in chains if not further else ():
        chain.hidden = chain.hook != ""


def mark_hidden(data: NftRuleset) -> None:
    """Mark the sets and maps whose elements may have been left out: all without any, unless one of the listing has
    some."""
    every = [one for table in data.tables.values() for one in table.sets.values()]
    if not any(one.elements or one.why or one.listed for one in every):
        for one in every:
            one.hidden = True


_TELLS_FAMILY = re.compile(r"'protocol': '(ip|ip6|icmp|icmpv6)'|'key': '(nfproto|protocol)'")


def family_hidden(rule: NftRule, table: NftTable) -> bool:
    """Whether a rule may be for one family that nft did not print: seen with nft 1.0.6, which lists
    `meta nfproto ipv4 tcp dport 5 reject with tcp reset` of a table for both without its first match."""
    return table.family not in ("ip", "ip6") and not any(
        _TELLS_FAMILY.search(repr(body)) for _, body in rule.statements
    )
