"""Sets of an ipset file being read, command by command."""

from __future__ import annotations

from msgspec import Struct, field

from validator.dialects._ipset_elements import DIMENSIONS, ElementError, ElementReader, address, number
from validator.dialects._iptables_words import Unclear, words
from validator.dialects._linux_facts import SetMember, SetPart
from validator.packets.fields import Family
from validator.source import LineState

OLD_TYPES = {
    "iphash": "hash:ip", "nethash": "hash:net", "ipporthash": "hash:ip,port", "ipportiphash": "hash:ip,port,ip",
    "ipportnethash": "hash:ip,port,net", "ipmap": "bitmap:ip", "macipmap": "bitmap:ip,mac", "portmap": "bitmap:port",
    "setlist": "list:set",
}  # fmt: skip
_COMMANDS = {
    "create": "create", "c": "create", "-N": "create", "--create": "create", "n": "create", "new": "create",
    "add": "add", "a": "add", "-A": "add", "--add": "add", "del": "del", "d": "del", "-D": "del", "--del": "del",
    "flush": "flush", "-F": "flush", "--flush": "flush", "destroy": "destroy", "x": "destroy", "-X": "destroy",
    "swap": "swap", "w": "swap", "-W": "swap", "rename": "rename", "e": "rename", "-E": "rename",
}  # fmt: skip
_EXIST = frozenset(("-exist", "-!", "--exist"))
_VALUED = frozenset(("hashsize", "maxelem", "bucketsize", "initval", "size", "probes", "resize", "gc"))
"""Options of `create` that have a value and change nothing of what is in the set; `range` limits what can be added."""
_FLAGS = frozenset(("counters", "comment", "skbinfo", "forceadd"))
_ELEMENT_VALUED = frozenset(("packets", "bytes", "comment", "skbmark", "skbprio", "skbqueue", "before", "after"))
_NETMASKED = frozenset(("hash:ip", "hash:ip,port", "bitmap:ip"))
_FAMILIES = {"inet": Family.IPV4, "ipv4": Family.IPV4, "inet6": Family.IPV6, "ipv6": Family.IPV6}
WITHOUT_FAMILY = frozenset(("hash:mac", "bitmap:port", "list:set"))
_Entry = tuple[tuple[SetPart, ...] | str, SetMember]
"""An element by what tells it from others: its parts, or the name of a list's member."""


class SetInFile(Struct):
    """A set being read: `timeout` is what its elements get, None where it has none."""

    name: str
    type: str
    line: int
    reader: ElementReader
    timeout: int | None = None
    markmask: int = 0xFFFFFFFF
    why: str = ""
    members: dict[tuple[SetPart, ...] | str, SetMember] = field(default_factory=dict)


