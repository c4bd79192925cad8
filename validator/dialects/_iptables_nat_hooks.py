"""The hooks whose packets a chain of the nat table is converted for.

What a translation does may depend on the hook, and on nothing else that several hooks of a table see differently. So
a chain is there once for each hook that reaches it only where something in it, or behind it, does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from validator.dialects._iptables_dump import BUILT_IN, IptChain
from validator.dialects._iptables_targets import TARGETS, Fate
from validator.dialects._iptables_words import TargetUse
from validator.model import Hook

HOOKS = {hook.value.upper(): hook for hook in Hook}
"""The hooks by the names of the built-in chains."""
_SIDES = ((Hook.PREROUTING, Hook.OUTPUT), (Hook.INPUT, Hook.POSTROUTING))
"""The hooks at which the destination and the source are translated."""
_NOT_TRANSLATING = frozenset(name for name, target in TARGETS.items() if target.fate is not Fate.TRANSLATES)
_NOT_LOOPBACK = re.compile(
    r"(?!0*127\.)\d+(?:\.\d+){3}(?::[\d-]+)?$|\[?[\da-f]*:[\da-f]*:[\da-f:]*(?:\](?::[\d-]+)?)?$"
)


def nat_hooks(declared: Mapping[str, IptChain]) -> dict[str, dict[Hook, Hook]]:
    """For each chain of the nat table, and each hook that reaches it, the hook whose packets it is converted for: the
    same, if what is in it or behind it depends on that; the first of those that translate the same end of packets, if
    it depends on the end; else the first that reaches it."""
    jumps: dict[str, set[str]] = {}
    by_hook: set[str] = set()
    by_side: set[str] = set()
    for chain in declared.values():
        found = {rule.words.target for rule in chain.rules if rule.words.target is not None}
        jumps[chain.name] = {each.name for each in found}
        odd = [each for each in found if each.name not in declared and each.name not in _NOT_TRANSLATING]
        if any(each.name in TARGETS and not _same_at_both(each) for each in odd):
            by_hook.add(chain.name)
        elif odd or any(rule.words.why for rule in chain.rules):
            by_side.add(chain.name)
    callers: dict[str, set[str]] = {name: set() for name in declared}
    for name, targets in jumps.items():
        for target in targets & declared.keys():
            callers[target].add(name)
    by_hook, by_side = _closure(by_hook, callers), _closure(by_side, callers)
    found_at: dict[str, list[Hook]] = {}
    for base in BUILT_IN["nat"]:
        if base in declared:
            for name in _closure({base}, jumps):
                found_at.setdefault(name, []).append(HOOKS[base])

    def stands_for(name: str, hook: Hook, hooks: list[Hook]) -> Hook:
        if name in by_hook:
            return hook
        side = next(each for each in _SIDES if hook in each) if name in by_side else tuple(Hook)
        return next(each for each in hooks if each in side)

    return {
        name: {hook: stands_for(name, hook, hooks) for hook in hooks}
        for name, hooks in found_at.items()
        if name not in BUILT_IN["nat"]
    }


def _closure(start: set[str], next_of: Mapping[str, set[str]]) -> set[str]:
    """What `next_of` leads to from `start`, itself included."""
    found: set[str] = set()
    todo = [name for name in start if name in next_of]
    while todo:
        each = todo.pop()
        if each not in found:
            found.add(each)
            todo += [to for to in next_of[each] if to in next_of and to not in found]
    return found


def _same_at_both(use: TargetUse) -> bool:
    """Whether a target does the same at PREROUTING and OUTPUT: a DNAT to one address that is none of loopback."""
    given = [option.values[0] for option in use.options if option.name == "--to-destination"]
    return use.name == "DNAT" and not use.goto and len(given) == 1 and _NOT_LOOPBACK.match(given[0]) is not None
