"""Read a site file: held to its schema, then to the policy and to itself."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_interface, ip_network
from pathlib import Path
from typing import Any

from validator import yaml_lines
from validator.errors import SiteError
from validator.packets.fields import Intervals
from validator.policy import Policy
from validator.policy_file import check_setting, parse_ports
from validator.site import ANYBODY, Host, Site


def load(path: str, policy: Policy) -> Site:
    """The site in the file at `path`, for `policy`. Raises SiteError with file and line."""
    document = yaml_lines.read(path, SiteError)
    yaml_lines.validate(document, "site", SiteError)
    return _Reader(document, policy).site()


def _interface(text: str) -> str:
    """An address with the length of its network's prefix (`10.20.0.10/16`); empty for a block or an address alone."""
    try:
        interface = ip_interface(text)
    except ValueError:
        return ""
    return str(interface) if interface.ip != interface.network.network_address else ""


class _Reader:
    """Turns a validated document into a Site, checking every name against what it must be."""

    def __init__(self, document: yaml_lines.Document, policy: Policy) -> None:
        self._document, self._policy = document, policy
        self._data: Mapping[str, Any] = document.data or {}
        self._modules = {module.id: module for module in policy.modules}

    def site(self) -> Site:
        """The whole site."""
        networks = {
            name: tuple(self._block(block, ("networks", name, n)) for n, block in enumerate(blocks))
            for name, blocks in self._data.get("networks", {}).items()
        }
        for name in networks.keys() & self._data.get("hosts", {}).keys():
            raise self._wrong(f"{name!r} is a host and a network", "give one another name", ("networks", name))
        hosts = tuple(self._host(name, body or {}) for name, body in self._data.get("hosts", {}).items())
        return Site(
            path=self._document.path,
            hosts=hosts,
            networks=networks,
            peers=self._peers({host.name for host in hosts}, set(networks)),
            ports=self._ports(),
            settings=self._settings(self._data.get("settings", {}), ("settings",)),
        )

    def _wrong(self, problem: str, remedy: str, where: tuple[str | int, ...]) -> SiteError:
        return SiteError(problem, remedy, self._document.path, self._document.line(where))

    def _host(self, name: str, body: Mapping[str, Any]) -> Host:
        way = ("hosts", name)
        modules = body.get("modules")
        for position, module in enumerate(modules or ()):
            self._module(module, (*way, "modules", position))
        folder = Path(self._document.path).parent
        return Host(
            name=name,
            addresses=tuple(
                self._address(text, (*way, "addresses", n)) for n, text in enumerate(body.get("addresses", ()))
            ),
            interfaces=tuple(text for text in map(_interface, body.get("addresses", ())) if text),
            keywords={
                word.lower(): tuple(self._block(text, (*way, "keywords", word, n)) for n, text in enumerate(blocks))
                for word, blocks in body.get("keywords", {}).items()
            },
            modules=None if modules is None else tuple(modules),
            exports=tuple((folder / export).as_posix() for export in body.get("exports", ())),
            settings=self._settings(body.get("settings", {}), (*way, "settings")),
            profile=body.get("profile"),
            groups=tuple(body.get("groups", ())),
            programs=self._programs(body.get("programs", {}), (*way, "programs")),
            line=self._document.line(way),
        )

    def _programs(self, listed: Mapping[str, Any], where: tuple[str | int, ...]) -> dict[str, tuple[str, ...]]:
        for name in listed:
            self._module(name, (*where, name))
        return {name: tuple(programs) for name, programs in listed.items()}

    def _module(self, name: str, where: tuple[str | int, ...]) -> None:
        if name not in self._modules:
            known = ", ".join(self._modules)
            raise self._wrong(f"unknown module {name!r}", f"modules of {self._policy.id}: {known}", where)

    def _address(self, text: str, where: tuple[str | int, ...]) -> str:
        """An address of a host, or a block it has its address in."""
        interface = _interface(text)
        return self._block(interface.partition("/")[0] if interface else text, where)

    def _block(self, text: str, where: tuple[str | int, ...]) -> str:
        try:
            return str(ip_network(text, strict=False))
        except ValueError:
            raise self._wrong(f"{text!r} is no address or CIDR block", "write 10.0.0.0/8", where) from None

    def _settings(self, settings: Mapping[str, Any], where: tuple[str | int, ...]) -> dict[str, object]:
        for name, value in settings.items():
            check_setting(self._policy, name, value, self._document, (*where, name), SiteError)
        return dict(settings)

    def _peers(self, hosts: set[str], networks: set[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for module, peers in self._data.get("peers", {}).items():
            self._module(module, ("peers", module))
            for position, peer in enumerate(peers):
                if peer in hosts and not self._data["hosts"][peer].get("addresses"):
                    where = ("peers", module, position)
                    raise self._wrong(f"host {peer} has no addresses", f"add addresses: to host {peer}", where)
                if peer not in hosts | networks | {ANYBODY}:
                    self._peer_block(peer, ("peers", module, position))
            found[module] = tuple(peers)
        return found

    def _peer_block(self, peer: str, where: tuple[str | int, ...]) -> None:
        try:
            ip_network(peer, strict=False)
        except ValueError:
            remedy = f"name a host, a network of this file, a CIDR block, or {ANYBODY}"
            raise self._wrong(f"unknown peer {peer!r}", remedy, where) from None

    def _ports(self) -> dict[str, dict[str, Intervals]]:
        found: dict[str, dict[str, Intervals]] = {}
        for name, body in self._data.get("ports", {}).items():
            self._module(name, ("ports", name))
            entries = {entry.id for entry in self._modules[name].entries}
            if isinstance(body, list):
                if len(entries) != 1:
                    remedy = "give them by entry: " + ", ".join(sorted(entries))
                    raise self._wrong(f"{name} has several port entries", remedy, ("ports", name))
                body = {entries.pop(): body}
                entries = set(body)
            for entry, ports in body.items():
                where: tuple[str | int, ...] = ("ports", name, entry)
                if entry not in entries:
                    remedy = "port entries: " + ", ".join(sorted(entries))
                    raise self._wrong(f"{name} has no port entry {entry!r}", remedy, where)
                found.setdefault(name, {})[entry] = parse_ports(ports, self._document, where, SiteError)
        return found
