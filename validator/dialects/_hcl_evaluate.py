"""What an expression of Terraform's language gives, as far as the files tell.

"Expressions" (Terraform language documentation). What they do not tell is an Unknown that carries the expression's
text; inside lists and maps it keeps its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from validator.dialects._hcl_functions import MOST, NotHere, call, same, text_of
from validator.dialects._hcl_paths import Splat, Step, follow, pairs
from validator.dialects._hcl_tree import Expression, children, word
from validator.dialects._iac_values import Unknown, short, whole
from validator.errors import ExportError

if TYPE_CHECKING:
    from lark import Tree

    Node = Tree[Any]


class Budget:
    """How much may be evaluated: a file can ask for more than anybody waits for."""

    def __init__(self, path: str, steps: int = 500_000) -> None:
        self._path, self._left = path, steps

    def spend(self) -> None:
        """Count a step. Raises ExportError where they are spent."""
        self._left -= 1
        if self._left < 0:
            problem = "the expressions of this configuration take too long to evaluate"
            raise ExportError(problem, "pass the plan: terraform show -json PLAN", self._path, 1)


class Scope(Struct, frozen=True):
    """What names mean: `local` the iterators (`each`, `count`, those of for and dynamic); `global_` resolves others.

    `global_(root, steps)` gives a value and how many of the steps it used; it raises NotHere where nobody knows.
    `prefix` is put before the text of what is not known (the module's address).
    """

    global_: Callable[[str, Sequence[Step]], tuple[Any, int]]
    local: Mapping[str, Any]
    budget: Budget
    prefix: str = ""

    def inner(self, **names: Any) -> Scope:
        """This scope with more iterators."""
        return Scope(self.global_, {**self.local, **names}, self.budget, self.prefix)


def evaluate(expression: Expression, scope: Scope) -> Any:
    """The value of `expression`: plain data, a Handle or Unknown. Raises RecursionError where it is nested too deep."""
    return _Evaluator(expression.text, scope).value(expression.node)


class _Evaluator:
    def __init__(self, text: str, scope: Scope) -> None:
        self._text, self._scope = text, scope

    def value(self, node: Node) -> Any:
        self._scope.budget.spend()
        known = getattr(self, f"_{node.data}", None)
        try:
            found = known(node) if known is not None else self._unknown(node)
        except NotHere:
            return self._unknown(node)
        return self._unknown(node) if isinstance(found, str | list | dict) and len(found) > MOST else found

    def _unknown(self, node: Node) -> Unknown:
        start, end = getattr(node.meta, "start_pos", 0), getattr(node.meta, "end_pos", 0)
        return Unknown(self._scope.prefix + short(self._text[start:end]))

    def _expr_term(self, node: Node) -> Any:
        (inner,) = [child for child in children(node) if hasattr(child, "children")]
        return self.value(inner)

    def _int_lit(self, node: Node) -> Any:
        return self._number(word(node))

    def _float_lit(self, node: Node) -> Any:
        return float(word(node))

    def _number(self, text: str) -> int:
        found = whole(text)
        if found is None:
            raise NotHere
        return found

    def _literal_value(self, node: Node) -> Any:
        return {"true": True, "false": False, "null": None}[word(node)]

    def _string(self, node: Node) -> Any:
        parts = children(node)[1:-1]
        values = [self._part(part) for part in parts]
        if len(values) == 1 and not isinstance(parts[0].children[0], str):
            return values[0]  # "${x}" is x
        if any(isinstance(value, Unknown) for value in values):
            raise NotHere
        return "".join(text_of(value) for value in values)

    def _part(self, part: Node) -> Any:
        inner = part.children[0]
        if isinstance(inner, str):
            return _literal(str(inner))
        if inner.data != "interpolation":
            raise NotHere  # a template directive
        return self.value(children(inner)[1])

    def _heredoc_template(self, node: Node) -> Any:
        text = str(node.children[0])
        if "${" in text or "%{" in text:
            raise NotHere
        return text.split("\n", 1)[1].rstrip().rsplit("\n", 1)[0] + "\n"

    def _tuple(self, node: Node) -> Any:
        return [self.value(child) for child in children(node) if hasattr(child, "children")]

    def _object(self, node: Node) -> Any:
        found: dict[str, Any] = {}
        for element in children(node):
            if getattr(element, "data", "") != "object_elem":
                continue
            key, _, value = children(element)
            found[self._key(key)] = self.value(value)
        return found

    def _key(self, node: Node) -> str:
        inner = children(node)[0]
        term = children(inner)[0] if getattr(inner, "data", "") == "expr_term" else inner
        if getattr(term, "data", "") in ("identifier", "keyword", "literal_value"):
            return word(term)
        return text_of(self.value(inner))

    # --- operators ------------------------------------------------------------------

    def _conditional(self, node: Node) -> Any:
        test, yes, no = [child for child in children(node) if hasattr(child, "children")]
        asked = self.value(test)
        if isinstance(asked, bool):
            return self.value(yes if asked else no)
        either, other = self.value(yes), self.value(no)
        if isinstance(asked, Unknown) and same(either, other):
            return either
        raise NotHere

    def _unary_op(self, node: Node) -> Any:
        sign, operand = children(node)
        value = self.value(operand)
        if str(sign).strip() == "!" and isinstance(value, bool):
            return not value
        if str(sign).strip() == "-" and isinstance(value, int | float) and not isinstance(value, bool):
            return -value
        raise NotHere

    def _binary_op(self, node: Node) -> Any:
        left_node, term = children(node)
        operator, right_node = children(term)
        sign = re.sub(r"\s|#[^\n]*\n|//[^\n]*\n", "", word(operator))
        left, right = self.value(left_node), self.value(right_node)
        if sign in ("&&", "||"):
            return _logical(sign, left, right)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            raise NotHere
        if sign in ("==", "!="):
            return same(left, right) is (sign == "==")
        return _arithmetic(sign, self._number(text_of(left)), self._number(text_of(right)))

    # --- collections ----------------------------------------------------------------

    def _function_call(self, node: Node) -> Any:
        name, *rest = children(node)
        arguments = next((child for child in rest if getattr(child, "data", "") == "arguments"), None)
        inner = children(arguments) if arguments is not None else []
        values = [self.value(child) for child in inner if hasattr(child, "children")]
        if any(str(child) == "..." for child in inner if not hasattr(child, "children")):
            last = values.pop()
            if not isinstance(last, list):
                raise NotHere
            values += last
        return call(word(name), values)

    def _for_tuple_expr(self, node: Node) -> Any:
        _, intro, result, *rest, _ = children(node)
        found = []
        for inner in self._passes(intro, rest):
            found.append(inner.value(result))
        return found

    def _for_object_expr(self, node: Node) -> Any:
        _, intro, key, _, result, *rest, _ = children(node)
        if any(str(child) == "..." for child in rest if not hasattr(child, "children")):
            raise NotHere
        found: dict[str, Any] = {}
        for inner in self._passes(intro, rest):
            found[text_of(inner.value(key))] = inner.value(result)
        return found

    def _passes(self, intro: Node, rest: Sequence[Any]) -> list[_Evaluator]:
        """An evaluator for each pass of a for expression whose condition holds."""
        parts = [child for child in children(intro) if hasattr(child, "children")]
        names, source = [word(part) for part in parts[:-1]], self.value(parts[-1])
        test = next((child for child in rest if getattr(child, "data", "") == "for_cond"), None)
        found = []
        for key, value in pairs(source):
            local = {names[-1]: value, **({names[0]: key} if len(names) == 2 else {})}
            inner = _Evaluator(self._text, self._scope.inner(**local))
            kept = True if test is None else inner.value(children(test)[1])
            if not isinstance(kept, bool):
                raise NotHere
            if kept:
                found.append(inner)
        return found

    # --- traversals -----------------------------------------------------------------

    def _identifier(self, node: Node) -> Any:
        return self._walk(node, [])

    def _get_attr_expr_term(self, node: Node) -> Any:
        return self._walk(node, [])

    _index_expr_term = _attr_splat_expr_term = _full_splat_expr_term = _get_attr_expr_term

    def _walk(self, node: Node, steps: list[Step]) -> Any:
        """Follow a traversal inwards to its root, then its steps outwards."""
        while node.data in ("get_attr_expr_term", "index_expr_term", "attr_splat_expr_term", "full_splat_expr_term"):
            base, step = children(node)
            steps = [*self._steps(step), *steps]
            while base.data == "expr_term" and hasattr(children(base)[0], "children"):
                base = children(base)[0]
            node = base
        if node.data != "identifier":
            return follow(self.value(node), steps)
        root = word(node)
        if root in self._scope.local:
            return follow(self._scope.local[root], steps)
        value, used = self._scope.global_(root, steps)
        return follow(value, steps[used:])

    def _steps(self, node: Node) -> list[Step]:
        parts = children(node)
        match node.data:
            case "get_attr":
                return [word(parts[1])]
            case "short_index":
                return [self._number(word(parts[1]))]
            case "braces_index":
                found = self.value(parts[1])
                return [found if isinstance(found, str | int | Unknown) else Unknown("")]
        inner = [part for part in parts if hasattr(part, "children")]
        each = inner  # [*]: all that follows is asked of each member; .*: attributes alone
        if node.data == "attr_splat":
            each = list(takewhile(lambda part: part.data == "get_attr", inner))
        splat = Splat(tuple(step for part in each for step in self._steps(part)))
        return [splat, *(step for part in inner[len(each) :] for step in self._steps(part))]


def _logical(sign: str, left: Any, right: Any) -> bool:
    if isinstance(left, bool) and left is (sign == "||"):
        return left
    if isinstance(left, bool) and isinstance(right, bool):
        return right
    raise NotHere


def _arithmetic(sign: str, left: int, right: int) -> Any:
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "%" if right > 0 and left >= 0:
            return left % right
        case "/" if right and left % right == 0:
            return left // right
        case "<":
            return left < right
        case ">":
            return left > right
        case "<=":
            return left <= right
        case ">=":
            return left >= right
    raise NotHere


_ESCAPE = re.compile(r'\\(n|r|t|"|\\|u[\da-fA-F]{4}|U[\da-fA-F]{8})')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def _literal(text: str) -> str:
    """The characters that stand for themselves in a quoted string."""
    if text.startswith(("$${", "%%{")):
        return text[1:]

    def unescaped(match: re.Match[str]) -> str:
        code = match[1]
        if code in _ESCAPED:
            return _ESCAPED[code]
        number = int(code[1:], 16)
        return chr(number) if number <= 0x10FFFF else "�"

    return _ESCAPE.sub(unescaped, text)
