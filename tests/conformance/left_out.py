"""Connections that `portproof check` is not held to yet, or that the setup cannot judge: one function for each kind.

A function says whether a connection is of its kind; without it (and its name in LEFT_OUT) they are compared again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address

from tests.conformance.ends import Attempt
from tests.conformance.namespaces import own, way_out
from validator.packets.fields import Family
from validator.policy import Direction
from validator.results import Result

_TARGET = re.compile(r"(?:--to-destination|dnat(?: ip6?)? to) \[?([\da-f]*:[\da-f:]+|[\d.]+)")
_CALLS = re.compile(r"-[jg] (?!ACCEPT|DROP|RETURN|LOG|[DS]NAT|REDIRECT|MASQUERADE|NETMAP)\S|\b(?:jump|goto)\b")
_NOT_MISSED = (["ack"], ["fin", "ack"])
_BUILT_IN = ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")
_TABLE = re.compile(r"^\*nat\n(.*?)^COMMIT", re.MULTILINE | re.DOTALL)
_CHAIN = re.compile(r"^\s*chain \S+ \{\n(.*?)^\s*\}$", re.MULTILINE | re.DOTALL)


def hairpin(parts: Mapping[str, str], result: Result, attempt: Attempt) -> bool:
    """Of this setup: led back to the side that the peer is on, a connection reaches the neighbour that it comes from,
    which answers itself and does not ask the firewall."""
    if result.local or result.direction is Direction.OUTBOUND:
        return False
    mine, side = own(attempt.family), way_out(attempt.family, int(ip_address(attempt.source)))
    targets = _targets(_rules(parts, "prerouting", attempt.family), attempt.family)
    return any(target not in mine and way_out(attempt.family, target) == side for target in targets)


def not_missed(parts: Mapping[str, str], result: Result, attempt: Attempt) -> bool:
    """Stopped are acknowledgements alone, or ends: `check` asks for them, a connection as short as these works
    without."""
    stopped = result.witness_blocked
    return stopped is not None and stopped["tcp_flags"] in _NOT_MISSED


LEFT_OUT: tuple[Callable[[Mapping[str, str], Result, Attempt], bool], ...] = (
    hairpin,
    not_missed,
)


def why_left_out(parts: Mapping[str, str], result: Result, attempt: Attempt) -> str:
    """The name of the kind of connections that this one is of; empty where it is compared."""
    return next((kind.__name__.replace("_", " ") for kind in LEFT_OUT if kind(parts, result, attempt)), "")


def _rules(parts: Mapping[str, str], hook: str, family: Family) -> Iterator[str]:
    """The rules of the nat chains at a hook, and of all that they may call."""
    for kind, text in parts.items():
        if not _may_hold(kind, family):
            continue
        if kind == "nft":
            chains = _CHAIN.findall(text)
            begun = [chain for chain in chains if chain.lstrip().startswith(f"type nat hook {hook} ")]
            called = [chain for chain in chains if not chain.lstrip().startswith("type ")]
        else:
            lines = [line for table in _TABLE.findall(text) for line in table.splitlines() if line.startswith("-A ")]
            begun = [line for line in lines if line.split()[1] == hook.upper()]
            called = [line for line in lines if line.split()[1] not in _BUILT_IN]
        for rules in begun + called * any(_CALLS.search(rules) for rules in begun):
            yield from rules.splitlines()


def _may_hold(kind: str, family: Family) -> bool:
    """Whether a part of this kind may have rules for the family."""
    return kind == "nft" or "tables" in kind and kind.startswith("ip6") is (family is Family.IPV6)


def _targets(rules: Iterable[str], family: Family) -> Iterator[int]:
    """Where destinations are translated to, other than to the host itself by a redirection."""
    for text in (found for rule in rules for found in _TARGET.findall(rule)):
        address = ip_address(text)
        if (address.version == 6) is (family is Family.IPV6):
            yield int(address)


__all__ = ["why_left_out"]
