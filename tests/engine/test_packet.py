"""A JSON packet: its ordinary values, and what is refused."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from validator.engine.packet import INTERFACE, packet_from_json
from validator.errors import RequestError
from validator.model import Hook
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family, Field, State, TcpFlag


def value(data: dict[str, object], field: Field) -> int:
    return packet_from_json(data).values[field]


def test_what_is_missing_takes_its_ordinary_value() -> None:
    packet = packet_from_json({"destination_port": 80})
    assert (packet.hook, packet.family) == (Hook.INPUT, Family.IPV4)
    assert (packet.in_interface, packet.out_interface) == (INTERFACE, "")
    assert packet.values == {
        Field.SOURCE: int(ip_address("198.51.100.7")),
        Field.DESTINATION: int(ip_address("192.0.2.10")),
        Field.PROTOCOL: TCP,
        Field.STATE: State.NEW,
        Field.TCP_FLAGS: TcpFlag.SYN,
        Field.ICMP_TYPE: 0,
        Field.ICMP_CODE: 0,
        Field.SOURCE_PORT: 40000,
        Field.DESTINATION_PORT: 80,
    }


def test_null_is_the_same_as_missing() -> None:
    names = ("hook", "protocol", "source", "source_port", "in_interface", "out_interface", "state", "tcp_flags", "mac")
    assert packet_from_json({"destination_port": 80, **dict.fromkeys(names)}) == packet_from_json(
        {"destination_port": 80}
    )


@pytest.mark.parametrize(
    ("protocol", "number"), [("tcp", TCP), ("UDP", UDP), (17, UDP), ("17", UDP), ("icmp", ICMP), (0, 0), (255, 255)]
)
def test_a_protocol_is_a_name_or_a_number(protocol: object, number: int) -> None:
    assert value({"protocol": protocol, "destination_port": 1}, Field.PROTOCOL) == number


def test_only_protocols_with_ports_need_one() -> None:
    assert value({"protocol": "icmp"}, Field.DESTINATION_PORT) == 0
    with pytest.raises(RequestError, match="no destination_port"):
        packet_from_json({"protocol": "sctp"})


def test_icmp_is_an_echo_request_of_its_family() -> None:
    assert value({"protocol": "icmp"}, Field.ICMP_TYPE) == 8
    six = packet_from_json({"protocol": "icmpv6"})
    assert (six.family, six.values[Field.ICMP_TYPE]) == (Family.IPV6, 128)
    assert packet_from_json({"protocol": ICMPV6}).family is Family.IPV6


def test_an_address_tells_the_family() -> None:
    packet = packet_from_json({"source": "2001:db8::1", "destination_port": 80})
    assert packet.family is Family.IPV6
    assert packet.values[Field.DESTINATION] == int(ip_address("2001:db8:1::10"))
    assert packet_from_json({"destination_port": 80}, Family.IPV6).family is Family.IPV6


@pytest.mark.parametrize("state", ["established", "related", "invalid", "untracked"])
def test_a_packet_of_no_new_connection_is_an_ack(state: str) -> None:
    assert value({"state": state, "destination_port": 80}, Field.TCP_FLAGS) == TcpFlag.ACK


def test_flags_are_those_named() -> None:
    flags = value({"tcp_flags": ["syn", "ack", "syn"], "destination_port": 80}, Field.TCP_FLAGS)
    assert flags == TcpFlag.SYN | TcpFlag.ACK
    assert value({"tcp_flags": [], "destination_port": 80}, Field.TCP_FLAGS) == 0
    assert value({"protocol": "udp", "destination_port": 80}, Field.TCP_FLAGS) == 0


@pytest.mark.parametrize(
    ("hook", "interfaces"), [("input", (INTERFACE, "")), ("output", ("", INTERFACE)), ("forward", (INTERFACE,) * 2)]
)
def test_a_hook_has_its_interfaces(hook: str, interfaces: tuple[str, str]) -> None:
    packet = packet_from_json({"hook": hook, "destination_port": 80})
    assert (packet.in_interface, packet.out_interface) == interfaces


@pytest.mark.parametrize("mac", ["00:16:3e:12:34:56", "00-16-3E-12-34-56", "00163e123456"])
def test_a_mac_is_six_bytes(mac: str) -> None:
    assert value({"mac": mac, "destination_port": 80}, Field.MAC) == 0x00163E123456
    assert Field.MAC not in packet_from_json({"destination_port": 80}).values


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "a packet is a JSON object"),
        ([], "a packet is a JSON object"),
        ({"port": 80}, "a packet has no field 'port'"),
        ({}, "the packet has no destination_port"),
        ({"hook": "prerouting"}, "hook cannot be 'prerouting'"),
        ({"hook": []}, r"hook cannot be \[\]"),
        ({"state": "NEW"}, "state cannot be 'NEW'"),
        ({"protocol": "tpc"}, "protocol cannot be 'tpc'"),
        ({"protocol": 256}, "protocol cannot be 256"),
        ({"protocol": True}, "protocol cannot be True"),
        ({"protocol": 6.0}, "protocol cannot be 6.0"),
        ({"protocol": "²"}, "protocol cannot be '²'"),
        ({"destination_port": 65536}, "destination_port cannot be 65536"),
        ({"destination_port": -1}, "destination_port cannot be -1"),
        ({"destination_port": "80"}, "destination_port cannot be '80'"),
        ({"destination_port": 80, "source_port": 1.5}, "source_port cannot be 1.5"),
        ({"destination_port": 80, "source": "ten"}, "source cannot be 'ten'"),
        ({"destination_port": 80, "source": 5}, "source cannot be 5"),
        ({"destination_port": 80, "source": "10.0.0.0/8"}, "source cannot be '10.0.0.0/8'"),
        ({"destination_port": 80, "source": "10.0.0.1", "destination": "::1"}, "other address family"),
        ({"destination_port": 80, "tcp_flags": "syn"}, "tcp_flags cannot be 'syn'"),
        ({"destination_port": 80, "tcp_flags": ["SYN"]}, "tcp_flags cannot be"),
        ({"destination_port": 80, "tcp_flags": [{}]}, "tcp_flags cannot be"),
        ({"destination_port": 80, "mac": "00:16"}, "mac cannot be '00:16'"),
        ({"destination_port": 80, "in_interface": "eth+"}, r"in_interface cannot be 'eth\+'"),
        ({"destination_port": 80, "in_interface": ""}, "in_interface cannot be ''"),
        ({"destination_port": 80, "out_interface": "eth1"}, "where a packet has none"),
        ({"protocol": "icmp", "icmp_type": 256}, "icmp_type cannot be 256"),
    ],
)
def test_what_is_no_packet_is_refused_with_what_to_write(data: object, why: str) -> None:
    with pytest.raises(RequestError, match=why) as caught:
        packet_from_json(data)
    assert caught.value.remedy


@pytest.mark.parametrize("end", ["source", "destination"])
def test_a_loopback_address_is_reached_over_loopback(end: str) -> None:
    assert packet_from_json({"destination_port": 80, end: "127.0.0.1"}).in_interface == "lo"
    assert packet_from_json({"destination_port": 80, end: "::1", "hook": "output"}).out_interface == "lo"
    assert packet_from_json({"destination_port": 80, end: "127.0.0.1", "in_interface": "e1"}).in_interface == "e1"
