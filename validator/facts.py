"""What the rules of the catalogue may talk about: the kinds of subjects and the facts of each.

A fact's value is always of the type declared here; `subjects.py` makes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from validator.expressions import Type
from validator.packets.fields import Intervals
from validator.source import Span

_TEXT, _NUMBER, _TRUTH, _TEXTS = Type.TEXT, Type.NUMBER, Type.TRUTH, Type.TEXTS
_MAYBE = Type.TEXT | Type.NULL

_PLACE: Mapping[str, Type] = {
    "host": _TEXT,
    "where": _TEXT,  # the host, and the profile where there is one: `web1, profile public`
}
_ENTRY: Mapping[str, Type] = {
    **_PLACE,
    "profile": _MAYBE,
    "module": _TEXT,
    "module_id": _TEXT,
    "entry": _TEXT,
    "direction": _TEXT,
    "ports": _TEXT,
    "local": _TRUTH,
    "where_and_peer": _TEXT,  # and the peer host, where it is about that one alone: `db from web`; `db (loopback)`
    "peers_declared": _TRUTH,
    "alternative": _TEXT,  # empty also where the host's settings leave only one of the group
    "alternative_met": _TRUTH,
    "deciding": _TEXT,  # `file:line: raw text` of the first deciding line
}

FACTS: Mapping[str, Mapping[str, Type]] = {
    # One requirement on one path: a module's port entry, protocol and family, on a host.
    "result": {
        **_ENTRY,
        "firewall": _TEXT,
        "protocol": _TEXT,
        "service": _TEXT,  # `TCP 9340`
        "family": _TEXT,
        "verdict": _TEXT,
        "restricted": _TRUTH,
        "request": _TEXT,
        "reply": _TEXT,
        "stopped_on": _TEXT,  # the first leg that does not get through: request, reply; or empty
        "peers": _TEXT,  # `anybody`, `this host (loopback)`, or the declared blocks
        "exposed": _TRUTH,
        "other_family_open": _TRUTH,
        "category": _TEXT,
        "clear_text": _TRUTH,
        "data_connections": _TEXT,  # open, related, blocked, unknown; empty where it opens none
        "conditions": _NUMBER,  # that are open
        "condition_texts": _TEXTS,
        "understood": _TRUTH,  # every deciding line and every line of an open condition was understood
        "near_disabled": _NUMBER,
        "near_late": _NUMBER,
        "near_profile": _NUMBER,
    },
    # One port entry on a host, over its protocols and families.
    "row": {
        **_ENTRY,
        "protocols_differ": _TRUTH,  # in some family one protocol is open and another one stopped
        "protocols_open": _TEXTS,
        "protocols_stopped": _TEXTS,
        "families_differ": _TRUTH,  # for some protocol one family is open and the other one stopped
        "families_open": _TEXTS,
        "families_stopped": _TEXTS,
    },
    # A port of a module that anybody reaches, whatever peers are declared; once for all of these.
    "exposure": {
        **_PLACE,
        "profile": _MAYBE,
        "module": _TEXT,
        "module_id": _TEXT,
        "entry": _TEXT,
        "ports": _TEXT,
        "protocol": _TEXT,
        "service": _TEXT,  # `TCP 3306`
        "family": _TEXT,
        "category": _TEXT,
        "clear_text": _TRUTH,
        "deciding": _TEXT,  # `file:line: raw text` of the first line that lets anybody in
    },
    # A rule that would have let requests pass; or, where `why` is no-rule, that there is none.
    "near-miss": {
        **_PLACE,
        # disabled, not-merged, too-late, other-profile, other-program, other-addresses, some-addresses, no-rule
        "why": _TEXT,
        "direction": _TEXT,
        "rule": _TEXT,  # `the rule 'NAME'`, or `a rule` where it has none
        "line": _TEXT,
        "profiles": _TEXTS,  # those it is made for
        "addresses": _TEXTS,  # those it is made for, where they are why
        "programs": _TEXTS,  # the programs and services it is made for, where they are why
        "also": _TEXT,  # what else keeps it from helping, `; it also is disabled`; or empty
        "overruled_by": _TEXT,  # `file:line: raw text` of the line that decides before it, where it is too late
        "judged": _TEXTS,  # those in which the requests are stopped
        "services": _TEXTS,
        "results": _NUMBER,
    },
    # A group of modules of which one must be open.
    "alternatives": {
        **_PLACE,
        "alternative": _TEXT,
        "state": _TEXT,  # open, unknown, blocked: of its best member, in the worst profile
        "modules": _TEXTS,
        "details": _TEXT,
    },
    # A port of a host that several modules listen on.
    "port": {**_PLACE, "ports": _TEXT, "protocols": _TEXTS, "modules": _TEXTS},
    # A firewall, or one of its Windows profiles.
    "firewall": {
        **_PLACE,
        "firewall": _TEXT,
        "platform": _TEXT,
        "family": _TEXT,
        "profile": _MAYBE,
        "off": _TRUTH,  # it is switched off, or nothing in it stops an inbound packet
        "how": _TEXT,  # `is off or stops nothing inbound`, or that the export lacks the table that would
        "line": _TEXT,
    },
    # A host's proxy setting.
    "proxy": {**_PLACE, "server": _TEXT, "bypass_local": _TRUTH, "bypass_needed": _TRUTH, "line": _TEXT},
    # A port of the host that a service forwards elsewhere.
    "forward": {
        **_PLACE,
        "listen": _TEXT,  # `*:9340`
        "to": _TEXT,  # `10.0.0.5:9340`
        "onward": _TEXT,  # open, partial, blocked, unknown, unless-own, or why it is not judged: host, name, family
        "onward_text": _TEXT,
        "line": _TEXT,
        "services": _TEXTS,
        "results": _NUMBER,
    },
    # A setting that two exports of a host tell differently.
    "setting": {
        **_PLACE,
        "setting": _TEXT,  # `the state of the domain profile`
        "value": _TEXT,  # the one that counts
        "line": _TEXT,
        "overruled": _TEXT,
        "overruled_line": _TEXT,
        "because": _TEXT,
    },
    # Something wrong with a chain: loop, unreached, missing-chain.
    "chain": {**_PLACE, "chain": _TEXT, "problem": _TEXT, "text": _TEXT, "line": _TEXT},
    # A line by which a host drops IPv6 neighbour discovery, with the results that are not blocked anyway.
    "neighbours": {
        **_PLACE,
        "firewall": _TEXT,
        "what": _TEXT,  # solicitations, advertisements, or both
        "way": _TEXT,  # `come in` or `go out`
        "line": _TEXT,
        "results": _NUMBER,
    },
    # A line that was not understood, with the results that depend on it.
    "line": {**_PLACE, "line": _TEXT, "services": _TEXTS, "results": _NUMBER},
    # Something taken for granted on a host.
    "assumption": {**_PLACE, "assumption": _TEXT, "text": _TEXT, "lines": _NUMBER, "results": _NUMBER},
}
"""For each kind of subject, the facts and their types."""

_MOST = 200
_LISTED = 4
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")


def plain(text: str, most: int = _MOST) -> str:
    """`text` as one line of printable characters: control and direction signs out, cut at `most`."""
    clean = " ".join(_UNSAFE.sub(" ", text).split())
    return clean if len(clean) <= most else clean[: most - 3] + "..."


def wording(value: object) -> str:
    """The value of a fact as it stands in a message."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return listing([str(item) for item in value])
    return plain(str(value), 600)


