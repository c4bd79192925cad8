"""`aws ec2 describe-network-acls`: the access lists of subnets.

EC2 API reference, NetworkAcl, NetworkAclEntry and CreateNetworkAclEntry: Protocol is -1 or a number; "if you specify
-1 or a protocol number other than 6 (TCP), 17 (UDP), or 1 (ICMP), traffic on all ports is allowed, regardless of any
ports or ICMP types or codes that you specify"; with 58 (ICMPv6) and an IPv6 block type and code count, -1 is all of
them. RuleNumber 32767 (IPv6: 32768) is the deny that every list ends with.
"""

from __future__ import annotations

from typing import TypeGuard

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Acl, Entry, Facts
from validator.dialects._aws_json import Reader, answer, kind
from validator.dialects._cloud import is_block
from validator.dialects._json_positions import Located
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family
from validator.source import Ledger, LineState, Source

NAME = "aws-network-acls"
TITLE = "aws ec2 describe-network-acls"
PLATFORM = "aws"

_ENTRY = frozenset(
    ("CidrBlock", "Ipv6CidrBlock", "Egress", "IcmpTypeCode", "PortRange", "Protocol", "RuleAction", "RuleNumber")
)


def sniff(source: Source) -> bool:
    """JSON whose list is called NetworkAcls."""
    return kind(source) == "NetworkAcls"


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The network ACLs in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "NetworkAcls", "network ACLs", TITLE)
    reader = Reader(source.path, ledger, TITLE)
    if not found.entries:
        raise reader.refuse("the list of network ACLs is empty", found.at)
    acls = tuple(_acl(item, reader, ledger) for item in found.entries)
    return Fragment(NAME, PLATFORM, source.path, Facts(source.path, TITLE, found.complete, acls=acls), tuple(Family))


def _acl(item: Located, reader: Reader, ledger: Ledger) -> Acl:
    if "Entries" not in item:
        raise reader.refuse("a network ACL has no Entries", item.line)
    return Acl(
        reader.text(item, "NetworkAclId", needed=True),
        reader.text(item, "VpcId"),
        reader.truth(item, "IsDefault"),
        reader.texts(item, "Associations", "SubnetId"),
        tuple(_entry(each, reader, ledger) for each in reader.objects(item, "Entries")),
        reader.path,
        item.line,
    )


def _entry(item: Located, reader: Reader, ledger: Ledger) -> Entry:
    number = item.get("RuleNumber")
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(item.get("Egress"), bool):
        raise reader.refuse("an entry does not say its RuleNumber, or whether it is about egress", item.line)
    protocol = _protocol(item.get("Protocol"))
    block = item.get("CidrBlock") or item.get("Ipv6CidrBlock") or ""
    first, last, why = _scope(item, protocol, ":" in str(block))
    if not isinstance(block, str) or not is_block(block) or (item.get("CidrBlock") and item.get("Ipv6CidrBlock")):
        why = "the block of an entry is not understood"
    if protocol is None:
        why = f"Protocol is {str(item.get('Protocol'))[:40]!r}"
    if item.get("RuleAction") not in ("allow", "deny"):
        why = f"RuleAction is {str(item.get('RuleAction'))[:40]!r}"
    extra = sorted(item.keys() - _ENTRY)
    if extra:
        why = f"unknown key {extra[0][:40]!r} in an entry of a network ACL"
    _account(item, why, ledger)
    allow = item.get("RuleAction") == "allow"
    number_of = None if protocol == -1 else protocol
    line = item.at("RuleNumber")
    return Entry(number, item["Egress"], allow, number_of, "" if why else str(block), first, last, line, why)


def _account(item: Located, why: str, ledger: Ledger) -> None:
    state = LineState.UNSUPPORTED if why else LineState.MODELLED
    for key in item:
        ledger.mark(item.at(key), state)
        value = item[key]
        for inner in value if isinstance(value, Located) else ():
            ledger.mark(value.at(inner), state)


def _protocol(value: object) -> int | None:
    """The number, -1 for all; None where it is not understood."""
    text = str(value)
    if text == "-1":
        return -1
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 256
    return number if number < 256 else None


def _scope(item: Located, protocol: int | None, six: bool) -> tuple[int | None, int | None, str]:
    """Ports, or ICMP type and code, and what of them is not understood."""
    if protocol in (TCP, UDP):
        ports = item.get("PortRange")
        first, last = (ports.get("From"), ports.get("To")) if isinstance(ports, Located) else (-1, -1)
        if not _number(first, 0, 65535) or not _number(last, 0, 65535) or first > last:
            return None, None, "the PortRange of an entry is no range of ports"
        return first, last, ""
    if protocol == ICMP or (protocol == ICMPV6 and six):
        kinds = item.get("IcmpTypeCode")
        kind_, code = (kinds.get("Type"), kinds.get("Code")) if isinstance(kinds, Located) else (None, None)
        if not _number(kind_, -1, 255) or not _number(code, -1, 255):
            return None, None, "the IcmpTypeCode of an entry is not understood"
        return (None if kind_ == -1 else kind_), (None if code == -1 else code), ""
    return None, None, ""


def _number(value: object, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "grouped", "parse", "sniff"]
