"""One block of a netsh dump as a rule, or as its readings where words have no known meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from validator.dialects import _netsh_words as netsh
from validator.dialects._netsh_blocks import Block, is_ruler
from validator.dialects._netsh_shape import NEEDED, NUMBERS, Shape, shape_of
from validator.dialects._netsh_unknown import readings
from validator.dialects._netsh_vocabulary import WITH_PORTS, Vocabulary
from validator.dialects._windows_matches import has_words
from validator.dialects._windows_rules import PROFILES, IcmpRow, Limit, WindowsRule
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source

_AGAIN = "run the command again and redirect all of its output into the file"
_NAME = bytes((LineState.MODELLED, LineState.MODELLED))
_LISTS = ("local_ip", "remote_ip", "local_port", "remote_port")
_WITH_TYPES = ("icmpv4", "icmpv6", "1", "58")
_TEXTS = ("description", "grouping", "more")
_ICMP_ROW = re.compile(r"\s+(\S+)\s+(\S+)\s*$")


class _Said(Struct, frozen=True):
    """What the words of a rule say; `unknown` are those without a meaning, by field, `why` what is damaged."""

    enabled: bool
    inbound: bool
    action: str
    profiles: tuple[str, ...]
    unknown: Mapping[str, tuple[str, ...]]
    why: str


class _Scope(Struct, frozen=True):
    """The packets of a rule, `any` in every language; `why` is what is wrong with them. `has_words`: they depend on
    what words stand for."""

    local_ip: str
    remote_ip: str
    protocol: str
    local_port: str
    remote_port: str
    why: str
    has_words: bool


class Reader:
    """Reads the blocks of one dump; the ledger learns of every line.

    `ended`: the end of the output stood behind the last block read; `verbose`: every block is of a verbose dump.
    """

    def __init__(self, source: Source, lines: Sequence[str], ledger: Ledger, words: Vocabulary) -> None:
        self._path, self._lines, self._ledger, self._words = source.path, lines, ledger, words
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._plain: dict[str, str] = {}
        self._edges: dict[str, str] = {}
        self._said: dict[tuple[str, ...], _Said] = {}
        self._scopes: dict[tuple[tuple[str | None, ...], bool], _Scope] = {}
        self._limited: dict[tuple[object, ...], tuple[Limit, ...]] = {}
        self.verbose = True
        self.ended = False

    @property
    def ways(self) -> frozenset[bool]:
        """The directions of the rules read, inbound True. Two words that nobody knows are both directions."""
        found = [(said, direction) for (_, direction, *_), said in self._said.items() if not said.why]
        known = frozenset(said.inbound for said, _ in found if "direction" not in said.unknown)
        words = {direction.strip().lower() for said, direction in found if "direction" in said.unknown}
        return frozenset((True, False)) if len(words) + len(known) > 1 else known

    def rules(self, block: Block) -> tuple[WindowsRule, ...]:
        """The rule of a block, or its readings. Raises ExportError where a field is missing."""
        shape = self._shapes.get(block.heads)
        if shape is None:
            shape = self._shapes[block.heads] = shape_of(block.heads, self._words)
            self.verbose = self.verbose and ("program" in shape.at or "security" in shape.at)
        values, odd = block.values, ""
        icmp: tuple[IcmpRow, ...] = ()
        if shape.odd >= 0:
            odd = f"{block.heads[shape.odd]}:{block.values[shape.odd]}"
        self.ended = False
        if block.others or shape.tail < len(shape.keys):
            values, more, icmp = self._others(block, shape)
            odd = odd or more
        if not shape.has_all:
            raise self._missing(block, shape, odd)
        return self._read(block, shape, values, icmp, odd)

    # --- lines that are no fields ------------------------------------------

    def _others(self, block: Block, shape: Shape) -> tuple[tuple[str, ...], str, tuple[IcmpRow, ...]]:
        """The values with their further lines, the first line that is not understood, and the rows of types."""
        values, odd = list(block.values), ""
        table: list[str] = []
        action = block.lines[shape.at["action"]] if "action" in shape.at else 0
        for above, number in block.others:
            line = self._lines[number - 1]
            key = shape.keys[above - 1] if above else ""
            state = LineState.MODELLED
            if action and number > action:
                state = self._behind(number, action, line)
                odd = odd or (line.strip() if state is LineState.CONDITIONAL else "")
            elif key in _TEXTS:
                state = LineState.IGNORED
            elif key == "protocol" and values[above - 1].lower() in _WITH_TYPES and _ICMP_ROW.match(line):
                table.append(line)
            elif key in _LISTS and values[above - 1].endswith(","):
                values[above - 1] += line.strip()
            else:
                state, odd = LineState.UNSUPPORTED, odd or line.strip()
            self._ledger.mark(number, LineState.UNSUPPORTED if state is LineState.CONDITIONAL else state)
        for place in range(shape.tail, len(shape.keys)):
            number = block.lines[place]
            self._ledger.mark(number, LineState.UNSUPPORTED)
            if number == action + 1 or shape.keys[place]:
                odd = odd or self._lines[number - 1].strip()
        rows = tuple(row for line in table if (row := self._icmp_row(line)) is not None)
        headers = len(table) - len(rows)
        if headers > 1 or (headers == 1 and self._icmp_row(table[0]) is not None):
            odd = odd or table[-1].strip()
        return tuple(values), odd, rows

    def _behind(self, number: int, action: int, line: str) -> LineState:
        """The state of a line behind the action: the output's end, or prose; CONDITIONAL where it may be more."""
        if line.strip().lower() in netsh.TERMINATORS:
            self.ended = True
            return LineState.IGNORED
        if is_ruler(line):
            return LineState.CONDITIONAL
        if number > action + 1 or self.ended:
            return LineState.UNSUPPORTED
        cut_name = self._words.name.lower().startswith(line.strip().lower())
        if "end" in self._words.whole or line[:1].isspace() or cut_name:
            return LineState.CONDITIONAL
        self.ended = True
        return LineState.IGNORED

    def _icmp_row(self, line: str) -> IcmpRow | None:
        """A row of the ICMP table, numbers or `Any`; None for another line, such as the table's header."""
        kind, code = line.split()
        if not all(_is_byte(text) or self._words.is_any(text) for text in (kind, code)):
            return None
        return IcmpRow(int(kind) if _is_byte(kind) else None, int(code) if _is_byte(code) else None)

    def _missing(self, block: Block, shape: Shape, odd: str) -> ExportError:
        last = block.lines[-1] if block.lines else block.first
        label = netsh.english(next(key for key in NEEDED if key not in shape.at))
        if odd:
            problem = f"the field {odd[:40]!r} is in no known language ({label} is missing)"
            return ExportError(problem, "run `chcp 437` before netsh, to export in English", self._path, last)
        problem = f"the rule {block.name[:60]!r} has no {label}: the dump is cut or filtered"
        return ExportError(problem, _AGAIN, self._path, last)

    # --- fields ------------------------------------------------------------

    def _read(
        self, block: Block, shape: Shape, values: tuple[str, ...], icmp: tuple[IcmpRow, ...], odd: str
    ) -> tuple[WindowsRule, ...]:
        texts = shape.said(values)
        said = self._said.get(texts)
        if said is None:
            said = self._said[texts] = self._say(*texts)
        key = (shape.scope((*values, None)), bool(icmp))
        scope = self._scopes.get(key)
        if scope is None:
            scope = self._scopes[key] = self._scope(*key)
        bypass = said.action == "bypass"
        limits = self._limits(shape, values, bypass) if shape.limits or bypass else ()
        edge = values[shape.at["edge"]] if "edge" in shape.at else "no"
        why = said.why or scope.why
        if odd or (said.why and scope.why):
            parts = (said.why, scope.why, odd and f"the line {odd[:40]!r} is not understood")
            why = "; ".join(filter(None, parts))
        rule = WindowsRule(
            self._path,
            block.first,
            block.name,
            said.enabled,
            said.inbound,
            said.profiles,
            scope.protocol,
            scope.local_ip,
            scope.remote_ip,
            scope.local_port,
            scope.remote_port,
            said.action,
            icmp,
            limits,
            self._edge(edge),
            why=why,
        )
        if why:
            self._mark(block, shape, LineState.UNSUPPORTED)
        elif limits or said.unknown or scope.has_words:
            self._mark(block, shape, LineState.CONDITIONAL)
        else:
            self._mark(block, shape, LineState.MODELLED)
        return tuple(readings(rule, said.unknown)) if said.unknown and not why else (rule,)

    def _mark(self, block: Block, shape: Shape, state: LineState) -> None:
        """Give the lines of a block their state."""
        end = block.lines[shape.tail - 1] if shape.tail else block.first + 1
        if state is not LineState.MODELLED:
            self._ledger.mark_range(block.first, end, state)
            return
        if end - block.first - 1 == len(shape.states):
            self._ledger.mark_each(block.first, _NAME + shape.states)
            return
        self._ledger.mark_each(block.first, _NAME)
        for line, each in zip(block.lines, shape.states, strict=False):
            self._ledger.mark(line, LineState(each))

    def _say(self, enabled: str, direction: str, action: str, profiles: str) -> _Said:
        """What the words of a rule mean, what has no meaning, and what must be damage."""
        words = {"enabled": enabled, "direction": direction, "action": action}
        meant = {key: netsh.word(key, text) for key, text in words.items()}
        unknown: dict[str, tuple[str, ...]] = {key: (text,) for key, text in words.items() if not meant[key]}
        names = self._profile_names(profiles)
        if "" in names:
            parts = dict.fromkeys(part.strip() for part in profiles.split(","))
            unknown["profiles"] = tuple(part for part in parts if not self._words.profile(part))
            words["profiles"] = profiles
        wrong = [key for key in unknown if key in self._words.whole or not all(unknown[key])]
        why = "; ".join(f"{netsh.english(key)} is {words[key][:40]!r}" for key in wrong)
        open_words = {key: texts for key, texts in unknown.items() if key not in wrong}
        inbound = meant["direction"] == "in"
        return _Said(meant["enabled"] == "yes", inbound, meant["action"], tuple(filter(None, names)), open_words, why)

    def _scope(self, texts: Sequence[str | None], has_types: bool) -> _Scope:
        """The addresses, protocol and ports of a rule, and what is wrong with them."""
        parts = ["any" if text is None else text if text[:1].isdigit() else self._plain_text(text) for text in texts]
        protocol = parts[2].lower()
        wrong = [
            f"{netsh.english(NUMBERS[place])} is empty" for place, part in enumerate(parts) if not part.strip(", ")
        ]
        for place in (3, 4):
            if (texts[place] is None) is (protocol in WITH_PORTS):
                said = "missing" if texts[place] is None else "given"
                wrong.append(f"{netsh.english(NUMBERS[place])} is {said} for protocol {protocol[:20]}")
        if protocol in _WITH_TYPES and not has_types:
            wrong.append(f"the types of protocol {protocol} are missing")
        local_ip, remote_ip, protocol, local_port, remote_port = parts
        conditional = has_words(protocol, (local_ip, remote_ip, local_port, remote_port))
        return _Scope(local_ip, remote_ip, protocol, local_port, remote_port, "; ".join(wrong), conditional)

    def _edge(self, text: str) -> str:
        found = self._edges.get(text)
        if found is None:
            found = self._edges[text] = netsh.word("edge", text) or text
        return found

    def _limits(self, shape: Shape, values: Sequence[str], bypass: bool) -> tuple[Limit, ...]:
        """What limits a rule, found once for all rules that say the same."""
        key = (id(shape), bypass, *[values[place] for place, _ in shape.limits])
        found = self._limited.get(key)
        if found is None:
            found = self._limited[key] = tuple(self._limits_of(shape, values, bypass))
        return found

    def _limits_of(self, shape: Shape, values: Sequence[str], bypass: bool) -> Iterator[Limit]:
        """What limits a rule beyond addresses and ports.

        [MS-FASP] 2.2.34: only authenticated connections bypass block rules, also where a plain dump hides that.
        """
        secure = False
        for place, kind in shape.limits:
            text = values[place]
            if kind == "security":
                if text.lower() != "notrequired":
                    secure = True
                    yield Limit(kind, text)
            elif text and (text[1:2] == ":" or self._plain_text(text) != "any"):  # a path is not any
                yield Limit(kind, text if kind != "other" else f"{shape.heads[place].strip()} is {text}")
        if bypass and not secure:
            yield Limit("security", "bypass")

    def _plain_text(self, text: str) -> str:
        """`any` for the word of any language, else the text."""
        found = self._plain.get(text)
        if found is None:
            found = self._plain[text] = "any" if self._words.is_any(text) else text
        return found

    def _profile_names(self, text: str) -> tuple[str, ...]:
        """The profiles of a list, empty for a word that has no meaning; three words of no whole language are all."""
        parts = [part.strip() for part in text.split(",")]
        names = tuple(self._words.profile(part) for part in parts)
        known = [name for name in names if name]
        apart = len(set(parts)) == len(parts) == len(PROFILES) and len(set(known)) == len(known)
        if "" in names and apart and "profiles" not in self._words.whole:
            return PROFILES
        return names


def _is_byte(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 4 and int(text) < 256
