"""Rules that say the same of a field share its match."""

from __future__ import annotations

import pytest

from tests.dialects.exports import trace, verdict, wall
from tests.dialects.test_netsh_profiles import every
from tests.dialects.test_netsh_rules import dump, types, verbose
from validator.model import ConditionMatch, Firewall, Match
from validator.packets.fields import Family

PROGRAM = "C:\\a.exe"


def matches(firewall: Firewall, chain: str, name: str) -> list[Match]:
    """The matches of a rule, but for what its dump hides of it."""
    (found,) = [rule for rule in firewall.chains[chain].rules if rule.name == name]
    hidden = [each for each in found.matches if isinstance(each, ConditionMatch) and each.condition.assumption]
    assert len(hidden) == 1
    return [each for each in found.matches if each not in hidden]


def test_rules_of_one_direction_share_what_they_say_alike() -> None:
    said = {"RemoteIP": "LocalSubnet,10.0.0.0/8", "LocalPort": "80,90-99", "Profiles": "Domain", "Program": PROGRAM}
    found = wall(dump(verbose("one", **said), verbose("two", **said, Action="Block"), verbose("out", Direction="Out")))
    one, two = matches(found, "inbound", "one"), matches(found, "inbound", "two")
    assert len(one) == len(two) == 5
    assert all(mine is other for mine, other in zip(one, two, strict=True))


def test_the_same_text_is_about_the_other_end_in_the_other_direction() -> None:
    said = {"LocalIP": "10.0.0.1/32", "LocalPort": "80", "RemotePort": "90", "Action": "Block"}
    found = wall(dump(verbose("in", **said), verbose("out", **said, Direction="Out")), every())
    packet = {"source": "10.0.0.1", "source_port": 80, "destination": "10.0.0.2"}
    assert verdict(found, 90, hook="output", **packet) == "drop"
    assert verdict(found, 80, hook="output", **{**packet, "source_port": 90}) == "accept"
    (blocked,) = [rule for rule in found.chains["inbound"].rules if rule.name == "in"]
    assert not {id(each) for each in blocked.matches} & {id(each) for each in matches(found, "outbound", "out")[1:]}


def test_types_are_shared_by_rules_of_one_protocol_alone() -> None:
    protocols = {"a": "ICMPv4", "b": "ICMPv4", "c": "ICMPv6"}
    row = types("8       Any")
    blocks = [verbose(name, Protocol=text + row, LocalPort=None, RemotePort=None) for name, text in protocols.items()]
    found = wall(dump(*blocks))
    a, b, c = (matches(found, "inbound", name)[-1] for name in "abc")
    assert a is b
    assert a is not c


@pytest.mark.parametrize("edge", ["Yes", "No", "Defer to application", "Defer to user"])
def test_what_comes_tunnelled_through_an_edge_device_needs_edge_traversal(edge: str) -> None:
    texts = dump(verbose("web", Direction="In", LocalPort="80", **{"Edge traversal": edge})), every()
    asks = {
        (family, name)
        for family in Family
        for withdrawn in ((), ("edge-traversal",))
        for name in [verdict(wall(*texts, family=family, withdrawn=withdrawn), 80)]
    }
    six = "accept" if edge == "Yes" else "unknown"
    assert asks == {(Family.IPV4, "accept"), (Family.IPV6, "accept"), (Family.IPV6, six)}
    used = [each.assumption for each in trace(wall(*texts, family=Family.IPV6), destination_port=80).conditions]
    assert ("edge-traversal" in used) is (edge != "Yes")


def test_a_block_rule_stops_what_comes_through_an_edge_device_too() -> None:
    blocked = dump(verbose("web", Direction="In", LocalPort="80", Action="Block"))
    assert verdict(wall(blocked, every(), family=Family.IPV6, withdrawn=("edge-traversal",)), 80) == "drop"
