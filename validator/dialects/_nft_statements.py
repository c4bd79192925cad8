"""Statements of nft(8) text, read into the structure of libnftables-json(5)."""

from __future__ import annotations

from collections.abc import Callable

from validator.dialects import _nft_expressions as expressions
from validator.dialects._nft_data import Expr, Statement, Unclear, fields
from validator.dialects._nft_tokens import END, Words, constant

Reader = Callable[[Words], Statement]
_OPERATORS = ("==", "!=", "<", ">", "<=", ">=", "!")
_FLAGS = ({"payload": {"protocol": "tcp", "field": "flags"}},)
_FLAG_KEYS = frozenset(("state", "status", "label", "event"))


def statements(words: Words) -> tuple[list[Statement], str]:
    """The statements of a rule up to what is not understood, and why that is not (empty: all was)."""
    found: list[Statement] = []
    try:
        while words.next != END:
            reader = _READERS.get(words.next)
            if reader is not None:
                words.take()
                found.append(reader(words))
            elif words.next == "comment":
                words.take()
                words.take()
            else:
                found.append(_about_the_packet(words))
    except Unclear as reason:
        return found, str(reason)
    return found, ""


def _about_the_packet(words: Words) -> Statement:
    """A match, a verdict map, or a change of the packet: they start with an expression."""
    if words.next == "ct" and words.peek(1) in ("count", "helper", "timeout", "expectation"):
        special = _ct_special(words)
        if special is not None:
            return special
    if words.next not in expressions.STARTS and words.next[:1] not in ('"', "@", "("):
        raise Unclear(f"the statement {words.next} is not known")
    key = expressions.left(words)
    if words.accept("vmap"):
        return "vmap", {"key": key, "data": expressions.set_or_reference(words)}
    if words.accept("set"):
        return "mangle", {"key": key, "value": expressions.value(words)}
    operator = words.accept(*_OPERATORS)
    given = expressions.right(words)
    if words.accept("/"):
        mask = expressions.right(words)
        return "match", {"op": operator or "==", "left": {"&": [key, mask]}, "right": given}
    if not operator:
        operator = "in" if _flags_wanted(key, given) else "=="
    return "match", {"op": operator, "left": key, "right": given}


def _flags_wanted(key: Expr, given: Expr) -> bool:
    """Whether a match without operator asks for flags: `ct state new`, nft(8) on bitmasks."""
    bitmask = key in _FLAGS or fields(fields(key).get("ct")).get("key") in _FLAG_KEYS
    if isinstance(given, list):
        return True
    return bitmask and not isinstance(given, dict) and not (isinstance(given, str) and given.startswith("@"))


def _ct_special(words: Words) -> Statement | None:
    what = words.peek(1)
    if what == "count":
        words.take()
        words.take()
        over = bool(words.accept("over"))
        found: dict[str, Expr] = {"val": words.number()}
        if over:
            found["inv"] = True
        return "ct count", found
    if words.peek(2) != "set":
        return None
    for _ in range(3):
        words.take()
    return f"ct {what}", expressions.value(words)


def _verdict(name: str) -> Reader:
    def read(words: Words) -> Statement:
        return name, None

    return read


def _branch(name: str) -> Reader:
    def read(words: Words) -> Statement:
        return name, {"target": words.text()}

    return read


def _counter(words: Words) -> Statement:
    if words.accept("name"):
        return "counter", expressions.value(words)
    if words.accept("packets"):
        words.take()
        words.expect("bytes")
        words.take()
    return "counter", None


def _limit(words: Words) -> Statement:
    if words.accept("name"):
        return "limit", expressions.value(words)
    words.expect("rate")
    found: dict[str, Expr] = {}
    over = bool(words.accept("over"))
    rate = words.take()
    unit = ""
    if "/" not in rate:
        unit = words.take()
    number, _, per = (rate if not unit else f"{rate}{unit[unit.find('/') :]}").partition("/")
    found["rate"], found["per"] = constant(number), per
    if words.accept("burst"):
        found["burst"] = words.number()
        found["burst_unit"] = words.take()
    if over:
        found["inv"] = True
    if unit:
        found["rate_unit"] = unit.partition("/")[0]
    return "limit", found


def _quota(words: Words) -> Statement:
    if words.accept("name"):
        return "quota", expressions.value(words)
    over = words.accept("over", "until") == "over"
    found: dict[str, Expr] = {"val": words.number(), "val_unit": words.take()}
    if words.accept("used"):
        words.number()
        words.take()
    if over:
        found["inv"] = True
    return "quota", found


_LOG_OPTIONS = frozenset(("prefix", "group", "snaplen", "queue-threshold", "level", "flags"))


def _log(words: Words) -> Statement:
    found: dict[str, Expr] = {}
    while words.next in _LOG_OPTIONS:
        option = words.take()
        if option == "flags":
            word = words.take()
            if word in ("tcp", "ip"):
                words.take()
                while words.accept(","):
                    words.take()
        else:
            found[option] = constant(words.take())
    return "log", found


def _reject(words: Words) -> Statement:
    if not words.accept("with"):
        return "reject", None
    kind = words.take()
    if kind == "tcp":
        words.expect("reset")
        return "reject", {"type": "tcp reset"}
    words.accept("type")
    return "reject", {"type": kind, "expr": constant(words.take())}


_NAT_FLAGS = ("random", "fully-random", "persistent")


