"""One concrete packet, as a line of `trace` or a test describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from msgspec import Struct

from validator.errors import RequestError
from validator.model import LOOPBACK, PASSES, Hook
from validator.packets.fields import ICMP, ICMPV6, TCP, UDP, Family, Field, State, TcpFlag

PROTOCOL_NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6, "sctp": 132, "udplite": 136, "dccp": 33}
"""The protocols that a packet may name; any other one by its number."""
_WITH_PORTS = frozenset((TCP, UDP, 132, 136, 33))
_KNOWN = (
    *("hook", "protocol", "source", "source_port", "destination", "destination_port", "in_interface"),
    *("out_interface", "state", "tcp_flags", "icmp_type", "icmp_code", "mac"),
)
_ORDINARY = {
    Family.IPV4: ("198.51.100.7", "192.0.2.10"),
    Family.IPV6: ("2001:db8::7", "2001:db8:1::10"),
}
_ECHO_REQUEST = {ICMP: 8, ICMPV6: 128}
INTERFACE = "eth0"
"""The interface of a packet that names none."""


class Packet(Struct, frozen=True):
    """A packet at a hook: `values` by header field, interfaces by name (empty: it has none).

    A field that is missing from `values` is one that the packet lacks or that nobody told: MAC.
    """

    hook: Hook
    family: Family
    values: Mapping[Field, int]
    in_interface: str = ""
    out_interface: str = ""


def packet_from_json(data: object, family: Family = Family.IPV4) -> Packet:
    """The packet that a JSON object describes, in the terms of `schemas/packet.schema.json`.

    What is missing or null takes its ordinary value: input, TCP, state new, SYN (ACK in a known connection),
    source port 40000, echo request for ICMP, interface eth0 (lo for a loopback address), addresses for documentation.
    `family` is taken where no address tells it. Raises RequestError for an unknown key, or a value that is none.
    """
    if not isinstance(data, Mapping):
        raise RequestError("a packet is a JSON object", 'write {"protocol": "tcp", "destination_port": 443}')
    unknown = [key for key in data if key not in _KNOWN]
    if unknown:
        raise RequestError(f"a packet has no field {unknown[0]!r}", "fields: " + ", ".join(_KNOWN))
    hook = _choice(data, "hook", [each.value for each in PASSES], "input")
    state = State[_choice(data, "state", [each.name.lower() for each in State], "new").upper()]
    protocol = _protocol(data.get("protocol"))
    ends = [data.get("source"), data.get("destination")]
    family = _family(ends, protocol, family)
    source, destination = (
        _address(name, text, family, ordinary)
        for name, text, ordinary in zip(("source", "destination"), ends, _ORDINARY[family], strict=True)
    )
    values = {
        Field.SOURCE: source,
        Field.DESTINATION: destination,
        Field.PROTOCOL: protocol,
        Field.STATE: int(state),
        Field.TCP_FLAGS: _flags(data.get("tcp_flags"), protocol, state),
        Field.ICMP_TYPE: _number(data, "icmp_type", 255, _ECHO_REQUEST.get(protocol, 0)),
        Field.ICMP_CODE: _number(data, "icmp_code", 255, 0),
        **_ports(data, protocol),
    }
    usual = LOOPBACK if any(text and ip_address(str(text)).is_loopback for text in ends) else INTERFACE
    if data.get("mac") is not None:
        values[Field.MAC] = _mac(data["mac"])
    return Packet(
        Hook(hook),
        family,
        values,
        _interface(data, "in_interface", hook == "output", usual),
        _interface(data, "out_interface", hook == "input", usual),
    )


def _choice(data: Mapping[str, object], name: str, allowed: Sequence[str], ordinary: str) -> str:
    value = data.get(name)
    if value is None:
        return ordinary
    if value not in allowed:
        raise RequestError(f"{name} cannot be {value!r}", "write one of: " + ", ".join(allowed))
    return str(value)


def _number(data: Mapping[str, object], name: str, most: int, ordinary: int) -> int:
    value = data.get(name)
    if value is None:
        return ordinary
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise RequestError(f"{name} cannot be {value!r}", f"write a number from 0 to {most}")
    return value


def _protocol(value: object) -> int:
    if value is None:
        return TCP
    if isinstance(value, str) and value.lower() in PROTOCOL_NUMBERS:
        return PROTOCOL_NUMBERS[value.lower()]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        remedy = "write a number from 0 to 255, or one of: " + ", ".join(PROTOCOL_NUMBERS)
        raise RequestError(f"protocol cannot be {value!r}", remedy)
    return value


def _family(ends: Sequence[object], protocol: int, otherwise: Family) -> Family:
    texts = [text for text in ends if isinstance(text, str)]
    if texts:
        return Family.IPV6 if ":" in texts[0] else Family.IPV4
    return {ICMP: Family.IPV4, ICMPV6: Family.IPV6}.get(protocol, otherwise)


def _address(name: str, text: object, family: Family, ordinary: str) -> int:
    if text is None:
        return int(ip_address(ordinary))
    try:
        found = ip_address(str(text))
    except ValueError:
        raise RequestError(f"{name} cannot be {text!r}", "write an IP address") from None
    if (found.version == 4) != (family is Family.IPV4):
        raise RequestError(f"{name} {text} is of the other address family", "give both addresses in one family")
    return int(found)


def _ports(data: Mapping[str, object], protocol: int) -> dict[Field, int]:
    if protocol not in _WITH_PORTS:
        return {Field.SOURCE_PORT: 0, Field.DESTINATION_PORT: 0}
    if data.get("destination_port") is None:
        raise RequestError("the packet has no destination_port", 'add "destination_port": 443')
    return {
        Field.SOURCE_PORT: _number(data, "source_port", 65535, 40000),
        Field.DESTINATION_PORT: _number(data, "destination_port", 65535, 0),
    }


def _flags(value: object, protocol: int, state: State) -> int:
    if protocol != TCP:
        return 0
    if value is None:
        return int(TcpFlag.SYN if state is State.NEW else TcpFlag.ACK)
    names = [flag.name.lower() for flag in TcpFlag if flag.name]
    if not isinstance(value, list) or any(flag not in names for flag in value):
        raise RequestError(f"tcp_flags cannot be {value!r}", "write a list of: " + ", ".join(names))
    return sum(int(TcpFlag[flag.upper()]) for flag in set(value))


def _mac(value: object) -> int:
    digits = str(value).replace(":", "").replace("-", "")
    if len(digits) != 12 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise RequestError(f"mac cannot be {value!r}", "write 00:16:3e:12:34:56")
    return int(digits, 16)


def _interface(data: Mapping[str, object], name: str, absent: bool, usual: str) -> str:
    value = data.get(name)
    if absent:
        if value:
            raise RequestError(f"{name} {value!r} at a hook where a packet has none", f"leave {name} out, or null")
        return ""
    if value is None:
        return usual
    if not isinstance(value, str) or not value or value.endswith("+"):
        raise RequestError(f"{name} cannot be {value!r}", "write the name of an interface")
    return value
