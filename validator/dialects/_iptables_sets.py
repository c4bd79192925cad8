"""Sets that rules change while packets pass (`-j SET --add-set`): what their export holds is past."""

from __future__ import annotations

from collections.abc import Iterable

from validator.dialects._iptables_words import TargetUse
from validator.dialects._linux_host import Host

_CHANGING = ("--add-set", "--del-set")


def changed_sets(targets: Iterable[TargetUse], host: Host) -> frozenset[str]:
    """The names of sets that rules with these targets change, and of those whose members these are."""
    found: set[str] = set()
    for target in targets:
        if target.name == "SET":
            found |= {option.values[0] for option in target.options if option.name in _CHANGING and option.values}
    lists = {name: {each for each in ipset.members if isinstance(each, str)} for name, ipset in host.sets.items()}
    size = -1
    while found and size != len(found):
        size = len(found)
        for name, members in lists.items():
            if name in found:
                found |= members  # what is added to a list is added to one of its sets
            elif members & found:
                found.add(name)
    return frozenset(found)
