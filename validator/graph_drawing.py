"""The network's graph as text for drawing programs: Mermaid, Graphviz's DOT, GraphML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from validator.reports.safe_text import plain

if TYPE_CHECKING:
    from validator.graph import Graph

_MERMAID_SHAPES = {"peers": ("((", "))"), "network": ("{{", "}}"), "host": ("[", "]"), "module": ("(", ")")}
_DOT_SHAPES = {"peers": "circle", "network": "hexagon", "host": "box", "module": "ellipse"}


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart."""
    ids = _ids(graph)
    lines = ["flowchart LR"]
    for node, data in graph.nodes(data=True):
        before, after = _MERMAID_SHAPES[data["kind"]]
        lines.append(f'  {ids[node]}{before}"{_mermaid_text(str(node))}"{after}')
    for start, end, data in graph.edges(data=True):
        label = _label(data)
        arrow = f'-- "{_mermaid_text(label)}" -->' if label else "-->"
        lines.append(f"  {ids[start]} {arrow} {ids[end]}")
    return "\n".join(lines) + "\n"


def dot(graph: Graph) -> str:
    """Graphviz's DOT language."""
    ids = _ids(graph)
    lines = ["digraph portproof {", "  rankdir=LR;"]
    for node, data in graph.nodes(data=True):
        lines.append(f"  {ids[node]} [label={_dot_text(str(node))}, shape={_DOT_SHAPES[data['kind']]}];")
    for start, end, data in graph.edges(data=True):
        label = _label(data)
        attributes = f" [label={_dot_text(label)}]" if label else ""
        lines.append(f"  {ids[start]} -> {ids[end]}{attributes};")
    return "\n".join([*lines, "}"]) + "\n"


def graphml(graph: Graph) -> str:
    """GraphML, with `label` and `kind` on nodes and `hook` and `firewall` on edges."""
    import networkx as nx

    ids = _ids(graph)
    bare: Graph = nx.DiGraph()
    for node, data in graph.nodes(data=True):
        bare.add_node(ids[node], label=plain(str(node)), kind=data["kind"])
    for start, end, data in graph.edges(data=True):
        bare.add_edge(ids[start], ids[end], hook=str(data["hook"]), firewall=plain(data["firewall"]))
    return "\n".join(nx.generate_graphml(bare)) + "\n"


def _ids(graph: Graph) -> dict[object, str]:
    """A name for each node that is its own, which what is shown of it need not be."""
    return {node: f"n{number}" for number, node in enumerate(graph)}


def _label(data: Mapping[str, object]) -> str:
    return f"{data['firewall']}: {data['hook']}" if data["firewall"] else ""


def _mermaid_text(text: str) -> str:
    """Text inside double quotes: Mermaid has entity codes (`#quot;`) for what has a meaning of its own."""
    escaped = plain(text)
    for char, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        escaped = escaped.replace(char, code)
    return escaped


def _dot_text(text: str) -> str:
    escaped = plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


DRAWINGS: Mapping[str, Callable[[Graph], str]] = {"mermaid": mermaid, "dot": dot, "graphml": graphml}
"""The formats of `portproof graph`."""
