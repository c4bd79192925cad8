"""An nftables ruleset as chains of the model and base chains with their hooks, nft(8) CHAINS.

Tables `ip`, `ip6` and `inet` are asked about the packets of their family. `netdev` tables, and `ingress` chains of
`inet`, see a packet before every other hook, those at `egress` behind the last; both only on their devices. `arp`
and `bridge` tables are _nft_beside.py's. A table that is `dormant` does nothing.
Where the export leaves out a chain's devices, or whether a table is dormant, that is a condition.

A chain of type nat is asked about the first packet of a connection only, and no longer when an earlier one
has translated it (nf_nat_inet_fn); on loopback that was on the packet's way out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from msgspec import Struct

from validator.dialects._linux_host import DESTINATION_DONE, SOURCE_DONE, Host
from validator.dialects._linux_ruleset import NAT_PRIORITIES, BaseChain, Ruleset
from validator.dialects._nft_connections import mentions_connections
from validator.dialects._nft_data import Expr, NftChain, NftRule, NftRuleset, NftTable, fields
from validator.dialects._nft_listing import WHOLE
from validator.dialects._nft_matches import Matcher
from validator.dialects._nft_rules import Place, rules_of
from validator.dialects._nft_surroundings import Surroundings
from validator.model import (
    ACCEPT,
    DROP,
    LOOPBACK,
    BitMatch,
    Chain,
    ConditionMatch,
    FieldMatch,
    Hook,
    InterfaceMatch,
    Match,
    Rule,
    undecidable,
)
from validator.packets.fields import Family, Field, State
from validator.reachability import led_to, turned_round
from validator.source import Span

_FAMILIES: Mapping[Family, frozenset[str]] = {
    Family.IPV4: frozenset(("ip", "inet", "netdev")),
    Family.IPV6: frozenset(("ip6", "inet", "netdev")),
}
_HOOKS = {
    "prerouting": Hook.PREROUTING, "input": Hook.INPUT, "forward": Hook.FORWARD, "output": Hook.OUTPUT,
    "postrouting": Hook.POSTROUTING, "ingress": Hook.PREROUTING, "egress": Hook.POSTROUTING,
}  # fmt: skip
_DEVICE_FIELDS = {"ingress": Field.IN_INTERFACE, "egress": Field.OUT_INTERFACE}
_DEVICE_ORDER = {"ingress": -100_000, "egress": 100_000}
_CONNTRACK = -200
"""NF_IP_PRI_CONNTRACK: where prerouting and output begin to know the connection."""
_OF_CONNECTIONS = ("notrack", "ct count", "ct expectation")
"""Statements that ask for a packet's connection without an expression of `ct`."""
_UNTRACKED = FieldMatch(Field.STATE, ((int(State.INVALID), int(State.UNTRACKED)),))


def families(ruleset: NftRuleset) -> tuple[Family, ...]:
    """The address families that the ruleset has tables for; both where it has none."""
    present = {family for family, _ in ruleset.tables}
    found = tuple(family for family in Family if present & _FAMILIES[family])
    return found or tuple(Family)


def ruleset(data: NftRuleset, host: Host) -> Ruleset | None:
    """The chains of the host's family, None where no table has any."""
    tables = [table for table in data.tables.values() if table.family in _FAMILIES[host.family]]
    if not tables:
        return None
    chains: dict[str, Chain] = {}
    bases: list[BaseChain] = []
    shared = _shared_lines(data)
    for table in tables:
        if not table.dormant:
            found = _Table(table, host, shared)
            chains.update(found.chains())
            bases += found.bases()
    return Ruleset("nftables", data.path, chains, tuple(bases))


def unfiltered(data: NftRuleset, host: Host) -> Ruleset:
    """What stands for a ruleset without a base chain in force: nftables asks nothing, and every packet passes
    (nft(8) CHAINS: rules of other chains are met by jumps alone).

    That a listing without a table is one of a ruleset without any is an assumption: `nft -j list sets` prints the same
    where there are no sets. What one of tables without chains leaves out is open: `nft list sets` prints that."""
    table = next(iter(data.tables.values()), None)
    span = table.span if table else Span(data.path, 1)
    name = "nftables without a base chain"
    policy = Rule((), ACCEPT, span, name, "no base chain in this ruleset: nftables lets everything pass", implicit=True)
    hidden: tuple[Rule, ...] = ()
    if table is None:
        why = "tables that are not listed decide"
        hidden = undecidable((ConditionMatch(host.assumed(WHOLE, why, False, span)),), span, name, why)
    elif not any(each.chains for each in data.tables.values()):
        why = "no chain is in this listing, as nft list sets and maps print it: run nft list ruleset"
        hidden = undecidable((), span, name, why)
    hooks = (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)
    return Ruleset(
        "nftables", data.path, {name: Chain(name, hidden, policy)}, tuple(BaseChain(at, 0, name) for at in hooks)
    )


