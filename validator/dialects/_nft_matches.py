"""Match statements and sets: when a packet matches, and which elements of a map it can have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zlib import crc32

from msgspec import Struct, field
from msgspec.structs import replace

from validator.dialects._linux_changes import asks
from validator.dialects._nft_data import Element, Expr, NftSet, NftTable, Unclear, fields, items
from validator.dialects._nft_keys import FiniteKey, InterfaceKey, Key, MarkKey, NumberKey, OpaqueKey, StatusKey
from validator.dialects._nft_listing import WHOLE
from validator.dialects._nft_logic import ALWAYS, NEVER, Conj, given, negate, never, union, within
from validator.dialects._nft_packet import AnyPortKey, key_of, reads
from validator.dialects._nft_render import render
from validator.dialects._nft_surroundings import Surroundings
from validator.dialects._nft_values import interval
from validator.model import ConditionMatch
from validator.packets.fields import Interval
from validator.packets.intervals import normalise

_EXACT = (NumberKey, FiniteKey, InterfaceKey, MarkKey)
"""Keys that ask for the same in every rule."""
MOST_COMPARISONS = 200_000
"""How many pairs of elements are compared to see whether they overlap."""


class Member(Struct, frozen=True):
    """An element of a map: when a packet has it, what the map gives, and the element's own line, if it has one."""

    matches: Conj
    element: Element


