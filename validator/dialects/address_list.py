"""A file of addresses, one a line: the contents of the set that has the file's name, as people keep them.

    # partners
    192.0.2.7
    198.51.100.0/24
    203.0.113.10-203.0.113.20   # their office

Nothing but addresses, blocks, ranges and comments (`#`, `;`) may stand in it. `partners.txt` is the set `partners`.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from validator.dialects import Fragment
from validator.dialects._ipset_elements import ElementError, address_range, prefixes
from validator.dialects._linux import convert
from validator.dialects._linux_facts import IpSet, SetMember
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "address-list"
TITLE = "a list of addresses (the contents of the set of that name)"
PLATFORM = "linux"
STANDS_ALONE = False

_SHAPE = re.compile(
    r"\s*(?:(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2}|-(?:\d{1,3}\.){3}\d{1,3})?"
    r"|(?=[0-9A-Fa-f]*:[0-9A-Fa-f:]*:|[0-9A-Fa-f]*::)[0-9A-Fa-f:.]+(?:/\d{1,3}|-[0-9A-Fa-f:.]+)?)\s*(?:[#;].*)?",
    re.ASCII,
)
_COMMENT = re.compile(r"\s*(?:[#;].*)?")


def sniff(source: Source) -> bool:
    """Every line an address, block or range, a comment or blank, and one address at least."""
    found = False
    for line in source.lines:
        if _SHAPE.fullmatch(line):
            found = True
        elif not _COMMENT.fullmatch(line):
            return False
    return found


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The set: one of each family that the list has. Raises ExportError for a line that is no address."""
    members: dict[Family, list[SetMember]] = {}
    first: dict[Family, int] = {}
    for number, line in enumerate(source.lines, 1):
        text = re.split("[#;]", line, maxsplit=1)[0].strip()
        if not text:
            ledger.mark(number, LineState.IGNORED)
            continue
        family = Family.IPV6 if ":" in text else Family.IPV4
        try:
            low, high = address_range(text, family)
        except ElementError as error:
            remedy = "write one address, block or range a line"
            raise ExportError(str(error), remedy, source.path, number) from None
        blocks = prefixes(low, high, family) if "-" in text else [(low, high)]
        members.setdefault(family, []).extend(SetMember((block,)) for block in blocks)
        first.setdefault(family, number)
        ledger.mark(number, LineState.MODELLED)
    if not members:
        raise ExportError("no address is in this list", "write one address, block or range a line", source.path, 1)
    name = PurePosixPath(source.path).stem
    sets = tuple(
        IpSet(name, "hash:net", family, tuple(members[family]), source.span(first[family]))
        for family in sorted(members)
    )
    return Fragment(NAME, PLATFORM, source.path, sets, ())


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
