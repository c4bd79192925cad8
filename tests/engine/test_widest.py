"""Who decides most is named first, whatever the rules ask about."""

from __future__ import annotations

from tests.build import chain, dport, firewall, proto, rule, source
from validator.engine.connection import Crossing, Path
from validator.engine.legs import REQUEST
from validator.model import Hook, Verb
from validator.packets.fields import TCP, Field

PORTS = ((80, 81),)


def lines(*rules: str) -> list[int]:
    """The lines of the rules that drop requests to PORTS, in the order in which they are named."""
    made = {
        "two addresses": rule(1, "drop", source(1, 2)),
        "five addresses, one port": rule(2, "drop", source(16, 20), dport(80)),
        "two addresses, both ports": rule(3, "drop", source(32, 33), proto(TCP), dport(80, 90)),
        "three addresses, one port": rule(4, "drop", source(48, 50), dport(81)),
    }
    wall = firewall(chain("in", *(made[name] for name in rules), policy="accept"), input="in")
    path = Path((Crossing(wall, Hook.INPUT),), PORTS)
    region = path.space.box({Field.DESTINATION_PORT: PORTS})
    return [each.rule.span.line for each in path.deciders(TCP, REQUEST, PORTS, region, (Verb.DROP,))]


def test_shares_are_those_of_the_packets_asked_about() -> None:
    assert lines("two addresses", "five addresses, one port", "three addresses, one port") == [2, 1, 4]


def test_equal_shares_come_in_the_order_of_the_lines() -> None:
    assert lines("two addresses, both ports", "two addresses") == [1, 3]
