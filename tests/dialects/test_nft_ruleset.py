"""What rules of `nft list ruleset` mean: packets walked through what they are converted to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from validator.dialects import nft_ruleset
from validator.dialects._linux_host import Host
from validator.dialects._linux_ruleset import Ruleset
from validator.dialects._nft_convert import ruleset
from validator.dialects._nft_data import NftRuleset
from validator.dialects._nft_updates import rewrites
from validator.engine.interpret import interpret
from validator.engine.packet import packet_from_json
from validator.errors import ExportError
from validator.model import Bit, BitMatch, Chain, ConditionMatch, Copy, FieldMatch, Firewall, Hook, Rule, Verb
from validator.packets.fields import Family, Field, State
from validator.source import Ledger, LineState, from_bytes


def read(text: str) -> tuple[NftRuleset, Ledger]:
    source = from_bytes(text.encode(), "nft.txt")
    ledger = Ledger(source.lines)
    data = nft_ruleset.parse(source, ledger).data
    assert isinstance(data, NftRuleset)
    return data, ledger


def converted(text: str, family: Family = Family.IPV4, host: Host | None = None) -> Ruleset:
    data = read(text)[0]
    found = ruleset(data, replace(host or Host("h", family), rewrites=rewrites(data)))
    assert found is not None
    return found


def table(*rules: str, head: str = "", family: str = "inet", chain: str = "") -> str:
    """One table with a chain of `rules`, an input chain unless `chain` is the head of another one."""
    body = "\n".join(f"\t\t{rule}" for rule in rules)
    hook = chain or "type filter hook input priority filter; policy drop;"
    return f"table {family} t {{\n{head}\n\tchain c {{\n\t\t{hook}\n{body}\n\t}}\n}}\n"


def verdict(text: str, family: Family = Family.IPV4, /, **packet: object) -> str:
    """What becomes of a packet: accept, drop, reject or unknown."""
    found = converted(text, family)
    hooks = {hook: tuple(base.name for base in found.bases if base.hook is hook) for hook in Hook}
    wall = Firewall("h", "nftables", "linux", family, hooks, found.chains, ("nft.txt",))
    return interpret([wall], packet_from_json({"destination_port": 4000, **packet}, family)).verdict


def rules(text: str, family: Family = Family.IPV4, chain: str = "inet t:c") -> tuple[Rule, ...]:
    return tuple(converted(text, family).chains[chain].rules)


@pytest.mark.parametrize(
    ("rule", "packet", "expected"),
    [
        ("tcp dport 22 accept", {"destination_port": 22}, "accept"),
        ("tcp dport 22 accept", {"destination_port": 22, "protocol": "udp"}, "drop"),
        ("tcp dport { 22, 80-90 } accept", {"destination_port": 85}, "accept"),
        ("tcp dport != { 22, 80-90 } accept", {"destination_port": 85}, "drop"),
        ("tcp dport != 22 accept", {"destination_port": 85, "protocol": "udp"}, "drop"),
        ("tcp dport >= 1024 accept", {"destination_port": 1024}, "accept"),
        ("tcp dport ssh accept", {"destination_port": 22}, "accept"),
        ("meta l4proto { tcp, udp } th dport 53 accept", {"destination_port": 53, "protocol": "udp"}, "accept"),
        ("ip saddr 10.0.0.0/8 accept", {"source": "10.9.9.9"}, "accept"),
        ("ip saddr 10.0.0.5-10.0.0.9 accept", {"source": "10.0.0.7"}, "accept"),
        ("ip saddr & 255.255.252.255 == 10.0.0.1 accept", {"source": "10.0.3.1"}, "accept"),
        ("ip6 saddr fe80::/10 accept", {}, "drop"),
        ("meta nfproto ipv4 accept", {}, "accept"),
        ("meta protocol ip6 accept", {}, "drop"),
        ('iifname "eth*" accept', {"in_interface": "eth7"}, "accept"),
        ('iifname != "eth*" accept', {"in_interface": "eth7"}, "drop"),
        ('iifname { "lo", "wl*" } accept', {"in_interface": "wlan0"}, "accept"),
        ("ct state established,related accept", {"state": "related"}, "accept"),
        ("ct state != established accept", {"state": "established"}, "drop"),
        ("ct state & (established | new) == new accept", {"state": "new"}, "accept"),
        ("ct state ! new accept", {"state": "new"}, "drop"),
        ("ct state vmap { established : accept, new : drop }", {"state": "new"}, "drop"),
        ("tcp flags syn / fin,syn,rst,ack accept", {"tcp_flags": ["syn"]}, "accept"),
        ("tcp flags syn / fin,syn,rst,ack accept", {"tcp_flags": ["syn", "ack"]}, "drop"),
        ("tcp flags & (fin | syn) == syn accept", {"tcp_flags": ["syn", "ack"]}, "accept"),
        ("tcp flags != syn accept", {"tcp_flags": ["syn"]}, "drop"),
        ("icmp type echo-request accept", {"protocol": "icmp", "icmp_type": 8}, "accept"),
        ("icmp type . icmp code { 3 . 4 } accept", {"protocol": "icmp", "icmp_type": 3, "icmp_code": 4}, "accept"),
        (
            "ip saddr . tcp dport { 10.0.0.0/8 . 80-90 } accept",
            {"source": "10.1.1.1", "destination_port": 82},
            "accept",
        ),
        ("ip saddr . tcp dport { 10.0.0.0/8 . 80-90 } accept", {"source": "11.1.1.1", "destination_port": 82}, "drop"),
        ('ip saddr . "lo" { 10.0.0.1 . "lo" } accept', {"source": "10.0.0.1"}, "accept"),
        ("ether saddr 00:11:22:33:44:55 accept", {"mac": "00:11:22:33:44:55"}, "accept"),
        ("tcp dport vmap { 22 : accept, 80-90 : drop, * : jump missing }", {"destination_port": 22}, "accept"),
        ("reject with tcp reset", {"protocol": "udp"}, "drop"),
        ("ip daddr 192.0.2.10 reject with tcp reset", {}, "reject"),
        ("reject with icmp host-unreachable", {}, "reject"),
        ("reject with icmpv6 no-route", {}, "drop"),
        ("limit rate 5/second accept", {}, "accept"),
        ("limit rate over 5/second drop", {}, "drop"),
        ("ct count over 20 accept", {}, "drop"),
        ("meta pkttype broadcast accept", {}, "drop"),
        ("meta pkttype != { broadcast, multicast } accept", {}, "accept"),
        ("ip frag-off & 8191 != 0 accept", {}, "drop"),
        ("ip dscp cs1 accept", {}, "unknown"),
        ("queue to 1", {}, "unknown"),
        ("frobnicate accept", {}, "unknown"),
        ('log prefix "a { b" flags all counter packets 1 bytes 2 accept', {}, "accept"),
        ("add @nowhere { ip saddr } accept", {}, "accept"),
        ("numgen inc mod 2 vmap { 0 : accept, 1 : accept }", {}, "accept"),
        ("tcp option maxseg size set rt mtu accept", {}, "accept"),
        ("tcp option maxseg size set 1400 accept", {"protocol": "udp"}, "drop"),
        ("reset tcp option timestamp accept", {}, "accept"),
        ("reset tcp option timestamp accept", {"protocol": "udp"}, "drop"),
        ("reset tcp option timestamp drop", {}, "drop"),
        ("udp checksum set 0 accept", {}, "drop"),
        ("udp checksum set 0 accept", {"protocol": "udp"}, "accept"),
        ("udp checksum set 5 accept", {"protocol": "udp"}, "unknown"),
        ("ip dscp set cs1 accept", {}, "accept"),
        ("ip ttl set 9 accept", {}, "accept"),
        ("ip ttl set 1 accept", {}, "unknown"),
        ("ip6 hoplimit set 9 accept", {}, "drop"),
        ("meta priority set tcp dport map { 80 : 1:1 } accept", {"destination_port": 80}, "accept"),
        ("meta priority set tcp dport map { 80 : 1:1 } accept", {"destination_port": 81}, "drop"),
        ("meta priority set ip6 dscp map { cs1 : 1:1 } accept", {}, "drop"),
        ("meta mark set socket mark accept", {}, "unknown"),
        ("meta mark set jhash ip6 saddr mod 2 accept", {}, "drop"),
        ("jhash ip6 saddr mod 2 vmap { 0 : accept, 1 : accept }", {}, "drop"),
        ("jhash ip saddr . tcp dport mod 2 vmap { 0 : accept, 1 : accept }", {}, "accept"),
        ("delete @nowhere { ip6 saddr } accept", {}, "drop"),
        ("update @nowhere { ip saddr : tcp dport } accept", {"protocol": "udp"}, "drop"),
        ('ct expectation set "e" accept', {}, "unknown"),
        ('ct expectation set "e" accept', {"state": "invalid"}, "drop"),
        ("ct label set 5 accept", {"state": "invalid"}, "accept"),
    ],
)
def test_one_rule_in_a_chain_that_drops(rule: str, packet: dict[str, object], expected: str) -> None:
    assert verdict(table(rule), **packet) == expected


OBJECTS = """
	limit under {
		rate 5/second
	}
	limit above {
		rate over 5/second
	}
	map m {
		type inet_service : counter
		elements = { 80 : "web" }
	}"""


@pytest.mark.parametrize(
    ("rule", "port", "expected"),
    [
        ("counter name tcp dport map @m accept", 80, "accept"),
        ("counter name tcp dport map @m accept", 81, "drop"),
        ('ct helper set tcp dport map { 21 : "ftp" } accept', 21, "accept"),
        ('ct helper set tcp dport map { 21 : "ftp" } accept', 22, "drop"),
        ('ct timeout set tcp dport map { 21 : "long" } accept', 22, "drop"),
        ('quota name tcp dport map { 80 : "q" } accept', 80, "unknown"),
        ('quota name tcp dport map { 80 : "q" } accept', 81, "drop"),
        ('limit name tcp dport map { 80 : "under", 81 : "above" } accept', 80, "accept"),
        ('limit name tcp dport map { 80 : "under", 81 : "above" } accept', 81, "drop"),
        ('limit name tcp dport map { 80 : "under", 81 : "above" } accept', 82, "drop"),
        ('limit name "under" accept', 80, "accept"),
        ('limit name "above" accept', 80, "drop"),
        ('limit name "gone" accept', 80, "unknown"),
    ],
)
def test_an_object_that_a_map_gives_is_for_packets_with_an_element(rule: str, port: int, expected: str) -> None:
    assert verdict(table(rule, head=OBJECTS), destination_port=port) == expected


@pytest.mark.parametrize(
    "rewrites",
    ["ip daddr set 192.0.2.1", "th dport set 5", "@nh,96,32 set 0x8080808", "@ll,48,48 set 0x20000000001"],
)
def test_whether_a_packet_that_is_rewritten_gets_through_is_open(rewrites: str) -> None:
    early = "type filter hook prerouting priority mangle; policy accept;"
    later = table("drop").replace("inet t", "inet u")
    assert verdict(table(f"tcp dport 80 {rewrites}", chain=early) + later, destination_port=80) == "unknown"
    assert verdict(table(f"tcp dport 80 {rewrites}", chain=early) + later, destination_port=81) == "drop"


def test_a_field_that_a_rule_sets_is_not_the_same_at_every_rule() -> None:
    asks = ("ip dscp cs1 drop", "ip dscp cs1 accept")
    assert verdict(table(*asks)) == "drop"
    assert verdict(table(asks[0], "ip dscp set cs1", asks[1])) == "unknown"
    assert verdict(table("ct label 5 drop", "ct label 5 accept")) == "unknown"  # iptables' connlabel may set it
    assert verdict(table("tcp option maxseg exists drop", "tcp option maxseg exists accept")) == "drop"


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("ip dscp set cs1", True),
        ("meta mark set 1", False),
        ("ct mark set meta mark", False),
        ("meta priority set 1:2", True),
        ("reset tcp option maxseg", True),
        ("ip daddr 10.0.0.1 counter log accept", False),
        ("update @s { ip saddr timeout 1m }", False),
        ("queue num 1", True),
        ('xt target "TCPMSS"', True),
        ('xt match "string" drop', False),
        ("ip saddr 10.0.0.1 somehow", True),
    ],
)
def test_which_statements_change_packets(rule: str, changes: bool) -> None:
    assert rewrites(read(table(rule, head="\tset s {\n\t\ttype ipv4_addr\n\t}"))[0]) is changes


@pytest.mark.parametrize("ending", ["", " # handle 5"])
def test_a_target_that_nft_prints_as_nothing_is_not_understood(ending: str) -> None:
    """nft 1.0.6 of `ip6tables-nft -t nat -A PREROUTING -p tcp --dport 80 -j DNAT ...`, behind a DNAT of iptables."""
    counted = "counter packets 0 bytes 0"
    text = table(f"tcp dport 80 {counted} {ending}", f"tcp dport 81 {counted}{ending}", "accept")
    assert verdict(text, destination_port=80) == "unknown"
    assert verdict(text, destination_port=81) == "accept"
    assert read(text)[1].unsupported() == [5]


@pytest.mark.parametrize("words", ["rt type 0", "exthdr hbh exists", "dst nexthdr 5", 'xt match "rt"'])
def test_packets_have_no_extension_headers_of_ipv6(words: str) -> None:
    text = table(f"{words} drop", "accept")
    assert verdict(text, Family.IPV6) == "accept"
    withdrawn = converted(text, host=Host("h", Family.IPV6, withdrawn=frozenset(("plain-headers",))))
    (asks, *_) = withdrawn.chains["inet t:c"].rules
    conditions = [each.condition for each in asks.matches if isinstance(each, ConditionMatch)]
    assert conditions[0].assumption == "plain-headers"


def test_numbers_of_types_of_addresses_are_their_names() -> None:
    for number, name in ((2, "local"), (3, "broadcast"), (5, "multicast")):
        assert (
            rules(table(f"fib daddr type {number} drop"))[0].matches
            == rules(table(f"fib daddr type {name} drop"))[0].matches
        )
    assert not rules(table("fib daddr type 99 drop"))[0].understood


def test_a_set_that_rules_change_is_not_the_same_at_every_rule() -> None:
    head = "\tset s {\n\t\ttype ipv4_addr\n\t}"
    asks = ("ip saddr @s drop", "ip saddr @s accept")
    assert verdict(table(*asks, head=head)) == "drop"
    assert verdict(table(asks[0], "add @s { ip saddr }", asks[1], head=head)) == "unknown"
    assert verdict(table("add @s { ip saddr } frobnicate", *asks, head=head)) == "unknown"


def test_a_set_that_counts_may_end_the_rule_that_adds_to_it() -> None:
    head = "\tset s {\n\t\ttype ipv4_addr\n\t\tflags dynamic\n\t\tlimit rate over 5/second\n\t}"
    assert verdict(table("add @s { ip saddr } accept", head=head)) == "unknown"


def test_a_source_that_a_map_gives_is_translated_for_packets_with_an_element() -> None:
    head = "type nat hook postrouting priority srcnat; policy accept;"
    text = table("snat ip to ip saddr map { 10.0.0.1 : 192.0.2.1 }", "drop", chain=head)
    away = {"hook": "output", "out_interface": "eth0"}
    assert verdict(text, source="10.0.0.1", **away) == "accept"
    assert verdict(text, source="10.0.0.2", **away) == "drop"


def test_the_state_in_a_zone_is_open() -> None:
    raw = "type filter hook prerouting priority raw; policy accept;"
    text = table('iifname "eth0" ct zone set 5', chain=raw) + table("ct state established accept").replace(
        "inet t", "inet u"
    )
    assert verdict(text, state="established", in_interface="eth0") == "unknown"
    assert verdict(text, state="established", in_interface="eth1") == "accept"


@pytest.mark.parametrize(
    ("rule", "packet", "expected"),
    [
        ("ip saddr 10.0.0.1 accept", {}, "drop"),
        ("ip6 saddr fe80::/10 accept", {"source": "fe80::5"}, "accept"),
        ("icmpv6 type { nd-router-advert, 135 } accept", {"protocol": "icmpv6", "icmp_type": 134}, "accept"),
        ("ip6 nexthdr tcp accept", {}, "accept"),
        ("reject with icmp host-unreachable", {}, "drop"),
        ("reject with icmpv6 no-route", {}, "reject"),
    ],
)
def test_the_same_table_is_asked_about_ipv6(rule: str, packet: dict[str, object], expected: str) -> None:
    assert verdict(table(rule), Family.IPV6, **packet) == expected


def test_accept_ends_one_base_chain_and_drop_is_final() -> None:
    first = "type filter hook input priority filter - 10; policy accept;"
    both = table("tcp dport 22 accept", "tcp dport 23 drop", chain=first) + table("tcp dport 23 accept").replace(
        "inet t", "inet u"
    )
    assert verdict(both, destination_port=22) == "drop"
    assert verdict(both, destination_port=23) == "drop"


def test_nft_hides_the_family_of_a_rule_that_resets() -> None:
    accepting = "type filter hook input priority filter; policy accept;"
    assert verdict(table("meta l4proto tcp reject with tcp reset", chain=accepting)) == "unknown"
    assert verdict(table("reject with tcp reset", chain=accepting, family="ip")) == "reject"


def test_jump_comes_back_and_goto_does_not() -> None:
    sub = "\tchain sub {\n\t\ttcp dport 22 accept\n\t\treturn\n\t}"
    assert verdict(table("jump sub", "accept", head=sub), destination_port=80) == "accept"
    assert verdict(table("goto sub", "accept", head=sub), destination_port=80) == "drop"
    assert verdict(table("jump missing"), destination_port=80) == "unknown"


SETS = """
	set s {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8,
				192.168.1.1-192.168.1.9 }
	}
	set moving {
		type ipv4_addr
		flags dynamic,timeout
		elements = { 10.0.0.1 timeout 5m expires 4m }
	}
	map m {
		type ipv4_addr . inet_service : verdict
		elements = { 10.0.0.1 . 80 : accept,
				10.0.0.2 . 80 : drop }
	}"""


def test_named_sets_and_maps() -> None:
    assert verdict(table("ip saddr @s accept", head=SETS), source="192.168.1.5") == "accept"
    assert verdict(table("ip saddr != @s accept", head=SETS), source="192.168.1.5") == "drop"
    assert verdict(table("ip saddr . tcp dport vmap @m", head=SETS), source="10.0.0.1", destination_port=80) == "accept"
    assert verdict(table("ip saddr @missing accept", head=SETS)) == "unknown"


def test_a_set_that_packets_change_is_one_condition_for_one_question() -> None:
    both = table("ip saddr @moving accept", "ip saddr != @moving accept", head=SETS)
    assert verdict(both) == "accept"
    assert verdict(table("ip saddr @moving accept", head=SETS)) == "unknown"


def test_an_element_on_a_line_of_its_own_is_the_deciding_line() -> None:
    text = table("ip saddr . tcp dport vmap @m", head=SETS)
    made = rules(text)
    assert [rule.span.text.strip() for rule in made] == [
        "elements = { 10.0.0.1 . 80 : accept,",
        "10.0.0.2 . 80 : drop }",
    ]
    assert made[0].canonical == "inet t:c ip saddr . tcp dport vmap @m [10.0.0.1 . 80 : accept]"


def test_limits_of_two_rules_are_two_conditions() -> None:
    made = rules(table("limit rate 5/second accept", "limit rate 5/second accept"))
    assert len({repr(rule.matches[0]) for rule in made}) == 2


def test_setting_a_mark_is_a_rule_that_goes_on() -> None:
    made = rules(table("tcp dport 80 meta mark set meta mark & 0xffff00ff | 0x100 accept"))
    assert [rule.action.verb for rule in made] == [Verb.CONTINUE, Verb.ACCEPT]
    assert dict(made[0].action.assign)[Bit("mark", 8)] == 1
    assert Bit("mark", 0) not in dict(made[0].action.assign)
    assert made[0].matches == made[1].matches


def test_a_mark_that_the_rule_asks_about_is_set_by_the_rule_that_accepts() -> None:
    made = rules(table("meta mark & 0x1 == 0x0 meta mark set meta mark | 0x1 accept"))
    assert [rule.action.verb for rule in made] == [Verb.ACCEPT]
    assert made[0].action.assign == ((Bit("mark", 0), 1),)
    assert made[0].matches == (BitMatch(Bit("mark", 0), False),)
    jumps = rules(table("meta mark & 0x1 == 0x0 meta mark set meta mark | 0x1 return"))
    assert not all(rule.understood for rule in jumps)


def test_what_follows_a_mark_still_limits_the_rule() -> None:
    made = rules(table("meta mark 0x1 meta mark set 0x2 tcp dport 80 accept"))
    assert [rule.action.verb for rule in made] == [Verb.ACCEPT, Verb.CONTINUE]
    assert made[0].action.assign == made[1].action.assign
    assert FieldMatch(Field.DESTINATION_PORT, ((80, 80),)) in made[0].matches
    assert FieldMatch(Field.DESTINATION_PORT, ((80, 80),)) not in made[1].matches


def test_marks_are_copied_and_shifted_without_overwriting_what_is_still_read() -> None:
    copied = dict(rules(table("meta mark set ct mark"))[0].action.assign)
    assert copied[Bit("mark", 7)] == Copy(Bit("connmark", 7))
    shifted = [target for target, _ in rules(table("meta mark set meta mark << 1"))[0].action.assign]
    assert shifted.index(Bit("mark", 31)) < shifted.index(Bit("mark", 30))


def test_a_nat_chain_asks_about_first_packets_that_nobody_translated_yet() -> None:
    head = "type nat hook prerouting priority dstnat; policy accept;"
    chain: Chain = converted(table("tcp dport 80 redirect to :8080", chain=head)).chains["inet t:c"]
    assert chain.first_packets
    assert [rule.implicit for rule in chain.rules] == [True, True, True, False, False, False]
    assert chain.rules[2].matches == (BitMatch(Bit("dnat-done")),)
    assert chain.rules[3].action.assign == ((Bit("dnat-done"), 1),)  # what goes there anyway
    assert (Field.DESTINATION_PORT, 8080) in chain.rules[4].action.assign


def test_a_translation_by_a_map_is_a_rule_an_element() -> None:
    head = "type nat hook prerouting priority dstnat; policy accept;"
    text = table("dnat ip to tcp dport map { 80 : 10.0.0.1 . 8080, 81 : 10.0.0.2 . 8081 }", chain=head)
    made = [rule for rule in rules(text) if Bit("dnat") in dict(rule.action.assign)]
    assert [dict(rule.action.assign)[Field.DESTINATION_PORT] for rule in made] == [8080, 8081]
    assert [dict(rule.action.assign)[Field.DESTINATION] for rule in made] == [0x0A000001, 0x0A000002]
    assert not [rule for rule in rules(text, Family.IPV6) if not rule.implicit and rule.action.assign]


def test_a_chain_that_translates_for_two_hooks_becomes_two() -> None:
    head = "\tchain sub {\n\t\tmeta l4proto tcp redirect to :80\n\t}"
    out = "\tchain o {\n\t\ttype nat hook output priority dstnat; policy accept;\n\t\tjump sub\n\t}\n" + head
    text = table("jump sub", head=out, chain="type nat hook prerouting priority dstnat; policy accept;")
    chains = converted(text).chains
    assert {"inet t:sub", "inet t:sub at output"} <= chains.keys()
    assert chains["inet t:o"].rules[-1].action.chain == "inet t:sub at output"


def test_before_connection_tracking_a_packet_is_invalid_or_untracked() -> None:
    raw = "type filter hook prerouting priority raw; policy accept;"
    assert verdict(table("ct state new drop", chain=raw), state="new") == "accept"
    assert verdict(table("ct state invalid drop", chain=raw), state="new") == "drop"
    assert verdict(table("ct state new drop", chain=raw), state="new", in_interface="lo") == "drop"
    marked = rules(table("ct mark set 0x1", chain=raw))
    assert FieldMatch(Field.STATE, ((int(State.NEW), int(State.RELATED)),)) in marked[0].matches
    untracked = rules(table("udp dport 53 notrack", chain=raw))
    assert untracked[0].action.assign == ((Field.STATE, int(State.UNTRACKED)),)


def test_ingress_comes_first_and_only_on_its_devices() -> None:
    head = 'type filter hook ingress device "eth1" priority 0; policy accept;'
    text = table("ip saddr 10.0.0.0/8 drop", chain=head, family="netdev")
    found = converted(text)
    assert found.bases[0].hook is Hook.PREROUTING
    assert found.bases[0].priority < -1000
    assert verdict(text, source="10.0.0.1", in_interface="eth1") == "drop"
    assert verdict(text, source="10.0.0.1", in_interface="eth0") == "accept"


@pytest.mark.parametrize("family", ["arp", "bridge"])
def test_tables_that_see_no_ip_packets_of_the_host_are_accounted_for(family: str) -> None:
    data, ledger = read(table("drop", family=family))
    assert ruleset(data, Host("h", Family.IPV4)) is None
    assert not ledger.unsupported()


def test_a_dormant_table_does_nothing() -> None:
    text = table("drop", head="\tflags dormant")
    assert converted(text).bases == ()


@pytest.mark.parametrize(
    ("words", "number"),
    [("filter", 0), ("raw", -300), ("dstnat + 5", -95), ("mangle - 10", -160), ("-150", -150), ("security", 50)],
)
def test_priorities(words: str, number: int) -> None:
    text = table(chain=f"type filter hook input priority {words}; policy drop;")
    assert converted(text).bases[0].priority == number


def test_what_iptables_nft_made_is_a_condition_or_not_decided() -> None:
    assert (
        verdict(table("tcp dport 22  xt match recent counter packets 0 bytes 0 accept"), destination_port=22)
        == "unknown"
    )
    assert verdict(table("tcp dport 22 # xt_comment counter packets 0 bytes 0 accept"), destination_port=22) == "accept"
    assert verdict(table('xt target "REJECT"')) == "reject"
    assert verdict(table('xt target "DNAT"')) == "unknown"


def test_lines_are_modelled_conditional_or_unsupported() -> None:
    _, ledger = read(table("accept", "ip dscp cs1 accept", "frobnicate", "# a remark"))
    assert [ledger.state(line) for line in range(1, 10)] == [
        LineState.MODELLED,
        LineState.IGNORED,
        LineState.MODELLED,
        LineState.MODELLED,
        LineState.MODELLED,
        LineState.CONDITIONAL,
        LineState.UNSUPPORTED,
        LineState.IGNORED,
        LineState.IGNORED,
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (table("accept").rsplit("}", 1)[0], 6, "cut"),
        (table("accept") + "}\n", 8, "damaged"),
        ("define x = 5\n" + table("accept"), 1, "script"),
        ("table inet t\n" + table("accept"), 1, "script"),
        (table("accept") * 2, 8, "second time"),
        (table(head='\tinclude "x"'), 2, "script"),
        (table(head="\tfrob x {\n\t}"), 2, "not known"),
        (table(chain="type filter hook elsewhere priority 0; policy drop;"), 4, "hook"),
        ("table inet t {\n\tchain a {\n\tchain b {\n\t}\n}\n", 3, "missing"),
    ],
)
def test_what_is_no_whole_dump_is_refused(text: str, line: int, words: str) -> None:
    with pytest.raises(ExportError) as caught:
        read(text)
    assert caught.value.line == line
    assert words in caught.value.problem


def test_fields_of_a_priority_that_is_not_understood_decide_nothing() -> None:
    assert verdict(table("accept", chain="type filter hook input priority odd; policy accept;")) == "unknown"


@pytest.mark.parametrize(
    ("table", "chain", "known"), [("filter", "INPUT", False), ("filter", "input", True), ("mine", "INPUT", True)]
)
def test_that_a_connection_is_translated_may_be_its_negation_where_iptables_made_the_rule(
    table: str, chain: str, known: bool
) -> None:
    head = f"table ip {table} {{\n\tchain {chain} {{\n\t\ttype filter hook input priority 0; policy accept;\n"

    def understood(rule: str) -> bool:
        found = converted(f"{head}\t\t{rule}\n\t}}\n}}\n")
        return all(rule.understood for chain in found.chains.values() for rule in chain.rules)

    assert understood("ct status dnat drop") is known
    assert understood("ct status assured drop")
