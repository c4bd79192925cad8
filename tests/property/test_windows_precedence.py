"""Windows' order of precedence, as its documentation states it, and what the converter and both engines make of it.

The reference below is written from the documentation alone, one packet and one rule at a time:

- [MS-FASP] 2.2.34: "Allow-bypass rules take precedence over block rules, and block rules take precedence over allow
  rules"; allow-bypass only for rules with the authenticate flag.
- [MS-FASP] 2.2.35: a rule without FW_RULE_FLAGS_ACTIVE is disabled.
- netsh advfirewall set ... firewallpolicy: blockinbound and allowinbound are for connections "that do not match a
  rule", blockinboundalways is "even if the connection matches a rule"; state off filters nothing.
- LocalFirewallRules (AllowLocalPolicyMerge) off: rules made locally do not count.
- The firewall is stateful, and does not filter loopback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.property.test_interpret import leaf, levels_of
from validator.dialects import Fragment, Options
from validator.dialects._windows import convert
from validator.dialects._windows_rules import (
    GROUP_POLICY,
    LOCAL,
    PROFILES,
    Limit,
    ProfileState,
    WindowsProfiles,
    WindowsRule,
    WindowsRules,
)
from validator.dialects._windows_store import WindowsStore
from validator.engine.evaluate import Evaluator, interface_patterns
from validator.engine.interpret import interpret
from validator.engine.packet import Packet
from validator.model import LOOPBACK, Firewall, Hook
from validator.packets.fields import TCP, UDP, Family, Field, State
from validator.packets.space import PacketSpace
from validator.source import Span

PROGRAM, AUTHENTICATED = Limit("program", "C:\\a.exe"), Limit("security", "Authenticate")
SPAN = Span("states", 1)
NUMBERS = {"TCP": TCP, "UDP": UDP, "1": 1, "17": UDP}
ADDRESSES = ("10.0.0.1", "10.0.0.9", "10.9.9.9", "192.0.2.1")
VALUES: Mapping[Field, tuple[int, ...]] = {
    Field.SOURCE: tuple(int(ip_address(text)) for text in ADDRESSES),
    Field.DESTINATION: tuple(int(ip_address(text)) for text in ADDRESSES),
    Field.SOURCE_PORT: (0, 79, 80, 81, 443, 65535),
    Field.DESTINATION_PORT: (0, 79, 80, 81, 443, 65535),
    Field.PROTOCOL: (1, TCP, UDP),
    Field.STATE: (int(State.NEW), int(State.NEW), int(State.NEW), int(State.ESTABLISHED)),
}


# --- the documentation, read literally ---------------------------------------


def documented(
    states: Mapping[str, ProfileState], rules: Sequence[WindowsRule], packet: Packet, told: Mapping[Limit, bool]
) -> str:
    """Whether Windows allows or blocks `packet`; `told` says which limits hold for it."""
    inbound = packet.hook is Hook.INPUT
    interface = packet.in_interface if inbound else packet.out_interface
    if interface == LOOPBACK or packet.values[Field.STATE] == int(State.ESTABLISHED):
        return "allow"
    state = states[interface]
    if not state.on:
        return "allow"
    if inbound and state.inbound == "block-always":
        return "block"
    actions = {
        rule.action
        for rule in rules
        if rule.enabled
        and rule.inbound is inbound
        and interface in rule.profiles
        and (rule.store == "gpo" or state.local_rules is not False)
        and is_about(rule, packet)
        and all(told[limit] for limit in rule.limits)
    }
    for action, result in (("bypass", "allow"), ("block", "block"), ("allow", "allow")):
        if action in actions:
            return result
    default = state.inbound if inbound else state.outbound
    return "allow" if default == "allow" else "block"


def is_about(rule: WindowsRule, packet: Packet) -> bool:
    """Whether the header of `packet` is one that `rule` names."""
    local, remote = Field.SOURCE, Field.DESTINATION
    local_port, remote_port = Field.SOURCE_PORT, Field.DESTINATION_PORT
    if rule.inbound:
        local, remote, local_port, remote_port = remote, local, remote_port, local_port
    return (
        (rule.protocol == "any" or packet.values[Field.PROTOCOL] == NUMBERS[rule.protocol])
        and has_address(rule.local_ip, packet.values[local])
        and has_address(rule.remote_ip, packet.values[remote])
        and has_port(rule.local_port, packet.values[local_port])
        and has_port(rule.remote_port, packet.values[remote_port])
    )


def has_address(text: str, number: int) -> bool:
    return text == "any" or any(ip_address(number) in ip_network(part) for part in text.split(","))


def has_port(text: str, number: int) -> bool:
    bounds = [part.partition("-") for part in text.split(",")]
    return text == "any" or any(int(low) <= number <= int(high or low) for low, _, high in bounds)


# --- random hosts ------------------------------------------------------------


@st.composite
def profile_states(draw: st.DrawFn, merging: bool = True) -> dict[str, ProfileState]:
    """A state for each profile; where not `merging`, some void the rules made locally."""
    return {
        name: ProfileState(
            name,
            draw(st.sampled_from([True, True, True, False])),
            draw(st.sampled_from(["block", "block", "allow", "block-always"])),
            draw(st.sampled_from(["allow", "block"])),
            SPAN,
            SPAN,
            True if merging else draw(st.booleans()),
        )
        for name in PROFILES
    }


@st.composite
def windows_rules(draw: st.DrawFn, line: int, stores: tuple[str, ...] = ("local",)) -> WindowsRule:
    """A rule at `line` whose fields meet those of the packets now and then."""
    protocol = draw(st.sampled_from(["any", "any", "TCP", "TCP", "UDP", "1"]))
    ports = st.sampled_from(["any", "80", "79-80,443", "0-65535"]) if protocol in ("TCP", "UDP") else st.just("any")
    addresses = st.sampled_from(["any", "any", "10.0.0.1/32", "10.0.0.0/24,192.0.2.1/32", "10.0.0.0/8", "fe80::/10"])
    action = draw(st.sampled_from(["allow", "allow", "block", "bypass"]))
    limits = [AUTHENTICATED] if action == "bypass" else []
    limits += [PROGRAM] if draw(st.booleans()) else []
    profiles = draw(st.lists(st.sampled_from(PROFILES), min_size=1, max_size=3, unique=True))
    return WindowsRule(
        *("rules", line, f"rule {line}", draw(st.integers(0, 4)) > 0, draw(st.booleans()), tuple(profiles), protocol),
        *(draw(addresses), draw(addresses), draw(ports), draw(ports), action),
        limits=tuple(limits),
        store=draw(st.sampled_from(stores)),
    )


def lists_of_rules(stores: tuple[str, ...] = ("local",)) -> st.SearchStrategy[list[WindowsRule]]:
    return (
        st.integers(0, 6)
        .flatmap(lambda n: st.tuples(*(windows_rules(line + 1, stores) for line in range(n))))
        .map(list)
    )


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """A packet in or out, on the interface of a profile, now and then over loopback."""
    values = {field: draw(st.sampled_from(choices)) for field, choices in VALUES.items()}
    if values[Field.PROTOCOL] == 1:
        values |= {Field.SOURCE_PORT: 0, Field.DESTINATION_PORT: 0}
    name = draw(st.sampled_from([*PROFILES, *PROFILES, LOOPBACK]))
    if draw(st.booleans()):
        return Packet(Hook.INPUT, Family.IPV4, values, in_interface=name)
    return Packet(Hook.OUTPUT, Family.IPV4, values, out_interface=name)


SETTLED = st.fixed_dictionaries({PROGRAM: st.booleans(), AUTHENTICATED: st.booleans()})


def host(states: Mapping[str, ProfileState], rules: Sequence[WindowsRule]) -> Firewall:
    data = (WindowsRules("rules", tuple(rules)), WindowsProfiles("states", tuple(states.values())))
    fragments = [Fragment("netsh-rules", "windows", part.path, part, tuple(Family)) for part in data]
    firewall = convert(fragments, Options("host", Family.IPV4))
    assert firewall is not None
    return firewall


def keys(told: Mapping[Limit, bool]) -> dict[str, bool]:
    """Conditions of the model by key, with the values of `told`."""
    return {f"host: {limit.sentence}": value for limit, value in told.items()}


def evaluated(firewall: Firewall, packet: Packet, told: Mapping[Limit, bool]) -> str:
    """What the packet sets say of one packet."""
    space = PacketSpace(firewall.family, interface_patterns([firewall]) | {LOOPBACK})
    node = Evaluator(space, {}).hook(firewall, packet.hook)
    settled = dict.fromkeys(map(str, space.conditions().values()), False) | keys(told)
    return leaf(node, levels_of(space, packet, settled)).verb.value


WORDS = {"allow": "accept", "block": "drop"}


# --- they agree --------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(profile_states(), lists_of_rules(), st.lists(packets(), min_size=1, max_size=4), SETTLED)
def test_every_packet_gets_what_the_documentation_says(
    states: dict[str, ProfileState], rules: list[WindowsRule], some: list[Packet], told: dict[Limit, bool]
) -> None:
    firewall = host(states, rules)
    for packet in some:
        expected = WORDS[documented(states, rules, packet, told)]
        assert interpret([firewall], packet, keys(told)).verdict == expected
        if LOOPBACK not in (packet.in_interface, packet.out_interface):
            assert evaluated(firewall, packet, told) == expected


@settings(max_examples=200, deadline=None)
@given(profile_states(), lists_of_rules(), packets())
def test_a_verdict_without_conditions_settled_holds_for_all_their_values(
    states: dict[str, ProfileState], rules: list[WindowsRule], packet: Packet
) -> None:
    results = {
        WORDS[documented(states, rules, packet, {PROGRAM: program, AUTHENTICATED: secure})]
        for program in (False, True)
        for secure in (False, True)
    }
    found = interpret([host(states, rules)], packet).verdict
    assert found == (results.pop() if len(results) == 1 else "unknown")


@settings(max_examples=200, deadline=None)
@given(profile_states(), lists_of_rules(), packets(), SETTLED, st.integers(0, 99))
def test_the_order_of_rules_and_of_exports_changes_nothing(
    states: dict[str, ProfileState],
    rules: list[WindowsRule],
    packet: Packet,
    told: dict[Limit, bool],
    seed: int,
) -> None:
    shuffled = sorted(rules, key=lambda rule: (rule.line * (2 * seed + 1)) % 101)
    verdicts = {
        interpret([host(states, order)], packet, keys(told)).verdict for order in (rules, shuffled, rules[::-1])
    }
    assert len(verdicts) == 1


@settings(max_examples=300, deadline=None)
@given(profile_states(merging=False), lists_of_rules(("local", "gpo")), packets(), SETTLED)
def test_where_local_rules_are_void_what_is_said_is_true_or_nothing(
    states: dict[str, ProfileState], rules: list[WindowsRule], packet: Packet, told: dict[Limit, bool]
) -> None:
    expected = WORDS[documented(states, rules, packet, told)]
    assert interpret([host(states, rules)], packet, keys(told)).verdict in (expected, "unknown")


@settings(max_examples=300, deadline=None)
@given(profile_states(merging=False), lists_of_rules(("local", "gpo")), packets(), SETTLED)
def test_where_the_rules_of_group_policy_are_exported_void_local_rules_are_out(
    states: dict[str, ProfileState], rules: list[WindowsRule], packet: Packet, told: dict[Limit, bool]
) -> None:
    policy = WindowsProfiles("states", tuple(states.values()), "gpo")
    local = tuple(ProfileState(name, None, "allow", None, SPAN, SPAN) for name in PROFILES)
    profiles = (policy, WindowsProfiles("states", local, "local"))
    store = WindowsStore("rules", WindowsRules("rules", tuple(rules)), profiles, covers=(*LOCAL, *GROUP_POLICY))
    fragments = [Fragment("reg-export", "windows", "rules", store, tuple(Family))]
    firewall = convert(fragments, Options("host", Family.IPV4))
    assert firewall is not None
    expected = WORDS[documented(states, rules, packet, told)]
    assert interpret([firewall], packet, keys(told)).verdict == expected


def allowed(**changes: object) -> WindowsRule:
    rule = WindowsRule("rules", 1, "a", True, True, PROFILES, "TCP", *("any",) * 2, "80", "any", "allow")
    return replace(rule, **changes)


WEB = {**{field: values[0] for field, values in VALUES.items()}, Field.PROTOCOL: TCP, Field.DESTINATION_PORT: 80}


def test_traffic_that_a_rule_wants_secured_is_not_let_in_unsecured_by_another() -> None:
    states = {name: ProfileState(name, True, "block", "allow", SPAN, SPAN, True) for name in PROFILES}
    firewall = host(states, [allowed(limits=(AUTHENTICATED,)), allowed(line=2)])
    packet = Packet(Hook.INPUT, Family.IPV4, WEB, in_interface="domain")
    assert interpret([firewall], packet).verdict == "unknown"
