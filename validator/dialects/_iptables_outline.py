"""Chains of the nat table whose rules need not be made before a packet meets them.

A node of Kubernetes has some chains for each service, and a question is about few of them. What has to be known of the
others (where they lead, what they set, what they assume) is read off the words of simple rules: those that ask for
fields or what no dump tells, and jump, decide or send packets to one address.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Sequence

from validator.dialects._iptables_dump import BUILT_IN, IptChain, IptDump, IptRule
from validator.dialects._iptables_nat_hooks import Simple, same_at_both
from validator.dialects._iptables_targets import SIMPLE
from validator.dialects._iptables_translation import target as translated_to
from validator.dialects._iptables_words import Group, TargetUse
from validator.dialects._linux_host import Host, is_local, way_out
from validator.model import Assignment, ConditionMatch, FieldMatch, Likeness, Match, Outline
from validator.packets.fields import Family, Field, Intervals

_SMALL = 100
"""Bigger chains look packets up: every question meets them."""
_OF_TRANSLATION = ("translated", "connected-routes")
"""The assumptions that a translation to one address may stand on; see _linux_host.py."""


_Asked = tuple[Intervals | None, ...]
"""What a group asks: the protocols of each match that asks for some, None for any other."""


class Outlines:
    """The outlines of the chains of a nat table of `dump`, of which `declared` are all, for `host`. `matches` converts
    a group of options of a line."""

    def __init__(
        self,
        dump: IptDump,
        declared: Container[str],
        host: Host,
        matches: Callable[[Group, IptRule], tuple[Match, ...]],
    ) -> None:
        self._declared, self._host, self._matches = declared, host, matches
        self._assumptions = tuple((name, dump.source.path) for name in _OF_TRANSLATION)
        self._asked: dict[Group, _Asked | None] = {}
        self._sets: dict[str, tuple[Assignment, ...]] = {}

    def simple(self, chain: IptChain) -> Simple | None:
        """What the words of `chain` say; None where its rules must be made to know."""
        if chain.name in BUILT_IN["nat"] or len(chain.rules) > _SMALL:
            return None
        targets: list[str] = []
        sets: tuple[Assignment, ...] = ()
        asked, declared = self._asked, self._declared
        for rule in chain.rules:
            words = rule.words
            if words.why:
                return None
            for group in words.groups:
                if asked.get(group) is None and self._asked_by(group, rule) is None:
                    return None
            target = words.target
            if target is None or target.name in SIMPLE:
                continue
            if target.name in declared and not target.options:
                targets.append(target.name)
            elif (assigned := self._sent(target)) is not None:
                sets += assigned
            else:
                return None
        return Simple(tuple(dict.fromkeys(targets)), sets)

    def outline(self, chain: IptChain, simple: Simple, targets: tuple[str, ...]) -> Outline:
        """The outline of a simple chain; `targets` are the chains that it jumps to, in the names of the model."""
        return _NatOutline(targets, simple.sets, self._assumptions if simple.sets else (), chain.rules, self)

    def likeness(self, rules: Sequence[IptRule]) -> Likeness:
        """What the rules of a simple chain have in common with those of others."""
        said: list[Hashable] = [self]
        addresses: list[int] = []
        places: dict[str, int] = {}
        for rule in rules:
            groups, target = rule.words.groups, rule.words.target
            does: Hashable = None
            if target is not None and target.name in self._declared:
                does = places.setdefault(target.name, len(places)), target.goto
            elif target is not None and target.name in SIMPLE:
                does = target.name
            elif target is not None:
                to = translated_to(target, self._host.family)
                assert to.addresses is not None
                local = is_local(self._host, to.addresses)
                addresses.append(to.addresses[0][0])
                said.append((groups, to.ports, local, way_out(self._host, to.addresses, local)))
                continue
            said.append((tuple([self._asked[group] for group in groups]), does))
        return Likeness(tuple(said), tuple(addresses))

    def _asked_by(self, group: Group, rule: IptRule) -> _Asked | None:
        """What a group asks; None where it asks for more than fields, and what is open."""
        matches = group.plain if group.plain is not None else self._matches(group, rule)
        found = self._asked[group] = tuple(map(_asked, matches)) if all(map(_is_plain, matches)) else None
        return found

    def _sent(self, use: TargetUse) -> tuple[Assignment, ...] | None:
        """What a DNAT to one address, and one port or none, sets of the packet; None for any other target."""
        if len(use.options) != 1 or not same_at_both(use):
            return None
        mark = ":" if self._host.family is Family.IPV4 else "]:"
        port = use.options[0].values[0].partition(mark)[2]
        if port and not port.isdigit():
            return None
        if port not in self._sets:
            address: Assignment = (Field.DESTINATION, 0)
            self._sets[port] = (address, (Field.DESTINATION_PORT, int(port))) if port else (address,)
        return self._sets[port]


def _is_plain(match: Match) -> bool:
    return isinstance(match, FieldMatch) or (isinstance(match, ConditionMatch) and match.condition.assumed is None)


def _asked(match: Match) -> Intervals | None:
    return match.intervals if isinstance(match, FieldMatch) and match.field is Field.PROTOCOL else None


class _NatOutline(Outline, frozen=True):
    """The outline of a chain whose `rules` have words."""

    rules: Sequence[IptRule] = ()
    outlines: Outlines | None = None

    def likeness(self) -> Likeness | None:
        return None if self.outlines is None else self.outlines.likeness(self.rules)
