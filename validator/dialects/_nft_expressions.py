"""Expressions of nft(8) text, read into the structure of libnftables-json(5).

Precedence as in nft's grammar: `<<` `>>` bind first, then `&`, `^`, `|`, then ` . ` (concatenation), then `map`.
"""

from __future__ import annotations

from collections.abc import Callable

from validator.dialects._nft_data import MOST_DEPTH, Element, Expr, Unclear
from validator.dialects._nft_tokens import END, Words, constant

META_WORDS = frozenset(
    ("iif", "iifname", "oif", "oifname", "iiftype", "oiftype", "iifgroup", "oifgroup", "mark", "skuid", "skgid")
    + ("rtclassid", "nftrace", "ibriport", "obriport", "ibrname", "obrname", "ibridgename", "obridgename")
    + ("pkttype", "cpu", "cgroup", "length", "l4proto", "nfproto", "protocol", "priority", "random")
    + ("ibrpvid", "ibrvproto", "ibrhwaddr", "iifkind", "oifkind", "sdif", "sdifname")
)
"""Keys of `meta`, which nft prints with or without that word."""
_BARE = META_WORDS - {"length", "l4proto", "nfproto", "protocol", "priority", "random"}
_PAYLOADS = frozenset(
    ("ether", "vlan", "arp", "ip", "ip6", "icmp", "icmpv6", "igmp", "tcp", "udp", "udplite", "sctp", "dccp", "th")
    + ("ah", "esp", "comp", "gre", "gretap", "geneve", "vxlan")
)
_TUNNELS = frozenset(("vxlan", "geneve", "gre", "gretap"))
_EXTENSIONS = frozenset(("hbh", "rt", "rt0", "rt2", "rt4", "frag", "dst", "mh"))
_ROUTING = frozenset(("classid", "nexthop", "mtu", "ipsec", "ip", "ip6"))
_CT_SIDED = frozenset(("ip", "ip6"))
_FIELDLESS = frozenset(("==", "!=", "exists", "missing", "{", END, ".", "set", "<", ">", "!"))
STARTS = (
    _BARE
    | _PAYLOADS
    | _EXTENSIONS
    | {"meta", "ct", "fib", "rt", "socket", "osf", "ipsec", "numgen", "jhash", "symhash", "exthdr", "xfrm", "tunnel"}
)
"""The words that an expression of the packet can start with."""
_SPELLED = {"and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>"}
_BINDS = {"|": 0, "or": 0, "^": 1, "xor": 1, "&": 2, "and": 2, "<<": 3, ">>": 3, "lshift": 3, "rshift": 3}


def left(words: Words, depth: int = 0) -> Expr:
    """What a statement asks about the packet: an expression, perhaps a concatenation. Raises Unclear."""
    return _concat(words, depth, _packet_or_constant)


def right(words: Words, depth: int = 0) -> Expr:
    """What it is compared with: constants, sets, lists of flags. Raises Unclear."""
    first = _concat(words, depth, _constant_or_set)
    if words.next != ",":
        return first
    found = [first]
    while words.accept(","):
        found.append(_concat(words, depth, _constant_or_set))
    return found


def value(words: Words, depth: int = 0) -> Expr:
    """What something is set or translated to: an expression, a constant, or a `map`. Raises Unclear."""
    found = _concat(words, depth, _packet_or_constant)
    if words.accept("map"):
        return {"map": {"key": found, "data": set_or_reference(words, depth)}}
    if words.next == ",":
        listed = [found]
        while words.accept(","):
            listed.append(_concat(words, depth, _packet_or_constant))
        return listed
    return found


Primary = Callable[[Words, int], Expr]


def _concat(words: Words, depth: int, primary: Primary) -> Expr:
    if depth > MOST_DEPTH:
        raise Unclear("an expression that is nested too deep")
    first = _binary(words, depth, primary, 0)
    if words.next != ".":
        return first
    parts = [first]
    while words.accept("."):
        parts.append(_binary(words, depth, primary, 0))
    return {"concat": parts}


