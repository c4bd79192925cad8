"""One question on one path: verdict, blame, conditions, witness, and rules that nearly helped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_check import CHAINS, HEAD, KNOWN, POLICY, written
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.results import Result, Verdict
from validator.site import Host, Site

SITE = "hosts: {{web: {{modules: [{module}]{more}}}}}\n{peers}"
LPD = "-A INPUT -p tcp --dport 515 -j ACCEPT\n"


def judged(
    folder: Path, rules: str, peers: str = "", module: str = "lpd", address: str = "", protocol: str = "tcp"
) -> Result:
    """The result of a module's inbound entry on a host with these rules (behind KNOWN, before DROP)."""
    told = f"peers: {{{module}: [{peers}]}}\n" if peers else ""
    more = f", addresses: [{address}]" if address else ""
    report = written(folder, SITE.format(module=module, more=more, peers=told), web=rules)
    (found,) = [r for r in report.results if r.protocol == protocol and r.direction == "inbound" and not r.local]
    return found


def summary(found: Result) -> str:
    return "restricted" if found.restricted else found.verdict.value


SET = "-m set --match-set office src"


@pytest.mark.parametrize(
    ("rules", "peers", "expected"),
    [
        (LPD, "", "open"),
        ("", "", "blocked"),
        (LPD, "10.0.0.0/8", "open"),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", "", "restricted"),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", "10.1.0.0/16", "open"),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", "192.168.0.0/16", "blocked"),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", "10.1.0.0/16, 192.168.0.0/16", "partial"),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", "anybody", "restricted"),
        ("-A INPUT -s 10.1.2.3 -j DROP\n" + LPD, "10.0.0.0/8", "partial"),
        ("-A INPUT -s 10.1.2.3 -j DROP\n" + LPD, "", "restricted"),
        ("-A INPUT -s 127.0.0.0/8 -j DROP\n-A INPUT -s 224.0.0.0/3 -j DROP\n" + LPD, "", "open"),
        ("-A INPUT -i eth0 -p tcp --dport 515 -j ACCEPT\n", "", "restricted"),
        ("-A INPUT -i eth0 -p tcp --dport 515 -j ACCEPT\n", "10.0.0.0/8", "partial"),
        ("-A INPUT -i lo -p tcp --dport 515 -j ACCEPT\n", "", "blocked"),
        ("-A INPUT ! -i lo -p tcp --dport 515 -j ACCEPT\n", "", "open"),
        ("-A INPUT -p tcp --sport 1024:65535 --dport 515 -j ACCEPT\n", "", "open"),
        ("-A INPUT -p tcp --sport 515 --dport 515 -j ACCEPT\n", "", "blocked"),
        ("-A INPUT -p tcp --sport 2000:3000 --dport 515 -j ACCEPT\n", "", "partial"),
        (f"-A INPUT -p tcp --dport 515 {SET} -j ACCEPT\n", "", "unknown"),
        (f"-A INPUT -p tcp --dport 515 {SET} -j DROP\n" + LPD, "", "unknown"),
        (f"-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 {SET} -j ACCEPT\n", "", "unknown"),
        (f"-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 {SET} -j ACCEPT\n", "10.0.0.0/8", "unknown"),
        (f"-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 {SET} -j ACCEPT\n", "10.0.0.0/7", "partial"),
        (f"-A INPUT -p tcp --dport 515 {SET} -j ACCEPT\n-A INPUT -p tcp --dport 515 -j ACCEPT\n", "", "open"),
        (f"-A INPUT -p tcp --dport 515 {SET} -j DROP\n-A INPUT -p tcp --dport 515 -j DROP\n", "", "blocked"),
        ("-A INPUT -p udp --dport 515 -j ACCEPT\n", "", "blocked"),
        ("-A INPUT -s office.example -j ACCEPT\n" + LPD, "", "unknown"),
        (LPD + "-A INPUT -s office.example -j DROP\n", "", "open"),
    ],
)
def test_the_verdict_is(tmp_path: Path, rules: str, peers: str, expected: str) -> None:
    assert summary(judged(tmp_path, rules, peers)) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("-A INPUT -p tcp --dport 5863:5864 -j ACCEPT\n", "open"),
        ("-A INPUT -p tcp --dport 5863 -j ACCEPT\n", "partial"),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 5863 -j ACCEPT\n", "partial"),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 5863:5864 -j ACCEPT\n", "restricted"),
        (
            "-A INPUT -s 10.0.0.0/8 -p tcp --dport 5863 -j ACCEPT\n"
            "-A INPUT -s 192.168.0.0/16 -p tcp --dport 5864 -j ACCEPT\n",
            "partial",
        ),
        (f"-A INPUT -p tcp --dport 5863 -j ACCEPT\n-A INPUT -p tcp --dport 5864 {SET} -j ACCEPT\n", "unknown"),
    ],
)
def test_some_peers_must_reach_every_port_for_it_to_be_restricted(tmp_path: Path, rules: str, expected: str) -> None:
    assert summary(judged(tmp_path, rules, module="messenger")) == expected


