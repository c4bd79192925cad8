"""Packet sets through a firewall: what a hook does with every packet at once.

A chain is a function from packets to an outcome: accepted, dropped, returned or still going. It is
one diagram whose leaves are outcomes; two rules in a row compose by putting the second in the place
of "still going", and that is associative, so a chain is folded in a balanced way. A jump puts
the called chain's function where the rule matches. Only rules that some packet of interest can meet
take part (the slice).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from validator.model import (
    AnyOf,
    Chain,
    Condition,
    ConditionMatch,
    FieldMatch,
    Firewall,
    Hook,
    InterfaceMatch,
    Match,
    NoneOf,
    Rule,
    Verb,
)
from validator.packets.diagram import LEAF, Node, fold
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import intersect, meets
from validator.packets.space import PacketSet, PacketSpace

Bounds = Mapping[Field, Intervals]
"""The packets of interest: the values of some fields, as the request's packet has them."""

MIRROR = {
    **{field: field for field in Field},
    Field.IN_INTERFACE: Field.OUT_INTERFACE,
    Field.OUT_INTERFACE: Field.IN_INTERFACE,
    Field.SOURCE: Field.DESTINATION,
    Field.DESTINATION: Field.SOURCE,
    Field.SOURCE_PORT: Field.DESTINATION_PORT,
    Field.DESTINATION_PORT: Field.SOURCE_PORT,
}
"""The field of the request that holds what a field of the reply holds."""
STRAIGHT = {field: field for field in Field}


@dataclass(frozen=True, slots=True, eq=False)
class Decider:
    """The rule that ended a packet's walk, and where; compared by identity."""

    rule: Rule
    firewall: Firewall
    chain: Chain

    @property
    def is_policy(self) -> bool:
        """Whether it is the chain's policy, not one of its rules."""
        return self.rule is self.chain.policy


Assign = tuple[tuple[int, int], ...]
"""Header fields that were set on the way, as (level, value), in order."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A leaf: what became of the packet, who decided it, and the fields set on the way."""

    verb: Verb
    decider: Decider | None = None
    assign: Assign = ()


@dataclass(frozen=True, slots=True)
class _Aside:
    """A leaf that waits for the rules that follow to be told which fields were set."""

    outcome: Outcome


_ON = Outcome(Verb.CONTINUE)
_BACK = Outcome(Verb.RETURN)
_ENDS = (Verb.ACCEPT, Verb.DELIVER, Verb.DROP, Verb.REJECT)


def interface_patterns(firewalls: Iterable[Firewall]) -> set[str]:
    """Every interface pattern that the rules of `firewalls` name."""
    seen: set[int] = set()
    patterns: set[str] = set()

    def visit(matches: tuple[Match, ...]) -> None:
        for match in matches:
            if isinstance(match, FieldMatch) or id(match) in seen:
                continue
            seen.add(id(match))
            match match:
                case InterfaceMatch():
                    patterns.update(match.names)
                case AnyOf():
                    for alternative in match.alternatives:
                        visit(alternative)
                case NoneOf():
                    visit(match.matches)

    for firewall in firewalls:
        for chain in firewall.chains.values():
            for rule in chain.rules:
                visit(rule.matches)
    return patterns


