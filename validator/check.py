"""The main job: every requirement on its path through the firewalls, judged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from validator.assumptions import ASSUMPTIONS
from validator.engine.connection import Crossing, Path
from validator.engine.neighbours import Unheard, unheard, with_neighbours
from validator.engine.survey import Survey
from validator.errors import ExportError, UserError
from validator.forwards import concerning, forwarded, onward, with_forwards
from validator.graph import PEERS, Node, Problem, build, crossings, problems
from validator.hosts import Export, Loaded, firewalls
from validator.model import Firewall, Forward, Hook
from validator.packets.fields import Family, Intervals
from validator.packets.intervals import normalise
from validator.policy import Direction, Policy
from validator.questions import Question
from validator.requirements import Requirement, ends_of, entries_of, ranges, requirements, with_peer_hosts
from validator.results import ExportSummary, Forwarded, Report, Result, Skipped, Verdict
from validator.site import Host, Site, peer_blocks
from validator.verdicts import data_connections, judge

if TYPE_CHECKING:
    from validator.graph import Graph


class CheckOptions(Struct, frozen=True):
    """`families`: those asked for, None to choose by what is given; `withdrawn`: the names of
    assumptions.ASSUMPTIONS taken back; `settings`: given on the command line, over the site's."""

    families: tuple[Family, ...] | None = None
    withdrawn: frozenset[str] = frozenset()
    settings: Mapping[str, object] = field(default_factory=dict)


class Checked(Struct, frozen=True):
    """A report without findings yet, and what the rules of the catalogue look at besides.

    `errors` are mistakes of the user that only this stage can see; the results still stand. `unheard` is what of
    neighbour discovery is dropped.
    """

    report: Report
    firewalls: tuple[Firewall, ...]
    problems: tuple[Problem, ...]
    site: Site | None = None
    errors: tuple[UserError, ...] = ()
    unheard: tuple[Unheard, ...] = ()


class _Ways(Struct, frozen=True):
    """How hosts and firewalls are connected: `both_ends` are the hosts whose firewalls count for their peers too, by
    family; and what is known of the firewalls."""

    graph: Graph
    both_ends: Mapping[Family, Collection[str]]
    survey: Survey


def check(loaded: Loaded, policy: Policy, site: Site | None, options: CheckOptions) -> Checked:
    """Judge every requirement of `policy` on the firewalls of `loaded`.

    Raises UserError (BudgetError, SiteError) where a ruleset cannot be evaluated.
    """
    families = options.families or choose_families(loaded, site)
    found = firewalls(loaded, families, options.withdrawn, site)
    survey = Survey()
    dropped = {id(firewall): unheard(firewall, survey) for firewall in found}
    filtering = tuple(with_neighbours(firewall, dropped[id(firewall)]) for firewall in found if firewall.chains)
    both: dict[Family, set[str]] = {}
    for firewall in filtering:
        if _crossed_by_peers(firewall):
            both.setdefault(firewall.family, set()).add(firewall.host)
    ways = _Ways(build(filtering, policy, site), both, survey)
    results: list[Result] = []
    skipped: list[Skipped] = []
    for host in _hosts(filtering, site):
        own = [firewall for firewall in filtering if firewall.host == host.name]
        if own:
            judged, left = _check_host(host, own, ways, policy, site, options)
            results += judged
            skipped += left
    report = Report(
        policy=policy,
        exports=tuple(_summary(export) for export in loaded.exports),
        results=tuple(_with_alternatives(results)),
        skipped=tuple(dict.fromkeys(skipped)),
        assumptions=_assumptions(results),
    )
    wrong = [problem for firewall in filtering for problem in problems(firewall, ways.survey)]
    return Checked(
        report,
        found,
        tuple(dict.fromkeys(wrong)),
        site,
        tuple(_without_rules(loaded, filtering)),
        tuple(each for several in dropped.values() for each in several),
    )


