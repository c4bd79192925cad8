"""What exports of Windows say, whatever their form, and what becomes of a packet."""

from __future__ import annotations

from tests.dialects.exports import read, verdict
from validator.dialects import Options
from validator.dialects._windows import convert
from validator.dialects._windows_rules import WindowsRule
from validator.dialects._windows_store import WindowsStore, opened
from validator.model import Firewall
from validator.packets.fields import Family

ALLOW_80 = "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|Name=web|"
BLOCK_80 = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=80|Name=stop|"


def store(text: str | bytes) -> WindowsStore:
    """What an export says."""
    data = read(text)[1].data
    assert isinstance(data, WindowsStore)
    return data


def rules(text: str | bytes) -> tuple[WindowsRule, ...]:
    """The rules of an export."""
    found = store(text).rules
    return found.rules if found else ()


def host(*texts: str | bytes, family: Family = Family.IPV4) -> Firewall:
    """The firewall that `texts`, the exports of one host, make."""
    fragments = [read(text, f"dump{number or ''}")[1] for number, text in enumerate(texts)]
    firewall = convert(list(opened(fragments)), Options("host", family))
    assert firewall is not None
    return firewall


def verdicts(firewall: Firewall, *ports: int, **packet: object) -> list[str]:
    """What becomes of a packet to each of `ports`."""
    return [verdict(firewall, port, **packet) for port in ports]
