"""Where modules run and who talks to whom: the optional site file."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from validator.packets.fields import Intervals


class Host(Struct, frozen=True):
    """One host: its `addresses`, `modules` (None: every module), `exports` (paths, as resolved from
    the site file's folder), `settings`, active Windows `profile`, cloud security `groups`, and the `programs`
    (executables and services) that modules run as, by module id. `interfaces` are those of the addresses that were
    given with the length of their network's prefix (`10.20.0.10/16`); `keywords` the blocks that a word of the
    host's firewall for addresses stands for, by the word in small letters (`dns`)."""

    name: str
    addresses: tuple[str, ...] = ()
    modules: tuple[str, ...] | None = None
    exports: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict)
    profile: str | None = None
    groups: tuple[str, ...] = ()
    line: int = 0
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    interfaces: tuple[str, ...] = ()
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Site(Struct, frozen=True):
    """A site file: `networks` name lists of CIDR blocks; `peers` gives by module id the networks,
    hosts or CIDR blocks that must get through; `ports` overrides ports by module id and entry id;
    `settings` hold for every host that does not set its own; `path` is the file."""

    path: str
    hosts: tuple[Host, ...] = ()
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ports: Mapping[str, Mapping[str, Intervals]] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


ANYBODY = "anybody"
"""The word for peers that may be anyone."""


def peer_blocks(site: Site, module: str) -> tuple[str, ...] | None:
    """The CIDR blocks of the peers declared for a module id; None for anybody, or none declared."""
    peers = site.peers.get(module)
    if peers is None or ANYBODY in peers:
        return None
    addresses = {host.name: host.addresses for host in site.hosts}
    found: list[str] = []
    for peer in peers:
        found += site.networks.get(peer) or addresses.get(peer) or (peer,)
    return tuple(dict.fromkeys(found))
