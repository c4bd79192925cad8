"""`nft -j list ruleset`: the tables of nftables as libnftables-json(5).

    {"nftables": [{"metainfo": {...}}, {"table": {"family": "inet", "name": "filter"}}, {"chain": ...}, {"rule": ...}]}

Rules stand in the order of the list, whatever table they name. What they mean is in `_nft_convert.py`, as for the
text. Rules that iptables-nft made are poorer here than in the text: `xt` objects name a match and hide its options.

What nft 1.0.6 writes otherwise than libnftables-json(5) says: a chain at ingress or egress without its devices; a
table's only flag as some other text of the export, since it reads freed memory there (table_flags_json of its
json.c), so that whether the table is dormant is not told; a set without `dynamic` among its flags; and the update of a
map as the text of the statement.
"""

from __future__ import annotations

import re
from typing import NoReturn

from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects._json_positions import Located, load
from validator.dialects._linux import convert
from validator.dialects._nft_account import account
from validator.dialects._nft_convert import families
from validator.dialects._nft_data import (
    HOOKS,
    Element,
    Expr,
    NftChain,
    NftRule,
    NftRuleset,
    NftSet,
    NftTable,
    Statement,
    too_deep,
)
from validator.dialects._nft_listing import mark_hidden
from validator.dialects._nft_matches import plain
from validator.dialects._nft_render import element as render_element
from validator.dialects._nft_render import statement as render
from validator.dialects._nft_statements import statements
from validator.dialects._nft_tokens import Words, words
from validator.dialects._nft_updates import mark_filled
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source, Span

NAME = "nft-json"
TITLE = "nft -j list ruleset"
PLATFORM = "linux"

_HEAD = re.compile(r'\s*\{\s*"nftables"\s*:\s*\[')
_AGAIN = "run nft -j list ruleset > FILE and pass that file"
_OBJECTS = frozenset(
    ("metainfo", "flowtable", "counter", "quota", "ct helper", "ct timeout", "ct expectation", "secmark")
    + ("synproxy", "tunnel")
)
"""Objects that do nothing by themselves."""
_TABLE_FLAGS = frozenset(("dormant", "owner", "persist"))


