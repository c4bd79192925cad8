"""One rule line of an iptables dump: its words, and what they match and do.

The words of a rule are read left to right. Options that are decided exactly become matches at once;
the options of any other module are gathered into one condition. Groups of words repeat in dumps,
so each (option, value) is made once and shared.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from validator.dialects import _iptables_matches as matches
from validator.dialects._iptables_matches import Unclear
from validator.model import Match
from validator.packets.fields import Family, Field

_WORDS = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


def words(line: str) -> list[str]:
    """The words of a line; a quoted word loses its quotes and escapes."""
    if '"' not in line:
        return line.split()
    return [bare or re.sub(r"\\(.)", r"\1", quoted) for quoted, bare in _WORDS.findall(line)]


@dataclass(slots=True)
class RuleWords:
    """A rule being read: what it matches so far, its target, and what was not understood."""

    matches: list[Match] = field(default_factory=list)
    target: str = ""
    target_options: list[str] = field(default_factory=list)
    goto: bool = False
    unclear: str = ""
    conditional: bool = False


_S, _D = Field.SOURCE_PORT, Field.DESTINATION_PORT
_PORT_OPTIONS: dict[str, Field | None] = {
    "--sport": _S, "--source-port": _S, "--sports": _S, "--source-ports": _S,
    "--dport": _D, "--destination-port": _D, "--dports": _D, "--destination-ports": _D,
    "--ports": None, "--port": None,
}  # fmt: skip
_ADDRESS_OPTIONS = {
    "-s": Field.SOURCE, "--source": Field.SOURCE, "--src": Field.SOURCE,
    "-d": Field.DESTINATION, "--destination": Field.DESTINATION, "--dst": Field.DESTINATION,
}  # fmt: skip
_INTERFACE_OPTIONS = {
    "-i": Field.IN_INTERFACE, "--in-interface": Field.IN_INTERFACE,
    "-o": Field.OUT_INTERFACE, "--out-interface": Field.OUT_INTERFACE,
}  # fmt: skip
_EXACT_MODULES = frozenset(
    ("tcp", "udp", "sctp", "dccp", "udplite", "multiport", "mport", "icmp", "icmp6", "icmpv6", "ipv6-icmp")
    + ("iprange", "mac", "state", "conntrack", "comment", "standard")
)
_BASE_OPTIONS = frozenset(
    ("-s", "-d", "-i", "-o", "-p", "-m", "-j", "-g", "-f", "-c", "-4", "-6", "--source", "--src")
    + ("--destination", "--dst", "--in-interface", "--out-interface", "--protocol", "--proto", "--match")
    + ("--jump", "--goto", "--fragment", "--set-counters", "--ipv4", "--ipv6")
)


class RuleReader:
    """Reads rule lines of one dump: `path` names it in conditions, `family` decides addresses."""

    def __init__(self, path: str, family: Family) -> None:
        self._path, self._family = path, family
        self._made: dict[tuple[str, ...], Match | None] = {}

    def read(self, parts: list[str]) -> RuleWords:
        """The rule in `parts`, the words after `-A CHAIN`. Never raises."""
        found = RuleWords()
        try:
            self._read(parts, found)
        except Unclear as reason:
            found.unclear = str(reason)
        except IndexError:
            found.unclear = "the rule ends in the middle of an option"
        return found

    def _read(self, parts: list[str], found: RuleWords) -> None:
        at, module = 0, ""
        gathered: list[str] = []
        flipped = False
        while at < len(parts):
            word = parts[at]
            negated = word == "!"
            if negated:
                at += 1
                word = parts[at]
            if word in _BASE_OPTIONS or word == "--comment":
                self._close(module, gathered, flipped, found)
                gathered, flipped = [], False
            if word in ("-m", "--match"):
                module = parts[at + 1]
                at += 2
                if module not in _EXACT_MODULES:
                    gathered, flipped = [""], False
                continue
            if word in ("-j", "-g", "--jump", "--goto"):
                at = self._target(parts, at, found)
                module = ""
                continue
            taken = self._option(word, parts, at, negated, module, found)
            if taken:
                at += taken
                continue
            if not module and not word.startswith("--"):
                raise Unclear(f"unknown word {word}")
            gathered = gathered or [""]
            gathered.append(word)
            flipped = flipped or negated
            at += 1
        self._close(module, gathered, flipped, found)

    def _close(self, module: str, gathered: list[str], flipped: bool, found: RuleWords) -> None:
        """The options of a module that is not decided exactly, as one match."""
        if not gathered:
            return
        text = " ".join(gathered[1:])
        key = ("module", module, text, str(flipped))
        if key not in self._made:
            self._made[key] = matches.module_match(module or "option", text, flipped, self._path)
        self._add(self._made[key], found)
        if matches.NOMINAL.get(module, _open)(text) is None:
            found.conditional = True

    def _add(self, match: Match | None, found: RuleWords) -> None:
        if match is not None:
            found.matches.append(match)

    def _option(self, word: str, parts: list[str], at: int, negated: bool, module: str, found: RuleWords) -> int:
        """Read an option that is decided exactly; how many words it took, 0 if it is not one."""
        if word == "--comment":
            parts[at + 1]
            return 2
        if word in ("-4", "-6", "--ipv4", "--ipv6"):
            return 1
        if word in ("-c", "--set-counters"):
            return 3
        if word in ("-f", "--fragment"):
            self._add(matches.nominal("-f (a fragment)", self._path, False, "unfragmented", not negated), found)
            return 1
        if word in ("--syn", "--tcp-flags") and module in ("tcp", ""):
            size = 1 if word == "--syn" else 3
            mask, wanted = ("FIN,SYN,RST,ACK", "SYN") if size == 1 else (parts[at + 1], parts[at + 2])
            if mask == "!":  # the old place of the sign
                return 1 + self._option(word, [word, *parts[at + 2 :]], 0, True, module, found)
            self._add(matches.tcp_flags(mask, wanted, negated), found)
            return size
        make = self._maker(word, module)
        if make is None:
            return 0
        value, taken = parts[at + 1], 2
        if value == "!":
            negated, value, taken = not negated, parts[at + 2], 3
        key = (word, value, str(negated))
        if key not in self._made:
            self._made[key] = make(value, negated)
        self._add(self._made[key], found)
        return taken

    def _maker(self, word: str, module: str) -> Callable[[str, bool], Match | None] | None:
        """What makes a match of the value of `word` in `module`."""
        if word in _ADDRESS_OPTIONS:
            return lambda value, no: matches.addresses(_ADDRESS_OPTIONS[word], value, no, self._family)
        if word in _INTERFACE_OPTIONS:
            return lambda value, no: matches.interface(_INTERFACE_OPTIONS[word], value, no)
        if word in ("-p", "--protocol", "--proto"):
            return matches.protocol
        if word in _PORT_OPTIONS and (module in _EXACT_MODULES or not module):
            side = _PORT_OPTIONS[word]
            if side is None:
                return matches.either_port
            return lambda value, no: matches.ports(side, value, no)
        if word in ("--icmp-type", "--icmpv6-type"):
            return lambda value, no: matches.icmp_type(value, no, self._family)
        if word in ("--src-range", "--dst-range"):
            end = Field.SOURCE if word == "--src-range" else Field.DESTINATION
            return lambda value, no: matches.address_range(end, value, no, self._family)
        if word == "--mac-source":
            return matches.mac
        if word in ("--state", "--ctstate"):
            return lambda value, no: matches.states(value, no, self._path)
        if word == "--ctproto":
            return matches.protocol
        if module == "conntrack" and word.startswith("--ct"):
            return lambda value, no: matches.condition(f"conntrack {word} {value}", self._path, not no)
        return None

    def _target(self, parts: list[str], at: int, found: RuleWords) -> int:
        """Read `-j TARGET` and its options, up to the next match option."""
        found.goto = parts[at] in ("-g", "--goto")
        found.target = parts[at + 1]
        at += 2
        while at < len(parts) and parts[at] not in _BASE_OPTIONS:
            if parts[at] == "!" and at + 1 < len(parts) and parts[at + 1] in _BASE_OPTIONS:
                break
            found.target_options.append(parts[at])
            at += 1
        return at


def _open(options: str) -> bool | None:
    return None