def listing(items: Iterable[str], most: int = _LISTED) -> str:
    """`a, b, c and 5 more`."""
    every = list(items)
    shown = "; " if any(", " in item for item in every) else ", "
    text = shown.join(plain(item) for item in every[:most])
    return text if len(every) <= most else f"{text} and {len(every) - most} more"


def port_text(ports: Intervals) -> str:
    """Ports for people: `5863, 5864`, `5000-5010`."""
    parts = []
    for low, high in ports:
        parts += [str(port) for port in range(low, high + 1)] if high - low < 2 else [f"{low}-{high}"]
    return ", ".join(parts)


def line_text(span: Span) -> str:
    """`file:line: raw text`."""
    text = plain(span.text)
    place = f"{plain(span.path)}:{span.line}"
    return f"{place}: {text}" if text else place


def where(host: str, *profiles: str | None) -> str:
    """A host, and the profiles where there are any, for people: `web, profiles domain and public`."""
    names = [name for name in profiles if name]
    if not names:
        return host
    return (
        f"{host}, profile{'s' if len(names) > 1 else ''} {', '.join(names[:-1])}{' and ' * (len(names) > 1)}{names[-1]}"
    )


_COUNTERS = re.compile(r"^\[\d+:\d+\]\s*|\bcounter packets \d+ bytes \d+\s*")


def lasting(text: str) -> str:
    """The text of a line without what changes when an export is made again (counters, blanks)."""
    return " ".join(_COUNTERS.sub("", text.strip()).split())
