"""Rules that nearly help: what keeps each of them from opening a port, and what it takes.

A rule that accepts requests to a port nearly helps where it is disabled, where another rule overrules it, or where
it is made for another profile, program or address. Every obstacle of a rule is found, so that nobody
removes one only to meet the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from validator.engine.connection import Path, Settled
from validator.engine.evaluate import Evaluator
from validator.engine.legs import PROTOCOLS, REQUEST
from validator.model import (
    MODULES_ANSWER,
    AnyOf,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    InterfaceMatch,
    Match,
    Rule,
    Verb,
)
from validator.packets.fields import ADDRESSES, Family, Field, Intervals
from validator.packets.intervals import intersect
from validator.policy import Direction
from validator.questions import Question, answer_of, evaluator, file_name, known_neighbours, settled_by
from validator.results import NearMiss, Verdict
from validator.source import Span
from validator.witness import blocks

DISABLED, TOO_LATE, OTHER_PROFILE, NOT_MERGED = "disabled", "too-late", "other-profile", "not-merged"
OTHER_PROGRAM, OTHERADDRESSES, SOMEADDRESSES = "other-program", "other-addresses", "some-addresses"
_MOST = 8
_ADDRESS_WORDS = frozenset(field.label for field in ADDRESSES)
"""What conditions are about that stand for a word such as LocalSubnet."""
_INTERFACES = (Field.IN_INTERFACE, Field.OUT_INTERFACE)
_DROPS, _ACCEPTS = (Verb.DROP, Verb.REJECT), (Verb.ACCEPT,)


def near_misses(question: Question, verdict: Verdict, restricted: bool) -> tuple[NearMiss, ...]:
    """The rules that would let the requests of `question` pass but for what keeps them from it, at most eight.

    `verdict` is that of the question. A rule that lets some of the declared peers pass is named as well, unless
    the port is merely `restricted`: then it does what nobody said it should not.
    """
    if verdict is Verdict.OPEN or question.requirement.local:
        return ()
    candidates = _candidates(question, verdict)
    if not candidates:
        return ()
    found: dict[Span, NearMiss] = {}  # a line may be several rules
    for miss in _Finder(question, verdict, restricted).misses(candidates):
        found.setdefault(miss.span, miss)
        if len(found) == _MOST:
            break
    return tuple(found.values())


def _candidates(question: Question, verdict: Verdict) -> list[Rule]:
    """The rules that accept requests to the ports by number, or to any port of a program that has the name of one of
    the module's: the program was moved, or is another version. On Windows, where no rule names a blocked port, also
    those to any port of any program that somebody meant to do so; elsewhere there are too many of these to be news."""
    requirement, path = question.requirement, question.path
    protocol, ports = PROTOCOLS[requirement.protocol], requirement.entry.ports
    found = path.openers.to(protocol, ports)
    names = {file_name(program) for program in requirement.programs}
    widest = (
        verdict is Verdict.BLOCKED
        and not found
        and any(crossing.firewall.platform == "windows" for crossing in path.crossings)
    )
    if names or widest:
        every = _for_every_port(path, protocol)
        found += [rule for rule, programs in every if (names & programs if programs else widest)]
    return found


@lru_cache(64)
def _for_every_port(path: Path, protocol: int) -> list[tuple[Rule, frozenset[str]]]:
    """The rules that accept requests to any port, with the file names of the programs that they are for; of those for
    any program, the ones that may be meant for a module."""
    found = []
    for rule in path.openers.to_every_port(protocol):
        asked = [match.condition for match in rule.matches if isinstance(match, ConditionMatch)]
        about = [each.about for each in asked if each.about]
        programs = frozenset(file_name(value) for kind, value in about if kind in MODULES_ANSWER)
        if programs or _is_meant(rule, asked, about):
            found.append((rule, programs))
    return found


def _is_meant(rule: Rule, asked: Sequence[Condition], about: Sequence[tuple[str, str]]) -> bool:
    """Whether a Windows rule for every port and program may be meant for the module. `asked` are its conditions,
    `about` what they are about.

    Windows' own services and the packages of its store have such rules by the dozen, but for the program or package: a
    plain dump of netsh hides the one, a verbose one the other; a package's rule is enabled and for every address.
    """
    if not rule.name or ("hidden", "program") in about:  # a rule without a name is a default
        return False
    words = [kind for kind, _ in about if kind in _ADDRESS_WORDS]
    if sum(each.assumed is None for each in asked) > len(words):
        return False  # it is limited by something else
    if words or not rule.enabled or all(kind != "hidden" for kind, _ in about):
        return True
    return any(
        isinstance(match, AnyOf) or (isinstance(match, FieldMatch) and match.field in ADDRESSES)
        for match in rule.matches
    )


def _programs(rule: Rule) -> list[tuple[str, str]]:
    """The programs and services that a rule is for, each with which of the two it is."""
    return [
        match.condition.about
        for match in rule.matches
        if isinstance(match, ConditionMatch) and match.condition.about and match.condition.about[0] in MODULES_ANSWER
    ]


class _Way(Struct, frozen=True):
    """A firewall of the path, alone, and the conditions that the module answers there."""

    path: Path
    firewall: Firewall
    settled: Settled


class _Finder:
    """Finds what keeps rules from helping with one question."""

    def __init__(self, question: Question, verdict: Verdict, restricted: bool) -> None:
        self._question, self._requirement = question, question.requirement
        self._partly = verdict is not Verdict.BLOCKED and not restricted
        self._protocol = PROTOCOLS[self._requirement.protocol]
        self._ways = list(self._each_way())
        self._helping = self._help()
        self._peers = Field.SOURCE if self._requirement.entry.direction is Direction.INBOUND else Field.DESTINATION
        self._met: dict[tuple[Field, ...], Evaluator] = {}

    def misses(self, candidates: Sequence[Rule]) -> Iterator[NearMiss]:
        """The candidates that miss, in their order."""
        for rule in candidates:
            miss = self._helper(rule) if (rule.span.path, rule.span.line) in self._helping else self._miss(rule)
            if miss is not None:
                yield miss

    def _each_way(self) -> Iterator[_Way]:
        question, requirement = self._question, self._requirement
        for crossing in question.path.crossings:
            path = question.path
            if len(path.crossings) > 1:
                path = Path((crossing,), requirement.entry.ports, path.loopback, survey=path.survey)
            own = Question(requirement, path, question.profile, question.listeners)
            yield _Way(path, crossing.firewall, settled_by(own) + known_neighbours(own))

    def _help(self) -> set[tuple[str, int]]:
        """The lines that do let requests pass, at their own firewall, whatever stops them elsewhere."""
        ports, found = self._requirement.entry.ports, set()
        for way in self._ways:
            region = way.path.space.box(self._bounds(way.path))
            for decider in way.path.deciders(self._protocol, REQUEST, ports, region, _ACCEPTS, way.settled):
                found.add((decider.rule.span.path, decider.rule.span.line))
        return found

    def _bounds(self, path: Path) -> dict[int, Intervals]:
        return Question(self._requirement, path, self._question.profile).bounds()

    def _helper(self, rule: Rule) -> NearMiss | None:
        """A rule that lets some in: named where it is made for some of the peers only."""
        if not self._partly:
            return None
        only = self._scope(rule, (self._peers,))
        return NearMiss(SOMEADDRESSES, rule.span, rule.name, addresses=only) if only else None

    def _miss(self, rule: Rule) -> NearMiss | None:
        """A rule that lets nobody in, with all that keeps it from that."""
        obstacles = self._misplaced(rule)
        if obstacles is None:
            return None
        if not rule.enabled:
            obstacles.insert(0, NOT_MERGED if rule.void else DISABLED)
        programs = self._other_programs(rule)
        if programs:
            obstacles.append(OTHER_PROGRAM)
        by = None
        if not obstacles:
            by = self._overruled_by(rule)
            if by is None:
                return None
            obstacles.append(TOO_LATE)
        return NearMiss(
            why=obstacles[0],
            span=rule.span,
            name=rule.name,
            profiles=_profiles(rule) if self._question.profile else (),
            also=tuple(obstacles[1:]),
            programs=programs,
            addresses=self._scope(rule, ADDRESSES) if OTHERADDRESSES in obstacles else (),
            by=by,
        )

    def _misplaced(self, rule: Rule) -> list[str] | None:
        """The fields in which a rule misses the requests; None where it is about something else altogether."""
        profile = bool(self._question.profile)
        tried: list[tuple[tuple[Field, ...], list[str], bool]] = [
            ((), [], True),
            (_INTERFACES, [OTHER_PROFILE], profile),
            (ADDRESSES, [OTHERADDRESSES], True),
            ((*_INTERFACES, *ADDRESSES), [OTHER_PROFILE, OTHERADDRESSES], profile),
        ]
        for without, obstacles, applies in tried:
            if applies and self._meets(rule, without):
                return obstacles
        return None

    def _meets(self, rule: Rule, without: tuple[Field, ...]) -> bool:
        """Whether a request can match `rule`, were it not for the fields `without`."""
        if without not in self._met:
            self._met[without] = evaluator(self._question, REQUEST, without)
        return bool(self._met[without].meeting([rule]))

    def _other_programs(self, rule: Rule) -> tuple[str, ...]:
        """The programs and services of a rule that the module is not."""
        found = [value for kind, value in _programs(rule) if answer_of(self._question, kind, value) is False]
        return tuple(dict.fromkeys(found))

    def _overruled_by(self, rule: Rule) -> Span | None:
        """The line that stops what `rule` would accept, at the firewall of `rule`."""
        ports = self._requirement.entry.ports
        for way in self._ways:
            if len(self._ways) > 1 and rule.span.path not in way.firewall.exports:
                continue
            bounds = self._bounds(way.path)
            for match in rule.matches:
                if isinstance(match, FieldMatch) and match.field in bounds:
                    bounds[match.field] = intersect(bounds[match.field], match.intervals)
            region = way.path.space.box(bounds)
            deciders = way.path.deciders(self._protocol, REQUEST, ports, region, _DROPS, way.settled)
            known = [each.rule for each in deciders if each.rule.understood or not each.rule.implicit]
            if known:  # not what a file may hold that could not be used
                return known[0].span
        return None

    def _scope(self, rule: Rule, fields: Sequence[Field]) -> tuple[str, ...]:
        """The addresses that a rule is made for, where they are not all of the question's."""
        bounds, family = self._bounds(self._question.path), self._requirement.family
        found: list[str] = []
        for match in rule.matches:
            texts = list(_addresses(match, fields, family))
            if isinstance(match, FieldMatch) and match.field in fields:
                wanted = bounds.get(match.field, ())
                texts = [] if intersect(wanted, match.intervals) == wanted else texts
            found += texts
        return tuple(dict.fromkeys(found))


def _addresses(match: Match, fields: Sequence[Field], family: Family) -> Iterator[str]:
    """What a match says of the addresses in `fields`: blocks, and words such as LocalSubnet."""
    if isinstance(match, FieldMatch) and match.field in fields:
        yield from blocks(match.intervals, family)
    elif isinstance(match, ConditionMatch) and match.condition.about:
        kind, value = match.condition.about
        if kind in {field.label for field in fields}:
            yield value
    elif isinstance(match, AnyOf):
        for alternative in match.alternatives:
            for part in alternative:
                yield from _addresses(part, fields, family)


def _profiles(rule: Rule) -> tuple[str, ...]:
    names: list[str] = []
    for match in rule.matches:
        if isinstance(match, InterfaceMatch) and not match.negated:
            names += match.names
    return tuple(names)
