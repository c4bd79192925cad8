"""One permission of a security group (EC2 API reference, IpPermission, UserIdGroupPair).

"-1: all protocols. Specifying -1 or a protocol number other than tcp, udp, icmp, or icmpv6 allows traffic on all ports,
regardless of any ports you specify"; FromPort and ToPort of ICMP are type and code, -1 for all.
"""

from __future__ import annotations

from collections.abc import Iterator

from validator.dialects._aws_data import Peer, Permission
from validator.dialects._aws_json import as_text
from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located
from validator.source import Ledger, LineState

_PERMISSION = frozenset(
    ("IpProtocol", "FromPort", "ToPort", "IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds", "Groups")
)
_SOURCES = (
    ("IpRanges", "CidrIp", "cidr"),
    ("Ipv6Ranges", "CidrIpv6", "cidr6"),
    ("UserIdGroupPairs", "GroupId", "group"),
    ("Groups", "GroupId", "group"),
    ("PrefixListIds", "PrefixListId", "prefix-list"),
)
_PAIR = frozenset(("GroupId", "GroupName", "UserId", "VpcId", "VpcPeeringConnectionId", "PeeringStatus", "Description"))
_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_NAMED = frozenset(("-1", *_NUMBERS.values()))


def permission(item: Located, ledger: Ledger) -> Permission:
    """The permission that `item` is, and in `ledger` what became of its lines."""
    peers = tuple(_peers(item))
    protocol = _protocol(item)
    why = _why(item, protocol, peers)
    state = LineState.MODELLED
    if any(peer.kind in ("group", "prefix-list") for peer in peers):
        state = LineState.CONDITIONAL
    state = LineState.UNSUPPORTED if why else state
    lines = item.lines
    for name in ("IpProtocol", "FromPort", "ToPort"):
        if name in lines:
            ledger.mark(lines[name], state)
    for peer in peers:
        ledger.mark(peer.line, state)
    if not lines.keys() <= _PERMISSION:
        for name in lines.keys() - _PERMISSION:
            ledger.mark(lines[name], LineState.UNSUPPORTED)
    first, last = item.get("FromPort"), item.get("ToPort")
    return Permission(
        protocol,
        first if isinstance(first, int) else None,
        last if isinstance(last, int) else None,
        peers,
        item.at("IpProtocol"),
        why,
    )


def _protocol(item: Located) -> str:
    """The protocol by its name, or by its number where Amazon names none; a text that is neither as it is."""
    text = str(item.get("IpProtocol", "")).lower()
    text = str(int(text)) if text.isascii() and text.isdigit() and len(text) < 4 else text
    return _NUMBERS.get(text, text)


def _why(item: Located, protocol: str, peers: tuple[Peer, ...]) -> str:
    """What of a permission is not understood."""
    extra = sorted(item.keys() - _PERMISSION)
    if extra:
        return f"unknown key {extra[0][:40]!r} in a permission"
    number = protocol.isascii() and protocol.isdigit() and len(protocol) < 4 and int(protocol) < 256
    if protocol not in _NAMED and not number:
        return f"IpProtocol is {protocol[:40]!r}"
    first, last = item.get("FromPort"), item.get("ToPort")
    for port in (first, last):
        if port is not None and (not isinstance(port, int) or isinstance(port, bool)):
            return "FromPort or ToPort is no number"
    if protocol in ("tcp", "udp"):
        if first is None or last is None or not 0 <= first <= last <= 65535:
            return f"the ports {first} to {last} are no range"
    elif protocol in ("icmp", "icmpv6") and any(port is not None and not -1 <= port <= 255 for port in (first, last)):
        return "an ICMP type or code is out of range"
    if any(peer.kind == "unclear" for peer in peers):
        return "a source or destination of a permission is not understood"
    return ""


def _peers(item: Located) -> Iterator[Peer]:
    """The peers of a permission; one that is not understood has the kind `unclear`."""
    for key, name, kind in _SOURCES:
        entries = item.get(key)
        if not entries:
            continue
        if not isinstance(entries, list):
            yield Peer("unclear", key, item.at(key))
            continue
        for entry in entries:
            yield _peer(entry, name, kind) or Peer("unclear", key, item.at(key))


def _peer(entry: object, name: str, kind: str) -> Peer | None:
    """The peer that an entry is; None where it is not understood."""
    if not isinstance(entry, Located):
        return None
    value = entry.get(name)
    if kind == "group":
        if not entry.keys() <= _PAIR:
            return None
        called = as_text(entry.get("GroupName"))
        value = value if value is not None else called
        if not isinstance(value, str) or not value:
            return None
        label = f"{value} ({called})" if called else value
        more = (as_text(entry.get(key)) for key in ("VpcId", "UserId", "VpcPeeringConnectionId", "PeeringStatus"))
        return Peer(kind, value, entry.at(name), label, *more)
    if not isinstance(value, str) or not entry.keys() <= {name, "Description"}:
        return None
    if kind != "prefix-list" and not is_block(value):
        return None
    return Peer(kind, value, entry.at(name), value)
