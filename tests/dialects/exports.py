"""Short ways to read an export from text, and to ask what becomes of one packet."""

from __future__ import annotations

import pytest

from validator.dialects import Dialect, Fragment, Options, detect
from validator.engine.interpret import Trace, interpret
from validator.engine.packet import packet_from_json
from validator.errors import UserError
from validator.model import Firewall
from validator.packets.fields import Family
from validator.source import Ledger, from_bytes


def read(text: str | bytes, path: str = "dump") -> tuple[Dialect, Fragment, Ledger]:
    """The dialect that recognises `text`, what it reads, and its ledger."""
    source = from_bytes(text if isinstance(text, bytes) else text.encode(), path)
    dialect, ledger = detect(source), Ledger(source.lines)
    return dialect, dialect.parse(source, ledger), ledger


def wall(
    *texts: str | bytes, family: Family = Family.IPV4, withdrawn: tuple[str, ...] = (), groups: tuple[str, ...] = ()
) -> Firewall:
    """The firewall that `texts`, the exports of one host, make."""
    exports = [read(text, f"dump{number or ''}") for number, text in enumerate(texts)]
    options = Options("host", family, frozenset(withdrawn), groups)
    firewall = exports[0][0].convert([fragment for _, fragment, _ in exports], options)
    assert firewall is not None
    return firewall


def trace(firewall: Firewall, **packet: object) -> Trace:
    """The walk of a packet, in the words of `portproof trace`."""
    return interpret([firewall], packet_from_json(packet, firewall.family))


def verdict(firewall: Firewall, port: int | None = None, **packet: object) -> str:
    """What becomes of a packet: accept, drop, reject or unknown. `port` is its destination port."""
    return trace(firewall, destination_port=port, **packet).verdict


def asked(firewall: Firewall, port: int | None = None, **packet: object) -> list[str]:
    """The texts of the conditions that a packet's fate depends on, without assumptions."""
    conditions = trace(firewall, destination_port=port, **packet).conditions
    return [each.text for each in conditions if each.assumed is None and each.key != "profile"]


def refusal(text: str | bytes) -> str:
    """The line that a file is refused with."""
    with pytest.raises(UserError) as caught:
        read(text)
    message = str(caught.value)
    assert "\n" not in message
    return message


def counts(text: str | bytes) -> dict[str, int]:
    """How many lines are in each state."""
    return read(text)[2].counts()
