"""The words of `nft list ruleset`, and what a constant among them is.

nft prints one token apart from the next by a blank, except around `{ } ( ) , ;`; a quoted string has no escapes.
"""

from __future__ import annotations

import re
from functools import lru_cache

from validator.dialects._nft_data import Expr, Unclear

_TOKEN = re.compile(
    r'"[^"]*"(?:-"[^"]*")?'
    r"|#.*"
    r"|@(?:ll|nh|th|ih),\d+,\d+"
    r"|[{}(),;]"
    r"|<<|>>|==|!=|<=|>="
    r"|[|&^!=<>]"
    r'|[^\s{}(),;"|&^!=<>]+'
    r'|"'
)
_XT = re.compile(r"# xt_(\w+)")
_V6 = r"[0-9a-fA-F]*:[0-9a-fA-F:.]*"
_ONE = rf"(?:0x[0-9a-fA-F]+|\d+(?:\.\d+){{3}}|\d+|{_V6})"
_RANGE = re.compile(rf"({_ONE})-({_ONE})\Z")
_PREFIX = re.compile(rf"(\d+(?:\.\d+){{3}}|{_V6})/(\d+)\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}\Z")
_BOOLEANS = {"exists": True, "missing": False}
END = ""
"""The token behind the last one of a statement list."""


def words(line: str) -> list[str]:
    """The tokens of one line, without its comment."""
    if "# xt_" in line:  # nft without libxtables hides a match or target of iptables so, in the midst of a rule
        line = _XT.sub(r"xt any \1", line)
    found = _TOKEN.findall(line)
    if found and "#" in line and found[-1].startswith("#"):
        found.pop()
    return found


@lru_cache(maxsize=65536)
def _constant(word: str) -> tuple[str, Expr, Expr]:
    """The kind of a constant (`value`, `range`, `prefix`) and its one or two parts."""
    if word.startswith('"'):
        first, dash, second = word.partition('"-"')
        if dash:
            return "range", first[1:], second[:-1]
        return "value", word[1:-1], None
    if word.isdigit() and word.isascii() and len(word) < 40:
        return "value", int(word), None
    if _HEX.match(word):
        return "value", int(word, 16), None
    if word in _BOOLEANS:
        return "value", _BOOLEANS[word], None
    found = _RANGE.match(word)
    if found:
        return "range", _constant(found[1])[1], _constant(found[2])[1]
    found = _PREFIX.match(word)
    if found and len(found[2]) < 4:
        return "prefix", found[1], int(found[2])
    return "value", word, None


def constant(word: str) -> Expr:
    """A constant as libnftables-json has it: a number, a string, `range` or `prefix`."""
    kind, first, second = _constant(word)
    if kind == "value":
        return first
    if kind == "range":
        return {"range": [first, second]}
    return {"prefix": {"addr": first, "len": second}}


class Words:
    """The tokens of one rule or one block, read from left to right."""

    __slots__ = ("_tokens", "at", "next")

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self.at = tokens, 0
        self.next = tokens[0] if tokens else END
        """The token that comes; END behind the last."""

    def peek(self, ahead: int) -> str:
        """The token that comes after `ahead` others."""
        where = self.at + ahead
        return self._tokens[where] if where < len(self._tokens) else END

    def take(self) -> str:
        """The token that comes, which is read by this. Raises Unclear where there is none."""
        found = self.next
        if found == END:
            raise Unclear("the rule ends in the middle")
        self.at += 1
        self.next = self._tokens[self.at] if self.at < len(self._tokens) else END
        return found

    def accept(self, *tokens: str) -> str:
        """The token that comes if it is one of `tokens`, else END, and then nothing is read."""
        if self.next in tokens:
            return self.take()
        return END

    def expect(self, token: str) -> None:
        """Read `token`. Raises Unclear where another one comes."""
        found = self.take()
        if found != token:
            raise Unclear(f"{found} where {token} was expected")

    def number(self) -> int:
        """Read a number. Raises Unclear."""
        word = self.take()
        value = constant(word)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unclear(f"{word} is no number")
        return value

    def text(self) -> str:
        """Read a name or a quoted string, without its quotes."""
        return self.take().strip('"')

    def rest(self) -> list[str]:
        """The tokens that were not read."""
        return self._tokens[self.at :]
