"""Exports that a real client gets from a server of the EC2 API: created, described, read and judged.

The server is moto's, started on the loopback interface; the client is boto3. What is asserted is what was created.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.dialects.exports import asked, verdict
from validator.dialects import Options, detect
from validator.hosts import load
from validator.model import Firewall
from validator.packets.fields import Family
from validator.source import Ledger, read

REGION = "eu-west-1"
COMMANDS = (
    "describe_security_groups",
    "describe_security_group_rules",
    "describe_network_acls",
    "describe_network_interfaces",
    "describe_instances",
    "describe_subnets",
    "describe_route_tables",
    "describe_managed_prefix_lists",
    "describe_vpc_peering_connections",
)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    made = boto3.client(
        "ec2",
        region_name=REGION,
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    yield made
    made.close()
    server.stop()


class Account:
    """What was created, by name."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.ids: dict[str, str] = {}
        self.addresses: dict[str, str] = {}
        self._networks()
        self._groups()
        self._members()
        self._lists()

    def _networks(self) -> None:
        vpc = self.client.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        far = self.client.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
        self.ids |= {"vpc": vpc, "far-vpc": far}
        for name, of, block in (
            ("web", vpc, "10.20.1.0/24"),
            ("db", vpc, "10.20.2.0/24"),
            ("far", far, "10.30.1.0/24"),
        ):
            subnet = self.client.create_subnet(VpcId=of, CidrBlock=block)["Subnet"]
            self.ids[f"{name}-subnet"] = subnet["SubnetId"]
        asked_for = self.client.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=far)["VpcPeeringConnection"]
        self.ids["peering"] = asked_for["VpcPeeringConnectionId"]
        self.client.accept_vpc_peering_connection(VpcPeeringConnectionId=self.ids["peering"])
        entries = [{"Cidr": "192.0.2.0/24", "Description": "office"}, {"Cidr": "198.51.100.7/32"}]
        listed = self.client.create_managed_prefix_list(
            PrefixListName="offices", AddressFamily="IPv4", MaxEntries=5, Entries=entries
        )
        self.ids["list"] = listed["PrefixList"]["PrefixListId"]

    def _groups(self) -> None:
        for name, vpc in (("web", "vpc"), ("db", "vpc"), ("far", "far-vpc")):
            made = self.client.create_security_group(GroupName=name, Description=name, VpcId=self.ids[vpc])
            self.ids[name] = made["GroupId"]
        world = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
        self._allow("web", IpProtocol="tcp", FromPort=80, ToPort=81, **world)
        self._allow(
            "web", IpProtocol="tcp", FromPort=9340, ToPort=9340, PrefixListIds=[{"PrefixListId": self.ids["list"]}]
        )
        self._allow("web", IpProtocol="icmp", FromPort=8, ToPort=-1, IpRanges=[{"CidrIp": "10.0.0.0/8"}])
        self._allow("db", IpProtocol="tcp", FromPort=3306, ToPort=3306, UserIdGroupPairs=[{"GroupId": self.ids["web"]}])
        self._allow("db", IpProtocol="-1", IpRanges=[{"CidrIp": "192.0.2.128/25"}])

    def _allow(self, name: str, **permission: Any) -> None:
        self.client.authorize_security_group_ingress(GroupId=self.ids[name], IpPermissions=[permission])

    def _members(self) -> None:
        for name, subnet in (("web", "web-subnet"), ("db", "db-subnet"), ("far", "far-subnet")):
            made = self.client.create_network_interface(SubnetId=self.ids[subnet], Groups=[self.ids[name]])
            self.addresses[name] = made["NetworkInterface"]["PrivateIpAddress"]
            self.ids[f"{name}-interface"] = made["NetworkInterface"]["NetworkInterfaceId"]
        self.client.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": self.ids["web-interface"]}],
        )

    def _lists(self) -> None:
        acl = self.client.create_network_acl(VpcId=self.ids["vpc"])["NetworkAcl"]["NetworkAclId"]
        self.ids["acl"] = acl
        for number, egress, action, block, ports in (
            (90, False, "deny", "203.0.113.0/24", (80, 80)),
            (100, False, "allow", "0.0.0.0/0", (80, 80)),
            (110, False, "allow", "0.0.0.0/0", (9000, 9999)),
            (100, True, "allow", "0.0.0.0/0", (32768, 65535)),
        ):
            self.client.create_network_acl_entry(
                NetworkAclId=acl,
                RuleNumber=number,
                Egress=egress,
                Protocol="6",
                RuleAction=action,
                CidrBlock=block,
                PortRange={"From": ports[0], "To": ports[1]},
            )
        described = self.client.describe_network_acls()["NetworkAcls"]
        own = next(
            each["NetworkAclAssociationId"]
            for one in described
            for each in one["Associations"]
            if each["SubnetId"] == self.ids["web-subnet"]
        )
        self.client.replace_network_acl_association(AssociationId=own, NetworkAclId=acl)

    def described(self, *commands: str) -> list[str]:
        """The files that the commands write, as `aws --output json` does."""
        return [self.written(command, getattr(self.client, command)()) for command in commands]

    def written(self, name: str, body: dict[str, Any]) -> str:
        body.pop("ResponseMetadata", None)
        path = self.folder / f"{name.replace('_', '-')}.json"
        path.write_text(json.dumps(body, indent=4, default=str) + "\n", "utf-8")
        return str(path)

    def entries(self) -> str:
        """The file of the prefix list's entries."""
        identity = self.ids["list"]
        return self.written(identity, self.client.get_managed_prefix_list_entries(PrefixListId=identity))

    def firewall(self, host: str, *paths: str, family: Family = Family.IPV4) -> Firewall:
        """The firewall of the host whose interface was created by that name."""
        fragments = []
        for path in paths:
            source = read(path)
            ledger = Ledger(source.lines)
            fragments.append((dialect := detect(source)).parse(source, ledger))
            assert ledger.counts()["unsupported"] == 0
        found = dialect.convert(fragments, Options(host, family, addresses=(self.addresses[host],)))
        assert found is not None
        return found