@pytest.mark.parametrize(("address", "expected"), [("", "restricted"), ("10.0.0.5", "open"), ("10.0.0.6", "blocked")])
def test_a_rule_for_one_address_of_the_host_hangs_on_which_it_has(tmp_path: Path, address: str, expected: str) -> None:
    rules = "-A INPUT -d 10.0.0.5 -p tcp --dport 515 -j ACCEPT\n"
    assert summary(judged(tmp_path, rules, address=address)) == expected


STATELESS = "-A INPUT -p tcp --dport 515 -j ACCEPT\n"


@pytest.mark.parametrize(
    ("rules", "verdict", "request_", "reply"),
    [
        ("-A OUTPUT -p tcp --sport 515 -j ACCEPT\n", "open", "open", "open"),
        ("", "blocked", "open", "blocked"),
        ("-A OUTPUT -p tcp --sport 515 ! --syn -j ACCEPT\n", "open", "open", "open"),
        ("-A OUTPUT -p tcp --sport 515 --tcp-flags SYN,ACK ACK -j ACCEPT\n", "blocked", "open", "blocked"),
        ("-A OUTPUT -d 10.0.0.0/8 -p tcp --sport 515 -j ACCEPT\n", "partial", "open", "partial"),
    ],
)
def test_the_reply_must_get_back(tmp_path: Path, rules: str, verdict: str, request_: str, reply: str) -> None:
    text = HEAD.replace("OUTPUT ACCEPT", "OUTPUT DROP") + STATELESS + rules + "COMMIT\n"
    found = judged(tmp_path, text)
    assert (found.verdict, found.request, found.reply) == (verdict, request_, reply)


def test_a_reply_that_is_stopped_is_blamed_and_shown(tmp_path: Path) -> None:
    text = HEAD.replace("OUTPUT ACCEPT", "OUTPUT DROP") + STATELESS + "COMMIT\n"
    found = judged(tmp_path, text)
    assert [(blame.leg, blame.action, blame.span.line) for blame in found.blocked_by] == [("reply", "drop", 4)]
    assert found.witness_blocked is not None
    assert (found.witness_blocked["hook"], found.witness_blocked["source_port"]) == ("output", 515)


def test_what_follows_the_first_packet_must_get_there_too(tmp_path: Path) -> None:
    found = judged(tmp_path, HEAD + "-A INPUT -p tcp --dport 515 --syn -j ACCEPT\nCOMMIT\n")
    assert found.verdict is Verdict.BLOCKED
    assert found.witness_blocked is not None
    assert found.witness_blocked["state"] == "established"


def test_an_open_port_has_the_accepting_line_and_an_accepted_packet(tmp_path: Path) -> None:
    found = judged(tmp_path, LPD)
    assert [(blame.leg, blame.action, blame.span.text) for blame in found.accepted_by] == [
        ("request", "accept", LPD.strip()),
        ("reply", "accept", ":OUTPUT ACCEPT [0:0]"),
    ]
    assert found.witness_accepted is not None
    assert (found.witness_accepted["destination_port"], found.witness_accepted["state"]) == (515, "new")
    assert (found.blocked_by, found.witness_blocked) == ((), None)
    assert [use.assumption for use in found.conditions] == ["every-ruleset"]


