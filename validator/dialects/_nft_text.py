"""The blocks of `nft list ruleset`: tables, and in them chains, sets, maps and named objects.

nft(8): a block is `KEYWORD NAME { ... }`, and what stands in it ends at a line's end or at `;`. Braces of a set
may span lines.
"""

from __future__ import annotations

import re
from collections import Counter

from validator.dialects._linux_ruleset import PRIORITIES
from validator.dialects._nft_data import (
    HOOKS,
    Element,
    NftChain,
    NftRule,
    NftRuleset,
    NftSet,
    NftTable,
    Unclear,
)
from validator.dialects._nft_expressions import elements
from validator.dialects._nft_statements import statements
from validator.dialects._nft_tokens import Words, words
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_AGAIN = "run nft list ruleset > FILE and pass that file"
_COUNTER = re.compile(r"counter packets \d+ bytes \d+")
_HIDDEN_TARGET = re.compile(r"\bcounter(?: packets \d+ bytes \d+)? (?: # handle \d+)?$")
"""A line that ends with a blank: nft 1.0.6 looks up targets by name alone, and prints one of a family that it has not
loaded as nothing (`tcp dport 80 counter packets 0 bytes 0 ` for DNAT of ip6tables)."""
_COMMENT = re.compile(r'\s*\bcomment "[^"]*"|\s+#.*')
_SCRIPT = frozenset(
    ("add", "create", "delete", "destroy", "insert", "replace", "flush", "define", "redefine", "include")
    + ("undefine", "list", "reset", "rename")
)
_OBJECTS = frozenset(("flowtable", "counter", "quota", "limit", "ct", "secmark", "synproxy", "tunnel"))
_UNKNOWN_SETS = frozenset(("limit", "quota", "ct"))


def read(source: Source, ledger: Ledger) -> NftRuleset:
    """The tables of `source`. Marks the heads of blocks and the contents of sets; rules are left to others.

    Raises ExportError where the file is cut, damaged, or a script.
    """
    return _Blocks(source, ledger).read()


