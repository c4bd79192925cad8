"""What each match option of iptables becomes: exact, at normal load, or a condition; and never nothing."""

from __future__ import annotations

import pytest

from tests.dialects.iptables_rules import conditions, matches, rules, state
from validator.dialects._iptables_modules import MODULES
from validator.dialects._linux_host import Host
from validator.model import AnyOf, Bit, BitMatch, ConditionMatch, FieldMatch, InterfaceMatch, Match, NoneOf
from validator.packets.fields import Family, Field, State

TCP = FieldMatch(Field.PROTOCOL, ((6, 6),))
TRACKED = FieldMatch(Field.STATE, ((0, 2),))
UNTRACKED = FieldMatch(Field.STATE, ((3, 4),))


def understood(options: str) -> bool:
    return all(rule.understood for rule in rules(f"-A INPUT {options} -j ACCEPT"))


# --- exact --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "field", "intervals"),
    [
        ("-s 10.0.0.0/8,11.0.0.0/8", Field.SOURCE, ((10 << 24, (12 << 24) - 1),)),
        ("-s ! 0.0.0.0/1", Field.SOURCE, ((1 << 31, (1 << 32) - 1),)),
        ("-p ipip", Field.PROTOCOL, ((94, 94),)),
        ("-p ipencap", Field.PROTOCOL, ((4, 4),)),
        ("-p ! tcp", Field.PROTOCOL, ((0, 5), (7, 255))),
        ("-m iprange --src-range 0.0.0.1-0.0.0.5", Field.SOURCE, ((1, 5),)),
        ("-m mac --mac-source 0:0:0:0:1:2", Field.MAC, ((258, 258),)),
        ("-m state --state NEW,UNTRACKED", Field.STATE, ((0, 0), (4, 4))),
    ],
)
def test_fields_are_exact(options: str, field: Field, intervals: tuple[tuple[int, int], ...]) -> None:
    assert matches(options) == (FieldMatch(field, intervals),)


def test_a_mask_with_gaps_is_exact_while_it_takes_few_ranges() -> None:
    (match,) = matches("-d 0.0.3.1/255.255.3.255")
    assert isinstance(match, FieldMatch)
    assert len(match.intervals) == 64
    assert all(low == high and low & 0xFFFF03FF == 0x301 for low, high in match.intervals)


def test_a_mask_with_too_many_gaps_is_a_condition() -> None:
    ((condition, expected),) = conditions(matches("! -d 0.0.0.1/0.0.0.1"))
    assert (condition.text, expected) == ("whether `-d 0.0.0.1/0.0.0.1` matches", False)
    assert state("-d 0.0.0.1/0.0.0.1 -j DROP") == "conditional"


def test_ipv6_has_netmasks_as_well() -> None:
    (match,) = matches("-s fe80::/ffc0::", Family.IPV6)
    assert match == FieldMatch(Field.SOURCE, ((0xFE80 << 112, (0xFEC0 << 112) - 1),))
    assert conditions(matches("-s ::1/::ffff:ffff", Family.IPV6))