def _shared_lines(data: NftRuleset) -> bool:
    """Whether several rules stand in one line (JSON without line breaks)."""
    seen: set[int] = set()
    count = 0
    for table in data.tables.values():
        for chain in table.chains.values():
            count += len(chain.rules)
            seen.update(rule.line for rule in chain.rules)
    return len(seen) < count


class _Situation(Struct, frozen=True, order=True):
    """What a rule's meaning depends on besides its words: whether connections are known yet, and whether a
    translation is of packets that the host sends."""

    early: bool = False
    sent: bool = False


class _Table:
    """One table being converted. A chain that means different things in several situations becomes several."""

    def __init__(self, table: NftTable, host: Host, shared: bool) -> None:
        self._table, self._host, self._shared = table, host, shared
        self._matcher = Matcher(table)
        self._by_connection, self._by_hook = _sensitive(table)
        self._situations = self._walk()

    def bases(self) -> Iterator[BaseChain]:
        """The base chains."""
        for chain in self._table.chains.values():
            if chain.hook:
                hook, order = _HOOKS[chain.hook], chain.priority
                priority = NAT_PRIORITIES[hook] if chain.type == "nat" else order + _DEVICE_ORDER.get(chain.hook, 0)
                yield BaseChain(hook, priority, self._name(chain, _situation(chain)), order)

    def chains(self) -> Iterator[tuple[str, Chain]]:
        """Every chain by its name."""
        for chain in self._table.chains.values():
            for situation in sorted(self._situations[chain.name]):
                name = self._name(chain, situation)
                yield name, self._chain(chain, name, situation)

    def _walk(self) -> dict[str, set[_Situation]]:
        """The situations in which each chain is asked; the ordinary one for a chain that nothing reaches."""
        found: dict[str, set[_Situation]] = {name: set() for name in self._table.chains}
        todo = [(chain.name, _situation(chain)) for chain in self._table.chains.values() if chain.hook]
        jumps = {chain.name: _targets(chain, self._table) for chain in self._table.chains.values()}
        while todo:
            name, situation = todo.pop()
            own = self._reduced(name, situation)
            if name in found and own not in found[name]:
                found[name].add(own)
                todo += [(target, situation) for target in jumps[name]]
        for situations in found.values():
            if not situations:
                situations.add(_Situation())
        return found

    def _reduced(self, name: str, situation: _Situation) -> _Situation:
        """A situation without what makes no difference to the chain."""
        return _Situation(
            situation.early and name in self._by_connection,
            situation.sent and name in self._by_hook,
        )

    def _name(self, chain: NftChain, situation: _Situation) -> str:
        own = self._reduced(chain.name, situation)
        plain = f"{self._table.title}:{chain.name}"
        known = self._situations[chain.name]
        if len(known) <= 1 or own == min(known):
            return plain
        return plain + " before tracking" * own.early + " at output" * own.sent

    def _goes(self, situation: _Situation, target: str) -> str | None:
        chain = self._table.chains.get(target)
        return None if chain is None or chain.hook else self._name(chain, situation)

    def _chain(self, chain: NftChain, name: str, situation: _Situation) -> Chain:
        hook = Hook.OUTPUT if situation.sent else Hook.PREROUTING
        if chain.hook:
            hook = _HOOKS[chain.hook]
        title = f"{self._table.title}:{chain.name}"
        rules = [*self._in_force(chain), *self._devices(chain), *self._head(chain)]
        for number, rule in enumerate(chain.rules, 1):
            identity = f"{title} rule {number}" if self._shared else ""
            around = Surroundings(self._host, situation.early, rule.span, identity)
            goes = partial(self._goes, situation)
            place = Place(self._matcher, around, hook, goes, title, self._translates(chain))
            rules += rules_of(rule, place)
        return Chain(name, tuple(rules), self._policy(chain), first_packets=chain.type == "nat")

    def _translates(self, chain: NftChain) -> bool:
        """Whether a rule of `chain` may translate: a nat chain does, and what one may jump to."""
        if chain.hook:
            return chain.type == "nat"
        return any(each.type == "nat" for each in self._table.chains.values())

    def _in_force(self, chain: NftChain) -> Iterator[Rule]:
        """A base chain of a table that may be dormant is perhaps not asked."""
        if chain.hook and self._table.dormant is None:
            text = f"the table {self._table.title} is dormant"
            asked = ConditionMatch(self._host.condition(text, span=self._table.span))
            yield Rule((asked,), ACCEPT, self._table.span, text, text, implicit=True)

    def _devices(self, chain: NftChain) -> Iterator[Rule]:
        """Chains of devices are asked about no other packets."""
        if chain.hook not in _DEVICE_FIELDS:
            return
        if chain.devices is None:
            text = f"the packet is on a device of the chain {self._table.title}:{chain.name}"
            asked = ConditionMatch(self._host.condition(text, per_packet=True, span=chain.span), False)
            yield Rule((asked,), ACCEPT, chain.span, text, text, implicit=True)
        else:
            other = InterfaceMatch(_DEVICE_FIELDS[chain.hook], device_names(chain.devices), negated=True)
            text = f"this chain is asked on {', '.join(chain.devices) or 'no device'}"
            yield Rule((other,), ACCEPT, chain.span, text, text, implicit=True)

    def _head(self, chain: NftChain) -> Iterator[Rule]:
        """What stands before the first rule: what is not known of the chain, and which packets a nat chain skips."""
        title = f"{self._table.title}:{chain.name}"
        if chain.why:
            yield from undecidable((), chain.span, title, chain.why)
        if chain.hidden:
            why = f"{title} has no rule here, and nft list chains shows none either; run nft list ruleset"
            yield from undecidable((), chain.span, title, why)
        if chain.type != "nat":
            return
        skipped: list[tuple[Match, str]] = [(_UNTRACKED, "packets without a connection do not meet nat chains")]
        if chain.hook in ("prerouting", "input"):
            looped = InterfaceMatch(Field.IN_INTERFACE, (LOOPBACK,))
            skipped.append((looped, "packets from loopback met nat chains on their way out"))
        if chain.hook in ("prerouting", "output"):
            skipped.append((BitMatch(DESTINATION_DONE), "an earlier nat chain has translated the destination"))
        else:
            skipped.append((BitMatch(SOURCE_DONE), "an earlier nat chain has translated the source"))
        for match, text in skipped:
            yield Rule((match,), ACCEPT, chain.span, text, text, implicit=True)

    def _policy(self, chain: NftChain) -> Rule | None:
        if not chain.hook:
            return None
        span: Span = chain.policy_span or chain.span
        action = DROP if chain.policy == "drop" else ACCEPT
        canonical = f"{self._table.title}:{chain.name} policy {chain.policy}"
        return Rule((), action, span, canonical, f"policy of {chain.name}")


