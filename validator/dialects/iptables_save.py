"""`iptables-save` and `ip6tables-save`: tables of chains of rules, as iptables-restore(8) reads them.

    *table
    :CHAIN POLICY [packets:bytes]
    -A CHAIN matches -j TARGET
    COMMIT

A file may hold several tables, and dumps of both families. A table that comes twice for one family is
two dumps, of two hosts or two moments, and refused. Lines outside tables (a shell prompt, prose around
a pasted dump) change nothing. A line inside a table that is not understood may be any rule of the chain
it names, or of every built-in chain of the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from validator.dialects import Fragment
from validator.dialects._iptables_rules import RuleReader, RuleWords, words
from validator.dialects._linux import convert
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "iptables-save"
TITLE = "iptables-save and ip6tables-save"
PLATFORM = "linux"

_TABLE = re.compile(r"\*(filter|nat|mangle|raw|security|rawpost|broute)\s*$")
_CHAIN = re.compile(r":(\S+)\s+(\S+)(?:\s+\[\d+:\d+\])?\s*$")
_RULE_OUTSIDE = re.compile(r"-A \S+ |:\S+ (?:ACCEPT|DROP|-) \[\d+:\d+\]")
_COUNTERS = re.compile(r"\[\d+:\d+\]\s*")
_V6 = re.compile(
    r"ip6tables-save|\bicmp6|icmpv6|ipv6-icmp|-[sd] (?:! )?[0-9a-fA-F]{0,4}:[0-9a-fA-F:]*[/ ]", re.IGNORECASE
)
_V4 = re.compile(r"(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.])")
_SNIFF_LINES = 4000


@dataclass(frozen=True, slots=True)
class IptRule:
    """A rule as the dump has it; `text` is without counters; `words` None if nothing was understood."""

    line: int
    text: str
    words: RuleWords | None
    why: str = ""


@dataclass(slots=True)
class IptChain:
    """A chain: `policy` is empty for one that users made; `line` is where it is declared."""

    name: str
    policy: str = ""
    line: int = 0
    rules: list[IptRule] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class IptDump:
    """The tables of one family by name; `span` gives a line of the source."""

    family: Family
    source: Source
    tables: Mapping[str, Mapping[str, IptChain]]

    def span(self, line: int) -> Span:
        """The span of a line."""
        return self.source.span(line)


def sniff(source: Source) -> bool:
    """A table header, and chains, rules or a COMMIT behind it."""
    inside = False
    for line in source.lines[:_SNIFF_LINES]:
        text = line.strip()
        if _TABLE.match(text):
            inside = True
        elif inside and (text == "COMMIT" or _CHAIN.match(text) or text.startswith(("-A ", "-I ", "["))):
            return True
    return False


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The dump in `source`. Raises ExportError where it is cut."""
    reader = _Reader(source, ledger)
    dumps = tuple(reader.read())
    families = tuple(dump.family for dump in dumps)
    return Fragment(NAME, PLATFORM, source.path, dumps, families)