@pytest.mark.parametrize(
    ("options", "ranges"),
    [
        ("-p tcp --dport 80", ((80, 80),)),
        ("-p tcp -m tcp --destination-port 80:81", ((80, 81),)),
        ("-p tcp -m tcp --dport ! 1:65535", ((0, 0),)),
        ("-p tcp -m tcp --dport http", ((80, 80),)),
        ("-p sctp -m sctp --dport 80", ((80, 80),)),
        ("-p udplite --dport 80", ((80, 80),)),
        ("-p dccp --dport 80", ((80, 80),)),
        ("-p tcp -m multiport --dports 80,90:91", ((80, 80), (90, 91))),
        ("-p udp -m multiport --dport 80,81", ((80, 81),)),
        ("-p 6 --destination-po 80", ((80, 80),)),
    ],
)
def test_destination_ports(options: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert matches(options)[1:] == (FieldMatch(Field.DESTINATION_PORT, ranges),)


def test_an_option_belongs_to_the_module_named_last_that_has_it() -> None:
    found = matches("-p tcp -m tcp -m multiport --dports 80,81 --sport 5")
    assert found == (TCP, FieldMatch(Field.SOURCE_PORT, ((5, 5),)), FieldMatch(Field.DESTINATION_PORT, ((80, 81),)))
    marks = matches("-m mark -m connmark --mark 1/1")
    assert marks == (TRACKED, BitMatch(Bit("connmark")))


@pytest.mark.parametrize(
    "options",
    [
        "--dport 80",
        "-m tcp --dport 80",
        "! -p udp -m udp --dport 80",
        "-p udp -m tcp --dport 80",
        "-m multiport --dports 80",
        "-p tcp --dport 80,81",
        "-p tcp -m multiport --dports 80 --sports 5",
        "-p tcp --dport 90:80",
        "-p tcp --dport 65536",
        "-p icmp --icmp-type no-such-type",
        "-p icmp --icmp-type 300",
        "-p icmpv6 --icmpv6-type any",
        "! -p all",
        "-p 256",
        "! -s 10.0.0.0/8,11.0.0.0/8",
        "-s 10.0.0.0/33",
        "-s 010.0.0.1",
        "-m iprange --src-range 2.2.2.2-1.1.1.1",
        "-m mac --mac-source XX:XX:XX:XX:XX:XX",
        "-m conntrack --ctstate SLEEPY",
        "-m conntrack --cts NEW",
        "-m conntrack --ctdir SIDEWAYS",
        "-m conntrack --unknown 5",
        "-m state --state DNAT",
        "-m addrtype --dst-type NOWHERE",
        "-m pkttype --pkt-type nobody",
        "-m set --match-set x sideways",
        "-m set --return-nomatch",
        "-m mark --mark many",
        "-m recent --rcheck --set",
        "-m recent --name x",
        "-m limit --limit 3/min --unknown",
        "-m socket --restore-skmark",
        "-m comment --comment",
        "-t nat -s 10.0.0.1",
        "! -m tcp",
        "-s ! ! 10.0.0.1",
        '-m comment --comment "open',
        "-i a-name-that-is-too-long-for-linux",
    ],
)
def test_what_is_refused_or_not_sure_is_not_understood(options: str) -> None:
    assert not understood(options)
    assert state(f"{options} -j ACCEPT") == "unsupported"


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [("TOS-host-redirect", 5, 3), ("host-prohibited", 3, 10), ("8/0", 8, 0), ("required-option-missing", 12, 1)],
)
def test_icmp_types_and_codes(value: str, kind: int, code: int) -> None:
    parts = (FieldMatch(Field.ICMP_TYPE, ((kind, kind),)), FieldMatch(Field.ICMP_CODE, ((code, code),)))
    assert matches(f"-p icmp --icmp-type {value}")[1:] == (AnyOf((parts,)),)


@pytest.mark.parametrize("value", ["any", "255", "255/3"])
def test_any_icmp_type(value: str) -> None:
    assert matches(f"-p icmp --icmp-type {value}")[1:] == ()


def test_no_icmp_type_is_never() -> None:
    assert matches("-p icmp ! --icmp-type any")[1:] == (AnyOf(()),)
    assert matches("-p icmpv6 --icmpv6-type 255", Family.IPV6)[1:] == (FieldMatch(Field.ICMP_TYPE, ((255, 255),)),)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("-m mark --mark 0x5/0x7", [(0, True), (1, False), (2, True)]),
        ("-m mark --mark 0/1", [(0, False)]),
        ("-m mark --mark 0/0", []),
    ],
)
def test_marks_are_bits(options: str, expected: list[tuple[int, bool]]) -> None:
    assert list(matches(options)) == [BitMatch(Bit("mark", number), value) for number, value in expected]