def device_names(devices: tuple[str, ...]) -> tuple[str, ...]:
    """The devices of a chain as InterfaceMatch has names."""
    return tuple(f"{name[:-1]}+" if name.endswith("*") else name for name in devices) or ("",)


def _situation(chain: NftChain) -> _Situation:
    """The situation of a base chain's own rules."""
    before = chain.type != "nat" and chain.priority < _CONNTRACK
    early = chain.hook == "ingress" or (chain.hook in ("prerouting", "output") and before)
    return _Situation(early, chain.hook == "output")


def _targets(chain: NftChain, table: NftTable) -> set[str]:
    """The chains that a chain may send packets to."""
    found: set[str] = set()
    for rule in chain.rules:
        for name, body in rule.statements:
            if name in ("jump", "goto"):
                found.add(str(fields(body).get("target")))
            elif name == "vmap":
                found.update(_verdict_targets(fields(body).get("data"), table))
    return found & table.chains.keys()


def _verdict_targets(data: Expr, table: NftTable) -> Iterator[str]:
    if isinstance(data, str):
        named = table.sets.get(data[1:])
        verdicts = [element.value for element in named.elements] if named else []
    else:
        pairs = fields(data).get("set")
        some = pairs if isinstance(pairs, list) else []
        verdicts = [pair[1] for pair in some if isinstance(pair, list) and len(pair) == 2]
    for verdict in verdicts:
        for body in fields(verdict).values():
            if "target" in fields(body):
                yield str(fields(body)["target"])


def _sensitive(table: NftTable) -> tuple[set[str], set[str]]:
    """The chains that ask about connections, and those that translate, each with what jumps there."""
    jumps = {chain.name: _targets(chain, table) for chain in table.chains.values()}
    callers = turned_round(jumps)
    chains = table.chains.values()
    connected = {chain.name for chain in chains if any(map(_connected, chain.rules))}
    translating = {chain.name for chain in chains if any(map(_translates, chain.rules))}
    return led_to(callers, connected), led_to(callers, translating)


def _connected(rule: NftRule) -> bool:
    return any(name in _OF_CONNECTIONS or mentions_connections(body) for name, body in rule.statements)


def _translates(rule: NftRule) -> bool:
    return any(name in ("dnat", "redirect") for name, _ in rule.statements)