def test_a_blocked_port_has_the_stopping_line_and_a_blocked_packet(tmp_path: Path) -> None:
    found = judged(tmp_path, "-A INPUT -p tcp --dport 515 -j REJECT\n")
    assert [(blame.action, blame.span.line) for blame in found.blocked_by] == [("reject", 6)]
    assert found.witness_blocked is not None
    assert found.witness_blocked["destination_port"] == 515
    assert (found.accepted_by, found.witness_accepted) == ((), None)


def test_a_partial_result_has_both_sides(tmp_path: Path) -> None:
    found = judged(tmp_path, "-A INPUT -s 10.0.0.0/9 -p tcp --dport 515 -j ACCEPT\n", "10.0.0.0/8")
    assert [blame.span.line for blame in found.blame] == [2, 6, 4]
    assert found.accepted == ({"source": ["10.0.0.0/9"], "destination_port": [[515, 515]]},)
    assert found.blocked == ({"source": ["10.128.0.0/9"], "destination_port": [[515, 515]]},)
    assert found.witness_accepted is not None
    assert found.witness_blocked is not None


def test_an_unknown_result_names_its_condition_once(tmp_path: Path) -> None:
    found = judged(tmp_path, f"-A INPUT -p tcp --dport 515 {SET} -j ACCEPT\n")
    (asked, assumed) = found.conditions
    assert (asked.text.partition(" (named")[0], asked.assumed) == ("the packet (src) is in set office", None)
    assert (assumed.assumption, assumed.assumed) == ("every-ruleset", True)


def test_a_condition_that_changes_nothing_is_not_named(tmp_path: Path) -> None:
    found = judged(tmp_path, f"-A INPUT -p tcp --dport 515 {SET} -j ACCEPT\n{LPD}")
    assert found.verdict is Verdict.OPEN
    assert [use.assumption for use in found.conditions] == ["every-ruleset"]


def test_a_rate_limit_is_an_assumption_that_the_result_names(tmp_path: Path) -> None:
    found = judged(tmp_path, "-A INPUT -p tcp --dport 515 -m limit --limit 5/sec -j ACCEPT\n")
    assert found.verdict is Verdict.OPEN
    assert [(use.assumption, use.assumed) for use in found.conditions] == [
        ("every-ruleset", True),
        ("normal-load", True),
    ]


@pytest.mark.parametrize(("chain", "named"), [("INPUT", []), ("OUTPUT", ["normal-load"])])
def test_an_assumption_of_a_chain_that_no_packet_passes_that_way_is_not_named(
    tmp_path: Path, chain: str, named: list[str]
) -> None:
    """Replies go to the ports of clients, 8000 among them, but not by the chain of the requests."""
    limit = f"-A {chain} -p tcp --dport 8000 -m hashlimit --hashlimit-above 9/sec --hashlimit-name a -j DROP\n"
    found = judged(tmp_path, f"{limit}-A INPUT -p tcp --dport 515 -j ACCEPT\n")
    assert found.verdict is Verdict.OPEN
    assert [use.assumption for use in found.conditions] == ["every-ruleset", *named]


@pytest.mark.parametrize(
    ("rules", "peers", "exposed"),
    [
        (LPD, "", True),
        (LPD, "10.0.0.0/8", True),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", "10.0.0.0/8", False),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", "", False),
        (f"-A INPUT -p tcp --dport 515 {SET} -j ACCEPT\n", "", False),
        ("", "", False),
    ],
)
def test_exposed_is_open_to_anybody_whatever_the_site_declares(
    tmp_path: Path, rules: str, peers: str, exposed: bool
) -> None:
    assert judged(tmp_path, rules, peers).exposed is exposed


