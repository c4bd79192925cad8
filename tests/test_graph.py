"""The graph: who talks to whom, what a request crosses, and chains that go wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.build import chain, dport, firewall, rule
from validator.engine.passing import led_to, targets
from validator.graph import NETWORK, PEERS, Node, build, crossings, problems
from validator.model import Chain, Firewall, Hook
from validator.policy_file import load
from validator.site import Host, Site

if TYPE_CHECKING:
    from validator.graph import Graph

POLICY = load("ol-connect")


def wall(name: str, host: str = "web") -> Firewall:
    return replace(firewall(chain("in", policy="accept"), input="in"), name=name, host=host)


OUTER, INNER = wall("outer"), wall("inner")


def crossed(graph: Graph, start: Node, end: Node) -> list[tuple[str, Hook]]:
    found = crossings(graph, start, end)
    return [(crossing.firewall.name, crossing.hook) for crossing in found]


def test_an_inbound_request_meets_the_outer_firewall_first() -> None:
    graph = build([OUTER, INNER])
    assert crossed(graph, PEERS, "web") == [("outer", Hook.INPUT), ("inner", Hook.INPUT)]


def test_an_outbound_request_meets_the_outer_firewall_last() -> None:
    graph = build([OUTER, INNER])
    assert crossed(graph, "web", PEERS) == [("inner", Hook.OUTPUT), ("outer", Hook.OUTPUT)]


def test_between_two_hosts_both_have_their_say() -> None:
    graph = build([wall("a", "one"), wall("b", "two")])
    assert crossed(graph, "one", "two") == [("a", Hook.OUTPUT), ("b", Hook.INPUT)]


@pytest.mark.parametrize("name", ["network", "peers"])
def test_a_host_may_have_any_name(name: str) -> None:
    graph = build([wall("mine", name), wall("other")])
    assert crossed(graph, PEERS, name) == [("mine", Hook.INPUT)]
    assert crossed(graph, name, PEERS) == [("mine", Hook.OUTPUT)]
    assert crossed(graph, PEERS, "web") == [("other", Hook.INPUT)]


def test_nodes_say_what_they_are() -> None:
    graph = build([OUTER], POLICY, Site("site.yaml", (Host("web", modules=("lpd",)), Host("bare", modules=()))))
    kinds = {node: data["kind"] for node, data in graph.nodes(data=True)}
    assert kinds == {NETWORK: "network", PEERS: "peers", "web": "host", "bare": "host", "web/lpd": "module"}


def test_modules_hang_on_their_host_by_what_they_do() -> None:
    graph = build([OUTER], POLICY)
    edges = {(start, end) for start, end in graph.edges if "web/" in f"{start}{end}"}
    assert ("web", "web/lpd") in edges
    assert ("web/lpd", "web") not in edges
    assert ("web/lpr", "web") in edges
    assert {("web", "web/messenger"), ("web/messenger", "web")} <= edges


def test_edges_name_their_firewalls() -> None:
    graph = build([OUTER, INNER])
    assert graph.edges[NETWORK, "web"]["firewall"] == "outer + inner"
    assert graph.edges["web", NETWORK]["firewall"] == "inner + outer"
    assert graph.edges[PEERS, NETWORK]["firewall"] == ""


def told(*chains: Chain) -> list[tuple[str, str, int]]:
    found = problems(firewall(*chains, input="in"))
    return [(problem.kind, problem.chain, problem.span.line) for problem in found]


def test_a_chain_that_returns_is_no_problem() -> None:
    assert told(chain("in", rule(1, "jump a"), policy="drop"), chain("a", rule(2, "return"))) == []


def test_a_loop_is_found_once_at_the_jump_that_goes_into_it() -> None:
    chains = chain("in", rule(1, "jump b"), policy="drop"), chain("b", rule(2, "jump a")), chain("a", rule(3, "goto b"))
    assert told(*chains) == [("loop", "a", 3)]


def test_a_chain_that_jumps_to_itself_is_a_loop() -> None:
    assert told(chain("in", rule(1, "jump a"), policy="drop"), chain("a", rule(2, "jump a"))) == [("loop", "a", 2)]


def test_two_jumps_to_one_chain_are_no_loop() -> None:
    chains = chain("in", rule(1, "jump a"), rule(2, "jump a"), policy="drop"), chain("a", rule(3, "return"))
    assert told(*chains) == []


def test_a_disabled_jump_is_none() -> None:
    chains = chain("in", rule(1, "jump a", enabled=False), policy="drop"), chain("a", rule(2, "jump a", enabled=False))
    assert told(*chains) == [("unreached", "a", 2)]


def test_a_chain_that_only_an_unreached_one_jumps_to_is_unreached() -> None:
    chains = chain("in", policy="drop"), chain("a", rule(1, "jump b")), chain("b", rule(2, "accept", dport(80)))
    assert told(*chains) == [("unreached", "a", 1), ("unreached", "b", 2)]


def test_an_empty_chain_is_not_missed() -> None:
    assert told(chain("in", policy="drop"), chain("a")) == []


def test_a_jump_to_a_chain_that_is_not_there_is_told_at_the_jump() -> None:
    assert told(chain("in", rule(7, "jump a"), policy="drop")) == [("missing-chain", "in", 7)]


@pytest.mark.parametrize(("number", "text"), [(1, "its only rule"), (2, "its 2 rules")])
def test_unreached_rules_are_counted(number: int, text: str) -> None:
    wall = firewall(chain("in", policy="drop"), chain("a", *[rule(1, "accept")] * number), input="in")
    assert problems(wall)[0].text.endswith(text)


def test_reachable_chains_are_those_that_jumps_lead_to() -> None:
    wall = firewall(chain("in", rule(1, "jump a")), chain("a", rule(2, "goto b")), chain("b"), chain("c"), input="in")
    assert led_to(targets(wall), ["in", "none"]) == {"in", "a", "b"}
