"""Replies to a translated source, judged from exports: where they go until they are translated back."""

from __future__ import annotations

from pathlib import Path as File

import pytest

from validator.engine import way
from validator.engine.connection import Crossing, Path
from validator.engine.legs import EPHEMERAL, REPLY
from validator.hosts import firewalls, load
from validator.model import Hook
from validator.packets.fields import TCP, Family, Field, Intervals
from validator.packets.space import PacketSet

PORT: Intervals = ((80, 80),)


@pytest.fixture(autouse=True, params=["usual order", "by destination"])
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is judged with either order of the fields."""
    monkeypatch.setattr(way, "MANY_TRANSLATIONS", 1000 if request.param == "usual order" else -1)


ADDRESSES = (
    '[{"ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": [{"family": "inet", "local": "127.0.0.1", '
    '"prefixlen": 8}]}, '
    '{"ifname": "eth0", "flags": ["UP"], "addr_info": [{"family": "inet", "local": "10.1.0.1", "prefixlen": 24}, '
    '{"family": "inet", "local": "10.1.0.9", "prefixlen": 24, "secondary": true}]}, '
    '{"ifname": "eth1", "flags": ["UP"], "addr_info": [{"family": "inet", "local": "10.2.0.1", "prefixlen": 24}]}]\n'
)
CLIENT, HOST, SERVER = 0x0A010005, 0x0A010001, 0x0A020021


def replies(folder: File, hook: Hook, nat: str, rules: str, before: str = "") -> str:
    """What becomes of replies to 10.1.0.5 from the host itself, or from 10.2.0.33 behind it: open, blocked, unknown."""
    raw = f"*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{before}COMMIT\n"
    filtering = f"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n"
    translating = f"*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{nat}COMMIT\n"
    (folder / "rules").write_text(raw + translating + filtering)
    (folder / "addr.json").write_text(ADDRESSES)
    loaded = load([f"fw={folder / 'rules'},{folder / 'addr.json'}"])
    assert not loaded.errors
    (wall,) = firewalls(loaded, (Family.IPV4,))
    path = Path((Crossing(wall, hook),), PORT)
    names = path.space.interfaces
    forward = hook is Hook.FORWARD
    out = names.number("eth1") if forward else 0
    server = SERVER if forward else HOST
    region = path.space.box(
        {
            Field.SOURCE: ((CLIENT, CLIENT),),
            Field.DESTINATION: ((server, server),),
            Field.DESTINATION_PORT: PORT,
            Field.SOURCE_PORT: EPHEMERAL,
            Field.IN_INTERFACE: ((names.number("eth0"),) * 2,),
            Field.OUT_INTERFACE: ((out, out),),
        }
    )
    passing = path.passing(TCP, REPLY, PORT).open & region
    bounds = path.condition_bounds()
    return _word(region, passing.forall(bounds), passing.exists(bounds))


def _word(region: PacketSet, surely: PacketSet, possibly: PacketSet) -> str:
    return "open" if surely == region else "blocked" if not possibly else "unknown"


SNAT = ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j SNAT --to-source 10.2.0.1\n"
MASQUERADE = ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth1 -j MASQUERADE\n"
OF_INPUT = "-A INPUT -p tcp -j SNAT --to-source 10.2.0.33\n"


@pytest.mark.parametrize("nat", [SNAT, MASQUERADE])
def test_what_comes_before_sees_the_translated_address_and_the_filter_the_clients(tmp_path: File, nat: str) -> None:
    def through(rules: str = "", before: str = "") -> str:
        return replies(tmp_path, Hook.FORWARD, nat, rules, before)

    assert through(before="-A PREROUTING -d 10.1.0.5 -j DROP\n") == "open"
    assert through(before="-A PREROUTING -d 10.2.0.1 -j DROP\n") == "blocked"
    assert through(before="-A PREROUTING -d 10.1.0.1 -j DROP\n") == "open"
    assert through(rules="-A FORWARD -d 10.1.0.5 -j DROP\n") == "blocked"
    assert through(rules="-A FORWARD -d 10.2.0.1 -j DROP\n") == "open"


def test_which_port_a_source_gets_is_open_but_for_its_class(tmp_path: File) -> None:
    def through(before: str) -> str:
        return replies(tmp_path, Hook.FORWARD, MASQUERADE, "", before)

    assert through("-A PREROUTING -p tcp --dport 22 -j DROP\n") == "open"
    assert through("-A PREROUTING -p tcp --dport 40000 -j DROP\n") == "unknown"
    assert through("-A PREROUTING -p tcp --dport 1024:65535 -j DROP\n") == "blocked"


def test_the_reply_to_what_came_in_is_routed_by_the_translated_source_first(tmp_path: File) -> None:
    def back(rules: str = "", before: str = "") -> str:
        return replies(tmp_path, Hook.INPUT, OF_INPUT, rules, before)

    assert back(rules="-A OUTPUT -o eth1 -j DROP\n") == "blocked"
    assert back(rules="-A OUTPUT -o eth0 -j DROP\n") == "open"
    assert back(rules="-A OUTPUT -d 10.1.0.5 -j DROP\n") == "blocked"
    assert back(before="-A OUTPUT -d 10.1.0.5 -j DROP\n") == "open"
    assert back(before="-A OUTPUT -d 10.2.0.33 -j DROP\n") == "blocked"


def test_without_a_translation_nothing_of_this_holds(tmp_path: File) -> None:
    before = "-A PREROUTING -d 10.1.0.5 -j DROP\n"
    assert replies(tmp_path, Hook.FORWARD, "", "", before) == "blocked"


def test_a_line_that_is_not_understood_may_translate_to_anything(tmp_path: File) -> None:
    nat = ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -p tcp -j NOSUCH\n"
    assert replies(tmp_path, Hook.FORWARD, nat, "", "-A PREROUTING -d 192.0.2.1 -j DROP\n") == "unknown"


def test_replies_kept_from_connection_tracking_are_not_followed(tmp_path: File) -> None:
    before = "-A PREROUTING -p tcp --sport 80 -j NOTRACK\n"
    assert replies(tmp_path, Hook.FORWARD, SNAT, "", before) == "unknown"
