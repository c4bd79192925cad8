"""The language of rule conditions: text to a typed, compiled test over named facts.

::

    expression  = conjunction ("or" conjunction)*
    conjunction = negation ("and" negation)*
    negation    = "not"* comparison
    comparison  = operand (("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") operand)?
    operand     = number | 'text' | "text" | true | false | null | [literal, ...] | name | (expression)

Every name and every type is checked when the text is compiled, so that a compiled test cannot fail.
The grammar decides by the next token alone: parsing takes linear time without memoising.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import Struct

from validator.errors import RuleError

if TYPE_CHECKING:
    from pyparsing import ParserElement

MAX_LENGTH = 2_000


class Type(enum.Flag):
    """What a fact or an expression can be; a fact that may be missing is e.g. `TEXT | NULL`."""

    TEXT = enum.auto()
    NUMBER = enum.auto()
    TRUTH = enum.auto()
    NULL = enum.auto()
    TEXTS = enum.auto()  # a list of texts
    NUMBERS = enum.auto()  # a list of numbers


_WORDS = {
    Type.TEXT: "text",
    Type.NUMBER: "a number",
    Type.TRUTH: "true or false",
    Type.NULL: "null",
    Type.TEXTS: "a list of texts",
    Type.NUMBERS: "a list of numbers",
}
_LISTS = {Type.TEXTS: Type.TEXT, Type.NUMBERS: Type.NUMBER}
_KEYWORDS = ("and", "or", "not", "in", "true", "false", "null")
_CONSTANTS = {"true": (True, Type.TRUTH), "false": (False, Type.TRUTH), "null": (None, Type.NULL)}

Facts = Mapping[str, Any]
Test = Callable[[Facts], Any]


class Expression(Struct, frozen=True):
    """A compiled condition: `test(facts)` says whether it holds; `names` are the facts it reads."""

    text: str
    test: Callable[[Facts], bool]
    names: frozenset[str]


class _Literal(Struct, frozen=True):
    at: int
    value: object
    type: Type


class _Name(Struct, frozen=True):
    at: int
    name: str


class _Operation(Struct, frozen=True):
    """An operator (`and`, `or`, `not`, or a comparison) and what it stands between."""

    at: int
    operator: str
    operands: tuple[_Node, ...]


_Node = _Literal | _Name | _Operation


def compile_expression(text: str, types: Mapping[str, Type], path: str = "", line: int = 0) -> Expression:
    """Compile the condition `text` over facts of these `types`.

    Raises RuleError (with `path` and `line`) for a syntax error, an unknown name, or types that do
    not go together.
    """
    compiler = _Compiler(types, path, line)
    try:
        tree = _parse(text, path, line)
        test, kind = compiler.compile(tree)
    except RecursionError:
        raise RuleError("the condition is nested too deeply", "simplify it", path, line) from None
    if kind is not Type.TRUTH:
        compiler.fail(tree, f"the condition is {describe(kind)}, not true or false", "compare it with something")
    return Expression(text, test, frozenset(compiler.names))


def describe(kind: Type) -> str:
    """A type in words: `text or null`."""
    return " or ".join(word for each, word in _WORDS.items() if each in kind)


def _parse(text: str, path: str, line: int) -> _Node:
    from pyparsing import ParseBaseException

    if len(text) > MAX_LENGTH:
        raise RuleError(f"the condition is longer than {MAX_LENGTH:,} characters", "simplify it", path, line)
    try:
        tree: _Node = _grammar().parse_string(text, parse_all=True)[0]
    except ParseBaseException as error:
        rest = text[error.loc :].strip()
        where = f"at {rest[:20]!r} (column {error.loc + 1})" if rest else "at its end"
        remedy = "write comparisons joined by and, or, not; texts in quotes"
        raise RuleError(f"the condition cannot be read {where}", remedy, path, line) from None
    return tree


@cache
def _grammar() -> ParserElement:
    from pyparsing import DelimitedList, Forward, OneOrMore, Opt, Regex, Suppress, ZeroOrMore

    number = Regex(r"-?\d{1,15}\b").set_parse_action(lambda s, at, t: _Literal(at, int(t[0]), Type.NUMBER))
    text = Regex(r"'[^'\n]*'|\"[^\"\n]*\"").set_parse_action(lambda s, at, t: _Literal(at, t[0][1:-1], Type.TEXT))
    constant = Regex(r"(?:true|false|null)\b").set_parse_action(lambda s, at, t: _Literal(at, *_CONSTANTS[t[0]]))
    keywords = "|".join(_KEYWORDS)
    name = Regex(rf"(?!(?:{keywords})\b)[a-z_][a-z0-9_]*").set_parse_action(lambda s, at, t: _Name(at, t[0]))
    literal = text | number | constant
    listed = Suppress("[") + Opt(DelimitedList(literal)) + Suppress("]")
    listed.set_parse_action(lambda s, at, t: _list(at, list(t)))

    expression = Forward()
    operand = name | text | number | constant | listed | Suppress("(") + expression + Suppress(")")
    comparison = operand + Opt(Regex(r"==|!=|<=|>=|<|>|in\b") + operand)
    comparison.set_parse_action(lambda s, at, t: _Operation(at, t[1], (t[0], t[2])) if len(t) == 3 else t[0])
    negation = OneOrMore(Regex(r"not\b")) + comparison | comparison
    negation.set_parse_action(lambda s, at, t: _negated(at, t[-1], len(t) - 1))
    conjunction = negation + ZeroOrMore(Suppress(Regex(r"and\b")) + negation)
    conjunction.set_parse_action(lambda s, at, t: _joined(at, "and", list(t)))
    expression <<= conjunction + ZeroOrMore(Suppress(Regex(r"or\b")) + conjunction)
    expression.set_parse_action(lambda s, at, t: _joined(at, "or", list(t)))
    return expression


def _list(at: int, items: list[_Literal]) -> _Literal:
    """A list of texts or numbers; anything else has no type and is refused where it is used."""
    kinds = {item.type for item in items}
    kind = next((each for each, inside in _LISTS.items() if kinds == {inside}), Type(0))
    return _Literal(at, frozenset(item.value for item in items), kind)


def _negated(at: int, node: _Node, times: int) -> _Node:
    for _ in range(times):
        node = _Operation(at, "not", (node,))
    return node


def _joined(at: int, word: str, nodes: list[_Node]) -> _Node:
    return nodes[0] if len(nodes) == 1 else _Operation(at, word, tuple(nodes))


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUALS: Mapping[str, Callable[[Any, Any], bool]] = {"==": operator.eq, "!=": operator.ne}


class _Compiler:
    """From a tree to a test, checking names and types on the way."""

    def __init__(self, types: Mapping[str, Type], path: str, line: int) -> None:
        self.types, self.path, self.line = types, path, line
        self.names: set[str] = set()

    def fail(self, node: _Node, problem: str, remedy: str) -> NoReturn:
        """Raise RuleError about the part of the condition where `node` begins."""
        raise RuleError(f"{problem} (column {node.at + 1} of the condition)", remedy, self.path, self.line)

    def compile(self, node: _Node) -> tuple[Test, Type]:
        """The test of a node, and its type."""
        if isinstance(node, _Name):
            return self._name(node)
        if isinstance(node, _Literal):
            value = node.value
            if not node.type:
                self.fail(node, "a list must hold texts or numbers, of one kind", "write e.g. ['open', 'partial']")
            return (lambda facts: value), node.type
        if node.operator in ("and", "or", "not"):
            return self._logic(node), Type.TRUTH
        return self._comparison(node), Type.TRUTH

    def _name(self, node: _Name) -> tuple[Test, Type]:
        if node.name not in self.types:
            close = get_close_matches(node.name, self.types, 1)
            known = f"did you mean {close[0]}?" if close else "known names: " + ", ".join(sorted(self.types))
            self.fail(node, f"unknown name {node.name!r}", known)
        self.names.add(node.name)
        return operator.itemgetter(node.name), self.types[node.name]

    def _logic(self, node: _Operation) -> Test:
        tests = []
        for operand in node.operands:
            test, kind = self.compile(operand)
            if kind is not Type.TRUTH:
                self.fail(operand, f"{node.operator!r} needs true or false, not {describe(kind)}", "compare it")
            tests.append(test)
        if node.operator == "not":
            only = tests[0]
            return lambda facts: not only(facts)
        if node.operator == "and":
            return _every(tests)
        return _some(tests)

    def _comparison(self, node: _Operation) -> Test:
        (left, left_type), (right, right_type) = (self.compile(operand) for operand in node.operands)
        sign = node.operator
        if sign == "in":
            inside = _LISTS.get(right_type)
            if inside is None:
                self.fail(node, f"'in' needs a list on its right, not {describe(right_type)}", "write [...]")
            elif inside not in left_type:
                self.fail(node, f"{describe(left_type)} is never in {describe(right_type)}", "compare the same kind")
            return lambda facts: left(facts) in right(facts)
        if (left_type | right_type) & (Type.TEXTS | Type.NUMBERS):
            self.fail(node, f"a list cannot be compared with {sign}", "use 'in'")
        if sign in _ORDERS:
            if (left_type, right_type) != (Type.NUMBER, Type.NUMBER):
                found = f"{describe(left_type)} and {describe(right_type)}"
                self.fail(node, f"{sign} compares numbers, not {found}", "use == or !=")
            return _compared(_ORDERS[sign], left, right, node.operands[1])
        if not left_type & right_type:
            found = f"{describe(left_type)} and {describe(right_type)}"
            self.fail(node, f"{found} can never be equal", "compare the same kind")
        return _compared(_EQUALS[sign], left, right, node.operands[1])


def _compared(compare: Callable[[Any, Any], bool], left: Test, right: Test, operand: _Node) -> Test:
    """The comparison; a constant on the right is not looked up each time."""
    if isinstance(operand, _Literal):
        value = operand.value
        return lambda facts: compare(left(facts), value)
    return lambda facts: compare(left(facts), right(facts))


def _every(tests: list[Test]) -> Test:
    def every(facts: Facts) -> bool:
        return all(test(facts) for test in tests)

    return every


def _some(tests: list[Test]) -> Test:
    def some(facts: Facts) -> bool:
        return any(test(facts) for test in tests)

    return some
