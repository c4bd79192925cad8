"""The rules that would accept requests: those that nearly help are among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from validator.engine.asked import asked_ports
from validator.engine.buckets import Buckets
from validator.engine.regions import Bounds, Regions
from validator.engine.survey import Survey
from validator.model import Chain, Firewall, Hook, Rule, Verb
from validator.packets.fields import Field, Intervals
from validator.packets.intervals import meets
from validator.packets.space import PacketSpace


class Openers:
    """The accepting rules, disabled ones too, that requests may meet on their ways: a firewall and its hook each.

    `ports` are all that will be asked about, `bounds` gives the requests to some of them. `translating`: rules that
    translate accept as others do.
    """

    def __init__(
        self,
        space: PacketSpace,
        survey: Survey,
        ways: Sequence[tuple[Firewall, Hook]],
        ports: Intervals,
        bounds: Callable[[Intervals], Bounds],
        translating: bool,
    ) -> None:
        self._space, self._survey, self._ways = space, survey, ways
        self._ports, self._bounds, self._translating = ports, bounds, translating
        self._to: dict[tuple[int, Intervals], list[Rule]] = {}
        self._everywhere: dict[int, list[Rule]] = {}

    def to(self, protocol: int, ports: Intervals) -> list[Rule]:
        """Those for some of `ports`, in order."""
        key = (protocol, ports)
        if key not in self._to:
            found = dict(self._near.near(ports))
            self._to[key] = self._meeting(protocol, ports, [found[place] for place in sorted(found)])
        return list(self._to[key])

    def to_every_port(self, protocol: int) -> list[Rule]:
        """Those for any port, perhaps of one program or service."""
        if protocol not in self._everywhere:
            self._everywhere[protocol] = self._meeting(protocol, self._ports, self._for_every_port)
        return self._everywhere[protocol]

    def _meeting(self, protocol: int, ports: Intervals, rules: list[Rule]) -> list[Rule]:
        bounds = {**self._bounds(ports), Field.PROTOCOL: ((protocol, protocol),)}
        return Regions(self._space, bounds).meeting(rules)

    @cached_property
    def _for_every_port(self) -> list[Rule]:
        """The accepting rules that name no ports, in chains that requests pass, in order."""
        found: list[Rule] = []
        for chain in self._entered:
            groups = self._survey.groups(chain)
            for_all = [
                positions for asking, positions in groups if not any(True for m in asking for _ in asked_ports(m))
            ]
            rules = (chain.rules[at] for at in sorted(at for positions in for_all for at in positions))
            found += [rule for rule in rules if self._may_open(rule)]
        return found

    @cached_property
    def _near(self) -> Buckets[tuple[tuple[int, int], Rule]]:
        """The rules that accept requests to some of the ports that will be asked about, with their places."""
        found = [
            (ports, ((number, at), chain.rules[at]))
            for number, chain in enumerate(self._entered)
            for asking, positions in self._survey.groups(chain)
            for match in asking
            for ports in asked_ports(match)
            if meets(ports, self._ports)
            for at in positions
            if self._may_open(chain.rules[at])
        ]
        return Buckets(self._ports, found)

    def _may_open(self, rule: Rule) -> bool:
        """Whether a rule stands in a line and accepts; a translation does not, where none decides anything."""
        if rule.action.verb is not Verb.ACCEPT or rule.implicit or not rule.understood:
            return False
        return self._translating or not any(target is Field.DESTINATION for target, _ in rule.action.assign)

    @cached_property
    def _entered(self) -> list[Chain]:
        """The chains that requests pass."""
        names: dict[int, tuple[Firewall, set[str]]] = {}
        for firewall, hook in self._ways:
            reached = self._survey.reachable(firewall, hook)
            names.setdefault(id(firewall), (firewall, set()))[1].update(reached)
        return [
            chain for firewall, reached in names.values() for name, chain in firewall.chains.items() if name in reached
        ]