class _Reader:
    """Reads the lines of one file, table by table."""

    def __init__(self, source: Source, ledger: Ledger) -> None:
        self._source, self._ledger = source, ledger
        self._tables: dict[Family, dict[str, dict[str, IptChain]]] = {}
        self._readers: dict[Family, RuleReader] = {}

    def read(self) -> list[IptDump]:
        """Every dump of the file, IPv4 first."""
        sections = self._sections()
        if not sections:
            raise ExportError("no table was found", "export it again with iptables-save", self._source.path, 1)
        for number, (start, end) in enumerate(sections):
            self._read_table(start, end, self._family(start, end), number == len(sections) - 1)
        self._mostly_rules()
        order = list(Family)
        return [IptDump(family, self._source, self._tables[family]) for family in sorted(self._tables, key=order.index)]

    def _mostly_rules(self) -> None:
        """Refuse a file whose rules are mostly not understood: it is something else that looks alike."""
        rules = [
            rule
            for tables in self._tables.values()
            for chains in tables.values()
            for chain in chains.values()
            for rule in chain.rules
        ]
        odd = [rule for rule in rules if rule.why]
        if len(odd) > 3 and 2 * len(odd) > len(rules):
            problem = f"{len(odd)} of {len(rules)} rules are not iptables-save rules ({odd[0].why})"
            raise ExportError(problem, "export it again with iptables-save", self._source.path, odd[0].line)

    def _sections(self) -> list[tuple[int, int]]:
        """The first and last line of each table: from `*table` to COMMIT, or to the next table."""
        sections: list[tuple[int, int]] = []
        start = 0
        for number, line in enumerate(self._source.lines, 1):
            first = line[:1]
            if first == "*" and _TABLE.match(line.strip()):
                if start:
                    sections.append((start, number - 1))
                start = number
            elif first == "C" and start and line.strip() == "COMMIT":
                sections.append((start, number))
                start = 0
            elif not start:
                if line.startswith(("-A ", ":")) and _RULE_OUTSIDE.match(line):
                    problem = "a rule outside of any table: the dump is damaged"
                    raise ExportError(problem, "export it again with iptables-save", self._source.path, number)
                self._ledger.mark(number, LineState.IGNORED if first == "#" else LineState.UNREAD)
        if start:
            sections.append((start, len(self._source.lines)))
        return sections

    def _family(self, start: int, end: int) -> Family:
        """The family of a table: what the comment above a dump says, else what its addresses say."""
        for line in range(start - 1, 0, -1):
            text = self._source.lines[line - 1]
            if "Generated by" in text:
                return Family.IPV6 if "ip6tables" in text else Family.IPV4
        body = self._source.lines[start - 1 : end]
        if any(_V6.search(line) for line in body):
            return Family.IPV6
        if any(_V4.search(line) for line in body):
            return Family.IPV4
        whole = self._source.text
        return Family.IPV6 if _V6.search(whole) and not _V4.search(whole) else Family.IPV4

    def _read_table(self, start: int, end: int, family: Family, last: bool) -> None:
        lines, ledger = self._source.lines, self._ledger
        match = _TABLE.match(lines[start - 1].strip())
        assert match is not None, "a section starts with a table"
        if last and lines[end - 1].strip() != "COMMIT":
            problem = f"the table {match[1]} has no COMMIT: the dump is cut"
            raise ExportError(problem, "export it again", self._source.path, end)
        ledger.mark(start, LineState.IGNORED)
        chains: dict[str, IptChain] = {}
        if match[1] in self._tables.get(family, {}):
            problem = f"the table {match[1]} stands here a second time: these are two dumps in one file"
            raise ExportError(problem, "put each dump into a file of its own", self._source.path, start)
        self._tables.setdefault(family, {})[match[1]] = chains
        reader = self._readers.setdefault(family, RuleReader(self._source.path, family))
        for number in range(start + 1, end + 1):
            line = lines[number - 1]
            first = line[:1]
            if first == "-" and line.startswith("-A "):
                self._append(line, number, chains, reader)
            elif first == "#" or line == "COMMIT" or not line.strip():
                ledger.mark(number, LineState.IGNORED)
            elif first == ":":
                self._declare(line, number, chains)
            else:
                self._other(line.strip(), number, chains, reader)

    def _declare(self, line: str, number: int, chains: dict[str, IptChain]) -> None:
        match = _CHAIN.match(line.rstrip())
        if match is None or match[2] not in ("-", "ACCEPT", "DROP", "QUEUE", "REJECT"):
            self._unknown(line, number, chains, "this chain declaration is not understood")
            return
        chain = chains.setdefault(match[1], IptChain(match[1]))
        chain.policy, chain.line = "" if match[2] == "-" else match[2], number
        self._ledger.mark(number, LineState.MODELLED)

    def _append(self, line: str, number: int, chains: dict[str, IptChain], reader: RuleReader) -> None:
        parts = words(line)
        if len(parts) < 2:
            self._unknown(line, number, chains, "this rule names no chain")
            return
        chain = chains.get(parts[1])
        if chain is None:
            chain = chains[parts[1]] = IptChain(parts[1])
        found = reader.read(parts[2:])
        chain.rules.append(IptRule(number, line.strip(), found, found.unclear))
        if found.unclear:
            self._ledger.mark(number, LineState.UNSUPPORTED)
        else:
            self._ledger.mark(number, LineState.CONDITIONAL if found.conditional else LineState.MODELLED)

    def _other(self, text: str, number: int, chains: dict[str, IptChain], reader: RuleReader) -> None:
        """Counters before a rule, the commands of iptables-restore, and what is none of them."""
        text = _COUNTERS.sub("", text, count=1) if text.startswith("[") else text
        command, _, rest = text.partition(" ")
        name = rest.split(" ", 1)[0]
        if command in ("-A", "--append"):
            self._append(f"-A {rest.strip()}", number, chains, reader)
        elif command in ("-I", "--insert") and name:
            self._insert(rest, number, chains, reader)
        elif command in ("-N", "--new-chain", "-X", "-F", "--flush", "-Z") and text.count(" ") <= 1:
            if command in ("-F", "--flush"):
                for each in [chains[name]] if name in chains else list(chains.values()):
                    each.rules.clear()
            elif command in ("-N", "--new-chain"):
                chains.setdefault(name, IptChain(name, "", number))
            self._ledger.mark(number, LineState.MODELLED)
        elif command in ("-P", "--policy") and len(text.split()) == 3 and text.split()[2] in ("ACCEPT", "DROP"):
            chain = chains.setdefault(name, IptChain(name))
            chain.policy, chain.line = text.split()[2], number
            self._ledger.mark(number, LineState.MODELLED)
        elif text.startswith("#") or text == "COMMIT":
            self._ledger.mark(number, LineState.IGNORED)
        else:
            self._unknown(text, number, chains, "this line is not understood")

    def _insert(self, rest: str, number: int, chains: dict[str, IptChain], reader: RuleReader) -> None:
        """`-I CHAIN [n]`: a rule at position n, or at the head."""
        parts = words(rest)
        position = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() and len(parts[1]) < 9 else 0
        self._append(" ".join(["-A", parts[0], *parts[2 if position else 1 :]]), number, chains, reader)
        rules = chains[parts[0]].rules
        rules.insert(max(position - 1, 0), rules.pop())

    def _unknown(self, line: str, number: int, chains: dict[str, IptChain], why: str) -> None:
        """A line of a table that may be any rule: of the chain it names, or of every built-in one."""
        self._ledger.mark(number, LineState.UNSUPPORTED)
        named = [chains[word] for word in line.split() if word in chains]
        built_in = [chain for chain in chains.values() if chain.policy]
        for chain in named[:1] or built_in:
            chain.rules.append(IptRule(number, line.strip(), None, why))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
