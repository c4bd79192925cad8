"""Base chains of one hook and one priority, of which nobody tells in which order the kernel asks them.

nf_hook_entries_grow (the kernel's net/netfilter/core.c) puts a chain before those of its priority that are there
already; which came first is in no export. Mostly that is no matter: each of them must accept. Where one sets what
another one asks for or sets, the order is a condition, and the chains are asked in every order that may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, permutations

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects._linux_ruleset import BaseChain
from validator.model import (
    Action,
    AnyOf,
    Bit,
    BitMatch,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    InterfaceMatch,
    Match,
    NoneOf,
    Rule,
    Verb,
)
from validator.packets.fields import Field
from validator.source import Span

_ALL_ORDERS = 3
"""Of more chains two orders are looked at: as they stand, and the other way round."""
Order = tuple[BaseChain, ...]
Added = dict[str, Chain]
Target = Field | Bit


class _Touched(Struct, frozen=True):
    """What the rules of a base chain set, and what they ask for."""

    sets: frozenset[Target]
    asks: frozenset[Target]

    def matters_to(self, other: _Touched) -> bool:
        """Whether it makes a difference which of two chains is asked first."""
        return bool(self.sets & (other.asks | other.sets) or other.sets & self.asks)


def in_every_order(bases: Sequence[BaseChain], chains: Mapping[str, Chain], host: str) -> tuple[Order, Added]:
    """The base chains of a host (sorted), in a row that stands for every order that the kernel may ask them in, and
    the chains that this takes in addition."""
    found: list[BaseChain] = []
    added: Added = {}
    for _, alike in groupby(bases, key=lambda base: (base.hook, base.priority, base.order)):
        for group in _together(list(alike), chains):
            if len(group) == 1:
                found += group
                continue
            row, more = _row(group, chains, host)
            found += row
            added |= more
    return tuple(found), added


def _together(bases: Sequence[BaseChain], chains: Mapping[str, Chain]) -> Iterator[list[BaseChain]]:
    """Those whose order matters, in groups."""
    if len(bases) == 1:
        yield list(bases)
        return
    groups: list[list[tuple[BaseChain, _Touched]]] = []
    for base in bases:
        own = (base, _touched(base.name, chains))
        near = [group for group in groups if any(own[1].matters_to(touched) for _, touched in group)]
        groups = [group for group in groups if group not in near]
        groups.append([*(each for group in near for each in group), own])
    yield from ([base for base, _ in group] for group in groups)


def _touched(name: str, chains: Mapping[str, Chain]) -> _Touched:
    sets: set[Target] = set()
    asks: set[Target] = set()
    seen: set[str] = set()
    todo = [name]
    while todo:
        at = todo.pop()
        if at in seen or at not in chains:
            continue
        seen.add(at)
        for rule in chains[at].rules:
            sets.update(target for target, _ in rule.action.assign)
            asks.update(_asked(rule.matches))
            todo.append(rule.action.chain)
    return _Touched(frozenset(sets), frozenset(asks))


def _asked(matches: Iterable[Match]) -> Iterator[Target]:
    for match in matches:
        match match:
            case FieldMatch() | InterfaceMatch():
                yield match.field
            case BitMatch():
                yield match.bit
            case AnyOf():
                for each in match.alternatives:
                    yield from _asked(each)
            case NoneOf():
                yield from _asked(match.matches)
            case ConditionMatch():
                pass


def _row(group: Sequence[BaseChain], chains: Mapping[str, Chain], host: str) -> tuple[list[BaseChain], Added]:
    """The chains of a group in every order, each order under the condition that it is the one."""
    names = " and ".join(base.name for base in group)
    text = f"which of {names} is asked first at {group[0].hook} (they have the same priority, and no export tells)"
    orders = list(permutations(group)) if len(group) <= _ALL_ORDERS else [tuple(group), tuple(reversed(group))]
    span = _span(group[0], chains)
    bits = [Condition(f"{text} {at} ({host})", text, span) for at in range((len(orders) - 1).bit_length())]
    row: list[BaseChain] = []
    added: Added = {}
    for base in group:
        chain = chains[base.name]
        policy = (chain.policy,) if chain.policy else ()
        whole = f"{base.name} and its policy"
        added[whole] = Chain(whole, (_jump((), base.name, _span(base, chains)), *policy))
    for number, order in enumerate(orders):
        guard = _guard(number, len(orders), bits)
        for base in order:
            name = f"{base.name} (order {number + 1})"
            jump = _jump(guard, f"{base.name} and its policy", _span(base, chains))
            added[name] = Chain(name, (jump,), first_packets=chains[base.name].first_packets)
            row.append(replace(base, name=name))
    return row, added


def _guard(number: int, count: int, bits: Sequence[Condition]) -> tuple[Match, ...]:
    """Order `number` of `count` is the one; values that stand for none stand for the first."""
    values = [number, *(range(count, 1 << len(bits)) if number == 0 else ())]
    each = (tuple(ConditionMatch(bit, bool(value >> at & 1)) for at, bit in enumerate(bits)) for value in values)
    return (AnyOf(tuple(each)),)


def _jump(matches: tuple[Match, ...], name: str, span: Span) -> Rule:
    text = f"the chain {name} is asked"
    return Rule(matches, Action(Verb.JUMP, name), span, text, text, implicit=True)


def _span(base: BaseChain, chains: Mapping[str, Chain]) -> Span:
    chain = chains[base.name]
    return chain.policy.span if chain.policy else chain.rules[0].span
