"""Real exports that were found in public: each is read line by line and judged, or refused with a reason.

The files stand beside the repository and are not part of it; without them these tests are skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from validator import policy_file
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.refused import stands_alone

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "corpus"
WINDOWS = ("netsh", "netsh_legacy", "netsh_localised", "netsh_script", "wfw", "reg", "reghive", "wfmsc")
COUNTED = (*WINDOWS, "iptables", "ipset")
FOLDERS = (
    *COUNTED,
    "aws",
    "azure",
    "azure_arm",
    "gcp",
    "k8s",
    "tfplan",
    "tfstate",
    "cfn",
)
FILES = [path for folder in FOLDERS for path in sorted((CORPUS / folder).glob("*")) if path.is_file()]

REFUSED = {
    "netsh_profile_settings.txt": "this is netsh's help, not a script",
    "de_show_rule_verbose_redacted": "the dump does not end with `Ok.`",
    "fr_show_rule_multi": "the dump does not end with `Ok.`",
    "zhcn_show_rule_and_portproxy": "two outputs stand in one file",
    "it_field_labels.kt": "no known kind of firewall export",
    "show_config_win7": "a profile without its title: the output is cut",
    "zhtw_show_rule_findstr": "the rules' blocks were filtered away",
    "GoldenFiles__parser_test": "rules are not iptables-save rules",
    "fffuu.out": "rules are not iptables-save rules",
    "about_NOTRACK": "stands here a second time",
    "FNwfaEED": "stands here a second time",
    "bash_history-iptables": "stands here a second time",
    "aerleon__tests__regression__ipset__": "rules of iptables stand in this file of sets",
    "sample_ipset.ips.ref": "rules of iptables stand in this file of sets",
    "ec2-describe-vpcs": "this looks like aws ec2 describe-vpcs output",
    "us-west-2__": "this looks like aws e",
    "account-data__demo__us-east-1__": "this looks like aws ",
    "azure_configs__VM1.json": "this is JSON of Microsoft.Compute/virtualMachines",
    "VM1-public-ip": "this is JSON of Microsoft.Network/publicIPAddresses",
    "nat-gateway-ip": "this is JSON of Microsoft.Network/publicIPAddresses",
    "NetworkSecurityGroupTest.test_open_ports": "a recording of several answers that differ",
    "np-guard__netpol": "",
    "np-guard": "this is what a collector of cloud resources put together",
    "GoogleCloudPlatform__policy-library": "this is an export of Cloud Asset Inventory",
    "forseti-security": "no known kind of firewall export",
    "kubernetes-network-policy-recipes": "no known kind of firewall export",
    "tf1_0plan.applied": "stands twice in one object",
    "azure_firewall_plan": "and azurerm_firewall.non_usage is not read",
    "infracost__": "no security group or firewall rule is in this JSON of Terraform",
    "tfstate": "no security group or firewall rule is in this JSON of Terraform",
    "tfplan": "no security group or firewall rule is in this JSON of Terraform",
    "core-lz-tf-plan": "no security group or firewall rule is in this JSON of Terraform",
    "BootDiskEncryption__bad": "no security group or firewall rule is in this JSON of Terraform",
    "cis_benchmark": "no known kind of firewall export",
    "watchmaker": "this CloudFormation template makes no security group",
    "nist_config_rules": "this CloudFormation template makes no security group",
    "ElasticsearchEncryption": "this CloudFormation template makes no security group",
    "WildcardEntities": "this CloudFormation template makes no security group",
    "ALBListenerHTTPS": "this CloudFormation template makes no security group",
}
"""A part of a file's name, and of what it is refused with; the first part that fits counts."""
NOT_UNDERSTOOD = {
    # its head: the hive was copied while Windows was writing it, and what the log holds is missing
    "SYSTEM_WIN_10_1709": 1,
    # redacted: `--mac-source XX:XX:XX:XX:XX:XX`, `-s <private_ip>/32`
    "configs_chair_for_Network_Architectures": 1641,
    "config_private_root": 2,
    # text of a web page around the rules
    "diekmann__net-network__blog_a-unikernel-firewall": 15,
    "found_online__openwrt.org__iptables-save-AA": 13,
    # a part of a ruleset: the chain it jumps to is made by another file
    "etc__ufw__after.rules": 7,
}
"""A part of an export's name, and how many of its lines are not understood; of every other one none is."""
READ_ANYWAY = (
    "SecurityGroups",
    "security-groups",
    "NetworkAcls",
    "NetworkInterfaces",
    "PrefixLists",
    "Reservations",
    "describe-instances",
    "describe-network-interfaces",
    "describe-vpc-peering-connections",
    "compute_firewall.tfplan",
)


def expected(name: str) -> str:
    """What a file is refused with, empty where it is read."""
    if any(part in name for part in READ_ANYWAY):
        return ""
    return next((message for part, message in REFUSED.items() if part in name), "")


@pytest.mark.skipif(not FILES, reason="the corpus of public exports is not here")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[-60:])
def test_a_real_export_is_judged_or_refused_with_a_reason(path: Path) -> None:
    loaded = load([str(path)])
    if loaded.errors:
        message = str(loaded.errors[0])
        assert expected(path.name), message
        assert expected(path.name) in message
        assert message.startswith(str(path))
        assert "\n" not in message
        return
    assert not expected(path.name)
    (export,) = loaded.exports
    counts = export.ledger.counts()
    assert counts.pop("total") == len(export.source.lines) == sum(counts.values())
    if path.parent.name in COUNTED:
        listed = next((number for part, number in NOT_UNDERSTOOD.items() if part in path.name), 0)
        assert len(export.ledger.unsupported()) == counts["unsupported"] == listed
    checked = check(loaded, policy_file.load("ol-connect"), None, CheckOptions())
    if not stands_alone(export.dialect) and not checked.report.results:  # alone, facts beside rules decide nothing
        assert "no firewall rules were given" in str(checked.errors[0])
        return
    assert checked.report.results
    assert not checked.errors
