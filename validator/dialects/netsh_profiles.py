"""`netsh advfirewall show allprofiles` (and `currentprofile`, `domainprofile`, ...): states and defaults.

A block a profile: its title, a line of dashes, then names and values in two columns. The policy
(`BlockInbound,AllowOutbound`) and the setting names in camel case are the same in every language; the state stands
first, and three profiles in the order domain, private, public. A block without a policy line (`show allprofiles
state`) says nothing about defaults. Whether a block is the current profile's only the command can tell: where it
stands above the output at a prompt.

`netsh advfirewall monitor show firewall` printed such blocks in the one output that was found
(datacadamia.com/os/windows/firewall).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from validator.dialects import Fragment
from validator.dialects import _netsh_words as netsh
from validator.dialects._netsh_blocks import is_ruler, names
from validator.dialects._netsh_titles import Section, body, commands, has_columns, sections
from validator.dialects._windows import convert
from validator.dialects._windows_rules import PROFILES, ProfileState, WindowsProfiles
from validator.dialects.netsh_portproxy import refuse_beside
from validator.errors import ExportError, SeveralExportsError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "netsh-profiles"
TITLE = "netsh advfirewall show allprofiles"
PLATFORM = "windows"
STANDS_ALONE = False

_POLICY = re.compile(
    r"\b(BlockInboundAlways|BlockInbound|AllowInbound),\s*(AllowOutbound|BlockOutbound)\b", re.IGNORECASE
)
_SETTING = re.compile(
    r"(LocalConSecRules|InboundUserNotification|RemoteManagement"
    r"|UnicastResponseToMulticast|LogAllowedConnections|LogDroppedConnections|FileName|MaxFileSize)\s",
    re.IGNORECASE,
)
_INBOUND = {"blockinboundalways": "block-always", "blockinbound": "block", "allowinbound": "allow"}
_OUTBOUND = {"allowoutbound": "allow", "blockoutbound": "block"}
_AGAIN = "run netsh advfirewall show allprofiles again and redirect all of its output into the file"
_ENGLISH = "run `chcp 437` before netsh, to export in English"


def sniff(source: Source) -> bool:
    """The title of a profile over settings, or any title over the policy that is the same in every language.

    The old `netsh firewall` has such titles too, and writes its settings with `=`.
    """
    lines = source.lines[:200]
    return any(
        _POLICY.search(text) or (section.profile and has_columns(text) and " = " not in text)
        for section in sections(lines)
        for _, text in list(body(lines, section))[:3]
    ) or any("profile settings:" in lines[section.first - 1].lower() for section in sections(lines))


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The profile states in `source`. Raises ExportError where a block is cut, says a thing twice, or is of a profile
    that is not known."""
    refuse_beside(source)
    lines = source.lines
    found: dict[str, ProfileState] = {}
    parts = sections(lines)
    if not parts:
        raise ExportError("no profile's title is known", _ENGLISH, source.path, 1)
    for number, line in enumerate(lines[: parts[0].first - 1], 1):
        if is_ruler(line):
            raise ExportError("a profile without its title: the output is damaged", _AGAIN, source.path, number)
    titles = {section.first for section in parts}
    for number in names(lines):
        if number not in titles:
            problem, remedy = "two outputs stand in one file", "pass each output as a file of its own"
            raise SeveralExportsError(problem, remedy, source.path, number)
    for name, section in zip(_names(source, parts), parts, strict=True):
        state = _state(source, ledger, section, name)
        if found.setdefault(name, state).says != state.says:
            raise _twice(source, state.state_span.line, f"the {name} profile")
    current = False
    for number, command in commands(lines):
        ledger.mark(number, LineState.IGNORED)
        current = "show currentprofile" in command
    states = tuple(found[name] for name in PROFILES if name in found)
    active = tuple(state.name for state in states) if current else ()
    data = WindowsProfiles(source.path, states, "shown", active)
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


