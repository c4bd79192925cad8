"""A Linux host's iptables dumps as a firewall of the model, in the kernel's order of hooks.

Netfilter's packet flow: a packet for the host passes PREROUTING (raw, mangle, nat) and INPUT (mangle,
filter, security); one from the host OUTPUT (raw, mangle, nat, filter, security) and POSTROUTING
(mangle); one through it PREROUTING, FORWARD (mangle, filter, security) and POSTROUTING. The nat table sees only
the first packet of a connection. Where it translates a destination, what happens then is not
followed: such a packet's fate is a free variable. Source translation changes nothing that
is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from validator.dialects import Fragment, Options
from validator.model import (
    ACCEPT,
    CONTINUE,
    DROP,
    REJECT,
    RETURN,
    Action,
    Chain,
    FieldMatch,
    Firewall,
    Hook,
    Rule,
    Verb,
    undecidable,
    unfollowed,
)
from validator.packets.fields import Family, Field, State

if TYPE_CHECKING:
    from validator.dialects.iptables_save import IptChain, IptDump, IptRule

HOOKS = {
    Hook.PREROUTING: ("raw:PREROUTING", "mangle:PREROUTING", "nat:PREROUTING"),
    Hook.INPUT: ("mangle:INPUT", "filter:INPUT", "security:INPUT", "nat:INPUT"),
    Hook.FORWARD: ("mangle:FORWARD", "filter:FORWARD", "security:FORWARD"),
    Hook.OUTPUT: ("raw:OUTPUT", "mangle:OUTPUT", "nat:OUTPUT", "filter:OUTPUT", "security:OUTPUT"),
    Hook.POSTROUTING: ("mangle:POSTROUTING", "nat:POSTROUTING"),
}
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


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of one family, or None where no dump speaks of it. A table in a later file
    replaces the same table of an earlier one."""
    chains: dict[str, Chain] = {}
    paths: list[str] = []
    for fragment in fragments:
        for dump in _dumps(fragment):
            if dump.family is not options.family:
                continue
            paths.append(fragment.path)
            for table, declared in dump.tables.items():
                chains = {name: chain for name, chain in chains.items() if not name.startswith(f"{table}:")}
                chains.update(_table(table, declared, dump))
    if not paths:
        return None
    hooks = {hook: tuple(name for name in names if name in chains) for hook, names in HOOKS.items()}
    name = "ip6tables" if options.family is Family.IPV6 else "iptables"
    return Firewall(options.host, name, "linux", options.family, hooks, chains, tuple(dict.fromkeys(paths)))


def _dumps(fragment: Fragment) -> tuple[IptDump, ...]:
    data = fragment.data
    assert isinstance(data, tuple)
    return data


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
