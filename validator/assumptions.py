"""What is assumed where an export cannot tell, each by a name that a user can withdraw (`--withdraw`)."""

from __future__ import annotations

from collections.abc import Mapping

ASSUMPTIONS: Mapping[str, str] = {
    "normal-load": "rate limiters are below their limit",
    "default-acls": (
        "the network ACLs of subnets let everything pass, as the default ones of Amazon do; "
        "`aws ec2 describe-network-acls` exports what is set"
    ),
    "other-subnets": (
        "peers are in other subnets than the host (traffic inside one passes no network ACL); "
        "`aws ec2 describe-subnets` exports their blocks"
    ),
    "hidden-scope": "no rule of this dump is limited to a program, service, user or package that the dump hides",
    "unicast-frames": "packets come in frames addressed to the host alone (pkttype unicast)",
    "forwarding": ("the host forwards what address translation sends to another one; `sysctl -a` exports what is set"),
    "connected-routes": (
        "addresses in the network of an interface are reached through it and come in by it (`ip route` would show "
        "what says otherwise)"
    ),
    "reverse-path": "packets come in by the interface that leads back to their source (reverse path filters pass them)",
    "service-hardening": "no module is one of the Windows services that service hardening restricts",
    "translated": "a module, or its peer, listens where address translation (DNAT, REDIRECT) sends its port",
    "listed-members": (
        "the interfaces, instances or pods that were exported are all that have the groups, tags and labels which "
        "rules name (`az network nic list` shows none of scale sets: `az vmss nic list` does)"
    ),
    "no-firewall-policies": (
        "no firewall policy of Google Cloud decides before or after the VPC rules; "
        "`gcloud compute networks get-effective-firewalls NETWORK --format=json` exports all that hold"
    ),
    "variable-defaults": (
        "nobody passes other values than the defaults of Terraform's variables and of templates' parameters (a .tfvars "
        "file, -var); `terraform show -json PLAN` shows what was passed"
    ),
    "group-policy": (
        "no group policy sets a profile otherwise than it is set locally, or has rules of its own; "
        "`reg export HKLM\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall` exports what it says"
    ),
    "edge-traversal": (
        "no connection comes in through a NAT by a tunnel of the host (Teredo, IP-HTTPS), which rules without edge "
        "traversal do not let in"
    ),
    "every-ruleset": (
        "no other rules filter on the Linux host: iptables-save shows no tables that firewalld, Docker and others make "
        "in nftables (`nft -j list ruleset` does), nft none of iptables-legacy (`iptables-legacy-save` does)"
    ),
    "whole-listing": (
        "a listing of nft is whole: sets without elements are empty, where none has any (`nft -t` leaves them out), "
        "and one without a table was not made with `nft -j list sets`"
    ),
    "plain-headers": (
        "IPv6 packets of connections have no extension headers (routing, hop-by-hop, destination options, "
        "authentication)"
    ),
    "unfragmented": "packets arrive whole (connection tracking reassembles fragments before the filter)",
    "profile-defaults": (
        "every profile is on with Windows' defaults (BlockInbound, AllowOutbound); "
        "`netsh advfirewall show allprofiles` exports what is set"
    ),
}
"""The assumptions that hold unless withdrawn: name and what is assumed."""
