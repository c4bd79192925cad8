"""A rough look at chains that translate: what they may do to some packet, they may do to every packet.

Who gets through whatever such a chain does, gets through. So where thousands of small chains translate (a service of
Kubernetes is a handful), most questions are answered without a look at which packets they translate to what.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import partial

from msgspec import Struct

from validator.engine.actions import Actions
from validator.engine.asked import assumed_in
from validator.engine.outcomes import Assign, Outcome, after
from validator.engine.regions import Bounds
from validator.engine.stand_ins import StandIns
from validator.engine.survey import Survey
from validator.model import Chain, ConditionMatch, FieldMatch, Firewall, Hook, Rule, Verb
from validator.packets.fields import Field
from validator.packets.nodes import Node
from validator.packets.space import PacketSpace

_SMALL = 100
"""Chains with more rules look something up, and are asked which of their rules a packet meets."""

_MANY = 64
"""Of chains that may do more, it is asked which packets they do what to."""


_Step = tuple[frozenset[Outcome] | Outcome, bool, bool]
"""What a rule may do, or the chain that it calls; whether it is a goto; and whether every packet meets it."""


class _May(Struct, frozen=True):
    """The outcomes that a chain may have, as its caller sees them, without those who decided; and the rules on the way
    there that stand on assumptions."""

    outcomes: frozenset[Outcome]
    assuming: list[Rule]


class Rough(Actions):
    """What chains may do, in `space`, for packets within `bounds`; see Actions."""

    def __init__(
        self,
        space: PacketSpace,
        bounds: Bounds,
        mirrored: bool = False,
        within: Rough | None = None,
        survey: Survey | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        super().__init__(space, bounds, mirrored, within, survey, stand_ins)
        self._may: dict[tuple[object, ...], _May | None] = within._may if within else {}
        self._like: dict[Hashable, _May | None] = within._like if within else {}
        self._alike: dict[tuple[_Step, ...], frozenset[Outcome] | None] = within._alike if within else {}
        self._plain: dict[int, Outcome] = within._plain if within else {}
        self._ways: dict[frozenset[Outcome], Node | None] = within._ways if within else {}
        self.choices: set[int] = within.choices if within else set()
        """The levels that say which of its outcomes a chain has."""
        self._fit: dict[int, bool] = within._fit if within else {}
        self._assuming: list[Rule] = []

    def counting(self) -> Iterable[list[Rule]]:
        """The rules that count so far: the slices, and what stands on assumptions in chains looked at roughly."""
        return [*super().counting(), self._assuming]

    def roughly(self, firewall: Firewall, chain: Chain) -> Node | None:
        """The function of a small chain that translates and ends the walk, which may have any of its outcomes; None for
        others, or where that is not asked for. (A packet meets one such chain at most, so all of them have one level
        for what they do.)"""
        if not (self._stand_ins and self._stand_ins.rough and self._can_be(firewall)):
            return None
        if chain.outline is None and len(chain.rules) > _SMALL:
            return None
        may = self._may_do(firewall, chain)
        if may is None:
            return None
        if may.outcomes not in self._ways:
            self._ways[may.outcomes] = self._any_of(may.outcomes)
        found = self._ways[may.outcomes]
        if found is not None:
            self._assuming += may.assuming
        return found

    def _can_be(self, firewall: Firewall) -> bool:
        """Whether jumps lead to an end, and no packet is translated by two chains of a hook."""
        found = self._fit.get(id(firewall))
        if found is None:
            found = self._fit[id(firewall)] = self._survey.loads(firewall) and not _translated_twice(firewall)
        return found

    def _any_of(self, outcomes: frozenset[Outcome]) -> Node | None:
        """The function of chains that translate, end the walk, and have any of these outcomes; None for others."""
        translates = any(level == Field.DESTINATION for each in outcomes for level, _ in each.assign)
        if not translates or any(each.verb is Verb.CONTINUE for each in outcomes):
            return None
        leaves = [self._diagrams.leaf(outcome) for outcome in outcomes]
        last = len(leaves) - 1
        level = self._space.condition(("what a chain does", outcomes), ((0, last),), last)
        self.choices.add(level)
        return self._diagrams.node(level, range(len(leaves)), leaves)

    def _may_do(self, firewall: Firewall, chain: Chain) -> _May | None:
        """What `chain` may do, once for all questions about a protocol; None where that is too much."""
        key = (id(chain), self._own.get(Field.PROTOCOL))
        if key not in self._may:
            alike = self._likeness(firewall, chain)
            if alike not in self._like:
                self._like[alike] = self._walked(firewall, chain)
            self._may[key] = self._like[alike]
        return self._may[key]

    def _likeness(self, firewall: Firewall, chain: Chain) -> Hashable:
        """What chains have in common that may do the same, of those that are asked about one protocol."""
        like = chain.outline.likeness() if chain.outline else None
        if chain.outline is None or like is None or self._stand_ins is None:
            return id(chain), self._own.get(Field.PROTOCOL)
        called = [id(self._may_do(firewall, firewall.chains[name])) for name in chain.outline.targets]
        return like.key, self._own.get(Field.PROTOCOL), *called, *map(self._stand_ins.of, like.addresses)

    def _walked(self, firewall: Firewall, chain: Chain) -> _May | None:
        assuming: list[Rule] = []
        steps: list[_Step] = []
        for rule in chain.rules:
            never, always, assumed = self._met_by(rule)
            if assumed:
                assuming.append(rule)
            if never:
                continue
            verb = rule.action.verb
            may: frozenset[Outcome] | Outcome
            if verb is Verb.JUMP or verb is Verb.GOTO:
                called = self._may_do(firewall, firewall.chains[rule.action.chain])
                if called is None:
                    return None
                assuming += called.assuming
                may = called.outcomes
            else:
                may = self._own_outcome(rule)
            steps.append((may, verb is Verb.GOTO, always))
        key = tuple(steps)
        if key not in self._alike:
            self._alike[key] = _together(steps)
        outcomes = self._alike[key]
        return None if outcomes is None else _May(outcomes, assuming)

    def _own_outcome(self, rule: Rule) -> Outcome:
        """What a rule that does not jump does, as the caller of its chain sees it."""
        action = rule.action
        found = self._plain.get(id(action))
        if found is None:
            verb = Verb.CONTINUE if action.verb is Verb.RETURN else action.verb
            assign = self._stood_in(self._assigned(action.assign)) if action.assign else ()
            found = Outcome(verb, None, assign)
            self._plain[id(action)] = found
        return found

    def _met_by(self, rule: Rule) -> tuple[bool, bool, bool]:
        """Whether no packet of the question meets `rule`, as far as that is cheap to say; whether every one does,
        whatever its ports are; and whether that stands on an assumption."""
        never, always, assumed = not rule.enabled, True, False
        for match in rule.matches:
            if isinstance(match, FieldMatch):
                if match.field is not Field.PROTOCOL:
                    always = False
                elif not self._met(match):
                    never = True
                else:
                    always = always and self._takes_all(match)
            elif isinstance(match, ConditionMatch):
                taken = match.condition.assumed
                assumed = assumed or taken is not None
                never = never or taken is (not match.expected)
                always = always and taken is match.expected
            else:
                assumed = assumed or any(True for _ in assumed_in((match,)))
                always = always and self._takes_all(match)
        return never, always, assumed


def _together(steps: Iterable[_Step]) -> frozenset[Outcome] | None:
    """The outcomes of a chain whose rules may do these things; None where they are very many."""
    ends: set[Outcome] = set()
    going: set[Assign] = {()}
    for may, is_goto, always in steps:
        if not going:
            break
        met: set[Assign] = set()
        for outcome in (may,) if isinstance(may, Outcome) else may:
            if outcome.verb is Verb.CONTINUE and not is_goto:
                met.update(after(before, outcome.assign) for before in going)
            else:
                ends.update(Outcome(outcome.verb, None, after(before, outcome.assign)) for before in going)
        going = met if always else going | met
        if len(going) + len(ends) > _MANY:  # every mark that may be set or not doubles them
            return None
    ends.update(Outcome(Verb.CONTINUE, None, assign) for assign in going)
    return frozenset(ends)


def _translated_twice(firewall: Firewall) -> bool:
    """Whether a packet may be translated by two chains of a hook."""
    names = (firewall.hooks.get(hook, ()) for hook in (Hook.PREROUTING, Hook.OUTPUT))
    return any(sum(firewall.chains[name].first_packets for name in each) > 1 for each in names)


def whatever(space: PacketSpace, outcomes: Node, choices: Iterable[int]) -> Node:
    """What becomes of packets whatever chains do that were looked at roughly: with the decider, if it is always the
    same. `choices` are the levels that say what they do."""
    diagrams = space.diagrams
    free = {level: space.values(level) for level in choices}

    def agreed(a: Node, b: Node) -> Node | None:
        if a is b:
            return a
        if not (isinstance(a.value, Outcome) and isinstance(b.value, Outcome)):
            return None
        if a.value.verb is Verb.ACCEPT and b.value.verb is Verb.ACCEPT:
            return diagrams.leaf(Outcome(Verb.ACCEPT))
        return b if a.value.verb is Verb.ACCEPT else a

    return diagrams.quantify(outcomes, free, partial(diagrams.apply, "agreed", agreed)) if free else outcomes
