"""The export formats: one module each, found by themselves.

A dialect is a module of this package (no leading underscore) with

- `NAME`: the word of the report (`netsh-rules`), `TITLE`: what it is, with the command that makes it;
- `PLATFORM`: `windows`, `linux`, or a cloud (hosts.PLATFORMS); exports of one platform and host make one firewall;
- `sniff(source) -> bool`: whether the content is of this format, from the content alone;
- `parse(source, ledger) -> Fragment`: vendor data, and a state for every line in `ledger`;
  raises ExportError where the file is cut or broken, and no other exception whatever the bytes;
- `convert(fragments, options) -> Firewall | None`: one platform's fragments of one
  host as the model, None where they say nothing about that family. Shared by a platform's dialects
  and kept in an underscore module (`_windows.py`, `_linux.py`).

It may have `grouped(fragments) -> tuple[str, ...]` too: the hosts of fragments for which nobody named one;
`STANDS_ALONE`, False where an export only adds to those of a host; and `HOLDS_RULES`, True where such a one may still
hold rules.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Protocol, cast

from msgspec import Struct, field

from validator.errors import ExportError, FactsExportError, UnknownExportError
from validator.model import Firewall
from validator.packets.fields import Family
from validator.source import Ledger, Source


class Fragment(Struct, frozen=True):
    """What one export says, in its vendor's own terms.

    `data` is a frozen dataclass of the dialect; `families` are the address families it can speak
    about (a Windows or cloud export: both; an ip6tables-save: IPv6 only).
    """

    dialect: str
    platform: str
    path: str
    data: object
    families: tuple[Family, ...]


class Options(Struct, frozen=True):
    """How fragments become a firewall.

    `withdrawn` are the names of assumptions.ASSUMPTIONS that the user takes back; `groups` are the
    security groups the site file says the host is in (empty: not told), or what a cloud calls so (network tags,
    service accounts, application security groups, labels); `addresses` the host's own, `interfaces` those of them
    that came with their prefix (`10.20.0.10/16`), and `keywords` the blocks that words for addresses stand for;
    `networks` the site's named networks, whose names may be those of what an export only refers to (a service tag, a
    prefix list).
    """

    host: str
    family: Family
    withdrawn: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Dialect(Protocol):
    """The shape of a dialect module; see the package's docstring."""

    NAME: str
    TITLE: str
    PLATFORM: str

    def sniff(self, source: Source) -> bool: ...

    def parse(self, source: Source, ledger: Ledger) -> Fragment: ...

    def convert(self, fragments: Sequence[Fragment], options: Options) -> Firewall | None: ...


OF_JSON = ("aws_", "azure_", "gcp_")
"""How modules are called that read nothing but JSON. To import them all takes a tenth of a second."""


_READABLE = (
    "what iptables, nftables, ipset, Windows Firewall, AWS, Azure, Google Cloud, Kubernetes, Terraform and "
    "CloudFormation export: `portproof parse --kinds` lists every kind and the command that makes it"
)
_HEAD = 100
_LIKELY = (("-" * 20, "netsh_"), ("\n*filter\n", "iptables_"), ("\ntable ", "nft_"))
"""What stands at the top of the commonest exports, and how the modules are called that are asked first then."""


@cache
def registry() -> tuple[Dialect, ...]:
    """Every dialect, by name."""
    return tuple(sorted(map(_imported, _modules()), key=lambda dialect: dialect.NAME))


def _modules() -> list[str]:
    return [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]


def _imported(name: str) -> Dialect:
    return cast(Dialect, importlib.import_module(f"{__name__}.{name}"))


def detect(source: Source) -> Dialect:
    """The dialect that recognises `source` by its content: one at most does.

    Raises ExportError where none does; the error says what the file looks like, if that is known
    (the `_*lookalikes` modules), and what to run instead.
    """
    head = "\n" + "\n".join(source.lines[:_HEAD]).lstrip()
    json = head[1:2] in ("{", "[")
    likely = tuple(names for mark, names in _LIKELY if mark in head)
    for name in sorted(_modules(), key=lambda name: not name.startswith(likely)):
        if (json or not name.startswith(OF_JSON)) and (dialect := _imported(name)).sniff(source):
            return dialect
    for info in pkgutil.iter_modules(__path__):
        if info.name.endswith("_lookalikes"):
            module = importlib.import_module(f"{__name__}.{info.name}")
            known = module.lookalike(source)
            if known is not None:
                line, what, remedy = known
                facts = hasattr(module, "of_facts") and module.of_facts(line, what)
                raise (FactsExportError if facts else ExportError)(what, remedy, source.path, line)
    raise UnknownExportError("no known kind of firewall export", f"Portproof reads {_READABLE}", source.path, 1)
