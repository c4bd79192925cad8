"""Rule lines of an iptables dump: what each option of a line decides.

Dumps repeat themselves: a line is cut at its one-letter options, and each piece is read once. A piece that does
not stand for itself sends the whole line through the reader of words, which is always right.
"""

from __future__ import annotations

from collections.abc import Sequence

from validator.dialects import _iptables_matches as matches
from validator.dialects._iptables_context import Context
from validator.dialects._iptables_fields import Gaps, addresses, protocol_number
from validator.dialects._iptables_modules import MODULES
from validator.dialects._iptables_options import Line, only_option, only_target
from validator.dialects._iptables_targets import TARGETS, check
from validator.dialects._iptables_words import Group, Option, RuleWords, TargetUse, Unclear, words
from validator.dialects._linux_changes import asks
from validator.dialects._linux_host import Host
from validator.model import FieldMatch, InterfaceMatch, Match
from validator.packets.fields import Family, Field
from validator.source import Span

_COMMENT = ' -m comment --comment "'
_OF_A_FIELD = (FieldMatch, InterfaceMatch)
_SIDES = {"s": Field.SOURCE, "d": Field.DESTINATION}
_LONG, _NOT = "\0", "\1"
"""Stand for the two dashes of a long option in a piece, and for the sign before one of one letter."""
_MOST_PIECES = 1 << 18
_OF_THE_PACKET = frozenset(
    ("", *(name for name, each in MODULES.items() if each.convert in (matches.ports, matches.multiport)))
)
"""The modules of which a match on fields says the same on every host."""


_Piece = tuple[tuple[Group, ...], TargetUse | None, int, tuple[frozenset[int], ...], bool]
"""What a piece of a line says: its groups and target, the protocol it names (else -1), those of which it needs one,
and whether it depends on what no dump tells."""


