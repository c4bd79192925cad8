"""`ipset save`: sets of addresses, ports, MAC addresses and interfaces that rules ask about, per ipset(8).

    create NAME TYPE [options]
    add NAME ELEMENT [options]

Files written for `ipset restore` are read too: ranges, `del`, `flush`, `destroy`, `swap`, `rename`, and
the type names and long options of ipset 4 and 5.

A set that was made with `timeout` changes at run time: rules, or programs like fail2ban, add to it, and
elements vanish. So only its elements with timeout 0 (they stay for good) are in it for sure. Whether the others
are still in it is one condition, and whether anything else is by now another one. A set without a timeout
has the members it had when it was exported.

Where one line of a set is not understood, nothing is known of its contents (IpSet.why).
"""

from __future__ import annotations

import re

from validator.dialects import Fragment
from validator.dialects._ipset_elements import DIMENSIONS
from validator.dialects._ipset_reader import OLD_TYPES, WITHOUT_FAMILY, SetInFile, SetReader
from validator.dialects._linux import convert
from validator.dialects._linux_facts import IpSet
from validator.errors import ExportError, SeveralExportsError
from validator.source import Ledger, Source

NAME = "ipset-save"
TITLE = "ipset save"
PLATFORM = "linux"
STANDS_ALONE = False

_CREATE = re.compile(r"\s*(?:create|c|-N|--create|n|new)\s+\S+\s+(\S+)")
_RULE = re.compile(r"-P\s+[A-Z]+\s+(?:ACCEPT|DROP)\s*$|-[AI]\s+\S+\s(?:.*\s)?-[jg]\s")
_SNIFF_LINES = 4000


def sniff(source: Source) -> bool:
    """A `create` line with a type of set."""
    for line in source.lines[:_SNIFF_LINES]:
        match = _CREATE.match(line)
        if match and (match[1] in DIMENSIONS or match[1] in OLD_TYPES):
            return True
    return False


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The sets in `source`. Raises ExportError where it holds none, or rules of iptables as well."""
    reader = SetReader()
    for number, line in enumerate(source.lines, 1):
        if line[:1] == "-" and _RULE.match(line):
            problem = "rules of iptables stand in this file of sets"
            remedy = "pass the sets in a file of their own, and the rules as iptables-save prints them"
            raise SeveralExportsError(problem, remedy, source.path, number)
        ledger.mark(number, reader.read(number, line))
    if not reader.sets:
        raise ExportError("no set is in this file", "run `ipset save` > FILE and pass that file", source.path, 1)
    sets = tuple(_finished(source, each) for each in reader.sets.values())
    return Fragment(NAME, PLATFORM, source.path, sets, ())


def _finished(source: Source, found: SetInFile) -> IpSet:
    family = None if found.type in WITHOUT_FAMILY or not found.type else found.reader.family
    members = () if found.why else tuple(key if isinstance(key, str) else each for key, each in found.members.items())
    passing = frozenset(key for key, each in found.members.items() if isinstance(key, str) and each.temporary)
    return IpSet(
        name=found.name,
        type=found.type,
        family=family,
        members=members,
        span=source.span(found.line),
        why=found.why,
        changes=bool(found.timeout) or any(each.temporary for each in found.members.values()),
        passing=passing,
        markmask=found.markmask,
    )


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
