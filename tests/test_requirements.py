"""What has to get through: settings, overrides, peers by family, local talk."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from validator.packets.fields import Family
from validator.policy import Direction, Module, Policy, PortEntry
from validator.requirements import UNICAST, Requirement, ranges, requirements, settings_of
from validator.results import Skipped
from validator.site import Host, Site

IN, OUT = Direction.INBOUND, Direction.OUTBOUND
FOUR, SIX = Family.IPV4, Family.IPV6
WEB = Module(
    "web",
    "Web",
    (
        PortEntry("listen", IN, ("tcp", "udp"), ((80, 80),), local=True),
        PortEntry("secure", IN, ("tcp",), ((443, 443),), when={"mode": "secure"}),
        PortEntry("call", OUT, ("tcp",), (), ports_from="url", local=True),
    ),
)
POLICY = Policy(
    "mine", "1", "Mine", (WEB,), {"mode": ("plain", "secure"), "url": ()}, "mine.yaml", defaults={"mode": "plain"}
)


def made(
    site: Site | None = None,
    host: Host | None = None,
    families: tuple[Family, ...] = (FOUR,),
    loopback: bool = False,
    **given: object,
) -> tuple[list[Requirement], list[Skipped]]:
    return requirements(POLICY, host or Host("h"), site, given, families, loopback)


def needs(site: Site | None = None, host: Host | None = None, **given: object) -> list[tuple[str, str]]:
    return [(each.entry.id, each.protocol) for each in made(site, host, **given)[0]]  # type: ignore[arg-type]


def peers(site: Site, *families: Family) -> dict[tuple[str, Family], tuple[str, ...] | None]:
    return {(each.entry.id, each.family): each.peers for each in made(site, families=families)[0]}


def test_there_is_one_for_each_entry_and_protocol() -> None:
    assert needs() == [("listen", "tcp"), ("listen", "udp")]


def test_a_setting_brings_an_entry_in() -> None:
    assert needs(mode="secure") == [("listen", "tcp"), ("listen", "udp"), ("secure", "tcp")]


def test_ports_from_a_setting_wait_for_it() -> None:
    assert made()[1] == [Skipped("h", "web", "Web", "call", "not configured: set url")]
    wanted, skipped = made(url="https://a.example")
    assert (wanted[-1].entry.id, wanted[-1].entry.ports, skipped) == ("call", ((443, 443),), [])


def test_a_setting_that_names_no_port_is_told_so() -> None:
    (skipped,) = made(url="a.example")[1]
    assert skipped.reason.startswith("no port: url is neither")


def test_an_override_takes_the_place_of_ports_and_of_settings() -> None:
    site = Site("s", ports={"web": {"listen": ((81, 82),), "call": ((9, 9),)}})
    wanted, skipped = made(site, url="https://a.example")
    assert {each.entry.id: each.entry.ports for each in wanted} == {"listen": ((81, 82),), "call": ((9, 9),)}
    assert skipped == []


def test_the_command_line_is_over_the_host_and_the_host_over_the_site() -> None:
    site = Site("s", settings={"a": "site", "b": "site", "c": "site"})
    found = settings_of(Host("h", settings={"b": "host", "c": "host"}), site, {"c": "given"})
    assert found == {"a": "site", "b": "host", "c": "given"}


@pytest.mark.parametrize(("modules", "number"), [(None, 2), (("web",), 2), (("other",), 0), ((), 0)])
def test_a_host_needs_what_its_modules_need(modules: tuple[str, ...] | None, number: int) -> None:
    assert len(needs(host=Host("h", modules=modules))) == number


def test_undeclared_peers_are_anybody() -> None:
    (first, *_), _ = made(families=(SIX,))
    assert first.peers is None
    assert first.peer_ranges == UNICAST[SIX]


def test_peers_are_those_of_the_family() -> None:
    site = Site("s", networks={"office": ("10.0.0.0/8", "2001:db8::/32")}, peers={"web": ("office", "192.0.2.1")})
    assert peers(site, FOUR, SIX) == {
        ("listen", FOUR): ("10.0.0.0/8", "192.0.2.1"),
        ("listen", SIX): ("2001:db8::/32",),
    }


def test_a_family_in_which_no_peer_has_an_address_is_not_needed_and_that_is_said() -> None:
    site = Site("s", hosts=(Host("a", ("10.0.0.1/32",)),), peers={"web": ("a",)})
    assert peers(site, FOUR, SIX) == {("listen", FOUR): ("10.0.0.1/32",)}
    skipped = made(site, families=(FOUR, SIX))[1]
    assert [each.reason for each in skipped if each.port_entry == "listen"] == [
        "not over IPv6: none of its peers has an address there"
    ]
    assert [each.port_entry for each in made(site, families=(FOUR,))[1]] == ["call"]


def test_peers_without_an_address_of_any_judged_family_are_no_silence() -> None:
    site = Site("s", peers={"web": ("10.0.0.0/8",)})
    wanted, skipped = made(site, families=(SIX,), url="1")
    assert wanted == []
    assert {each.port_entry for each in skipped} == {"listen", "call"}
    assert all("none of its peers has an address" in each.reason for each in skipped)


def test_peers_may_be_anybody_among_others() -> None:
    site = Site("s", peers={"web": ("10.0.0.0/8", "anybody")})
    assert peers(site, FOUR) == {("listen", FOUR): None}


def test_modules_of_one_host_talk_over_loopback_where_it_is_filtered() -> None:
    wanted, _ = made(loopback=True, url="1")
    assert [(each.entry.id, each.protocol) for each in wanted if each.local] == [("listen", "tcp"), ("listen", "udp")]
    assert not any(each.local for each in made(url="1")[0])


def test_declared_peers_do_not_limit_local_talk() -> None:
    wanted, _ = made(Site("s", peers={"web": ("10.0.0.0/8",)}), loopback=True)
    assert {each.peers for each in wanted if each.local} == {None}


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [((), UNICAST[FOUR]), (("10.0.0.1/32",), ((167772161, 167772161),)), (("2001:db8::1",), UNICAST[FOUR])],
)
def test_a_host_whose_address_nobody_told_has_any(addresses: tuple[str, ...], expected: object) -> None:
    (first, *_), _ = made(host=Host("h", addresses))
    assert first.host_ranges == expected


def test_blocks_become_intervals_of_one_family() -> None:
    assert ranges(("10.0.0.0/31", "10.0.0.2", "::1"), FOUR) == ((167772160, 167772162),)
    assert ranges(("10.0.0.0/31", "::1"), SIX) == ((1, 1),)


def test_a_block_of_peers_is_those_addresses_that_a_peer_can_have() -> None:
    site = Site("s", peers={"web": ("0.0.0.0/0",)})
    assert made(site)[0][0].peer_ranges == UNICAST[FOUR]


def test_peers_that_are_no_ordinary_addresses_are_judged_as_they_stand() -> None:
    site = Site("s", peers={"web": ("240.0.0.0/31",)})
    assert made(site)[0][0].peer_ranges == ((240 << 24, (240 << 24) + 1),)


def test_a_module_that_a_host_runs_and_the_settings_leave_out_is_told() -> None:
    database = Module("db", "Db", (PortEntry("listen", IN, ("tcp",), ((9, 9),), when={"mode": "secure"}),))
    policy = replace(POLICY, modules=(WEB, database))
    told = [requirements(policy, Host("h", modules=names), None, {}, (FOUR,), False)[1] for names in (("db",), None)]
    assert told[0] == [Skipped("h", "db", "Db", "listen", "not needed while mode is plain")]
    assert "db" not in [each.module for each in told[1]]


ITSELF = Host("h", addresses=("10.0.0.1/32",))


def to_itself(*named: str, loopback: bool) -> tuple[list[tuple[tuple[str, ...] | None, bool]], list[Skipped]]:
    """Peers, and whether they are local, of what is asked about TCP of a host at 10.0.0.1."""
    site = Site("site.yaml", hosts=(ITSELF, Host("other", addresses=("10.0.0.2/32",))), peers={"web": named})
    wanted, skipped = made(site, ITSELF, loopback=loopback)
    return [(each.peers, each.local) for each in wanted if each.protocol == "tcp"], skipped


def test_what_a_host_sends_to_itself_goes_over_loopback() -> None:
    wanted, skipped = to_itself("h", loopback=True)
    assert (wanted, skipped) == ([(None, True)], [Skipped("h", "web", "Web", "call", "not configured: set url")])
    wanted, skipped = to_itself("h", loopback=False)
    reason = "its only peer is the host itself, and what it sends to itself is not filtered"
    assert (wanted, skipped[0]) == ([], Skipped("h", "web", "Web", "listen", reason))
    assert to_itself("h", "other", loopback=False)[0] == [(("10.0.0.2/32",), False)]


def test_no_peer_has_an_address_of_the_host() -> None:
    network = Requirement(ITSELF, WEB, WEB.entries[0], "tcp", FOUR, ("10.0.0.0/30",))
    low = 10 << 24
    assert network.peer_ranges == ((low, low), (low + 2, low + 3))
    assert not any(first <= low + 1 <= last for first, last in replace(network, peers=None).peer_ranges)
    some_of_these = replace(network, host=Host("h", addresses=("10.0.0.0/31",)))
    assert some_of_these.peer_ranges == ((low, low + 3),)