def _binary(words: Words, depth: int, primary: Primary, level: int) -> Expr:
    """Operators that bind at least as tightly as `level`, by climbing."""
    found = _parenthesis(words, depth, primary) if words.next == "(" else primary(words, depth)
    while (binds := _BINDS.get(words.next, -1)) >= level:
        operator = words.take()
        depth += 1
        if depth > MOST_DEPTH:
            raise Unclear("an expression that is nested too deep")
        found = {_SPELLED.get(operator, operator): [found, _binary(words, depth, primary, binds + 1)]}
    return found


def _parenthesis(words: Words, depth: int, primary: Primary) -> Expr:
    if depth >= MOST_DEPTH:
        raise Unclear("an expression that is nested too deep")
    words.take()
    listed = [_binary(words, depth + 1, primary, 0)]
    while words.accept(","):
        listed.append(_binary(words, depth + 1, primary, 0))
    words.expect(")")
    return listed[0] if len(listed) == 1 else listed


def _packet_or_constant(words: Words, depth: int) -> Expr:
    if words.next in STARTS or words.next.startswith("@"):
        return _packet(words, depth)
    return _constant_or_set(words, depth)


def _constant_or_set(words: Words, depth: int) -> Expr:
    if words.next == "{":
        return set_or_reference(words, depth)
    word = words.take()
    if word in "{}(),;|&^!=<>" or word in ("==", "!=", "<=", ">=", "<<", ">>"):
        raise Unclear(f"{word} where a value was expected")
    return constant(word)


def set_or_reference(words: Words, depth: int = 0) -> Expr:
    """`{ elements }`, or `@name`. Raises Unclear."""
    if words.next == "{":
        found: list[Expr] = []
        for element, _ in elements(words, depth + 1):
            found.append(element.key if element.value is None else [element.key, element.value])
        return {"set": found}
    word = words.take()
    if not word.startswith("@"):
        raise Unclear(f"{word} where a set was expected")
    return word


def elements(words: Words, depth: int) -> list[tuple[Element, int]]:
    """The elements of `{ ... }`, each with the position of its first token; empty for `{ }`. Raises Unclear."""
    words.expect("{")
    found: list[tuple[Element, int]] = []
    while not words.accept("}"):
        at = words.at
        key = _concat(words, depth, _constant_or_set)
        _skip_element_options(words)
        given: Expr = None
        if words.accept(":"):
            given = _element_value(words, depth)
        _skip_element_options(words)
        found.append((Element(key, given), at))
        if not words.accept(","):
            words.expect("}")
            break
    return found


def _skip_element_options(words: Words) -> None:
    """What an element carries besides: `timeout 5m expires 4m counter packets 0 bytes 0 comment "x"`."""
    while words.next in ("timeout", "expires", "counter", "comment", "limit", "quota", "ct", "last"):
        word = words.take()
        if word == "counter":
            if words.accept("packets"):
                words.take()
                words.expect("bytes")
                words.take()
        elif word in ("timeout", "expires", "comment"):
            words.take()
        else:
            while words.next not in (":", ",", "}", END, "timeout", "expires", "comment"):
                words.take()


def _element_value(words: Words, depth: int) -> Expr:
    word = words.next
    if word in ("accept", "drop", "continue", "return"):
        return {words.take(): None}
    if word in ("jump", "goto"):
        return {words.take(): {"target": words.text()}}
    return _concat(words, depth, _constant_or_set)


def _packet(words: Words, depth: int) -> Expr:
    """An expression that reads the packet, or what is kept with it. Raises Unclear."""
    word = words.take()
    reader = _READERS.get(word)
    if reader is not None:
        return reader(words, depth)
    if word in _BARE:
        return {"meta": {"key": word}}
    if word in _EXTENSIONS:
        return {"exthdr": {"name": word, "field": words.take()}}
    if word in _PAYLOADS:
        return _payload(word, words)
    if word.startswith("@") and word.count(",") == 2:
        base, offset, length = word[1:].split(",")
        return {"payload": {"base": base, "offset": int(offset[:9]), "len": int(length[:9])}}
    raise Unclear(f"the expression {word} is not known")


