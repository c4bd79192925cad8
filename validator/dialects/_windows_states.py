"""The states of a Windows host's profiles where several exports tell them, and its proxy: which wins.

What is in force comes first, then group policy, then what netsh shows or is set locally, setting by setting (RANKS).
[MS-FASP] 2.2.38 gives for each setting the law by which group policy and local settings merge: the value of group
policy wins for the state and the defaults; blocking all inbound connections (SHIELDED) is on where either says so;
whether local rules count (ALLOW_LOCAL_POLICY_MERGE) is for group policy alone to say. A script of changes changes what
is set locally, and what is in force with it, but for what group policy sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from validator.dialects._windows_changes import apply_profiles
from validator.dialects._windows_rules import RANKS, ProfileState, WindowsChanges, WindowsProfiles
from validator.errors import ExportError
from validator.model import Overruled, Proxy
from validator.source import Span

States = dict[str, ProfileState]
_NAMES = {
    "effective": "what the host says is in force",
    "gpo": "group policy",
    "shown": "what netsh shows",
    "local": "what is set locally",
}
_SCRIPT = "the script runs after the export was made"
_FIELDS = ("on", "inbound", "outbound", "local_rules")
_SHIELDED = "block-always"
_SETTINGS = {
    "on": "the state of the firewall",
    "inbound": "the inbound default",
    "outbound": "the outbound default",
    "local_rules": "the merging of local rules",
}


class Settled(Struct, frozen=True):
    """The state of each profile once scripts have run, and what was overruled on the way. `complete` names the profiles
    of which it is known whether they block all inbound connections, which group policy alone does not tell; `local`
    those that are set locally as far as is known (by a `.wfw`, a script), which group policy may overrule."""

    states: States
    overruled: tuple[Overruled, ...] = ()
    complete: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()


def settle(exports: Sequence[WindowsProfiles], changes: Sequence[WindowsChanges]) -> Settled:
    """What counts of what the exports and scripts say of the profiles.

    Raises ExportError where two exports of one rank say different things of one profile.
    """
    ranked = _ranked(exports)
    overruled: list[Overruled] = []
    scripted: set[str] = set()
    for store in ("effective", "shown", "local"):
        if ranked[store] or (store == "local" and not ranked["effective"] and not ranked["shown"]):
            before = ranked[store]
            after = apply_profiles(before, changes)
            scripted.update(name for name, state in after.items() if state != before.get(name))
            if store == "effective":
                after = _kept(before, after, ranked["gpo"], overruled)
            for name in (name for name in after if name in before):
                overruled += _differences(after[name], before[name], _SCRIPT)
            ranked[store] = after
    complete = frozenset((*ranked["effective"], *ranked["shown"], *ranked["local"]))
    merged: States = {}
    for name in dict.fromkeys(name for states in ranked.values() for name in states):
        told = [(store, ranked[store][name]) for store in RANKS if name in ranked[store]]
        merged[name] = _merged(told, overruled)
    lost = {(each.setting, each.overruled_span) for each in overruled}
    final = [each for each in overruled if (each.setting, each.span) not in lost]
    in_force = {name for store in ("effective", "shown") for name in ranked[store]} - scripted
    local = frozenset((*ranked["local"], *scripted)) - in_force - frozenset(ranked["gpo"])
    return Settled(merged, tuple(dict.fromkeys((*final, *_without_local_rules(merged)))), complete, local)


def _ranked(exports: Sequence[WindowsProfiles]) -> dict[str, States]:
    """The states by rank. Whether local rules count is not for the local settings to say, and netsh says it only
    where they do not (`N/A (GPO-store only)` otherwise)."""
    ranked: dict[str, States] = {store: {} for store in RANKS}
    for export in exports:
        for state in export.profiles:
            if export.store == "local" or (export.store == "shown" and state.local_rules):
                state = replace(state, local_rules=None)
            known = ranked[export.store].setdefault(state.name, state)
            if known.says != state.says:
                span, other = state.state_span, known.state_span
                problem = f"the {state.name} profile is set otherwise than in {other.path}:{other.line}"
                raise ExportError(problem, "pass one export of the profiles for each host", span.path, span.line)
    return ranked


def _kept(before: States, after: States, policy: States, overruled: list[Overruled]) -> States:
    """What is in force after a script: settings that group policy makes stay as they were."""
    found: States = {}
    for name, state in after.items():
        old = before.get(name) or ProfileState(name, None, None, None, state.state_span, state.policy_span)
        set_there = policy.get(name)
        if set_there is not None:
            overruled += [
                replace(each, why=f"{_NAMES['gpo']} counts before what a script sets locally")
                for each in _differences(set_there, state, "")
                if each.overruled_span not in (old.state_span, old.policy_span)
            ]
            if set_there.on is not None:
                state = replace(state, on=old.on, state_span=old.state_span)
            if set_there.inbound is not None or set_there.outbound is not None:
                state = replace(state, policy_span=old.policy_span)
            state = replace(
                state,
                inbound=state.inbound if set_there.inbound is None else old.inbound,
                outbound=state.outbound if set_there.outbound is None else old.outbound,
            )
        found[name] = state
    return found


def _merged(told: Sequence[tuple[str, ProfileState]], overruled: list[Overruled]) -> ProfileState:
    """A profile's state from what each store says of it, the first in rank first."""
    winners: dict[str, ProfileState] = {}
    for name in _FIELDS:
        saying = [(store, state) for store, state in told if getattr(state, name) is not None]
        if not saying:
            continue
        first, winner = saying[0]
        why = "{} counts before {}"
        if name == "inbound" and first == "gpo" and any(state.inbound == _SHIELDED for _, state in saying):
            first, winner = next(each for each in saying if each[1].inbound == _SHIELDED)
            why = "blocking all inbound connections is on where either says so"
        for store, state in saying:
            overruled += _differences(winner, state, why.format(_NAMES[first], _NAMES[store]), (name,))
        winners[name] = winner
    last = told[0][1]
    on, inbound, outbound = (winners.get(name, last) for name in ("on", "inbound", "outbound"))
    policy = inbound if "inbound" in winners else outbound
    return ProfileState(
        name=last.name,
        on=on.on,
        inbound=inbound.inbound,
        outbound=outbound.outbound,
        state_span=on.state_span,
        policy_span=policy.policy_span,
        local_rules=winners.get("local_rules", last).local_rules,
        local_span=winners.get("local_rules", last).local_span,
        outbound_span=outbound.policy_span if outbound.policy_span != policy.policy_span else None,
    )


