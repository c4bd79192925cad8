"""`-m set --match-set NAME src,dst` as a match, per ipset(8), iptables-extensions(8) and the kernel's ipset modules.

A set of fewer dimensions than the rule gives uses the first ones; one of more never matches, nor does a set
of the other address family. In sets of networks the most specific element decides, and `nomatch` there says
no. Ports count with their protocol. Where the contents are not known, membership is one condition for
each set and its directions.
"""

from __future__ import annotations

from collections.abc import Sequence

from validator.dialects._ipset_boxes import Sides, Undecided, any_of, box_matches, boxes, membership
from validator.dialects._ipset_elements import DIMENSIONS
from validator.dialects._linux_facts import Host, IpSet, SetMember
from validator.model import AnyOf, ConditionMatch, FieldMatch, Match, NoneOf
from validator.packets.fields import top
from validator.packets.intervals import complement, normalise

NEVER: Match = AnyOf(())
_RUN = "run `ipset save`"


def set_match(host: Host, name: str, dimensions: tuple[str, ...], negated: bool, path: str) -> Match:
    """Whether a packet is in the set `name` of `host`, by `src` or `dst` for each dimension; `path` is the
    dump that asks, and named in the condition where the set is not known."""
    found = host.sets.get(name)
    if found is None:
        key = f"{_packet(dimensions)} is in set {name}"
        condition = host.condition(f"{key} (named in {path}), which is not exported: {_RUN}")
        return ConditionMatch(condition, not negated)
    match = _in_set(host, found, dimensions)
    return _opposite(host, match) if negated else match


def _packet(dimensions: Sequence[str]) -> str:
    return f"the packet ({','.join(dimensions)})"


def _opposite(host: Host, match: Match) -> Match:
    match match:
        case FieldMatch(field, intervals):
            return FieldMatch(field, complement(intervals, top(field, host.family)))
        case ConditionMatch(condition, expected):
            return ConditionMatch(condition, not expected)
    return NoneOf((match,))


def _in_set(host: Host, found: IpSet, dimensions: tuple[str, ...]) -> Match:
    if found.why:
        text = f"{_packet(dimensions)} is in set {found.name}, which is not wholly understood: {found.why}"
        return ConditionMatch(host.condition(text, span=found.span))
    if found.family not in (None, host.family):
        return NEVER
    if found.type == "list:set":
        return _in_list(host, found, dimensions)
    sides = Sides(host, found, dimensions[: len(DIMENSIONS[found.type])])
    if len(sides.dimensions) < len(DIMENSIONS[found.type]):
        return NEVER
    try:
        members = [each for each in found.members if isinstance(each, SetMember)]
        return _changing(sides, members) if found.changes else membership(sides, members)
    except Undecided as undecided:
        text = f"{_packet(sides.dimensions)} is in set {found.name}, which is not decided: {undecided}"
        return ConditionMatch(host.condition(text, span=found.span))


def _changing(sides: Sides, members: Sequence[SetMember]) -> Match:
    """A set with a timeout: its permanent elements are in it, others perhaps still, and anything else perhaps by now.

    A temporary `nomatch` element takes what it covers from the permanent ones, as long as it is there.
    Raises Undecided.
    """
    if sides.kinds == ("net", "iface"):
        raise Undecided("it changes at run time, and an element hides larger networks of other interfaces")
    permanent = membership(sides, [each for each in members if not each.temporary])
    passing = [each for each in members if each.temporary]
    listed = any_of(box_matches(sides, box) for box in boxes(sides, passing))
    denied = any_of(box_matches(sides, box) for box in boxes(sides, [each for each in passing if each.nomatch]))
    sure = (permanent,) if denied == NEVER else (permanent, NoneOf((denied,)))
    return _with_chances(sides.host, sides.found, sides.dimensions, permanent, sure, listed)


def _with_chances(
    host: Host, found: IpSet, dimensions: tuple[str, ...], permanent: Match, sure: tuple[Match, ...], listed: Match
) -> Match:
    """`sure`, or `listed` where that has not expired, or anything beyond both that came in since."""
    here = f"{_packet(dimensions)} is in set {found.name}"
    still = host.condition(f"{here} with a timeout that has not run out", span=found.span)
    since = host.condition(
        f"{here}, which changes at run time (timeout), though the export has it not", span=found.span
    )
    alternatives: list[tuple[Match, ...]] = [] if permanent == NEVER else [sure]
    beyond: list[Match] = [*(NoneOf((each,)) for each in (permanent, listed) if each != NEVER), ConditionMatch(since)]
    if listed != NEVER:
        alternatives.append((listed, ConditionMatch(still)))
    return AnyOf((*alternatives, tuple(beyond)))


def _in_list(host: Host, found: IpSet, dimensions: tuple[str, ...]) -> Match:
    """A list of sets: what is in one of them."""

    def union(names: Sequence[str]) -> Match:
        return _union([_listed(host, each, found, dimensions) for each in names])

    names = [each for each in found.members if isinstance(each, str)]
    if not found.changes:
        return union(names)
    permanent = union([each for each in names if each not in found.passing])
    passing = union([each for each in names if each in found.passing])
    return _with_chances(host, found, dimensions, permanent, (permanent,), passing)


def _listed(host: Host, name: str, found: IpSet, dimensions: tuple[str, ...]) -> Match:
    inner = host.sets.get(name)
    if inner is not None and inner.type == "list:set":
        # The kernel takes no list into a list.
        text = f"{_packet(dimensions)} is in set {name}, a list in the list {found.name}"
        return ConditionMatch(host.condition(text, span=found.span))
    return set_match(host, name, dimensions, False, found.span.path)


def _union(matches: Sequence[Match]) -> Match:
    """One of `matches` is true; ranges of one field are put together."""
    fields = {match.field for match in matches if isinstance(match, FieldMatch)}
    merged: list[Match] = [
        FieldMatch(
            field,
            normalise(
                pair
                for match in matches
                if isinstance(match, FieldMatch) and match.field is field
                for pair in match.intervals
            ),
        )
        for field in sorted(fields)
    ]
    parts: list[tuple[Match, ...]] = [(each,) for each in merged]
    for match in matches:
        if isinstance(match, AnyOf):
            parts += match.alternatives
        elif not isinstance(match, FieldMatch):
            parts.append((match,))
    return parts[0][0] if len(parts) == 1 and len(parts[0]) == 1 else AnyOf(tuple(parts))


__all__ = ["set_match"]
