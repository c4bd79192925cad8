"""Subjects about rules that nearly help, ports that no rule is made for, and ports that are forwarded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct, field

from validator.facts import lasting, listing, plain, port_text, where
from validator.results import Forwarded, NearMiss, Result, Subject, Value, Verdict
from validator.source import Span

NO_RULE = "no-rule"
_PARTS = {
    "disabled": "is disabled",
    "not-merged": "is made locally, where local rules do not count",
    "other-profile": "is only for these profiles: {profiles}",
    "other-addresses": "is for other addresses ({addresses})",
    "other-program": "is for another program ({programs})",
}


def near_subjects(results: Sequence[Result], text: Callable[[Span], str]) -> Iterator[Subject]:
    """The subjects of kind near-miss: a rule and what keeps it from helping, then ports that no rule is made for.

    `text` gives a line with its place.
    """
    found: dict[tuple[str, NearMiss], list[Result]] = {}
    for result in results:
        for miss in result.near_misses:
            found.setdefault((result.host, miss), []).append(result)
    for (host, miss), stopped in found.items():
        facts = _facts(host, miss.why, miss.span, stopped, text) | {
            "rule": f"the rule {plain(miss.name)!r}" if miss.name else "a rule",
            "profiles": list(miss.profiles),
            "addresses": list(miss.addresses),
            "programs": list(miss.programs),
            "also": _also(miss),
            "overruled_by": text(miss.by) if miss.by else "",
        }
        stable = f"{miss.why}\n{miss.name}\n{lasting(miss.span.text)}"
        yield Subject("near-miss", facts, miss.span, stable, stopped[0].id)
    yield from _without_rules(results, text)


def _facts(host: str, why: str, span: Span, results: Sequence[Result], text: Callable[[Span], str]) -> dict[str, Value]:
    """The facts that every subject of this kind has."""
    judged = list(dict.fromkeys(result.profile for result in results if result.profile))
    return {
        "host": host,
        "where": where(host, *judged),
        "why": why,
        "direction": results[0].direction.value,
        "rule": "",
        "line": text(span),
        "profiles": [],
        "judged": list(judged),
        "addresses": [],
        "programs": [],
        "also": "",
        "overruled_by": "",
        "services": services(results),
        "results": len(results),
    }


def _also(miss: NearMiss) -> str:
    """What else keeps a rule from helping, to follow what its message says."""
    words = {
        "profiles": listing(miss.profiles),
        "addresses": listing(miss.addresses),
        "programs": listing(miss.programs),
    }
    return "".join(f"; it also {_PARTS[why].format(**words)}" for why in miss.also)


class _Port(Struct):
    """A port entry of a host and protocol: its results for which there is no rule."""

    results: list[Result] = field(default_factory=list)

    @property
    def profiles(self) -> tuple[str | None, ...]:
        return tuple(dict.fromkeys(result.profile for result in self.results))


def _without_rules(results: Iterable[Result], text: Callable[[Span], str]) -> Iterator[Subject]:
    """Ports that no rule is made for, neither to let them in nor to stop them: one subject for all of a host that are
    so in the same profiles."""
    ports: dict[tuple[str, str, str], _Port] = {}
    for result in results:
        stopped = result.verdict is Verdict.BLOCKED and result.request is Verdict.BLOCKED and not result.local
        named = any(blame.names_ports for blame in result.blocked_by)  # then that rule has to go, and none be made
        if stopped and not named and not result.near_misses and result.blocked_by:
            key = (result.host, result.direction.value, service(result))
            ports.setdefault(key, _Port()).results.append(result)
    groups: dict[tuple[str, str, tuple[str | None, ...]], list[Result]] = {}
    for (host, direction, _), port in ports.items():
        groups.setdefault((host, direction, port.profiles), []).extend(port.results)
    for (host, direction, profiles), members in groups.items():
        blame = members[0].blocked_by[0]
        facts = _facts(host, NO_RULE, blame.span, members, text)
        stable = "\n".join((NO_RULE, direction, *map(str, profiles)))  # it stays when one port is mended
        yield Subject("near-miss", facts, blame.span, stable, members[0].id)


def service(result: Result) -> str:
    """What a result is about, in short: `Connect Server TCP 9340`."""
    return f"{result.module_name} {result.protocol.upper()} {port_text(result.ports)}"


def services(results: Iterable[Result]) -> list[Value]:
    """What results are about, each once."""
    return list(dict.fromkeys(map(service, results)))


_ONWARD = {
    "open": "the connection it makes there gets out of this host",
    "host": "it goes to this host itself, which is not filtered",
    "name": "whether the connection it makes there gets out of this host is not judged, since the address is not known",
    "family": "whether the connection it makes there gets out of this host is not judged: use --family both",
    "blocked": "the connection it makes there is blocked on its way out of this host",
    "partial": "the connection it makes there is partly blocked on its way out of this host",
    "unknown": "whether the connection it makes there gets out of this host depends on conditions",
    "unless-own": (
        "the connection it makes there is blocked on its way out of this host, unless {address} is its own: give its "
        "addresses in the site file"
    ),
}


def forward_subjects(results: Sequence[Result], text: Callable[[Span], str]) -> Iterator[Subject]:
    """The subjects of kind forward, in the order of the results."""
    found: dict[tuple[str, Forwarded], list[Result]] = {}
    for result in results:
        for each in result.forwards:
            found.setdefault((result.host, each), []).append(result)
    for (host, each), taken in found.items():
        facts: dict[str, Value] = {
            "host": host,
            "where": host,
            "listen": each.listen,
            "to": each.to,
            "onward": each.onward,
            "onward_text": _ONWARD[each.onward].format(address=plain(each.to.rpartition(":")[0])),
            "line": text(each.span),
            "services": services(taken),
            "results": len(taken),
        }
        blame = each.blocked_by if each.onward == "blocked" else ()
        span = next((one.span for one in blame if one.span.path), each.span)
        stable = "\n".join((*(one.canonical for one in blame[:1]), each.listen, each.to))
        yield Subject("forward", facts, span, stable, taken[0].id, blame)
