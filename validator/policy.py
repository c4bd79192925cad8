"""What an application needs: modules and their port entries, read from `policy/*.yaml`."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from validator.packets.fields import Intervals


class Direction(enum.StrEnum):
    """Seen from the host: inbound for a port it listens on, outbound for one it connects to."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class PortEntry(Struct, frozen=True):
    """One port cell of a module: what it listens on or connects to.

    `id` is unique in its module (`listen-9340`). `ports` is empty while they come from a setting
    or URL (`ports_from`) that is not given. `when` lists settings and the value each must have for
    the entry to apply. `local` is true where modules of one host use it among themselves.
    `helper` (`ftp`): it opens data connections that a firewall knows to belong to it only by a helper of that name.
    """

    id: str
    direction: Direction
    protocols: tuple[str, ...]
    ports: Intervals
    when: Mapping[str, object] = field(default_factory=dict)
    ports_from: str = ""
    local: bool = False
    comment: str = ""
    helper: str = ""


class Module(Struct, frozen=True):
    """A part of the application; `id` is its name, lower case, words joined by hyphens.

    `alternative` names the group of modules of which one must be open while the setting that
    chooses is not given (`database`). `category` is `database` or empty. `clear_text`: the
    protocol is not encrypted. `configurable`: the user may set other ports. `programs` are the
    executables (a path, or a name alone) and services that it runs as; empty where that is not known.
    """

    id: str
    name: str
    entries: tuple[PortEntry, ...]
    alternative: str = ""
    category: str = ""
    clear_text: bool = False
    configurable: bool = False
    comment: str = ""
    programs: tuple[str, ...] = ()


class Policy(Struct, frozen=True):
    """An application: `settings` gives each setting's allowed values (empty: free text) by name.

    `bypass_proxy_for_local`: where a proxy is configured it must be bypassed for local addresses.
    `path` is the file it came from, relative where bundled (`policy/ol-connect.yaml`).
    """

    id: str
    version: str
    title: str
    modules: tuple[Module, ...]
    settings: Mapping[str, tuple[object, ...]]
    path: str
    bypass_proxy_for_local: bool = False
    shared_ports_note: str = ""
    defaults: Mapping[str, object] = field(default_factory=dict)


def applies(policy: Policy, entry: PortEntry, settings: Mapping[str, object]) -> bool:
    """Whether `entry` is needed under `settings`, defaults filled in.

    A setting that is neither given nor has a default leaves the entry in: its module is then one
    of several alternatives.
    """
    in_force = {**policy.defaults, **settings}
    return all(in_force.get(name, value) == value for name, value in entry.when.items())


def resolve(entry: PortEntry, settings: Mapping[str, object]) -> PortEntry | None:
    """`entry` with its ports, from the setting it names where it names one; None while that is not given.

    A setting may be a port, `host:port`, or a URL (80 for http, 443 for https).
    """
    if not entry.ports_from:
        return entry
    port = port_of(settings.get(entry.ports_from))
    return replace(entry, ports=((port, port),), ports_from="") if port else None


def port_of(value: object) -> int | None:
    """The port that a setting's value names, None where it names none."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value).strip()
    try:
        if text.isascii() and text.isdigit():
            number: int | None = int(text)
        else:
            url = urlsplit(text if "//" in text else f"//{text}")
            number = {"http": 80, "https": 443}.get(url.scheme) if url.port is None else url.port
    except ValueError:
        return None
    return number if number is not None and 0 < number < 65536 else None
