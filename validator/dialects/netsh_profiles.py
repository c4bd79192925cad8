"""`netsh advfirewall show allprofiles` (and `currentprofile`, `domainprofile`, ...): states and defaults.

A block a profile: its title, a line of dashes, then names and values in two columns. The policy
(`BlockInbound,AllowOutbound`) and the setting names in camel case are the same in every language. A
block without a policy line (`show allprofiles state`) says nothing about defaults.
"""

from __future__ import annotations

import re
from dataclasses import replace

from validator.dialects import Fragment
from validator.dialects._windows import PROFILES, ProfileState, WindowsProfiles, convert
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
    r"(LocalFirewallRules|LocalConSecRules|InboundUserNotification|RemoteManagement"
    r"|UnicastResponseToMulticast|LogAllowedConnections|LogDroppedConnections|FileName|MaxFileSize)\s",
    re.IGNORECASE,
)
_INBOUND = {"blockinboundalways": "block-always", "blockinbound": "block", "allowinbound": "allow"}
_OUTBOUND = {"allowoutbound": "allow", "blockoutbound": "block"}
_DASHES = re.compile(r"-{20,}\s*$")
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
    """The profile states in `source`. Raises ExportError where a block has no state."""
    found: dict[str, ProfileState] = {}
    current: ProfileState | None = None
    ended = False
    for number, line in enumerate(source.lines, 1):
        title = _profile(line)
        if title and number < len(source.lines) and _DASHES.match(source.lines[number]):
            current = ProfileState(title, None, None, None, source.span(number), source.span(number))
            found[title], ended = current, False
            ledger.mark_range(number, number + 1, LineState.IGNORED)
        elif current is not None and not ended:
            current = _line(source, ledger, number, line, current)
            found[current.name] = current
            ended = line.strip().lower() in ("ok.", "ok", "aceptar", "确定。")
    for state in found.values():
        if state.on is None:
            problem = f"the {state.name} profile has no state: the output is cut, or in an unknown language"
            raise ExportError(problem, _ENGLISH, source.path, state.state_span.line)
    data = WindowsProfiles(source.path, tuple(found[name] for name in PROFILES if name in found))
    return Fragment(NAME, PLATFORM, source.path, data, tuple(Family))


def _line(source: Source, ledger: Ledger, number: int, line: str, state: ProfileState) -> ProfileState:
    """Read one line of a block into the profile's state."""
    text = line.strip()
    head, _, value = text.partition("  ")
    policy = _POLICY.search(text)
    span = Span(source.path, number, " ".join(text.split()))
    if state.on is None and head.lower() in _STATE:
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
    if head.lower() == "localfirewallrules" and value.strip().lower() in ("disable", "no"):
        ledger.mark(number, LineState.MODELLED)
        return replace(state, local_rules=False)
    known = not text or _SETTING.match(text + " ") or _DASHES.match(text) or text.endswith(":")
    known = known or text.lower() in ("ok.", "ok", "aceptar", "确定。")
    ledger.mark(number, LineState.IGNORED if known else LineState.UNSUPPORTED)
    return state


__all__ = ["NAME", "PLATFORM", "STANDS_ALONE", "TITLE", "convert", "parse", "sniff"]
