"""Where `dnat` and `redirect` send a packet: nft(8) NAT STATEMENTS as targets of a translation."""

from __future__ import annotations

from validator.dialects._linux_host import Target
from validator.dialects._nft_data import Expr, Unclear, fields, items
from validator.dialects._nft_values import interval, ipv4, ipv6, port
from validator.packets.fields import Family

FAMILIES = {"ip": Family.IPV4, "ip6": Family.IPV6}


def mapped(body: dict[str, Expr]) -> tuple[str, dict[str, Expr]] | None:
    """The part of a translation (`addr`, `port`) that a map gives, and that map; None without one. Raises Unclear."""
    found = [
        (part, fields(fields(body.get(part)).get("map")))
        for part in ("addr", "port")
        if "map" in fields(body.get(part))
    ]
    if len(found) > 1:
        raise Unclear("a translation by two maps")
    return found[0] if found else None


def target(name: str, body: dict[str, Expr], family: Family) -> Target:
    """The target of a `dnat` or `redirect` whose parts are constants. Raises Unclear."""
    if body.get("type_flags") == "prefix" or body.get("flags") == "netmap":
        raise Unclear("a translation of a network to another, address by address")
    read = ipv4 if family is Family.IPV4 else ipv6
    address, ports = body.get("addr"), body.get("port")
    parts = items(fields(address).get("concat")) if "concat" in fields(address) else []
    if parts:
        if len(parts) != 2 or ports is not None:
            raise Unclear("a translation to more than an address and a port")
        address, ports = parts
    found = Target(
        None if address is None else (interval(address, read, family.bits),),
        None if ports is None else (interval(ports, port, 16),),
        name == "redirect",
        not {"random", "fully-random"}.isdisjoint(str(flag) for flag in items(body.get("flags"))),
    )
    if name == "dnat" and address is None and ports is None:
        raise Unclear("a translation to nothing")
    return found
