"""Names of what statements do: targets of iptables that nft shows by name alone, headers that are rewritten."""

from __future__ import annotations

from validator.dialects._nft_data import Expr

ACCEPTING = frozenset(("SNAT", "MASQUERADE"))
"""Targets that end a nat chain and change no more than the source."""
LOGGING = frozenset(
    ("LOG", "NFLOG", "ULOG", "AUDIT", "TRACE", "TCPMSS", "CHECKSUM", "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "ECN")
    + ("TCPOPTSTRIP", "IDLETIMER", "LED", "RATEEST", "SECMARK", "CONNSECMARK", "SET", "TEE")
)
"""Targets after which the walk goes on and nothing changes that rules ask about, iptables-extensions(8)."""
_HARMLESS = frozenset(
    ("ip dscp", "ip6 dscp", "ip ecn", "ip6 ecn", "ip id", "ip6 flowlabel", "icmp sequence", "icmpv6 sequence")
    + ("tcp urgptr", "tcp option maxseg size", "meta priority", "meta nftrace", "meta secmark")
)


def harmless(target: str, value: Expr) -> bool:
    """Whether setting a header field, or what is kept with a packet, to `value` changes nothing about its way.

    A packet with a time to live of 1 is not forwarded (ip_forward, ip6_forward); a UDP checksum of 0 is none (RFC 768).
    """
    if target in ("ip ttl", "ip6 hoplimit"):
        return isinstance(value, int) and value > 1
    return target in _HARMLESS or (target == "udp checksum" and value == 0)
