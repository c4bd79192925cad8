"""Packet sets through a chain: what it does with every packet at once.

A chain is a function from packets to an outcome: accepted, dropped, returned or still going. It is
one diagram whose leaves are outcomes; two rules in a row compose by putting the second in the place
of "still going", and that is associative, so a chain is folded in a balanced way. A jump puts
the called chain's function where the rule matches. Only rules that some packet of interest can meet
take part (the slice).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from validator.engine.outcomes import BACK, ENDS, ON, Outcome
from validator.engine.regions import Bounds
from validator.engine.rough import Rough
from validator.engine.stand_ins import StandIns
from validator.engine.survey import Survey
from validator.model import Chain, Choice, Condition, Firewall, Match, Rule, Verb
from validator.packets.fields import Field, Interval
from validator.packets.nodes import LEAF, Node, fold
from validator.packets.space import PacketSpace


class Chains(Rough):
    """The functions of chains in `space`, for packets within `bounds`; see Regions."""

    def __init__(
        self,
        space: PacketSpace,
        bounds: Bounds,
        mirrored: bool = False,
        within: Chains | None = None,
        survey: Survey | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        super().__init__(space, bounds, mirrored, within, survey, stand_ins)
        self._made: dict[Hashable, Node] = within._made if within else {}
        self._functions: dict[tuple[int, str], Node] = {}
        self._on, self._back = self._diagrams.leaf(ON), self._diagrams.leaf(BACK)

    def set_values(self, firewall: Firewall, names: Iterable[str], field: Field) -> list[Interval]:
        """What rules that some packet within the bounds can meet, in the chains `names` and those they lead to,
        may set `field` to."""
        found: list[Interval] = []
        seen: set[str] = set()
        todo = [name for name in names if name in firewall.chains]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            for rule in self.slice_of(firewall.chains[name]):
                for target, value in rule.action.assign:
                    if target is field:
                        found += value.intervals if isinstance(value, Choice) else ()
                        found += ((value, value),) if isinstance(value, int) else ()
                if rule.action.chain in firewall.chains:
                    todo.append(rule.action.chain)
        return found

    # --- rules -------------------------------------------------------------

    def _rule(self, firewall: Firewall, chain: Chain, rule: Rule, matches: tuple[Match, ...]) -> Node:
        """The function of one rule: its outcome where `matches` are true, still going elsewhere."""
        action = rule.action
        assign = self._assigned(action.assign) if action.assign else ()
        match action.verb:
            case Verb.CONTINUE:
                inside = self._diagrams.leaf(Outcome(Verb.CONTINUE, None, assign)) if assign else self._on
            case Verb.RETURN:
                self._composer.returns = True
                inside = self._back
            case Verb.JUMP | Verb.GOTO:
                inside = self._called(firewall, chain, rule)
                if action.verb is Verb.GOTO:
                    self._composer.returns = True
                    inside = self._composer.map(inside, _no_return)
            case _:
                self._composer.delivers = self._composer.delivers or action.verb is Verb.DELIVER
                inside = self._diagrams.leaf(self._ended(rule, firewall, chain, assign))
        if inside is self._on:
            return inside
        bounds, rest = self._parts(matches)
        if not all(bounds.values()):
            return self._on
        if rest or inside.level != LEAF:
            region = self._space.box(bounds)
            for part in rest:
                region = region & part
            return self._diagrams.guard(region.node, inside, self._on)
        full = {level: (ranges, self._space.top(level)) for level, ranges in bounds.items()}
        return self._diagrams.box(full, inside, self._on)

    # --- chains ------------------------------------------------------------

    def _called(self, firewall: Firewall, caller: Chain, rule: Rule) -> Node:
        """The function of the chain that a rule of `caller` jumps to, as the caller sees it: returning is going on."""
        name = rule.action.chain
        chain = firewall.chains.get(name)
        loop = self._survey.loop(firewall)
        if chain is None or (name in loop and loop[name] == loop.get(caller.name)):
            return self._impossible(firewall, chain, name, rule)
        key = (id(firewall), name)
        if key not in self._functions:
            rough = self.roughly(firewall, chain)
            function = self._function(firewall, chain, self._on) if rough is None else rough
            self._functions[key] = self._composer.map(function, _go_on) if self._composer.returns else function
        return self._functions[key]

    def _impossible(self, firewall: Firewall, chain: Chain | None, name: str, rule: Rule) -> Node:
        """A jump that the kernel would refuse to load: to a missing chain, or round in a loop."""
        what = f"{'loop of jumps at' if chain else 'jump to the missing chain'} {name}"
        unknown = Condition(f"{what} ({firewall.host})", f"{what}: the kernel refuses this ruleset", rule.span)
        decider = self._decider(rule, firewall, chain or Chain(name, ()))
        outcomes = [self._diagrams.leaf(Outcome(verb, decider)) for verb in (Verb.DROP, Verb.ACCEPT)]
        return self._diagrams.node(self._open(unknown), (0, 1), outcomes)

    def _function(self, firewall: Firewall, chain: Chain, last: Node) -> Node:
        """The function of the rules that count, and of `last` behind them. The same rules, as far as the bounds leave
        them something to ask, and the same behind their jumps, are the same function, whatever the bounds are."""
        rules = self.deciding(chain)
        if not rules:
            return last
        known: set[Field] = set()
        asking = [(rule, self.narrowing(rule, known)) for rule in rules]
        within = tuple([(field, self._own[field]) for field in sorted(known)])
        key = (id(chain), last.uid, within, *[self._identity(firewall, chain, rule) for rule in rules])
        if key not in self._made:
            parts = [self._rule(firewall, chain, rule, matches) for rule, matches in asking]
            self._made[key] = fold(parts if last is self._on else [*parts, last], self._composer.compose)
        return self._made[key]

    def _identity(self, firewall: Firewall, chain: Chain, rule: Rule) -> Hashable:
        if rule.action.verb not in (Verb.JUMP, Verb.GOTO):
            return id(rule)
        return id(rule), self._called(firewall, chain, rule).uid

    def _base(self, firewall: Firewall, name: str) -> Node:
        """The function of a base chain, its policy included."""
        chain = firewall.chains[name]
        policy = chain.policy
        verb = policy.action.verb if policy else Verb.ACCEPT
        decider = self._decider(policy, firewall, chain) if policy else None
        self._composer.delivers = self._composer.delivers or verb is Verb.DELIVER

        def end(outcome: Outcome) -> Outcome:
            return outcome if outcome.verb in ENDS else Outcome(verb, decider, outcome.assign)

        function = self._function(firewall, chain, self._diagrams.leaf(Outcome(verb, decider)))
        return self._composer.map(function, end) if self._composer.returns else function


def _no_return(outcome: Outcome) -> Outcome:
    """From the end of a chain that `goto` reached the walk goes to the caller's caller."""
    return Outcome(Verb.RETURN, None, outcome.assign) if outcome.verb is Verb.CONTINUE else outcome


def _go_on(outcome: Outcome) -> Outcome:
    return Outcome(Verb.CONTINUE, None, outcome.assign) if outcome.verb is Verb.RETURN else outcome