def test_a_negated_mark_and_one_that_no_packet_can_have() -> None:
    bits = (BitMatch(Bit("mark", 0), True), BitMatch(Bit("mark", 1), False))
    assert matches("-m mark ! --mark 1/3") == (NoneOf(bits),)
    assert matches("-m mark --mark 4/3") == (AnyOf(()),)
    assert matches("-m mark ! --mark 4/3") == ()
    assert len(matches("-m mark --mark 5")) == 32


def test_packets_without_a_connection_have_no_connmark_negated_or_not() -> None:
    assert matches("-m connmark ! --mark 0/1")[0] == TRACKED


# --- conntrack ----------------------------------------------------------------------


def test_states_beside_the_packet_s_own() -> None:
    new = FieldMatch(Field.STATE, ((0, 0),))
    assert matches("-m conntrack --ctstate NEW") == (new,)
    assert matches("-m conntrack --ctstate NEW,DNAT") == (AnyOf(((TRACKED, BitMatch(Bit("dnat"))), (new,))),)
    assert state("-m conntrack --ctstate SNAT -j ACCEPT") == "conditional"


def test_what_is_asked_of_a_connection_needs_one() -> None:
    found = matches("-m conntrack ! --ctproto udp")
    assert found[0] == TRACKED
    beside = matches("-m conntrack --ctstate INVALID --ctproto udp")
    assert beside[0] == FieldMatch(Field.STATE, ((3, 3),))
    assert isinstance(beside[1], AnyOf)
    assert beside[1].alternatives[0] == (UNTRACKED,)


def test_each_option_of_conntrack_is_negated_by_itself() -> None:
    text = "-m conntrack --ctstate NEW ! --ctorigdst 10.0.0.1 --ctorigdstport 80"
    wanted = {condition.text: expected for condition, expected in conditions(matches(text))}
    assert wanted == {
        "whether `conntrack --ctorigdst 10.0.0.1` matches": False,
        "whether `conntrack --ctorigdstport 80` matches": True,
    }


@pytest.mark.parametrize("option", ["--ctexpire 1:5", "--ctstatus ASSURED", "--ctreplsrc 1.1.1.1", "--ctorigsrcport 5"])
def test_no_option_of_conntrack_is_passed_over(option: str) -> None:
    assert conditions(matches(f"-m conntrack {option}"))


def test_an_established_connection_has_seen_a_reply_and_a_new_one_has_not() -> None:
    (_, match) = matches("-m conntrack --ctstatus SEEN_REPLY")
    assert isinstance(match, AnyOf)
    established = FieldMatch(Field.STATE, ((int(State.ESTABLISHED),) * 2,))
    new = FieldMatch(Field.STATE, ((int(State.NEW),) * 2,))
    assert (established,) in match.alternatives
    assert not any(new in parts for parts in match.alternatives)


def test_the_direction_is_the_reply_bit_but_for_icmp_errors() -> None:
    (_, match) = matches("-m conntrack --ctdir REPLY")
    assert isinstance(match, AnyOf)
    assert BitMatch(Bit("reply"), True) in match.alternatives[0]
    assert len(conditions((match,))) == 1


# --- conditions ---------------------------------------------------------------------