def choose_families(loaded: Loaded, site: Site | None) -> tuple[Family, ...]:
    """The families to judge where nobody asked: IPv4, with IPv6 where the site names IPv6 addresses,
    and IPv6 alone where every export is an IPv6 one and the site names no IPv4 address."""
    told = {family for export in loaded.exports for family in export.fragment.families}
    named: list[str] = []
    if site:
        named = [address for host in site.hosts for address in host.addresses]
        named += [block for blocks in site.networks.values() for block in blocks]
        named += [block for module in site.peers for block in peer_blocks(site, module) or ()]
    four, six = (bool(ranges(tuple(named), family)) for family in (Family.IPV4, Family.IPV6))
    if told == {Family.IPV6} and not four:
        return (Family.IPV6,)
    return (Family.IPV4, Family.IPV6) if six or told == {Family.IPV6} else (Family.IPV4,)


def _hosts(found: Iterable[Firewall], site: Site | None) -> list[Host]:
    """The hosts that have a firewall: the site's, then others by name."""
    described = list(site.hosts) if site else []
    names = {host.name for host in described}
    return described + [Host(name) for name in dict.fromkeys(f.host for f in found) if name not in names]


def _check_host(
    host: Host, own: list[Firewall], ways: _Ways, policy: Policy, site: Site | None, options: CheckOptions
) -> tuple[list[Result], list[Skipped]]:
    families = tuple(dict.fromkeys(firewall.family for firewall in own))
    loopback = any(firewall.loopback_filtered for firewall in own)
    wanted, skipped = requirements(policy, host, site, options.settings, families, loopback)
    wanted = [
        replace(each, ends=_ends(host, own, each.family)) if each.local else each
        for requirement in wanted
        for each in with_peer_hosts(requirement, site, ways.both_ends.get(requirement.family, ()))
    ]
    ports = _ports(policy, host, site, options)
    paths: dict[tuple[object, ...], Path] = {}
    results: list[Result] = []

    def path_of(requirement: Requirement) -> Path:
        key = (requirement.family, requirement.local, requirement.entry.direction, requirement.peer_host)
        if key not in paths:
            paths[key] = _path(requirement, own, ways, ports)
        return paths[key]

    for requirement in wanted:
        path = path_of(requirement)
        from_anybody = path_of(replace(requirement, peer_host="")) if requirement.peer_host else None
        profiles = _profiles(host, path)
        taken = concerning(requirement, (each for firewall in own for each in firewall.forwards))
        listeners = tuple(dict.fromkeys(name for each in taken for name in each.listeners))
        judged = [judge(Question(requirement, path, profile, listeners, from_anybody)) for profile in profiles]
        if taken:
            notes = tuple(_forwarded(requirement, each, own, ways) for each in taken)
            judged = [with_forwards(result, notes) for result in judged]
        if requirement.entry.helper and not requirement.local:
            judged = _with_data(judged, requirement, own, ways)
        results += judged
    return results, skipped


_DATA_PORTS: Intervals = ((49152, 65535),)
"""The ports of passive FTP: RFC 6335 section 6 leaves 49152-65535 to such use. Servers may be set to others."""


def _with_data(results: list[Result], requirement: Requirement, own: list[Firewall], ways: _Ways) -> list[Result]:
    """`results` of a control connection in each profile, with what becomes of its data connections."""
    if all(result.verdict is Verdict.BLOCKED for result in results):
        return results
    data = replace(requirement, entry=replace(requirement.entry, ports=_DATA_PORTS))
    path = _path(data, own, ways, _DATA_PORTS)
    return [
        result
        if result.verdict is Verdict.BLOCKED
        else replace(result, data_connections=data_connections(Question(data, path, result.profile)))
        for result in results
    ]


def _ends(host: Host, own: list[Firewall], family: Family) -> tuple[tuple[int, int], ...]:
    return ends_of(host, family, [each for firewall in own if firewall.family is family for each in firewall.addresses])


def _forwarded(requirement: Requirement, forward: Forward, own: list[Firewall], ways: _Ways) -> Forwarded:
    """What a forward does with the connections of `requirement`, and whether its own ones leave the host."""
    wanted = onward(requirement, forward)
    if isinstance(wanted, str):
        return forwarded(forward, wanted)
    if all(firewall.family is not wanted.family for firewall in own):
        return forwarded(forward, "family")
    path = _path(wanted, own, ways, wanted.entry.ports)
    judged = [judge(Question(wanted, path, name)) for name in _profiles(wanted.host, path)]
    return forwarded(forward, judged, wanted.host_told)