def _payload(protocol: str, words: Words) -> Expr:
    field = words.take()
    if field in ("option", "chunk") and protocol in ("tcp", "ip", "dccp", "sctp"):
        found: dict[str, Expr] = {"name": words.take()}
        if words.next not in _FIELDLESS:
            found["field"] = words.take()
        return {f"{protocol} {field}": found}
    if protocol in _TUNNELS and field in _PAYLOADS - _TUNNELS:
        inner = _payload(field, words)
        read = inner.get("payload") if isinstance(inner, dict) else None
        return {"payload": {"tunnel": protocol, **(read if isinstance(read, dict) else {})}}
    if protocol == "arp" and field in ("saddr", "daddr"):
        field = f"{field} {words.take()}"
    return {"payload": {"protocol": protocol, "field": field}}


def _meta(words: Words, depth: int) -> Expr:
    return {"meta": {"key": words.take()}}


def _ct(words: Words, depth: int) -> Expr:
    found: dict[str, Expr] = {}
    side = words.accept("original", "reply")
    key = words.take()
    if key in _CT_SIDED:
        key = f"{key} {words.take()}"
    found["key"] = key
    if side:
        found["dir"] = side
    return {"ct": found}


def _fib(words: Words, depth: int) -> Expr:
    flags: list[Expr] = [words.take()]
    while words.accept("."):
        flags.append(words.take())
    return {"fib": {"result": words.take(), "flags": flags}}


def _rt(words: Words, depth: int) -> Expr:
    if words.next not in _ROUTING:
        return {"exthdr": {"name": "rt", "field": words.take()}}
    family = words.accept("ip", "ip6")
    key: Expr = words.take()
    return {"rt": {"key": key, "family": family}} if family else {"rt": {"key": key}}


def _exthdr(words: Words, depth: int) -> Expr:
    return {"exthdr": {"name": words.take()}}


def _socket(words: Words, depth: int) -> Expr:
    key = words.take()
    if key == "cgroupv2" and words.accept("level"):
        return {"socket": {"key": key, "level": words.number()}}
    return {"socket": {"key": key}}


def _osf(words: Words, depth: int) -> Expr:
    found: dict[str, Expr] = {}
    if words.accept("ttl"):
        found["ttl"] = words.take()
    found["key"] = words.take()
    return {"osf": found}


def _ipsec(words: Words, depth: int) -> Expr:
    found: dict[str, Expr] = {"dir": words.take()}
    found["spnum"] = words.number() if words.accept("spnum") else 0
    key = words.take()
    found["key"] = f"{key} {words.take()}" if key in _CT_SIDED else key
    return {"ipsec": found}


def _modulus(words: Words, found: dict[str, Expr]) -> None:
    while (word := words.accept("mod", "offset", "seed")) != END:
        found[word] = words.number()


def _numgen(words: Words, depth: int) -> Expr:
    found: dict[str, Expr] = {"mode": words.take()}
    _modulus(words, found)
    found.setdefault("offset", 0)
    return {"numgen": found}


def _jhash(words: Words, depth: int) -> Expr:
    found: dict[str, Expr] = {"expr": left(words, depth + 1)}
    _modulus(words, found)
    return {"jhash": found}


def _symhash(words: Words, depth: int) -> Expr:
    found: dict[str, Expr] = {}
    _modulus(words, found)
    return {"symhash": found}


_READERS: dict[str, Primary] = {
    "meta": _meta, "ct": _ct, "fib": _fib, "rt": _rt, "exthdr": _exthdr, "socket": _socket, "osf": _osf,
    "ipsec": _ipsec, "numgen": _numgen, "jhash": _jhash, "symhash": _symhash,
}  # fmt: skip
