"""Translated destinations, as far as anything behind the translation tells them apart.

A node with thousands of services translates to thousands of pods, and what comes behind asks about none of them. What
is set is then one value for all that nothing tells apart, and the translations are one outcome.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from validator.engine.passing import led_to
from validator.engine.survey import Survey
from validator.model import AnyOf, FieldMatch, Firewall, Hook, Match, NoneOf
from validator.packets.fields import Field

_ADDRESSES = (Field.SOURCE, Field.DESTINATION)
"""Replies have the destination of the request for their source."""


class StandIns:
    """For translated destinations, others that everything behind the translation treats the same.

    `starts`: the first addresses of the stretches within which it does, in order, 0 among them. `rough`: of chains that
    translate it is not asked which packets they translate to what; see rough.py.
    """

    def __init__(self, starts: Sequence[int], rough: bool = False) -> None:
        self._starts, self.rough = starts, rough

    def of(self, address: int) -> int:
        """The first address of the stretch that `address` is in."""
        return self._starts[bisect_right(self._starts, address) - 1]


def stand_ins(firewall: Firewall, survey: Survey, rough: bool) -> StandIns:
    """Those for the translations of `firewall`, where no other firewall is on the path."""
    return StandIns(sorted({0, *_told_apart(firewall, survey)}), rough)


def _told_apart(firewall: Firewall, survey: Survey) -> Iterator[int]:
    """Where the answers of chains that see a translated destination may change."""
    targets = survey.targets(firewall)
    for name in led_to(targets, _behind(firewall)):
        for rule in firewall.chains[name].rules:
            yield from _changes(rule.matches)


def _behind(firewall: Firewall) -> Iterator[str]:
    """The base chains that may see a translated destination: those before the translation see it in replies. Only the
    chain that translates first does not: it is asked about no replies."""
    for hook, names in firewall.hooks.items():
        translating = hook in (Hook.PREROUTING, Hook.OUTPUT)
        first = next((name for name in names if translating and firewall.chains[name].first_packets), None)
        yield from (name for name in names if name != first)


def _changes(matches: Iterable[Match]) -> Iterator[int]:
    for match in matches:
        match match:
            case FieldMatch():
                if match.field in _ADDRESSES:
                    for low, high in match.intervals:
                        yield low
                        yield high + 1
            case AnyOf():
                for each in match.alternatives:
                    yield from _changes(each)
            case NoneOf():
                yield from _changes(match.matches)