def _nat(name: str) -> Reader:
    def read(words: Words) -> Statement:
        found: dict[str, Expr] = {}
        family = words.accept("ip", "ip6", "inet")
        if family:
            found["family"] = family
        kinds = [words.take() for _ in range(3) if words.next in ("prefix", "interval", "addr", ".", "port")]
        kinds += [words.take() for _ in range(3) if words.next in ("prefix", "interval", "addr", ".", "port")]
        if "prefix" in kinds:
            found["type_flags"] = "prefix"
        if words.accept("to"):
            _nat_target(words, found)
        flags: list[Expr] = []
        while words.next in _NAT_FLAGS:
            flags.append(words.take())
            words.accept(",")
        if flags:
            found["flags"] = flags
        if name in ("dup", "fwd", "tproxy") and words.accept("device"):
            found["dev"] = words.text()
        return name, found or None

    return read


def _nat_target(words: Words, found: dict[str, Expr]) -> None:
    """`address`, `address:port`, `[address]:port`, `:port`; either part may be a range or a map."""
    word = words.next
    address, port = _address_and_port(word)
    if port is None and address == word:
        found["addr"] = expressions.value(words)
        after = words.next
        if after.startswith(":"):
            _nat_port(words, found, after[1:])
        return
    if address:
        found["addr"] = constant(address)
    if port is None:
        words.take()
    else:
        _nat_port(words, found, port)


def _nat_port(words: Words, found: dict[str, Expr], word: str) -> None:
    """The port behind the colon: a constant in the same word, or the first word of an expression."""
    words.take()
    if word in expressions.STARTS:
        inner = Words([word, *words.rest()])
        found["port"] = expressions.value(inner)
        for _ in range(inner.at - 1):
            words.take()
    elif word:
        found["port"] = constant(word)
    else:
        found["port"] = expressions.value(words)


def _address_and_port(word: str) -> tuple[str, str | None]:
    if word.startswith("["):
        address, _, port = word.rpartition("]")
        address = address.replace("[", "").replace("]", "")
        return address, port[1:] if port.startswith(":") else None
    if word.startswith(":") and not word.startswith("::"):
        return "", word[1:]
    if word.count(":") == 1:
        address, _, port = word.partition(":")
        return address, port
    return word, None


def _queue(words: Words) -> Statement:
    while words.next in ("num", "to", "flags", "bypass", "fanout", ","):
        if words.take() in ("num", "to"):
            expressions.value(words)
    return "queue", None


def _synproxy(words: Words) -> Statement:
    if words.accept("name"):
        return "synproxy", expressions.value(words)
    while words.next in ("mss", "wscale", "timestamp", "sack-perm"):
        if words.take() in ("mss", "wscale"):
            words.number()
    return "synproxy", None


def _set_update(operation: str) -> Reader:
    def read(words: Words) -> Statement:
        name = words.take()
        if not name.startswith("@"):
            raise Unclear(f"{name} where a set was expected")
        found: dict[str, Expr] = {"op": operation, "set": name}
        _update_body(words, found)
        return ("map" if "data" in found else "set"), found

    return read


_UPDATING = frozenset(("counter", "limit", "quota", "last"))
"""Statements that the update of a set may hold, besides `ct count`."""


def _update_body(words: Words, found: dict[str, Expr]) -> None:
    """`{ key timeout 5m statements : data }`."""
    words.expect("{")
    found["elem"] = expressions.left(words)
    inner: list[Expr] = []
    while not words.accept("}"):
        if words.accept("timeout", "expires"):
            words.take()
        elif words.accept(":"):
            found["data"] = expressions.left(words)
        elif words.next in _UPDATING:
            name, body = _READERS[words.take()](words)
            inner.append({name: body})
        elif words.next == "ct" and words.peek(1) == "count":
            special = _ct_special(words)
            inner.append({special[0]: special[1]} if special else None)
        else:
            raise Unclear(f"{words.next} in the update of a set")
    if inner:
        found["stmt"] = inner


def _meter(words: Words) -> Statement:
    found: dict[str, Expr] = {"name": words.take()}
    if words.accept("size"):
        words.number()
    _update_body(words, found)
    return "meter", {"name": found["name"], "key": found["elem"], "stmt": found.get("stmt")}


def _flow(words: Words) -> Statement:
    words.take()
    return "flow", {"op": "add", "flowtable": words.take()}


def _xt(words: Words) -> Statement:
    return "xt", {"type": words.take(), "name": words.text()}


def _reset(words: Words) -> Statement:
    """`reset tcp option NAME`: no field follows."""
    words.expect("tcp")
    words.expect("option")
    return "reset", {"tcp option": {"name": words.take()}}


def _last(words: Words) -> Statement:
    if words.accept("used"):
        words.take()
    return "last", None


_READERS: dict[str, Reader] = {
    **{name: _verdict(name) for name in ("accept", "drop", "return", "continue", "notrack")},
    **{name: _branch(name) for name in ("jump", "goto")},
    **{name: _nat(name) for name in ("snat", "dnat", "masquerade", "redirect", "dup", "fwd", "tproxy")},
    **{name: _set_update(name) for name in ("add", "update", "delete")},
    "counter": _counter, "limit": _limit, "quota": _quota, "log": _log, "reject": _reject, "queue": _queue,
    "synproxy": _synproxy, "meter": _meter, "flow": _flow, "xt": _xt, "reset": _reset, "last": _last,
}  # fmt: skip