def sniff(source: Source) -> bool:
    """An object that starts with the list `nftables`."""
    return _HEAD.match("\n".join(source.lines[:50])[:4000]) is not None


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The ruleset in `source`. Raises ExportError where it is cut, or no list of objects."""
    data = load(source)
    if not isinstance(data, Located) or not isinstance(data.get("nftables"), list):
        raise ExportError("no list of nftables objects", _AGAIN, source.path, 1)
    ledger.mark_range(1, len(source.lines), LineState.IGNORED)
    reader = _Reader(source, ledger)
    for each in data["nftables"]:
        reader.add(each)
    found = NftRuleset(source.path, reader.tables)
    mark_hidden(found)
    mark_filled(found)
    account(found, ledger)
    return Fragment(NAME, PLATFORM, source.path, found, families(found))


class _Reader:
    """Takes the objects of the list, in order."""

    def __init__(self, source: Source, ledger: Ledger) -> None:
        self._source, self._ledger = source, ledger
        self.tables: dict[tuple[str, str], NftTable] = {}

    def add(self, each: object) -> None:
        """One object of the list."""
        if not isinstance(each, Located) or len(each) != 1:
            self._fail("an entry that is not one object", each)
        kind, body = next(iter(each.items()))
        if kind in _OBJECTS:
            return
        if not isinstance(body, Located):
            self._fail(f"{kind[:40]} that is no object", each)
        if kind == "table":
            self._table(body)
        elif kind == "chain":
            self._chain(body)
        elif kind in ("set", "map", "meter"):
            self._set(body)
        elif kind == "rule":
            self._rule(body)
        elif kind == "limit":
            self._home(body).limits[self._text(body, "name")] = bool(body.get("inv"))
        else:
            self._fail(f"an object that is not known: {kind[:40]}", each)

    def _fail(self, problem: str, at: object) -> NoReturn:
        line = at.line if isinstance(at, Located) else 1
        raise ExportError(problem, _AGAIN, self._source.path, line)

    def _text(self, body: Located, key: str) -> str:
        value = body.get(key)
        if not isinstance(value, str) or not value:
            self._fail(f"an object without {key}", body)
        return value

    def _span(self, body: Located, text: str) -> Span:
        return Span(self._source.path, body.line, text)

    def _home(self, body: Located) -> NftTable:
        key = (self._text(body, "family"), self._text(body, "table"))
        if key not in self.tables:
            what = f"the table {key[0]} {key[1]} is not in the list before what it holds"
            self._fail(f"{what}: this is not the whole ruleset, or it is damaged", body)
        return self.tables[key]

    def _table(self, body: Located) -> None:
        family, name = self._text(body, "family"), self._text(body, "name")
        if (family, name) in self.tables:
            self._fail(f"the table {family} {name} stands here a second time: these are two dumps in one file", body)
        flags = _words(body.get("flags"))
        dormant = "dormant" in flags if _TABLE_FLAGS.issuperset(flags) else None
        self.tables[family, name] = NftTable(family, name, self._span(body, f"table {family} {name}"), dormant)
        self._ledger.mark(body.line, LineState.MODELLED)

    def _chain(self, body: Located) -> None:
        table, name = self._home(body), self._text(body, "name")
        if name in table.chains:
            self._fail(f"the chain {name} stands here a second time", body)
        hook = body.get("hook")
        text = f"chain {name}"
        chain = table.chains[name] = NftChain(name, self._span(body, text))
        self._ledger.mark(body.line, LineState.MODELLED)
        if hook is None:
            return
        if hook not in HOOKS:
            self._fail(f"the hook {str(hook)[:40]} is not known", body)
        chain.hook, chain.type = str(hook), str(body.get("type", ""))
        chain.devices = tuple(_words(body.get("dev"))) or None
        priority, policy = body.get("prio"), body.get("policy", "accept")
        if isinstance(priority, int) and not isinstance(priority, bool):
            chain.priority = priority
        else:
            chain.why = f"the priority of {name} is not understood"
        chain.policy = str(policy)
        if policy not in ("accept", "drop"):
            chain.why = f"the policy {chain.policy[:40]} is not known"
        head = f"type {chain.type} hook {chain.hook} priority {chain.priority}; policy {chain.policy};"
        chain.policy_span = self._span(body, f"chain {name} {{ {head} }}")

    def _set(self, body: Located) -> None:
        table, name = self._home(body), self._text(body, "name")
        one = table.sets[name] = NftSet(name, self._span(body, f"set {name}"))
        self._ledger.mark(body.line, LineState.MODELLED)
        flags = _words(body.get("flags"))
        one.limited = any(
            key in statement for statement in _list(body.get("stmt")) for key in ("limit", "quota", "ct count")
        )
        one.changing = "dynamic" in flags or "timeout" in flags or "timeout" in body or one.limited
        one.listed = "elem" in body
        elements = body.get("elem", [])
        if not isinstance(elements, list) or too_deep(elements):
            one.why = f"the elements of {name} are not understood"
            self._ledger.mark(body.line, LineState.UNSUPPORTED)
            return
        for each in elements:
            one.elements.append(self._element(each))

    def _element(self, each: Expr) -> Element:
        if isinstance(each, list) and len(each) == 2:
            verdict = each[1]
            found = Element(plain(each[0]), verdict)
            span = self._span(verdict, render_element(found)) if isinstance(verdict, Located) else None
            return replace(found, span=span)
        return Element(plain(each))

    def _rule(self, body: Located) -> None:
        table, name = self._home(body), self._text(body, "chain")
        chain = table.chains.get(name)
        if chain is None:
            self._fail(f"a rule of the chain {name}, which is not in the list before it", body)
        chain.rules.append(self._read(body))

    def _read(self, body: Located) -> NftRule:
        found: list[Statement] = []
        why = ""
        expressions = body.get("expr")
        for each in expressions if isinstance(expressions, list) else [None]:
            some, why = _statements(each)
            found += some
            if why:
                break
        if too_deep([value for _, value in found]):
            found, why = [], "expressions that are nested too deep"
        text = " ".join(render(each) for each in found)
        return NftRule(body.line, self._span(body, text), text, tuple(found), why)


def _statements(each: Expr) -> tuple[list[Statement], str]:
    """A statement, and why it is not understood, if it is not; nft writes one for which it has no JSON as text."""
    if isinstance(each, str):
        return statements(Words(words(each)))
    if isinstance(each, dict) and len(each) == 1:
        return [next(iter(each.items()))], ""
    return [], "a statement that is not of libnftables-json"


def _words(value: object) -> list[str]:
    """A word or a list of words."""
    return [str(each) for each in (value if isinstance(value, list) else [value]) if each is not None]


def _list(value: object) -> list[dict[str, Expr]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