SAMPLES = {
    "addrtype": "--dst-type LOCAL --limit-iface-in", "ah": "--ahspi 1:2", "bpf": "--bytecode 1,6",
    "cgroup": "--path a/b", "cluster": "--cluster-total-nodes 2 --cluster-local-node 1", "condition": "--condition x",
    "connbytes": "--connbytes 1:2 --connbytes-dir both --connbytes-mode bytes", "connlabel": "--label a --set",
    "cpu": "--cpu 0", "devgroup": "--src-group 1", "dscp": "--dscp 0x10", "ecn": "--ecn-ip-ect 1",
    "esp": "--espspi 1", "eui64": "", "geoip": "--source-country DE", "helper": "--helper ftp",
    "hl": "--hl-eq 255", "ipcomp": "--ipcompspi 1", "ipv4options": "--flags 3", "ipv6header": "--header frag --soft",
    "ipvs": "--vproto tcp", "l2tp": "--tid 1", "layer7": "--l7proto http", "length": "--length 1:5",
    "mh": "--mh-type brr",
    "nfacct": "--nfacct-name a", "nth": "--every 5", "osf": "--genre Linux --ttl 0", "owner": "--uid-owner 0",
    "physdev": "--physdev-is-bridged", "policy": "--dir in --pol ipsec --strict --next", "psd": "",
    "quota": "--quota 5",
    "random": "--average 5", "rateest": "--rateest a --rateest-lt --rateest-bps 5", "realm": "--realm 1",
    "set": "--match-set a src",
    "socket": "--transparent", "statistic": "--mode nth --every 5 --packet 0",
    "string": "--string a --algo bm --to 65535", "tcpmss": "--mss 1:5", "time": "--timestart 8:00 --weekdays Mon",
    "tos": "--tos 0x10/0x3f", "ttl": "--ttl-lt 5", "u32": "--u32 0&1=1", "unclean": "",
}  # fmt: skip
PROTOCOL = {"ah": "-p ah", "esp": "-p esp", "ipcomp": "-p ipcomp", "mh": "-p mh", "tcpmss": "-p tcp"}
OWN = "bpf condition connbytes connlabel cpu devgroup hl ipvs layer7 nfacct nth physdev psd quota random rateest realm"
OWN += " socket statistic ttl u32"


def keys(module: str) -> set[str]:
    """The keys of the conditions in two rules of one dump that say the same."""
    line = f"{PROTOCOL.get(module, '')} -m {module} {SAMPLES[module]}".strip()
    found = matches(line)
    again = rules(f"-A FORWARD {line} -j DROP")[0].matches
    return {condition.key for condition, _ in conditions(found)} | {condition.key for condition, _ in conditions(again)}


def test_every_module_with_conditions_has_a_sample() -> None:
    asked = {name for name, module in MODULES.items() if module.treatment == "condition"}
    assert asked | {"addrtype"} == set(SAMPLES)


@pytest.mark.parametrize(
    "words", ["rt --rt-type 0", "rt ! --rt-type 0", "hbh --hbh-opts 1:2", "dst ! --dst-len 5", "srh", "ah ! --ahspi 1"]
)
def test_packets_have_no_extension_headers(words: str) -> None:
    """As the first rule of ufw asks, `-m rt --rt-type 0 -j DROP`."""
    (condition,) = matches(f"-m {words}", family=Family.IPV6)
    assert isinstance(condition, ConditionMatch)
    assert condition.expected
    assert (condition.condition.assumption, condition.condition.assumed) == ("plain-headers", False)
    withdrawn = Host("host", Family.IPV6, withdrawn=frozenset(("plain-headers",)))
    (again,) = matches(f"-m {words}", host=withdrawn, family=Family.IPV6)
    assert isinstance(again, ConditionMatch)
    assert again.condition.assumed is None


@pytest.mark.parametrize("module", SAMPLES)
def test_what_no_dump_tells_is_a_condition(module: str) -> None:
    line = f"{PROTOCOL.get(module, '')} -m {module} {SAMPLES[module]}"
    assert conditions(matches(line))
    assert state(f"{line} -j ACCEPT") == "conditional"


@pytest.mark.parametrize("module", OWN.split())
def test_each_line_asks_for_itself_what_may_have_changed(module: str) -> None:
    text = f"-m {module} {SAMPLES[module]}"
    (condition, _), *_ = conditions(matches(text))
    assert condition.key.endswith(")")
    assert condition.per_packet


def test_two_lines_that_ask_the_same_of_a_packet_have_one_variable() -> None:
    assert len(keys("length")) == 1
    assert len(keys("string")) == 1


def test_what_a_target_changes_is_asked_by_each_line_for_itself() -> None:
    from tests.dialects.iptables_rules import V4, converted, table

    dscp = "-A PREROUTING -m dscp --dscp 0x10 -j ACCEPT"
    text = V4 + table("mangle", dscp, "-A PREROUTING -j DSCP --set-dscp 0x10", dscp)
    first, _, last = converted(text).chains["mangle:PREROUTING"].rules
    assert conditions(first.matches)[0][0].key != conditions(last.matches)[0][0].key


