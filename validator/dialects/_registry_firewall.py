"""What the firewall's keys of the registry say, wherever they were exported.

[MS-GPFAS] 2.2: `FirewallRules` holds a rule a value, `DomainProfile`, `PublicProfile` and `StandardProfile` or
`PrivateProfile` (the private one) the states and defaults. Local policy stands in
`SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy`, with the built-in rules of services
in `RestrictedServices` (store `static`); group policy in `SOFTWARE\\Policies\\Microsoft\\WindowsFirewall`. A `.wfw`
has the keys of the local policy at its root.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct, field

from validator.dialects._registry_values import Value
from validator.dialects._rule_string import is_rule, parse_rule
from validator.dialects._windows_rules import (
    GROUP_POLICY,
    LOCAL,
    PROFILES,
    ProfileState,
    WindowsProfiles,
    WindowsRule,
    WindowsRules,
)
from validator.dialects._windows_store import WindowsStore
from validator.errors import ExportError
from validator.source import Ledger, LineState, Source, Span

_LOCAL = re.compile(
    r"(?:HKEY_LOCAL_MACHINE|HKLM)\\SYSTEM\\(CurrentControlSet|ControlSet\d{3})"
    r"\\Services\\SharedAccess\\Parameters\\FirewallPolicy(?:\\(.*))?$",
    re.IGNORECASE,
)
_GROUP = re.compile(
    r"(?:HKEY_LOCAL_MACHINE|HKLM)\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall(?:\\(.*))?$", re.IGNORECASE
)
_SECTIONS = {
    "domainprofile": "domain",
    "standardprofile": "private",
    "privateprofile": "private",
    "publicprofile": "public",
}
_STATIC = (
    "restrictedservices\\static\\system",
    "restrictedservices\\configurable\\system",
    "restrictedservices\\appiso\\firewallrules",
)
_CONNECTION_SECURITY = ("consecrules", "mainmoderules", "phase1", "phase2")
_LEGACY = ("authorizedapplications", "globallyopenports", "services", "icmpsettings", "remoteadminsettings")
_SILENT = frozenset(
    ("disablenotifications", "disableunicastresponsestomulticastbroadcast", "allowlocalipsecpolicymerge")
    + ("disablestealthmode", "disablestealthmodeipsecsecuredpacketexemption", "policyversion", "ipsecexempt")
    + ("disablestatefulftp", "disablestatefulpptp", "logdroppedpackets", "logsuccessfulconnections", "logfilesize")
    + ("logfilepath", "logdroppedconnections")
)
"""Values that say nothing about which packets pass."""
_ACTIONS = {0: "allow", 1: "block"}
_POLICY = ("donotallowexceptions", "shielded", "defaultinboundaction", "defaultoutboundaction", "allowlocalpolicymerge")
_SWITCHES = ("enablefirewall", *_POLICY)


def names_firewall_key(line: str) -> bool:
    """Whether a line of a `.reg` file or of `reg query` names a key of the firewall, be it to delete it."""
    if "\\" not in line or not line.startswith(("[", "HK", "hk")):
        return False
    key = line.strip().lstrip("[-").rstrip("]")
    return bool(_LOCAL.match(key) or _GROUP.match(key))


class _Found(Struct):
    """What was found so far: rules, and for each store and profile its values and the line that names it."""

    rules: list[WindowsRule] = field(default_factory=list)
    values: dict[tuple[str, str], dict[str, tuple[int, int]]] = field(default_factory=dict)
    heads: dict[tuple[str, str], int] = field(default_factory=dict)
    holds: set[str] = field(default_factory=set)
    sets: dict[str, int] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)


def store(source: Source, ledger: Ledger, entries: Iterable[Value], is_whole: bool) -> WindowsStore:
    """The rules and profiles in `entries`; `is_whole` where a key that is missing is not there (a hive, a `.wfw`).

    Raises ExportError where a value is ambiguous or means nothing.
    """
    found = _Found()
    for entry in entries:
        _read(source, ledger, entry, found)
    profiles = []
    for name in ("gpo", "local"):
        states = tuple(_states(source, found, name))
        if states:
            profiles.append(WindowsProfiles(source.path, states, name))
    whole = {name for name in ("local", "gpo") if is_whole and name in found.holds}
    sides = {"local": LOCAL, "gpo": GROUP_POLICY}
    known = [sides[name] for name in sides if name in whole or f"{name} rules" in found.holds]
    covers = tuple(side for pair in known for side in pair)
    rules = WindowsRules(source.path, tuple(found.rules)) if covers or found.rules else None
    if rules is None and not profiles:
        problem = "the firewall's keys hold neither rules nor states of profiles"
        raise ExportError(problem, "export the whole key FirewallPolicy (reg query: with /s)", source.path, 1)
    return WindowsStore(source.path, rules, tuple(profiles), covers=covers)


def _place(key: str) -> tuple[str, str, str] | None:
    """The store of a key, the key below the policy's in lower case, and the control set, empty where it has none."""
    found = _LOCAL.match(key)
    if found:
        return "local", (found[2] or "").lower(), found[1].lower()
    found = _GROUP.match(key)
    if found:
        return "gpo", (found[1] or "").lower(), ""
    return None


