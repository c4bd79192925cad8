"""Chains of nft on devices (tables `netdev`) that may drop ARP, without which no IPv4 packet reaches its neighbour.

Such a chain sees every frame of its device, those of ARP too; chains at `ingress` of an `inet` table do not
(nft_do_chain_inet_ingress in the kernel's nft_chain_filter.c). A rule that asks for something of IP, or of what it
carries, is not true of a frame of ARP, whatever it asks (nft(8): such expressions imply a protocol). Where a chain may
drop ARP, that is a condition of each IPv4 packet on its devices: a neighbour may be known otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

from validator.dialects._linux_host import Host
from validator.dialects._linux_ruleset import BaseChain, Ruleset
from validator.dialects._nft_beside import HARMLESS, OUTERMOST, SIDES, elsewhere, statements
from validator.dialects._nft_convert import device_names
from validator.dialects._nft_data import Expr, NftChain, NftRule, NftRuleset, NftTable, fields, items
from validator.model import ACCEPT, DROP, LOOPBACK, Chain, ConditionMatch, Hook, InterfaceMatch, Match, Rule
from validator.packets.fields import Family
from validator.source import Span

_CARRIED = frozenset(
    ("ip", "ip6", "icmp", "icmpv6", "igmp", "tcp", "udp", "udplite", "sctp", "dccp", "th", "ah", "esp", "comp")
)
_LIMITING = frozenset(("limit", "quota", "ct count", "set", "map", "meter"))
_ARP = 0x0806
_ETHER_TYPE: tuple[Expr, ...] = (
    {"payload": {"protocol": "ether", "field": "type"}},
    {"meta": {"key": "protocol"}},
)
_TYPES = {"arp": _ARP, "ip": 0x0800, "ip6": 0x86DD, "vlan": 0x8100, "8021q": 0x8100, "8021ad": 0x88A8}


def of_devices(data: NftRuleset, host: Host) -> Ruleset | None:
    """The condition of each chain that may drop ARP, None where there is none."""
    chains: dict[str, Chain] = {}
    bases: list[BaseChain] = []
    for table in data.tables.values() if host.family is Family.IPV4 else ():
        for chain in table.chains.values() if table.family == "netdev" and not table.dormant else ():
            stops = _stops(table, chain) if chain.hook else None
            if stops is None:
                continue
            title = f"{table.title}:{chain.name}"
            text = f"neighbours are known otherwise: {title} may drop the ARP that the packet needs"
            asked = ConditionMatch(host.condition(text, per_packet=True, span=stops), expected=False)
            accepts = Rule((), ACCEPT, chain.span, title, "what is not dropped goes on", implicit=True)
            for hook, matches in _where(chain):
                name = f"{title} and ARP at {hook}"
                chains[name] = Chain(name, (Rule((*matches, asked), DROP, stops, title),), accepts)
                bases.append(BaseChain(hook, OUTERMOST[hook], name, chain.priority))
    return Ruleset("", data.path, chains, tuple(bases)) if bases else None


def _where(chain: NftChain) -> Iterator[tuple[Hook, tuple[Match, ...]]]:
    """Which packets need the ARP that `chain` sees: those that come in and go out by its devices, but for loopback."""
    for hook, side in SIDES.items():
        matches: tuple[Match, ...] = (InterfaceMatch(side, (LOOPBACK,), negated=True),)
        if chain.devices is not None:
            matches += (InterfaceMatch(side, device_names(chain.devices)),)
        yield hook, matches


def _stops(table: NftTable, chain: NftChain) -> Span | None:
    """The first line of a base chain that may drop ARP; None where ARP passes. What chains that it jumps to accept is
    not looked at."""
    policy = chain.policy_span or chain.span
    harmless = HARMLESS if chain.policy == "accept" else HARMLESS - {"return", "goto"}
    if chain.why:
        return policy
    for rule in chain.rules:
        matched = _asks_for_arp(rule)
        if matched is not False:
            deeds = set(statements(table, rule))
            if deeds - harmless or (deeds & {"jump", "goto"} and elsewhere(table) - harmless):
                return rule.span
            if matched and ("accept", None) in rule.statements:
                return None
    return policy if chain.policy != "accept" else None


def _asks_for_arp(rule: NftRule) -> bool | None:
    """Whether frames of ARP match a rule: all, none, or some (None)."""
    found: list[bool | None] = [None] if rule.why else []
    for name, body in rule.statements:
        if name == "match":
            found.append(_is_arp(fields(body)))
        elif name == "vmap":
            found.append(not _of_ip(fields(body).get("key")))
        elif name in _LIMITING:
            found.append(None)
    return False if False in found else None if None in found else True


def _is_arp(match: dict[str, Expr]) -> bool | None:
    left = match.get("left")
    if _of_ip(left):
        return False
    if left not in _ETHER_TYPE:
        return None
    right = match.get("right")
    types = [_number(each) for each in items(fields(right).get("set", right))]
    if None in types:
        return None
    return (_ARP in types) is (match.get("op") != "!=")


def _number(value: Expr) -> int | None:
    """A type of frames."""
    return _TYPES.get(value) if isinstance(value, str) else value if isinstance(value, int) else None


def _of_ip(expr: Expr) -> bool:
    """Whether an expression reads something of IP packets alone."""
    if isinstance(expr, list):
        return any(map(_of_ip, expr))
    if isinstance(expr, dict):
        of = fields(expr.get("payload")).get("protocol")
        key = fields(expr.get("meta")).get("key")
        return of in _CARRIED or key == "l4proto" or any(_of_ip(each) for each in expr.values())
    return False
