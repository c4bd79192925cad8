"""What each target of iptables does to a packet, and that none is passed over."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.dialects.iptables_rules import BASES, V4, V6, bits, conditions, converted, fragment, rules, state, table
from validator.dialects._iptables_targets import TARGETS, Fate
from validator.model import (
    REPLIED_TO,
    AnyInterface,
    Bit,
    Choice,
    Copy,
    FieldMatch,
    InterfaceMatch,
    InterfaceName,
    Rule,
    Verb,
)
from validator.packets.fields import Family, Field, State

EVERY_OPTION = {
    "CT": "--helper ftp", "DNAT": "--to-destination 10.0.0.1", "MARK": "--set-mark 1", "NETMAP": "--to 10.0.0.0/24",
    "CONNMARK": "--save-mark", "SAME": "--to 10.0.0.1", "SET": "--add-set a src --exist", "LOG": "--log-prefix -j",
    "SNAT": "--to-source 10.0.0.1", "REDIRECT": "--to-ports 80", "HMARK": "--hmark-mod 5",
}  # fmt: skip


def verbs(line: str, name: str = "filter") -> list[Verb]:
    return [rule.action.verb for rule in rules(line, name)]


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_target_is_read_with_its_options(name: str) -> None:
    found = rules(f"-A PREROUTING -p tcp -j {name} {EVERY_OPTION.get(name, '')}".strip(), "mangle")
    assert found
    fate = TARGETS[name].fate
    if fate in (Fate.GOES_ON, Fate.SETS):
        assert [rule.action.verb for rule in found] == [Verb.CONTINUE]
    elif fate is Fate.ANYTHING:
        assert not any(rule.understood for rule in found)
    elif fate is Fate.FREE:
        assert [rule.action.verb for rule in found] == [Verb.DELIVER, Verb.DROP]


@pytest.mark.parametrize(
    ("target", "verb"),
    [
        ("-j ACCEPT", Verb.ACCEPT),
        ("-j DROP", Verb.DROP),
        ("-j REJECT --reject-with tcp-reset", Verb.REJECT),
        ("-j RETURN", Verb.RETURN),
        ("", Verb.CONTINUE),
    ],
)
def test_what_decides(target: str, verb: Verb) -> None:
    assert verbs(f"-A INPUT -p tcp {target}".strip()) == [verb]


@pytest.mark.parametrize(
    "target",
    [
        "-j TARGET_OF_TOMORROW --with options",
        "-g ACCEPT",
        "-g nowhere",
        "-j NFQUEUE --queue-num 5 --queue-bypass",
        "-j QUEUE",
        "-j LOG --log-colour red",
        "-j DNAT",
        "-j DNAT --to-destination somewhere",
        "-j DNAT --to-destination 10.0.0.1:90-80",
        "-j DNAT --to-destination 10.0.0.1 --to-destination 10.0.0.2:80",
        "-j REDIRECT --to-ports none",
        "-j MARK",
        "-j MARK --set-mark 0x100000000",
        "-j CONNMARK",
        "-j ACCEPT -j DROP",
        "! -j ACCEPT",
        "-j LOG ! --log-uid",
    ],
)
def test_what_is_not_known_may_do_anything(target: str) -> None:
    found = rules(f"-A PREROUTING -p tcp {target}", "nat")
    assert {rule.action.verb for rule in found} == {Verb.DROP, Verb.ACCEPT, Verb.RETURN}
    assert not any(rule.understood for rule in found)


@pytest.mark.parametrize(
    "target",
    [
        "SNAT",
        "SNAT --to-source x.x.x.x",
        "SNAT --to-source 10.0.0.1:http-ish",
        "SNAT --to-source 10.0.0.1:90-80",
        "SNAT --to-source fd00::1",
        "MASQUERADE --to-ports 99999",
        "NETMAP",
        "NETMAP --to x.x.x.x/24",
        "SAME --to nobody",
    ],
)
def test_a_source_translation_that_is_not_understood_may_be_to_any_source(target: str) -> None:
    found = rules(f"-A POSTROUTING -o eth0 -p tcp -j {target}", "nat")
    assert not any(rule.understood for rule in found)
    hidden = [rule for rule in found if Bit("snat-done") in dict(rule.action.assign)]
    assert [set(dict(rule.action.assign)) for rule in hidden] == [{Bit("snat-done"), *REPLIED_TO}]
    assert {rule.action.verb for rule in found} == {Verb.DROP, Verb.ACCEPT, Verb.RETURN}


VALUES = ["", "x.x.x.x", "1.2.3.4/33", "1.2.3.4:", "::", "[::1]:x", "99999", "-1", "5-", "7/x", "0x", "²", "a,b", '"']


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("family", list(Family))
def test_whatever_the_values_of_a_target_are_nothing_is_raised(name: str, family: Family) -> None:
    """In any table, at any hook, and in a chain that several of them reach."""
    texts = ["", *(f" {option} {value}" for option in TARGETS[name].options for value in VALUES)]
    for each, hooks in BASES.items():
        chains = ["users", *hooks.split()]
        jumps = [f"-A {hook} -j users" for hook in chains[1:]]
        lines = [f"-A {chain} -p tcp -j {name}{text}" for chain in chains for text in texts]
        known = [f"-A {chain} -p udp -j RETURN" for chain in chains for _ in texts]
        dump = (V4 if family is Family.IPV4 else V6) + table(each, *jumps, *lines, *known, users="users")
        assert converted(dump).chains


def test_a_line_that_may_translate_is_there_once_for_each_hook_that_reaches_it() -> None:
    odd = "-A users -p tcp -j NETMAP --to x.x.x.x/24"
    dump = V4 + table("nat", "-A PREROUTING -j users", "-A POSTROUTING -j users", odd, users="users")
    chains = converted(dump).chains
    assert Field.DESTINATION in dict(chains["nat:users"].rules[0].action.assign)
    assert Field.SOURCE in dict(chains["nat:users at POSTROUTING"].rules[0].action.assign)


@pytest.mark.parametrize(("name", "family"), [("TTL", Family.IPV4), ("HL", Family.IPV6)])
@pytest.mark.parametrize(
    ("options", "chain", "used_up"),
    [
        ("set 1", "PREROUTING", True),
        ("set 0", "PREROUTING", True),
        ("dec 1", "PREROUTING", True),
        ("dec 1", "users", True),
        ("set 64", "PREROUTING", False),
        ("inc 1", "PREROUTING", False),
        ("set 1", "FORWARD", False),
        ("dec 1", "POSTROUTING", False),
    ],
)
def test_what_has_no_hops_left_is_perhaps_not_routed(
    name: str, family: Family, options: str, chain: str, used_up: bool
) -> None:
    """As Linux 6.18 has it: set to 1 at PREROUTING a packet to the host gets through, and one through it does not."""
    line = f"-A {chain} -p tcp -j {name} --{name.lower()}-{options}"
    found = rules(line, "mangle", users="users", family=family)
    assert [rule.action.verb for rule in found] == [Verb.DROP] * used_up + [Verb.CONTINUE]
    assert [condition.text for rule in found for condition, _ in conditions(rule.matches)] == (
        [f"the packet is to be routed, and its {name} is used up (dump:{found[0].span.line})"] * used_up
    )


def test_goto_and_jump() -> None:
    assert rules("-A INPUT -g web", users="web")[0].action.chain == "filter:web"
    assert rules("-A INPUT -g web", users="web")[0].action.verb is Verb.GOTO
    assert rules("-A INPUT -j LOG", users="LOG")[0].action.verb is Verb.JUMP


def test_options_behind_the_name_of_a_chain_are_of_matches_but_not_known_of_which() -> None:
    line = '-A INPUT -j web -p tcp --dport 80 -m comment --comment "a \\" b"'
    ledger = fragment(V4 + table("filter", line, users="web"))[1]
    assert ledger.unsupported() == [7]
    assert {Verb.ACCEPT, Verb.DROP} < {rule.action.verb for rule in rules(line, users="web")}
    assert rules("-A INPUT -j web -p tcp --dport 80", users="web")[0].action.verb is Verb.JUMP


# --- marks --------------------------------------------------------------------------


def mark(options: str, name: str = "mark") -> dict[int, object]:
    target = "MARK" if name == "mark" else "CONNMARK"
    (rule,) = rules(f"-A PREROUTING -j {target} {options}", "mangle")
    return {bit.number: value for bit, value in bits(rule).items() if bit.name == name}


@pytest.mark.parametrize("name", ["mark", "connmark"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--set-xmark 0x1/0x3", {0: 1, 1: 0}),
        ("--set-mark 0x4/0x3", {0: 0, 1: 0, 2: 1}),
        ("--or-mark 0x5", {0: 1, 2: 1}),
        ("--and-mark 0xfffffffc", {0: 0, 1: 0}),
        ("--xor-mark 2", {1: "flip"}),
        ("--set-xmark 0x3/0x1", {0: 1, 1: "flip"}),
        ("--set-mark 010", {n: int(n == 3) for n in range(32)}),
    ],
)
def test_marks_are_set_bit_by_bit(name: str, options: str, expected: dict[int, object]) -> None:
    flips = {number: Copy(Bit(name, number), inverted=True) for number, what in expected.items() if what == "flip"}
    assert mark(options, name) == {**expected, **flips}


def test_marks_are_copied_to_the_connection_and_back() -> None:
    (save,) = rules("-A PREROUTING -j CONNMARK --save-mark --nfmask 0x1 --ctmask 0x3", "mangle")
    assert bits(save) == {Bit("connmark", 0): Copy(Bit("mark", 0)), Bit("connmark", 1): 0}
    (restore,) = rules("-A PREROUTING -j CONNMARK --restore-mark --mask 0x2", "mangle")
    assert bits(restore) == {Bit("mark", 1): Copy(Bit("connmark", 1))}
    assert FieldMatch(Field.STATE, ((0, 2),)) in restore.matches
    (shifted,) = rules("-A PREROUTING -j CONNMARK --save-mark --left-shift-mark 30", "mangle")
    assert bits(shifted)[Bit("connmark", 31)] == Copy(Bit("mark", 1))
    (mixed,) = rules("-A PREROUTING -j CONNMARK --save-mark --nfmask 0x1 --ctmask 0x0", "mangle")
    assert isinstance(bits(mixed)[Bit("connmark", 0)], Choice)


def test_a_hash_is_any_mark() -> None:
    assert all(isinstance(value, Choice) for value in mark_of_hash().values())


def mark_of_hash() -> dict[Bit, object]:
    (rule,) = rules("-A PREROUTING -j HMARK --hmark-tuple src,dst --hmark-mod 10 --hmark-rnd 1", "mangle")
    assert len(bits(rule)) == 32
    return bits(rule)


def test_what_is_not_understood_may_set_the_marks_that_rules_ask_for() -> None:
    asking = "-A PREROUTING -m mark --mark 0x1/0x1 -j DROP"
    text = V4 + table("mangle", "-A PREROUTING -j UNKNOWN", asking)
    first = converted(text).chains["mangle:PREROUTING"].rules[0]
    assert list(bits(first)) == [Bit("mark", 0)]
    assert not any(rule.action.assign for rule in rules("-A PREROUTING -j UNKNOWN", "mangle"))


# --- tracking -----------------------------------------------------------------------


@pytest.mark.parametrize("target", ["NOTRACK", "CT --notrack"])
def test_what_is_not_tracked_but_for_what_is_tracked_already(target: str) -> None:
    (rule,) = rules(f"-A PREROUTING -j {target}", "raw")
    assert rule.action.assign == ((Field.STATE, int(State.UNTRACKED)),)
    assert rule.matches == (InterfaceMatch(Field.IN_INTERFACE, ("lo",), negated=True),)


def test_a_zone_leaves_the_state_open() -> None:
    (rule,) = rules("-A PREROUTING -j CT --zone 1", "raw")
    assert isinstance(dict(rule.action.assign)[Field.STATE], Choice)
    (plain,) = rules("-A PREROUTING -j CT --helper ftp", "raw")
    assert plain.action.assign == ()


# --- translation --------------------------------------------------------------------


def translated(options: str, family: Family = Family.IPV4, chain: str = "PREROUTING") -> dict[object, object]:
    found = rules(f"-A {chain} -p tcp {options}", "nat", family=family)
    made = next(each for each in found if Bit("dnat") in dict(each.action.assign))
    assert made.action.verb is Verb.ACCEPT
    return dict(made.action.assign)


@pytest.mark.parametrize("target", ["MASQUERADE --random-fully", "SNAT --to-source 10.0.0.1"])
def test_another_source_is_seen_by_no_chain_of_what_leaves(target: str) -> None:
    found = rules(f"-A POSTROUTING -p tcp -j {target}", "nat")[-2:]
    for number, rule in enumerate(found):
        assert rule.action.verb is Verb.ACCEPT
        assigned = dict(rule.action.assign)
        assert set(assigned) == {Bit("snat-done"), *REPLIED_TO}
        port = assigned[Field.SOURCE_PORT]
        assert isinstance(port, Choice)
        assert port.intervals == (((1024, 65535),), ((0, 1023),))[number]


def test_a_source_port_that_no_client_has_is_not_followed() -> None:
    assert verbs("-A POSTROUTING -p tcp -j MASQUERADE --to-ports 500-600", "nat") == [Verb.DELIVER, Verb.DROP]


def test_a_destination_is_translated() -> None:
    found = translated("-j DNAT --to-destination 10.0.0.1:8080")
    assert found[Field.DESTINATION] == 0x0A000001
    assert found[Field.DESTINATION_PORT] == 8080
    assert found[Bit("dnat")] == 1
    assert isinstance(found[Field.OUT_INTERFACE], AnyInterface)


@pytest.mark.parametrize(
    ("options", "addresses", "ports"),
    [
        ("10.0.0.1-10.0.0.2:80-90 --persistent", ((0x0A000001, 0x0A000002),), ((80, 90),)),
        (":80", None, 80),
        ("10.0.0.1 --random", 0x0A000001, None),
        ("10.0.0.1:5000-5010/5000", 0x0A000001, ((5000, 5010),)),
        ("10.0.0.1 --to-destination 10.0.0.3", ((0x0A000001,) * 2, (0x0A000003,) * 2), None),
    ],
)
def test_ranges_of_destinations(options: str, addresses: object, ports: object) -> None:
    found = translated(f"-j DNAT --to-destination {options}")
    for field, wanted in ((Field.DESTINATION, addresses), (Field.DESTINATION_PORT, ports)):
        value = found.get(field)
        assert (value.intervals if isinstance(value, Choice) else value) == wanted


@pytest.mark.parametrize(
    ("target", "sure"),
    [
        ("DNAT --to-destination 10.0.0.1:80", True),
        ("DNAT --to-destination 10.0.0.1:80-90", True),
        ("DNAT --to-destination 10.0.0.1:80-90 --random", False),
        ("DNAT --to-destination 10.0.0.1:80-90/80", False),
        ("DNAT --to-destination 10.0.0.1-10.0.0.2", False),
        ("DNAT --to-destination :80", True),
        ("DNAT --to-destination :80 --to-destination :90", False),
        ("REDIRECT --to-ports 80-90", False),  # to which of the host's addresses
    ],
)
def test_what_is_translated_to_itself_stays_if_nothing_else_may_be_taken(target: str, sure: bool) -> None:
    stays, goes, *_ = rules(f"-A PREROUTING -p tcp -j {target}", "nat")
    assert dict(stays.action.assign) == {Bit("dnat-done"): 1}
    assert dict(goes.action.assign)[Bit("dnat")] == 1
    assert any("goes anyway" in asked.key for asked, _ in conditions(stays.matches)) is not sure


@pytest.mark.parametrize(
    ("options", "address", "port"),
    [("[fd00::1]:80", 0xFD << 120 | 1, 80), ("fd00::1", 0xFD << 120 | 1, None), ("[fd00::1]", 0xFD << 120 | 1, None)],
)
def test_ipv6_destinations_stand_in_brackets_before_a_port(options: str, address: int, port: int | None) -> None:
    found = translated(f"-j DNAT --to-destination {options}", Family.IPV6)
    assert found[Field.DESTINATION] == address
    assert found.get(Field.DESTINATION_PORT) == port


def test_a_redirection_goes_to_the_host_itself() -> None:
    found = translated("-j REDIRECT --to-port 8080", chain="OUTPUT")
    assert found[Field.DESTINATION] == 0x7F000001
    assert found[Field.OUT_INTERFACE] == InterfaceName("lo")
    assert found[Field.DESTINATION_PORT] == 8080
    assert translated("-j REDIRECT")[Bit("local-destination")] == 1


def test_a_network_is_translated_to_any_address_of_another() -> None:
    value = translated("-j NETMAP --to 10.1.0.0/24")[Field.DESTINATION]
    assert isinstance(value, Choice)
    assert value.intervals == ((0x0A010000, 0x0A0100FF),)
    assert verbs("-A POSTROUTING -j NETMAP --to 10.1.0.0/24", "nat") == [Verb.ACCEPT] * 2
    source = dict(rules("-A POSTROUTING -j NETMAP --to 10.1.0.0/24", "nat")[-1].action.assign)[Field.SOURCE]
    assert isinstance(source, Choice)
    assert source.intervals == value.intervals


def test_a_chain_that_two_hooks_reach_translates_as_each_of_them_does() -> None:
    lines = ("-A PREROUTING -j DOCKER", "-A OUTPUT -j DOCKER", "-A DOCKER -p tcp -j REDIRECT --to-ports 80")
    chains = converted(V4 + table("nat", *lines, users="DOCKER")).chains
    assert {"nat:DOCKER", "nat:DOCKER at OUTPUT"} <= set(chains)
    assert jump(chains["nat:OUTPUT"].rules) == "nat:DOCKER at OUTPUT"
    assert jump(chains["nat:PREROUTING"].rules) == "nat:DOCKER"
    anyway, away = (dict(rule.action.assign) for rule in chains["nat:DOCKER at OUTPUT"].rules[:2])
    assert away[Field.OUT_INTERFACE] == InterfaceName("lo")
    assert anyway == {Bit("dnat-done"): 1}  # what goes there anyway is not translated
    assert all(Field.OUT_INTERFACE not in dict(rule.action.assign) for rule in chains["nat:DOCKER"].rules)


def jump(found: Iterable[Rule]) -> str:
    return next(rule.action.chain for rule in found if rule.action.verb is Verb.JUMP)


def test_what_nat_chains_never_see() -> None:
    chain = converted(V4 + table("nat")).chains
    assert all(chain[f"nat:{name}"].first_packets for name in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"))
    implicit = {name: len(chain[f"nat:{name}"].rules) for name in ("PREROUTING", "OUTPUT", "INPUT", "POSTROUTING")}
    assert implicit == {"PREROUTING": 3, "OUTPUT": 2, "INPUT": 2, "POSTROUTING": 2}


# --- sets ---------------------------------------------------------------------------


def test_a_set_that_rules_change_is_asked_about_by_each_line_for_itself() -> None:
    asking = "-A INPUT -m set --match-set a src -j ACCEPT"
    text = V4 + table("filter", asking, "-A INPUT -j SET --add-set a src", asking)
    first, _, last = converted(text).chains["filter:INPUT"].rules
    assert conditions(first.matches)[0][0].key != conditions(last.matches)[0][0].key


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("-j DNAT --to-destination 10.0.0.1", "modelled"),
        ("-j NFQUEUE --queue-num 1", "conditional"),
        ("-j SYNPROXY --mss 5", "conditional"),
        ("-j SNAT --to-source x.x.x.x", "unsupported"),
        ("-j MASQUERADE --to-ports foo", "unsupported"),
        ("-j UNKNOWN", "unsupported"),
        ("-g ACCEPT", "unsupported"),
    ],
)
def test_the_ledger_says_what_a_target_leaves_open(target: str, wanted: str) -> None:
    assert state(target, "nat") == wanted
