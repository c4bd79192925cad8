"""What the rules of the catalogue are asked about, made from a check.

The facts of each kind are declared in `facts.py`. A result that stops part of what it asks for is
called *stopped* here: blocked, or partial without being merely restricted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct, field

from validator.check import Checked
from validator.facts import lasting, line_text, listing, plain, port_text, where
from validator.policy import Direction
from validator.results import Report, Result, Subject, Value, Verdict
from validator.source import Span
from validator.subjects_firewall import firewall_subjects
from validator.subjects_near import forward_subjects, near_subjects, service, services
from validator.subjects_neighbours import neighbour_subjects

_Key = tuple[object, ...]
_WORST = (Verdict.BLOCKED, Verdict.PARTIAL)


def subjects(checked: Checked) -> list[Subject]:
    """Every subject of a check, kind by kind, in the order of the results, firewalls and chains."""
    view = _View.of(checked.report)
    return [
        *_results(view),
        *_rows(view),
        *_exposures(view),
        *near_subjects([each for each in checked.report.results if not view.spare(each)], view.text),
        *forward_subjects(checked.report.results, view.text),
        *_alternatives(view),
        *_ports(view, checked),
        *_lines(view),
        *_assumptions(view),
        *firewall_subjects(checked),
        *neighbour_subjects(checked),
    ]


def passes(result: Result) -> bool:
    """Whether somebody whom nobody ruled out gets through: open, or restricted to some peers."""
    return result.verdict is Verdict.OPEN or result.restricted


def stopped(result: Result) -> bool:
    """Whether something that must get through surely does not."""
    return result.verdict in _WORST and not result.restricted


class _View(Struct):
    """A report with what several subjects look up in it."""

    report: Report
    rows: dict[_Key, list[Result]] = field(default_factory=dict)
    members: dict[tuple[str, str], set[str]] = field(default_factory=dict)  # host, group -> modules
    unread: set[tuple[str, int]] = field(default_factory=set)  # lines that were not understood
    first_lines: dict[str, Span] = field(default_factory=dict)  # of each host's first export
    texts: dict[Span, str] = field(default_factory=dict)

    @classmethod
    def of(cls, report: Report) -> _View:
        view = cls(report)
        for export in report.exports:
            view.first_lines.setdefault(export.host, Span(export.path, 1))
            view.unread.update((span.path, span.line) for span in export.unsupported)
        for result in report.results:
            view.rows.setdefault(_row(result), []).append(result)
            if result.alternative:
                view.members.setdefault((result.host, result.alternative), set()).add(result.module)
        return view

    def span(self, result: Result) -> Span:
        """Where a finding about `result` points: its first deciding line, or the export, or the policy."""
        for blame in (*result.blocked_by, *result.accepted_by):
            if blame.span.path:
                return blame.span
        return self.first_lines.get(result.host, Span(self.report.policy.path, 1))

    def text(self, span: Span) -> str:
        """`file:line: raw text`, made once for each line."""
        if span not in self.texts:
            self.texts[span] = line_text(span)
        return self.texts[span]

    def alternative(self, result: Result) -> str:
        """The group of which one module must be open; empty where the host has just one of the group."""
        several = len(self.members.get((result.host, result.alternative), ())) > 1
        return result.alternative if several else ""

    def spare(self, result: Result) -> bool:
        """Whether nothing hangs on `result`, since another module of its group is open."""
        return result.alternative_met and bool(self.alternative(result))


def _row(result: Result) -> _Key:
    return (result.host, result.module, result.port_entry, result.profile, result.local, result.peer_host)


def _entry_facts(view: _View, result: Result) -> dict[str, Value]:
    return {
        "host": result.host,
        "where": where(result.host, result.profile),
        "profile": result.profile,
        "module": result.module_name,
        "module_id": result.module,
        "entry": result.port_entry,
        "direction": result.direction.value,
        "ports": port_text(result.ports),
        "local": result.local,
        "where_and_peer": _where_and_peer(result),
        "peers_declared": result.peers_declared,
        "alternative": view.alternative(result),
        "alternative_met": result.alternative_met,
        "deciding": view.text(view.span(result)),
    }


def _results(view: _View) -> Iterator[Subject]:
    for result in view.report.results:
        open_texts: list[Value] = [use.text for use in result.conditions if use.assumed is None]
        blame = result.blame
        near = [miss.why for miss in result.near_misses]
        facts: dict[str, Value] = {
            **_entry_facts(view, result),
            "firewall": result.firewall,
            "protocol": result.protocol,
            "service": _service(result),
            "family": result.family.value,
            "verdict": result.verdict.value,
            "restricted": result.restricted,
            "request": result.request.value,
            "reply": result.reply.value,
            "stopped_on": _stopped_on(result),
            "peers": _peers(result),
            "exposed": result.exposed,
            "other_family_open": _other_family_open(view, result),
            "category": result.category,
            "clear_text": result.clear_text,
            "data_connections": result.data_connections,
            "conditions": len(open_texts),
            "condition_texts": open_texts,
            "understood": all(each.understood for each in blame) and not _unread_lines(view, result),
            "near_disabled": near.count("disabled"),
            "near_late": near.count("too-late"),
            "near_profile": near.count("other-profile"),
        }
        canonical = blame[0].canonical if blame else ""
        yield Subject("result", facts, view.span(result), f"{canonical}\n{result.id}", result.id, blame)


def _service(result: Result) -> str:
    return f"{result.protocol.upper()} {port_text(result.ports)}"


def _where_and_peer(result: Result) -> str:
    place = where(result.host, result.profile) + " (loopback)" * result.local
    way = "from" if result.direction is Direction.INBOUND else "to"
    return f"{place} {way} {result.peer_host}" if result.peer_host else place


def _stopped_on(result: Result) -> str:
    for name, verdict in (("request", result.request), ("reply", result.reply)):
        if verdict in _WORST:
            return name
    return ""


def _peers(result: Result) -> str:
    if result.local:
        return "this host (loopback)"
    return listing(result.peers) if result.peers_declared else "anybody"


def _other_family_open(view: _View, result: Result) -> bool:
    return any(
        passes(other)
        for other in view.rows[_row(result)]
        if other.family is not result.family and other.protocol == result.protocol
    )


def _unread_lines(view: _View, result: Result) -> list[Span]:
    """The lines that were not understood and that an open condition of `result` comes from."""
    spans = [use.span for use in result.conditions if use.assumed is None and use.span is not None]
    return list(dict.fromkeys(span for span in spans if (span.path, span.line) in view.unread))


def _rows(view: _View) -> Iterator[Subject]:
    for results in view.rows.values():
        if len(results) == 1:
            continue
        protocols = _split(results, lambda result: result.family, lambda result: result.protocol)
        families = _split(results, lambda result: result.protocol, lambda result: result.family.value)
        first = next(filter(stopped, results), results[0])
        facts: dict[str, Value] = {
            **_entry_facts(view, first),
            "protocols_differ": bool(protocols[0]),
            "protocols_open": protocols[0],
            "protocols_stopped": protocols[1],
            "families_differ": bool(families[0]),
            "families_open": families[0],
            "families_stopped": families[1],
        }
        canonical = first.blame[0].canonical if first.blame else ""
        stable = "\n".join((canonical, *map(str, _row(first)[1:])))
        yield Subject("row", facts, view.span(first), stable, first.id, first.blame)


def _split(
    results: Sequence[Result], group: Callable[[Result], str], name: Callable[[Result], str]
) -> tuple[list[Value], list[Value]]:
    """The names of the passing and of the stopped results of those groups that hold both."""
    through: dict[str, None] = {}
    not_through: dict[str, None] = {}
    for key in dict.fromkeys(map(group, results)):
        inside = [result for result in results if group(result) == key]
        if any(map(passes, inside)) and any(map(stopped, inside)):
            through.update((name(result), None) for result in inside if passes(result))
            not_through.update((name(result), None) for result in inside if stopped(result))
    return list(through), list(not_through)


def _exposures(view: _View) -> Iterator[Subject]:
    """What anybody reaches. That is the host's own firewall's doing, so it is told once whatever the peers."""
    seen: set[_Key] = set()
    for result in view.report.results:
        key = (*_row(result)[:-1], result.protocol, result.family)
        if not result.exposed or key in seen:
            continue
        seen.add(key)
        span = next((blame.span for blame in result.exposed_by if blame.span.path), view.span(result))
        facts: dict[str, Value] = {
            "host": result.host,
            "where": where(result.host, result.profile),
            "profile": result.profile,
            "module": result.module_name,
            "module_id": result.module,
            "entry": result.port_entry,
            "ports": port_text(result.ports),
            "protocol": result.protocol,
            "service": _service(result),
            "family": result.family.value,
            "category": result.category,
            "clear_text": result.clear_text,
            "deciding": view.text(span),
        }
        canonical = result.exposed_by[0].canonical if result.exposed_by else ""
        own = result.id.removesuffix(f"/peer-{result.peer_host}")
        yield Subject("exposure", facts, span, f"{canonical}\n{own}", result.id, result.exposed_by)


def _alternatives(view: _View) -> Iterator[Subject]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in view.report.results:
        if view.alternative(result):
            groups.setdefault((result.host, result.alternative), []).append(result)
    for (host, group), results in groups.items():
        profiles = tuple(dict.fromkeys(result.profile for result in results))
        states = {profile: _state([r for r in results if r.profile == profile]) for profile in profiles}
        state = max(states.values(), key=_STATES.index)
        wrong = [result for result in results if states[result.profile] == state]
        bad = next((result for result in wrong if not passes(result)), wrong[0])
        names = list(dict.fromkeys(result.module_name for result in results))
        worst_profiles = [str(name) for name, each in states.items() if name and each == state]
        facts: dict[str, Value] = {
            "host": host,
            "where": where(host, *([] if state == "open" else worst_profiles)),
            "alternative": group,
            "state": state,
            "modules": list(names),
            "details": _details(wrong),
        }
        yield Subject("alternatives", facts, view.span(bad), group, bad.id, bad.blame)


_STATES = ("open", "unknown", "blocked")


def _state(results: Sequence[Result]) -> str:
    """The best member of a group; a family that is not declared may make up for the other one."""
    by_family: dict[str, dict[str, str]] = {}
    for result in results:
        state = "open" if passes(result) else "blocked" if stopped(result) else "unknown"
        members = by_family.setdefault(result.family, {})
        members[result.module] = max(members.get(result.module, "open"), state, key=_STATES.index)
    best = [min(members.values(), key=_STATES.index) for members in by_family.values()]
    declared = any(result.peers_declared for result in results)
    return (max if declared else min)(best, key=_STATES.index)


def _details(results: Iterable[Result]) -> str:
    parts: dict[str, None] = {}
    for result in results:
        local = " over loopback" if result.local else ""
        parts[f"{service(result)}{local} {result.verdict.value}"] = None
    return listing(parts, 12)


def _ports(view: _View, checked: Checked) -> Iterator[Subject]:
    """Ports of a host that two modules listen on; of a group of alternatives only one ever runs."""
    by_host: dict[str, dict[_Key, Result]] = {}
    for result in view.report.results:
        if result.direction is Direction.INBOUND and not result.local:
            entry = (result.module, result.port_entry, result.protocol)
            by_host.setdefault(result.host, {}).setdefault(entry, result)
    for host, entries in by_host.items():
        shared: dict[tuple[str, str], tuple[list[Value], dict[str, Result]]] = {}
        for ports, protocol, users in _shared(list(entries.values())):
            names = ", ".join(user.module for user in users)
            protocols, modules = shared.setdefault((ports, names), ([], {}))
            protocols.append(protocol)
            modules.update((user.module_name, user) for user in users)
        for (ports, names), (protocols, modules) in shared.items():
            facts: dict[str, Value] = {
                "host": host,
                "where": host,
                "ports": ports,
                "protocols": protocols,
                "modules": list(modules),
            }
            first = next(iter(modules.values()))
            yield Subject("port", facts, _configured(checked, host), f"{ports}\n{names}", first.id)


def _shared(results: Sequence[Result]) -> Iterator[tuple[str, str, list[Result]]]:
    """(ports, protocol, users) of every piece of port range that several modules listen on."""
    for protocol in dict.fromkeys(result.protocol for result in results):
        own = [result for result in results if result.protocol == protocol]
        cuts = sorted({cut for each in own for low, high in each.ports for cut in (low, high + 1)})
        for low, after in pairwise(cuts):
            users = {r.module: r for r in own if any(a <= low <= b for a, b in r.ports)}
            groups = {r.alternative or r.module for r in users.values()}
            if len(groups) > 1:
                yield port_text(((low, after - 1),)), protocol, list(users.values())


def _configured(checked: Checked, host: str) -> Span:
    """Where ports were chosen: the host in the site file, or the policy."""
    if checked.site is None:
        return Span(checked.report.policy.path, 1)
    line = next((each.line for each in checked.site.hosts if each.name == host), 0)
    return Span(checked.site.path, line or 1)


def _lines(view: _View) -> Iterator[Subject]:
    found: dict[tuple[str, Span], list[Result]] = {}
    for result in view.report.results:
        for span in _unread_lines(view, result):
            found.setdefault((result.host, span), []).append(result)
    for (host, span), results in found.items():
        facts: dict[str, Value] = {
            "host": host,
            "where": host,
            "line": view.text(span),
            "services": services(results),
            "results": len(results),
        }
        yield Subject("line", facts, span, lasting(span.text), results[0].id)


def _assumptions(view: _View) -> Iterator[Subject]:
    found: dict[tuple[str, str], tuple[dict[Span | None, None], list[Result]]] = {}
    for result in view.report.results:
        for use in result.conditions:
            if use.assumption is not None and use.assumed is not None:
                spans, results = found.setdefault((result.host, use.assumption), ({}, []))
                spans[use.span] = None
                if not results or results[-1] is not result:
                    results.append(result)
    assumed: Mapping[str, str] = view.report.assumptions
    for (host, name), (spans, results) in found.items():
        facts: dict[str, Value] = {
            "host": host,
            "where": host,
            "assumption": name,
            "text": plain(assumed.get(name, name), 400),
            "lines": len(spans),
            "results": len(results),
        }
        span = next((each for each in spans if each is not None), None) or view.span(results[0])
        yield Subject("assumption", facts, span, name, results[0].id)
