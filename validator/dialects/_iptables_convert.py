"""iptables dumps as chains of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from validator.dialects._linux_host import Host
from validator.dialects._linux_ruleset import BaseChain, Ruleset
from validator.model import (
    ACCEPT,
    CONTINUE,
    DROP,
    REJECT,
    RETURN,
    Action,
    Chain,
    FieldMatch,
    Hook,
    Rule,
    Verb,
    undecidable,
    unfollowed,
)
from validator.packets.fields import Family, Field, State

if TYPE_CHECKING:
    from validator.dialects.iptables_save import IptChain, IptDump, IptRule

_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}


def ruleset(dump: IptDump, host: Host) -> Ruleset:
    """Stand-in until the dialect is deepened."""
    chains: dict[str, Chain] = {}
    bases = []
    for table, declared in dump.tables.items():
        chains.update(_table(table, declared, dump))
        for name, chain in declared.items():
            if chain.policy and name.lower() in [h.value for h in Hook]:
                bases.append(BaseChain(Hook(name.lower()), _PRIORITIES.get(table, 0), f"{table}:{name}"))
    label = "ip6tables" if dump.family is Family.IPV6 else "iptables"
    return Ruleset(label, dump.source.path, chains, tuple(bases))


_GO_ON = frozenset(
    ("", "LOG", "NFLOG", "ULOG", "TRACE", "MARK", "CONNMARK", "CONNSECMARK", "SECMARK", "TCPMSS", "CHECKSUM")
    + ("CLASSIFY", "DSCP", "TOS", "TTL", "HL", "SET", "ECN", "TCPOPTSTRIP", "AUDIT", "IDLETIMER", "LED")
    + ("RATEEST", "SYNPROXY_LOG", "TEE", "HMARK", "ACCOUNT")
)
"""Targets after which the walk goes on with the next rule, iptables-extensions(8)."""
_TRANSLATES = frozenset(("DNAT", "REDIRECT", "NETMAP", "TPROXY", "BALANCE", "SAME"))
_SOURCE_ONLY = frozenset(("SNAT", "MASQUERADE"))
_ACTIONS = {"ACCEPT": ACCEPT, "DROP": DROP, "REJECT": REJECT, "RETURN": RETURN}
_KNOWN = FieldMatch(Field.STATE, ((int(State.ESTABLISHED), int(State.UNTRACKED)),))
"""Packets that are not the first of a tracked connection."""


def _table(table: str, declared: Mapping[str, IptChain], dump: IptDump) -> dict[str, Chain]:
    names = set(declared)
    found: dict[str, Chain] = {}
    for chain in declared.values():
        rules: list[Rule] = []
        for rule in chain.rules:
            rules.extend(_rules(table, rule, names, dump))
        if table == "nat" and chain.policy:
            # The nat table is asked only about the first packet of a connection.
            known = Rule((_KNOWN,), ACCEPT, dump.span(chain.line), "nat sees new connections only", implicit=True)
            rules.insert(0, known)
        found[f"{table}:{chain.name}"] = Chain(f"{table}:{chain.name}", tuple(rules), _policy(chain, dump))
    return found


def _policy(chain: IptChain, dump: IptDump) -> Rule | None:
    if not chain.policy:
        return None
    action = ACCEPT if chain.policy == "ACCEPT" else DROP
    span = dump.span(chain.line)
    return Rule((), action, span, f":{chain.name} {chain.policy}", f"policy of {chain.name}")


def _rules(table: str, rule: IptRule, names: set[str], dump: IptDump) -> tuple[Rule, ...]:
    """One line as rules of the model: one, or several where it is not wholly understood."""
    span = dump.span(rule.line)
    canonical = f"{table} {' '.join(rule.text.split())}"
    if rule.words is None or rule.why:
        understood = tuple(rule.words.matches) if rule.words else ()
        return undecidable(understood, span, canonical, rule.why)
    matches = tuple(rule.words.matches)
    target = rule.words.target
    if rule.words.goto and target in names:
        return (Rule(matches, Action(Verb.GOTO, f"{table}:{target}"), span, canonical),)
    if target in names:
        return (Rule(matches, Action(Verb.JUMP, f"{table}:{target}"), span, canonical),)
    if rule.words.goto:
        return undecidable(matches, span, canonical, f"the chain {target} is not in the dump")
    if target in _ACTIONS:
        return (Rule(matches, _ACTIONS[target], span, canonical),)
    if target == "NOTRACK" or (target == "CT" and "--notrack" in rule.words.target_options):
        untracked = Action(Verb.CONTINUE, assign=((Field.STATE, int(State.UNTRACKED)),))
        return (Rule(matches, untracked, span, canonical),)
    if target in _GO_ON or target == "CT":
        return (Rule(matches, CONTINUE, span, canonical),)
    if target in _SOURCE_ONLY:
        return (Rule(matches, ACCEPT, span, canonical),)
    if target in _TRANSLATES:
        return unfollowed(matches, span, canonical, f"address translation ({target}) is not followed")
    return undecidable(matches, span, canonical, f"the target {target} is not known")
