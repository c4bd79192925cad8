"""One list of Windows rules in every form in which a host can give it away.

Each writer takes the same rules and gives the files of an export by name; the profiles' states, which some forms
cannot hold, stand in a file of their own beside each.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.dialects.netsh_languages import invented, said, spoken
from tests.dialects.test_netfirewallrule import flat, joined
from tests.dialects.test_netsh_profiles import every
from tests.dialects.test_netsh_rules import dump, types, verbose
from tests.dialects.test_reg_export import exported
from tests.dialects.test_wfmsc_list import listed, row
from tests.hives import hive, policy, system

Files = Mapping[str, bytes]
PROFILES = ("Domain", "Private", "Public")


@dataclass(frozen=True)
class Told:
    """A rule in nobody's words. Ports and addresses are lists with commas, empty for any."""

    name: str
    inbound: bool = True
    allow: bool = True
    enabled: bool = True
    profiles: tuple[str, ...] = PROFILES
    protocol: str = "TCP"
    ports: str = ""
    addresses: str = ""
    program: str = ""

    @property
    def has_ports(self) -> bool:
        return self.protocol in ("TCP", "UDP")

    @property
    def sides(self) -> tuple[str, str]:
        """The local and the remote ports: what listens is local for what comes in, remote for what goes out."""
        return (self.ports, "") if self.inbound else ("", self.ports)


def _any(text: str) -> str:
    return text or "Any"


def _blocks(rules: Sequence[Told]) -> str:
    found = []
    for each in rules:
        local, remote = each.sides
        changes: dict[str, str | None] = {
            "Enabled": "Yes" if each.enabled else "No",
            "Direction": "In" if each.inbound else "Out",
            "Profiles": ",".join(each.profiles),
            "RemoteIP": _any(each.addresses),
            "Protocol": each.protocol + (types("8       Any") if each.protocol == "ICMPv4" else ""),
            "LocalPort": _any(local) if each.has_ports else None,
            "RemotePort": _any(remote) if each.has_ports else None,
            "Action": "Allow" if each.allow else "Block",
            "Program": _any(each.program),
        }
        found.append(verbose(each.name, **changes))
    return dump(*found)


def netsh(rules: Sequence[Told]) -> Files:
    return {"rules.txt": _blocks(rules).encode()}


def german(rules: Sequence[Told]) -> Files:
    return {"rules.txt": said(_blocks(rules), spoken("de", invented)).encode("cp850", "replace")}


def script(rules: Sequence[Told]) -> Files:
    lines = []
    for each in rules:
        local, remote = each.sides
        protocol = "icmpv4:8,any" if each.protocol == "ICMPv4" else each.protocol.lower()
        words = [f'name="{each.name}"', f"dir={'in' if each.inbound else 'out'}"]
        words += [f"action={'allow' if each.allow else 'block'}", f"enable={'yes' if each.enabled else 'no'}"]
        words += [f"profile={','.join(each.profiles).lower()}", f"protocol={protocol}"]
        words += [f"localport={local}"] if local else []
        words += [f"remoteport={remote}"] if remote else []
        words += [f"remoteip={each.addresses}"] if each.addresses else []
        words += [f'program="{each.program}"'] if each.program else []
        lines.append("netsh advfirewall firewall add rule " + " ".join(words))
    off = {"Enabled": "No", "LocalPort": "1"}
    before = dump(verbose("off in both", **off), verbose("off in both", **off, Direction="Out"))
    return {"before.txt": before.encode(), "change.cmd": "\r\n".join(lines).encode()}


def _text(each: Told) -> str:
    """The rule as the registry holds it."""
    local, remote = each.sides
    numbers = {"TCP": "6", "UDP": "17", "ICMPv4": "1"}
    fields = [f"Action={'Allow' if each.allow else 'Block'}", f"Active={'TRUE' if each.enabled else 'FALSE'}"]
    fields += [f"Dir={'In' if each.inbound else 'Out'}"]
    fields += [f"Protocol={numbers[each.protocol]}"] if each.protocol in numbers else []
    fields += [f"Profile={name}" for name in each.profiles] if len(each.profiles) < 3 else []
    fields += [
        f"{key}Port{'2_10' if '-' in part else ''}={part}"
        for key, ports in (("L", local), ("R", remote))
        for part in ports.split(",")
        if part
    ]
    fields += [f"RA4={part}" for part in each.addresses.split(",") if part]
    fields += ["ICMP4=8:*"] if each.protocol == "ICMPv4" else []
    fields += [f"App={each.program}"] if each.program else []
    return "|".join(("v2.30", *fields, f"Name={each.name}", ""))


