"""The words of a rule, put where they belong, as iptables(8) takes them.

An option belongs to the module that was named last and has it (xtables.c `xtables_merge_options`: later options
first), then, shortened, to the module whose option alone it begins (getopt_long), then to the module that the rule's
protocol brings along. What belongs nowhere is not understood. A module or target that is not known
takes every option behind it.
"""

from __future__ import annotations

from validator.dialects._iptables_fields import protocol_number
from validator.dialects._iptables_modules import ALIASES, MODULE_ALIASES, MODULES, OF_PROTOCOL
from validator.dialects._iptables_targets import TARGETS
from validator.dialects._iptables_words import Option, Unclear
from validator.packets.fields import Family

_BASIC = {"-s": 1, "-d": 1, "-i": 1, "-o": 1, "-p": 1, "-m": 1, "-j": 1, "-g": 1, "-f": 0, "-c": 2, "-4": 0, "-6": 0}
_LONG = {
    "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i",
    "--out-interface": "-o", "--protocol": "-p", "--proto": "-p", "--match": "-m", "--jump": "-j",
    "--goto": "-g", "--fragment": "-f", "--fragments": "-f", "--set-counters": "-c", "--ipv4": "-4", "--ipv6": "-6",
}  # fmt: skip


class Line:
    """Words of a rule being put where they belong."""

    def __init__(self, family: Family) -> None:
        self.groups: list[tuple[str, list[Option]]] = []
        self.target: str | None = None
        self.goto = False
        self.target_options: list[Option] = []
        self.skipped = False
        self.shortened = False
        self._family = family
        self._loaded: list[tuple[str, list[Option]]] = []  # modules and the target, in order
        self._protocol = -1

    def read(self, parts: list[str]) -> None:
        """Read all words. Raises Unclear; what was read before stays."""
        at = 0
        while at < len(parts):
            negated = parts[at] == "!"
            at += negated
            if at >= len(parts):
                raise Unclear("the rule ends with !")
            word = parts[at]
            short = word if word in _BASIC else _LONG.get(word)
            if short is not None:
                at = self._basic(short, negated, parts, at + 1)
            elif word.startswith("--"):
                at = self._option(word, negated, parts, at + 1)
            else:
                at = self._stray(word, negated, at)

    def _basic(self, name: str, negated: bool, parts: list[str], at: int) -> int:
        values, negated, at = _values(name, _BASIC[name], negated, parts, at)
        if name == "-m":
            self._load(MODULE_ALIASES.get(values[0], values[0]), negated)
        elif name in ("-j", "-g"):
            if self.target is not None or negated:
                raise Unclear("the rule has two targets" if self.target is not None else f"! before {name}")
            self.target, self.goto = values[0], name == "-g"
            self._loaded.append((f"-j {values[0]}", self.target_options))
        elif name in ("-4", "-6"):
            self.skipped = self.skipped or (name == "-4") is not (self._family is Family.IPV4)
        elif name != "-c":
            if name == "-p" and not negated:
                self._protocol = protocol_number(values[0])
            self.groups.append(("", [Option(name, negated, values)]))
        return at

    def _load(self, module: str, negated: bool) -> None:
        if negated:
            raise Unclear("! before -m")
        options: list[Option] = []
        self.groups.append((module, options))
        self._loaded.append((module, options))

    def _option(self, word: str, negated: bool, parts: list[str], at: int) -> int:
        """A long option: to its owner, with its values."""
        name = ALIASES.get(word, word)
        owner = self._owner(name)
        if owner is None:
            name = self._shortened(name) or name
            if name in _LONG:
                return self._basic(_LONG[name], negated, parts, at)
            owner = self._owner(name)
        if owner is None and self._bring_protocol(name):
            name = self._shortened(name) or name
            owner = self._owner(name)
        if owner is None:
            raise Unclear(f"unknown option {word}")
        module, options = owner
        size = _size(module, name)
        if size is None:  # not known: all words up to the next option are its values
            first = at
            while at < len(parts) and parts[at] != "!" and not (parts[at].startswith("-") and len(parts[at]) > 1):
                at += 1
            values: tuple[str, ...] = tuple(parts[first:at])
        else:
            values, negated, at = _values(name, size, negated, parts, at)
        options.append(Option(name, negated, values))
        return at

    def _owner(self, name: str) -> tuple[str, list[Option]] | None:
        """The module or target named last that has an option, or of which it is not known what it has."""
        for owner in reversed(self._loaded):
            if not _known(owner[0]) or _size(owner[0], name) is not None:
                return owner
        return None

    def _bring_protocol(self, name: str) -> bool:
        """Load the module of the rule's protocol for one of its options, once."""
        module = OF_PROTOCOL.get(self._protocol, "")
        if not module or any(module == each for each, _ in self._loaded):
            return False
        names = MODULES[module].tests
        if any(each.startswith(name) for each in (*names, *ALIASES)):
            self._load(module, False)
            return True
        return False

    def _shortened(self, word: str) -> str:
        """The option that `word` begins, where it is one alone (getopt_long); empty where it is none, or itself."""
        names = set(_LONG)
        for owner, _ in self._loaded:
            if owner.startswith("-j "):
                names |= set(TARGETS[owner[3:]].options)
            else:
                names |= {*MODULES[owner].tests, *MODULES[owner].details}
        names |= {long for long, name in ALIASES.items() if name in names}
        if ALIASES.get(word, word) in names:
            return ""
        found = {ALIASES.get(name, name) for name in names if name.startswith(word)}
        if len({_LONG.get(name, name) for name in found}) != 1:
            return ""
        self.shortened = True
        return found.pop()

    def _stray(self, word: str, negated: bool, at: int) -> int:
        """A word that is no option: only what is not known takes it."""
        if self._loaded and not _known(self._loaded[-1][0]):
            self._loaded[-1][1].append(Option(word, negated, ()))
            return at + 1
        raise Unclear(f"unknown word {word}")


