"""What became of each line of an nftables ruleset: its rules are converted for a host of which nothing is known."""

from __future__ import annotations

from validator.dialects._linux_changes import asks
from validator.dialects._linux_host import Host
from validator.dialects._nft_arp import of_devices
from validator.dialects._nft_beside import beside
from validator.dialects._nft_convert import families, ruleset
from validator.dialects._nft_data import NftRuleset
from validator.source import Ledger, LineState


def account(data: NftRuleset, ledger: Ledger) -> None:
    """Mark the line of every rule: unsupported where it was not understood, conditional where it asks something that
    the export cannot tell, else modelled."""
    for table in data.tables.values():
        for chain in table.chains.values():
            if chain.why:
                ledger.mark((chain.policy_span or chain.span).line, LineState.UNSUPPORTED)
            for rule in chain.rules:
                ledger.mark(rule.line, LineState.UNSUPPORTED if rule.why else LineState.MODELLED)
    for family in families(data):
        host = Host("", family)
        rulesets = (ruleset(data, host), beside(data, host), of_devices(data, host))
        for converted in (chain for found in rulesets if found for chain in found.chains.values()):
            for made in converted.rules:
                if not made.understood:
                    ledger.mark(made.span.line, LineState.UNSUPPORTED)
                elif any(map(asks, made.matches)):
                    ledger.mark(made.span.line, LineState.CONDITIONAL)
