"""`aws ec2 describe-instances`: instances with their interfaces.

EC2 API reference, Reservation and Instance. A terminated instance has no interface any more.
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Facts, Interface
from validator.dialects._aws_interfaces import interface
from validator.dialects._aws_json import Reader, answer, kind
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "aws-instances"
TITLE = "aws ec2 describe-instances"
PLATFORM = "aws"
STANDS_ALONE = False


def sniff(source: Source) -> bool:
    """JSON whose list is called Reservations."""
    return kind(source) == "Reservations"


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The interfaces of the instances in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "Reservations", "reservations", TITLE)
    reader = Reader(source.path, ledger, TITLE)
    interfaces: list[Interface] = []
    for reservation in found.entries:
        for item in reader.objects(reservation, "Instances"):
            identity = reader.text(item, "InstanceId", needed=True)
            interfaces += [interface(each, reader, identity) for each in reader.objects(item, "NetworkInterfaces")]
    facts = Facts(source.path, TITLE, found.complete, interfaces=tuple(interfaces))
    return Fragment(NAME, PLATFORM, source.path, facts, tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "grouped", "parse", "sniff"]