class _Blocks:
    """Reads one file, token by token."""

    def __init__(self, source: Source, ledger: Ledger) -> None:
        self._source, self._ledger = source, ledger
        self._tables: dict[tuple[str, str], NftTable] = {}
        self._table: NftTable | None = None
        self._chain: NftChain | None = None
        self._set: NftSet | None = None
        self._in_object = False
        self._limit = ""
        self._pending: list[str] = []
        self._lines: list[int] = []
        self._depth = 0

    def read(self) -> NftRuleset:
        """Every table of the file."""
        for number, line in enumerate(self._source.lines, 1):
            found = words(line)
            if self._table is not None:
                self._ledger.mark(number, LineState.IGNORED)
            elif not found or line.lstrip().startswith("#"):
                self._ledger.mark(number, LineState.IGNORED)
                continue
            if self._plain(found):
                self._statement(found, number)
            else:
                for token in found:
                    self._token(token, number)
                if not self._depth and self._pending:
                    self._end(number)
        if self._table is not None:
            self._fail("the ruleset ends in the middle of a table: the file is cut", len(self._source.lines))
        if not self._tables:
            self._fail("no table was found", 1)
        return NftRuleset(self._source.path, self._tables)

    def _fail(self, problem: str, line: int) -> None:
        raise ExportError(problem, _AGAIN, self._source.path, line)

    def _plain(self, found: list[str]) -> bool:
        """Whether a line is one whole statement of a block, as nearly all are."""
        if self._pending or not found or self._table is None or ";" in found:
            return False
        inside = self._chain is not None or self._set is not None or self._in_object
        return inside and found.count("{") == found.count("}") and found[0] != "chain" and found[0] != "}"

    def _token(self, token: str, line: int) -> None:
        if token == "{" and not self._depth and self._opens(line):
            return
        if token == "}" and not self._depth:
            self._end(line)
            self._close(line)
            return
        if token == ";" and not self._depth:
            self._end(line)
            return
        if token in ("{", "("):
            self._depth += 1
        elif token in ("}", ")"):
            self._depth = max(self._depth - 1, 0)
        self._pending.append(token)
        self._lines.append(line)

    def _end(self, line: int) -> None:
        """The end of a statement."""
        found, lines = self._pending, self._lines
        self._pending, self._lines, self._depth = [], [], 0
        if found:
            self._statement(found, lines[0], lines)

    def _opens(self, line: int) -> bool:
        """Whether the words so far are the head of a block, which is opened then."""
        head = self._pending
        if self._table is None:
            if not head or head[0] != "table":
                return False
            self._open_table(head, self._lines[0])
        elif self._chain is None and self._set is None and not self._in_object:
            self._open_block(self._table, head, line)
        elif head and head[0] in ("chain", "table"):
            self._fail("a block that starts inside another: lines are missing above", line)
        else:
            return False
        self._ledger.mark(line, LineState.MODELLED)
        self._pending, self._lines = [], []
        return True

    def _open_table(self, head: list[str], line: int) -> None:
        family, name = ("ip", head[1]) if len(head) == 2 else (head[1], head[2]) if len(head) == 3 else ("", "")
        if family not in FAMILIES:
            self._fail("this head of a table is not understood", line)
        if (family, name) in self._tables:
            self._fail(f"the table {family} {name} stands here a second time: these are two dumps in one file", line)
        self._table = self._tables[family, name] = NftTable(family, name, self._source.span(line))

    def _open_block(self, table: NftTable, head: list[str], line: int) -> None:
        keyword, name = (head[0], head[1]) if len(head) == 2 else (head[0] if head else "", "")
        if keyword == "chain" and name:
            self._chain = table.chains.setdefault(name, NftChain(name, self._source.span(line)))
        elif keyword in ("set", "map", "meter") and name:
            self._set = table.sets[name] = NftSet(name, self._source.span(line))
        elif keyword in _OBJECTS:
            self._in_object = True
            if keyword == "limit":
                self._limit = name.strip('"')
                table.limits[self._limit] = False
        else:
            self._fail(f"a block of a table that is not known: {' '.join(head)[:60]}", line)

    def _close(self, line: int) -> None:
        if self._chain is not None or self._set is not None or self._in_object:
            self._chain, self._set, self._in_object, self._limit = None, None, False, ""
        elif self._table is not None:
            self._table = None
        else:
            self._fail("a closing brace without an opening one: the file is damaged", line)

    def _statement(self, found: list[str], line: int, lines: list[int] | None = None) -> None:
        if self._chain is not None:
            self._in_chain(self._chain, found, line)
        elif self._set is not None:
            self._in_set(self._set, found, lines or [line] * len(found))
        elif self._in_object:
            self._ledger.mark(line, LineState.IGNORED)
            if self._limit and self._table is not None and found[:2] == ["rate", "over"]:
                self._table.limits[self._limit] = True
        elif self._table is not None:
            self._in_table(self._table, found, line)
        elif found[0] in _SCRIPT or found[0] == "table":
            if found[:2] == ["flush", "ruleset"] and not self._tables:
                self._ledger.mark(line, LineState.IGNORED)
                return
            self._fail(f"this is a script of nft commands ({' '.join(found[:3])}), not a dump", line)

    def _in_table(self, table: NftTable, found: list[str], line: int) -> None:
        if found[0] == "flags":
            table.dormant = "dormant" in found
            self._ledger.mark(line, LineState.MODELLED)
        elif found[0] in _SCRIPT:
            self._fail(f"this is a script of nft commands ({' '.join(found[:3])}), not a dump", line)
        elif found[0] != "comment":
            self._fail(f"this line of a table is not understood: {' '.join(found)[:60]}", line)

    def _in_chain(self, chain: NftChain, found: list[str], line: int) -> None:
        first = found[0]
        if first == "type" and len(found) > 3 and found[2] == "hook":
            if found[3] not in HOOKS:
                self._fail(f"the hook {found[3][:40]} is not known", line)
            self._ledger.mark(line, LineState.MODELLED)
            chain.policy_span = chain.policy_span or self._source.span(line)
            _head(chain, found)
        elif first == "policy" and len(found) == 2:
            self._ledger.mark(line, LineState.MODELLED)
            chain.policy, chain.policy_span = found[1], self._source.span(line)
            if found[1] not in ("accept", "drop"):
                chain.why = f"the policy {found[1]} is not known"
        elif (first == "flags" and found[1:2] == ["offload"]) or (first == "comment" and len(found) == 2):
            self._ledger.mark(line, LineState.IGNORED)
        elif first == "devices" and found[1:2] == ["="]:
            self._ledger.mark(line, LineState.MODELLED)
            chain.devices = tuple(word.strip('"') for word in found[3:-1] if word != ",")
        else:
            chain.rules.append(self._rule(found, line))

    def _rule(self, found: list[str], line: int) -> NftRule:
        text = _COMMENT.sub("", _COUNTER.sub("counter", self._source.lines[line - 1])).strip()
        span = self._source.span(line)
        if '"' in found:
            return NftRule(line, span, text, (), "a quoted string without end")
        parts, why = statements(Words(found))
        if _HIDDEN_TARGET.search(span.text):
            why = why or "nft 1.0.6 prints nothing for some targets of ip6tables; ip6tables-save says it in full"
        return NftRule(line, span, text, tuple(parts), why)

    def _in_set(self, into: NftSet, found: list[str], lines: list[int]) -> None:
        for line in {lines[0], lines[-1]} if found[0] != "elements" else dict.fromkeys(lines):
            self._ledger.mark(line, LineState.MODELLED)
        if found[0] == "flags":
            into.changing = into.changing or "dynamic" in found or "timeout" in found
        elif found[0] == "timeout" or found[0] in _UNKNOWN_SETS:
            into.changing = True
            into.limited = into.limited or found[0] in _UNKNOWN_SETS
        elif found[0] == "elements":
            into.listed = True
            self._elements(into, found[2:], lines[2:])

    def _elements(self, into: NftSet, found: list[str], lines: list[int]) -> None:
        try:
            read_elements = elements(Words(found), 0)
        except Unclear as reason:
            into.why = f"the elements of {into.name} are not understood ({reason})"
            self._ledger.mark(lines[0] if lines else into.span.line, LineState.UNSUPPORTED)
            return
        starts = [lines[at] for _, at in read_elements]
        count = Counter(starts)
        for (element, _), line in zip(read_elements, starts, strict=True):
            span = self._source.span(line) if count[line] == 1 and line != into.span.line else None
            into.elements.append(Element(element.key, element.value, span))


