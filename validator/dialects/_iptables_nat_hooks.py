"""The hooks whose packets a chain of the nat table is converted for.

What a translation does may depend on the hook, and on nothing else that several hooks of a table see differently. So
a chain is there once for each hook that reaches it only where something in it, or behind it, does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Mapping

from msgspec import Struct

from validator.dialects._iptables_dump import BUILT_IN, IptChain
from validator.dialects._iptables_targets import TARGETS, Fate
from validator.dialects._iptables_words import TargetUse
from validator.model import Assignment, Hook
from validator.reachability import led_to, turned_round

HOOKS = {hook.value.upper(): hook for hook in Hook}
"""The hooks by the names of the built-in chains."""
_ENDS = ((Hook.PREROUTING, Hook.OUTPUT), (Hook.INPUT, Hook.POSTROUTING))
"""The hooks at which the destination and the source are translated."""


class Simple(Struct, frozen=True, gc=False):
    """What the words of a simple chain say: the chains it jumps to, in the names of its table, and what it sets."""

    targets: tuple[str, ...]
    sets: tuple[Assignment, ...]


class NatHooks(Struct, frozen=True):
    """The hooks that reach each chain of a nat table; and for chains that are there several times, for each of these
    hooks the one whose packets the copy is converted for."""

    reaching: Mapping[str, tuple[Hook, ...]]
    copies: Mapping[str, Mapping[Hook, Hook]]


_NOT_TRANSLATING = frozenset(name for name, target in TARGETS.items() if target.fate is not Fate.TRANSLATES)
_NOT_LOOPBACK = re.compile(
    r"(?!0*127\.)\d+(?:\.\d+){3}(?::[\d-]+)?$|\[?[\da-f]*:[\da-f]*:[\da-f:]*(?:\](?::[\d-]+)?)?$"
)


def nat_hooks(declared: Mapping[str, IptChain], simple: Mapping[str, Simple | None]) -> NatHooks:
    """Those of a nat table, of which `simple` tells what the words of simple chains say.

    A chain is converted for each hook that reaches it, if what is in it or behind it depends on that; for the first of
    those that translate the same end of packets, if it depends on the end; else for the first that reaches it.
    """
    jumps: dict[str, Collection[str]] = {}
    by_hook: list[str] = []
    by_end: list[str] = []
    for name, chain in declared.items():
        said = simple[name]
        if said is None:
            jumps[name] = _looked_through(chain, declared, by_hook, by_end)
            continue
        jumps[name] = said.targets
        if said.sets:
            by_end.append(name)
    reaching = _reaching(declared, jumps)
    of_both = {hooks for hooks in set(reaching.values()) if len({hook in _ENDS[0] for hook in hooks}) > 1}
    by_hook = [name for name in by_hook if len(reaching.get(name, ())) > 1]
    by_end = [name for name in by_end if reaching.get(name) in of_both]
    copies: dict[str, dict[Hook, Hook]] = {}
    if by_hook or by_end:
        callers = turned_round(jumps)
        copies |= {name: _one_for_each_end(reaching[name]) for name in led_to(callers, by_end) & reaching.keys()}
        copies |= {name: {hook: hook for hook in reaching[name]} for name in led_to(callers, by_hook) & reaching.keys()}
    return NatHooks(reaching, {name: each for name, each in copies.items() if name not in BUILT_IN["nat"]})


def _looked_through(
    chain: IptChain, declared: Container[str], by_hook: list[str], by_end: list[str]
) -> Collection[str]:
    """Where the rules of a chain jump; it is added to the chains that depend on the hook, or on the end."""
    targets: list[str] = []
    for rule in chain.rules:
        use = rule.words.target
        if use is not None and use.name in declared and not use.options:
            targets.append(use.name)
        elif rule.words.why or (use is not None and use.name not in _NOT_TRANSLATING):
            known = use is not None and use.name in TARGETS and not use.goto
            (by_hook if known and use is not None and not same_at_both(use) else by_end).append(chain.name)
    return targets


def _reaching(declared: Container[str], jumps: Mapping[str, Collection[str]]) -> dict[str, tuple[Hook, ...]]:
    """The hooks that reach each chain."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for base in BUILT_IN["nat"]:
        if base in declared:
            alike.setdefault(tuple(jumps[base]), []).append(base)
    found: dict[str, tuple[Hook, ...]] = {}
    for targets, bases in alike.items():
        hooks = tuple([HOOKS[base] for base in bases])
        for name in led_to(jumps, targets):
            found[name] = found[name] + hooks if name in found else hooks
    return found | {base: (HOOKS[base],) for base in BUILT_IN["nat"] if base in declared}


def _one_for_each_end(hooks: Collection[Hook]) -> dict[Hook, Hook]:
    ends = [[hook for hook in hooks if hook in end] for end in _ENDS]
    return {hook: end[0] for end in ends for hook in end}


def same_at_both(use: TargetUse) -> bool:
    """Whether a target does the same at PREROUTING and OUTPUT: a DNAT to one address that is none of loopback."""
    given = [option.values[0] for option in use.options if option.name == "--to-destination"]
    return use.name == "DNAT" and len(given) == 1 and _NOT_LOOPBACK.match(given[0]) is not None