def _read(source: Source, ledger: Ledger, entry: Value, found: _Found) -> None:
    """Take in one key or value."""
    place = _place(entry.key)
    if place is None:
        ledger.mark_range(entry.line, entry.last, LineState.IGNORED)
        return
    name, section, control_set = place
    found.holds.add(name)
    _check(source, entry, control_set, found)
    if entry.name is None:
        ledger.mark(entry.line, LineState.IGNORED)
        if section in _SECTIONS:
            found.heads.setdefault((name, section), entry.line)
        if section == "firewallrules" and source.lines[entry.line - 1].startswith("["):
            found.holds.add(f"{name} rules")  # maybe none; `reg query` without /s only names the key
        return
    if section == "firewallrules":
        found.holds.add(f"{name} rules")
    state = _value(source, entry, (name, section), found)
    ledger.mark_range(entry.line, entry.last, state)


def _check(source: Source, entry: Value, control_set: str, found: _Found) -> None:
    """Raises ExportError where two control sets, or a value twice, leave open which one counts."""
    if control_set:
        found.sets.setdefault(control_set, entry.line)
        if len(found.sets) > 1:
            problem = "two control sets in one file: only one is in force"
            raise ExportError(problem, "export CurrentControlSet alone", source.path, entry.line)
    if entry.name is not None:
        identity = (entry.key.lower(), entry.name.lower())
        if identity in found.seen:
            problem = f"the value {entry.name[:60]!r} stands twice"
            raise ExportError(problem, "pass one export at a time", source.path, entry.line)
        found.seen.add(identity)


def _value(source: Source, entry: Value, place: tuple[str, str], found: _Found) -> LineState:
    """What a value of the policy says."""
    name, section = place
    value_name = (entry.name or "").lower()
    rules = {"firewallrules": name, "mdm\\firewallrules": "gpo", **dict.fromkeys(_STATIC, "static")}
    if section in rules:
        if section != "firewallrules" and value_name == "policyversion":
            return LineState.IGNORED
        return _rule(source, entry, rules[section], found)
    top, _, below = section.partition("\\")
    if top.startswith(_CONNECTION_SECURITY):
        return LineState.IGNORED
    if isinstance(entry.data, str) and is_rule(entry.data):
        return _unclear(source, entry, name, found, f"a rule in the key {section[:60]!r}, which is not known")
    if top in _SECTIONS and below.split("\\")[0] in _LEGACY:
        return _unclear(source, entry, name, found, f"an exception of the old firewall ({below[:60]})")
    if value_name in _SILENT:
        return LineState.IGNORED
    if top in _SECTIONS and not below and value_name in _SWITCHES:
        if not isinstance(entry.data, int):
            raise _meaningless(source, entry)
        if name == "gpo" and top == "standardprofile":  # of the old firewall: of which profiles it is now is not told
            return _unclear(source, entry, name, found, "group policy for the standard profile of the old firewall")
        found.values.setdefault((name, top), {})[value_name] = (entry.data, entry.line)
        return LineState.MODELLED
    return LineState.UNSUPPORTED


