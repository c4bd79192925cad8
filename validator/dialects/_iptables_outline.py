"""Chains of the nat table whose rules need not be made before a packet meets them.

A node of Kubernetes has some chains for each service, and a question is about few of them. What has to be known of the
others (where they lead, what they set, what they assume) is read off the words of simple rules: those that ask for
fields or what no dump tells, and jump, decide or send packets to one address.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from validator.dialects._iptables_dump import BUILT_IN, IptChain, IptDump, IptRule
from validator.dialects._iptables_nat_hooks import same_at_both
from validator.dialects._iptables_targets import SIMPLE
from validator.dialects._iptables_words import Group, TargetUse
from validator.model import Assignment, ConditionMatch, FieldMatch, Match, Outline
from validator.packets.fields import Family, Field

_SMALL = 100
"""Bigger chains look packets up: every question meets them."""
_OF_TRANSLATION = ("translated", "connected-routes")
"""The assumptions that a translation to one address may stand on; see _linux_host.py."""


class Outlines:
    """The outlines of the chains of one dump; `matches` converts a group of options of a line."""

    def __init__(self, dump: IptDump, matches: Callable[[Group, IptRule], tuple[Match, ...]]) -> None:
        self._family, self._matches = dump.family, matches
        self._assumptions = tuple((name, dump.source.path) for name in _OF_TRANSLATION)
        self._plain: dict[Group, bool] = {}
        self._sets: dict[str, tuple[Assignment, ...]] = {}

    def of(self, chain: IptChain, declared: Container[str]) -> Outline | None:
        """What is known of `chain` in the names of its table, of which `declared` are the chains; None where its rules
        must be made to know."""
        if chain.name in BUILT_IN["nat"] or len(chain.rules) > _SMALL:
            return None
        targets: list[str] = []
        sets: tuple[Assignment, ...] = ()
        plain = self._plain
        for rule in chain.rules:
            words = rule.words
            if words.why:
                return None
            for group in words.groups:
                known = plain.get(group)
                if not (self._is_plain(group, rule) if known is None else known):
                    return None
            target = words.target
            if target is None or target.name in SIMPLE:
                continue
            if target.name in declared:
                targets.append(target.name)
            elif (assigned := self._sent(target)) is not None:
                sets += assigned
            else:
                return None
        return Outline(tuple(dict.fromkeys(targets)), sets, self._assumptions if sets else ())

    def _is_plain(self, group: Group, rule: IptRule) -> bool:
        """Whether a group asks for fields, and what is open, alone."""
        matches = group.plain if group.plain is not None else self._matches(group, rule)
        found = self._plain[group] = all(map(_is_plain, matches))
        return found

    def _sent(self, use: TargetUse) -> tuple[Assignment, ...] | None:
        """What a DNAT to one address, and one port or none, sets of the packet; None for any other target."""
        if len(use.options) != 1 or not same_at_both(use):
            return None
        mark = ":" if self._family is Family.IPV4 else "]:"
        port = use.options[0].values[0].partition(mark)[2]
        if port and not port.isdigit():
            return None
        if port not in self._sets:
            address: Assignment = (Field.DESTINATION, 0)
            self._sets[port] = (address, (Field.DESTINATION_PORT, int(port))) if port else (address,)
        return self._sets[port]


def _is_plain(match: Match) -> bool:
    return isinstance(match, FieldMatch) or (isinstance(match, ConditionMatch) and match.condition.assumed is None)