def only_option(parts: list[str]) -> tuple[str, list[Option]] | None:
    """What most pieces of a dump are: a known module with one option of one value, as Line.read gives it."""
    if len(parts) != 4 or parts[0] != "-m" or parts[3] == "!" or parts[2] in _LONG or not parts[2].startswith("--"):
        return None
    module, name = MODULE_ALIASES.get(parts[1], parts[1]), ALIASES.get(parts[2], parts[2])
    if module not in MODULES or MODULES[module].size(name) != 1:
        return None
    return module, [Option(name, False, (parts[3],))]


def only_target(parts: list[str]) -> tuple[str, tuple[Option]] | None:
    """What most pieces with a target are that say more than its name: a known one with one option of one value."""
    if len(parts) != 4 or parts[0] != "-j" or parts[3] in ("", "!") or parts[3][0] == "-":
        return None
    target = TARGETS.get(parts[1])
    if target is None or target.options.get(parts[2]) != 1:
        return None
    return target.name, (Option(parts[2], False, (parts[3],)),)


def _known(owner: str) -> bool:
    return owner[3:] in TARGETS if owner.startswith("-j ") else owner in MODULES


def _size(owner: str, name: str) -> int | None:
    """How many values the option of a module or target takes; None if it has none of that name."""
    if owner.startswith("-j "):
        return TARGETS[owner[3:]].options.get(name) if owner[3:] in TARGETS else None
    return MODULES[owner].size(name) if owner in MODULES else None


def _values(name: str, size: int, negated: bool, parts: list[str], at: int) -> tuple[tuple[str, ...], bool, int]:
    """An option's values, and the sign of negation that old versions put before the first."""
    if size and at < len(parts) and parts[at] == "!":
        if negated:
            raise Unclear(f"{name} is negated twice")
        negated, at = True, at + 1
    if size < 0:
        size = int(at < len(parts) and parts[at] != "!" and not parts[at].startswith("-"))
    if at + size > len(parts):
        raise Unclear(f"{name} lacks its value")
    return tuple(parts[at : at + size]), negated, at + size
