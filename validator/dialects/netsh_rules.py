"""`netsh advfirewall firewall show rule name=all [dir=in|out] [verbose]`, in any language.

A rule is a block: its name, a line of dashes, then `label: value` lines; ICMP rules have an indented table of types
and codes. Verbose dumps add program, service, interface types and more. The facts are Microsoft's "netsh advfirewall
firewall" reference, and what real dumps show where that is silent. Where a prompt with the command stands above the
dump, it counts: a dump of some rules only is refused, one of one direction covers that one. Without a command it covers
the directions of its rules.

`netsh advfirewall monitor show firewall rule` shows the rules that are active at the moment. No output of it was
found; it is refused where the command stands above it, and where its blocks are not those of `show rule`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects import _netsh_words as netsh
from validator.dialects._netsh_blocks import Block, blocks, is_ruler, names, plain_lines
from validator.dialects._netsh_rule import Reader
from validator.dialects._netsh_vocabulary import vocabulary
from validator.dialects._windows import convert
from validator.dialects._windows_rules import LOCAL, PLAIN_HIDES, VERBOSE_HIDES, WindowsRules
from validator.dialects.netsh_portproxy import refuse_beside
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source

NAME = "netsh-rules"
TITLE = "netsh advfirewall firewall show rule name=all [verbose]"
PLATFORM = "windows"

_AGAIN = "run the command again and redirect all of its output into the file"
_WHOLE = "run netsh advfirewall firewall show rule name=all verbose and pass its output"
_COMMAND = re.compile(r"[^|<>]*>\s*netsh\b(?P<words>.*\bshow\s+(firewall\s+)?rule\b)(?P<options>.*)", re.IGNORECASE)
_OPTION = re.compile(r'([a-z]+)\s*=\s*("[^"]*"|\S+)', re.IGNORECASE)
_FIELDS = 8
"""A plain block has at least so many fields; without a table it is a rule where one of them is a protocol."""


def sniff(source: Source) -> bool:
    """A rule name over a line of dashes; a block of that shape in any language; or labels that a filter left of it."""
    head = replace(source, lines=source.lines[:400])
    lines = plain_lines(head)
    starts = names(lines)
    if any(netsh.label(lines[start - 1].partition(":")[0]) == "name" for start in starts):
        return True
    if any(_is_rule(block) for block in blocks(lines, starts)):
        return True
    labels = [netsh.label(line.partition(":")[0]) for line in lines if ":" in line]
    filtered = labels.count("name") > 1 and len(set(labels) - {""}) > 1
    return filtered or any(line.strip().lower() in netsh.NO_MATCH for line in lines[:20])


def _is_rule(block: Block) -> bool:
    """Whether a block in an unknown language may be a rule: enough fields right below its name, one a protocol."""
    values = [value.lower() for value in block.values[:9]]
    together = list(block.lines[:_FIELDS]) == list(range(block.first + 2, block.first + 2 + _FIELDS))
    return together and any(value in ("tcp", "udp") for value in values[6:])


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The rules in `source`. Raises ExportError where blocks were cut, filtered away, or are in an unknown form.

    A file without the last line of the output is cut too: block rules may be missing, which override.
    """
    lines = plain_lines(source)
    starts, label = _names(lines)
    if not starts:
        raise _nothing(source, lines)
    refuse_beside(source)
    _check_head(source, lines, starts[0])
    commands = _covers(source, lines, ledger)
    dump = tuple(blocks(lines, starts))
    reader = Reader(source, lines, ledger, vocabulary(dump, label))
    rules = tuple(rule for block in dump for rule in reader.rules(block))
    if not reader.ended:
        problem = "the dump does not end with `Ok.`: it is cut, and rules may be missing"
        raise ExportError(problem, _AGAIN, source.path, len(lines))
    covers = commands or tuple(side for side in LOCAL if (side == LOCAL[0]) in reader.ways)
    data = WindowsRules(source.path, rules, VERBOSE_HIDES if reader.verbose else PLAIN_HIDES, covers)
    return Fragment(NAME, PLATFORM, source.path, data, (Family.IPV4, Family.IPV6))


def _names(lines: Sequence[str]) -> tuple[list[int], str]:
    """The lines of the rules' names, and their label: a known one, or the one that all lines over dashes have."""
    heads = {start: lines[start - 1].partition(":")[0] for start in names(lines)}
    labels = {head for head in set(heads.values()) if netsh.label(head) == "name"}
    known = [start for start, head in heads.items() if head in labels]
    if not known and len(set(heads.values())) == 1:
        known = list(heads)
    return known, heads[known[0]] if known else ""


def _nothing(source: Source, lines: Sequence[str]) -> ExportError:
    for number, line in enumerate(lines, 1):
        if line.strip().lower() in netsh.NO_MATCH:
            return ExportError("the command found no rule", _WHOLE, source.path, number)
    return ExportError("the rules' blocks were filtered away (findstr, grep)", _AGAIN, source.path, 1)


def _check_head(source: Source, lines: Sequence[str], start: int) -> None:
    """Raises ExportError where something of a rule, or another output, is left above the first rule's name."""
    above = list(enumerate(lines[: start - 1], 1))
    left = [number for number, line in above if is_ruler(line)]
    labels = [number for number, line in above if netsh.label(line.partition(":")[0])]
    if left and not labels and lines[left[0] - 2].strip().endswith(":"):
        problem, remedy = "two outputs stand in one file", "pass each output as a file of its own"
        raise ExportError(problem, remedy, source.path, left[0] - 1)
    if left or len(labels) > 1:
        number = min(left + labels)
        raise ExportError("a rule without its name: the dump is damaged", _AGAIN, source.path, number)


def _covers(source: Source, lines: Sequence[str], ledger: Ledger) -> tuple[str, ...]:
    """Which rules the dump holds, by the commands at the prompts in it; empty where there are none.

    Raises ExportError where a command shows some rules only.
    """
    ways: set[str] = set()
    prompts = [(number, line) for number, line in enumerate(lines, 1) if ">" in line] if ">" in source.text else []
    for number, line in prompts:
        found = _COMMAND.match(line) if "netsh" in line.lower() else None
        if found is None:
            continue
        options = {key.lower(): text.strip('"').lower() for key, text in _OPTION.findall(found["options"])}
        some = options.get("name", "all") != "all" or bool(options.keys() & {"profile", "type"})
        if some or "monitor" in found["words"].lower() or "|" in found["options"]:
            raise ExportError("the command shows only some of the rules", _WHOLE, source.path, number)
        way = options.get("dir", "")
        ways.update((f"local-{way}",) if way in ("in", "out") else LOCAL)
        ledger.mark(number, LineState.IGNORED)
    return tuple(sorted(ways))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
