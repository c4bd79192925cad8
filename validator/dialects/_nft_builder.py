"""A rule of nftables as rules of the model: statements run from left to right, and each may be the last.

What a rule sets (a mark) becomes a rule of its own that goes on, followed by one with the verdict and the same matches.
Where those matches ask about what was set, the order is turned round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from validator.dialects._nft_data import Unclear
from validator.dialects._nft_logic import Conj, given, never, tests
from validator.model import (
    Action,
    AnyInterface,
    Assigned,
    Assignment,
    Bit,
    Choice,
    Condition,
    ConditionMatch,
    Match,
    Rule,
    Verb,
    undecidable,
)
from validator.packets.fields import Field, State
from validator.source import Span

_FINAL = (Verb.DROP, Verb.REJECT)


class Builder(Struct):
    """One rule being converted: `rules` so far, and what holds for packets that are still in it.

    `identity` tells it from other rules of the same line (a dump of JSON may be one line), else it is empty.
    """

    span: Span
    canonical: str
    identity: str = ""
    matches: Conj = ()
    rules: list[Rule] = field(default_factory=list)
    ended: bool = False
    _pending: tuple[Assignment, ...] = ()
    _held: tuple[Conj, tuple[Assignment, ...]] | None = None

    def branch(self, matches: Conj, span: Span | None, canonical: str) -> Builder:
        """A builder for the packets that have one element of a map."""
        found = replace(self, rules=[], canonical=canonical, span=span or self.span)
        found.limit(matches)
        return found

    def limit(self, matches: Conj) -> None:
        """From here on only packets for which `matches` holds are in the rule. Raises Unclear."""
        if not matches or self.ended:
            return
        if never(matches):
            self.finish(silent=True)
            return
        if self._pending:
            self._settle(matches)
        matches = given(self.matches, matches)
        if never(matches):
            self.finish(silent=True)
            return
        present = set(self.matches)
        self.matches = (*self.matches, *(match for match in matches if match not in present))

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """Packets in the rule get these values. Raises Unclear."""
        if self.ended or not assignments:
            return
        if self._held:
            raise Unclear("a rule that sets a mark which it asked about, and then another")
        self._pending = (*self._pending, *assignments)

    def aside(self, matches: Conj, assignments: Sequence[Assignment], last: bool) -> None:
        """Packets in the rule for which `matches` holds get these values, and stay in it. Raises Unclear."""
        self.settle()
        if self.ended:
            return
        if not last and self._asks(self.matches, assignments):
            raise Unclear("a rule that sets what it asked about")
        self._emit((*self.matches, *matches), Action(Verb.CONTINUE, assign=tuple(assignments)))

    def settle(self) -> None:
        """Put what was set before what comes. Raises Unclear where the rule asked about it."""
        if self._held or self._asks(self.matches, self._pending):
            raise Unclear("a rule that sets a mark which it asked about")
        self._flush()

    def verdict(self, action: Action) -> None:
        """What becomes of the packets that are in the rule. Raises Unclear."""
        if self.ended:
            return
        if not self._held and not self._asks(self.matches, self._pending):
            self._flush()
            self._emit(self.matches, action)
        else:
            prefix, assigned = self._held or (self.matches, self._pending)
            if action.verb is Verb.ACCEPT:
                self._emit(self.matches, Action(Verb.ACCEPT, assign=assigned))
            elif action.verb in _FINAL:
                self._emit(self.matches, action)
            else:
                raise Unclear(f"a rule that sets a mark which it asked about, and then {action.verb.value}")
            if self._held:
                self._emit(prefix, Action(Verb.CONTINUE, assign=assigned))
        self._held, self._pending, self.ended = None, (), True

    def finish(self, silent: bool = False) -> None:
        """The end of the rule for packets without a verdict: they go on with the next one."""
        if self.ended:
            return
        if self._held:
            self._emit(self._held[0], Action(Verb.CONTINUE, assign=self._held[1]))
        elif self._pending:
            self._flush()
        elif not silent:
            self._emit(self.matches, Action(Verb.CONTINUE))
        self._held, self._pending, self.ended = None, (), True

    def give_up(self, why: str, beside: Callable[[Conj], Iterable[Rule]]) -> None:
        """The rest of the rule was not understood; `beside` makes rules for what else it may do."""
        if self.ended:
            return
        matches = self.matches
        prefix, assigned = self._held or (self.matches, self._pending)
        if assigned and self._asks(matches, assigned):
            free = tuple((target, self._free(target)) for target, _ in assigned)
            self._emit(prefix, Action(Verb.CONTINUE, assign=free))
            matches = ()
        else:
            self._flush()
        self.add(tuple(beside(matches)))
        self.add(undecidable(matches, self.span, self.canonical, why))
        self._held, self._pending, self.ended = None, (), True

    def add(self, rules: Sequence[Rule]) -> None:
        """Take rules that were made elsewhere for this line; their conditions become this rule's own."""
        place = f"{self.span.path}:{self.span.line}"
        self.rules += [_distinct(rule, place, self.identity) for rule in rules] if self.identity else rules

    def _free(self, target: Field | Bit) -> Choice:
        top = len(State) - 1 if target is Field.STATE else 1
        text = f"what is set of {target} ({self.span.path}:{self.span.line})"
        return Choice(Condition(f"{self.canonical}: {text}", text, self.span, per_packet=True), ((0, top),))

    def _settle(self, coming: Conj) -> None:
        if not self._asks(self.matches, self._pending):
            self._flush()
            return
        if self._held or self._asks(coming, self._pending):
            raise Unclear("a rule that sets a mark which it asks about before and after")
        self._held, self._pending = (self.matches, self._pending), ()

    def _flush(self) -> None:
        if self._pending:
            self._emit(self.matches, Action(Verb.CONTINUE, assign=self._pending))
            self._pending = ()

    def _asks(self, matches: Conj, assigned: Sequence[Assignment]) -> bool:
        return any(tests(matches, target) for target, _ in assigned)

    def _emit(self, matches: Conj, action: Action) -> None:
        self.rules.append(Rule(matches, action, self.span, self.canonical))


def _distinct(rule: Rule, place: str, identity: str) -> Rule:
    """The same rule with conditions that name the rule and not only its line."""

    def own(condition: Condition) -> Condition:
        if place not in condition.key:
            return condition
        return replace(condition, key=f"{condition.key} {identity}")

    def of_match(match: Match) -> Match:
        return replace(match, condition=own(match.condition)) if isinstance(match, ConditionMatch) else match

    def of_value(value: Assigned) -> Assigned:
        if isinstance(value, Choice | AnyInterface):
            return replace(value, condition=own(value.condition))
        return value

    assigned = tuple((target, of_value(value)) for target, value in rule.action.assign)
    matches = tuple(of_match(match) for match in rule.matches)
    return replace(rule, matches=matches, action=replace(rule.action, assign=assigned))