def wfw(rules: Sequence[Told]) -> Files:
    return {"policy.wfw": hive(policy(*map(_text, rules)))}


def system_hive(rules: Sequence[Told]) -> Files:
    return {"SYSTEM": hive(system(policy(*map(_text, rules))), "SYSTEM")}


def reg(rules: Sequence[Told]) -> Files:
    return {"firewall.reg": exported(*map(_text, rules)).encode("utf-16")}


def _rows(rules: Sequence[Told], by: str) -> str:
    found = []
    for each in rules:
        local, remote = each.sides
        all_profiles = len(each.profiles) == 3
        found.append(
            row(
                name=f"{each.name} ({each.protocol}-{'In' if each.inbound else 'Out'})",
                profile="All" if all_profiles else ", ".join(each.profiles),
                enabled="Yes" if each.enabled else "No",
                action="Allow" if each.allow else "Block",
                program=_any(each.program),
                remote_address=_any(each.addresses.replace(",", ", ")),
                protocol="Any" if each.protocol == "any" else each.protocol,
                local_port=_any(local.replace(",", ", ")),
                remote_port=_any(remote.replace(",", ", ")),
            )
        )
    if by == "\t":
        return listed(*found)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row()), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def _lists(rules: Sequence[Told], by: str, suffix: str) -> Files:
    """The console lists each direction by itself."""
    found = {}
    for inbound, name in ((True, "inbound"), (False, "outbound")):
        own = [each for each in rules if each.inbound is inbound]
        found[f"{name}.{suffix}"] = _rows(own or [Told("off", inbound, enabled=False, ports="1")], by).encode()
    return found


def console_text(rules: Sequence[Told]) -> Files:
    return _lists(rules, "\t", "txt")


def console_csv(rules: Sequence[Told]) -> Files:
    return _lists(rules, ",", "csv")


def _objects(rules: Sequence[Told]) -> list[dict[str, object]]:
    found = []
    for number, each in enumerate(rules):
        local, remote = each.sides
        found.append(
            flat(
                InstanceID=f"rule{number}",
                DisplayName=each.name,
                Enabled=str(each.enabled),
                Direction="Inbound" if each.inbound else "Outbound",
                Profile="Any" if len(each.profiles) == 3 else ", ".join(each.profiles),
                Action="Allow" if each.allow else "Block",
                Protocol="Any" if each.protocol == "any" else each.protocol,
                LocalPort=local.split(",") if "," in local else _any(local),
                RemotePort=remote.split(",") if "," in remote else _any(remote),
                RemoteAddress=each.addresses.split(",") if "," in each.addresses else _any(each.addresses),
                IcmpType="8" if each.protocol == "ICMPv4" else "Any",
                Program=_any(each.program),
            )
        )
    return found


def powershell_json(rules: Sequence[Told]) -> Files:
    set_to = {"DefaultInboundAction": "Block", "DefaultOutboundAction": "Allow", "AllowLocalFirewallRules": "True"}
    profiles = {name: {**set_to, "AllowInboundRules": "True"} for name in PROFILES}
    return {"rules.json": json.dumps(joined(*_objects(rules), profiles=profiles, Networks=[])).encode("utf-16")}


def powershell_csv(rules: Sequence[Told]) -> Files:
    text = io.StringIO()
    objects = [
        {key: ",".join(value) if isinstance(value, list) else value for key, value in each.items()}
        for each in _objects(rules)
    ]
    writer = csv.DictWriter(text, list(flat()), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(objects)
    return {"rules.csv": text.getvalue().encode("utf-8-sig")}


FORMS: Mapping[str, Callable[[Sequence[Told]], Files]] = {
    "netsh": netsh,
    "netsh in German": german,
    "netsh script": script,
    ".wfw": wfw,
    "SYSTEM hive": system_hive,
    ".reg": reg,
    "console list as text": console_text,
    "console list as CSV": console_csv,
    "PowerShell JSON": powershell_json,
    "PowerShell CSV": powershell_csv,
}


def states() -> Files:
    """The states that every host of the tests has, as `netsh advfirewall show allprofiles` gives them."""
    return {"profiles.txt": every().encode()}