def near(found: Result) -> list[tuple[str, int]]:
    return [(miss.why, miss.span.line) for miss in found.near_misses]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (LPD, []),
        ("-A INPUT -p tcp --dport 515 -j DROP\n" + LPD, [("too-late", 7)]),
        ("-A INPUT -p tcp --dport 515 -j DROP\n-A INPUT -j ACCEPT\n", []),
        ("-A INPUT -p tcp --dport 515 -j DROP\n-A INPUT -p udp --dport 515 -j ACCEPT\n", []),
        ("-A INPUT -p tcp --dport 515 -j DROP\n-A FORWARD -p tcp --dport 515 -j ACCEPT\n", []),
        ("-A INPUT -s 10.0.0.0/8 -p tcp --dport 515 -j ACCEPT\n", []),
    ],
)
def test_a_rule_that_comes_too_late_is_a_near_miss(tmp_path: Path, rules: str, expected: list[tuple[str, int]]) -> None:
    assert near(judged(tmp_path, rules)) == expected


def test_many_rules_that_each_let_some_in_are_none_of_them_late(tmp_path: Path) -> None:
    rules = "".join(f"-A INPUT -s 10.{n}.0.0/16 -p tcp --dport 515 -j ACCEPT\n" for n in range(12))
    assert near(judged(tmp_path, rules)) == []


def test_a_rule_whose_replies_are_stopped_is_not_late(tmp_path: Path) -> None:
    text = HEAD.replace("OUTPUT ACCEPT", "OUTPUT DROP") + STATELESS + "COMMIT\n"
    assert near(judged(tmp_path, text)) == []


def test_what_is_accepted_inside_may_be_stopped_outside(tmp_path: Path) -> None:
    """Two firewalls of one host: a rule of one is not late because of the other."""
    (tmp_path / "web.rules").write_text(f"{CHAINS}{LPD}COMMIT\n", "utf-8")
    groups = (
        '{"SecurityGroups": [{"GroupId": "sg-1", "GroupName": "g", "IpPermissions": [], "IpPermissionsEgress": []}]}'
    )
    (tmp_path / "sg.json").write_text(groups, "utf-8")
    site = Site("s", (Host("web", modules=("lpd",)),))
    loaded = load([f"web={tmp_path / 'web.rules'},{tmp_path / 'sg.json'}"], site)
    (found,) = check(loaded, POLICY, site, CheckOptions()).report.results
    assert (found.verdict, near(found)) == (Verdict.BLOCKED, [])
    assert [blame.span.path for blame in found.blocked_by] == [str(tmp_path / "sg.json")]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("-A INPUT -i lo -j ACCEPT\n", "open"),
        ("", "blocked"),
        ("-A INPUT -s 127.0.0.1/32 -j ACCEPT\n", "open"),
        ("-A INPUT -i eth0 -p tcp --dport 9001 -j ACCEPT\n", "blocked"),
        ("-A INPUT -i lo -j ACCEPT\n-A OUTPUT -o lo -p tcp --dport 9001 -j DROP\n", "blocked"),
        ("-A INPUT -i lo -j ACCEPT\n-A OUTPUT -o lo -p tcp --sport 9001 -j DROP\n", "blocked"),
    ],
)
def test_local_talk_goes_over_loopback(tmp_path: Path, rules: str, expected: str) -> None:
    site = "hosts: {web: {modules: [hypersql]}}\npeers: {hypersql: [10.0.0.0/8]}"
    (found,) = [each for each in written(tmp_path, site, web=rules).results if each.local]
    assert (found.verdict, found.peers, found.restricted) == (expected, ("127.0.0.1/32",), False)
    assert {blame.leg for blame in found.blame} == {"loopback"}


LO = "-A INPUT -i lo "
ADDR = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500
    inet 10.9.1.1/24 brd 10.9.1.255 scope global eth0
    inet 10.9.1.9/24 brd 10.9.1.255 scope global secondary eth0
3: eth1: <BROADCAST,MULTICAST> mtu 1500
    inet 10.9.3.1/24 brd 10.9.3.255 scope global eth1
