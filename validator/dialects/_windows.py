"""A Windows host's exports as a firewall of the model.

[MS-FASP] 2.2.34 and Microsoft's documentation of the Windows Filtering Platform: authenticated bypass
before block, block before allow, then the default of the profile; no order among rules. A profile is
a class of interfaces, so it is a name of an interface here. Replies of a known connection pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from validator.dialects import Fragment, Options
from validator.dialects._windows_changes import apply
from validator.dialects._windows_keywords import Keywords
from validator.dialects._windows_matches import Scope
from validator.dialects._windows_rules import (
    GROUP_POLICY,
    PROFILES,
    Limit,
    PortProxies,
    WindowsChanges,
    WindowsProfiles,
    WindowsRule,
    WindowsRules,
)
from validator.dialects._windows_sides import Side
from validator.dialects._windows_states import Settled, proxy, settle
from validator.dialects._windows_store import WindowsStore, opened
from validator.model import (
    ACCEPT,
    DROP,
    Chain,
    Condition,
    ConditionMatch,
    Firewall,
    Forward,
    Hook,
    InterfaceMatch,
    Match,
    Proxy,
    Rule,
    stateful,
    undecidable,
)
from validator.packets.fields import Field
from validator.source import Span

_Weighed = tuple[WindowsRule, tuple[str, ...], WindowsRule, bool]
"""A rule as it counts, what its dump hides, the rule that the export tells, and whether it is void here."""
_HELPER = (r"%SystemRoot%\System32\svchost.exe", "iphlpsvc")
_RULES_COMMAND = "netsh advfirewall firewall show rule name=all verbose"


def convert(fragments: Sequence[Fragment], options: Options) -> Firewall | None:
    """The firewall of a host; without chains where only facts beside rules were given.

    Raises ExportError where two exports say different things of one profile.
    """
    stores = [fragment.data for fragment in fragments if isinstance(fragment.data, WindowsStore)]
    fragments = list(opened(fragments))
    exported = [fragment.data for fragment in fragments if isinstance(fragment.data, WindowsRules)]
    changes = [fragment.data for fragment in fragments if isinstance(fragment.data, WindowsChanges)]
    rules = apply(exported, changes)
    settled = settle([fragment.data for fragment in fragments if isinstance(fragment.data, WindowsProfiles)], changes)
    states = settled.states
    chosen, other_proxies = proxy([fragment.data for fragment in fragments if isinstance(fragment.data, Proxy)])
    paths = tuple(dict.fromkeys(fragment.path for fragment in fragments))
    off = {name: state.state_span for name, state in states.items() if state.on is False}
    chains: dict[str, Chain] = {}
    hooks: dict[Hook, tuple[str, ...]] = {}
    if rules or states or changes:
        build = _Builder(rules, bool(exported), settled, stores, options, paths[0])
        chains = {"inbound": build.chain(True), "outbound": build.chain(False)}
        hooks = {Hook.INPUT: ("inbound",), Hook.OUTPUT: ("outbound",)}
    return Firewall(
        host=options.host,
        name="Windows Firewall",
        platform="windows",
        family=options.family,
        hooks=hooks,
        chains=chains,
        exports=paths,
        profiles=PROFILES,
        active_profiles=_active(fragments),
        profiles_off=off,
        loopback_filtered=False,
        proxy=chosen,
        forwards=_forwards(fragments),
        overruled=(*settled.overruled, *other_proxies),
    )


def _active(fragments: Sequence[Fragment]) -> tuple[str, ...]:
    """The profiles that exports say are active, in the order of PROFILES."""
    data = [fragment.data for fragment in fragments]
    current = {name for each in data if isinstance(each, WindowsProfiles) for name in each.current}
    return tuple(name for name in PROFILES if name in current)


def _forwards(fragments: Sequence[Fragment]) -> tuple[Forward, ...]:
    """The port proxies. The IP Helper service, in a `svchost.exe`, listens and connects anew."""
    data = [fragment.data for fragment in fragments]
    every = [row for each in data if isinstance(each, PortProxies | WindowsChanges) for row in each.proxies]
    return tuple(
        Forward(
            row.family, row.listen_address, row.listen_port, row.connect_address, row.connect_port, _HELPER, row.span
        )
        for row in every
    )


class _Builder:
    """Makes the chain of one direction from rules and profile states."""

    def __init__(
        self,
        rules: Sequence[WindowsRules],
        exported: bool,
        settled: Settled,
        stores: Sequence[WindowsStore],
        options: Options,
        path: str,
    ) -> None:
        self._dumps, self._exported, self._options, self._path = rules, exported, options, path
        self._states, self._complete, self._local = settled.states, settled.complete, settled.local
        self._void = {name for name, state in settled.states.items() if state.local_rules is False}
        self._policy = {word for store in stores for word in store.covers}
        self._active_store = {store.path for store in stores for each in store.profiles if each.store == "effective"}
        self._scope = Scope(options.host, Keywords(options.addresses, options.interfaces, options.keywords))

    def chain(self, inbound: bool) -> Chain:
        """The rules of a direction in the order in which Windows weighs them; first what may be more than a rule."""
        name = "inbound" if inbound else "outbound"
        rules: list[Rule] = []
        for rule in (rule for dump in self._dumps for rule in dump.rules if rule.anything):
            rules.extend(undecidable((), rule.span, rule.canonical, rule.why))
        rules.append(stateful(Span(self._path, 1, "replies pass (stateful firewall)")))
        for profile in PROFILES:
            rules.extend(self._overruled(profile, inbound))
            rules.extend(self._switched(profile, inbound))
        for state in self._states.values():
            if state.local_rules is False and not self._knows_policy(inbound):
                why = f"local rules do not count in the {state.name} profile; those of group policy are not exported"
                here = (self._profile(state.name, inbound),)
                rules.extend(undecidable(here, state.policy_span, why, why))
        rules.extend(self._rules_of_policy(inbound))
        rules.extend(self._weighed(inbound))
        for profile in PROFILES:
            rules.extend(self._default(profile, inbound))
        last = DROP if inbound else ACCEPT
        span = Span(self._path, 1, f"default: {name} connections on an interface without a profile")
        return Chain(name, tuple(rules), Rule((), last, span, "default", implicit=True))

    def _knows_policy(self, inbound: bool) -> bool:
        """Whether the rules of group policy were exported."""
        return GROUP_POLICY[0 if inbound else 1] in self._policy

    def _in_force(self, rule: WindowsRule, inbound: bool) -> Iterator[tuple[WindowsRule, bool]]:
        """A rule in the profiles in which it counts, and, with True, where it is void: local ones may be ([MS-FASP]
        2.2.38). Whether the ActiveStore holds such rules or only those that count, Microsoft does not say: one from
        there is on a condition."""
        here = tuple([name for name in rule.profiles if name in self._void])
        if rule.store != "local" or not here or not self._knows_policy(inbound):
            yield rule, False
            return
        if rule.path in self._active_store:
            limit = Limit("other", f"rules made locally count in the profiles {', '.join(here)}, though not merged")
            yield replace(rule, profiles=here, limits=(*rule.limits, limit)), False
        else:
            yield replace(rule, profiles=here, enabled=False), True
        left = tuple(name for name in rule.profiles if name not in self._void)
        if left:
            yield replace(rule, profiles=left), False

    # --- profiles ----------------------------------------------------------

    def _profile(self, profile: str, inbound: bool) -> Match:
        return InterfaceMatch(Field.IN_INTERFACE if inbound else Field.OUT_INTERFACE, (profile,))

    def _assumed(self, text: str, value: bool) -> ConditionMatch:
        """A condition on a profile nobody exported, with the value Windows starts with."""
        taken = None if "profile-defaults" in self._options.withdrawn else value
        key = f"{self._options.host}: {text}"
        return ConditionMatch(Condition(key, text, Span(self._path, 1), "profile-defaults", taken))

    def _overruled(self, profile: str, inbound: bool) -> Iterator[Rule]:
        """What group policy may make of a profile of which only the local settings are known: anything."""
        if profile in self._local and not self._knows_policy(inbound):
            text = f"group policy sets the {profile} profile otherwise"
            span = self._states[profile].state_span
            yield from self._by_policy((self._profile(profile, inbound),), span, text)

    def _rules_of_policy(self, inbound: bool) -> Iterator[Rule]:
        """What rules of group policy may do beside those that were exported: anything, and their blocks override."""
        if self._exported and not self._knows_policy(inbound):
            text = f"group policy has {'inbound' if inbound else 'outbound'} rules of its own"
            yield from self._by_policy((), Span(self._path, 1, text), text)

    def _by_policy(self, here: tuple[Match, ...], span: Span, text: str) -> Iterator[Rule]:
        """Rules that may do anything `here`, if group policy says so."""
        taken = None if "group-policy" in self._options.withdrawn else False
        key = f"{self._options.host}: {text}"
        otherwise = ConditionMatch(Condition(key, text, span, "group-policy", taken))
        yield from undecidable((*here, otherwise), span, text, text)

    def _switched(self, profile: str, inbound: bool) -> Iterator[Rule]:
        """What a profile's state does before any rule: off lets all pass, block-always nothing in."""
        state = self._states.get(profile)
        here = self._profile(profile, inbound)
        if state is None or state.on is None:
            span = state.state_span if state else Span(self._path, 1, f"the {profile} profile's state is not exported")
            unknown = self._assumed(f"the {profile} profile is off", False)
            yield Rule((here, unknown), ACCEPT, span, f"{profile} profile off", implicit=True)
        elif not state.on:
            yield Rule((here,), ACCEPT, state.state_span, f"{profile} profile off")
        if not inbound:
            return
        if state is None or state.inbound is None:
            span = (
                state.policy_span if state else Span(self._path, 1, f"the {profile} profile's policy is not exported")
            )
            unknown = self._assumed(f"the {profile} profile blocks all inbound connections", False)
            yield Rule((here, unknown), DROP, span, f"{profile} BlockInboundAlways", implicit=True)
        elif state.inbound == "block-always":
            yield Rule((here,), DROP, state.policy_span, f"{profile} BlockInboundAlways")
        elif profile not in self._complete:
            unknown = self._assumed(f"the {profile} profile blocks all inbound connections by local settings", False)
            yield Rule((here, unknown), DROP, state.policy_span, f"{profile} BlockInboundAlways", implicit=True)

    def _default(self, profile: str, inbound: bool) -> Iterator[Rule]:
        """The default action of a profile; Windows' own for one nobody exported."""
        state = self._states.get(profile)
        here = self._profile(profile, inbound)
        told = (state.inbound if inbound else state.outbound) if state else None
        way = "inbound" if inbound else "outbound"
        if told is not None and state is not None:
            action = ACCEPT if told == "allow" else DROP
            span = state.policy_span if inbound else state.outbound_span or state.policy_span
            yield Rule((here,), action, span, f"{profile} default {way} {told}")
            return
        text = f"default of the {profile} profile: {way} connections that match no rule are "
        text += "blocked" if inbound else "allowed"
        span = Span(self._path, 1, text)
        unusual = self._assumed(
            f"the {profile} profile {'allows' if inbound else 'blocks'} {way} connections by default", False
        )
        usual, other = (DROP, ACCEPT) if inbound else (ACCEPT, DROP)
        yield Rule((here, unusual), other, span, f"{profile} other default {way}", implicit=True)
        yield Rule((here,), usual, span, f"{profile} default {way}", implicit=True)

    # --- rules -------------------------------------------------------------

    def _weighed(self, inbound: bool) -> Iterator[Rule]:
        """Bypass, then block, then allow; rules that were not understood first, since they may be any."""
        if not self._exported:
            why = f"the rules were not exported: run {_RULES_COMMAND}"
            yield from undecidable((), Span(self._path, 1, why), why, why)
        weighed: dict[str, list[_Weighed]] = {"bypass": [], "block": [], "allow": []}
        for dump in self._dumps:
            for rule in dump.rules:
                if rule.anything or (rule.inbound is not inbound and not rule.why):
                    continue
                for counting, void in self._in_force(rule, inbound):
                    if not counting.why:
                        weighed[counting.action].append((counting, dump.hides, rule, void))
                    elif not void:
                        yield from undecidable((), counting.span, counting.canonical, counting.why)
        side = Side(inbound, self._options, self._scope)
        for action, rules in weighed.items():
            for each in rules:
                if each[0].store != "static" or action == "block":
                    yield self._rule(side, *each)
            if action == "block":
                for rule, hides, *_ in weighed["allow"]:
                    yield from self._unsecured(side, rule, hides)

    def _unsecured(self, side: Side, rule: WindowsRule, hides: tuple[str, ...]) -> Iterator[Rule]:
        """[MS-FASP] 2.2.35: what an allow rule matches but for its protection by IPsec "is blocked"; whether
        before other allow rules nobody can tell here."""
        secure = next((limit for limit in rule.limits if limit.kind == "security"), None)
        if secure is None:
            return
        rest = replace(rule, limits=tuple(limit for limit in rule.limits if limit is not secure))
        unsecured = replace(self._scope.condition(secure.sentence), expected=False)
        stops = self._scope.condition(f"unsecured traffic of {rule.path}:{rule.line} is blocked")
        matches = side.matches(rest, rest.span, hides)
        yield Rule((*matches, unsecured, stops), DROP, rule.span, rule.canonical, "", rule.enabled)

    def _rule(self, side: Side, rule: WindowsRule, hides: tuple[str, ...], told: WindowsRule, void: bool) -> Rule:
        """A rule as it counts, in the words of the one that the export tells."""
        span = told.span
        action = DROP if rule.action == "block" else ACCEPT
        matches = side.matches(rule, span, hides)
        return Rule(matches, action, span, told.canonical, rule.name, rule.enabled, void=void)
