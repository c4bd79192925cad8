"""Conjunctions of matches: what a rule's matches are made of, and what they come to when they are negated.

A conjunction is a tuple of matches that must all be true: `()` always is, NEVER is not.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from validator.model import AnyOf, BitMatch, ConditionMatch, FieldMatch, InterfaceMatch, Match, NoneOf
from validator.packets.fields import Family, Field, Interval, Intervals, top
from validator.packets.intervals import complement, intersect, meets, normalise

Conj = tuple[Match, ...]
NEVER: Conj = (AnyOf(()),)
ALWAYS: Conj = ()


def never(matches: Conj) -> bool:
    """Whether a conjunction contains one that is plainly false."""
    return any(isinstance(match, AnyOf) and not match.alternatives for match in matches)


def within(field: Field, ranges: Intervals, family: Family) -> Conj:
    """True where `field` is in `ranges`; always or never where those are everything or nothing."""
    if not ranges:
        return NEVER
    if ranges == ((0, top(field, family)),):
        return ALWAYS
    return (FieldMatch(field, ranges),)


def negate(matches: Conj, family: Family) -> Conj:
    """True where `matches` are not all true."""
    if never(matches):
        return ALWAYS
    if not matches:
        return NEVER
    if len(matches) > 1:
        return (NoneOf(matches),)
    match matches[0]:
        case FieldMatch(field, ranges):
            return within(field, complement(ranges, top(field, family)), family)
        case InterfaceMatch() as interface:
            return (replace(interface, negated=not interface.negated),)
        case BitMatch() | ConditionMatch() as one:
            return (replace(one, expected=not one.expected),)
        case NoneOf(inner):
            return inner
        case AnyOf() as choice:
            return (NoneOf((choice,)),)


def union(alternatives: Iterable[Conj]) -> Conj:
    """True where one of `alternatives` is. Ranges of one field, and names of interfaces, become one match."""
    ranges: dict[Field, list[Interval]] = {}
    names: dict[Field, dict[str, None]] = {}
    others: dict[Conj, None] = {}
    for each in alternatives:
        if not each:
            return ALWAYS
        if never(each):
            continue
        only = each[0] if len(each) == 1 else None
        if isinstance(only, FieldMatch):
            ranges.setdefault(only.field, []).extend(only.intervals)
        elif isinstance(only, InterfaceMatch) and not only.negated:
            names.setdefault(only.field, {}).update(dict.fromkeys(only.names))
        else:
            others[each] = None
    found: list[Conj] = [(FieldMatch(field, normalise(some)),) for field, some in ranges.items()]
    found += [(InterfaceMatch(field, tuple(some)),) for field, some in names.items()]
    found += others
    if not found:
        return NEVER
    return found[0] if len(found) == 1 else (AnyOf(tuple(found)),)


def given(present: Conj, matches: Conj) -> Conj:
    """`matches` without the alternatives that `present`, which holds too, excludes."""
    found: list[Match] = []
    for match in matches:
        if not isinstance(match, AnyOf) or len(match.alternatives) < 2:
            found.append(match)
            continue
        known = {each.field: each.intervals for each in present if isinstance(each, FieldMatch)}
        left = [each for each in match.alternatives if not _excluded(each, known)]
        if len(left) == 1:
            found += [each for each in left[0] if not _implied(each, known)]
        else:
            found.append(AnyOf(tuple(left)))
    return tuple(found)


def _excluded(alternative: Conj, known: dict[Field, Intervals]) -> bool:
    return any(
        isinstance(each, FieldMatch) and each.field in known and not meets(each.intervals, known[each.field])
        for each in alternative
    )


def _implied(match: Match, known: dict[Field, Intervals]) -> bool:
    if not isinstance(match, FieldMatch) or match.field not in known:
        return False
    return intersect(match.intervals, known[match.field]) == known[match.field]


def tests(matches: Iterable[Match], what: object) -> bool:
    """Whether one of `matches` asks about the field or bit `what`."""
    for match in matches:
        match match:
            case FieldMatch(field) | InterfaceMatch(field):
                if field == what and isinstance(what, Field):
                    return True
            case BitMatch(bit):
                if bit == what:
                    return True
            case NoneOf(inner):
                if tests(inner, what):
                    return True
            case AnyOf(alternatives):
                if any(tests(each, what) for each in alternatives):
                    return True
            case ConditionMatch():
                pass
    return False
