"""Terraform's language as blocks and attributes that know their lines.

HCL native syntax specification (hashicorp/hcl, hclsyntax/spec.md): a body has attributes (`name = expression`) and
blocks (`type "label" { body }`). python-hcl2 parses; its syntax tree is kept, so that expressions are evaluated as
they stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from validator.errors import ExportError
from validator.source import Source

if TYPE_CHECKING:
    from lark import Tree

    Node = Tree[Any]

MAX_CHARACTERS = 400_000
"""Some 50,000 are read a second."""
_PLAN = "run terraform plan -out=p && terraform show -json p > plan.json and pass that file"


class Expression(Struct, frozen=True):
    """An expression: its node in the syntax tree of the file whose whole text is `text`."""

    node: Node
    text: str

    @property
    def line(self) -> int:
        """Where it starts."""
        return line_of(self.node)


class Body(Struct, frozen=True):
    """What stands between braces: attributes by name with their expression and line, and blocks in their order."""

    attributes: Mapping[str, tuple[Expression, int]]
    blocks: tuple[Block, ...]


class Block(Struct, frozen=True):
    """One block: its type, labels and body, and its first and last line."""

    type: str
    labels: tuple[str, ...]
    body: Body
    line: int
    last: int


def read(source: Source) -> Body:
    """The body that a whole file is. Raises ExportError where it is no HCL, or more than is read in good time."""
    from hcl2.parser import parser
    from lark.exceptions import LarkError, UnexpectedInput

    text = source.text + "\n"
    if len(text) > MAX_CHARACTERS:
        problem = f"Terraform configuration of more than {MAX_CHARACTERS:,} characters: it would take too long to read"
        raise ExportError(problem, _PLAN, source.path, 1)
    try:
        tree = parser().parse(text)
        return _body(tree.children[0], text, source.path)
    except UnexpectedInput as error:
        line = error.line if isinstance(error.line, int) and 0 < error.line <= len(source.lines) else len(source.lines)
        raise ExportError("not valid Terraform configuration", "run terraform validate", source.path, line) from None
    except (LarkError, RecursionError, ValueError):
        raise ExportError("Terraform configuration that is nested too deep", _PLAN, source.path, 1) from None


def line_of(node: Node) -> int:
    """The line a node starts on."""
    return int(getattr(node.meta, "line", 1))


def children(node: Node) -> list[Any]:
    """The children of a node without line ends and comments."""
    return [child for child in node.children if getattr(child, "data", "") != "new_line_or_comment"]


def word(node: Any) -> str:
    """The text of an identifier, a keyword, a literal or a string; what it is made of otherwise."""
    if not hasattr(node, "children"):
        return str(node).strip()
    parts = [word(child) for child in children(node)]
    return "".join(parts[1:-1] if node.data == "string" else parts)


def _body(node: Node, text: str, path: str) -> Body:
    attributes: dict[str, tuple[Expression, int]] = {}
    blocks = []
    for child in children(node):
        line = line_of(child)
        if child.data == "block":
            *heads, _, inner, _ = children(child)
            names = tuple(word(head) for head in heads)
            last = int(getattr(child.meta, "end_line", line))
            blocks.append(Block(names[0], names[1:], _body(inner, text, path), line, last))
            continue
        name, _, expression = children(child)
        if word(name) in attributes:
            raise ExportError(f"{word(name)[:40]!r} stands twice in one block", "keep one of them", path, line)
        attributes[word(name)] = Expression(expression, text), line
    return Body(attributes, tuple(blocks))
