"""Which chains a packet can pass, and whether jumps go round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from validator.model import PASSES, Firewall, Hook, Rule, Verb

_LEADING = frozenset((Verb.JUMP, Verb.GOTO))


def passed(firewall: Firewall, hook: Hook) -> tuple[str, ...]:
    """The base chains that a packet at `hook` passes, in order, if it is not translated on the way."""
    return tuple(name for at in PASSES[hook] for name in firewall.hooks.get(at, ()))


def jumps(rules: Iterable[Rule]) -> Iterator[tuple[str, Rule]]:
    """The chains that enabled rules jump to, each with the rule."""
    for rule in rules:
        if rule.action.verb in _LEADING and rule.enabled:
            yield rule.action.chain, rule


Targets = Mapping[str, Sequence[tuple[str, Rule]]]
"""The jumps of each chain: where to, and the rule."""


def targets(firewall: Firewall) -> Targets:
    """The jumps of every chain of a firewall."""
    return {name: list(jumps(chain.rules)) for name, chain in firewall.chains.items()}


def led_to(found: Targets, roots: Iterable[str]) -> set[str]:
    """The chains that jumps lead to from `roots`, themselves included."""
    seen: set[str] = set()
    todo = [name for name in roots if name in found]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [target for target, _ in found[name] if target in found]
    return seen


def loops(found: Targets) -> list[set[str]]:
    """The chains whose jumps lead back to themselves, those of one loop together. The kernel refuses to load them."""
    names = {name: {target for target, _ in listed} for name, listed in found.items()}
    try:
        TopologicalSorter(names).prepare()
    except CycleError:
        return _components(names)
    return []


def _components(names: dict[str, set[str]]) -> list[set[str]]:
    """The chains of each loop, found by networkx, which takes long to import."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph([(name, target) for name, listed in names.items() for target in listed])
    found = nx.strongly_connected_components(graph)
    return [each for each in found if len(each) > 1 or any(graph.has_edge(name, name) for name in each)]
