"""What rules themselves change besides marks: sets and maps, and what only conditions ask about (`ip dscp`).

nft(8) SET STATEMENT, METER STATEMENT, PAYLOAD STATEMENT. What nft 1.0.6 writes of a set is not enough to know: its JSON
leaves out `flags dynamic`, and the kernel lets rules add to a set without that flag as well.
"""

from __future__ import annotations

import re

from validator.dialects._nft_data import NftRuleset, fields

_MARKS = ({"meta": {"key": "mark"}}, {"ct": {"key": "mark"}})
_UPDATED = re.compile(r"\b(?:(?:add|update|delete) @|meter )([^\s{]+)")


def mark_filled(data: NftRuleset) -> None:
    """Mark every set and map that a rule adds to, updates or deletes from, also where the rule was not understood."""
    for table in data.tables.values():
        for chain in table.chains.values():
            for rule in chain.rules:
                for name in _UPDATED.findall(rule.text):
                    if name in table.sets:
                        table.sets[name].filled = table.sets[name].changing = True


def rewritten(data: NftRuleset) -> tuple[str, ...]:
    """What rules set besides marks, each as `repr` has its expression."""
    found: dict[str, None] = {}
    for table in data.tables.values():
        for chain in table.chains.values():
            for rule in chain.rules:
                for name, body in rule.statements:
                    if name == "mangle" and fields(body).get("key") not in _MARKS:
                        found[repr(fields(body).get("key"))] = None
    return tuple(found)
