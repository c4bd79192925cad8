"""Packet sets through a firewall: what becomes of every packet that is at one of its hooks.

Base chains follow each other in the order in which a packet passes them (model.PASSES). Between
PREROUTING and what follows it is routed: one whose destination was translated goes where that leads. A nat
chain is asked about a connection's first packet; what it sets holds for the packets that follow, and
its opposite for the replies.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from functools import partial

from validator.engine.outcomes import Assign, Composer, Decider, Ending, Following, Free, Outcome, Set, ended
from validator.engine.regions import MIRROR, STRAIGHT, Bounds
from validator.engine.replies import Replies
from validator.engine.stand_ins import StandIns
from validator.engine.survey import Survey, interface_patterns
from validator.model import LOOPBACK, PASSES, REPLIED_TO, TRANSLATED_TO, Bit, Firewall, Hook, Verb
from validator.packets.fields import ICMP, ICMPV6, TCP, Field, Interval, State, TcpFlag
from validator.packets.intervals import normalise
from validator.packets.nodes import Node, leaf_values, support
from validator.packets.space import PacketSpace

OPPOSITE = {Hook.INPUT: Hook.OUTPUT, Hook.OUTPUT: Hook.INPUT, Hook.FORWARD: Hook.FORWARD}
"""Where a firewall meets the replies to what it meets at a hook."""

_DNAT, _HERE, _FROM_HERE = Bit("dnat"), Bit("local-destination"), Bit("local-source")
_BROADCAST = Bit("broadcast-destination")
_QUESTIONS = {0: 8, 14: 13, 16: 15, 18: 17, 129: 128}
"""The ICMP types that open a connection by those that answer them (nf_conntrack_proto_icmp.c, ..._icmpv6.c)."""
_CARRIED, _OF_CONNECTION = ("mark", "connmark", "dnat"), ("reply", "connmark")
_ACCEPTED = Outcome(Verb.ACCEPT)


class Evaluator(Replies):
    """Evaluates firewalls in `space` for packets within `bounds`.

    `mirrored`: the firewall's packets are replies, and fields are those of the request. `within`: one for wider
    bounds, whose work is used again. `conditions` collects every open condition met, by key.
    """

    def __init__(
        self,
        space: PacketSpace,
        bounds: Bounds,
        mirrored: bool = False,
        within: Evaluator | None = None,
        survey: Survey | None = None,
        stand_ins: StandIns | None = None,
    ) -> None:
        super().__init__(space, bounds, mirrored, within, survey, stand_ins)
        self._mirrored = mirrored
        self._passed: dict[tuple[int, Hook, Node | None], Node] = {}
        self._translations: dict[tuple[int, Hook, bool], Node | None] = {}
        self._wholes: dict[tuple[int, Hook, bool, Callable[[Outcome], Outcome]], Node] = {}
        self._sources: dict[tuple[int, Hook, bool], Node | None] = {}
        self.untranslated: Evaluator | None = None
        """One for the packets as they come, where the bounds of this one hold translated ones too."""

    @property
    def composer(self) -> Composer:
        """What puts the functions of several firewalls one after the other."""
        return self._composer

    def directed(self, node: Node) -> Node:
        """`node` for packets of which it is known that they go with the request, or, mirrored, against it."""
        level = self._bits.get(Bit("reply"))
        return node if level is None else self._diagrams.fix(node, {level: int(self._mirrored)})

    def unmarked(self, node: Node) -> Node:
        """`node` for packets of connections to one host that nothing marked or translated before they came."""
        known = ("mark", "dnat", "broadcast-destination")
        node = self._with_bits(node, {bit: 0 for bit in self._bits if bit.name in known})
        connmarks = {bit: 0 for bit in self._bits if bit.name == "connmark"}
        if not connmarks:
            return node
        new = self._space.box({Field.STATE: ((int(State.NEW), int(State.NEW)),)}).node
        return self._diagrams.choose(new, self._with_bits(node, connmarks), node)

    # --- ways through a firewall -------------------------------------------

    def hook(self, firewall: Firewall, hook: Hook, loopback: bool = False, last: bool = True) -> Node:
        """What `firewall` does with requests at `hook` (INPUT, OUTPUT or FORWARD): a diagram whose leaves are
        Outcomes of accept, drop or reject. With `loopback` they travel over the loopback interface. `last`: no other
        firewall follows that would ask what was set.

        Where no chain decides, the accepting outcome has no decider.
        """
        if last:
            return self._whole(firewall, hook, loopback, ended)
        return self._settled(self._way(firewall, hook, loopback), hook, loopback)

    def _whole(self, firewall: Firewall, hook: Hook, loopback: bool, outcome: Callable[[Outcome], Outcome]) -> Node:
        """The way of requests as they come to `hook`, its outcomes as `outcome` makes them."""
        key = (id(firewall), hook, loopback, outcome)
        if key not in self._wholes:
            made: dict[int, Node] = {}

            def known(node: Node) -> Node:
                if node.uid not in made:
                    made[node.uid] = self._known(node, hook, loopback)
                return made[node.uid]

            self._wholes[key] = self._way(firewall, hook, loopback, Ending(outcome, known))
        return self._wholes[key]

    def _way(self, firewall: Firewall, hook: Hook, loopback: bool, ending: Ending | None = None) -> Node:
        first = PASSES[hook][0]
        found = self._stage(firewall, first, self.translation(firewall, hook, loopback))
        if first is Hook.PREROUTING:
            found = self._fixed_interface(found, Field.OUT_INTERFACE)
        routed = self._routed(firewall, hook)
        return self._composer.then(ending.rules(found) if ending else found, routed, ending)

    def reply(
        self,
        firewall: Firewall,
        hook: Hook,
        translation: Node | None,
        loopback: bool = False,
        sources: Callable[[], Node | None] | None = None,
    ) -> Node:
        """What `firewall` does with the replies to requests at `hook`, of which a (not mirrored) Evaluator
        gave the `translation`, and gives `sources` where some chain here could ask; leaves as in `hook`."""
        usual = OPPOSITE[hook]
        if sources is not None and self._asks_where_to(firewall):
            translation = sources() or translation
        if translation is None:
            return self._way_back(firewall, usual, False, loopback)
        self._composer.assigns = True
        here, dnat, source = self._bit(_HERE), self._bit(_DNAT), self._replied(Field.SOURCE)

        translation = self._of_the_question(translation)
        made: dict[Hashable, Node] = {}

        def following(assign: Assign) -> Node:
            if not assign:
                return self._way_back(firewall, usual, False, loopback)
            told = dict(assign)
            key = (told.get(here), told.get(self._way_out()), source in told, dnat in told)
            if key not in made:
                made[key] = chosen(assign)
            return made[key]

        def chosen(assign: Assign) -> Node:
            # What a translation at PREROUTING delivers here answers from here, what it sends away is forwarded.
            near, far = (usual, usual) if hook is Hook.OUTPUT else (Hook.OUTPUT, Hook.FORWARD)

            def back(way: Hook) -> Node:
                told = dict(assign)
                return self._rerouted(self._way_back(firewall, way, dnat in told, loopback, source in told), assign)

            match dict(assign).get(here):
                case None:
                    return back(usual)
                case Free(level):
                    return self._diagrams.switch(level, [((0, 0), back(far)), ((1, 1), back(near))])
                case local:
                    return back(near if local else far)

        return self._composer.then(translation, following, Ending(ended))

    def translation(self, firewall: Firewall, hook: Hook, loopback: bool = False) -> Node | None:
        """How the destination of connections at `hook` is translated: an accepting diagram whose leaves say what
        is set. None where `firewall` translates none."""
        key = (id(firewall), hook, loopback)
        if key not in self._translations:
            self._translations[key] = None if self._mirrored else self._translation(firewall, hook, loopback)
        return self._translations[key]

    def _translation(self, firewall: Firewall, hook: Hook, loopback: bool) -> Node | None:
        names = firewall.hooks.get(PASSES[hook][0], ())
        asked = [number for number, name in enumerate(names) if firewall.chains[name].first_packets]
        if not asked:
            return None
        found = self._accept
        early = self.untranslated or self
        for name in reversed(names[: asked[-1] + 1]):
            found = self._composer.then(early._base(firewall, name), found)
        if PASSES[hook][0] is Hook.PREROUTING:
            found = self._fixed_interface(found, Field.OUT_INTERFACE)
        found = self._first_packet(self._settled(found, hook, loopback))
        kept = {int(field) for field in TRANSLATED_TO} | {self._bits.get(bit, -1) for bit in (_DNAT, _HERE)}
        kept.add(self._way_out())
        return self._sets(found, kept)

    def _sets(self, node: Node, levels: Container[int]) -> Node | None:
        """What `node` sets at `levels` where it accepts, as an accepting diagram; None where it sets nothing there."""
        any_set = False

        def alone(outcome: Outcome) -> Outcome:
            nonlocal any_set
            if outcome.verb is not Verb.ACCEPT:
                return _ACCEPTED
            assign = tuple(entry for entry in outcome.assign if entry[0] in levels)
            any_set = any_set or bool(assign)
            return Outcome(Verb.ACCEPT, None, assign)

        found = self._composer.map(node, alone)
        return found if any_set else None

    def sources(self, firewall: Firewall, hook: Hook, loopback: bool = False) -> Node | None:
        """As `translation`, with what the source is translated to, for connections at `hook` whose first packet gets
        through. None where `firewall` translates no source."""
        key = (id(firewall), hook, loopback)
        if key not in self._sources:
            found = self._sources_of(firewall, hook, loopback) if self.translates_sources(firewall) else None
            self._sources[key] = found
        return self._sources[key]

    def _sources_of(self, firewall: Firewall, hook: Hook, loopback: bool) -> Node | None:
        found = self._whole(firewall, hook, loopback, self._only_replied)
        if not any(isinstance(each, Outcome) and each.assign for each in leaf_values(found)):
            return None
        found = self._first_packet(found)
        translation = self.translation(firewall, hook, loopback)
        return found if translation is None else self._composer.both(translation, found)

    def _only_replied(self, outcome: Outcome) -> Outcome:
        """What an accepting outcome says of where replies go."""
        if outcome.verb is not Verb.ACCEPT:
            return _ACCEPTED
        levels = [self._replied(field) for field in REPLIED_TO]
        return Outcome(Verb.ACCEPT, None, tuple([entry for entry in outcome.assign if entry[0] in levels]))

    def _of_the_question(self, translation: Node) -> Node:
        """`translation`, which asks for the ICMP type of a first packet, by the type of an answer to it."""
        if int(Field.ICMP_TYPE) not in support(translation):
            return translation

        def make(ways: Sequence[tuple[Interval, Node]]) -> Node:
            kids = {kind: kid for (low, high), kid in ways for kind in range(low, high + 1)}
            asked = [((kind, kind), kids[_QUESTIONS.get(kind, kind)]) for kind in sorted(kids)]
            return self._diagrams.switch(int(Field.ICMP_TYPE), asked)

        return self._diagrams.replace(translation, {int(Field.ICMP_TYPE): make})

    def _first_packet(self, node: Node) -> Node:
        """`node` for the first packets of connections, whatever packet of theirs is asked about."""
        new = {int(Field.STATE): int(State.NEW)}
        tcp = self._space.box({Field.PROTOCOL: ((TCP, TCP),)}).node
        opening = self._diagrams.fix(node, {**new, int(Field.TCP_FLAGS): int(TcpFlag.SYN)})
        return self._diagrams.choose(tcp, opening, self._diagrams.fix(node, {**new, int(Field.TCP_FLAGS): 0}))

    def untracked(self, firewall: Firewall, hook: Hook, loopback: bool = False) -> tuple[Node, Node]:
        """The packets that come to `hook` that rules keep from connection tracking, and those for which they make
        unknown what it says (conntrack zones)."""
        early = self._early(firewall, PASSES[hook][0])[0]
        if PASSES[hook][0] is Hook.PREROUTING:
            early = self._fixed_interface(early, Field.OUT_INTERFACE)
        early = self._known(early, hook, loopback)

        def told(value: object, kind: type) -> Node:
            assert isinstance(value, Outcome)
            return self._diagrams.leaf(isinstance(dict(value.assign).get(int(Field.STATE)), kind))

        return self._diagrams.map(early, partial(told, kind=int)), self._diagrams.map(early, partial(told, kind=Free))

    # --- stages --------------------------------------------------------------

    def _stage(self, firewall: Firewall, at: Hook, translation: Node | None = None) -> Node:
        """The base chains of one of netfilter's hooks, in a row."""
        key = (id(firewall), at, translation)
        if key not in self._passed:
            result = self._accept
            names = firewall.hooks.get(at, ())
            asked = [name for name in names if firewall.chains[name].first_packets]
            before = names[: names.index(asked[-1]) + 1] if asked and at in (Hook.PREROUTING, Hook.OUTPUT) else ()
            for name in reversed(names):
                if name in asked and self._mirrored:
                    continue  # replies are no first packets
                evaluator = self.untranslated or self if name in before else self
                function = evaluator._base(firewall, name)
                if name in asked:
                    function = self._asked_once(function, translation if name == asked[0] else None)
                result = self._composer.then(function, result)
            self._passed[key] = result
        return self._passed[key]

    def _asked_once(self, function: Node, translation: Node | None) -> Node:
        """A nat chain: packets of a known connection are translated as its first one was, and packets
        without one, or ICMP errors about one, do not meet it."""
        none, known, related = (
            self._space.box({Field.STATE: normalise((int(state), int(state)) for state in states)})
            for states in ((State.INVALID, State.UNTRACKED), (State.ESTABLISHED,), (State.RELATED,))
        )
        errors = related & self._space.box({Field.PROTOCOL: ((ICMP, ICMP), (ICMPV6, ICMPV6))})
        function = self._diagrams.choose(known.node, translation or self._accept, function)
        return self._diagrams.choose((none | errors).node, self._accept, function)

    def _after(self, firewall: Firewall, stages: list[Hook]) -> Node:
        result = self._accept
        for at in reversed(stages):
            result = self._composer.then(self._stage(firewall, at), result)
        return result

    def _routed(self, firewall: Firewall, hook: Hook) -> Following:
        """What follows the first stage: as the packet is said to go, unless its destination was translated."""

        def way(local: bool) -> Node:
            if hook is Hook.OUTPUT:
                return self._after(firewall, [Hook.POSTROUTING])
            if local:
                return self._fixed_interface(self._stage(firewall, Hook.INPUT), Field.OUT_INTERFACE)
            return self._after(firewall, [Hook.FORWARD, Hook.POSTROUTING])

        made: dict[tuple[Set | None, Set | None], Node] = {}

        def following(assign: Assign) -> Node:
            told = dict(assign)
            key = (told.get(self._bits.get(_HERE, -1)), told.get(self._way_out()))
            if key not in made:
                made[key] = self._rerouted(chosen(assign), assign)
            return made[key]

        def chosen(assign: Assign) -> Node:
            match dict(assign).get(self._bits.get(_HERE, -1)):
                case None:
                    return way(hook is Hook.INPUT)
                case Free(level):
                    return self._diagrams.switch(level, [((0, 0), way(False)), ((1, 1), way(True))])
                case local:
                    return way(bool(local))

        return following

    def _way_back(
        self, firewall: Firewall, hook: Hook, translated: bool, loopback: bool, to_translated: bool = False
    ) -> Node:
        """The way of replies at `hook`, where nothing is translated by what a chain says. `to_translated`: they come to
        what the source of the requests was translated to."""
        first, *others = PASSES[hook]
        found = self._translated_back(firewall, first) if to_translated else self._stage(firewall, first)
        if first is Hook.PREROUTING:
            found = self._fixed_interface(found, Field.OUT_INTERFACE)
        found = self._composer.then(found, self._after(firewall, others))
        return self._settled(found, hook, loopback, translated)

    def _rerouted(self, node: Node, assign: Assign) -> Node:
        """`node` with the out-interface that a translation led to (the in-interface of the replies)."""
        value = dict(assign).get(self._way_out())
        return node if value is None else self._composer.substituted(node, ((int(Field.OUT_INTERFACE), value),))

    # --- what is known at the beginning --------------------------------------

    def _fixed_interface(self, node: Node, field: Field, name: str = "") -> Node:
        number = self._space.interfaces.number(name) if name else 0
        return self._diagrams.fix(node, {int(self._turn[field]): number})

    def _settled(self, node: Node, hook: Hook, loopback: bool, translated: bool = False) -> Node:
        """`_known`, at the end of all chains."""
        return self._composer.delivered(self._known(node, hook, loopback, translated))

    def _known(self, node: Node, hook: Hook, loopback: bool, translated: bool = False) -> Node:
        """`node` for packets as they come to `hook`: with the interfaces and bits that such packets have."""
        missing = {Hook.INPUT: Field.OUT_INTERFACE, Hook.OUTPUT: Field.IN_INTERFACE}.get(hook)
        there = Field.OUT_INTERFACE if hook is Hook.OUTPUT else Field.IN_INTERFACE
        if missing is not None:
            node = self._fixed_interface(node, missing)
        if loopback:
            node = self._fixed_interface(node, there, LOOPBACK)
        return self._told_bits(node, hook, loopback, translated, self._lo(there, hook))

    def _lo(self, there: Field, hook: Hook) -> Node:
        """The packets that travel over loopback."""
        if hook is Hook.FORWARD:
            return self._diagrams.false
        lo = self._space.interfaces.number(LOOPBACK)
        return self._space.box({int(self._turn[there]): ((lo, lo),)}).node

    def _told_bits(self, node: Node, hook: Hook, loopback: bool, translated: bool, lo: Node) -> Node:
        """`node` with the bits as they are at first. Of packets that come in by loopback, it is not told what was
        set on their way out: see `unmarked`."""
        told = {bit: 0 for bit in self._bits if bit.name not in _OF_CONNECTION}
        told |= {_DNAT: int(translated), _HERE: int(hook is Hook.INPUT), _FROM_HERE: int(hook is Hook.OUTPUT)}
        if hook is Hook.INPUT:
            told.pop(_BROADCAST, None)
        carried = {bit for bit in self._bits if bit.name in _CARRIED} if hook is Hook.INPUT else set()
        plain = self._with_bits(node, told)
        if carried or self._bits.keys() & {_HERE, _FROM_HERE}:
            others = {bit: value for bit, value in told.items() if bit not in carried}
            over_lo = self._with_bits(node, {**others, _HERE: 1, _FROM_HERE: 1})
            plain = over_lo if loopback else self._diagrams.choose(lo, over_lo, plain)
        of_connection = {bit: 0 for bit in self._bits if bit.name in _OF_CONNECTION}
        if not of_connection:
            return plain
        new = self._space.box({Field.STATE: ((int(State.NEW), int(State.NEW)),)}).node
        first = self._with_bits(plain, of_connection)
        if carried:
            directed = {bit: 0 for bit in of_connection if bit not in carried}
            over_lo = self._with_bits(plain, directed)
            first = over_lo if loopback else self._diagrams.choose(lo, over_lo, first)
        return self._diagrams.choose(new, first, plain)

    def _with_bits(self, node: Node, values: Mapping[Bit, int]) -> Node:
        return self._diagrams.fix(node, {self._bits[bit]: n for bit, n in values.items() if bit in self._bits})


__all__ = ["MIRROR", "OPPOSITE", "STRAIGHT", "Bounds", "Decider", "Evaluator", "Outcome", "interface_patterns"]
