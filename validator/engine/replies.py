"""Replies in connections whose source was translated, until they are translated back.

They come to the address that the source was translated to. What stands before the nat hook that they pass (PREROUTING,
or OUTPUT where the request came to the host) sees that one as their destination; see dialects/_linux_sources.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from validator.engine.chains import Chains
from validator.engine.outcomes import Assign, Outcome
from validator.engine.regions import Bounds
from validator.engine.stand_ins import StandIns
from validator.engine.survey import Survey
from validator.model import DROP, LOOPBACK, Bit, Condition, Firewall, Hook, Rule, Verb
from validator.packets.fields import Field, Interval
from validator.packets.nodes import Node, nodes_of
from validator.packets.space import PacketSpace

HERE = Bit("local-destination")


class Replies(Chains):
    """The chains that such replies pass first, in `space`, for packets within `bounds`; see Chains."""

    def __init__(
        self,
        space: PacketSpace,
        bounds: Bounds,
        mirrored: bool = False,
        within: Replies | None = None,
        survey: Survey | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        super().__init__(space, bounds, mirrored, within, survey, stand_ins)
        self._accept = self._diagrams.leaf(Outcome(Verb.ACCEPT))
        self._untracked_rules: dict[int, Rule] = {}

    def translates_sources(self, firewall: Firewall) -> bool:
        """Whether some rule of `firewall` translates the source."""
        return bool(self._survey.set_values(firewall, Field.SOURCE))

    def _early(self, firewall: Firewall, at: Hook) -> tuple[Node, list[str]]:
        """The base chains that replies to a translated source meet before they are translated back, and the others."""
        names = firewall.hooks.get(at, ())
        asked = [number for number, name in enumerate(names) if firewall.chains[name].first_packets]
        until = asked[0] if asked else len(names)
        found = self._accept
        for name in reversed(names[:until]):
            found = self._composer.then(self._base(firewall, name), found)
        return found, [name for name in names[until:] if not firewall.chains[name].first_packets]

    def _asks_where_to(self, firewall: Firewall) -> bool:
        """Whether some chain asks where replies go before they are translated back, or keeps them from that."""
        fields = (Field.DESTINATION, Field.DESTINATION_PORT, Field.OUT_INTERFACE)
        asked = {int(self._turn[field]) for field in fields} | {self._bits.get(HERE, -1)}
        for at in (Hook.PREROUTING, Hook.OUTPUT):
            early, late = self._early(firewall, at)
            seen = [early, *(self._base(firewall, name) for name in late if at is Hook.OUTPUT)]
            if any(node.level in asked for each in seen for node in nodes_of(each)) or self._untracks(early):
                return True
        return False

    def _untracks(self, function: Node) -> bool:
        found = False

        def look(outcome: Outcome) -> Outcome:
            nonlocal found
            found = found or int(Field.STATE) in dict(outcome.assign)
            return outcome

        self._composer.map(function, look)
        return found

    def _translated_back(self, firewall: Firewall, at: Hook) -> Node:
        """`at` (PREROUTING or OUTPUT) for replies to a translated source: until they are translated back, their
        destination is that source; OUTPUT sees the interface that leads there to the end."""
        early, late = self._early(firewall, at)
        interfaces = self._space.interfaces
        lo, way = interfaces.number(LOOPBACK), self._replied(Field.IN_INTERFACE)

        def here(ways: Sequence[tuple[Interval, Node]]) -> Node:
            (_, no), (_, yes) = ways[0], ways[-1]
            parts = [((0, lo - 1), no), ((lo, lo), yes), ((lo + 1, interfaces.top), no)]
            return self._diagrams.switch(way, [part for part in parts if part[0][0] <= part[0][1]])

        def read(level: int) -> Callable[[Sequence[tuple[Interval, Node]]], Node]:
            return lambda ways: self._diagrams.switch(level, ways)

        replied = {Field.DESTINATION: Field.SOURCE, Field.DESTINATION_PORT: Field.SOURCE_PORT}
        made = {int(self._turn[field]): read(self._replied(to)) for field, to in replied.items()}
        if HERE in self._bits:
            made[self._bits[HERE]] = here
        early = self._diagrams.replace(early, made)
        rest = self._accept
        for name in reversed(late):
            rest = self._composer.then(self._base(firewall, name), rest)

        def following(assign: Assign) -> Node:
            return self._untracked(firewall, at) if int(Field.STATE) in dict(assign) else rest

        found = self._composer.then(early, following)
        if at is Hook.OUTPUT:
            found = self._diagrams.replace(found, {int(self._turn[Field.OUT_INTERFACE]): read(way)})
        return found

    def _untracked(self, firewall: Firewall, at: Hook) -> Node:
        """Replies that are not translated back, since a rule keeps them from connection tracking."""
        chain = next(firewall.chains[name] for name in firewall.hooks[at] if firewall.chains[name].first_packets)
        span = chain.policy.span if chain.policy else chain.rules[0].span
        text = "replies that are not tracked are not translated back, and get through"
        condition = Condition(f"{text} ({firewall.host})", text, span)
        rule = self._untracked_rules.setdefault(id(firewall), Rule((), DROP, span, text, text, implicit=True))
        drop = self._diagrams.leaf(Outcome(Verb.DROP, self._decider(rule, firewall, chain)))
        self._composer.delivers = True
        passes = self._diagrams.leaf(Outcome(Verb.DELIVER))
        return self._diagrams.node(self._open(condition), (0, 1), [drop, passes])
