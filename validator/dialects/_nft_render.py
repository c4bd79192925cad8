"""Expressions and statements of libnftables-json(5) as the text of nft(8): for people, and as keys of conditions."""

from __future__ import annotations

from validator.dialects._nft_data import Element, Expr, Statement, fields, items

_BARE = frozenset(("iif", "iifname", "oif", "oifname"))
_OPERATORS = ("&", "|", "^", "<<", ">>")


def render(expr: Expr) -> str:
    """An expression as text; what is not known, by its structure."""
    if isinstance(expr, bool):
        return "exists" if expr else "missing"
    if isinstance(expr, list):
        return ",".join(render(each) for each in expr)
    if not isinstance(expr, dict):
        return str(expr)
    if len(expr) != 1:
        return str(expr)
    kind, body = next(iter(expr.items()))
    inner = fields(body)
    if kind in _OPERATORS:
        return f" {kind} ".join(_nested(each) for each in items(body))
    return _known(kind, body, inner)


def _known(kind: str, body: Expr, inner: dict[str, Expr]) -> str:
    match kind:
        case "concat":
            return " . ".join(render(each) for each in items(body))
        case "set":
            return "{ " + ", ".join(_member(each) for each in items(body)) + " }"
        case "map":
            return f"{render(inner.get('key'))} map {render(inner.get('data'))}"
        case "range":
            return "-".join(render(each) for each in items(body))
        case "prefix":
            return f"{render(inner.get('addr'))}/{render(inner.get('len'))}"
        case "payload":
            return _payload(inner)
        case "meta":
            key = str(inner.get("key"))
            return key if key in _BARE else f"meta {key}"
        case "elem":
            return render(inner.get("val"))
        case "fib":
            return f"fib {' . '.join(render(each) for each in items(inner.get('flags')))} {inner.get('result')}"
        case "jump" | "goto":
            return f"{kind} {inner.get('target')}"
        case "accept" | "drop" | "return" | "continue":
            return kind
        case _:
            return _other(kind, body)


def _nested(expr: Expr) -> str:
    text = render(expr)
    return f"({text})" if isinstance(expr, list) or any(op in fields(expr) for op in _OPERATORS) else text


def _member(expr: Expr) -> str:
    """An element of a set; of a map a pair."""
    if isinstance(expr, list) and len(expr) == 2:
        return f"{render(expr[0])} : {render(expr[1])}"
    return render(expr)


def _payload(inner: dict[str, Expr]) -> str:
    if "base" in inner:
        return f"@{inner.get('base')},{inner.get('offset')},{inner.get('len')}"
    tunnel = f"{inner['tunnel']} " if "tunnel" in inner else ""
    return f"{tunnel}{inner.get('protocol')} {inner.get('field')}"


def _other(kind: str, body: Expr) -> str:
    """`ct original bytes`, `tcp option sack`, `numgen random mod 2`: the words in the order nft has them."""
    if not isinstance(body, dict):
        return f"{kind} {render(body)}" if body is not None else kind
    order = ("dir", "family", "name", "mode", "expr", "key", "field", "level", "ttl", "spnum")
    named = ("mod", "seed", "offset")
    found = [render(body[key]) for key in order if body.get(key) not in (None, "")]
    found += [f"{key} {render(body[key])}" for key in named if body.get(key) not in (None, 0)]
    found += [f"{key} {render(body[key])}" for key in sorted(body) if key not in order and key not in named]
    return " ".join([kind, *found])


def element(one: Element) -> str:
    """An element of a set or map as text."""
    return _member(one.key if one.value is None else [one.key, one.value])


def statement(one: Statement) -> str:
    """A statement as text."""
    name, body = one
    inner = fields(body)
    match name:
        case "match":
            operator = str(inner.get("op"))
            middle = "" if operator in ("==", "in") else f"{operator} "
            return f"{render(inner.get('left'))} {middle}{render(inner.get('right'))}"
        case "vmap":
            return f"{render(inner.get('key'))} vmap {render(inner.get('data'))}"
        case "mangle":
            return f"{render(inner.get('key'))} set {render(inner.get('value'))}"
        case "counter":
            return "counter"
        case "limit" | "quota" | "ct count":
            return _limiter(name, body)
        case "snat" | "dnat" | "masquerade" | "redirect" | "tproxy" | "dup" | "fwd":
            return _nat(name, inner)
        case "jump" | "goto":
            return f"{name} {inner.get('target')}"
        case "set" | "map" | "meter":
            return f"{inner.get('op', name)} {updated(inner)} {{ {_update(inner)} }}"
        case "reject":
            return f"reject with {inner['type']}" if "type" in inner else "reject"
        case "xt":
            return f"xt {inner.get('type')} {inner.get('name')}"
        case _:
            return _other(name, body)


def updated(inner: dict[str, Expr]) -> str:
    """The set, map or meter that a statement changes, as it names it."""
    return str(inner.get("set") or inner.get("map") or inner.get("name"))


def _update(inner: dict[str, Expr]) -> str:
    statements = [next(iter(each.items())) for each in items(inner.get("stmt")) if isinstance(each, dict) and each]
    data = [":", render(inner["data"])] if "data" in inner else []
    return " ".join([render(inner.get("elem", inner.get("key"))), *(statement(each) for each in statements), *data])


def _limiter(name: str, body: Expr) -> str:
    inner = fields(body)
    if not inner or "map" in inner:
        return f"{name} name {render(body)}"
    over = "over " if inner.get("inv") else ""
    if name == "limit":
        unit = f" {inner['rate_unit']}" if inner.get("rate_unit") not in (None, "packets") else ""
        return f"limit rate {over}{inner.get('rate')}{unit}/{inner.get('per')}"
    return f"{name} {over}{inner.get('val')}{' ' if 'val_unit' in inner else ''}{inner.get('val_unit', '')}"


def _nat(name: str, inner: dict[str, Expr]) -> str:
    family = f" {inner['family']}" if "family" in inner else ""
    if "addr" not in inner and "port" not in inner:
        return f"{name}{family}"
    address = render(inner["addr"]) if "addr" in inner else ""
    port = f":{render(inner['port'])}" if "port" in inner else ""
    return f"{name}{family} to {address}{port}"
