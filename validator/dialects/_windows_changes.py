"""Rules and profiles as they will be once a script of changes has run.

`set` and `delete` choose rules by every selector given. Whether a selector chooses a rule is known where their values
are equal, or have nothing in common; otherwise (a plain dump that hides programs, a name that was exported as
`@FirewallAPI.dll,-28502`, a group, which no export gives) the rule stands there both ways, each on a condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects._netsh_values import LIMIT_KINDS, changed, icmp_rows, unset, value
from validator.dialects._windows_rules import PROFILES, Change, Limit, ProfileState, WindowsChanges, WindowsRule
from validator.dialects._windows_rules import WindowsRules as Rules
from validator.packets.fields import Intervals
from validator.packets.intervals import meets, normalise
from validator.source import Span

_RULES_COMMAND = "netsh advfirewall firewall show rule name=all verbose"
_CHOOSING = ("set", "delete")
_OF_RULES = ("add", *_CHOOSING, "reset")
"""The verbs of changes that, not understood, may change any rule, but nothing else."""


class _Entry(Struct):
    """A rule of a list being changed, and which export or script it came from."""

    rule: WindowsRule
    owner: int
    hides: tuple[str, ...]


def apply(rules: list[Rules], changes: Sequence[WindowsChanges]) -> list[Rules]:
    """The rules of each export, and of each script, after the scripts have run in order.

    A change that is not understood is a rule that says why. Without rules (none exported) the added ones stand, and
    `set` and `delete` are such rules; that other rules may exist is for the caller to say.
    """
    entries = [_Entry(rule, owner, dump.hides) for owner, dump in enumerate(rules) for rule in dump.rules]
    for owner, script in enumerate(changes, len(rules)):
        for change in script.changes:
            entries = list(_changed(entries, change, owner, bool(rules)))
    lists = [*rules, *(Rules(script.path, ()) for script in changes)]
    return [
        replace(each, rules=tuple(entry.rule for entry in entries if entry.owner == owner))
        for owner, each in enumerate(lists)
    ]


def _changed(entries: Iterable[_Entry], change: Change, owner: int, exported: bool) -> Iterator[_Entry]:
    """The rules after one change."""
    why = change.why
    if not why and change.verb == "reset":
        why = "it leaves the rules that Windows starts with, which are not exported"
        entries = [entry for entry in entries if entry.rule.store != "local" or entry.rule.why]
    elif not why and change.verb in _CHOOSING:
        entries = [after for entry in entries for after in _after(entry, change)]
        why = "" if exported else f"it changes rules that were not exported: run {_RULES_COMMAND}"
    yield from entries
    if why:
        text = f"not understood, or not known: {why} ({change.span.text[:80]})"
        yield _Entry(replace(unset(change.span, text), anything=change.verb not in _OF_RULES), owner, ())
    elif change.verb == "add" and change.rule is not None:
        yield _Entry(change.rule, owner, ())


def _after(entry: _Entry, change: Change) -> Iterator[_Entry]:
    """What becomes of a rule: itself, changed, gone, or both ways where it is not known whether it is chosen."""
    chosen = _chosen(entry, change.selects)
    if chosen is False or entry.rule.why:
        yield entry
        return
    new = changed(entry.rule, dict(change.new)) if change.verb == "set" else None
    if new == entry.rule:
        yield entry
    elif chosen:
        yield from [replace(entry, rule=new)] if new else []
    else:
        where = f"{change.span.path}:{change.span.line} {'{}'} the rule at {entry.rule.path}:{entry.rule.line}"
        yield replace(entry, rule=_limited(entry.rule, where.format("leaves")))
        yield from [replace(entry, rule=_limited(new, where.format("changes")))] if new else []


def _limited(rule: WindowsRule, sentence: str) -> WindowsRule:
    return replace(rule, limits=(*rule.limits, Limit("other", sentence)))


# --- which rules are chosen ------------------------------------------------


def _chosen(entry: _Entry, selects: Sequence[tuple[str, str]]) -> bool | None:
    """Whether all selectors choose a rule; None where that is not known. Only local rules can be chosen."""
    if entry.rule.store != "local":
        return False
    answers = {_selected(entry, key, text) for key, text in selects}
    return False if False in answers else (None if None in answers else True)


def _selected(entry: _Entry, key: str, text: str) -> bool | None:
    rule = entry.rule
    if key == "name":
        unresolved = rule.name.startswith("@") or "ms-resource:" in rule.name
        same = text.lower() == "all" or rule.name.strip().casefold() == text.casefold()
        return same or (None if unresolved else False)
    if key == "dir":
        return rule.inbound is (text == "in")
    if key == "profile":
        ours, theirs = set(rule.profiles), set(text.split(","))
        return _sets(ours == theirs, bool(ours & theirs))
    if key == "protocol":
        return _protocol(rule, text)
    if key in ("program", "service"):
        return _limit(entry, key, text)
    texts = {"localip": rule.local_ip, "remoteip": rule.remote_ip}
    texts |= {"localport": rule.local_port, "remoteport": rule.remote_port}
    return _lists(key, texts[key], text) if key in texts else None


def _sets(equal: bool, common: bool) -> bool | None:
    """Equal values choose a rule; those with nothing in common do not."""
    return True if equal else (None if common else False)


def _protocol(rule: WindowsRule, text: str) -> bool | None:
    ours, theirs = value("protocol", rule.protocol), text.partition(":")[0]
    if not ours or "any" in (ours, theirs):
        return True if ours == theirs else None
    if ours != theirs:
        return False
    return True if set(rule.icmp) == set(icmp_rows(text)) else None


def _limit(entry: _Entry, key: str, text: str) -> bool | None:
    if key in entry.hides:
        return None
    kind = LIMIT_KINDS[key]
    found = [limit.value for limit in entry.rule.limits if limit.kind == kind]
    if not found or "%" in found[0] + text or text.lower() == "any":
        return None
    return found[0].casefold() == text.casefold()


def _lists(key: str, ours: str, theirs: str) -> bool | None:
    """Whether two lists of addresses or ports are the same, or apart."""
    read = value(key, ours.replace(" ", ""))
    if not read:
        return None
    if set(read.lower().split(",")) == set(theirs.lower().split(",")):
        return True
    a, b = _intervals(key, read), _intervals(key, theirs)
    if a is None or b is None:
        return None
    if a == b:
        return True
    return None if any(meets(a[version], b[version]) for version in a) else False


def _intervals(key: str, text: str) -> Mapping[int, Intervals] | None:
    """The numbers of a list by address version (0 for ports); None where a word stands in it."""
    found: dict[int, list[tuple[int, int]]] = {0: [], 4: [], 6: []}
    for part in text.split(","):
        low, _, high = part.partition("-")
        try:
            if key.endswith("port"):
                found[0].append((int(low), int(high or low)))
            elif high:
                found[ip_address(low).version].append((int(ip_address(low)), int(ip_address(high))))
            else:
                net = ip_network(part)
                found[net.version].append((int(net.network_address), int(net.broadcast_address)))
        except ValueError:
            return None
    return {version: normalise(ranges) for version, ranges in found.items()}


# --- profiles --------------------------------------------------------------


def apply_profiles(states: Mapping[str, ProfileState], changes: Sequence[WindowsChanges]) -> dict[str, ProfileState]:
    """The profile states after the scripts have run, by profile.

    A change that is not understood leaves nothing known of any profile; `apply` gives a rule that says so.
    """
    found = dict(states)
    for change in (change for script in changes for change in script.changes):
        if change.why and change.verb not in _OF_RULES:
            found = {
                name: replace(state, on=None, inbound=None, outbound=None, state_span=change.span)
                for name, state in found.items()
            }
        elif change.verb == "reset":
            for name in PROFILES:
                found[name] = _set(found.get(name), name, _OUT_OF_BOX, change.span)
        elif change.verb == "profile" and not change.why:
            for _, name in change.selects:
                found[name] = _set(found.get(name), name, dict(change.new), change.span)
    return found


_OUT_OF_BOX = {"state": "on", "inbound": "block", "outbound": "allow"}


def _set(state: ProfileState | None, name: str, new: Mapping[str, str], span: Span) -> ProfileState:
    """A profile's state with what a command sets."""
    state = state or ProfileState(name, None, None, None, span, span)
    if "state" in new:
        state = replace(state, on=new["state"] == "on", state_span=span)
    if "inbound" in new or "outbound" in new:
        inbound, outbound = new.get("inbound", state.inbound), new.get("outbound", state.outbound)
        state = replace(state, inbound=inbound, outbound=outbound, policy_span=span)
    if new.get("exceptions") == "enable" and state.inbound == "block-always":
        state = replace(state, inbound=None, policy_span=span)
    return state
