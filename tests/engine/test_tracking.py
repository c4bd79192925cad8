"""Connections of which rules keep some packets from connection tracking, as real connections went on Linux 6.18."""

from __future__ import annotations

from pathlib import Path as File

import pytest

from validator.engine.connection import Crossing, Path
from validator.engine.judgement import Judgement
from validator.engine.legs import EPHEMERAL, FOLLOWING, REPLY
from validator.hosts import firewalls, load
from validator.model import Hook, Verb
from validator.packets.fields import TCP, UDP, Family, Field, Intervals
from validator.packets.nodes import support

PORT: Intervals = ((80, 80),)
CLIENT, HOST = 0x0A010005, 0x0A010001
KNOWN = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


def judged(folder: File, text: str, hook: Hook, protocol: int) -> Judgement:
    """Connections between 10.1.0.5 and the host 10.1.0.1."""
    (folder / "rules").write_text(text)
    loaded = load([f"fw={folder / 'rules'}"])
    assert not loaded.errors
    (wall,) = firewalls(loaded, (Family.IPV4,))
    path = Path((Crossing(wall, hook),), PORT)
    ends = (CLIENT, HOST) if hook is Hook.INPUT else (HOST, CLIENT)
    names = path.space.interfaces
    outside = Field.IN_INTERFACE if hook is Hook.INPUT else Field.OUT_INTERFACE
    region = path.space.box(
        {
            Field.SOURCE: (ends[:1] * 2,),
            Field.DESTINATION: (ends[1:] * 2,),
            Field.DESTINATION_PORT: PORT,
            Field.SOURCE_PORT: EPHEMERAL,
            outside: tuple((n, n) for n in range(1, names.top + 1) if n != names.number("lo")),
        }
    )
    return Judgement(path, protocol, PORT, region)


def verdict(judgement: Judgement) -> str:
    if judgement.surely == judgement.region:
        return "open"
    return "unknown" if judgement.possibly else "blocked"


def iptables(raw: str, *rules: str, into: str = "DROP", out: str = "DROP") -> str:
    lines = "".join(f"-A {rule}\n" for rule in rules)
    tables = f"*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{raw}\nCOMMIT\n"
    return f"{tables}*filter\n:INPUT {into} [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT {out} [0:0]\n{lines}COMMIT\n"


INBOUND = "-A PREROUTING -p {} --dport 80 -j NOTRACK"
REPLIES = "-A OUTPUT -p {} --sport 80 -j NOTRACK"
OUTBOUND = "-A OUTPUT -p {} --dport 80 -j NOTRACK"
ACCEPTED = "INPUT -p {} --dport 80 -j ACCEPT"
TWO = (TCP, UDP)
NAMES = {TCP: "tcp", UDP: "udp"}


def read(folder: File, protocol: int, hook: Hook, text: str) -> Judgement:
    return judged(folder, text.replace("{}", NAMES[protocol]), hook, protocol)


@pytest.mark.parametrize("protocol", TWO)
def test_the_reply_to_an_untracked_request_belongs_to_no_connection(tmp_path: File, protocol: int) -> None:
    found = read(tmp_path, protocol, Hook.INPUT, iptables(INBOUND, ACCEPTED, f"OUTPUT {KNOWN}"))
    assert verdict(found) == "blocked"
    blamed = found.path.deciders(protocol, REPLY, PORT, found.region, (Verb.DROP,))
    assert [each.rule.span.text for each in blamed] == [":OUTPUT DROP [0:0]"]


@pytest.mark.parametrize("protocol", TWO)
def test_nor_does_the_answer_to_an_untracked_request_of_ones_own(tmp_path: File, protocol: int) -> None:
    found = read(tmp_path, protocol, Hook.OUTPUT, iptables(OUTBOUND, f"INPUT {KNOWN}", out="ACCEPT"))
    assert verdict(found) == "blocked"


@pytest.mark.parametrize("protocol", TWO)
def test_untracked_both_ways_needs_rules_without_states(tmp_path: File, protocol: int) -> None:
    both = f"{INBOUND}\n{REPLIES}"
    stateless = iptables(both, ACCEPTED, "OUTPUT -p {} --sport 80 -j ACCEPT")
    assert verdict(read(tmp_path, protocol, Hook.INPUT, stateless)) == "open"
    untracked = "OUTPUT -m conntrack --ctstate UNTRACKED -j ACCEPT"
    assert verdict(read(tmp_path, protocol, Hook.INPUT, iptables(both, ACCEPTED, untracked))) == "open"
    assert verdict(read(tmp_path, protocol, Hook.INPUT, iptables(both, ACCEPTED, f"OUTPUT {KNOWN}"))) == "blocked"