class RuleReader:
    """Reads rule lines of one dump: `path` names it, `family` decides what an address is."""

    def __init__(self, path: str, family: Family) -> None:
        self._family = family
        self._context = Context(Host("", family), Span(path, 0), dry=True)
        self._pieces: dict[str, _Piece | None] = {}
        self._targets: dict[tuple[str, bool, tuple[Option, ...]], TargetUse] = {}

    def read(self, text: str) -> RuleWords:
        """The rule in `text`, what stands behind `-A CHAIN`. Never raises."""
        return self._quickly(text) or self._carefully(text)

    def said(self, found: RuleWords) -> tuple[object, ...]:
        """What two rules have in common that match and do the same; empty for one that is not understood."""
        if found.why:
            return ()
        decided = sorted(repr(self._decided(group)) for group in found.groups)
        return tuple(decided), found.target and (found.target.name, found.target.goto, found.target.options)

    def _quickly(self, text: str) -> RuleWords | None:
        """The rule from its pieces; None where they do not tell."""
        pieces = _cut(" " + text)
        if pieces is None:
            return None
        groups: tuple[Group, ...] = ()
        target: TargetUse | None = None
        protocol, conditional = -1, False
        needs: tuple[frozenset[int], ...] = ()
        known = self._pieces
        for piece in pieces:
            read = known.get(piece)
            if read is None:
                read = self._piece(piece)
                if read is None:
                    return None
            own, to, named, wanted, open_ended = read
            groups += own
            if to is not None:
                if target is not None:
                    return None
                target = to
            if named >= 0:
                protocol = named
            if wanted:
                needs += wanted
            if open_ended:
                conditional = True
        for wanted_one in needs:
            if protocol not in wanted_one:
                return None
        return RuleWords(groups, target, "", False, conditional)

    def _piece(self, piece: str) -> _Piece | None:
        """What a piece of a line says; None where that cannot be told from it alone."""
        if piece in self._pieces:
            return self._pieces[piece]
        found: _Piece | None = None
        name, _, value = piece.partition(" ")
        alone = value != "" and " " not in value
        try:
            if alone and name in _SIDES:
                match = addresses(_SIDES[name], value, False, self._family)
                option = Option("-" + name, False, (value,))
                found = (Group("", (option,), plain=(match,)),), None, -1, (), False
            elif alone and name == "j" and value not in TARGETS:
                found = (), TargetUse(value), -1, (), False
            else:
                found = self._from_words(_words_of(piece))
        except (Unclear, Gaps):
            pass
        if len(self._pieces) >= _MOST_PIECES:
            self._pieces.clear()
        self._pieces[piece] = found
        return found

    def _from_words(self, parts: list[str]) -> _Piece | None:
        """A piece read word by word. Raises Unclear."""
        only = only_option(parts)
        if only is not None:
            group = self._group(*only)
            if group is None:
                return (), None, -1, (), False
            return (group,), None, -1, (group.needs,) if group.needs else (), group.conditional
        target = only_target(parts)
        if target is not None:
            return (), self._use(target[0], False, target[1]), -1, (), False
        line = Line(self._family)
        line.read(parts)
        groups, why = self._groups(line)
        if why or line.skipped or line.shortened:
            return None
        protocol = next((group.protocol for group in reversed(groups) if group.protocol >= 0), -1)
        needs = tuple(group.needs for group in groups if group.needs)
        return groups, self._target(line), protocol, needs, any(group.conditional for group in groups)

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
        conditional = any(group.conditional for group in groups)
        return RuleWords(groups, target, why, line.skipped and not why, conditional)

    def _target(self, line: Line) -> TargetUse | None:
        """The target, one object for equal ones. Raises Unclear."""
        if line.target is None:
            return None
        return self._use(line.target, line.goto, tuple(line.target_options))

    def _use(self, name: str, goto: bool, options: tuple[Option, ...]) -> TargetUse:
        key = (name, goto, options)
        if key not in self._targets:
            use = TargetUse(name, goto, options)
            check(use, self._context)
            self._targets[key] = use
        return self._targets[key]

    def _groups(self, line: Line) -> tuple[tuple[Group, ...], str]:
        """The groups of a line that are understood, and why another one is not."""
        found: list[Group] = []
        why = ""
        for module, options in line.groups:
            try:
                group = self._group(module, options)
            except Unclear as reason:
                why = why or str(reason)
                continue
            if group is not None:
                found.append(group)
        return tuple(found), why

    def _group(self, module: str, options: Sequence[Option]) -> Group | None:
        """The group that options of a module are, None where it says nothing. Raises Unclear."""
        group = Group(module, tuple(options))
        decided = self._decided(group)
        extension = module == "ah" and self._family is Family.IPV6  # ip6t_ah.c: behind any number of others
        needs = MODULES[module].needs if module in MODULES and not extension else frozenset()
        if module and not decided and not needs:
            return None
        protocol = -1
        if not module and options[0].name == "-p" and not options[0].negated:
            protocol = protocol_number(options[0].values[0])
        conditional = module == "set" or any(map(asks, decided))
        plain = decided if _plain(group, decided) else None
        return Group(module, group.options, needs, protocol, conditional, plain)

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


def _plain(group: Group, decided: tuple[Match, ...]) -> bool:
    """Whether these matches of a group ask nothing of the host, nor of the line. (Two options of one module may
    stand for something else: see _iptables_nft_ports.py.)"""
    if group.module not in _OF_THE_PACKET or len(group.options) > 1:
        return False
    return all(isinstance(match, _OF_A_FIELD) for match in decided)


def _cut(text: str) -> list[str] | None:
    """What stands behind `-A CHAIN`, with the blank before it: without its quoted comment, cut before its options of
    one letter, whose dash is cut off; None where blanks, quotes or escapes ask for the reader of words. What else
    begins with a dash is a piece that says nothing."""
    if "  " in text or "\t" in text or _LONG in text or _NOT in text:
        return None
    if '"' in text:
        before, _, behind = text.partition(_COMMENT)
        comment, closed, rest = behind.partition('"')
        if not closed or '"' in before or '"' in rest or "\\" in comment or rest[:1] not in ("", " "):
            return None
        if before[-1:] == "!":
            return None
        text = before + rest
    text = text.replace(" --", " " + _LONG)
    if "!" in text:
        text = text.replace(" ! -", " -" + _NOT)
    pieces = text.split(" -")
    return None if pieces.pop(0) else pieces


def _words_of(piece: str) -> list[str]:
    """The words of a piece that `_cut` made."""
    words = piece.replace(_LONG, "--").split()
    if not words:
        return ["-"]
    return ["!", "-" + words[0][1:], *words[1:]] if words[0][0] == _NOT else ["-" + words[0], *words[1:]]