def _rule(source: Source, entry: Value, store_name: str, found: _Found) -> LineState:
    if not isinstance(entry.data, str):
        return _unclear(source, entry, store_name, found, "a rule that is no text")
    rule = parse_rule(entry.data, source.path, entry.line, entry.name or "", store_name)
    if rule is None:
        return LineState.IGNORED
    found.rules.append(rule)
    if rule.why:
        return LineState.UNSUPPORTED
    return LineState.CONDITIONAL if rule.is_conditional else LineState.MODELLED


def _unclear(source: Source, entry: Value, store_name: str, found: _Found, why: str) -> LineState:
    """A rule that stands for a value which may allow or block anything."""
    found.rules.append(unclear_rule(source.path, entry.line, entry.name or "", store_name, why))
    return LineState.UNSUPPORTED


def unclear_rule(path: str, line: int, name: str, store_name: str, why: str) -> WindowsRule:
    """A rule that stands for something of which nothing is known but that it may decide anything."""
    rest = ("any", "any", "any", "any", "any", "")
    return WindowsRule(path, line, name, True, True, PROFILES, *rest, store=store_name, why=why, anything=True)


def _states(source: Source, found: _Found, name: str) -> Iterator[ProfileState]:
    """The profile states of a store; of a profile that stands under both its names, both."""
    for section, profile in _SECTIONS.items():
        head = found.heads.get((name, section))
        values = found.values.get((name, section), {})
        if not values:
            continue
        at = head or min(line for _, line in values.values())
        policy_at = next((values[key][1] for key in _POLICY if key in values), at)
        merge_at = values.get("allowlocalpolicymerge", (0, policy_at))[1]
        state_at = values["enablefirewall"][1] if "enablefirewall" in values else at
        yield ProfileState(
            name=profile,
            on=_flag(source, values, "enablefirewall"),
            inbound=_inbound(source, values),
            outbound=_action(source, values, "defaultoutboundaction"),
            state_span=Span(source.path, state_at, source.lines[state_at - 1].strip()),
            policy_span=Span(source.path, policy_at, source.lines[policy_at - 1].strip()),
            local_rules=_flag(source, values, "allowlocalpolicymerge"),
            local_span=Span(source.path, merge_at, source.lines[merge_at - 1].strip()),
        )


def _inbound(source: Source, values: dict[str, tuple[int, int]]) -> str | None:
    shields = [_flag(source, values, key) for key in ("donotallowexceptions", "shielded")]
    if True in shields:
        return "block-always"
    return _action(source, values, "defaultinboundaction")


def _flag(source: Source, values: dict[str, tuple[int, int]], key: str) -> bool | None:
    if key not in values:
        return None
    number, line = values[key]
    if number not in (0, 1):
        raise ExportError(f"{key} is {number}, which means nothing", "export it again", source.path, line)
    return number == 1


def _action(source: Source, values: dict[str, tuple[int, int]], key: str) -> str | None:
    if key not in values:
        return None
    number, line = values[key]
    if number not in _ACTIONS:
        raise ExportError(f"{key} is {number}, which means nothing", "export it again", source.path, line)
    return _ACTIONS[number]


def _meaningless(source: Source, entry: Value) -> ExportError:
    problem = f"the value {(entry.name or '')[:60]!r} of a profile is no number"
    return ExportError(problem, "export it again", source.path, entry.line)