def _differences(
    wins: ProfileState, loses: ProfileState, why: str, names: Sequence[str] = _FIELDS
) -> Iterator[Overruled]:
    """Those of the settings `names` that both say, and differently."""
    for name in names:
        ours, theirs = getattr(wins, name), getattr(loses, name)
        if ours is None or theirs is None or ours == theirs:
            continue
        setting = f"{_SETTINGS[name]} in the {wins.name} profile"
        yield Overruled(setting, _word(ours), _span(name, wins), _word(theirs), _span(name, loses), why)


def _span(name: str, state: ProfileState) -> Span:
    """The line that says a setting."""
    spans = {"on": state.state_span, "outbound": state.outbound_span, "local_rules": state.local_span}
    return spans.get(name) or state.policy_span


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def proxy(found: Sequence[Proxy]) -> tuple[Proxy | None, list[Overruled]]:
    """The proxy setting among the exports: one that is configured before one that is not; and what it overrules."""
    chosen = next((each for each in found if each.server), found[0] if found else None)
    if chosen is None:
        return None, []
    why = "the first one that is configured is looked at: WinHTTP and Internet Settings are for different programs"
    return chosen, [
        Overruled("the proxy", _setting(chosen), chosen.span, _setting(each), each.span, why)
        for each in found
        if _setting(each) != _setting(chosen)
    ]


def _setting(proxy: Proxy) -> str:
    if not proxy.server:
        return "none"
    return f"{proxy.server}, {'' if proxy.bypass_local else 'not '}bypassed for local addresses"


def _without_local_rules(found: Mapping[str, ProfileState]) -> Iterator[Overruled]:
    """The profiles in which local rules do not count."""
    for state in found.values():
        if state.local_rules is False:
            setting, span = f"the source of rules in the {state.name} profile", state.local_span or state.policy_span
            yield Overruled(setting, "group policy alone", span, "rules made locally", span, "merging them is off")