def _names(source: Source, parts: Sequence[Section]) -> Sequence[str]:
    """The profiles of the sections, by their titles, or by their order where three titles stand for all."""
    told = [section.profile for section in parts]
    if "" not in told:
        return told
    apart = len({source.lines[section.first - 1] for section in parts}) == len(parts) == len(PROFILES)
    if apart and all(name in ("", profile) for name, profile in zip(told, PROFILES, strict=True)):
        return PROFILES
    unknown = next(section for section in parts if not section.profile)
    problem = f"which profile {source.lines[unknown.first - 1].strip()[:40]!r} is, is in no known language"
    raise ExportError(problem, _ENGLISH, source.path, unknown.first)


def _state(source: Source, ledger: Ledger, section: Section, name: str) -> ProfileState:
    """What a section says of its profile."""
    title = source.span(section.first)
    state = ProfileState(name, None, None, None, title, title)
    ledger.mark_range(section.first, section.first + 1, LineState.IGNORED)
    last = section.first + 1
    for place, (number, text) in enumerate(body(source.lines, section)):
        state = _line(source, ledger, number, text, state, place == 0)
        last = number
    for number in range(last + 1, section.last + 1):
        if source.lines[number - 1].strip().lower() in netsh.TERMINATORS:
            ledger.mark(number, LineState.IGNORED)
    if state.on is None:
        problem = f"the {name} profile has no state: the output is cut, or in an unknown language"
        raise ExportError(problem, _ENGLISH, source.path, section.first)
    if state.inbound is not None and state.local_rules is None:
        problem = f"the {name} profile has a policy and no LocalFirewallRules: the output is cut"
        raise ExportError(problem, _AGAIN, source.path, state.policy_span.line)
    if state.inbound is None and state.local_rules is not None:
        problem = f"the {name} profile has no policy that is known"
        raise ExportError(problem, _AGAIN, source.path, section.first)
    return state


def _line(source: Source, ledger: Ledger, number: int, text: str, state: ProfileState, first: bool) -> ProfileState:
    """Read one line of a section into the profile's state; the `first` one is the state in every language."""
    head, _, value = (part.strip() for part in text.partition("  "))
    policy, kind = _POLICY.search(text), netsh.setting(head)
    camel = head.lower() == "localfirewallrules" or bool(_SETTING.match(text + " "))
    if first and not (policy or kind or camel or text.endswith((":", "："))):
        kind = "state"
    if policy is None and kind == "policy":
        problem = f"the {state.name} profile's policy {value[:40]!r} is not known"
        raise ExportError(problem, _AGAIN, source.path, number)
    if (policy and state.inbound is not None) or (state.on is not None and kind == "state"):
        raise _twice(source, number, head[:40])
    span = Span(source.path, number, " ".join(text.split()))
    if kind == "state":
        if not netsh.state(value):
            problem = f"the {state.name} profile's state {value[:30]!r} is in no known language"
            raise ExportError(problem, _ENGLISH, source.path, number)
        ledger.mark(number, LineState.MODELLED)
        return replace(state, on=netsh.state(value) == "on", state_span=span)
    if policy:
        ledger.mark(number, LineState.MODELLED)
        inbound, outbound = _INBOUND[policy[1].lower()], _OUTBOUND[policy[2].lower()]
        return replace(state, inbound=inbound, outbound=outbound, policy_span=span)
    if head.lower() == "localfirewallrules":
        ledger.mark(number, LineState.MODELLED)
        return replace(state, local_rules=_counts(value) and state.local_rules is not False, local_span=span)
    known = camel or is_ruler(text) or text.endswith((":", "："))
    ledger.mark(number, LineState.IGNORED if known else LineState.UNSUPPORTED)
    return state


def _counts(value: str) -> bool:
    """Whether local rules are in force; not where group policy voids them, or in words that are not known."""
    text = value.strip().lower()
    return netsh.switch(text) == "enable" or text == "yes" or text.startswith("n/a") or ("gpo" in text and "(" in text)


def _twice(source: Source, line: int, what: str) -> ExportError:
    problem = f"{what} stands twice: these are two outputs, or lines are missing"
    return ExportError(problem, _AGAIN, source.path, line)


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