class Evaluator:
    """Evaluates hooks in `space` for packets within `bounds`.

    `mirrored`: the firewall's packets are replies, and fields are those of the request.
    `conditions` collects every open condition met, by key.
    """

    def __init__(self, space: PacketSpace, bounds: Bounds, mirrored: bool = False) -> None:
        self._space, self._diagrams = space, space.diagrams
        self._bounds: Mapping[int, Intervals] = {int(level): ranges for level, ranges in bounds.items()}
        self._turn = MIRROR if mirrored else STRAIGHT
        self.conditions: dict[str, Condition] = {}
        self._meets: dict[int, bool] = {}
        self._ranges: dict[int, tuple[int, Intervals]] = {}
        self._assigns = False
        self._functions: dict[tuple[int, str], Node] = {}
        self._on, self._back = self._diagrams.leaf(_ON), self._diagrams.leaf(_BACK)

    def hook(self, firewall: Firewall, hook: Hook) -> Node:
        """What `firewall` does at `hook`: a diagram whose leaves are Outcomes of accept, drop or reject.

        Where the hook has no chain, the accepting outcome has no decider.
        """
        result = self._diagrams.leaf(Outcome(Verb.ACCEPT))
        for name in reversed(firewall.hooks.get(hook, ())):
            result = self._then(self._base(firewall, name), result)
        return self._diagrams.map(result, self._delivered)

    def _delivered(self, value: object) -> Node:
        """At the end of a hook, a packet that later chains were not to see has been accepted."""
        assert isinstance(value, Outcome)
        if value.verb is Verb.DELIVER:
            value = Outcome(Verb.ACCEPT, value.decider, value.assign)
        return self._diagrams.leaf(value)

    # --- rules -------------------------------------------------------------

    def sliced(self, rules: Sequence[Rule]) -> list[Rule]:
        """The enabled rules that some packet within the bounds can meet."""
        met = self._met
        return [rule for rule in rules if rule.enabled and all(map(met, rule.matches))]

    def meeting(self, rules: Sequence[Rule]) -> list[Rule]:
        """The rules, disabled ones too, whose matches some packet within the bounds can meet."""
        met = self._met
        return [rule for rule in rules if all(map(met, rule.matches))]

    def meets_but_for_assumptions(self, rule: Rule) -> bool:
        """Whether some packet within the bounds can meet `rule`, whatever is assumed."""
        return all(isinstance(match, ConditionMatch) or self._met(match) for match in rule.matches)

    def _met(self, match: Match) -> bool:
        found = self._meets.get(id(match))
        if found is None:
            found = self._meets[id(match)] = self._meet(match)
        return found

    def _meet(self, match: Match) -> bool:
        match match:
            case FieldMatch() | InterfaceMatch():
                level, ranges = self._range(match)
                bound = self._bounds.get(level)
                return bool(ranges) if bound is None else meets(ranges, bound)
            case ConditionMatch():
                return match.condition.assumed in (None, match.expected)
            case AnyOf():
                return any(all(self._met(part) for part in parts) for parts in match.alternatives)
            case NoneOf():
                return bool(match.matches)

    def _range(self, match: FieldMatch | InterfaceMatch) -> tuple[int, Intervals]:
        found = self._ranges.get(id(match))
        if found is None:
            if isinstance(match, FieldMatch):
                ranges = match.intervals
            else:
                ranges = self._space.interfaces.intervals(match.names, match.negated)
            found = self._ranges[id(match)] = (int(self._turn[match.field]), ranges)
        return found

    def region(self, matches: Iterable[Match]) -> PacketSet:
        """The packets for which all of `matches` are true, assumed conditions at their values."""
        bounds, rest = self._parts(matches)
        result = self._space.box(bounds)
        for part in rest:
            result = result & part
        return result

    def _parts(self, matches: Iterable[Match]) -> tuple[dict[int, Intervals], list[PacketSet]]:
        """A conjunction as a box and further sets; an empty interval where it never holds."""
        bounds: dict[int, Intervals] = {}
        rest: list[PacketSet] = []
        for match in matches:
            match match:
                case FieldMatch() | InterfaceMatch():
                    level, ranges = self._range(match)
                    bounds[level] = intersect(bounds[level], ranges) if level in bounds else ranges
                case ConditionMatch():
                    level, ranges = self._condition(match)
                    bounds[level] = intersect(bounds[level], ranges) if level in bounds else ranges
                case AnyOf():
                    union = self._space.nothing
                    for parts in match.alternatives:
                        union = union | self.region(parts)
                    rest.append(union)
                case NoneOf():
                    rest.append(~self.region(match.matches))
        return bounds, rest

    def _condition(self, match: ConditionMatch) -> tuple[int, Intervals]:
        """The level and value of an open condition; an assumed one is always or never true."""
        condition = match.condition
        if condition.assumed is not None:
            source = int(Field.SOURCE)
            return source, ((0, self._space.top(source)),) if condition.assumed is match.expected else ()
        self.conditions.setdefault(condition.key, condition)
        return self._space.condition(condition.key), ((1, 1),) if match.expected else ((0, 0),)

    def _rule(self, firewall: Firewall, chain: Chain, rule: Rule, calls: tuple[str, ...]) -> Node:
        """The function of one rule: its outcome where it matches, still going elsewhere."""
        action = rule.action
        assign = tuple((int(self._turn[field]), value) for field, value in action.assign)
        match action.verb:
            case Verb.CONTINUE:
                self._assigns = self._assigns or bool(assign)
                inside = self._diagrams.leaf(Outcome(Verb.CONTINUE, None, assign)) if assign else self._on
            case Verb.RETURN:
                inside = self._back
            case Verb.JUMP | Verb.GOTO:
                inside = self._called(firewall, action.chain, rule, (*calls, chain.name))
                if action.verb is Verb.GOTO:
                    inside = self._diagrams.map(inside, self._no_return)
            case _:
                inside = self._diagrams.leaf(Outcome(action.verb, Decider(rule, firewall, chain)))
        if inside is self._on:
            return inside
        if inside.level != LEAF:
            return self._diagrams.guard(self.region(rule.matches).node, inside, self._on)
        bounds, rest = self._parts(rule.matches)
        if not all(bounds.values()):
            return self._on
        if rest:
            return self._diagrams.guard(self.region(rule.matches).node, inside, self._on)
        full = {level: (ranges, self._space.top(level)) for level, ranges in bounds.items()}
        return self._diagrams.box(full, inside, self._on)

    def _no_return(self, value: object) -> Node:
        """From the end of a chain that `goto` reached the walk goes to the caller's caller."""
        assert isinstance(value, Outcome)
        if value.verb is Verb.CONTINUE:
            value = Outcome(Verb.RETURN, None, value.assign)
        return self._diagrams.leaf(value)

    # --- chains ------------------------------------------------------------

    def _called(self, firewall: Firewall, name: str, rule: Rule, calls: tuple[str, ...]) -> Node:
        """The function of a chain as a caller sees it: returning is going on."""
        chain = firewall.chains.get(name)
        if chain is None or name in calls:
            what = f"{'loop of jumps at' if chain else 'jump to the missing chain'} {name}"
            unknown = Condition(f"{what} ({firewall.host})", f"{what}: the kernel refuses this ruleset", rule.span)
            self.conditions.setdefault(unknown.key, unknown)
            decider = Decider(rule, firewall, chain or Chain(name, ()))
            level = self._space.condition(unknown.key)
            return self._diagrams.node(
                level,
                (0, 1),
                (
                    self._diagrams.leaf(Outcome(Verb.DROP, decider)),
                    self._diagrams.leaf(Outcome(Verb.ACCEPT, decider)),
                ),
            )
        key = (id(firewall), name)
        if key not in self._functions:
            function = self._function(firewall, chain, calls)
            self._functions[key] = self._diagrams.map(function, self._go_on)
        return self._functions[key]

    def _go_on(self, value: object) -> Node:
        assert isinstance(value, Outcome)
        if value.verb is Verb.RETURN:
            value = Outcome(Verb.CONTINUE, None, value.assign)
        return self._diagrams.leaf(value)

    def _function(self, firewall: Firewall, chain: Chain, calls: tuple[str, ...]) -> Node:
        parts = [self._rule(firewall, chain, rule, calls) for rule in self.sliced(chain.rules)]
        return fold(parts, self._compose) if parts else self._on

    def _base(self, firewall: Firewall, name: str) -> Node:
        chain = firewall.chains[name]
        rules = self._function(firewall, chain, ())
        policy = chain.policy
        verb = policy.action.verb if policy else Verb.ACCEPT
        decider = Decider(policy, firewall, chain) if policy else None

        def end(value: object) -> Node:
            assert isinstance(value, Outcome)
            if value.verb not in _ENDS:
                value = Outcome(verb, decider, value.assign)
            return self._diagrams.leaf(value)

        return self._diagrams.map(rules, end)

    # --- composition -------------------------------------------------------

    def _compose(self, first: Node, second: Node) -> Node:
        """Two lists of rules in a row: what is still going after the first meets the second."""
        return self._sequence(first, second, Verb.CONTINUE)

    def _then(self, first: Node, second: Node) -> Node:
        """Two base chains in a row: what the first accepts meets the second."""
        return self._sequence(first, second, Verb.ACCEPT)

    def _sequence(self, first: Node, second: Node, verb: Verb) -> Node:
        """`second` in the place of the leaves of `first` that have `verb`.

        Where such a leaf has set fields, they must be set before `second` looks at them. So those
        leaves are put aside first, and each gets a `second` of its own.
        """
        if not self._assigns:
            return self._place(first, second, verb)
        aside: dict[Assign, None] = {}

        def put_aside(value: object) -> Node:
            assert isinstance(value, Outcome)
            if value.verb is verb and value.assign:
                aside[value.assign] = None
                return self._diagrams.leaf(_Aside(value))
            return self._diagrams.leaf(value)

        result = self._place(self._diagrams.map(first, put_aside), second, verb)
        for assign in aside:
            result = self._place(result, self._assigned(second, assign), verb, assign)
        return result

    def _place(self, first: Node, second: Node, verb: Verb, assign: Assign = ()) -> Node:
        """`second` in the place of the leaves of `first` with this verb and these fields set."""

        def shortcut(a: Node, b: Node) -> Node | None:
            if a is self._on and not assign and verb is Verb.CONTINUE:
                return b
            if b is self._on and not assign and verb is Verb.CONTINUE:
                return a
            if a.level != LEAF:
                return None
            value = a.value
            if assign:
                if not isinstance(value, _Aside) or value.outcome.assign != assign:
                    return a
                value = value.outcome
            elif not isinstance(value, Outcome) or value.verb is not verb:
                return a
            return b if verb is Verb.CONTINUE else self._told(value, b)

        return self._diagrams.apply(("place", verb, assign), shortcut, first, second)

    def _told(self, first: Outcome, second: Node) -> Node:
        """`second` with the more telling of its deciders and that of `first`."""
        return self._diagrams.map(second, lambda value: self._diagrams.leaf(_telling(first, value)))

    def _assigned(self, function: Node, assign: Assign) -> Node:
        """`function` for packets whose fields were set before it, and leaves that remember that."""

        def remember(value: object) -> Node:
            assert isinstance(value, Outcome)
            merged = tuple(sorted({**dict(assign), **dict(value.assign)}.items()))
            return self._diagrams.leaf(Outcome(value.verb, value.decider, merged))

        return self._diagrams.map(self._diagrams.fix(function, dict(assign)), remember)


def _telling(first: Outcome, second: object) -> Outcome:
    """Of two base chains that both accept, the outcome with the decider that tells a reader more:
    a rule before a policy, the later of two rules, the policy of the chain with more rules."""
    assert isinstance(second, Outcome)
    if second.verb is not Verb.ACCEPT or first.decider is None:
        return second
    if second.decider is None:
        return Outcome(Verb.ACCEPT, first.decider, second.assign)
    if second.decider.is_policy:
        ours, theirs = len(first.decider.chain.rules), len(second.decider.chain.rules)
        if not first.decider.is_policy or ours > theirs:
            return Outcome(Verb.ACCEPT, first.decider, second.assign)
    return second
