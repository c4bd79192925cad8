"""`aws ec2 describe-vpc-peering-connections`: which connections between VPCs are active.

EC2 API reference, VpcPeeringConnection and VpcPeeringConnectionStateReason. VPC Peering Guide, "Update your security
groups to reference peer security groups": "the VPC peering connection must be in the active state".
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Facts, Peering
from validator.dialects._aws_json import Reader, answer, kind
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "aws-vpc-peering-connections"
TITLE = "aws ec2 describe-vpc-peering-connections"
PLATFORM = "aws"
STANDS_ALONE = False


def sniff(source: Source) -> bool:
    """JSON whose list is called VpcPeeringConnections."""
    return kind(source) == "VpcPeeringConnections"


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The peering connections in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "VpcPeeringConnections", "peering connections", TITLE)
    reader = Reader(source.path, ledger, TITLE)
    peerings = tuple(
        Peering(
            reader.text(item, "VpcPeeringConnectionId", needed=True),
            reader.text(reader.inner(item, "Status"), "Code", needed=True),
            source.path,
            item.line,
        )
        for item in found.entries
    )
    facts = Facts(source.path, TITLE, found.complete, peerings=peerings)
    return Fragment(NAME, PLATFORM, source.path, facts, tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "grouped", "parse", "sniff"]
