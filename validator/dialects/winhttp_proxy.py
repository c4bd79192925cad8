"""`netsh winhttp show proxy`: the proxy of the machine, and what bypasses it, in any language.

    Current WinHTTP proxy settings:

        Proxy Server(s) :  proxy:8080
        Bypass List     :  <local>;*.example.com

Below the title, which says WinHTTP everywhere, stand either two lines with a colon, the servers and then the bypass
list, or one sentence without, `Direct access (no proxy server).`; the Japanese one, with the same brackets, is the
other that was found. `<local>` in the bypass list is "bypass proxy server for local addresses", and is not translated.
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects._netsh_titles import commands
from validator.dialects._windows import convert
from validator.dialects.netsh_portproxy import refuse_beside
from validator.errors import ExportError
from validator.model import Proxy
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "winhttp-proxy"
TITLE = "netsh winhttp show proxy"
PLATFORM = "windows"
STANDS_ALONE = False

_HEADER = re.compile(r"[^:：>]*WinHTTP[^:：]*[:：]\s*$", re.IGNORECASE)
_PAIR = re.compile(r"\s*([^:：<>\\]*\S)\s*[:：]\s*(.*?)\s*$")
_DIRECT = re.compile(r"\s*[^:：<>\\/=]*[^\s:：<>\\/=]\s*[(（][^:：<>\\/=)）]+[)）]\s*[.。]?\s*$")
_SERVERS = re.compile(r"[^\s<>()]+(\s[^\s<>()=]+=[^\s<>()]+)*$")


def sniff(source: Source) -> bool:
    """The title, which says WinHTTP in every language, among the first lines."""
    return any(_HEADER.match(line) for line in source.lines[:20])


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The proxy setting. Raises ExportError where the output says neither a server nor direct access, or says both."""
    refuse_beside(source)
    start = next((number for number, line in enumerate(source.lines, 1) if _HEADER.match(line)), 1)
    shown = {number for number, _ in commands(source.lines)}
    pairs: list[tuple[int, str, str]] = []
    direct: list[int] = []
    for number, line in enumerate(source.lines, 1):
        pair = _PAIR.match(line)
        if number == start or number in shown or not line.strip():
            ledger.mark(number, LineState.IGNORED)
        elif number > start and pair and len(pairs) < 2 and not direct:
            pairs.append((number, pair[1].lower(), pair[2]))
            ledger.mark(number, LineState.MODELLED)
        elif number > start and _DIRECT.match(line) and not pairs and not direct:
            direct.append(number)
            ledger.mark(number, LineState.MODELLED)
    if not direct and len(pairs) != 2 and [label for _, label, _ in pairs] != ["proxy server(s)"]:
        remedy = "run `chcp 437` before netsh, to export in English"
        raise ExportError("neither a proxy server nor direct access is named", remedy, source.path, start)
    if direct:
        return _fragment(source, "", False, source.span(direct[0]))
    number, _, server = pairs[0]
    bypass = pairs[-1][2] if len(pairs) == 2 else ""
    if not _SERVERS.match(server):
        problem, remedy = (
            f"the proxy server {server[:40]!r} is none",
            "run `chcp 437` before netsh, to export in English",
        )
        raise ExportError(problem, remedy, source.path, number)
    return _fragment(source, server, "<local>" in bypass.lower(), source.span(number))


def _fragment(source: Source, server: str, local: bool, span: Span) -> Fragment:
    return Fragment(NAME, PLATFORM, source.path, Proxy(server, local, span), tuple(Family))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