@pytest.fixture(scope="module")
def account(client: Any, tmp_path_factory: pytest.TempPathFactory) -> Account:
    return Account(client, tmp_path_factory.mktemp("aws"))


def test_every_answer_is_read_by_the_dialect_of_its_command(account: Account) -> None:
    paths = [*account.described(*COMMANDS), account.entries()]
    loaded = load(paths)
    assert loaded.errors == ()
    kinds = [export.dialect.NAME for export in loaded.exports]
    assert kinds == [
        "aws-security-groups",
        "aws-security-group-rules",
        "aws-network-acls",
        "aws-network-interfaces",
        "aws-instances",
        "aws-subnets",
        "aws-route-tables",
        "aws-prefix-lists",
        "aws-vpc-peering-connections",
        "aws-prefix-lists",
    ]
    assert {export.host for export in loaded.exports} == {"describe-security-groups"}
    assert all(export.ledger.counts()["unsupported"] == 0 for export in loaded.exports)


def test_group_and_list_decide_together_as_created(account: Account) -> None:
    paths = [*account.described("describe_security_groups", "describe_network_acls", "describe_network_interfaces")]
    web = account.firewall("web", *paths, *account.described("describe_subnets"), account.entries())
    assert [verdict(web, port) for port in (80, 81, 22)] == ["accept", "drop", "drop"]
    assert verdict(web, 80, source="203.0.113.9") == "drop"
    assert verdict(web, 81, source="10.20.1.200") == "accept"  # inside the subnet
    ends = ("192.0.2.1", "198.51.100.7", "198.51.100.8")
    assert [verdict(web, 9340, source=each) for each in ends] == ["accept", "accept", "drop"]
    reply = {"hook": "output", "source_port": 80, "state": "established", "tcp_flags": ["ack"]}
    assert [verdict(web, port, **reply) for port in (40000, 2000)] == ["accept", "drop"]


def test_a_reference_is_the_members_addresses_as_created(account: Account) -> None:
    paths = account.described("describe_security_groups", "describe_network_acls", "describe_network_interfaces")
    database = account.firewall("db", *paths)
    assert verdict(database, 3306, source=account.addresses["web"]) == "accept"
    assert verdict(database, 3306, source="10.20.1.251") == "drop"
    assert [verdict(database, 9, source=each) for each in ("192.0.2.200", "192.0.2.1")] == ["accept", "drop"]
    alone = account.firewall("web", paths[0], *account.described("describe_instances"))
    assert verdict(alone, 80) == "accept"


def test_rules_one_by_one_say_what_the_groups_say(account: Account) -> None:
    facts = [*account.described("describe_network_acls", "describe_network_interfaces"), account.entries()]
    (rules,) = account.described("describe_security_group_rules")
    (groups,) = account.described("describe_security_groups")
    one, other = (account.firewall("db", each, *facts) for each in (groups, rules))
    for port, source in ((3306, account.addresses["web"]), (3306, "10.20.2.77"), (22, "192.0.2.129"), (80, "10.0.0.1")):
        assert verdict(one, port, source=source) == verdict(other, port, source=source)
    assert account.firewall("web", groups, rules, *facts).name == "web"


def test_over_peering_a_reference_holds_until_the_connection_is_deleted(account: Account) -> None:
    pair = {
        "GroupId": account.ids["far"],
        "VpcId": account.ids["far-vpc"],
        "VpcPeeringConnectionId": account.ids["peering"],
    }
    permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [pair]}
    account.client.authorize_security_group_ingress(GroupId=account.ids["db"], IpPermissions=[permission])

    def fares() -> tuple[str, list[str]]:
        paths = account.described(
            "describe_security_groups",
            "describe_network_acls",
            "describe_network_interfaces",
            "describe_vpc_peering_connections",
        )
        groups = json.loads(Path(paths[0]).read_text("utf-8"))
        for one in groups["SecurityGroups"]:  # the server does not keep the connection of a reference
            for each in one["IpPermissions"]:
                for kept in each["UserIdGroupPairs"]:
                    if kept["GroupId"] == account.ids["far"]:
                        kept |= pair
        firewall = account.firewall("db", account.written("groups", groups), *paths[1:])
        packet = {"source": account.addresses["far"]}
        return verdict(firewall, 5432, **packet), asked(firewall, 5432, **packet)

    assert fares() == ("accept", [])
    account.client.delete_vpc_peering_connection(VpcPeeringConnectionId=account.ids["peering"])
    found, conditions = fares()
    assert found == "unknown"
    assert account.ids["far"] in conditions[0]
