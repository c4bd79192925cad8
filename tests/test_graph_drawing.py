"""Drawings of the network: whatever the names, each node is its own and no name ends its quotes."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import networkx as nx
import pytest

from tests.build import chain, firewall
from tests.reports.sample import NASTY
from validator.graph import build
from validator.graph_drawing import DRAWINGS, dot, graphml, mermaid
from validator.model import Firewall
from validator.policy import Policy
from validator.reports.safe_text import plain


def hosts(*names: str) -> list[Firewall]:
    from msgspec.structs import replace

    bare = firewall(chain("in", policy="accept"), input="in")
    return [replace(bare, host=name, name=name) for name in names]


SMALL = build(hosts("web01"))
EVIL = build(hosts(*NASTY))


def test_mermaid_draws_shapes_and_labels() -> None:
    assert mermaid(SMALL).splitlines() == [
        "flowchart LR",
        '  n0{{"network"}}',
        '  n1(("peers"))',
        '  n2["web01"]',
        "  n0 --> n1",
        '  n0 -- "web01: input" --> n2',
        "  n1 --> n0",
        '  n2 -- "web01: output" --> n0',
    ]


def test_dot_draws_shapes_and_labels() -> None:
    assert dot(SMALL).splitlines() == [
        "digraph portproof {",
        "  rankdir=LR;",
        '  n0 [label="network", shape=hexagon];',
        '  n1 [label="peers", shape=circle];',
        '  n2 [label="web01", shape=box];',
        "  n0 -> n1;",
        '  n0 -> n2 [label="web01: input"];',
        "  n1 -> n0;",
        '  n2 -> n0 [label="web01: output"];',
        "}",
    ]


def test_graphml_is_read_back_with_every_label() -> None:
    graph = nx.read_graphml(io.BytesIO(graphml(EVIL).encode()))
    labels = nx.get_node_attributes(graph, "label")
    assert sorted(labels.values()) == sorted(plain(str(node)) for node in EVIL)
    assert graph.size() == EVIL.size()


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_a_hostile_name_stays_inside_its_line(draw: object) -> None:
    assert callable(draw)
    text = draw(EVIL)
    assert text == draw(EVIL)
    assert all(plain(line) == line for line in text.splitlines())
    assert text.endswith("\n")


def test_no_name_ends_its_quotes() -> None:
    for line in mermaid(EVIL).splitlines()[1:]:
        inside = re.findall(r'"([^"]*)"', line)
        assert line.count('"') == 2 * len(inside) <= 2
        assert not re.search(r"[<>`]", "".join(inside))
    for line in dot(EVIL).splitlines():
        assert re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count('"') == 0


def test_hosts_whose_names_look_alike_are_two_nodes() -> None:
    graph = build(hosts("web", "web\x07"))
    assert dot(graph).count('label="web", ') == 2
    assert mermaid(graph).count('["web"]') == 2
    assert len(ElementTree.fromstring(graphml(graph)).findall(".//{*}node")) == 4


def test_a_policys_modules_hang_on_their_host() -> None:
    from validator import policy_file

    policy: Policy = policy_file.load("ol-connect")
    text = mermaid(build(hosts("web01"), policy))
    assert '("web01/messenger")' in text
    assert text.count("web01/") == len(policy.modules)
