"""`netsh interface portproxy show all` (or `v4tov4`, `v4tov6`, `v6tov4`, `v6tov6`): ports that are forwarded elsewhere.

A table for each pair of families: a title (`Listen on ipv4:             Connect to ipv4:`), a header, a line of
dashes in four columns, and rows of address, port, address, port. Titles and headers are in the language of Windows, so
tables are known by `ipv4`/`ipv6` twice in a title and by the dashes. `*` listens on every address. The IP Helper
service listens and connects anew (Microsoft's "Netsh Interface Portproxy Commands"), so the firewall judges the
listening port.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from validator.dialects import Fragment
from validator.dialects._windows import convert
from validator.dialects._windows_rules import PortProxies, PortProxy
from validator.errors import ExportError, SeveralExportsError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "netsh-portproxy"
TITLE = "netsh interface portproxy show all"
PLATFORM = "windows"
STANDS_ALONE = False

_TITLE = re.compile(r"[^:：]*ipv([46])[^:：]*[:：][^:：]*ipv[46][^:：]*[:：]\s*$", re.IGNORECASE)
_DASHES = re.compile(r"\s*-{5,}\s+-{4,}\s+-{5,}\s+-{4,}\s*$")
_ROW = re.compile(r"\s*(\S+)\s+([0-9]{1,5})\s+(\S+)\s+([0-9]{1,5})\s*$", re.ASCII)
_AGAIN = "run the command again and redirect all of its output into the file"


def sniff(source: Source) -> bool:
    """A title with two families over the dashes of four columns, and nothing else of Windows' firewall."""
    lines = source.lines[:400]
    titles = [number for number, line in enumerate(lines) if _TITLE.match(line)]
    return any(_DASHES.match(line) for start in titles for line in lines[start + 1 : start + 5]) and not any(
        re.match(r"-{20,}\s*$", line) for line in lines
    )


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The port proxies. Raises ExportError for a line in a table that is no row."""
    proxies: list[PortProxy] = []
    inside, family = False, Family.IPV4
    for number, line in enumerate(source.lines, 1):
        title = _TITLE.match(line)
        if title:
            inside, family = False, Family.IPV4 if title[1] == "4" else Family.IPV6
            ledger.mark(number, LineState.IGNORED)
            _head(source, ledger, number)
        elif _DASHES.match(line):
            inside = True
            ledger.mark(number, LineState.IGNORED)
        elif not line.strip():
            inside = False
        elif inside:
            proxies.append(_row(source, number, line, family))
            ledger.mark(number, LineState.MODELLED)
    return Fragment(NAME, PLATFORM, source.path, PortProxies(source.path, tuple(proxies)), tuple(Family))


def refuse_beside(source: Source) -> None:
    """Raises ExportError where a table of port proxies stands in a file of something else."""
    if "- -" not in source.text:
        return
    for number, line in enumerate(source.lines, 1):
        below = source.lines[number] if number < len(source.lines) else ""
        if _DASHES.match(line) and _ROW.match(below):
            problem = "two outputs stand in one file: one is of port proxies"
            raise SeveralExportsError(problem, "pass each output as a file of its own", source.path, number + 1)


def _head(source: Source, ledger: Ledger, title: int) -> None:
    """Mark the header between a title and its dashes. Raises ExportError where the dashes do not follow."""
    for number in range(title + 1, min(title + 5, len(source.lines)) + 1):
        if _DASHES.match(source.lines[number - 1]):
            return
        ledger.mark(number, LineState.IGNORED)
    raise ExportError("a table without its columns: the output is cut", _AGAIN, source.path, title)


def _row(source: Source, number: int, line: str, family: Family) -> PortProxy:
    found = _ROW.match(line)
    if found is None or not all(0 < int(port) < 65536 for port in (found[2], found[4])) or not _is_address(found[1]):
        problem = "a row that is not address, port, address, port"
        raise ExportError(problem, _AGAIN, source.path, number)
    listen, connect = (_plain(found[1]), int(found[2])), (_plain(found[3]), int(found[4]))
    return PortProxy(*listen, *connect, source.span(number), family)


def _plain(text: str) -> str:
    """An address without the brackets of IPv6; the name of a host as it stands."""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _is_address(text: str) -> bool:
    """Whether `text` can be listened on: `*`, an address, or the name of a host."""
    try:
        return text == "*" or bool(ip_address(_plain(text)))
    except ValueError:
        return bool(re.fullmatch(r"(?=.*[a-z])[a-z0-9._-]+", text, re.IGNORECASE | re.ASCII))


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "refuse_beside", "sniff"]
