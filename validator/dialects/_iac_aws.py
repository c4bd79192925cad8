"""Rules of AWS security groups as infrastructure code writes them.

EC2 API reference, IpPermission: the protocol by name or number, -1 is every protocol; for ICMP the ports are type
and code. Terraform and CloudFormation pass these values on. A value that needs evaluation makes the rule
conditional: it may admit what its known values leave open, and it may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects._aws_data import Peer, Permission
from validator.dialects._cloud import is_block
from validator.dialects._iac_values import Reference, Unknown, items, short, whole

_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
_PORTS, _TYPES = ("tcp", "udp"), ("icmp", "icmpv6")


class Said(Struct, frozen=True):
    """One value that names peers: its kind (cidr, group or prefix-list), the value or list, and its place."""

    kind: str
    value: Any
    place: int


def permission(
    protocol: Any,
    first: Any,
    last: Any,
    said: Sequence[Said],
    place: int,
    doubt: str = "",
    why: str = "",
    names: dict[str, tuple[str, str]] | None = None,
) -> Permission:
    """A rule. `doubt` says why it may not be there, `why` what of it is not understood, if anything.

    `names` gives for the address, id or name of a group what it is called as a peer, and its label.
    """
    name = _protocol(protocol)
    low, high = (None, None) if name == "-1" else (whole(first), whole(last))
    peers = [peer for each in said for peer in _peers(each, names or {})]
    doubts = [value.text for value in (protocol, first, last) if isinstance(value, Unknown)]
    if isinstance(protocol, Unknown):
        name, low, high = "-1", None, None
    elif doubts and name != "-1":
        low, high = (0, 65535) if name in _PORTS else (None, None)
    elif name == "-1":
        doubts = []
    if not why and not doubts:
        why = _why(name, first, last, low, high)
    bad = next((peer for peer in peers if peer.kind == "unclear"), None)
    if not why and bad is not None:
        why = f"{bad.value[:40]!r} is no block of addresses" if bad.value else "a source or destination is no text"
    if not why and not peers:
        why = "it has no source or destination"
    doubts += [doubt] if doubt else []
    if doubts and not why:
        peers = [unsure(doubts[0], place)]
    return Permission(name, low, high, tuple(peers), place, why)


def unsure(expression: str, place: int) -> Peer:
    """The peer of a rule that stands or falls with `expression`."""
    return Peer("condition", f"expression {expression}", place, f"what {short(expression)} gives admits it")


def unread(key: str, text: str, place: int) -> Permission:
    """Rules that stand elsewhere: any traffic may pass by them, or none."""
    return Permission("-1", None, None, (Peer("condition", key, place, text),), place)


def doubted(found: Permission, key: str, text: str) -> Permission:
    """`found`, where it is not known whether it belongs here: a condition of `key` and `text`."""
    if found.why:
        return found
    return replace(found, peers=(Peer("condition", key, found.line, text),))


def everything(place: int) -> Permission:
    """The rule that admits all traffic of both families."""
    return Permission("-1", None, None, (Peer("cidr", "0.0.0.0/0", place), Peer("cidr6", "::/0", place)), place)


def _protocol(value: Any) -> str:
    number = whole(value)
    text = str(number) if number is not None else value.strip().lower() if isinstance(value, str) else ""
    return _NUMBERS.get(text, text)


def _why(name: str, first: Any, last: Any, low: int | None, high: int | None) -> str:
    """What of protocol and ports is not understood."""
    if name == "-1":
        return ""
    if name not in (*_PORTS, *_TYPES) and not (name.isascii() and name.isdigit() and int(name) < 256):
        return f"the protocol is {name[:40]!r}"
    if name in _PORTS and not (low is not None and high is not None and 0 <= low <= high <= 65535):
        return f"the ports {short(str(first))[:20]} to {short(str(last))[:20]} are no range"
    if name in _TYPES and not all(number is not None and -1 <= number <= 255 for number in (low, high)):
        return "an ICMP type or code is missing or out of range"
    return ""


def _peers(said: Said, names: dict[str, tuple[str, str]]) -> Iterable[Peer]:
    """The peers that a value names; kind `unclear` for one that is not understood."""
    if isinstance(said.value, Unknown) and said.kind == "cidr":
        yield unsure(said.value.text, said.place)
        return
    for value in items(said.value):
        if isinstance(value, Reference) and said.kind != "cidr":
            called, label = names.get(value.address, (value.address, value.address))
            yield Peer(said.kind, called, said.place, label)
        elif isinstance(value, Unknown):
            yield unsure(value.text, said.place)
        elif not isinstance(value, str) or (said.kind == "cidr" and not is_block(value)):
            yield Peer("unclear", value if isinstance(value, str) else "", said.place)
        elif said.kind == "cidr":
            version = ip_network(value, strict=False).version
            yield Peer("cidr" if version == 4 else "cidr6", value, said.place)
        elif value:
            called, label = names.get(value, (value, value))
            yield Peer(said.kind, called, said.place, label)
