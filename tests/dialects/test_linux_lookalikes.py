"""Output of Linux tools that people pass by mistake: called by its name, with the command to run instead."""

from __future__ import annotations

import time

import pytest

from tests.dialects.exports import refusal

SAVE = "run iptables-save > FILE"


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("Status: active\nLogging: on (low)\nDefault: deny (incoming)\n", "this is what ufw prints", SAVE),
        ("Status: active\n\n     To      Action   From\n[ 1] 22/tcp  ALLOW IN  Anywhere\n", "this is what ufw", SAVE),
        (
            "Status: Aktiv\n\nZu      Aktion   Von\n--      ------   ---\n22  ALLOW    All\n",
            "4: this is what ufw",
            SAVE,
        ),
        ("Added user rules (see 'ufw status' for running firewall):\nufw allow 22/tcp\n", "this is what ufw", SAVE),
        ("table inet filter\ntable ip nat\n", "a list of nft's tables", "run nft list ruleset > FILE"),
        ("# Table `filter' is incompatible, use 'nft' tool.\n", "a ruleset that nft made", "run nft list ruleset"),
        ("Status: inactive\n", "this is what ufw prints", SAVE),
        ("public (active)\n  target: default\n", "1: this is firewall-cmd output", "run nft list ruleset > FILE"),
        ("block\n  target: %%REJECT%%\n  services: \n", "2: this is firewall-cmd output", "run nft list ruleset"),
        ("trusted\n  icmp-block-inversion: no\n", "2: this is firewall-cmd output", "run nft list ruleset"),
        ("Chain INPUT (policy DROP 3 packets, 180 bytes)\n pkts bytes target\n", "this is iptables -L output", SAVE),
        ("-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n", "these are rules without their tables", SAVE),
        ("-N DOCKER\n", "these are rules without their tables", SAVE),
        ("-A INPUT -j DROP\n", "these are rules without their tables", SAVE),
        ("Name: a\nType: hash:ip\nMembers:\n10.0.0.1\n", "2: this is ipset list output", "run ipset save > FILE"),
        ("#!/bin/sh\nipset create a hash:ip\n", "2: this is a script of ipset commands", "run ipset save > FILE"),
        ("sudo ipset -exist add a 10.0.0.1\n", "this is a script of ipset commands", "run ipset save > FILE"),
        (
            "Etat : actif\n\nVers    Action   De\n----    ------   --\n22/tcp  ALLOW    Anywhere\n",
            "4: this is what ufw",
            SAVE,
        ),
        ("FirewallD is not running\n", "this says that firewalld is not running", "run iptables-save > FILE, or nft"),
        (
            "80/tcp 443/tcp 6000-6010/udp\n",
            "this is a list of ports, as firewall-cmd",
            "run iptables-save > FILE, or nft",
        ),
        (
            "Bridge table: filter\n\nBridge chain: INPUT, entries: 1\n",
            "this is ebtables -L output",
            "or nft list ruleset",
        ),
        ("Chain INPUT (policy ACCEPT)\n-j DROP -s 1.2.3.4\n", "1: this is arptables -L output", "or nft list ruleset"),
        (
            "Chain INPUT (policy ACCEPT)\n\nChain OUTPUT (policy ACCEPT)\n",
            "this is arptables -L",
            "or nft list ruleset",
        ),
        ('<iptables-rules version="1.0">\n', "this is iptables-xml output", SAVE),
        ('<ipsets>\n<ipset name="foo">\n', "this is ipset list output", "run ipset save > FILE"),
        ("family ip {\n\thook prerouting {\n", "this is nft list hooks output", "run nft list ruleset > FILE"),
        (
            "iptables v1.8.9 (nf_tables): Could not fetch rule set: Permission denied (you must be root)\n",
            "this is an error message: the command was not run by root",
            "run it as root (sudo)",
        ),
        ("ip6tables-save v1.8.9 (nf_tables): x: Permission denied (you must be root)\n", "not run by root", "as root"),
        ("Operation not permitted (you must be root)\n", "not run by root", "as root"),
        ("netlink: Error: cache initialization failed: Operation not permitted\n", "not run by root", "as root"),
        ("ipset v7.17: Kernel error received: Operation not permitted\n", "not run by root", "as root"),
        ("Failed to list table names in /proc/net/ip_tables_names: Permission denied\n", "not run by root", "as root"),
        ("ERROR: You need to be root to run this script\n", "not run by root", "as root"),
    ],
)
def test_it_is_called_by_its_name(text: str, what: str, remedy: str) -> None:
    message = refusal(text)
    assert what in message
    assert remedy in message


@pytest.mark.parametrize(
    "line",
    [
        "a UP " + "1/11" * 5000 + "x",
        "1" * 9000 + "/",
        "default " + "via a " * 3000,
        "1/tcp " * 9000 + "x",
        "ipset v" + ": " * 9000,
    ],
)
def test_hostile_lines_take_no_time(line: str) -> None:
    began = time.perf_counter()
    refusal(line + "\n")
    assert time.perf_counter() - began < 2
