"""A network interface, as describe-network-interfaces and describe-instances give it.

EC2 API reference, NetworkInterface and InstanceNetworkInterface: the same keys for what counts here.
"""

from __future__ import annotations

from validator.dialects._aws_data import Interface
from validator.dialects._aws_json import Reader
from validator.dialects._json_positions import Located


def interface(item: Located, reader: Reader, instance: str) -> Interface:
    """The interface that `item` is; `instance` is the id of what it is attached to, empty where nothing."""
    private = [*reader.blocks(item, "PrivateIpAddresses", "PrivateIpAddress")]
    alone = reader.block(item, "PrivateIpAddress")
    six = reader.blocks(item, "Ipv6Addresses", "Ipv6Address")
    associations = [reader.inner(each, "Association") for each in (item, *reader.objects(item, "PrivateIpAddresses"))]
    public = [reader.block(each, "PublicIp") for each in associations]
    groups = None if item.get("Groups") is None else reader.texts(item, "Groups", "GroupId")
    return Interface(
        reader.text(item, "NetworkInterfaceId", needed=True),
        groups,
        tuple(dict.fromkeys([*([alone] if alone else []), *private, *six])),
        (*reader.blocks(item, "Ipv4Prefixes", "Ipv4Prefix"), *reader.blocks(item, "Ipv6Prefixes", "Ipv6Prefix")),
        tuple(dict.fromkeys(each for each in public if each)),
        reader.text(item, "SubnetId"),
        reader.text(item, "VpcId"),
        instance,
        reader.text(item, "Status") != "available",
        reader.path,
        item.line,
    )