def _crossed_by_peers(firewall: Firewall) -> bool:
    """Whether a host's firewall counts for the connections of others with it; where it is told which one it is."""
    return firewall.both_ends and not firewall.alternatives


def _ports(policy: Policy, host: Host, site: Site | None, options: CheckOptions) -> Intervals:
    """Every port that a module of the host needs, so that one evaluation serves them all."""
    entries = entries_of(policy, host, site, options.settings)
    return normalise(interval for _, entry, _ in entries for interval in entry.ports)


def _path(requirement: Requirement, own: list[Firewall], ways: _Ways, ports: Intervals) -> Path:
    """What the requests of a requirement cross."""
    family = requirement.family
    if requirement.local:
        filtering = [f for f in own if f.loopback_filtered and f.family is family]
        crossed = [Crossing(firewall, Hook.OUTPUT) for firewall in filtering]
        here = normalise((address, address) for _, address in requirement.ends)
        return Path((*crossed, *(Crossing(f, Hook.INPUT) for f in filtering)), ports, True, here, ways.survey)
    ends: tuple[Node, Node] = (requirement.peer_host or PEERS, requirement.host.name)
    if requirement.entry.direction is Direction.OUTBOUND:
        ends = (ends[1], ends[0])
    found = [
        crossing
        for crossing in crossings(ways.graph, *ends)
        if crossing.firewall.host == requirement.host.name or _crossed_by_peers(crossing.firewall)
    ]
    to = None
    if requirement.entry.direction is Direction.INBOUND and requirement.host.addresses:
        to = requirement.host_ranges
    crossed = [c for c in found if c.firewall.family is family]
    return Path(tuple(crossed), ports, destinations=to, survey=ways.survey)


def _profiles(host: Host, path: Path) -> tuple[str | None, ...]:
    """The Windows profiles to judge one by one: what the site says is active, else what an export says, else each."""
    names = tuple(dict.fromkeys(name for c in path.crossings for name in c.firewall.profiles))
    if host.profile in names:
        return (host.profile,)
    active = tuple(dict.fromkeys(name for c in path.crossings for name in c.firewall.active_profiles))
    return active or names or (None,)


def _with_alternatives(results: list[Result]) -> list[Result]:
    """Tell every module of a group of alternatives whether one of the group is surely open."""
    groups: dict[tuple[object, ...], dict[str, bool]] = {}

    def key(result: Result) -> tuple[object, ...]:
        return (result.host, result.profile, result.family, result.alternative)

    for result in results:
        if result.alternative:
            modules = groups.setdefault(key(result), {})
            passes = result.verdict is Verdict.OPEN or result.restricted
            modules[result.module] = modules.get(result.module, True) and passes
    return [
        replace(result, alternative_met=any(groups[key(result)].values())) if result.alternative else result
        for result in results
    ]


def _assumptions(results: list[Result]) -> dict[str, str]:
    used = {use.assumption for result in results for use in result.conditions if use.assumed is not None}
    return {name: text for name, text in ASSUMPTIONS.items() if name in used}


def _summary(export: Export) -> ExportSummary:
    source = export.source
    spans = tuple(source.span(line) for line in export.ledger.unsupported())
    return ExportSummary(source.path, export.dialect.NAME, export.host, source.sha256, export.ledger.counts(), spans)


def _without_rules(loaded: Loaded, filtering: Iterable[Firewall]) -> Iterable[UserError]:
    """Hosts of which only other facts were given: nothing could be judged there."""
    judged = {firewall.host for firewall in filtering}
    for host in dict.fromkeys(export.host for export in loaded.exports):
        if host not in judged:
            path = next(export.source.path for export in loaded.exports if export.host == host)
            remedy = "add the host's rule export, or name the host: HOST=rules.txt,this.txt"
            yield ExportError(f"no firewall rules were given for host {host}", remedy, path)


__all__ = ["CheckOptions", "Checked", "check", "choose_families"]
