"""Prefix lists: `aws ec2 describe-prefix-lists`, `describe-managed-prefix-lists`, `get-managed-prefix-list-entries`.

EC2 API reference, PrefixList (with Cidrs), ManagedPrefixList (without its entries; where Entries were put into it they
count) and PrefixListEntry. The answer with the entries does not say of which list they are: the name of its file
does (`pl-0123abcd.json`), or a key PrefixListId beside Entries.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from validator.dialects import Fragment
from validator.dialects._aws import convert, grouped
from validator.dialects._aws_data import Facts, PrefixList
from validator.dialects._aws_json import Reader, answer, kind, outer_keys
from validator.dialects._json_positions import Located, load
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "aws-prefix-lists"
TITLE = "aws ec2 get-managed-prefix-list-entries (file named by the list's id), describe-managed-prefix-lists"
PLATFORM = "aws"
STANDS_ALONE = False

_ENTRIES = "aws ec2 get-managed-prefix-list-entries"
_LISTS = "aws ec2 describe-managed-prefix-lists"
_NAME = re.compile(r"pl-[0-9a-z]{3,}")


def sniff(source: Source) -> bool:
    """JSON whose list is called PrefixLists, or that holds Entries with a Cidr."""
    found = kind(source)
    if found == "PrefixLists":
        return True
    if found not in ("Entries", "PrefixListId"):
        return False
    keys = {key for key, _ in outer_keys(source)}
    return "Entries" in keys and keys <= {"Entries", "PrefixListId", "NextToken", "ResponseMetadata", "status_code"}


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The prefix lists in `source`. Raises ExportError where it is no JSON, other JSON, or of no one list."""
    if kind(source) == "PrefixLists":
        found = answer(source, ledger, "PrefixLists", "prefix lists", _LISTS)
        reader = Reader(source.path, ledger, _LISTS)
        lists = tuple(_listed(item, reader, ledger) for item in found.entries)
    else:
        found = answer(source, ledger, "Entries", "entries", _ENTRIES, beside=("PrefixListId",))
        reader = Reader(source.path, ledger, _ENTRIES)
        lists = (PrefixList(_identity(source), _blocks(found.entries, reader), source.path, found.at),)
    facts = Facts(source.path, TITLE, found.complete, prefix_lists=lists if found.complete else ())
    return Fragment(NAME, PLATFORM, source.path, facts, tuple(Family))


def _identity(source: Source) -> str:
    body = load(source)
    body = body.get("data", body) if isinstance(body, Located) else body
    told = body.get("PrefixListId") if isinstance(body, Located) else None
    named = _NAME.findall(PurePath(source.path).name)
    identity = told if isinstance(told, str) and told else named[0] if len(set(named)) == 1 else ""
    if not identity:
        problem = "these entries do not say of which prefix list they are"
        raise ExportError(problem, "name the file by the list's id, as pl-0123abcd.json", source.path, 1)
    return identity


def _listed(item: Located, reader: Reader, ledger: Ledger) -> PrefixList:
    blocks = None
    if item.get("Entries") is not None:
        blocks = _blocks(reader.objects(item, "Entries"), reader)
    elif item.get("Cidrs") is not None:
        blocks = _texts(item, reader)
        ledger.mark(item.at("Cidrs"), LineState.MODELLED)
    return PrefixList(reader.text(item, "PrefixListId", needed=True), blocks, reader.path, item.line)


def _texts(item: Located, reader: Reader) -> tuple[str, ...]:
    """The blocks of Cidrs, a list of texts."""
    listed = item["Cidrs"]
    blocks = []
    for value in listed if isinstance(listed, list) else (None,):
        one = Located(item.at("Cidrs"))
        one["Cidr"] = value
        blocks.append(_cidr(one, reader))
    return tuple(blocks)


def _blocks(entries: tuple[Located, ...], reader: Reader) -> tuple[str, ...]:
    return tuple(_cidr(entry, reader) for entry in entries)


def _cidr(entry: Located, reader: Reader) -> str:
    block = reader.block(entry, "Cidr")
    if not block:
        raise reader.refuse("an entry of a prefix list has no Cidr", entry.line)
    return block


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "grouped", "parse", "sniff"]
