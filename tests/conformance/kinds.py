"""The kinds of rulesets that are made at random."""

from __future__ import annotations

from tests.conformance.asked_twice import of_twice
from tests.conformance.rulesets import of_both, of_ipset, of_iptables, of_nft

KINDS = {"iptables": of_iptables, "ipset": of_ipset, "nft": of_nft, "both": of_both, "twice": of_twice}
"""What makes rulesets of a kind."""
