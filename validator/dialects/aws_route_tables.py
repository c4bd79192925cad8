"""`aws ec2 describe-route-tables`: where the packets of a subnet go, or that they go nowhere.

EC2 API reference, RouteTable, Route and RouteTableAssociation: a route whose State is blackhole has lost its target;
the association that is Main counts for every subnet without one of its own.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Facts, Route, RouteTable
from validator.dialects._aws_json import Reader, answer, kind
from validator.dialects._json_positions import Located
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "aws-route-tables"
TITLE = "aws ec2 describe-route-tables"
PLATFORM = "aws"
STANDS_ALONE = False

_BLOCKS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock")


def sniff(source: Source) -> bool:
    """JSON whose list is called RouteTables."""
    return kind(source) == "RouteTables"


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The route tables in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "RouteTables", "route tables", TITLE)
    reader = Reader(source.path, ledger, TITLE)
    tables = tuple(_table(item, reader) for item in found.entries)
    facts = Facts(source.path, TITLE, found.complete, tables=tables)
    return Fragment(NAME, PLATFORM, source.path, facts, tuple(Family))


def _table(item: Located, reader: Reader) -> RouteTable:
    associations = [each for each in reader.objects(item, "Associations") if _in_force(each, reader)]
    subnets = [reader.text(each, "SubnetId") for each in associations]
    return RouteTable(
        reader.text(item, "RouteTableId", needed=True),
        reader.text(item, "VpcId"),
        any(reader.truth(each, "Main") for each in associations),
        tuple(each for each in subnets if each),
        tuple(_route(each, reader) for each in reader.objects(item, "Routes")),
        reader.path,
        item.line,
    )


def _in_force(association: Located, reader: Reader) -> bool:
    return reader.text(reader.inner(association, "AssociationState"), "State") in ("", "associated")


def _route(item: Located, reader: Reader) -> Route:
    blocks = [reader.block(item, key) for key in _BLOCKS]
    destination = next((block for block in blocks if block), "") or reader.text(item, "DestinationPrefixListId")
    if not destination:
        raise reader.refuse("a route has no destination", item.line)
    state = reader.text(item, "State")
    if state not in ("", "active", "blackhole"):
        raise reader.refuse(f"the state of a route is {state[:40]!r}", item.at("State"))
    propagated = reader.text(item, "Origin") == "EnableVgwRoutePropagation"
    key = next(key for key in (*_BLOCKS, "DestinationPrefixListId") if item.get(key))
    return Route(destination, state == "blackhole", propagated, item.at(key))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "grouped", "parse", "sniff"]
