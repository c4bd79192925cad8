"""What rules of a Linux host change besides marks, and what that means for conditions.

A condition asks something of a packet that no export tells: its length, the peer of its connection. Two lines that ask
the same share the answer, unless something between them may have changed it. What exactly changes what nobody keeps a
list of; so where any rule of the host translates or rewrites packets, each line asks for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from validator.dialects._linux_facts import IpSet
from validator.model import AnyOf, Condition, ConditionMatch, Match, NoneOf

if TYPE_CHECKING:
    from validator.dialects._iptables_words import TargetUse

LEAVES_ALONE = frozenset(
    ("ACCEPT", "DROP", "REJECT", "RETURN", "LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "TEE", "LED", "IDLETIMER")
    + ("RATEEST", "ACCOUNT", "CHECKSUM", "MARK", "CONNMARK", "NOTRACK", "SET")
)
"""Targets of iptables behind which a packet is what it was, but for marks (which are known) and members of sets."""

_CHANGING = ("--add-set", "--del-set")


def rewrites(targets: Iterable[TargetUse], chains: Iterable[str]) -> bool:
    """Whether one of these targets of iptables may change a packet or its connection; `chains` are those of the dump,
    which do not by themselves."""
    unchanging = LEAVES_ALONE.union(chains)
    return any(use.name not in unchanging and not (use.name == "CT" and use.has_only("--notrack")) for use in targets)


def changed_sets(targets: Iterable[TargetUse], sets: Iterable[IpSet]) -> frozenset[str]:
    """The names of ipsets that rules with these targets change while packets pass (`-j SET --add-set`), of those whose
    members these are, and of their own members that are sets: what their export holds is past."""
    found: set[str] = set()
    for target in targets:
        if target.name == "SET":
            found |= {option.values[0] for option in target.options if option.name in _CHANGING and option.values}
    lists = {each.name: {name for name in each.members if isinstance(name, str)} for each in sets}
    size = -1
    while found and size != len(found):
        size = len(found)
        for name, members in lists.items():
            if name in found:
                found |= members  # what is added to a list is added to one of its sets
            elif members & found:
                found.add(name)
    return frozenset(found)


def asks(match: Match) -> bool:
    """Whether a match asks for something that neither the export nor an assumption settles."""
    return any(condition.assumed is None for condition in _conditions(match))


def _conditions(match: Match) -> Iterable[Condition]:
    match match:
        case ConditionMatch():
            yield match.condition
        case AnyOf():
            for parts in match.alternatives:
                for part in parts:
                    yield from _conditions(part)
        case NoneOf():
            for part in match.matches:
                yield from _conditions(part)


def asked_here(matches: Sequence[Match], here: str) -> tuple[Match, ...]:
    """`matches` with every open condition asked by the line `here` alone."""
    return tuple([_asked_here(match, f" ({here})") for match in matches])


def _asked_here(match: Match, here: str) -> Match:
    match match:
        case ConditionMatch(condition) if condition.assumed is None and not condition.key.endswith(here):
            return replace(match, condition=replace(condition, key=condition.key + here))
        case AnyOf():
            return AnyOf(tuple([tuple([_asked_here(part, here) for part in parts]) for parts in match.alternatives]))
        case NoneOf():
            return NoneOf(tuple([_asked_here(part, here) for part in match.matches]))
    return match
