"""`netsh advfirewall show allprofiles` (and `currentprofile`, `domainprofile`, ...): states and defaults.

A block a profile: its title, a line of dashes, then names and values in two columns. The policy
(`BlockInbound,AllowOutbound`) and the setting names in camel case are the same in every language. A
block without a policy line (`show allprofiles state`) says nothing about defaults.
"""

from __future__ import annotations

import re
from dataclasses import replace

from validator.dialects import Fragment
from validator.dialects import _netsh_words as netsh
from validator.dialects._windows import convert
from validator.dialects._windows_rules import PROFILES, ProfileState, WindowsProfiles
from validator.errors import ExportError
from validator.packets.fields import Family
from validator.source import Ledger, LineState, Source, Span

NAME = "netsh-profiles"
TITLE = "netsh advfirewall show allprofiles"
PLATFORM = "windows"
STANDS_ALONE = False

_TITLES = {
    "domain": ("domain profile", "domänenprofil", "profil de domaine", "perfil de dominio", "ドメイン プロファイル")
    + ("域配置文件",),
    "private": ("private profile", "privates profil", "profil privé", "perfil privado", "专用配置文件")
    + ("プライベート プロファイル",),
    "public": ("public profile", "öffentliches profil", "profil public", "perfil público", "公用配置文件")
    + ("パブリック プロファイル",),
}
_STATE = ("state", "status", "état", "estado", "状态")
_ON = ("on", "ein", "actif", "オン", "打开", "启用")
_OFF = ("off", "aus", "オフ", "关闭", "禁用")
_POLICY = re.compile(
    r"\b(BlockInboundAlways|BlockInbound|AllowInbound),\s*(AllowOutbound|BlockOutbound)\b", re.IGNORECASE
)
_SETTING = re.compile(
    r"(LocalConSecRules|InboundUserNotification|RemoteManagement"
    r"|UnicastResponseToMulticast|LogAllowedConnections|LogDroppedConnections|FileName|MaxFileSize)\s",
    re.IGNORECASE,
)
_LOCAL_RULES_COUNT = ("enable", "yes", "activer", "有効", "启用")
"""Values of LocalFirewallRules that leave local rules in force, beside `N/A (GPO-store only)`."""
_POLICY_LABELS = ("firewall policy", "firewallrichtlinie", "stratégie de pare-feu", "防火墙策略")
_INBOUND = {"blockinboundalways": "block-always", "blockinbound": "block", "allowinbound": "allow"}
_OUTBOUND = {"allowoutbound": "allow", "blockoutbound": "block"}
_DASHES = re.compile(r"-{20,}\s*$")
_AGAIN = "run netsh advfirewall show allprofiles again and redirect all of its output into the file"
_ENGLISH = "run `chcp 437` before netsh, to export in English"


def _profile(line: str) -> str:
    """Which profile a block's title names, or empty."""
    text = line.strip().lower()
    for name, words in _TITLES.items():
        if any(word in text for word in words) and text.endswith(":"):
            return name
    return ""


def sniff(source: Source) -> bool:
    """The title of a profile over a line of dashes."""
    lines = source.lines
    return any(
        _DASHES.match(lines[number + 1]) and _profile(line) for number, line in enumerate(lines[:-1]) if number < 200
    )


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The profile states in `source`. Raises ExportError where a block is cut, or says a thing twice."""
    found: dict[str, ProfileState] = {}
    blocks: list[ProfileState] = []
    current: ProfileState | None = None
    ended = False
    for number, line in enumerate(source.lines, 1):
        title = _profile(line)
        if title and number < len(source.lines) and _DASHES.match(source.lines[number]):
            blocks += [current] if current else []
            current = ProfileState(title, None, None, None, source.span(number), source.span(number))
            ended = False
            ledger.mark_range(number, number + 1, LineState.IGNORED)
        elif current is not None and not ended:
            current = _line(source, ledger, number, line, current)
            ended = line.strip().lower() in netsh.TERMINATORS
        elif current is None and _DASHES.match(line):
            raise ExportError("a profile without its title: the output is damaged", _AGAIN, source.path, number)
    for state in [*blocks, *([current] if current else [])]:
        if state.on is None:
            problem = f"the {state.name} profile has no state: the output is cut, or in an unknown language"
            raise ExportError(problem, _ENGLISH, source.path, state.state_span.line)
        if state.inbound is not None and state.local_rules is None:
            problem = f"the {state.name} profile has a policy and no LocalFirewallRules: the output is cut"
            raise ExportError(problem, _AGAIN, source.path, state.policy_span.line)
        if found.setdefault(state.name, state).says != state.says:
            raise _twice(source, state.state_span.line, f"the {state.name} profile")
    data = WindowsProfiles(source.path, tuple(found[name] for name in PROFILES if name in found))
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


def _line(source: Source, ledger: Ledger, number: int, line: str, state: ProfileState) -> ProfileState:
    """Read one line of a block into the profile's state."""
    text = line.strip()
    head, _, value = text.partition("  ")
    policy = _POLICY.search(text)
    if policy is None and head.lower() in _POLICY_LABELS:
        problem = f"the {state.name} profile's policy {value.strip()[:40]!r} is not known"
        raise ExportError(problem, _AGAIN, source.path, number)
    if (policy and state.inbound is not None) or (state.on is not None and head.lower() in _STATE):
        raise _twice(source, number, head[:40])
    span = Span(source.path, number, " ".join(text.split()))
    if head.lower() in _STATE:
        word = value.strip().lower()
        if word in _ON or word in _OFF:
            ledger.mark(number, LineState.MODELLED)
            return replace(state, on=word in _ON, state_span=span)
        problem = f"the {state.name} profile's state {value.strip()[:30]!r} is in no known language"
        raise ExportError(problem, _ENGLISH, source.path, number)
    if policy:
        ledger.mark(number, LineState.MODELLED)
        inbound, outbound = _INBOUND[policy[1].lower()], _OUTBOUND[policy[2].lower()]
        return replace(state, inbound=inbound, outbound=outbound, policy_span=span)
    if head.lower() == "localfirewallrules":
        ledger.mark(number, LineState.MODELLED)
        return replace(state, local_rules=_counts(value) and state.local_rules is not False)
    known = not text or _SETTING.match(text + " ") or _DASHES.match(text) or text.endswith(":")
    known = known or text.lower() in netsh.TERMINATORS
    ledger.mark(number, LineState.IGNORED if known else LineState.UNSUPPORTED)
    return state


def _counts(value: str) -> bool:
    """Whether local rules are in force; not where group policy voids them, or in words that are not known."""
    text = value.strip().lower()
    return text in _LOCAL_RULES_COUNT or text.startswith("n/a") or "gpo" in text


def _twice(source: Source, line: int, what: str) -> ExportError:
    problem = f"{what} stands twice: these are two outputs, or lines are missing"
    return ExportError(problem, _AGAIN, source.path, line)


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
