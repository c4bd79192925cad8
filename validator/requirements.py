"""What has to get through: one requirement for each port entry, host, protocol and family."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network

from msgspec import Struct
from msgspec.structs import replace

from validator.packets.fields import Family, Intervals
from validator.packets.intervals import complement, intersect, normalise
from validator.policy import Direction, Module, Policy, PortEntry, applies, resolve
from validator.results import Skipped
from validator.site import Host, Site, peer_blocks

UNICAST: Mapping[Family, Intervals] = {
    Family.IPV4: ((1 << 24, (127 << 24) - 1), (128 << 24, (224 << 24) - 1)),
    Family.IPV6: ((2, (0xFF << 120) - 1),),
}
"""The addresses an end of a connection can have: RFC 1122 section 3.2.1.3 and RFC 4291 section 2.4
leave out "this network", loopback, multicast and reserved ones."""
LOOPBACK_ADDRESS = {Family.IPV4: 127 << 24 | 1, Family.IPV6: 1}
_NAMES = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}
ANYBODY = {Family.IPV4: "0.0.0.0/0", Family.IPV6: "::/0"}


class Requirement(Struct, frozen=True):
    """One port entry on one host for one protocol and family.

    `peers` are the declared peers as CIDR blocks of the family, or None for anybody; `peer_host` is
    the peer whose own firewall is crossed too, a host of the site, or empty. `local`: between two modules of
    the host, over loopback, with a source and a destination of `ends`.
    """

    host: Host
    module: Module
    entry: PortEntry
    protocol: str
    family: Family
    peers: tuple[str, ...] | None
    local: bool = False
    peer_host: str = ""
    ends: tuple[tuple[int, int], ...] = ()

    @property
    def programs(self) -> tuple[str, ...]:
        """The executables and services that the module runs as, on this host; empty where nobody said."""
        return self.host.programs.get(self.module.id, self.module.programs)

    @property
    def peer_ranges(self) -> Intervals:
        """The addresses of the peers: of declared blocks, those that an end of a connection can have, if any."""
        if self.peers is None:
            return self.anybody_ranges
        declared = ranges(self.peers, self.family)
        return intersect(declared, self.anybody_ranges) or intersect(declared, UNICAST[self.family]) or declared

    @property
    def anybody_ranges(self) -> Intervals:
        """The addresses that others than the host can have: what it sends to its own goes over loopback."""
        everybody = UNICAST[self.family]
        return intersect(everybody, complement(_own(self.host, self.family), everybody[-1][1]))

    @property
    def host_told(self) -> bool:
        """Whether somebody told addresses of the host, in the family."""
        return bool(ranges(self.host.addresses, self.family))

    @property
    def host_ranges(self) -> Intervals:
        """The addresses of the host itself; any, where nobody told them."""
        return ranges(self.host.addresses, self.family) or UNICAST[self.family]


def _own(host: Host, family: Family) -> Intervals:
    """The addresses of a host that are told one by one; which one of a block it has, nobody knows."""
    singles = [block for block in host.addresses if ip_network(block, strict=False).num_addresses == 1]
    return ranges(tuple(singles), family)


def ends_of(host: Host, family: Family, told: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """What modules of a host connect from and to over loopback: 127.0.0.1 or ::1, and its own addresses, as the site
    tells them, else as an export does (`told`)."""
    named = [low for low, high in _own(host, family) for low in range(low, high + 1)]
    sources = {address: source for source, address in told}
    own = [(sources.get(address, address), address) for address in named] or list(told)
    loopback = LOOPBACK_ADDRESS[family]
    return tuple(dict.fromkeys([(loopback, loopback), *own]))


def _is_own(block: str, host: Host, family: Family) -> bool:
    """Whether a block holds nothing but addresses of the host."""
    found = ranges((block,), family)
    return found != () and intersect(found, _own(host, family)) == found


def ranges(blocks: tuple[str, ...], family: Family) -> Intervals:
    """CIDR blocks and addresses as intervals; those of the other family are left out."""
    version = 4 if family is Family.IPV4 else 6
    networks = [ip_network(block, strict=False) for block in blocks]
    return normalise(
        (int(network.network_address), int(network.broadcast_address))
        for network in networks
        if network.version == version
    )


def settings_of(host: Host, site: Site | None, given: Mapping[str, object]) -> dict[str, object]:
    """The settings in force on a host: the command line's over the host's over the site's."""
    return {**(site.settings if site else {}), **host.settings, **given}


