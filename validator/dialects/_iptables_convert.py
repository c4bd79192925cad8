"""iptables dumps as chains of the model, with the base chains' priorities of linux/netfilter_ipv4.h.

A chain is named `TABLE:CHAIN`. The nat table is asked about the first packet of a connection, and not at all
where the destination was translated before, nor where a packet comes back by loopback. What a translation does
may depend on the hook: a chain of the nat table that several hooks reach is there once for each where it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from validator.deferred import Deferred
from validator.dialects._iptables_context import Context
from validator.dialects._iptables_dump import BUILT_IN, IptChain, IptDump, IptRule
from validator.dialects._iptables_marks import EVERY, any_bits
from validator.dialects._iptables_matches import before_tracking
from validator.dialects._iptables_modules import MODULES
from validator.dialects._iptables_nat_hooks import HOOKS, NatHooks, Simple, nat_hooks
from validator.dialects._iptables_nft_ports import loaded
from validator.dialects._iptables_outline import Outlines
from validator.dialects._iptables_rules import decided
from validator.dialects._iptables_targets import SIMPLE, TARGETS, Fate, Place
from validator.dialects._iptables_words import Group, RuleWords, TargetUse
from validator.dialects._linux_changes import asked_here, asks
from validator.dialects._linux_host import DESTINATION_DONE, SOURCE_DONE, Host, hidden_translation
from validator.dialects._linux_ruleset import NAT_PRIORITIES, BaseChain, Ruleset
from validator.dialects._linux_sources import hidden_source
from validator.model import (
    ACCEPT,
    CONTINUE,
    DROP,
    Action,
    BitMatch,
    Chain,
    FieldMatch,
    Hook,
    InterfaceMatch,
    Match,
    Rule,
    Verb,
    undecidable,
)
from validator.packets.fields import Family, Field, State
from validator.source import Span

_PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50, "rawpost": 300}
_NO_CONNECTION = FieldMatch(Field.STATE, ((int(State.INVALID), int(State.UNTRACKED)),))
_LOOPBACK = InterfaceMatch(Field.IN_INTERFACE, ("lo",))
_OF_CONNECTIONS = frozenset(("conntrack", "state", "connmark"))
_MARKING = (Fate.SETS, Fate.ANYTHING)
_OF_UFW = re.compile(r"ufw6?-").match


def ruleset(dump: IptDump, host: Host) -> Ruleset:
    """The chains of one dump. A dump that is not all there is also has a chain that may do anything."""
    converter = _Converter(dump, host)
    chains: dict[str, Chain] = {}
    bases: list[BaseChain] = []
    for table, declared in dump.tables.items():
        for name, chain in converter.table(table, declared):
            chains[chain.name] = chain
            if name in BUILT_IN.get(table, ()):
                hook = HOOKS[name]
                priority = NAT_PRIORITIES[hook] if table == "nat" else _PRIORITIES[table]
                bases.append(BaseChain(hook, priority, chain.name, priority))
    if dump.incomplete:
        beside = _beside(dump)
        chains[beside.name] = beside
        bases += [BaseChain(hook, 0, beside.name) for hook in Hook]
    label = "ip6tables" if dump.family is Family.IPV6 else "iptables"
    return Ruleset(label, dump.source.path, chains, tuple(bases))


def _beside(dump: IptDump) -> Chain:
    span = dump.span(dump.incomplete_line)
    return Chain(f"{dump.prefix}not in the dump", undecidable((), span, span.text, dump.incomplete))


class _Table(Struct, frozen=True):
    """A table as the packets of one hook see it; `names` are those that its chains have for them in the model;
    `simple` what the words of simple chains say, which `outlines` makes outlines of."""

    table: str
    prefix: str
    hook: Hook
    declared: Mapping[str, IptChain]
    names: Mapping[str, str]
    simple: Mapping[str, Simple | None]
    outlines: Outlines


class _Converter:
    """Converts one dump; groups of options that stand in several rules become the same matches."""

    def __init__(self, dump: IptDump, host: Host) -> None:
        self._dump, self._host = dump, host
        self._made: dict[Group, tuple[Match, ...]] = {}
        self._jumps: dict[tuple[Verb, str], Action] = {}

    def table(self, table: str, declared: Mapping[str, IptChain]) -> Iterator[tuple[str, Chain]]:
        """The chains of a table, each with the name it has in the dump."""
        prefix = f"{self._dump.prefix}{table}:"
        outlines = Outlines(self._dump, declared, self._host, self._on_a_line)
        simple = {name: outlines.simple(chain) for name, chain in declared.items()} if table == "nat" else {}
        found = nat_hooks(declared, simple) if simple else NatHooks({}, {})
        plain = {name: prefix + name for name in declared}
        names: dict[Hook, dict[str, str]] = {hook: dict(plain) if found.copies else plain for hook in Hook}
        for name, copies in found.copies.items():
            first = next(iter(copies.values()))
            for hook, of in copies.items():
                names[hook][name] = prefix + name if of is first else f"{prefix}{name} at {of.value.upper()}"
        places = {hook: _Table(table, prefix, hook, declared, names[hook], simple, outlines) for hook in Hook}
        for name, chain in declared.items():
            hooks = found.reaching.get(name, (HOOKS.get(name, Hook.PREROUTING),))
            for hook in dict.fromkeys(found.copies[name].values()) if name in found.copies else hooks[:1]:
                yield name, self._chain(chain, places[hook])

    def _chain(self, chain: IptChain, place: _Table) -> Chain:
        name = place.names[chain.name]
        simple = place.simple.get(chain.name)
        if simple is not None:
            outline = place.outlines.outline(chain, simple, tuple([place.names[each] for each in simple.targets]))
            return Chain(name, Deferred(self._rules, chain, place), outline=outline)
        rules: list[Rule] = []
        base = chain.name in BUILT_IN.get(place.table, ())
        nat = base and place.table == "nat"
        if nat:
            rules += self._first_packets(chain, place.hook)
        if chain.fragment:
            rules += self._unclear((), IptRule(chain.line, RuleWords()), place, _fragment(chain, place.declared))
        for rule in chain.rules:
            rules += self._rule(rule, place)
        policy = self._policy(chain) if base else None
        if base and policy is None and not chain.fragment:
            why = f"the dump does not tell the policy of {chain.name}"
            rules += undecidable((), self._dump.span(chain.line), f":{chain.name}", why)
        return Chain(name, tuple(rules), policy, first_packets=nat)

    def _rules(self, chain: IptChain, place: _Table) -> tuple[Rule, ...]:
        return tuple([each for rule in chain.rules for each in self._rule(rule, place)])

    def _policy(self, chain: IptChain) -> Rule | None:
        if chain.policy not in ("ACCEPT", "DROP"):
            return None
        action = ACCEPT if chain.policy == "ACCEPT" else DROP
        span = self._dump.span(chain.line)
        return Rule((), action, span, f":{chain.name} {chain.policy}", f"policy of {chain.name}")

    def _first_packets(self, chain: IptChain, hook: Hook) -> Iterator[Rule]:
        """Packets that a base chain of nat never meets: without a connection, on their way back in by loopback,
        and of connections whose destination is translated already."""
        span = self._dump.span(chain.line)
        skipped: list[tuple[Match, str]] = [(_NO_CONNECTION, "nat sees packets of connections only")]
        if hook is Hook.PREROUTING:
            skipped.append((_LOOPBACK, "nat was asked at OUTPUT"))
        if hook in (Hook.PREROUTING, Hook.OUTPUT):
            skipped.append((BitMatch(DESTINATION_DONE), "the destination is translated already"))
        else:
            skipped.append((BitMatch(SOURCE_DONE), "the source is translated already"))
        for match, why in skipped:
            yield Rule((match,), ACCEPT, span, why, implicit=True)

    def _rule(self, rule: IptRule, place: _Table) -> tuple[Rule, ...]:
        """One line as rules of the model: one, or several where it is not wholly understood."""
        span = self._dump.span(rule.line)
        words = rule.words
        canonical = f"{place.table} {_canonical(span.text)}"
        matches: tuple[Match, ...] = ()
        made = self._made
        for group in words.groups:
            found = group.plain
            if found is None:
                found = made.get(group)
            if found is None or (place.table == "raw" and group.module in _OF_CONNECTIONS):
                found = self._matches(group, self._context(span), place.table)
            matches = matches + found if matches else found
        target = words.target
        if words.why:
            return self._unclear(matches, rule, place, words.why)
        if target is None:
            return (Rule(matches, CONTINUE, span, canonical),)
        name = target.name
        if name in place.declared:
            if target.options:
                why = f"options stand behind -j {name}, which is a chain: write them before it"
                return self._unclear(matches, rule, place, why)
            return (Rule(matches, self._jump(target, place), span, canonical),)
        if target.goto:
            return self._unclear(matches, rule, place, f"the chain {name} is not in the dump")
        if name in SIMPLE:
            return (Rule(matches, SIMPLE[name], span, canonical),)
        module = TARGETS.get(name)
        if module is None and not name.isupper():  # extensions are called in capitals: this is a chain
            jump = Rule(matches, Action(Verb.JUMP, f"{place.prefix}{name}"), span, canonical)
            return (*self._translating(matches, rule, place), jump)
        if module is None:
            why = f"{name} is no chain of the dump, and no target that is known"
            return self._unclear(matches, rule, place, why)
        context = self._context(span)
        if place.table == "raw" and name == "CONNMARK":
            assign = any_bits("mark", EVERY, span) + any_bits("connmark", EVERY, span)
            return (Rule(matches, Action(Verb.CONTINUE, assign=assign), span, canonical),)
        before = self._marked(matches, rule) if module.fate is Fate.ANYTHING else ()
        return before + module.convert(module, target, Place(place.hook, matches, context, canonical))

    def _jump(self, target: TargetUse, place: _Table) -> Action:
        """The jump to a chain of the table, one object for all."""
        verb, to = Verb.GOTO if target.goto else Verb.JUMP, place.names[target.name]
        action = self._jumps.get((verb, to))
        if action is None:
            action = self._jumps[verb, to] = Action(verb, to)
        return action

    def _context(self, span: Span) -> Context:
        return Context(self._host, span)

    def _on_a_line(self, group: Group, rule: IptRule) -> tuple[Match, ...]:
        return self._matches(group, self._context(self._dump.span(rule.line)), "nat")

    def _matches(self, group: Group, context: Context, table: str) -> tuple[Match, ...]:
        """The matches of a group, kept unless they hold for its line only."""
        if table == "raw" and group.module in _OF_CONNECTIONS:
            return before_tracking(group, context)
        found = decided(group, context)
        if self._dump.variant == "nft":
            found = loaded(group, found, self._host, context.span)
        module = MODULES.get(group.module)
        if self._host.rewrites and not (module and module.steady) and any(map(asks, found)):
            return asked_here(found, f"{context.span.path}:{context.span.line}")
        if not context.by_line:
            self._made[group] = found
        return found

    def _unclear(self, matches: tuple[Match, ...], rule: IptRule, place: _Table, why: str) -> tuple[Rule, ...]:
        """What stands for a line that is not understood: it may set marks, translate, accept, drop or return."""
        span = self._dump.span(rule.line)
        rest = undecidable(matches, span, f"{place.table} {_canonical(span.text)}", why)
        return (*self._marked(matches, rule), *self._translating(matches, rule, place), *rest)

    def _translating(self, matches: tuple[Match, ...], rule: IptRule, place: _Table) -> tuple[Rule, ...]:
        """In a chain that may translate, what a line that is not understood may do beside all else."""
        if place.table != "nat":
            return ()
        span = self._dump.span(rule.line)
        if place.hook not in (Hook.PREROUTING, Hook.OUTPUT):
            return (hidden_source(self._host, matches, span, f"nat {_canonical(span.text)}"),)
        return (hidden_translation(self._host, matches, span, f"nat {_canonical(span.text)}"),)

    def _marked(self, matches: tuple[Match, ...], rule: IptRule) -> tuple[Rule, ...]:
        """What a line that is not understood, or hands the packet to a program, may also do: set any mark that some
        rule asks for."""
        target, asked = rule.words.target, self._host.asked_marks
        known = target is not None and not target.goto and target.name in TARGETS
        if not asked or (known and target is not None and TARGETS[target.name].fate not in _MARKING):
            return ()
        span = self._dump.span(rule.line)
        assign = tuple(each for name, mask in asked.items() for each in any_bits(name, mask, span))
        return (Rule(matches, Action(Verb.CONTINUE, assign=assign), span, "", understood=False),)


def _fragment(chain: IptChain, declared: Iterable[str]) -> str:
    """Why it is not known what a built-in chain holds that the file does not declare."""
    what = "these are rules of ufw, which are" if any(map(_OF_UFW, declared)) else "the file is"
    return (
        f"{what} a part of the ruleset: what else is in {chain.name} is not told; run iptables-save and pass its output"
    )


def _canonical(line: str) -> str:
    """A rule's line without counters, its words one blank apart."""
    if line.startswith("-A ") and "  " not in line and "\t" not in line and not line.endswith(" "):
        return line
    text = line.strip()
    if text.startswith("["):
        text = text.partition("]")[2]
    return " ".join(text.split())
