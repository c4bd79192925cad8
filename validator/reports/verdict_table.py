"""Results as the rows of a table: what agrees over protocols, profiles and families is one row."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from validator.policy import Direction
from validator.reports.wording import deciders, label, ports_text
from validator.results import Report, Result

_MOST_ADDRESSES = 3
Group = tuple[str, str, str, bool, str, str]


class Row(Struct, frozen=True):
    """Results of one port entry on one host that have the same verdict.

    `peers` is empty where nobody declared them; `profiles` is empty where there are none, and
    `every_profile` says that these are all that were judged.
    """

    group: Group
    host: str
    module: str
    module_name: str
    port_entry: str
    direction: Direction
    local: bool
    ports: str
    peers: str
    protocols: tuple[str, ...]
    profiles: tuple[str, ...]
    families: tuple[str, ...]
    label: str
    results: tuple[Result, ...]
    alternative: bool = False
    every_profile: bool = False

    @property
    def port(self) -> str:
        """`9340/tcp`, `5863-5864/tcp+udp`."""
        return f"{self.ports}/{'+'.join(self.protocols)}"

    @property
    def profile(self) -> str:
        """`domain, public`, `all profiles`, or empty."""
        if self.every_profile and len(self.profiles) > 1:
            return "all profiles"
        return ", ".join(self.profiles)

    @property
    def decided_by(self) -> tuple[str, ...]:
        """The places that decide, once each."""
        return tuple(dict.fromkeys(text for result in self.results for text in deciders(result)))


class Section(Struct, frozen=True):
    """The rows of one direction; `title` says it in words."""

    title: str
    rows: tuple[Row, ...]


def sections(report: Report) -> list[Section]:
    """The rows of a report by direction, in the policy's order of modules; empty sections are left out.

    `title` names the host where there is only one.
    """
    hosts = list(dict.fromkeys(result.host for result in report.results))
    host = hosts[0] if len(hosts) == 1 else "the hosts"
    by = _by(report) if len(hosts) == 1 else ""
    titles = {
        (Direction.INBOUND, False): f"INBOUND: others connect to {host}",
        (Direction.OUTBOUND, False): f"OUTBOUND: {host} connects to others",
        (Direction.INBOUND, True): f"INSIDE: modules on {host} connect to each other (loopback{by})",
        (Direction.OUTBOUND, True): f"INSIDE: modules on {host} connect out (loopback{by})",
    }
    if len(hosts) > 1:
        titles[Direction.OUTBOUND, False] = "OUTBOUND: the hosts connect to others"
    found = rows(report.results)
    grouped = {key: tuple(row for row in found if (row.direction, row.local) == key) for key in titles}
    return [Section(titles[key], members) for key, members in grouped.items() if members]


def _by(report: Report) -> str:
    """The addresses by which modules of a host were taken to connect to each other."""
    peers = dict.fromkeys(peer.partition("/")[0] for result in report.results if result.local for peer in result.peers)
    more = len(peers) - _MOST_ADDRESSES
    return f", by {', '.join(list(peers)[:_MOST_ADDRESSES])}" + f" and {more} more" * (more > 0) if peers else ""


def rows(results: Iterable[Result]) -> list[Row]:
    """Results as rows, in the order of modules and then hosts in which they first occur."""
    single = [_row(result) for result in results]
    entries = {key: at for at, key in enumerate(dict.fromkeys((r.module, r.port_entry) for r in single))}
    judged: dict[Group, set[str]] = {}
    for row in single:
        judged.setdefault(row.group, set()).update(row.profiles)
    merged = _merge(_merge(_merge(single, "protocols"), "profiles"), "families")
    merged = [replace(row, every_profile=set(row.profiles) == judged[row.group]) for row in merged]
    return sorted(merged, key=lambda row: entries[row.module, row.port_entry])


def _row(result: Result) -> Row:
    ports = ports_text(result.ports)
    peers = result.peer_host or (", ".join(result.peers) if result.peers_declared else "")
    return Row(
        group=(result.host, result.module, result.port_entry, result.local, ports, peers),
        host=result.host,
        module=result.module,
        module_name=result.module_name,
        port_entry=result.port_entry,
        direction=result.direction,
        local=result.local,
        ports=ports,
        peers=peers,
        protocols=(result.protocol,),
        profiles=(result.profile,) if result.profile else (),
        families=(result.family.value,),
        label=label(result),
        results=(result,),
        alternative=bool(result.alternative),
    )


def _merge(rows: Iterable[Row], axis: str) -> list[Row]:
    """Join the rows that differ in `axis` only (and in the lines that decide them)."""
    axes = sorted({"protocols", "profiles", "families"} - {axis})
    found: dict[tuple[object, ...], Row] = {}
    for row in rows:
        key = (row.group, row.direction, row.label, *(getattr(row, name) for name in axes))
        kept = found.get(key)
        found[key] = row if kept is None else _joined(kept, row)
    return list(found.values())


def _joined(a: Row, b: Row) -> Row:
    return replace(
        a,
        protocols=tuple(dict.fromkeys(a.protocols + b.protocols)),
        profiles=tuple(dict.fromkeys(a.profiles + b.profiles)),
        families=tuple(dict.fromkeys(a.families + b.families)),
        results=a.results + b.results,
    )
