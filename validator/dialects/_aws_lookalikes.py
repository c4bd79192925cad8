"""Answers of the AWS command line that hold no rules, and nothing that rules refer to: what to run instead."""

from __future__ import annotations

from validator.dialects._aws_json import outer_keys
from validator.source import Source

_COMMANDS = {
    "Account": "sts get-caller-identity",
    "Addresses": "ec2 describe-addresses",
    "AvailabilityZones": "ec2 describe-availability-zones",
    "ClusterInfoList": "kafka list-clusters",
    "ClusterSubnetGroups": "redshift describe-cluster-subnet-groups",
    "Clusters": "redshift describe-clusters",
    "CustomerGateways": "ec2 describe-customer-gateways",
    "DBInstances": "rds describe-db-instances",
    "DomainStatusList": "es describe-elasticsearch-domains",
    "Hosts": "ec2 describe-hosts",
    "Images": "ec2 describe-images",
    "InstanceStatuses": "ec2 describe-instance-status",
    "Instances": "ec2 describe-classic-link-instances",
    "InternetGateways": "ec2 describe-internet-gateways",
    "LoadBalancers": "elbv2 describe-load-balancers",
    "MovingAddressStatuses": "ec2 describe-moving-addresses",
    "NatGateways": "ec2 describe-nat-gateways",
    "QueueUrls": "sqs list-queues",
    "Regions": "ec2 describe-regions",
    "SAMLProviderList": "iam list-saml-providers",
    "SecretList": "secretsmanager list-secrets",
    "ServiceNames": "ec2 describe-vpc-endpoint-services",
    "Snapshots": "ec2 describe-snapshots",
    "StaleSecurityGroupSet": "ec2 describe-stale-security-groups",
    "SummaryMap": "iam get-account-summary",
    "Tags": "ec2 describe-tags",
    "Topics": "sns list-topics",
    "TransitGateways": "ec2 describe-transit-gateways",
    "Volumes": "ec2 describe-volumes",
    "VpcEndpoints": "ec2 describe-vpc-endpoints",
    "Vpcs": "ec2 describe-vpcs",
    "VpnConnections": "ec2 describe-vpn-connections",
    "analyzers": "accessanalyzer list-analyzers",
    "clusterArns": "ecs list-clusters",
    "repositories": "ecr describe-repositories",
    "trailList": "cloudtrail describe-trails",
}
_RUN = "run aws ec2 describe-security-groups (and describe-network-acls, describe-network-interfaces) and pass those"


def lookalike(source: Source) -> tuple[int, str, str] | None:
    """The line that gives the file away, what it is, and what to do; None where it is nobody's guess.

    Only outermost keys tell, or those in the wrapper of a recorder; nested ones say nothing.
    """
    keys = dict(reversed([*outer_keys(source)]))
    if "collector_version" in keys and "provider" in keys:
        return keys["collector_version"], "this is what a collector of cloud resources put together", _RUN
    for key, line in reversed(keys.items()):
        if key in _COMMANDS:
            return line, f"this looks like aws {_COMMANDS[key]} output", _RUN
    return None
