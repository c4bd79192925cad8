"""`aws ec2 describe-network-interfaces`: interfaces with their addresses, groups and subnets.

EC2 API reference, NetworkInterface. It adds facts to security groups and network ACLs, and is the whole list of a
group's members in its account and region (docs/exporting-from-a-cloud.md).
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Facts
from validator.dialects._aws_interfaces import interface
from validator.dialects._aws_json import Reader, answer, kind
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "aws-network-interfaces"
TITLE = "aws ec2 describe-network-interfaces"
PLATFORM = "aws"
STANDS_ALONE = False


def sniff(source: Source) -> bool:
    """JSON whose list is called NetworkInterfaces."""
    return kind(source) == "NetworkInterfaces"


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The interfaces in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "NetworkInterfaces", "network interfaces", TITLE)
    reader = Reader(source.path, ledger, TITLE)
    interfaces = []
    for item in found.entries:
        attachment = reader.inner(item, "Attachment")
        interfaces.append(interface(item, reader, reader.text(attachment, "InstanceId")))
    facts = Facts(source.path, TITLE, found.complete, every_interface=True, interfaces=tuple(interfaces))
    return Fragment(NAME, PLATFORM, source.path, facts, tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "grouped", "parse", "sniff"]
