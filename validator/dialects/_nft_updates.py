"""What rules themselves change besides marks: sets and maps, and packets.

nft(8) SET STATEMENT, METER STATEMENT, PAYLOAD STATEMENT. What nft 1.0.6 writes of a set is not enough to know: its JSON
leaves out `flags dynamic`, and the kernel lets rules add to a set without that flag as well.
"""

from __future__ import annotations

import re

from validator.dialects._linux_changes import LEAVES_ALONE
from validator.dialects._nft_data import NftRuleset, Statement, fields

_MARKS = ({"meta": {"key": "mark"}}, {"ct": {"key": "mark"}})
_LEAVES_ALONE = frozenset(
    ("match", "accept", "drop", "reject", "return", "continue", "jump", "goto", "vmap", "counter", "log", "limit")
    + ("quota", "ct count", "notrack", "flow", "set", "map", "meter", "dup", "last", "secmark", "comment")
)
"""Statements behind which a packet is what it was, but for marks (which are known) and elements of sets."""
_UPDATED = re.compile(r"\b(?:(?:add|update|delete) @|meter )([^\s{]+)")


def mark_filled(data: NftRuleset) -> None:
    """Mark every set and map that a rule adds to, updates or deletes from, also where the rule was not understood."""
    for table in data.tables.values():
        for chain in table.chains.values():
            for rule in chain.rules:
                for name in _UPDATED.findall(rule.text):
                    if name in table.sets:
                        table.sets[name].filled = table.sets[name].changing = True


def rewrites(data: NftRuleset) -> bool:
    """Whether some rule may change packets or their connections, but for marks."""
    for table in data.tables.values():
        for chain in table.chains.values():
            for rule in chain.rules:
                if rule.why or not all(map(_leaves_alone, rule.statements)):
                    return True
    return False


def _leaves_alone(statement: Statement) -> bool:
    name, body = statement
    inner = fields(body)
    if name == "mangle":
        return inner.get("key") in _MARKS
    if name == "xt":
        of_match = inner.get("type") == "match" or str(inner.get("name")).islower()
        return of_match or inner.get("name") in LEAVES_ALONE
    return name in _LEAVES_ALONE
