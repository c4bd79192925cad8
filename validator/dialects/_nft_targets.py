"""Names of what statements do: targets of iptables that nft shows by name alone, headers that are rewritten."""

from __future__ import annotations

ACCEPTING = frozenset(("SNAT", "MASQUERADE"))
"""Targets that end a nat chain and change no more than the source."""
LOGGING = frozenset(
    ("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "TCPMSS", "CHECKSUM", "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "ECN")
    + ("TCPOPTSTRIP", "IDLETIMER", "LED", "RATEEST", "SECMARK", "CONNSECMARK", "SET", "TEE")
)
"""Targets after which the walk goes on and nothing changes that rules ask about, iptables-extensions(8)."""
REWRITTEN = frozenset(
    ("ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr", "ip protocol", "ip6 nexthdr", "ether saddr", "ether type")
    + ("tcp sport", "tcp dport", "udp sport", "udp dport", "sctp sport", "sctp dport", "th sport", "th dport")
    + ("dccp sport", "dccp dport", "udplite sport", "udplite dport", "tcp flags", "icmp type", "icmp code")
    + ("icmpv6 type", "icmpv6 code", "meta pkttype", "meta protocol")
)
"""Header fields that rules ask about; a statement that sets one is not followed."""
