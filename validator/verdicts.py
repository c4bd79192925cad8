"""From a judgement to a result: verdict, blame, conditions, witness, and rules that nearly helped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import and_

from msgspec.structs import replace

from validator.assumptions import ASSUMPTIONS
from validator.engine.asked import assumed_conditions, names_ports
from validator.engine.evaluate import Decider
from validator.engine.gist import Assumption
from validator.engine.judgement import Judgement
from validator.engine.legs import FOLLOWING, LEGS, PROTOCOLS, RELATED, REPLY, REQUEST, Leg
from validator.model import Condition, Verb
from validator.near_misses import near_misses
from validator.packets.fields import Field, Intervals
from validator.packets.space import PacketSet
from validator.policy import Direction
from validator.questions import Question, evaluator, known_neighbours, settled_by
from validator.requirements import ANYBODY, Requirement
from validator.results import Blame, ConditionUse, Result, Verdict
from validator.source import Span
from validator.witness import blocks, boxes, witness

_MOST_LINES = 8
_MOST_BOXES = 32
_DROPS, _ACCEPTS = (Verb.DROP, Verb.REJECT), (Verb.ACCEPT,)


def judge(question: Question) -> Result:
    """Judge one question; `alternative_met` is left for the caller, who knows the other results."""
    whole = question
    question, judgement = _judged(question)
    requirement, path, bounds = question.requirement, question.path, question.bounds()
    if path.alternatives:
        verdict, restricted = verdict_of_alternatives(judgement), False
    else:
        verdict, restricted = _verdict(judgement, bounds, requirement.peers is not None or requirement.local)
    refused = _refused(judgement, verdict)
    blocked_by = _blocked_by(judgement, refused, requirement.local)
    accepted_by = _accepted_by(judgement, requirement.local)
    exposed, exposed_by = _exposed(whole, verdict, accepted_by)
    return Result(
        id=_identity(question),
        host=requirement.host.name,
        firewall=" + ".join(crossing.firewall.name for crossing in path.crossings) or "none",
        profile=question.profile,
        module=requirement.module.id,
        module_name=requirement.module.name,
        port_entry=requirement.entry.id,
        direction=requirement.entry.direction,
        protocol=requirement.protocol,
        ports=requirement.entry.ports,
        family=requirement.family,
        peers=_peers(requirement),
        local=requirement.local,
        peer_host=requirement.peer_host,
        verdict=verdict,
        accepted=tuple(boxes(judgement.surely, bounds, _MOST_BOXES)),
        blocked=tuple(boxes(judgement.region - judgement.possibly, bounds, _MOST_BOXES)),
        conditions=_conditions(question, judgement, verdict),
        accepted_by=tuple(accepted_by),
        blocked_by=tuple(blocked_by),
        witness_accepted=witness(judgement, judgement.surely, LEGS[:1], refused=False),
        witness_blocked=witness(judgement, judgement.region - judgement.possibly, LEGS, refused=True),
        peers_declared=requirement.peers is not None,
        restricted=restricted,
        request=_leg_verdict(judgement, (REQUEST, FOLLOWING), verdict),
        reply=_leg_verdict(judgement, (REPLY,), verdict),
        near_misses=near_misses(question, verdict, restricted),
        alternative=requirement.module.alternative,
        exposed=exposed,
        exposed_by=tuple(exposed_by),
        category=requirement.module.category,
        clear_text=requirement.module.clear_text,
    )


def _judged(question: Question, anybody: bool = False, legs: tuple[Leg, ...] = LEGS) -> tuple[Question, Judgement]:
    """The question with the path that answers it, and the judgement: a rough look is enough where that shows that all
    gets through. `anybody` forgets declared peers, and takes neighbours to be known."""
    if question.path.rough is not None:
        easy = replace(question, path=question.path.rough)
        found = _judgement(easy, anybody, legs)
        if found.surely == found.region:
            return easy, found
    return question, _judgement(question, anybody, legs)


def _judgement(question: Question, anybody: bool, legs: tuple[Leg, ...]) -> Judgement:
    requirement, path = question.requirement, question.path
    protocol, ports = PROTOCOLS[requirement.protocol], requirement.entry.ports
    settled = settled_by(question) + (known_neighbours(question) if anybody else ())
    return Judgement(path, protocol, ports, question.region(anybody), legs, settled)


def data_connections(question: Question) -> str:
    """Whether the data connections that a control connection opens get through: see Result.data_connections.

    `question` is about the data connections: passive ones, from the same side to other ports of the peer.
    """
    states = []
    for opening in (REQUEST, RELATED):
        _, judgement = _judged(question, legs=(opening, REPLY, FOLLOWING))
        if judgement.surely == judgement.region:
            return "open" if opening is REQUEST else "related"
        states.append(bool(judgement.possibly))
    return "unknown" if any(states) else "blocked"


def _identity(question: Question) -> str:
    requirement = question.requirement
    parts = [
        requirement.host.name,
        requirement.module.id,
        requirement.entry.id,
        requirement.protocol,
        requirement.family.value,
    ]
    parts += [question.profile] if question.profile else []
    parts += ["local"] if requirement.local else []
    parts += [f"peer-{requirement.peer_host}"] if requirement.peer_host else []
    return "/".join(parts)


def _peers(requirement: Requirement) -> tuple[str, ...]:
    if requirement.local:
        addresses = dict.fromkeys(address for _, address in requirement.ends)
        return tuple(block for each in addresses for block in blocks(((each, each),), requirement.family))
    return requirement.peers if requirement.peers is not None else (ANYBODY[requirement.family],)


def _verdict(judgement: Judgement, bounds: dict[int, Intervals], declared: bool) -> tuple[Verdict, bool]:
    """The verdict, and whether the port is only restricted: open to some peers that nobody declared."""
    region = judgement.region
    if judgement.surely == region:
        return Verdict.OPEN, False
    if not judgement.possibly:
        return Verdict.BLOCKED, False
    if judgement.possibly == region:
        return Verdict.UNKNOWN, False
    if declared:
        return Verdict.PARTIAL, False
    if wholly(region, judgement.surely, bounds):
        return Verdict.PARTIAL, True
    if wholly(region, judgement.possibly, bounds):
        return Verdict.UNKNOWN, False
    return Verdict.PARTIAL, False


def verdict_of_alternatives(judgement: Judgement) -> Verdict:
    """Open if every alternative is, blocked if none lets anything pass; else it depends on which it is."""
    if judgement.surely == judgement.region:
        return Verdict.OPEN
    return Verdict.UNKNOWN if judgement.possibly else Verdict.BLOCKED


def _admitting(judgement: Judgement) -> list[Span]:
    """The alternatives under which something may pass."""
    levels = judgement.possibly.levels() - {int(Field.ALTERNATIVE)}
    everything: dict[int, Intervals] = {level: ((0, judgement.path.space.top(level)),) for level in levels}
    passing = judgement.possibly.exists(everything)
    spans = judgement.path.alternatives
    return [span for number, span in enumerate(spans) if passing.contains({Field.ALTERNATIVE: number})]


def wholly(region: PacketSet, accepted: PacketSet, bounds: dict[int, Intervals]) -> PacketSet:
    """The peers of `region` (addresses and interfaces) whose every port is in `accepted`."""
    ports: dict[int, Intervals] = {level: bounds[level] for level in (Field.DESTINATION_PORT, Field.SOURCE_PORT)}
    return region.exists(ports) - (region - accepted).exists(ports)


def _refused(judgement: Judgement, verdict: Verdict) -> PacketSet:
    """The connections to find the blame for: the surely blocked, or those that hang on conditions."""
    sure = verdict in (Verdict.BLOCKED, Verdict.PARTIAL)
    return judgement.region - (judgement.possibly if sure else judgement.surely)


def _leg_verdict(judgement: Judgement, legs: tuple[Leg, ...], verdict: Verdict) -> Verdict:
    if verdict is Verdict.OPEN:
        return verdict
    worst = Verdict.OPEN
    for leg in legs:
        surely, possibly = judgement.of_leg(leg)
        if not possibly:
            return Verdict.BLOCKED
        if possibly != judgement.region:
            worst = Verdict.PARTIAL
        elif surely != judgement.region and worst is Verdict.OPEN:
            worst = Verdict.UNKNOWN
    return worst


# --- blame -----------------------------------------------------------------


def _blame(leg: str, decider: Decider) -> Blame:
    rule = decider.rule
    names = names_ports(rule)
    return Blame(leg, rule.action.verb.value, rule.span, rule.canonical, rule.implicit, rule.understood, names)


def _deciders(judgement: Judgement, leg: Leg, region: PacketSet, verbs: tuple[Verb, ...]) -> list[Decider]:
    path, protocol, ports = judgement.path, judgement.protocol, judgement.ports
    return path.deciders(protocol, leg, ports, region, verbs, judgement.settled)


def _blocked_by(judgement: Judgement, refused: PacketSet, local: bool) -> list[Blame]:
    """Who stops `refused`, leg by leg; a leg is asked only about what the ones before let pass, and, where some leg
    surely stops all of it, only about what it surely stops."""
    found: list[Blame] = []
    left, surely = refused, not reduce(and_, (judgement.of_leg(leg)[1] for leg in LEGS), refused)
    for leg in LEGS:
        if not left:
            break
        possibly = judgement.of_leg(leg)[1]
        deciders = _deciders(judgement, leg, left - possibly if surely else left, _DROPS)
        found += [_blame("loopback" if local else leg.name, decider) for decider in deciders[:_MOST_LINES]]
        left = left & possibly
    return list(dict.fromkeys(found))


def _accepted_by(judgement: Judgement, local: bool) -> list[Blame]:
    """Who lets pass what possibly gets through; replies only where a written line does it."""
    found = []
    for leg in (REQUEST, REPLY):
        deciders = _deciders(judgement, leg, judgement.possibly, _ACCEPTS)
        found += [
            _blame("loopback" if local else leg.name, decider)
            for decider in deciders[:_MOST_LINES]
            if leg is REQUEST or not decider.rule.implicit
        ]
    return list(dict.fromkeys(found))


# --- conditions ------------------------------------------------------------


def _conditions(question: Question, judgement: Judgement, verdict: Verdict) -> tuple[ConditionUse, ...]:
    """What the result depends on: open conditions, then those that were assumed."""
    used: list[ConditionUse] = []
    if verdict in (Verdict.UNKNOWN, Verdict.PARTIAL):
        used = [ConditionUse(span.text, span, None) for span in _admitting(judgement)]
        used += [_use(condition) for condition in judgement.open_conditions()]
    used += _by_routes(question, judgement, verdict)
    if verdict is not Verdict.BLOCKED:  # what one ruleset drops no other lets pass
        beside = [each for crossing in question.path.crossings for each in crossing.firewall.assumed]
        used += [_use(_of_export(each, each.assumption or "")) for each in beside]
    for condition, name in _assumed(question):
        used.append(_use(condition) if name == "normal-load" else _use(_of_export(condition, name)))
    return tuple(dict.fromkeys(used))


def _by_routes(question: Question, judgement: Judgement, verdict: Verdict) -> Iterator[ConditionUse]:
    """That peers come in by the interface of their network, where the verdict is not the same without it."""
    left_out = question.left_out()
    if question.connected is None or not left_out:
        return
    rest = Judgement(judgement.path, judgement.protocol, judgement.ports, left_out, judgement.legs, judgement.settled)
    alike = rest.surely == left_out if verdict is Verdict.OPEN else verdict is Verdict.BLOCKED and not rest.possibly
    if not alike:
        condition = question.connected.condition
        yield _use(_of_export(condition, condition.assumption or ""))


def _assumed(question: Question) -> Iterator[tuple[Condition, str]]:
    """The assumed conditions of rules that a packet of the question can meet on any leg, each with its assumption:
    every one at normal load, and of the others one for each export, since that is all that is said."""
    # A condition assumed to be false keeps its rule from matching, and is used all the same.
    found: dict[Assumption, list[tuple[Condition, str]]] = {}
    ways = [(leg.mirrored, evaluator(question, leg, without=(Field.STATE,))) for leg in LEGS]
    requirement, path = question.requirement, question.path
    left = set(path.every_assumption)
    for mirrored, rules in path.assuming(PROTOCOLS[requirement.protocol], requirement.entry.ports):
        own = [way for of_replies, way in ways if of_replies is mirrored]
        for rule in rules:
            if not left:
                break
            for assumption in path.assumptions_of(rule):
                named = found.setdefault(assumption, [])
                if assumption in left and any(way.meets_but_for_assumptions(rule) for way in own):
                    name = assumption[0]
                    named += [(each, name) for each in assumed_conditions([rule]) if each.assumption == name]
                    if name != "normal-load":
                        left.discard(assumption)
    for named in found.values():
        yield from named


def _use(condition: Condition) -> ConditionUse:
    return ConditionUse(condition.text, condition.span, condition.assumed, condition.assumption)


def _of_export(condition: Condition, assumption: str) -> Condition:
    """One condition, taken as true, for an assumption that covers a whole export."""
    span = Span(condition.span.path, 1) if condition.span else None
    return Condition(assumption, ASSUMPTIONS[assumption], span, assumption, True)


# --- who else gets in ------------------------------------------------------


def _exposed(question: Question, verdict: Verdict, accepted_by: list[Blame]) -> tuple[bool, list[Blame]]:
    """Whether anybody at all gets through, inbound, whatever peers the site declares; and who lets them."""
    requirement = question.requirement
    if requirement.entry.direction is not Direction.INBOUND or requirement.local:
        return False, []
    if requirement.peers is None and (verdict is Verdict.OPEN or not known_neighbours(question)):
        return (True, accepted_by) if verdict is Verdict.OPEN else (False, [])
    _, anybody = _judged(replace(question, path=question.from_anybody or question.path), anybody=True)
    return (True, _accepted_by(anybody, False)) if anybody.surely == anybody.region else (False, [])
