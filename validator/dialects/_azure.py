"""Network security groups of Azure as a firewall of the model.

"How network security groups filter network traffic" (Azure Virtual Network documentation): inbound traffic passes the
group of the subnet and then that of the interface, outbound traffic the reverse; each must allow it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from validator.dialects import Fragment, Options
from validator.dialects._azure_data import SecurityGroup, Untold
from validator.dialects._azure_estate import Estate, estate
from validator.dialects._azure_points import PLACES, Point, Wall, points
from validator.dialects._azure_rules import Ruleset
from validator.dialects._azure_sides import HOST_ADDRESS, METADATA_ADDRESS, Sides
from validator.dialects._cloud import addresses
from validator.dialects._iac_defaults import assuming_defaults
from validator.model import ACCEPT, DROP, Action, Chain, FieldMatch, Firewall, Hook, Rule, Verb, undecidable
from validator.packets.fields import Field
from validator.packets.intervals import normalise
from validator.source import Span


def convert(fragments: Sequence[Fragment], options: Options, platform: str = "azure") -> Firewall | None:
    """What an interface of the host passes: the groups of its subnet and of its own; None where no group is exported.

    A fragment's data is one of the classes of `_azure_data` or a tuple of them, of which others may be in the list.
    Where nobody told which of several points it is, each is an alternative. Raises SiteError for a group that no export
    holds, or that is not the only one of its name.
    """
    if not any(isinstance(part, Untold) for fragment in fragments for part in _parts(fragment)):
        return _made(fragments, options, platform)
    return assuming_defaults(
        lambda defaults: _made(fragments if defaults else list(map(_untold, fragments)), options, platform), options
    )


def _parts(fragment: Fragment) -> tuple[object, ...]:
    return fragment.data if isinstance(fragment.data, tuple) else (fragment.data,)


def _untold(fragment: Fragment) -> Fragment:
    """A template without the default values of its parameters; any other export as it is."""
    untold = next((part for part in _parts(fragment) if isinstance(part, Untold)), None)
    return replace(fragment, data=(untold.groups, untold.networks)) if untold else fragment


def _made(fragments: Sequence[Fragment], options: Options, platform: str) -> Firewall | None:
    found = estate(fragments, options)
    if not any(export.groups for export in found.exports):
        return None
    candidates = _merged(points(found))
    builder = _Builder(found)
    places = [place for place in PLACES if any(_at(place, point) for point in candidates)] or [PLACES[-1]]
    bases = {(way, place): builder.base(way, place, candidates) for way in ("inbound", "outbound") for place in places}
    inbound = tuple(bases["inbound", place] for place in places)
    outbound = tuple(bases["outbound", place] for place in reversed(places))
    told = len(candidates) == 1
    return Firewall(
        host=options.host,
        name=candidates[0].name if told else f"{len(candidates)} network security groups or interfaces",
        platform=platform,
        family=options.family,
        hooks={Hook.INPUT: inbound, Hook.OUTPUT: outbound},
        chains=builder.chains,
        exports=tuple(dict.fromkeys(fragment.path for fragment in fragments)),
        loopback_filtered=False,
        alternatives=() if told else tuple(point.span for point in candidates),
        platform_addresses=addresses((HOST_ADDRESS, METADATA_ADDRESS), options.family),
    )


class _Builder(Struct):
    """The chains, made once for all points at which they are alike."""

    found: Estate
    chains: dict[str, Chain] = field(default_factory=dict)
    _names: dict[tuple[object, ...], str] = field(default_factory=dict)

    def base(self, way: str, place: str, candidates: Sequence[Point]) -> str:
        """The name of the chain that asks, at each point, the group that is in force at `place`."""
        name = f"{place} {way}"
        walls = [_at(place, point) for point in candidates]
        if len(candidates) == 1:
            self.chains[name] = self._single(name, way, place, candidates[0], walls[0])
            return name
        numbers: dict[str, list[int]] = {}
        for number, (point, wall) in enumerate(zip(candidates, walls, strict=True)):
            if wall is not None:
                numbers.setdefault(self._shared(way, point, wall), []).append(number)
        rules = list(self._missing(way))
        for target, which in numbers.items():
            attached = FieldMatch(Field.ALTERNATIVE, normalise((number, number) for number in which))
            span = candidates[which[0]].span
            rules.append(Rule((attached,), Action(Verb.JUMP, target), span, target, implicit=True))
        self.chains[name] = Chain(name, tuple(rules), _unfiltered(place, candidates[0].span))
        return name

    def _single(self, name: str, way: str, place: str, point: Point, wall: Wall | None) -> Chain:
        if wall is None:
            return Chain(name, (), _unfiltered(place, point.span))
        return Chain(name, (*self._missing(way), *self._rules(way, point, wall)), _left(way, wall))

    def _shared(self, way: str, point: Point, wall: Wall) -> str:
        """The name of the chain with the rules of `wall` as they are at `point`, and at every point where they are."""
        key = _alike(way, point, wall)
        if key not in self._names:
            label = wall.group.name if wall.group else "unknown group"
            name = f"{label} {way} {len(self._names) + 1}"
            self.chains[name] = Chain(name, (*self._rules(way, point, wall), _left(way, wall)))
            self._names[key] = name
        return self._names[key]

    def _rules(self, way: str, point: Point, wall: Wall) -> tuple[Rule, ...]:
        effective = wall.group is not None and wall.group.effective
        return tuple(Ruleset(wall, way == "inbound", Sides(self.found, point, effective)).rules())

    def _missing(self, way: str) -> tuple[Rule, ...]:
        """Rules for what an export says it leaves out."""
        rules: list[Rule] = []
        for export in self.found.exports:
            if not export.complete:
                why = export.why or "the export is one page of several: run az network nsg list"
                rules += undecidable((), Span(export.path, 1, f"{way}: {why}"), why, why)
        return tuple(rules)


def _merged(candidates: Sequence[Point]) -> tuple[Point, ...]:
    """`candidates` with one for all those that are alike: which of them it is changes nothing."""
    alike: dict[tuple[object, ...], list[Point]] = {}
    for point in candidates:
        keys = tuple((wall.place, _alike(way, point, wall)) for wall in point.walls for way in ("inbound", "outbound"))
        alike.setdefault(keys, []).append(point)
    found = []
    for first, *others in alike.values():
        text = first.span.text + (f", or one of {len(others)} others with the same groups" if others else "")
        found.append(replace(first, span=replace(first.span, text=text)))
    return tuple(found)


def _alike(way: str, point: Point, wall: Wall) -> tuple[object, ...]:
    """What is equal where the rules of a wall are the same at two points: the group, the network, and what of the host
    itself the rules ask about (its addresses, its application security groups)."""
    inbound = way == "inbound"
    rules = [rule for rule in (wall.group.rules if wall.group else ()) if rule.inbound is inbound]
    own = [(r.destinations, r.destination_groups) if inbound else (r.sources, r.source_groups) for r in rules]
    places = any(block != "*" for blocks, _ in own for block in blocks)
    groups = any(names for _, names in own)
    which = (id(wall.group),) if wall.group else (wall.path, wall.line, wall.unknown)
    return (
        *(way, which, point.network),
        *(places and (point.addresses, point.whole), groups and point.application_groups),
    )


def _at(place: str, point: Point) -> Wall | None:
    """The wall of `point` that is asked at `place`; one of which nobody told where it is counts as the interface's."""
    return next((wall for wall in point.walls if (wall.place or "interface") == place), None)


def _left(way: str, wall: Wall) -> Rule:
    """The rule for what is left: the last default rule takes everything, so this is never met where it is exported."""
    group: SecurityGroup | None = wall.group
    text = f"{group.name if group else 'the group'}: no {way} rule allows it"
    return Rule((), DROP, Span(wall.path, wall.line, text), text, implicit=True)


def _unfiltered(place: str, span: Span) -> Rule:
    text = f"no network security group is in force at the {place}"
    return Rule((), ACCEPT, Span(span.path, span.line, text), text, implicit=True)


__all__ = ["convert"]
