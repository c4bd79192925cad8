"""`netsh firewall show config`, the old command: profiles as `key = value`, then tables of what is let in.

Microsoft's "Netsh Commands for Windows Firewall" and "Appendix B: Netsh Command Syntax for the Netsh Firewall Context":
operational mode Disable is a profile that is off; exception mode Disable lets nothing in. `Standard` is what Vista
calls private; the public profile is not shown, save that Windows XP knows no third: there standard is every network
but the domain's.

What that says of rules depends on Windows. XP and Server 2003 have no others than these (and filter nothing that
goes out), so the tables are all rules: services, programs, ports. Since Vista "it does not allow you to manage or
interact with any of the firewall features that are new": block rules (shown as Disable, as rules that are off are),
outbound ones and those of group policy exist beside, and the tables are no export of the rules. Their rows are then
passed over, the states alone are read, and what the rules say stays unknown. Tables with the column `Traffic direction`
are of Vista or later; so is an output that does not show which it is.

Without `verbose=enable` the old command hides from whom an exception lets in: each is then on a condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects._netsh_values import changed, unset, value
from validator.dialects._windows import convert
from validator.dialects._windows_rules import LOCAL, Limit, ProfileState, WindowsProfiles, WindowsRule, WindowsRules
from validator.dialects._windows_store import WindowsStore
from validator.dialects.netsh_portproxy import refuse_beside
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "netsh-legacy"
TITLE = "netsh firewall show config"
PLATFORM = "windows"

_DASHES = re.compile(r"-{20,}\s*$")
_PROFILE = re.compile(r"(Domain|Standard) profile configuration(?: \((current)\))?:\s*$", re.IGNORECASE)
_TABLE = re.compile(
    r"(Service|Allowed programs|Port|ICMP) configuration for (.+?)( profile)?(?: \(current\))?:\s*$", re.IGNORECASE
)
_INTERFACE = re.compile(r"(.+) firewall configuration:\s*$", re.IGNORECASE)
_LOG = re.compile(r"Log configuration:\s*$", re.IGNORECASE)
_SETTING = re.compile(r"(\S[^=]*?)\s*=\s*(.*?)\s*$")
_KNOWN = ("operational mode", "exception mode", "multicast/broadcast response mode", "notification mode")
_LOGGED = ("file location", "max file size", "dropped packets", "connections")
_NEW_COLUMN = re.compile(r".*\bTraffic direction\b", re.IGNORECASE)
_OLD_COLUMNS = re.compile(r"Port\s+Protocol\s+Mode\s+Name\b|Mode\s+Name / Program\b", re.IGNORECASE)
_ADVICE = re.compile(
    r"IMPORTANT: |However, \"netsh firewall\"|use \"netsh advfirewall|For more information on|instead of \"netsh"
    r"|at https?://go\.microsoft\.com|Ok\.\s*$",
    re.IGNORECASE,
)
_SCOPE = re.compile(r"\s+Scope:\s*(\S.*?)\s*$", re.IGNORECASE)
_MODES = {"enable": True, "disable": False}
_ROWS = {
    "service": re.compile(r"(?P<mode>Enable|Disable)\s+(?P<custom>Yes|No)\s+(?P<name>\S.*)", re.IGNORECASE),
    "allowed programs": re.compile(r"(?P<mode>Enable|Disable)\s+(?P<name>.*?) / (?P<program>\S.*)", re.IGNORECASE),
    "port": re.compile(
        r"(?P<port>[0-9]{1,5})\s+(?P<protocol>TCP|UDP)\s+(?P<mode>Enable|Disable)\s+(?P<name>\S.*)", re.IGNORECASE
    ),
    "icmp": re.compile(r"(?P<mode>Enable|Disable)\s+(?P<type>[0-9]{1,3})\s+(?P<name>\S.*)", re.IGNORECASE),
}
_SERVICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "file and printer sharing": (("TCP", "139,445"), ("UDP", "137,138")),
    "remote desktop": (("TCP", "3389"),),
    "upnp framework": (("TCP", "2869"), ("UDP", "1900")),
}
"""The ports of the services whose ports are fixed; Remote Administration also has what RPC gives out."""
_PROFILES = {"domain": ("domain",), "standard": ("private",)}
_AGAIN = "run netsh firewall show config again and redirect all of its output into the file"


def sniff(source: Source) -> bool:
    """The title of a profile over a line of dashes."""
    lines = source.lines[:2000]
    return any(_PROFILE.match(line) and _DASHES.match(below) for line, below in pairwise(lines))


class _Section(Struct):
    """A section being read: its kind, of what, and whether its rows have begun."""

    kind: str = ""
    of: str = ""
    title: int = 0
    rows: bool = False


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The states, and of Windows XP the rules. Raises ExportError where the output is cut."""
    refuse_beside(source)
    reader = _Reader(source, ledger, _is_xp(source))
    for number, line in enumerate(source.lines, 1):
        reader.line(number, line)
    profiles = WindowsProfiles(source.path, tuple(reader.states()), "local", reader.current)
    rules = WindowsRules(source.path, tuple(reader.whole())) if reader.xp else None
    store = WindowsStore(source.path, rules, (profiles,), covers=LOCAL if reader.xp else ())
    return Fragment(NAME, PLATFORM, source.path, store, tuple(Family))


