"""Which chains a packet can pass, and whether jumps go round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from validator.model import PASSES, Firewall, Hook, Rule, Verb


def passed(firewall: Firewall, hook: Hook) -> tuple[str, ...]:
    """The base chains that a packet at `hook` passes, in order, if it is not translated on the way."""
    return tuple(name for at in PASSES[hook] for name in firewall.hooks.get(at, ()))


def jumps(rules: Iterable[Rule]) -> Iterator[tuple[str, Rule]]:
    """The chains that enabled rules jump to, each with the rule."""
    for rule in rules:
        if rule.action.verb in (Verb.JUMP, Verb.GOTO) and rule.enabled:
            yield rule.action.chain, rule


def reachable(firewall: Firewall, roots: Iterable[str]) -> set[str]:
    """The chains that jumps lead to from `roots`, themselves included."""
    seen: set[str] = set()
    todo = [name for name in roots if name in firewall.chains]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [target for target, _ in jumps(firewall.chains[name].rules) if target in firewall.chains]
    return seen


def loops(firewall: Firewall) -> list[set[str]]:
    """The chains whose jumps lead back to themselves, those of one loop together. The kernel refuses to load them."""
    targets = {name: {target for target, _ in jumps(chain.rules)} for name, chain in firewall.chains.items()}
    try:
        TopologicalSorter(targets).prepare()
    except CycleError:
        return _components(targets)
    return []


def _components(targets: dict[str, set[str]]) -> list[set[str]]:
    """The chains of each loop, found by networkx, which takes long to import."""
    import networkx as nx

    graph: nx.DiGraph[Any] = nx.DiGraph([(name, target) for name, listed in targets.items() for target in listed])
    found = nx.strongly_connected_components(graph)
    return [each for each in found if len(each) > 1 or any(graph.has_edge(name, name) for name in each)]