class Matcher(Struct):
    """Reads matches in one table; remembers what it has read, since rules repeat themselves."""

    table: NftTable
    _sets: dict[tuple[str, str, bool], Conj] = field(default_factory=dict)
    _keys: dict[tuple[str, bool], Key] = field(default_factory=dict)
    _matches: dict[tuple[str, bool], Conj] = field(default_factory=dict)
    _own: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._own = tuple(repr(f"@{one.name}") for one in self.table.sets.values() if one.filled or one.limited)

    def _of_its_rule(self, expr: str, around: Surroundings) -> bool:
        """Whether an expression, as `repr` has it, may be something else in each rule."""
        return around.own(expr) or any(each in expr for each in self._own)

    def match(self, body: Expr, around: Surroundings) -> Conj:
        """When a match statement lets a packet go on. Raises Unclear."""
        remembered = (repr(body), around.early)
        found = self._matches.get(remembered)
        if found is None:
            found = self._match(body, around)
            if not any(map(asks, found)) or not self._of_its_rule(remembered[0], around):
                self._matches[remembered] = found
        return found

    def _match(self, body: Expr, around: Surroundings) -> Conj:
        inner = fields(body)
        if not {"op", "left", "right"} <= inner.keys():
            raise Unclear("a match without its two sides")
        left, right, operator = inner["left"], inner["right"], str(inner["op"])
        keys = self.keys(left, around)
        deps = _deps(keys)
        if never(deps):
            return NEVER
        found: Conj
        if _is_set(right):
            if operator not in ("==", "!=", "in"):
                raise Unclear(f"the operator {operator} on a set")
            _without_ranges(left, right)
            found = self._membership(left, keys, right, around)
            if operator == "!=":
                found = negate(found, around.host.family)
        elif len(keys) > 1 or "concat" in fields(right):
            found = _all_equal(keys, right)
            if operator == "!=":
                found = negate(found, around.host.family)
        else:
            if isinstance(keys[0], StatusKey) and self.table.may_be_of_iptables:
                _without_translation(right)
            found = keys[0].compare(operator, right)
        return NEVER if never(found) else (*deps, *found)

    def keys(self, left: Expr, around: Surroundings) -> list[Key]:
        """The keys of an expression, one for each part of a concatenation. Raises Unclear."""
        parts = fields(left).get("concat")
        return [self._key(part, around) for part in (items(parts) if parts is not None else [left])]

    def _key(self, expr: Expr, around: Surroundings) -> Key:
        remembered = (repr(expr), around.early)
        key = self._keys.get(remembered)
        if key is None:
            key = key_of(expr, around)
            if isinstance(key, _EXACT) or not around.own(remembered[0]):
                self._keys[remembered] = key
        return key

    def readable(self, expr: Expr, around: Surroundings) -> Conj:
        """What must hold for a packet to have all that a statement reads of it, and an element in each map that it
        asks: without, the kernel ends the rule for it (NFT_BREAK of nft_payload_eval, nft_lookup_eval,
        nft_objref_map_eval and the like). Raises Unclear."""
        if isinstance(expr, list):
            return _together(self.readable(each, around) for each in expr)
        if not isinstance(expr, dict):
            return ALWAYS
        if reads(expr):
            key = self._key(expr, around)
            if isinstance(key, OpaqueKey) and not key.total and not never(key.deps):
                return (*key.deps, ConditionMatch(key.asks(f"`{key.text}` can be read")))
            return key.deps
        if expr.keys() == {"map"}:
            asked = fields(expr["map"])
            return self._has_element(asked.get("key"), asked.get("data"), around)
        return _together(self.readable(each, around) for each in expr.values())

    def _has_element(self, left: Expr, data: Expr, around: Surroundings) -> Conj:
        keys = self.keys(left, around)
        if isinstance(data, str):
            return _together((_deps(keys), self._membership(left, keys, data, around)))
        pairs = [_pair(each) for each in items(fields(data).get("set"))]
        return _together((_deps(keys), _any_of(keys, pairs, around)))

    def _membership(self, left: Expr, keys: list[Key], data: Expr, around: Surroundings) -> Conj:
        if not isinstance(data, str):
            return _any_of(keys, [Element(plain(each)) for each in items(fields(data).get("set"))], around)
        name, text = data[1:], render(left)
        found = self._sets.get((name, text, around.early))
        if found is None:
            found = self._named(name, text, keys, around)
            if not any(map(asks, found)) or not self._of_its_rule(repr([data, left]), around):
                self._sets[name, text, around.early] = found
        return found

    def _named(self, name: str, text: str, keys: list[Key], around: Surroundings) -> Conj:
        one = self.named(name)
        asked = f"`{text}` is in the set {name} of {self.table.title}"
        here = f" ({around.here})" if one.filled or one.limited or around.host.rewrites else ""
        if one.changing:
            asked += f", which changes while it is in use{here}"
            return (ConditionMatch(around.host.condition(asked, per_packet=True, span=one.span)),)
        if one.hidden:
            asked += f", of which no elements are listed{here}"
            return (ConditionMatch(replace(around.host.assumed(WHOLE, asked, False, one.span), per_packet=True)),)
        return _any_of(keys, one.elements, around)

    def unlisted(self, data: Expr, around: Surroundings) -> ConditionMatch | None:
        """That a packet has an element of the map `data`, where the listing may have left these out; else None."""
        one = self.table.sets.get(data[1:]) if isinstance(data, str) else None
        if one is None or one.changing or not one.hidden:
            return None
        text = f"the map {one.name} of {self.table.title}, of which no elements are listed, has one for the packet"
        return ConditionMatch(replace(around.host.assumed(WHOLE, text, False, one.span), per_packet=True))

    def named(self, name: str) -> NftSet:
        """The set or map of this name. Raises Unclear where it is missing or was not understood."""
        one = self.table.sets.get(name)
        if one is None:
            raise Unclear(f"the set {name[:60]} is not in the export")
        if one.why:
            raise Unclear(one.why)
        return one

    def members(self, left: Expr, data: Expr, around: Surroundings) -> tuple[Conj, list[Member]]:
        """What must hold for a map to be asked, and its elements, of which a packet has one at most; `*` comes
        last. Raises Unclear."""
        keys = self.keys(left, around)
        deps = _deps(keys)
        if isinstance(data, str):
            one = self.named(data[1:])
            if one.changing:
                raise Unclear(f"the map {one.name} changes while it is in use")
            elements: Sequence[Element] = one.elements
        else:
            elements = [_pair(each) for each in items(fields(data).get("set"))]
        last = [each for each in elements if each.key == "*"]
        first = [each for each in elements if each.key != "*"]
        if len(keys) > 1 and _overlap(first, keys):
            raise Unclear("a map whose elements overlap")
        found = [Member(_all_equal(keys, each.key), each) for each in (*first, *last)]
        return deps, found


def plain(expr: Expr) -> Expr:
    """An element without its timeout, counter and comment."""
    inner = fields(fields(expr).get("elem"))
    return inner.get("val", expr)


def _pair(expr: Expr) -> Element:
    if isinstance(expr, list) and len(expr) == 2:
        return Element(plain(expr[0]), expr[1])
    raise Unclear("an element of a map that is no pair")


def _deps(keys: Iterable[Key]) -> Conj:
    return _together(key.deps for key in keys)


def _together(conjunctions: Iterable[Conj]) -> Conj:
    """True where all of them are."""
    found: dict[Conj, None] = {}
    for each in conjunctions:
        if never(each):
            return NEVER
        found[each] = None
    return tuple(dict.fromkeys(match for conj in found for match in conj))


def _is_set(right: Expr) -> bool:
    return "set" in fields(right) or (isinstance(right, str) and right.startswith("@") and len(right) > 1)


