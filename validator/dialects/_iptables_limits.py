"""Rate limiters: what they match while the load stays below their limit, per iptables-extensions(8).

That is an assumption (normal-load), taken by each line for itself, since each counts for itself.
"""

from __future__ import annotations

from validator.dialects._iptables_context import Context, MatchModule
from validator.dialects._iptables_fields import NEVER
from validator.dialects._iptables_words import Group, Unclear
from validator.model import Match


def limit(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """limit, hashlimit: below the rate `--limit`, `--hashlimit`, `--hashlimit-upto` match, `--hashlimit-above` not."""
    text = " ".join((module.name, *(each.text for each in group.options)))
    tests = [each for each in group.options if each.name in module.tests]
    if any(each.negated for each in group.options if each not in tests) or len(tests) > 1:
        raise Unclear(f"{text}: a negated detail, or two rates")
    if not tests:  # limit has a rate of its own: 3/hour
        return (context.assumed("normal-load", text, True),)
    return (context.assumed("normal-load", text, not tests[0].name.endswith("-above"), not tests[0].negated),)


def connlimit(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """The number of connections is below the limit; but one there always is: the packet's own (xt_connlimit.c)."""
    text = " ".join((module.name, *(each.text for each in group.options)))
    tests = [each for each in group.options if each.name in module.tests]
    if len(tests) != 1 or not tests[0].values[0].isdecimal():
        raise Unclear(f"{text}: not one limit")
    above = tests[0].name == "--connlimit-above"
    if int(tests[0].values[0]) == 0:
        return (context.own(text, not tests[0].negated),)
    return (context.assumed("normal-load", text, not above, not tests[0].negated),)


def recent(module: MatchModule, group: Group, context: Context) -> tuple[Match, ...]:
    """xt_recent.c: `--set` always matches. A list that is asked for more than one hit is below that; whether an
    address is in it at all, nobody can tell."""
    tests = [each for each in group.options if each.name in module.tests]
    if len(tests) != 1:
        raise Unclear("recent takes one of --set, --rcheck, --update and --remove")
    test = tests[0]
    if test.name == "--set":
        return (NEVER,) if test.negated else ()
    text = " ".join((module.name, *(each.text for each in group.options)))
    hits = next((each.values[0] for each in group.options if each.name == "--hitcount"), "0")
    if hits.isdecimal() and int(hits) > 1 and test.name != "--remove":
        return (context.assumed("normal-load", text, False, not test.negated),)
    return (context.own(text, not test.negated),)
