"""What iptables-nft loads for `! --sport A ! --dport B`, which is not always what iptables-save says.

iptables 1.8.9 loads both ports as one comparison of four bytes: the rule then matches all packets but those that have
both ports, while iptables-save and `nft list ruleset` go on to show two negations (seen with `nft --debug=netlink`; the
conformance suite found it). Other versions compare one after the other, and no export tells which was done.
"""

from __future__ import annotations

from validator.dialects._iptables_words import Group
from validator.dialects._linux_host import Host
from validator.model import AnyOf, ConditionMatch, FieldMatch, Match
from validator.packets.fields import Field
from validator.packets.intervals import complement
from validator.source import Span

_NAMES = frozenset(("--sport", "--dport"))


def loaded(group: Group, matches: tuple[Match, ...], host: Host, span: Span) -> tuple[Match, ...]:
    """`matches`, which `group` says, as an iptables-nft may have loaded them."""
    if {option.name for option in group.options if option.negated} < _NAMES:
        return matches
    ends = [
        match
        for match in matches
        if isinstance(match, FieldMatch)
        and match.field in (Field.SOURCE_PORT, Field.DESTINATION_PORT)
        and _is_one_port(match)
    ]
    if len(ends) != 2:
        return matches
    text = f"iptables-nft loaded the two ports of {span.path}:{span.line} as one comparison (iptables 1.8.9 does)"
    one_of_them = AnyOf(tuple((end,) for end in ends))
    either = AnyOf((tuple(ends), (one_of_them, ConditionMatch(host.condition(text, span=span)))))
    return (*(match for match in matches if match not in ends), either)


def _is_one_port(match: FieldMatch) -> bool:
    """Whether it is the negation of a single port."""
    left = complement(match.intervals, 65535)
    return len(left) == 1 and left[0][0] == left[0][1]