def _all_equal(keys: Sequence[Key], value: Expr) -> Conj:
    """When each key is its part of an element. Raises Unclear."""
    if value == "*":
        return ALWAYS
    if len(keys) == 1:
        return keys[0].equals(value)
    parts = items(fields(value).get("concat"))
    if len(parts) != len(keys):
        raise Unclear("an element that has not the parts of its set")
    found: list[Conj] = [key.equals(part) for key, part in zip(keys, parts, strict=True)]
    if any(never(each) for each in found):
        return NEVER
    flat = tuple(match for each in found for match in each)
    return given(flat, flat)


def _any_of(keys: Sequence[Key], elements: Sequence[Element], around: Surroundings) -> Conj:
    only = keys[0] if len(keys) == 1 else None
    if isinstance(only, AnyPortKey):
        return only.among(_numbers(only.ports, elements, around), [each.key for each in elements])
    if isinstance(only, NumberKey) and only.mask is None:
        return _numbers(only, elements, around)
    return union(_all_equal(keys, each.key) for each in elements)


def _numbers(key: NumberKey, elements: Sequence[Element], around: Surroundings) -> Conj:
    ranges: list[Interval] = [interval(each.key, key.read, key.width) for each in elements]
    return within(key.field, normalise(ranges), around.host.family)


def _overlap(elements: Sequence[Element], keys: Sequence[Key]) -> bool:
    """Whether some packet may have two elements of a concatenation that give different values.

    Elements without ranges are distinct; one with a range is compared with all others.
    """
    if len({repr(each.value) for each in elements}) <= 1:
        return False
    boxes = [_box(each.key, keys) for each in elements]
    wide = [at for at, box in enumerate(boxes) if any(low != high for low, high in box)]
    if len(wide) * len(boxes) > MOST_COMPARISONS:
        return True
    for at in wide:
        for other, box in enumerate(boxes):
            same = other == at or elements[at].value == elements[other].value
            if not same and all(a[0] <= b[1] and b[0] <= a[1] for a, b in zip(boxes[at], box, strict=True)):
                return True
    return False


def _box(expr: Expr, keys: Sequence[Key]) -> list[Interval]:
    """An element as numbers; a part that is no number counts as one, by its text, and a prefix of names as all."""
    box: list[Interval] = []
    for key, part in zip(keys, items(fields(expr).get("concat")), strict=False):
        if isinstance(key, NumberKey):
            box.append(interval(part, key.read, key.width))
        elif isinstance(part, dict) or str(part).endswith("*"):
            box.append((0, 1 << 64))
        else:
            number = crc32(str(part).encode())
            box.append((number, number))
    return box


def exhaustive(key: Expr, elements: Sequence[Expr]) -> bool:
    """Whether elements are every value of a `numgen` or hash: one of them is taken then."""
    if not isinstance(key, dict) or len(key) != 1:
        return False
    kind, body = next(iter(key.items()))
    size, offset = fields(body).get("mod"), fields(body).get("offset", 0)
    if kind not in ("numgen", "jhash", "symhash") or not isinstance(size, int) or offset not in (0, None):
        return False
    count = 0
    for each in elements:
        ends = fields(each).get("range")
        low, high = (ends[0], ends[1]) if isinstance(ends, list) and len(ends) == 2 else (each, each)
        if not isinstance(low, int) or not isinstance(high, int) or not 0 <= low <= high < size:
            return False
        count += high - low + 1
    return count == size


def _without_translation(value: Expr) -> None:
    """Raises Unclear for `ct status dnat` and `ct status snat`: nft 1.0.6 prints so what iptables-nft has as `--ctstate
    DNAT`, as `! --ctstate DNAT`, and as a list of states with DNAT among them."""
    if set(map(str, items(value))) & {"dnat", "snat"}:
        raise Unclear(
            "a translated connection, as iptables has it: nft prints its negation, and a list with it, the same way; "
            "iptables-save says it in full"
        )


def _without_ranges(left: Expr, right: Expr) -> None:
    """Raises Unclear for the form in which nft prints `multiport --ports` of iptables-nft, either port being one of a
    few: nft 1.0.6 prints a range as its two ends there."""
    sides = [fields(fields(part).get("payload")).get("field") for part in items(fields(left).get("concat"))]
    if sides != ["sport", "dport"] or isinstance(right, str):
        return
    pairs = [items(fields(plain(each)).get("concat")) for each in items(fields(right).get("set"))]
    every: Expr = {"range": [0, 65535]}
    if pairs and all(every in pair for pair in pairs):
        raise Unclear(
            "either port, as iptables has it: nft prints ranges of them wrongly; iptables-save says it in full"
        )
