"""Exports become firewalls: read, recognise, parse, group by host, convert."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Dialect, Fragment, Options, detect
from validator.errors import UserError
from validator.model import Action, Chain, Firewall, Hook, Rule, Verb, undecidable
from validator.packets.fields import Family
from validator.refused import Refused, stands_alone, with_refused
from validator.site import Host, Site
from validator.source import Ledger, Source, Span, read


class Export(Struct, frozen=True):
    """One export that was read: its text, what recognised it, what it says, and whose it is."""

    source: Source
    dialect: Dialect
    fragment: Fragment
    ledger: Ledger
    host: str


class Loaded(Struct, frozen=True):
    """The exports that could be read, in the order given, and what was wrong with the others; `refused` are these,
    once for each host that they may be of."""

    exports: tuple[Export, ...]
    errors: tuple[UserError, ...]
    refused: tuple[Refused, ...] = ()


def load(arguments: Sequence[str], site: Site | None = None) -> Loaded:
    """Read the exports named on the command line, or in `site` where none are named.

    An argument is a path, or `host=a.txt,b.txt`; a file may be of several hosts (a cloud's groups). Never
    raises for a bad file: the error is collected and the other files are still read.
    """
    exports: list[Export] = []
    refused: list[Refused] = []
    read_already: dict[str, Export | Refused] = {}
    for host, path in _wanted(arguments, site):
        if path not in read_already:
            read_already[path] = _read(path, host)
        found = read_already[path]
        if isinstance(found, Export):
            exports.append(replace(found, host=host))
        else:
            refused.append(replace(found, host=host))
    grouped = tuple(_grouped(exports))
    unnamed = [export for given, export in zip(exports, grouped, strict=True) if not given.host]
    everywhere = [replace(each, host=host) for each in refused for host in _hosts_of(each, grouped, unnamed)]
    errors = tuple(each.error for each in read_already.values() if isinstance(each, Refused))
    return Loaded(grouped, errors, tuple(everywhere))


def _wanted(arguments: Sequence[str], site: Site | None) -> list[tuple[str, str]]:
    """(host or empty, path) of every export asked for."""
    listed: dict[str, list[str]] = {}
    for described in site.hosts if site else ():
        for path in described.exports:
            listed.setdefault(path, []).append(described.name)
    if not arguments:
        return [(host, path) for path, hosts in listed.items() for host in hosts]
    only = site.hosts[0].name if site and len(site.hosts) == 1 else ""
    wanted = []
    for argument in arguments:
        host, sign, paths = argument.partition("=")
        if sign and host and "/" not in host and not Path(argument).exists():
            wanted += [(host, path) for path in paths.split(",") if path]
        else:
            wanted += [(name, argument) for name in listed.get(argument, [only])]
    return wanted


def _read(path: str, host: str) -> Export | Refused:
    dialect: Dialect | None = None
    try:
        source = read(path)
        dialect = detect(source)
        ledger = Ledger(source.lines)
        return Export(source, dialect, dialect.parse(source, ledger), ledger, host)
    except UserError as error:
        return Refused(error.path or path, error, dialect)


def _hosts_of(refused: Refused, exports: Sequence[Export], unnamed: Sequence[Export]) -> Sequence[str]:
    """The hosts that a refused export may be of; `unnamed` are the exports for which nobody named a host.

    One without a host is a host of its own, and judged nowhere, unless it would have joined others.
    """
    dialect = refused.dialect
    if refused.host or dialect is None:
        return (refused.host,) if refused.host else ()
    grouped = getattr(dialect, "grouped", None)
    if grouped:
        near = [each for each in unnamed if getattr(each.dialect, "grouped", None) is grouped]
        told = grouped([each.fragment for each in near])
        joined = zip(near, told, strict=True)
        return tuple(dict.fromkeys(each.host for each, name in joined if name or each.dialect is not dialect))
    same = {each.host for each in exports if each.fragment.platform == dialect.PLATFORM}
    return tuple(same) if len(same) == 1 and not stands_alone(dialect) else ()


def _grouped(exports: Sequence[Export]) -> list[Export]:
    """Give every export a host.

    An export without one is a host of its own, named by its file. But an export that only adds
    facts (profile states, proxy), or that speaks of the address family that the other lacks, joins the
    host it must belong to where there is just one such host.
    """
    taken = {export.host for export in exports if export.host}
    principals = [export for export in exports if stands_alone(export.dialect)]
    named: dict[int, str] = {id(export): export.host for export in exports if export.host}
    _together([export for export in exports if not export.host], named, taken)
    for export in principals:
        if id(export) not in named:
            named[id(export)] = _join(export, principals, named) or _name(export, taken)
            taken.add(named[id(export)])
    for export in exports:
        if id(export) not in named:
            same = {named[id(p)] for p in principals if p.fragment.platform == export.fragment.platform}
            named[id(export)] = same.pop() if len(same) == 1 else _name(export, taken)
            taken.add(named[id(export)])
    return [
        Export(export.source, export.dialect, export.fragment, export.ledger, named[id(export)]) for export in exports
    ]


def _together(exports: Sequence[Export], named: dict[int, str], taken: set[str]) -> None:
    """Name the hosts of exports whose dialect says which of them belong together (the .tf files of a folder)."""
    for grouped in {grouped for export in exports if (grouped := getattr(export.dialect, "grouped", None))}:
        own = [export for export in exports if getattr(export.dialect, "grouped", None) is grouped]
        for export, host in zip(own, grouped([export.fragment for export in own]), strict=True):
            if host:
                named[id(export)] = host
                taken.add(host)


def _join(export: Export, principals: Sequence[Export], named: dict[int, str]) -> str:
    """The host of the one other export of this platform, if its family is the other one."""
    others = [p for p in principals if p is not export and p.fragment.platform == export.fragment.platform]
    if len(others) != 1 or id(others[0]) not in named:
        return ""
    apart = not set(others[0].fragment.families) & set(export.fragment.families)
    return named[id(others[0])] if apart else ""


def _name(export: Export, taken: Iterable[str]) -> str:
    stem = Path(export.source.path).name.split(".")[0] or Path(export.source.path).name
    return export.source.path if stem in taken else stem


PLATFORMS = ("terraform", "cloudformation", "aws", "azure", "gcp", "kubernetes", "linux", "windows")
"""From the outside in: a packet for a host meets the cloud's firewall before the host's own."""


def firewalls(
    loaded: Loaded,
    families: Sequence[Family],
    withdrawn: frozenset[str] = frozenset(),
    site: Site | None = None,
) -> tuple[Firewall, ...]:
    """The firewalls of every host and family, outer before inner.

    A family that a host's exports say nothing about gives a firewall whose rules are unknown, and so does an export
    that could not be used, beside the others of its host.
    Raises UserError where the site names something the exports lack.
    """
    hosts = {host.name: host for host in site.hosts} if site else {}
    groups: dict[tuple[str, str], list[Export]] = {}
    for export in loaded.exports:
        groups.setdefault((export.host, export.fragment.platform), []).append(export)
    found = []
    for (name, platform), exports in sorted(groups.items(), key=_outer_first):
        host = hosts.get(name, Host(name))
        fragments = [export.fragment for export in exports]
        for family in families:
            networks = site.networks if site else {}
            told = (host.groups, host.addresses, host.interfaces, host.keywords, networks)
            options = Options(name, family, withdrawn, *told)
            firewall = exports[0].dialect.convert(fragments, options)
            found.append(firewall or _not_exported(name, platform, family, exports))
    return with_refused(found, loaded.refused)


def _outer_first(item: tuple[tuple[str, str], list[Export]]) -> tuple[str, int]:
    (host, platform), _ = item
    order = PLATFORMS.index(platform) if platform in PLATFORMS else len(PLATFORMS)
    return host, order


_COMMAND = {
    ("linux", Family.IPV4): "iptables-save",
    ("linux", Family.IPV6): "ip6tables-save",
    ("azure", Family.IPV4): "az network nsg list",
    ("azure", Family.IPV6): "az network nsg list",
    ("windows", Family.IPV4): "netsh advfirewall firewall show rule name=all verbose",
    ("windows", Family.IPV6): "netsh advfirewall firewall show rule name=all verbose",
}


def _not_exported(host: str, platform: str, family: Family, exports: Sequence[Export]) -> Firewall:
    path = exports[0].source.path
    label = "IPv4" if family is Family.IPV4 else "IPv6"
    command = _COMMAND.get((platform, family), "the export command of that firewall")
    why = f"the {label} rules of {host} were not exported: run {command}"
    if any(each.dialect.NAME.startswith("nft-") for each in exports):
        why = f"no table for {label} is in the listing of {host}: if nft list ruleset has none, nothing filters {label}"
    span = Span(path, 1, why)
    rules = undecidable((), span, why, why)
    chain = Chain("missing", rules, Rule((), Action(Verb.ACCEPT), span, why, implicit=True, understood=False))
    hooks = dict.fromkeys((Hook.INPUT, Hook.OUTPUT, Hook.FORWARD), ("missing",))
    return Firewall(host, f"{platform} ({label} not exported)", platform, family, hooks, {"missing": chain}, (path,))
