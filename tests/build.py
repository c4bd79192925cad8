"""Short ways to write firewalls of the model in tests."""

from __future__ import annotations

from validator.model import (
    ACCEPT,
    DROP,
    Action,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    Match,
    Rule,
    Verb,
)
from validator.packets.fields import Family, Field
from validator.source import Span

ACTIONS = {"accept": ACCEPT, "drop": DROP}


def dport(low: int, high: int = 0) -> Match:
    return FieldMatch(Field.DESTINATION_PORT, ((low, high or low),))


def sport(low: int, high: int = 0) -> Match:
    return FieldMatch(Field.SOURCE_PORT, ((low, high or low),))


def proto(number: int) -> Match:
    return FieldMatch(Field.PROTOCOL, ((number, number),))


def source(low: int, high: int) -> Match:
    return FieldMatch(Field.SOURCE, ((low, high),))


def state(*values: int) -> Match:
    return FieldMatch(Field.STATE, tuple((value, value) for value in sorted(values)))


def in_interface(*names: str, negated: bool = False) -> Match:
    return InterfaceMatch(Field.IN_INTERFACE, names, negated)


def given(key: str, expected: bool = True, assumed: bool | None = None) -> Match:
    name = "normal-load" if assumed is not None else None
    return ConditionMatch(Condition(key, key, Span("x", 1), name, assumed), expected)


def rule(line: int, action: str, *matches: Match, enabled: bool = True) -> Rule:
    """A rule at `line`; `action` is accept, drop, return, continue, `jump NAME` or `goto NAME`."""
    verb, _, chain = action.partition(" ")
    what = ACTIONS.get(verb) or Action(Verb(verb), chain)
    return Rule(tuple(matches), what, Span("x", line, f"line {line}"), f"rule {line}", enabled=enabled)


def chain(name: str, *rules: Rule, policy: str = "") -> Chain:
    last = rule(900 + len(name), policy) if policy else None
    return Chain(name, rules, last)


def firewall(*chains: Chain, family: Family = Family.IPV4, **hooks: str) -> Firewall:
    """A firewall whose hooks (input=..., output=...) name their base chains, separated by blanks."""
    return Firewall(
        host="host",
        name="fw",
        platform="linux",
        family=family,
        hooks={Hook(name): tuple(names.split()) for name, names in hooks.items()},
        chains={each.name: each for each in chains},
        exports=("x",),
    )