def entries_of(
    policy: Policy, host: Host, site: Site | None, given: Mapping[str, object]
) -> Iterator[tuple[Module, PortEntry, str]]:
    """The port entries that a host's modules need, overrides and settings applied.

    Yields module, entry, and an empty reason; or, for an entry that cannot be judged yet, why.
    """
    settings = settings_of(host, site, given)
    for module in policy.modules:
        if host.modules is not None and module.id not in host.modules:
            continue
        for entry in module.entries:
            if not applies(policy, entry, settings):
                continue
            override = site.ports.get(module.id, {}).get(entry.id) if site else None
            if override:
                yield module, _with_ports(entry, override), ""
                continue
            resolved = resolve(entry, settings)
            if resolved is None:
                yield module, entry, _unresolved(entry, settings)
            else:
                yield module, resolved, ""


def _unresolved(entry: PortEntry, settings: Mapping[str, object]) -> str:
    if entry.ports_from in settings:
        return f"no port: {entry.ports_from} is neither a port, host:port, nor an http or https URL"
    return f"not configured: set {entry.ports_from}"


def _not_needed(host: Host, module: Module, entry: PortEntry, settings: Mapping[str, object]) -> Skipped:
    """For a module that a host is said to run, and that the settings leave out."""
    others = [f"{name} is {settings[name]}" for name, value in entry.when.items() if settings.get(name) != value]
    return Skipped(host.name, module.id, module.name, entry.id, f"not needed while {' and '.join(others)}")


def _with_ports(entry: PortEntry, ports: Intervals) -> PortEntry:
    return replace(entry, ports=ports, ports_from="")


def requirements(
    policy: Policy,
    host: Host,
    site: Site | None,
    given: Mapping[str, object],
    families: tuple[Family, ...],
    loopback: bool,
) -> tuple[list[Requirement], list[Skipped]]:
    """What `host` needs; `loopback`: its firewall filters loopback, so local talk is judged too."""
    wanted: list[Requirement] = []
    skipped: list[Skipped] = []
    entries = list(entries_of(policy, host, site, given))
    settings = {**policy.defaults, **settings_of(host, site, given)}
    for module in policy.modules:
        if module.id in (host.modules or ()) and all(module is not other for other, _, _ in entries):
            skipped += [_not_needed(host, module, entry, settings) for entry in module.entries]
    for module, entry, reason in entries:
        if reason:
            skipped.append(Skipped(host.name, module.id, module.name, entry.id, reason))
            continue
        blocks = peer_blocks(site, module.id) if site else None
        lacking = [family for family in families if blocks is not None and not ranges(blocks, family)]
        if lacking:
            skipped.append(Skipped(host.name, module.id, module.name, entry.id, _without_peers(lacking, families)))
        for family in families:
            peers = None
            if blocks is not None:
                peers = tuple(block for block in blocks if ranges((block,), family))
                if not peers:
                    continue
            to_itself = [block for block in peers or () if _is_own(block, host, family)]
            if to_itself and len(to_itself) == len(peers or ()) and not loopback:
                reason = "its only peer is the host itself, and what it sends to itself is not filtered"
                skipped.append(Skipped(host.name, module.id, module.name, entry.id, reason))
                continue
            for protocol in entry.protocols:
                if len(to_itself) < len(peers or (ANYBODY[family],)):
                    others = peers and tuple(block for block in peers if block not in to_itself)
                    wanted.append(Requirement(host, module, entry, protocol, family, others))
                if loopback and (to_itself or (entry.local and entry.direction is Direction.INBOUND)):
                    wanted.append(Requirement(host, module, entry, protocol, family, None, local=True))
    return wanted, skipped


def _without_peers(lacking: Sequence[Family], families: Sequence[Family]) -> str:
    """Why an entry is not judged in the families of `families` that its peers lack."""
    if len(lacking) == len(families):
        return "none of its peers has an address of the family judged: ask with --family"
    return f"not over {' and '.join(_NAMES[family] for family in lacking)}: none of its peers has an address there"


def with_peer_hosts(requirement: Requirement, site: Site | None, filtered: Collection[str]) -> Iterator[Requirement]:
    """`requirement`, apart for each peer that is a host of `filtered`, whose own firewall counts too.

    What is left is for all other peers. A host without addresses is asked as before: what its peers' firewalls see
    of it nobody told.
    """
    named = site.peers.get(requirement.module.id, ()) if site and requirement.host_told else ()
    if site is None or requirement.local or requirement.peers is None or not set(named) & set(filtered):
        yield requirement
        return
    hosts = {host.name: host for host in site.hosts if host.name in named and host.name in filtered}
    hosts.pop(requirement.host.name, None)
    others = [name for name in named if name not in hosts]
    blocks = peer_blocks(replace(site, peers={requirement.module.id: tuple(others)}), requirement.module.id) or ()
    family = requirement.family
    rest = tuple(each for each in blocks if ranges((each,), family) and not _is_own(each, requirement.host, family))
    if rest:
        yield replace(requirement, peers=rest)
    for name, host in hosts.items():
        own = tuple(block for block in host.addresses if ranges((block,), requirement.family))
        if own:
            yield replace(requirement, peers=own, peer_host=name)