def _head(chain: NftChain, found: list[str]) -> None:
    """`type TYPE hook HOOK [device X] [devices = { .. }] priority P`, per nft(8) CHAINS."""
    chain.type, chain.hook = found[1], found[3]
    rest = found[4:]
    if rest[:1] == ["device"]:
        chain.devices = (rest[1].strip('"'),) if len(rest) > 1 else ()
        rest = rest[2:]
    elif rest[:1] == ["devices"] and "}" in rest:
        close = rest.index("}")
        chain.devices = tuple(word.strip('"') for word in rest[3:close] if word != ",")
        rest = rest[close + 1 :]
    number = _priority(rest[1:]) if rest[:1] == ["priority"] else None
    if number is None:
        chain.why = f"the priority of {chain.name} is not understood"
    else:
        chain.priority = number


def _priority(found: list[str]) -> int | None:
    """A number, a name, or a name with an offset."""
    base, sign, offset = [*found, "", "", ""][:3]
    if not sign:
        if re.fullmatch(r"-?\d{1,9}", base):
            return int(base)
        return PRIORITIES.get(base)
    if base not in PRIORITIES or sign not in "+-" or not re.fullmatch(r"\d{1,9}", offset):
        return None
    return PRIORITIES[base] + (int(offset) if sign == "+" else -int(offset))
