"""Which chains a packet can pass, and whether jumps go round."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from validator import reachability
from validator.model import PASSES, Chain, Firewall, Hook, Rule, Verb

_LEADING = frozenset((Verb.JUMP, Verb.GOTO))
_SHALLOW = 3


def passed(firewall: Firewall, hook: Hook) -> tuple[str, ...]:
    """The base chains that a packet at `hook` passes, in order, if it is not translated on the way."""
    return tuple(name for at in PASSES[hook] for name in firewall.hooks.get(at, ()))


def jumps(rules: Iterable[Rule]) -> Iterator[tuple[str, Rule]]:
    """The chains that enabled rules jump to, each with the rule."""
    for rule in rules:
        if rule.action.verb in _LEADING and rule.enabled:
            yield rule.action.chain, rule


Targets = Mapping[str, Collection[str]]
"""For each chain, those that its jumps lead to; some may be missing."""


def targets(firewall: Firewall) -> Targets:
    """Where the jumps of every chain of a firewall lead."""
    return {name: _targets(chain) for name, chain in firewall.chains.items()}


def _targets(chain: Chain) -> Collection[str]:
    if chain.outline is not None:
        return chain.outline.targets
    leading = [rule.action for rule in chain.rules if rule.action.chain and rule.enabled]
    return tuple(dict.fromkeys([action.chain for action in leading if action.verb in _LEADING]))


def led_to(found: Targets, roots: Iterable[str]) -> set[str]:
    """The chains that jumps lead to from `roots`, themselves included."""
    return reachability.led_to(found, roots) & found.keys()


def reached(firewall: Firewall, roots: Iterable[str]) -> Iterator[Chain]:
    """The chains that jumps lead to from `roots`, themselves included, one after the other."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in seen and name in firewall.chains:
            seen.add(name)
            yield firewall.chains[name]
            todo += _targets(firewall.chains[name])


def loops(found: Targets) -> list[set[str]]:
    """The chains whose jumps lead back to themselves, those of one loop together. The kernel refuses to load them."""
    names = {name: listed for name, listed in found.items() if listed}
    for _ in range(_SHALLOW):  # most chains lead to the end soon: little is left to sort
        names = {name: left for name, listed in names.items() if (left := [each for each in listed if each in names])}
    try:
        TopologicalSorter(names).prepare()
    except CycleError:
        return _components(names)
    return []


def _components(names: Targets) -> list[set[str]]:
    """The chains of each loop, found by networkx, which takes long to import."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph([(name, target) for name, listed in names.items() for target in listed])
    found = nx.strongly_connected_components(graph)
    return [each for each in found if len(each) > 1 or any(graph.has_edge(name, name) for name in each)]