def _is_xp(source: Source) -> bool:
    """Whether the tables have the columns of Windows XP, and nothing that is newer."""
    newer = any(_NEW_COLUMN.match(line) or line.startswith("IMPORTANT:") for line in source.lines)
    return not newer and any(_OLD_COLUMNS.match(line) for line in source.lines)


class _Reader:
    """Reads an output line by line."""

    def __init__(self, source: Source, ledger: Ledger, xp: bool) -> None:
        self._source, self._ledger, self.xp = source, ledger, xp
        self._section = _Section()
        self._found: dict[str, ProfileState] = {}
        self._rules: list[WindowsRule] = []
        self._told: set[tuple[str, str]] = set()
        self._scoped = 0
        self._log = False
        self.current: tuple[str, ...] = ()

    def line(self, number: int, line: str) -> None:
        """Read a line into the section it stands in, and mark it."""
        below = self._source.lines[number] if number < len(self._source.lines) else ""
        if not line.strip():
            self._section = _Section(title=self._section.title) if self._section.rows else self._section
        elif self._title(number, line, below) or _ADVICE.match(line):
            self._ledger.mark(number, LineState.IGNORED)
        elif _DASHES.match(line):
            self._section.rows = True
            self._ledger.mark(number, LineState.IGNORED)
        elif self._section.kind in _ROWS and not self._section.rows:
            self._ledger.mark(number, LineState.IGNORED)  # the header of a table
        elif self._section.kind in _ROWS:
            self._row(number, line)
        elif self._section.kind:
            self._setting(number, line)
        elif _SETTING.match(line) or any(row.match(line) for row in _ROWS.values()):
            raise ExportError("a profile without its title: the output is cut", _AGAIN, self._source.path, number)
        else:
            self._ledger.mark(number, LineState.UNSUPPORTED)

    def _title(self, number: int, line: str, below: str) -> bool:
        """Begin a section where `line` is a title."""
        if found := _PROFILE.match(line):
            name = found[1].lower()
            if name in self._found:
                raise ExportError(f"the {name} profile stands twice", _AGAIN, self._source.path, number)
            profiles = self._profiles(name)
            self.current = profiles if found[2] and self.xp else self.current
            span = self._source.span(number)
            self._found[name] = ProfileState(profiles[0], None, None, "allow" if self.xp else None, span, span)
            self._section = _Section("profile", name, number)
        elif found := _TABLE.match(line):
            of = found[2].lower() if found[3] else found[2]
            if found[3] and of not in self._found:
                raise ExportError("a table without its profile: the output is cut", _AGAIN, self._source.path, number)
            self._section = _Section(found[1].lower(), of, number)
        elif _LOG.match(line):
            self._log = True
            self._section = _Section("log", "", number)
        elif (found := _INTERFACE.match(line)) and _DASHES.match(below):
            self._section = _Section("interface", found[1], number)
        else:
            return False
        return True

    def _profiles(self, name: str) -> tuple[str, ...]:
        return ("private", "public") if self.xp and name == "standard" else _PROFILES.get(name, ("domain",))

    def _setting(self, number: int, line: str) -> None:
        """`key = value` of a profile, an interface or the log."""
        found = _SETTING.match(line)
        key = found[1].lower() if found else ""
        section = self._section
        if found is None or key not in (_LOGGED if section.kind == "log" else _KNOWN):
            self._unclear(number, f"the line {line.strip()[:40]!r} is not understood")
            return
        self._ledger.mark(number, LineState.IGNORED if key not in _KNOWN[:2] else LineState.MODELLED)
        if key not in _KNOWN[:2]:
            return
        mode = _MODES.get(found[2].lower())
        if mode is None:
            problem = f"{found[1]} is {found[2][:30]!r}, which is not known"
            raise ExportError(problem, _AGAIN, self._source.path, number)
        span = Span(self._source.path, number, " ".join(line.split()))
        if section.kind == "interface":
            if not mode:
                self._unclear(number, f"the firewall is off on the connection {section.of!r}")
            return
        state = self._found[section.of]
        if (section.of, key) in self._told:
            raise ExportError(f"{found[1]} stands twice: lines are missing", _AGAIN, self._source.path, number)
        self._told.add((section.of, key))
        if key == _KNOWN[0]:
            self._found[section.of] = replace(state, on=mode, state_span=span)
        else:
            inbound = "block-always" if not mode else ("block" if self.xp else None)
            self._found[section.of] = replace(state, inbound=inbound, policy_span=span)

    # --- tables of Windows XP ----------------------------------------------

    def _row(self, number: int, line: str) -> None:
        """A row of a table; since Vista it is passed over."""
        if not self.xp:
            self._ledger.mark(number, LineState.IGNORED)
            return
        scope = _SCOPE.match(line)
        found = _ROWS[self._section.kind].fullmatch(line.strip())
        if scope and self._scoped:
            self._narrow(number, scope[1])
        elif found is None or scope:
            self._unclear(number, f"the row {line.strip()[:40]!r} is not understood")
        else:
            made = list(self._made(number, found))
            self._scoped = len(made)
            self._rules += made
            self._ledger.mark(number, LineState.CONDITIONAL if made else LineState.IGNORED)

    def _made(self, number: int, found: re.Match[str]) -> Iterator[WindowsRule]:
        """The rules that a row stands for; none for what may go out, which `whole` leaves open."""
        kind, of = self._section.kind, self._section.of
        parts = found.groupdict()
        name, limits = parts["name"].strip(), [self._everyone(number, parts["name"])]
        if kind == "icmp" and "outbound" in name.lower():
            return
        if of not in self._found:
            limits.append(Limit("interface", of))
        new = {"name": name, "dir": "in", "action": "allow", "enable": "yes" if _MODES[parts["mode"].lower()] else "no"}
        ports: tuple[tuple[str, str], ...] = (("any", "any"),)
        if kind == "port":
            ports = ((parts["protocol"].upper(), value("localport", parts["port"])),)
        elif kind == "allowed programs":
            limits.append(Limit("program", parts["program"].strip()))
        elif kind == "icmp":
            ports = (("ICMPv4", "any"), ("ICMPv6", "any"))
            limits.append(Limit("other", f"the packet is the ICMP message of line {number}"))
        elif parts["custom"].lower() == "no" and name.lower() in _SERVICES:
            ports = _SERVICES[name.lower()]
        else:
            limits.append(Limit("other", f"the packet is one of the service {name!r}, whose ports are not shown"))
        for protocol, port in ports:
            rule = changed(unset(self._source.span(number)), {**new, "protocol": protocol, "localport": port or "any"})
            why = "" if port else f"the port {parts['port']} is none"
            profiles = self._profiles(of) if of in self._found else ("domain", "private", "public")
            yield replace(rule, profiles=profiles, limits=tuple(limits), why=why)

    def _everyone(self, number: int, name: str) -> Limit:
        return Limit("other", f"{name.strip()!r} (line {number}) lets in everyone; verbose=enable shows it")

    def _narrow(self, number: int, scope: str) -> None:
        """A line of `verbose=enable`: from where the row above lets in."""
        text = {"*": "any", "localsubnet": "LocalSubnet"}.get(scope.lower(), value("remoteip", scope))
        for position in range(len(self._rules) - self._scoped, len(self._rules)):
            rule = self._rules[position]
            hidden = self._everyone(rule.line, rule.name)
            limits = tuple(limit for limit in rule.limits if limit != hidden)
            self._rules[position] = replace(
                rule, remote_ip=text or "any", limits=limits if text else (*limits, Limit("other", f"from {scope}"))
            )
        self._scoped = 0
        self._ledger.mark(number, LineState.MODELLED if text else LineState.CONDITIONAL)

    def _unclear(self, number: int, why: str) -> None:
        """A line that is not understood: it may let in, or stop, anything."""
        self._ledger.mark(number, LineState.UNSUPPORTED)
        self._scoped = 0
        self._rules.append(replace(unset(self._source.span(number), why), anything=True))

    # --- the whole ---------------------------------------------------------

    def states(self) -> Iterator[ProfileState]:
        """The states of the profiles. Raises ExportError where one lacks its modes."""
        for name, state in self._found.items():
            if not {(name, key) for key in _KNOWN[:2]} <= self._told:
                problem = f"the {name} profile has no operational or exception mode: the output is cut"
                raise ExportError(problem, _AGAIN, self._source.path, state.state_span.line)
            for profile in self._profiles(name):
                yield replace(state, name=profile)

    def whole(self) -> Iterator[WindowsRule]:
        """The rules of Windows XP. Raises ExportError where the output is not whole."""
        if set(self._found) != set(_PROFILES) or not self._log:
            missing = "Log configuration" if set(self._found) == set(_PROFILES) else "a profile"
            raise ExportError(
                f"{missing} is missing: the output is cut", _AGAIN, self._source.path, self._section.title
            )
        yield from self._rules
        for protocol in ("ICMPv4", "ICMPv6"):
            new = {"name": "ICMP settings", "dir": "out", "action": "block", "protocol": protocol}
            stops = Limit("other", f"the ICMP settings stop this {protocol} message from going out")
            yield replace(changed(unset(self._source.span(self._section.title)), new), limits=(stops,))


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "parse", "sniff"]
