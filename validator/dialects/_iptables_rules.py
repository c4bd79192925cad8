"""Rule lines of an iptables dump: what each option of a line decides.

Dumps repeat themselves: a line is cut at its one-letter options, and each piece is read once. A piece that does
not stand for itself sends the whole line through the reader of words, which is always right.
"""

from __future__ import annotations

import re

from validator.dialects import _iptables_matches as matches
from validator.dialects._iptables_context import Context
from validator.dialects._iptables_fields import Gaps, addresses, protocol_number
from validator.dialects._iptables_modules import MODULES
from validator.dialects._iptables_options import Line
from validator.dialects._iptables_targets import TARGETS, check
from validator.dialects._iptables_words import Group, Option, RuleWords, TargetUse, Unclear, words
from validator.dialects._linux_host import Host
from validator.model import AnyOf, ConditionMatch, Match, NoneOf
from validator.packets.fields import Family, Field
from validator.source import Span

_PIECES = re.compile(r"(?<!!) (?=(?:! )?-[a-zA-Z46] )")
_COMMENT = " -m comment --comment "
_MOST_PIECES = 1 << 18


class RuleReader:
    """Reads rule lines of one dump: `path` names it, `family` decides what an address is."""

    def __init__(self, path: str, family: Family) -> None:
        self._family = family
        self._context = Context(Host("", family), Span(path, 0), dry=True)
        self._pieces: dict[str, tuple[tuple[Group, ...], TargetUse | None] | None] = {}
        self._targets: dict[tuple[str, bool, tuple[Option, ...]], TargetUse] = {}

    def read(self, text: str) -> RuleWords:
        """The rule in `text`, what stands behind `-A CHAIN`. Never raises."""
        text = text.strip()
        found = self._quickly(text)
        return found if found is not None else self._carefully(text)

    def said(self, found: RuleWords) -> tuple[object, ...]:
        """What two rules have in common that match and do the same; empty for one that is not understood."""
        if found.why:
            return ()
        decided = sorted(repr(self._decided(group)) for group in found.groups)
        return tuple(decided), found.target and (found.target.name, found.target.goto, found.target.options)

    def _quickly(self, text: str) -> RuleWords | None:
        """The rule from its pieces; None where they do not tell."""
        if "\t" in text or "  " in text:
            return None
        if '"' in text:
            shorter = _without_comments(" " + text)
            if shorter is None:
                return None
            text = shorter
        groups: list[Group] = []
        target: TargetUse | None = None
        known = self._pieces
        for piece in _PIECES.split(text):
            try:
                read = known[piece]
            except KeyError:
                read = self._piece(piece)
            if read is None:
                return None
            groups += read[0]
            if read[1] is not None:
                if target is not None:
                    return None
                target = read[1]
        protocol = -1
        for group in groups:
            if group.protocol >= 0:
                protocol = group.protocol
        for group in groups:
            if group.needs and protocol not in group.needs:
                return None
        return RuleWords(tuple(groups), target)

    def _piece(self, piece: str) -> tuple[tuple[Group, ...], TargetUse | None] | None:
        """What a piece of a line says; None where that cannot be told from it alone."""
        found: tuple[tuple[Group, ...], TargetUse | None] | None = None
        parts = piece.split()
        try:
            if len(parts) == 2 and parts[0] in ("-s", "-d"):
                option = Option(parts[0], False, (parts[1],))
                side = Field.SOURCE if parts[0] == "-s" else Field.DESTINATION
                addresses(side, parts[1], False, self._family)
                found = (Group("", (option,)),), None
            elif len(parts) == 2 and parts[0] == "-j" and parts[1] not in TARGETS:
                found = (), TargetUse(parts[1])
            else:
                line = Line(self._family)
                line.read(parts)
                groups, why = self._groups(line)
                if not (why or line.skipped or line.shortened):
                    found = groups, self._target(line)
        except (Unclear, Gaps):
            pass
        if len(self._pieces) >= _MOST_PIECES:
            self._pieces.clear()
        self._pieces[piece] = found
        return found

    def _carefully(self, text: str) -> RuleWords:
        """The rule, read word by word."""
        line = Line(self._family)
        why = ""
        try:
            line.read(words(text))
        except Unclear as reason:
            why = str(reason)
        groups, odd = self._groups(line)
        why = why or odd
        protocol = max((group.protocol for group in groups), default=-1)
        for group in groups:
            if group.needs and protocol not in group.needs and not why:
                why = f"-m {group.module} stands without the protocol it needs"
        target = None
        try:
            target = self._target(line)
        except Unclear as reason:
            why = why or str(reason)
        return RuleWords(groups, target, why, line.skipped and not why)

    def _target(self, line: Line) -> TargetUse | None:
        """The target, one object for equal ones. Raises Unclear."""
        if line.target is None:
            return None
        key = (line.target, line.goto, tuple(line.target_options))
        if key not in self._targets:
            use = TargetUse(*key[:2], key[2])
            check(use, self._context)
            self._targets[key] = use
        return self._targets[key]

    def _groups(self, line: Line) -> tuple[tuple[Group, ...], str]:
        """The groups of a line that are understood, and why another one is not."""
        found: list[Group] = []
        why = ""
        for module, options in line.groups:
            group = Group(module, tuple(options))
            try:
                decided = self._decided(group)
            except Unclear as reason:
                why = why or str(reason)
                continue
            needs = MODULES[module].needs if module in MODULES else frozenset()
            if module and not decided and not needs:
                continue  # it says nothing
            protocol = -1
            if not module and options[0].name == "-p" and not options[0].negated:
                protocol = protocol_number(options[0].values[0])
            conditional = module == "set" or any(_open(match) for match in decided)
            found.append(Group(module, tuple(options), needs, protocol, conditional))
        return tuple(found), why

    def _decided(self, group: Group) -> tuple[Match, ...]:
        return decided(group, self._context)


def decided(group: Group, context: Context) -> tuple[Match, ...]:
    """The matches that stand for a group of options. Raises Unclear."""
    if not group.module:
        return matches.basic(group.options[0], context)
    module = MODULES.get(group.module)
    if module is None:
        return matches.unknown_module(group, context)
    return module.convert(module, group, context)


def _open(match: Match) -> bool:
    """Whether a match asks for a condition that no assumption settles."""
    match match:
        case ConditionMatch():
            return match.condition.assumption is None
        case AnyOf():
            return any(_open(part) for parts in match.alternatives for part in parts)
        case NoneOf():
            return any(_open(part) for part in match.matches)
    return False


def _without_comments(text: str) -> str | None:
    """The line without its quoted comments; None where other words are quoted or a comment has escapes."""
    if "\\" in text:
        return None
    parts = text.split('"')
    if len(parts) % 2 == 0:
        return None
    kept = []
    for before in parts[0:-1:2]:
        if not before.endswith(_COMMENT):
            return None
        kept.append(before[: -len(_COMMENT)])
    if parts[-1] and not parts[-1].startswith(" "):
        return None
    return "".join((*kept, parts[-1])).strip()
