"""Tables of nft that see packets where no IP hook does: `bridge`, and `arp`.

A frame that comes in by a port of a bridge passes the bridge's prerouting and, if the host takes it, its input before
IP sees it at PREROUTING; what the host sends by a bridge passes output and postrouting behind POSTROUTING; a frame
from port to port passes forward (br_input.c, br_device.c, br_forward.c; nft(8) ADDRESS FAMILIES). Without answers to
ARP no IPv4 packet reaches its neighbour. No export says what goes through a bridge, so a chain there that may drop, or
may change what it sees, is a condition for every packet but those of loopback. One that does neither has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from validator.dialects._linux_host import Host
from validator.dialects._linux_ruleset import BaseChain, Ruleset
from validator.dialects._nft_data import Expr, NftChain, NftRule, NftRuleset, NftTable, fields
from validator.model import (
    ACCEPT,
    DROP,
    LOOPBACK,
    Action,
    Chain,
    ConditionMatch,
    Hook,
    InterfaceMatch,
    Match,
    Rule,
    Verb,
)
from validator.packets.fields import Family, Field

_BRIDGE_HOOKS = {
    "prerouting": Hook.PREROUTING, "input": Hook.PREROUTING, "forward": Hook.FORWARD, "output": Hook.POSTROUTING,
    "postrouting": Hook.POSTROUTING,
}  # fmt: skip
OUTERMOST: Mapping[Hook, int] = {Hook.PREROUTING: -200_000, Hook.FORWARD: -200_000, Hook.POSTROUTING: 200_000}
SIDES = {Hook.PREROUTING: Field.IN_INTERFACE, Hook.POSTROUTING: Field.OUT_INTERFACE}
HARMLESS = frozenset(
    ("match", "accept", "return", "continue", "jump", "goto", "counter", "log", "limit", "ct count", "quota", "last")
    + ("set", "map", "meter", "dup", "comment")
)
_DROPS = frozenset(("drop", "reject"))
_UNKNOWN = "?"


def beside(data: NftRuleset, host: Host) -> Ruleset | None:
    """The chains of these tables that may matter, None where none does. Without a label: they are no export of the
    host's IP rules."""
    chains: dict[str, Chain] = {}
    bases: list[BaseChain] = []
    for table in data.tables.values():
        for chain in table.chains.values() if not table.dormant else ():
            for hook in _hooks(table.family, chain.hook, host.family):
                rules = tuple(_rules(table, chain, hook, host))
                if rules:
                    name = f"{table.title}:{chain.name}" + f" at {hook}" * (table.family == "arp")
                    accepts = Rule((), ACCEPT, chain.span, name, "what is not dropped goes on", implicit=True)
                    chains[name] = Chain(name, rules, accepts)
                    bases.append(BaseChain(hook, OUTERMOST[hook], name, chain.priority))
    return Ruleset("", data.path, chains, tuple(bases)) if bases else None


def _hooks(table: str, hook: str, family: Family) -> tuple[Hook, ...]:
    """The hooks of IP at which packets meet what a base chain decides."""
    if table == "bridge" and hook in _BRIDGE_HOOKS:
        return (_BRIDGE_HOOKS[hook],)
    if table == "arp" and hook and family is Family.IPV4:
        return Hook.PREROUTING, Hook.POSTROUTING
    return ()


def _rules(table: NftTable, chain: NftChain, hook: Hook, host: Host) -> Iterator[Rule]:
    """What a base chain may do to a packet: nothing that needs a rule, drop it, or make another one of it."""
    span = chain.policy_span or chain.span
    title = f"{table.title}:{chain.name}"
    deeds = _deeds(table, chain)
    matches: tuple[Match, ...] = ()
    if hook in SIDES:
        matches = (InterfaceMatch(SIDES[hook], (LOOPBACK,), negated=True),)

    def may(what: str) -> tuple[Match, ...]:
        return (*matches, ConditionMatch(host.condition(f"{title} {what}", per_packet=True, span=span)))

    if table.family == "arp":
        if deeds - HARMLESS:
            yield Rule(may("drops or changes the ARP that the packet needs"), DROP, span, title)
        return
    if deeds - HARMLESS - _DROPS:
        what = "changes the packet, or sends it on, at a port of a bridge"
        yield Rule(may(f"{what}, and it gets through"), Action(Verb.DELIVER), span, title)
        yield Rule(may(f"{what}, and it does not get through"), DROP, span, title)
    elif deeds & _DROPS:
        yield Rule(may("drops the packet at a port of a bridge"), DROP, span, title)


def _deeds(table: NftTable, chain: NftChain) -> set[str]:
    """What a base chain may do, by the names of statements: what stands in it, in chains that it may jump to, and its
    policy."""
    found = {name for rule in chain.rules for name in statements(table, rule)}
    if found & {"jump", "goto"}:
        found |= elsewhere(table)
    return found | ({_UNKNOWN} if chain.why else {chain.policy})


def elsewhere(table: NftTable) -> set[str]:
    """The names of what the chains of a table do that others jump to."""
    others = (each for each in table.chains.values() if not each.hook)
    return {name for each in others for rule in each.rules for name in statements(table, rule)}


def statements(table: NftTable, rule: NftRule) -> Iterator[str]:
    """The names of the statements of a rule but for what it asks, with the verdicts of its maps; `?` for what is not
    known."""
    if rule.why:
        yield _UNKNOWN
    for name, body in rule.statements:
        if name == "vmap":
            yield from _mapped(table, fields(body).get("data"))
        elif name != "xt" or fields(body).get("type") != "match":
            yield name


def _mapped(table: NftTable, data: Expr) -> Iterator[str]:
    """The verdicts of a map."""
    if isinstance(data, str):
        named = table.sets.get(data[1:])
        if named is None or named.changing or named.hidden or named.why:
            yield _UNKNOWN
        verdicts = [element.value for element in named.elements] if named else []
    else:
        pairs = fields(data).get("set")
        some = pairs if isinstance(pairs, list) else [None]
        verdicts = [pair[1] if isinstance(pair, list) and len(pair) == 2 else None for pair in some]
    for verdict in verdicts:
        yield from fields(verdict) or (_UNKNOWN,)