def test_only_what_is_negated_is_negated() -> None:
    asked = conditions(matches("-m owner ! --uid-owner 0 --gid-owner 5"))
    assert [(c.text, e) for c, e in asked] == [
        ("whether `owner --uid-owner 0` matches", False),
        ("whether `owner --gid-owner 5` matches", True),
    ]
    assert not asked[0][0].per_packet


def test_a_set_and_its_negation_are_one_variable() -> None:
    ((yes, wanted),) = conditions(matches("-m set --match-set a src"))
    ((no, unwanted),) = conditions(matches("-m set ! --match-set a src"))
    assert yes.key == no.key
    assert (wanted, unwanted) == (True, False)


def test_an_option_of_tcp_that_looks_into_the_packet_is_a_condition() -> None:
    assert len(conditions(matches("-p tcp -m tcp --dport 80 ! --tcp-option 5"))) == 1


def test_no_frame_but_an_ethernet_one_has_an_address() -> None:
    found = matches("-m mac ! --mac-source 00:00:00:00:00:01")
    assert InterfaceMatch(Field.IN_INTERFACE, ("lo",), negated=True) in found
    assert conditions(found)


# --- normal load and other assumptions ----------------------------------------------


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        ("-m limit --limit 3/min", True),
        ("-m hashlimit --hashlimit-upto 3/min --hashlimit-name a --hashlimit-mode srcip", True),
        ("-m hashlimit --hashlimit-above 3/min --hashlimit-name a", False),
        ("-m hashlimit --hashlimit 3/min --hashlimit-name a", True),
        ("-m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr", False),
        ("-m connlimit ! --connlimit-above 3", True),
        ("-m connlimit --connlimit-upto 3", True),
        ("-m recent --update --seconds 60 --hitcount 4 --name a", False),
        ("-m recent ! --rcheck --hitcount 4 --name a", True),
        ("-m pkttype --pkt-type unicast", True),
        ("-m pkttype ! --pkt-type multicast", True),
        ("-f", False),
        ("! -f", True),
        ("-m frag --fragid 5", False),
    ],
)
def test_assumptions(options: str, holds: bool) -> None:
    ((condition, expected),) = conditions(matches(options))
    assert condition.assumed is not None
    assert (condition.assumed is expected) is holds
    assert state(f"{options} -j ACCEPT") == "modelled"
    host = Host("host", Family.IPV4, withdrawn=frozenset((condition.assumption or "",)))
    ((withdrawn, _),) = conditions(matches(options, host=host))
    assert withdrawn.assumed is None


def test_a_limit_that_one_packet_exceeds_is_no_normal_load() -> None:
    for options in ("-m connlimit --connlimit-above 0", "-m recent --rcheck --hitcount 1", "-m recent --remove"):
        ((condition, _),) = conditions(matches(options))
        assert condition.assumption is None


def test_adding_to_a_list_always_matches() -> None:
    assert matches("-m recent --set --name a --rsource") == ()
    assert matches("-m recent ! --set --name a") == (AnyOf(()),)


# --- quoting ------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["-j", '"-j"', '"a \\"b\\" -s 1.1.1.1"', "it", '"it\\\'s"', '""', '"-p udp"'])
def test_words_that_look_like_options_are_values(value: str) -> None:
    assert matches(f"-p tcp -m comment --comment {value} -m tcp --dport 80") == (
        TCP,
        FieldMatch(Field.DESTINATION_PORT, ((80, 80),)),
    )
    ((condition, _),) = conditions(matches(f"-m string --string {value} --algo bm"))
    assert "--algo bm" in condition.text


def test_a_type_of_address_is_what_the_host_s_addresses_say() -> None:
    found: tuple[Match, ...] = matches("-m addrtype ! --src-type LOCAL,MULTICAST --dst-type LOCAL")
    assert len(found) == 2
    assert isinstance(found[0], NoneOf)
    assert not any(isinstance(each, ConditionMatch) for each in found)