class SetReader:
    """Reads the lines of one file in order."""

    def __init__(self) -> None:
        self.sets: dict[str, SetInFile] = {}

    def read(self, line_number: int, line: str) -> LineState:
        """Take one line in; what became of it."""
        try:
            parts = line.split() if '"' not in line else words(line)
        except Unclear as error:
            return self._broken(line_number, line.split(), str(error))
        if parts and parts[0] in _EXIST:
            parts = parts[1:]
        if not parts or parts[0].startswith("#") or parts[0] in ("COMMIT", "quit"):
            return LineState.IGNORED
        command = _COMMANDS.get(parts[0])
        arguments = parts[1:] if parts[-1] not in _EXIST else parts[1:-1]
        if command is None or (not arguments and command not in ("flush", "destroy")):
            return LineState.UNSUPPORTED if self.sets else LineState.IGNORED
        match command:
            case "create":
                return self._create(line_number, arguments)
            case "add" | "del":
                return self._element(line_number, command, arguments)
            case _:
                return self._whole(line_number, command, arguments)

    def _broken(self, line: int, parts: list[str], why: str) -> LineState:
        """A line that is no list of words: nothing is known of the set it names."""
        for name in parts[1:2]:
            found = self.sets.setdefault(name, self._unknown(name, line, why))
            found.why = found.why or f"line {line}: {why}"
        return LineState.UNSUPPORTED

    def _create(self, line: int, arguments: list[str]) -> LineState:
        name = arguments[0]
        kind = arguments[1] if len(arguments) > 1 else ""
        kind = OLD_TYPES.get(kind, kind)
        if kind not in DIMENSIONS:
            self.sets[name] = self._unknown(name, line, f"sets of type {kind or '?'} are not known")
            return LineState.UNSUPPORTED
        before = self.sets.get(name)
        found = SetInFile(name, kind, line, ElementReader(kind, Family.IPV4, Family.IPV4.bits))
        self.sets[name] = found
        if before is not None:
            found.why = f"the set {name} is created a second time in line {line}"
            return LineState.UNSUPPORTED
        try:
            _options(found, arguments[2:])
        except (ElementError, IndexError) as error:
            found.why = f"its options are not understood ({error})"
            return LineState.UNSUPPORTED
        return LineState.CONDITIONAL if found.timeout is not None else LineState.MODELLED

    def _unknown(self, name: str, line: int, why: str) -> SetInFile:
        return SetInFile(name, "", line, ElementReader("", Family.IPV4, 32), why=why)

    def _element(self, line: int, command: str, arguments: list[str]) -> LineState:
        found = self.sets.get(arguments[0])
        if found is None:
            why = "the line that creates it is not in the file"
            found = self.sets[arguments[0]] = self._unknown(arguments[0], line, why)
        if not found.type or len(arguments) < 2:
            found.why = found.why or f"line {line} is not understood"
            return LineState.UNSUPPORTED
        try:
            members = self._members(found, arguments[1], arguments[2:])
            if command == "del":
                self._remove(found, members)
                return LineState.MODELLED
        except ElementError as error:
            found.why = found.why or f"line {line}: {error}"
            return LineState.UNSUPPORTED
        except IndexError:
            found.why = found.why or f"line {line} ends in the middle"
            return LineState.UNSUPPORTED
        state = LineState.MODELLED
        for key, member in members:
            found.members[key] = member
            if member.temporary:
                state = LineState.CONDITIONAL
        return state

    def _remove(self, found: SetInFile, members: list[_Entry]) -> None:
        for key, _ in members:
            if found.members.pop(key, None) is None:
                raise ElementError("it deletes what no line added in this form")

    def _members(self, found: SetInFile, text: str, options: list[str]) -> list[_Entry]:
        nomatch = wildcard = False
        timeout = found.timeout or 0
        at = 0
        while at < len(options):
            word = options[at].removeprefix("--")
            if word == "nomatch":
                nomatch = True
            elif word == "wildcard":
                wildcard = True
            elif word == "timeout":
                at += 1
                timeout = number(options[at])
            elif word in _ELEMENT_VALUED:
                at += 1
                options[at]
            else:
                raise ElementError(f"unknown option {options[at]}")
            at += 1
        temporary = timeout > 0
        if found.type == "list:set":
            return [(text, SetMember((), nomatch, temporary))]
        return [(parts, SetMember(parts, nomatch, temporary)) for parts in found.reader.read(text, wildcard)]

    def _whole(self, line: int, command: str, arguments: list[str]) -> LineState:
        """Commands on whole sets; without a name `flush` and `destroy` are about all of them."""
        names = arguments or list(self.sets)
        if command in ("swap", "rename") and len(arguments) != 2:
            return LineState.UNSUPPORTED
        first = self.sets.get(names[0]) if names else None
        second = self.sets.get(names[1]) if len(names) > 1 else None
        match command:
            case "flush":
                for each in [self.sets[name] for name in names if name in self.sets]:
                    each.members.clear()
            case "destroy":
                for name in names:
                    self.sets.pop(name, None)
            case "rename" if first is not None and second is None:
                del self.sets[first.name]
                first.name = names[1]
                self.sets[first.name] = first
            case "swap" if first is not None and second is not None:
                first.name, second.name = second.name, first.name
                self.sets[first.name], self.sets[second.name] = first, second
            case _:
                for name in arguments:
                    why = f"line {line} is about a set that no line of the file creates"
                    self.sets.setdefault(name, self._unknown(name, line, why)).why = why
                return LineState.UNSUPPORTED
        return LineState.MODELLED


def _options(found: SetInFile, options: list[str]) -> None:
    """The options of `create`. Raises ElementError, or IndexError where one lacks its value."""
    at = 0
    family, prefix = Family.IPV4, ""
    while at < len(options):
        word = options[at].removeprefix("--")
        if word in _FLAGS:
            at += 1
            continue
        if word in ("-4", "-6"):
            family = Family.IPV4 if word == "-4" else Family.IPV6
            at += 1
            continue
        value = options[at + 1]
        at += 2
        if word == "family":
            if value not in _FAMILIES:
                raise ElementError(f"unknown family {value}")
            family = _FAMILIES[value]
        elif word == "timeout":
            found.timeout = number(value)
        elif word == "markmask":
            found.markmask = number(value)
        elif word in ("netmask", "bitmask"):
            prefix = value
        elif word not in _VALUED and word not in ("range", "from", "to"):
            raise ElementError(f"unknown option {word}")
    length = _prefix_length(prefix, family) if prefix else family.bits
    if prefix and found.type not in _NETMASKED:
        raise ElementError(f"netmask of a set of type {found.type}")
    found.reader = ElementReader(found.type, family, length)


def _prefix_length(text: str, family: Family) -> int:
    """A netmask as the length of a prefix. Raises ElementError where it has gaps."""
    if text.isascii() and text.isdigit() and len(text) < 4:
        length = int(text)
    else:
        mask = address(text, family)
        length = mask.bit_count()
        if mask != ((1 << length) - 1) << (family.bits - length):
            raise ElementError(f"the mask {text} has gaps")
    if not 0 < length <= family.bits:
        raise ElementError(f"{text} is no netmask")
    return length