"""


@pytest.mark.parametrize(
    ("rules", "told", "expected"),
    [
        (f"{LO}! -s 127.0.0.1 -j DROP\n{LO}-j ACCEPT\n", "addresses: [10.9.1.1], ", "partial"),
        (f"{LO}! -s 127.0.0.1 -j DROP\n{LO}-j ACCEPT\n", "", "open"),
        (f"{LO}-s 10.9.1.1 -d 10.9.1.1 -j ACCEPT\n{LO}-s 127.0.0.1 -d 127.0.0.1 -j ACCEPT\n", "10.9.1.1", "open"),
        (f"{LO}-s 10.9.1.1 -j ACCEPT\n", "addresses: [10.9.1.1], ", "partial"),
        ("", "addresses: [10.9.1.1], ", "blocked"),
        (f"{LO}-j ACCEPT\n", "addresses: [10.9.1.1, 10.9.1.0/24], ", "open"),
    ],
)
def test_modules_of_a_host_connect_by_its_addresses_too(tmp_path: Path, rules: str, told: str, expected: str) -> None:
    """As on Linux 6.18, where a connection to an own address has it as its source as well."""
    told = f"addresses: [{told}], " if told == "10.9.1.1" else told
    site = f"hosts: {{web: {{{told}modules: [hypersql]}}}}\npeers: {{hypersql: [10.0.0.0/8]}}"
    (found,) = [each for each in written(tmp_path, site, web=rules).results if each.local]
    assert (found.verdict, found.restricted) == (expected, False)
    assert found.peers == (("127.0.0.1/32", "10.9.1.1/32") if told else ("127.0.0.1/32",))


@pytest.mark.parametrize(
    ("rules", "addresses", "peers", "expected"),
    [
        (f"{LO}-d 10.9.1.1 -j DROP\n{LO}-j ACCEPT\n", "", ("127.0.0.1", "10.9.1.1", "10.9.1.9"), "partial"),
        (f"{LO}-s 10.9.1.9 -j DROP\n{LO}-j ACCEPT\n", "", ("127.0.0.1", "10.9.1.1", "10.9.1.9"), "open"),
        (f"{LO}-s 10.9.1.1 -d 10.9.1.9 -j DROP\n{LO}-j ACCEPT\n", "10.9.1.9", ("127.0.0.1", "10.9.1.9"), "partial"),
        (f"{LO}-d 10.9.1.1 -j DROP\n{LO}-j ACCEPT\n", "10.9.1.9", ("127.0.0.1", "10.9.1.9"), "open"),
    ],
)
def test_an_export_tells_them_where_the_site_does_not_and_which_source_they_have(
    tmp_path: Path, rules: str, addresses: str, peers: tuple[str, ...], expected: str
) -> None:
    (tmp_path / "web.rules").write_text(f"{HEAD}:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n{KNOWN}{rules}COMMIT\n")
    (tmp_path / "web.addr").write_text(ADDR)
    site = Site("s", (Host("web", (addresses,) if addresses else (), modules=("hypersql",)),))
    loaded = load([f"web={tmp_path / 'web.rules'},{tmp_path / 'web.addr'}"], site)
    assert not loaded.errors
    (found,) = [each for each in check(loaded, POLICY, site, CheckOptions()).report.results if each.local]
    assert found.peers == tuple(f"{peer}/32" for peer in peers)
    assert found.verdict == expected


def test_rules_in_two_chains_share_a_condition(tmp_path: Path) -> None:
    rules = f"-A INPUT -p tcp --dport 515 {SET} -j ACCEPT\n-A INPUT -p tcp --dport 515 -m set ! --match-set office src "
    assert judged(tmp_path, rules + "-j ACCEPT\n").verdict is Verdict.OPEN
    assert judged(tmp_path, rules + "-j DROP\n").verdict is Verdict.UNKNOWN


def test_known_connections_alone_let_nothing_new_in(tmp_path: Path) -> None:
    assert judged(tmp_path, KNOWN).verdict is Verdict.BLOCKED


def group(name: str, cidr: str = "", group: str = "") -> dict[str, object]:
    """A security group that lets LPD in from a block or from another group."""
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 515,
        "ToPort": 515,
        "IpRanges": [{"CidrIp": cidr}] if cidr else [],
        "UserIdGroupPairs": [{"GroupId": group}] if group else [],
    }
    return {"GroupId": name, "GroupName": name, "IpPermissions": [permission], "IpPermissionsEgress": []}


EVERYBODY, NOBODY = group("sg-open", "0.0.0.0/0"), group("sg-shut")


def of_groups(folder: Path, *groups: dict[str, object], told: tuple[str, ...] = ()) -> Result:
    (folder / "web.json").write_text(json.dumps({"SecurityGroups": groups}), "utf-8")
    site = Site("s", (Host("web", modules=("lpd",), groups=told),))
    loaded = load([str(folder / "web.json")], site)
    (found,) = check(loaded, POLICY, site, CheckOptions()).report.results
    return found


@pytest.mark.parametrize(
    ("groups", "told", "expected"),
    [
        ([EVERYBODY], (), "open"),
        ([NOBODY], (), "blocked"),
        ([EVERYBODY, NOBODY], (), "unknown"),
        ([NOBODY, EVERYBODY], (), "unknown"),
        ([NOBODY, group("sg-two")], (), "blocked"),
        ([EVERYBODY, group("sg-two", "0.0.0.0/0")], (), "open"),
        ([group("sg-a", "0.0.0.0/1"), group("sg-b", "128.0.0.0/1")], (), "unknown"),
        ([group("sg-a", "0.0.0.0/1"), group("sg-b", "128.0.0.0/1")], ("sg-a", "sg-b"), "open"),
        ([EVERYBODY, NOBODY], ("sg-open",), "open"),
        ([EVERYBODY, NOBODY], ("sg-shut",), "blocked"),
        ([EVERYBODY, NOBODY], ("sg-shut", "sg-open"), "open"),
        ([group("sg-a", "10.0.0.0/8")], (), "restricted"),
        ([group("sg-a", group="sg-b")], (), "unknown"),
    ],
)
def test_groups_that_nobody_chose_between_must_agree(
    tmp_path: Path, groups: list[dict[str, object]], told: tuple[str, ...], expected: str
) -> None:
    assert summary(of_groups(tmp_path, *groups, told=told)) == expected


def test_the_groups_that_would_let_requests_in_are_what_the_result_depends_on(tmp_path: Path) -> None:
    found = of_groups(tmp_path, EVERYBODY, NOBODY)
    assert [use.text for use in found.conditions] == ["the interface is in sg-open"]


def test_what_chance_decides_anew_for_each_rule_is_never_a_proof(tmp_path: Path) -> None:
    dice = "-A INPUT -p tcp --dport 515 -m statistic --mode random --probability 0.5 -j "
    assert judged(tmp_path, f"{dice}DROP\n{dice}ACCEPT\n").verdict is Verdict.UNKNOWN


def test_what_each_packet_decides_anew_is_never_a_proof(tmp_path: Path) -> None:
    short = "-m length --length 0:60 -j"
    rules = f"-A INPUT -p tcp --syn {short} ACCEPT\n-A INPUT -p tcp --dport 515 {short} DROP\n{KNOWN}"
    assert judged(tmp_path, HEAD + rules + "COMMIT\n").verdict is Verdict.UNKNOWN


def test_an_assumption_inside_alternatives_is_named(tmp_path: Path) -> None:
    rule = {
        "name": "r",
        "network": "https://x/projects/p/global/networks/n",
        "priority": 1,
        "direction": "INGRESS",
        "allowed": [{"IPProtocol": "tcp"}],
        "sourceTags": ["web"],
        "sourceRanges": ["10.8.0.0/16"],
    }
    machines = [
        {
            "name": name,
            "zone": "x/zones/a-b",
            "tags": {"items": tags},
            "networkInterfaces": [{"network": rule["network"], "networkIP": address}],
        }
        for name, tags, address in (("a", ["web"], "10.0.0.1"), ("h", [], "10.0.0.2"))
    ]
    for name, data in (("rules", [rule]), ("machines", machines)):
        (tmp_path / f"{name}.json").write_text(json.dumps(data), "utf-8")
    site = Site("site", (Host("h", modules=("lpd",), groups=("h",)),))
    loaded = load([f"h={tmp_path}/rules.json,{tmp_path}/machines.json"], site)
    results = check(loaded, POLICY, site, CheckOptions()).report.results
    (found,) = [each for each in results if each.protocol == "tcp"]
    assert summary(found) == "restricted"
    assert {"listed-members", "no-firewall-policies"} <= {use.assumption for use in found.conditions}