def test_a_handshake_answered_without_tracking_goes_on_as_invalid(tmp_path: File) -> None:
    syn = "INPUT -p tcp --dport 80 --syn -j ACCEPT"
    found = read(tmp_path, TCP, Hook.INPUT, iptables(REPLIES, syn, f"INPUT {KNOWN}", out="ACCEPT"))
    assert verdict(found) == "blocked"
    assert found.of_leg(REPLY)[0] == found.region
    assert not found.of_leg(FOLLOWING)[1]


def test_a_datagram_answered_without_tracking_is_followed_by_new_ones(tmp_path: File) -> None:
    first = "INPUT -p udp --dport 80 -m conntrack --ctstate NEW -j ACCEPT"
    found = read(tmp_path, UDP, Hook.INPUT, iptables(REPLIES, first, out="ACCEPT"))
    assert verdict(found) == "open"


def test_an_untracked_handshake_is_invalid_on_its_way_back(tmp_path: File) -> None:
    dropped = iptables(INBOUND, ACCEPTED, "OUTPUT -m conntrack --ctstate INVALID -j DROP", out="ACCEPT")
    assert verdict(read(tmp_path, TCP, Hook.INPUT, dropped)) == "blocked"
    assert verdict(read(tmp_path, UDP, Hook.INPUT, dropped)) == "open"


def test_a_reply_that_begins_a_connection_may_be_translated_as_such(tmp_path: File) -> None:
    """UDP replies are new; of TCP the packets behind the handshake are taken up."""
    nat = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -p {} --sport 80 -j SNAT --to-source 10.1.0.9\nCOMMIT\n"
    rules = iptables(INBOUND, ACCEPTED, out="ACCEPT")
    for protocol in TWO:
        assert verdict(read(tmp_path, protocol, Hook.INPUT, rules)) == "open"
        assert verdict(read(tmp_path, protocol, Hook.INPUT, rules + nat)) == "unknown"
        untracked = iptables(f"{INBOUND}\n{REPLIES}", ACCEPTED, out="ACCEPT")
        assert verdict(read(tmp_path, protocol, Hook.INPUT, untracked + nat)) == "open"


def test_data_that_is_not_tracked_is_not_translated(tmp_path: File) -> None:
    """Only connections that are translated are in doubt, and that is told of connections, not of packets."""
    data = "-A OUTPUT -p tcp -m tcp --tcp-flags ACK ACK -j NOTRACK"
    nat = (
        "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -p tcp -m tcp ! --tcp-flags SYN,ACK SYN -j ACCEPT\n"
        "-A POSTROUTING -p tcp -m tcp --dport 80 -j SNAT --to-source 10.2.0.1\nCOMMIT\n"
    )
    text = iptables(data, into="ACCEPT", out="ACCEPT") + nat
    found = read(tmp_path, TCP, Hook.OUTPUT, text)
    assert verdict(found) == "unknown"
    for leg in (REPLY, FOLLOWING):
        for kind in found.path.kinds(TCP, leg, PORT):
            assert not support(kind.where.node) & leg.bounds(TCP).keys()
        found.path.deciders(TCP, leg, PORT, found.region, (Verb.ACCEPT,))
    assert verdict(read(tmp_path, TCP, Hook.OUTPUT, text.replace("--dport 80", "--dport 81"))) == "open"


def test_other_ports_are_tracked_as_ever(tmp_path: File) -> None:
    raw = "-A PREROUTING -p tcp --dport 443 -j NOTRACK"
    found = read(tmp_path, TCP, Hook.INPUT, iptables(raw, ACCEPTED, f"OUTPUT {KNOWN}", f"INPUT {KNOWN}"))
    assert verdict(found) == "open"


ZONES = {
    "iptables": iptables("-A PREROUTING -i eth0 -j CT --zone 5", ACCEPTED, f"OUTPUT {KNOWN}", f"INPUT {KNOWN}"),
    "nft": """\
table ip g {
	chain p { type filter hook prerouting priority raw; policy accept;
		iifname "eth0" ct zone set 5
	}
	chain i { type filter hook input priority 0; policy drop;
		tcp dport 80 accept
	}
	chain o { type filter hook output priority 0; policy drop;
		ct state established,related accept
	}
}
""",
}


@pytest.mark.parametrize("dialect", list(ZONES))
def test_a_zone_for_one_direction_leaves_open_what_replies_are(tmp_path: File, dialect: str) -> None:
    found = read(tmp_path, TCP, Hook.INPUT, ZONES[dialect])
    names = found.path.space.interfaces
    eth0 = found.path.space.box({Field.IN_INTERFACE: ((names.number("eth0"),) * 2,)})
    assert not found.surely & eth0
    assert found.possibly & eth0
    assert any("NOTRACK, zones" in each.text and each.span for each in found.open_conditions())
