"""`netsh winhttp show proxy`: the proxy of the machine, and what bypasses it.

    Current WinHTTP proxy settings:

        Proxy Server(s) :  proxy:8080
        Bypass List     :  <local>;*.example.com

`<local>` in the bypass list is "bypass proxy server for local addresses".
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects._windows import convert
from validator.errors import ExportError
from validator.model import Proxy
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "winhttp-proxy"
TITLE = "netsh winhttp show proxy"
PLATFORM = "windows"
STANDS_ALONE = False

_SERVER = re.compile(r"\s*Proxy Server\(s\)\s*:\s*(.*)$", re.IGNORECASE)
_BYPASS = re.compile(r"\s*Bypass List\s*:\s*(.*)$", re.IGNORECASE)
_DIRECT = re.compile(r"\s*Direct access \(no proxy server\)", re.IGNORECASE)
_HEADER = re.compile(r"[^:：]*WinHTTP[^:：]*[:：]\s*$", re.IGNORECASE)


def sniff(source: Source) -> bool:
    """The title, which says WinHTTP in every language, among the first lines."""
    return any(_HEADER.match(line) for line in source.lines[:20])


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The proxy setting. Raises ExportError where the output says neither a server nor direct access."""
    server, bypass = "", ""
    span: Span | None = None
    for number, line in enumerate(source.lines, 1):
        if match := _SERVER.match(line):
            server, span = match[1].strip(), source.span(number)
            ledger.mark(number, LineState.MODELLED)
        elif match := _BYPASS.match(line):
            bypass = match[1].strip()
            ledger.mark(number, LineState.MODELLED)
        elif _DIRECT.match(line):
            span = source.span(number)
            ledger.mark(number, LineState.MODELLED)
        elif not line.strip() or _HEADER.match(line):
            ledger.mark(number, LineState.IGNORED)
    if span is None:
        remedy = "run `chcp 437` before netsh, to export in English"
        raise ExportError("neither a proxy server nor direct access is named", remedy, source.path, 1)
    local = "<local>" in bypass.lower()
    return Fragment(NAME, PLATFORM, source.path, Proxy(server, local, span), tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
