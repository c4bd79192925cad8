"""`aws ec2 describe-subnets`: the blocks of subnets, in which no network ACL stands between two interfaces.

EC2 API reference, Subnet. A block of IPv6 counts while its state is associated (SubnetCidrBlockState).
"""

from __future__ import annotations

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Facts, Subnet
from validator.dialects._aws_json import Reader, answer, kind
from validator.dialects._json_positions import Located
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "aws-subnets"
TITLE = "aws ec2 describe-subnets"
PLATFORM = "aws"
STANDS_ALONE = False


def sniff(source: Source) -> bool:
    """JSON whose list is called Subnets."""
    return kind(source) == "Subnets"


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The subnets in `source`. Raises ExportError where it is no JSON, or other JSON."""
    found = answer(source, ledger, "Subnets", "subnets", TITLE)
    reader = Reader(source.path, ledger, TITLE)
    subnets = tuple(_subnet(item, reader) for item in found.entries)
    facts = Facts(source.path, TITLE, found.complete, subnets=subnets)
    return Fragment(NAME, PLATFORM, source.path, facts, tuple(Family))


def _subnet(item: Located, reader: Reader) -> Subnet:
    blocks = [reader.block(item, "CidrBlock")]
    for each in reader.objects(item, "Ipv6CidrBlockAssociationSet"):
        state = reader.text(reader.inner(each, "Ipv6CidrBlockState"), "State")
        if state in ("", "associated"):
            blocks.append(reader.block(each, "Ipv6CidrBlock"))
    return Subnet(
        reader.text(item, "SubnetId", needed=True),
        reader.text(item, "VpcId"),
        tuple(block for block in blocks if block),
        reader.path,
        item.line,
    )


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "grouped", "parse", "sniff"]
