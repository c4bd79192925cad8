"""A firewall that a provider's converter made of infrastructure code, with the places its rules really have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Fragment, Options
from validator.dialects._iac_values import Places, Resource
from validator.errors import UserError
from validator.model import (
    ACCEPT,
    DROP,
    Action,
    Chain,
    Condition,
    ConditionMatch,
    Firewall,
    Hook,
    Rule,
    Verb,
)
from validator.source import Span

_OTHERS = "filters that are not read"


def placed(
    convert: Callable[[Sequence[Fragment], Options], Firewall | None],
    fragments: Sequence[Fragment],
    options: Options,
    places: Places,
) -> Firewall | None:
    """What `convert` makes of `fragments` whose lines are numbers of `places`, with files, lines and addresses in
    their stead; its errors too."""
    try:
        made = convert(fragments, options)
    except UserError as error:
        path, line, _ = places.find(error.line)
        raise type(error)(error.problem, error.remedy, path, line) from None
    if made is None:
        return None
    chains = {name: _moved(chain, places, {}) for name, chain in made.chains.items()}
    return replace(made, chains=chains, alternatives=_moved(made.alternatives, places, {}))


def _moved(value: Any, places: Places, seen: dict[int, tuple[Any, Any]]) -> Any:
    """`value` with every span at its real place; what does not change is the same object."""
    if isinstance(value, Span):
        path, line, address = places.find(value.line)
        named = value.text if not address or address in value.text else f"{value.text} ({address})"
        return Span(path, line, named)
    if id(value) in seen:
        return seen[id(value)][1]
    found = value
    if isinstance(value, tuple):
        items = [_moved(each, places, seen) for each in value]
        if any(new is not old for new, old in zip(items, value, strict=True)):
            found = getattr(value, "_make", tuple)(items)  # a named tuple stays one
    elif isinstance(value, Struct):
        changed = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            if isinstance(old, tuple | Span | Struct):
                new = _moved(old, places, seen)
                if new is not old:
                    changed[name] = new
        found = replace(value, **changed) if changed else value
    seen[id(value)] = value, found
    return found


def behind(firewall: Firewall, others: Sequence[tuple[Resource, str]]) -> Firewall:
    """`firewall` where `others`, filters that are not read, may have their say about any packet in either direction.

    Each comes with what it may do: `stops` (a network ACL), or `decides` (a policy that is asked first).
    """
    if not others:
        return firewall
    rules: list[Rule] = []
    for each, power in others:
        span = Span(each.origin, each.values.line, f"{each.address} is not read")
        stops = Condition(f"{each.address} stops", f"{each.address}, which is not read, stops it", span)
        rules.append(Rule((ConditionMatch(stops),), DROP, span, each.address, understood=False))
        if power == "decides":
            admits = Condition(f"{each.address} admits", f"{each.address}, which is not read, admits it", span)
            deliver = Action(Verb.DELIVER)
            rules.append(Rule((ConditionMatch(admits),), deliver, span, each.address, understood=False))
    first = others[0][0]
    policy = Rule((), ACCEPT, Span(first.origin, first.values.line, _OTHERS), _OTHERS, implicit=True)
    chains = {**firewall.chains, _OTHERS: Chain(_OTHERS, tuple(rules), policy)}
    hooks = {hook: (_OTHERS, *firewall.hooks.get(hook, ())) for hook in (Hook.INPUT, Hook.OUTPUT)}
    return replace(firewall, chains=chains, hooks={**firewall.hooks, **hooks})
