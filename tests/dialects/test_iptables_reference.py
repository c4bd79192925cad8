"""The reference of matches and targets is the registry's own table, and leaves out nothing that iptables has."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from validator.dialects._iptables_modules import MODULES
from validator.dialects._iptables_targets import TARGETS

PAGE = Path(__file__).parents[2] / "docs" / "dialects" / "iptables.md"

MATCHES_OF_1_8_9 = (
    "addrtype ah bpf cgroup cluster comment connbytes connlabel connlimit connmark conntrack cpu dccp devgroup dscp"
    " dst ecn esp eui64 frag hashlimit hbh helper hl icmp icmp6 ipcomp iprange ipv6header ipvs length limit mac mark"
    " mh multiport nfacct osf owner physdev pkttype policy quota rateest realm recent rpfilter rt sctp set socket srh"
    " state statistic string tcp tcpmss time tos ttl u32 udp"
)
TARGETS_OF_1_8_9 = (
    "AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DNAT DNPT DSCP ECN HL HMARK IDLETIMER LED LOG MARK"
    " MASQUERADE NETMAP NFLOG NFQUEUE NOTRACK RATEEST REDIRECT REJECT SECMARK SET SNAT SNPT SYNPROXY TCPMSS"
    " TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG"
)
"""The modules in /usr/lib/*/xtables (libxt_*, libipt_*, libip6t_*), without the shared code of NAT and `standard`."""


def rows(head: str, entries: Iterable[tuple[str, str, str]]) -> str:
    lines = [f"| {head} | treatment | |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {what} | {note} |" for name, what, note in entries)])


def expected() -> str:
    """The page with its tables as the registry has them."""
    matches = ((each.name, each.treatment.value, each.note) for each in MODULES.values())
    targets = ((each.name, each.fate.value, each.note) for each in TARGETS.values())
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("matches", rows("match", matches)), ("targets", rows("target", targets))):
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        text = f"{head}<!-- {name} -->\n{table}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"
    return text


def test_the_reference_is_not_stale() -> None:
    wanted = expected()
    if os.environ.get("PORTPROOF_UPDATE"):
        PAGE.write_text(wanted, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == wanted, "run the tests once with PORTPROOF_UPDATE=1"


@pytest.mark.parametrize("name", MATCHES_OF_1_8_9.split())
def test_every_match_module_of_iptables_is_known(name: str) -> None:
    assert name in MODULES


@pytest.mark.parametrize("name", TARGETS_OF_1_8_9.split())
def test_every_target_of_iptables_is_known(name: str) -> None:
    assert name in TARGETS


def test_the_registries_are_sorted() -> None:
    assert list(MODULES) == sorted(MODULES)
    assert list(TARGETS) == sorted(TARGETS)
