"""The network as a graph: peers, hosts and modules, with firewalls on the edges.

networkx is imported where it is used, since it takes longer to import than most checks take.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from validator.engine.connection import Crossing
from validator.engine.passing import jumps, led_to
from validator.engine.survey import Survey
from validator.model import Firewall, Hook
from validator.policy import Direction, Policy
from validator.site import Host, Site
from validator.source import Span

if TYPE_CHECKING:
    import networkx as nx

    Graph = nx.DiGraph[Any]


class Place(enum.Enum):
    """The nodes that are no hosts; no text, so that no host's name can be one of them."""

    NETWORK = "network"
    PEERS = "peers"

    def __str__(self) -> str:
        return self.value


NETWORK, PEERS = Place.NETWORK, Place.PEERS
Node = str | Place


def build(firewalls: Sequence[Firewall], policy: Policy | None = None, site: Site | None = None) -> Graph:
    """The directed graph of who can talk to whom, and what stands between.

    Nodes have `kind`: `network` (the wire everybody is on), `peers`, `host` or `module` (named
    `host/module`). Edges have `firewalls` (a tuple, in the order a packet meets them), `hook`,
    and `firewall`: their names as text.
    """
    import networkx as nx

    graph: Graph = nx.DiGraph()
    graph.add_node(NETWORK, kind="network")
    graph.add_node(PEERS, kind="peers")
    _edge(graph, PEERS, NETWORK, (), "")
    _edge(graph, NETWORK, PEERS, (), "")
    described = {host.name: host for host in site.hosts} if site else {}
    by_host: dict[str, list[Firewall]] = {name: [] for name in described}
    for firewall in firewalls:
        by_host.setdefault(firewall.host, []).append(firewall)
    for name in sorted(by_host):
        graph.add_node(name, kind="host")
        outer_first = tuple(by_host[name])
        _edge(graph, NETWORK, name, outer_first, Hook.INPUT)
        _edge(graph, name, NETWORK, tuple(reversed(outer_first)), Hook.OUTPUT)
        if policy:
            _add_modules(graph, name, policy, described.get(name))
    return graph


def _add_modules(graph: Graph, host: str, policy: Policy, described: Host | None) -> None:
    for module in policy.modules:
        if described and described.modules is not None and module.id not in described.modules:
            continue
        node = f"{host}/{module.id}"
        graph.add_node(node, kind="module")
        directions = {entry.direction for entry in module.entries}
        if Direction.INBOUND in directions:
            _edge(graph, host, node, (), "")
        if Direction.OUTBOUND in directions:
            _edge(graph, node, host, (), "")


def _edge(graph: Graph, start: Node, end: Node, firewalls: tuple[Firewall, ...], hook: str) -> None:
    names = " + ".join(firewall.name for firewall in firewalls)
    graph.add_edge(start, end, firewalls=firewalls, hook=hook, firewall=names)


def crossings(graph: Graph, start: Node, end: Node) -> tuple[Crossing, ...]:
    """The firewalls that a request from node `start` to node `end` crosses, in order."""
    import networkx as nx

    path = nx.shortest_path(graph, start, end)
    found = []
    for here, there in pairwise(path):
        edge = graph.edges[here, there]
        found += [Crossing(firewall, Hook(edge["hook"])) for firewall in edge["firewalls"]]
    return tuple(found)


class Problem(Struct, frozen=True):
    """Something wrong with a firewall's chains: `loop`, `unreached` or `missing-chain`."""

    kind: str
    host: str
    chain: str
    span: Span
    text: str


def problems(firewall: Firewall, survey: Survey | None = None) -> tuple[Problem, ...]:
    """Chains with a jump loop, chains that nothing reaches, jumps to chains that are not there."""
    survey = survey or Survey()
    to = survey.targets(firewall)
    dangling = [name for name, listed in to.items() if any(each not in firewall.chains for each in listed)]
    found = [
        Problem("missing-chain", firewall.host, name, rule.span, f"chain {name} jumps to {target}, which is missing")
        for name in dangling
        for target, rule in jumps(firewall.chains[name].rules)
        if target not in firewall.chains
    ]
    found += _loops(firewall, survey)
    roots = {name for names in firewall.hooks.values() for name in names}
    roots |= {name for name, chain in firewall.chains.items() if chain.policy is not None}
    reached = led_to(to, roots)
    for name, chain in firewall.chains.items():
        if name not in reached and chain.rules and chain.policy is None:
            number = len(chain.rules)
            text = f"nothing reaches chain {name} and its {f'{number} rules' if number > 1 else 'only rule'}"
            found.append(Problem("unreached", firewall.host, name, chain.rules[0].span, text))
    return tuple(found)


def _loops(firewall: Firewall, survey: Survey) -> list[Problem]:
    components: dict[int, set[str]] = {}
    for name, number in survey.loop(firewall).items():
        components.setdefault(number, set()).add(name)
    found = []
    for component in components.values():
        name = min(component)
        inside = [rule for target, rule in jumps(firewall.chains[name].rules) if target in component]
        members = ", ".join(sorted(component))
        text = f"jump loop through {members}: the kernel refuses to load this"
        found.append(Problem("loop", firewall.host, name, inside[0].span, text))
    return sorted(found, key=lambda problem: problem.chain)
