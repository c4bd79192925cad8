"""The hooks whose packets a chain of the nat table is converted for.

What a translation does may depend on the hook, and on nothing else that several hooks of a table see differently. So
a chain is there once for each hook that reaches it only where something in it, or behind it, does.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from functools import cache

from validator.dialects._iptables_dump import BUILT_IN, IptChain
from validator.dialects._iptables_targets import TARGETS, Fate
from validator.dialects._iptables_words import TargetUse
from validator.model import Hook

HOOKS = {hook.value.upper(): hook for hook in Hook}
"""The hooks by the names of the built-in chains."""
_ENDS = ((Hook.PREROUTING, Hook.OUTPUT), (Hook.INPUT, Hook.POSTROUTING))
"""The hooks at which the destination and the source are translated."""


class _Depends(enum.Enum):
    """What a translation depends on: which end of packets is translated, or the very hook."""

    ON_END = enum.auto()
    ON_HOOK = enum.auto()


_NOT_TRANSLATING = frozenset(name for name, target in TARGETS.items() if target.fate is not Fate.TRANSLATES)
_NOT_LOOPBACK = re.compile(
    r"(?!0*127\.)\d+(?:\.\d+){3}(?::[\d-]+)?$|\[?[\da-f]*:[\da-f]*:[\da-f:]*(?:\](?::[\d-]+)?)?$"
)


def nat_hooks(declared: Mapping[str, IptChain]) -> dict[str, dict[Hook, Hook]]:
    """For each chain of the nat table, and each hook that reaches it, the hook whose packets it is converted for: the
    same, if what is in it or behind it depends on that; the first of those that translate the same end of packets, if
    it depends on the end; else the first that reaches it."""
    jumps: dict[str, list[str]] = {}
    callers: dict[str, list[str]] = {}
    odd: dict[_Depends, list[str]] = {_Depends.ON_END: [], _Depends.ON_HOOK: []}
    for name, chain in declared.items():
        jumps[name] = []
        for rule in chain.rules:
            target = rule.words.target
            if target is not None and target.name in declared:
                jumps[name].append(target.name)
                callers.setdefault(target.name, []).append(name)
            elif rule.words.why or (target is not None and target.name not in _NOT_TRANSLATING):
                odd[_depends(target)].append(name)
    by_hook, by_end = (_closure(odd[each], callers) for each in (_Depends.ON_HOOK, _Depends.ON_END))
    reaching: dict[str, tuple[Hook, ...]] = {}
    for base in BUILT_IN["nat"]:
        for name in _closure([base], jumps) if base in declared else ():
            reaching[name] = (*reaching.get(name, ()), HOOKS[base])

    @cache
    def stands_for(hooks: tuple[Hook, ...], by_hook: bool, by_end: bool) -> dict[Hook, Hook]:
        if by_hook:
            return {hook: hook for hook in hooks}
        alike = _ENDS if by_end else (hooks,)
        return {hook: next(each for each in hooks if each in same) for same in alike for hook in hooks if hook in same}

    return {
        name: stands_for(hooks, name in by_hook, name in by_end)
        for name, hooks in reaching.items()
        if name not in BUILT_IN["nat"]
    }


def _closure(start: Iterable[str], next_of: Mapping[str, Iterable[str]]) -> set[str]:
    """What `next_of` leads to from `start`, itself included."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        each = todo.pop()
        if each not in found:
            found.add(each)
            todo += next_of.get(each, ())
    return found


def _depends(target: TargetUse | None) -> _Depends:
    """What a target that may translate depends on."""
    known = target is not None and target.name in TARGETS and not target.goto
    return _Depends.ON_HOOK if known and target is not None and not _same_at_both(target) else _Depends.ON_END


def _same_at_both(use: TargetUse) -> bool:
    """Whether a target does the same at PREROUTING and OUTPUT: a DNAT to one address that is none of loopback."""
    given = [option.values[0] for option in use.options if option.name == "--to-destination"]
    return use.name == "DNAT" and len(given) == 1 and _NOT_LOOPBACK.match(given[0]) is not None
