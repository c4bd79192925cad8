"""What OL Connect needs, written down a second time as facts, and the notes that go with them."""

from __future__ import annotations

from typing import Any

import pytest

from validator import policy_file
from validator.packets.fields import Family
from validator.packets.intervals import normalise
from validator.policy import Direction, Module
from validator.requirements import Requirement, requirements
from validator.results import Skipped
from validator.site import Host, Site

POLICY = policy_file.load("ol-connect")
IN, OUT = Direction.INBOUND, Direction.OUTBOUND
BOTH = ("tcp", "udp")
ROWS: list[tuple[str, dict[Direction, tuple[int, ...]], tuple[str, ...]]] = [
    ("Messenger", {IN: (5863, 5864), OUT: (5863, 5864)}, BOTH),
    ("Connect Server", {IN: (9340,)}, ("tcp",)),
    ("Connect Server", {IN: (9350,)}, ("tcp",)),
    ("HTTP Server", {IN: (8080,)}, ("tcp",)),
    ("HTTPS Server", {IN: (443,)}, ("tcp",)),
    ("NodeJS Server", {IN: (9090,)}, ("tcp",)),
    ("NodeJS HTTPS Server", {IN: (8443,)}, ("tcp",)),
    ("SMTP Input plugin", {IN: (25,)}, ("tcp",)),
    ("Email Input plugin", {OUT: (110,)}, ("tcp",)),
    ("Secure Email Input plugin", {OUT: (993,)}, ("tcp",)),
    ("Send Email plugin", {OUT: (25,)}, ("tcp",)),
    ("Secure Email Output plugin", {OUT: (587,)}, ("tcp",)),
    ("LPR", {OUT: (515,)}, ("tcp",)),
    ("LPD", {IN: (515,)}, ("tcp",)),
    ("Telnet", {IN: (9100,)}, ("tcp",)),
    ("FTP Input/Output", {OUT: (21,)}, ("tcp",)),
    ("MySQL", {IN: (3306,)}, BOTH),
    ("Microsoft SQL Server", {IN: (1433,)}, BOTH),
    ("HyperSQL", {IN: (9001,)}, ("tcp",)),
]
"""The table: name, ports by direction with every setting at its default, protocols."""


def needed(site: Site | None = None, **settings: object) -> list[Requirement]:
    return requirements(POLICY, Host("web"), site, settings, (Family.IPV4,), loopback=False)[0]


def ports_of(name: str, site: Site | None = None, **settings: object) -> set[tuple[Direction, str, int]]:
    """(direction, protocol, port) of everything a module needs."""
    return {
        (each.entry.direction, each.protocol, port)
        for each in needed(site, **settings)
        if each.module.name == name
        for low, high in each.entry.ports
        for port in range(low, high + 1)
    }


def skipped(**settings: object) -> list[Skipped]:
    return requirements(POLICY, Host("web"), None, settings, (Family.IPV4,), loopback=False)[1]


def test_there_are_nineteen_rows() -> None:
    assert len(ROWS) == 19


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in ROWS))
def test_a_module_needs_just_the_ports_of_its_rows(name: str) -> None:
    wanted = {
        (direction, protocol, port)
        for row, ports, protocols in ROWS
        if row == name
        for direction, numbers in ports.items()
        for port in numbers
        for protocol in protocols
    }
    assert ports_of(name) == wanted


def test_nothing_is_needed_beyond_the_rows() -> None:
    assert {each.module.name for each in needed()} == {name for name, _, _ in ROWS}


def test_messenger_is_one_entry_with_two_ports_that_must_both_be_open() -> None:
    (entry,) = {each.entry.ports for each in needed() if each.module.id == "messenger"}
    assert entry == ((5863, 5864),)


def test_tcp_and_udp_is_both_and_not_either() -> None:
    found = {each.module.id for each in needed() if each.protocol == "udp"}
    assert found == {"messenger", "mysql", "microsoft-sql-server"}
    assert found <= {each.module.id for each in needed() if each.protocol == "tcp"}


@pytest.mark.parametrize(("encrypted", "port"), [(False, 25), (True, 587)])
def test_smtp_listens_on_one_port_or_the_other(encrypted: bool, port: int) -> None:
    assert ports_of("SMTP Input plugin", smtp_encryption=encrypted) == {(IN, "tcp", port)}


@pytest.mark.parametrize(
    ("value", "name"), [("mysql", "MySQL"), ("mssql", "Microsoft SQL Server"), ("hsqldb", "HyperSQL")]
)
def test_the_database_setting_leaves_one_database(value: str, name: str) -> None:
    found = {each.module.name for each in needed(database=value) if each.module.category == "database"}
    assert found == {name}


def test_without_the_setting_the_databases_are_alternatives() -> None:
    found = {each.module.alternative for each in needed() if each.module.category == "database"}
    assert found == {"database"}
    assert {module.id for module in POLICY.modules if module.alternative} == {
        "mysql",
        "microsoft-sql-server",
        "hypersql",
    }


@pytest.mark.parametrize(
    ("module", "setting"),
    [
        ("create-email-content", "mail_host"),
        ("http-client-input", "http_client_url"),
        ("soap-client", "soap_client_url"),
        ("legacy-soap-client", "legacy_soap_client_url"),
    ],
)
def test_ports_from_a_setting_are_not_configured_until_it_is_given(module: str, setting: str) -> None:
    assert (module, f"not configured: set {setting}") in [(each.module, each.reason) for each in skipped()]
    given: dict[str, Any] = {setting: "http://soap.example:8181/x"}
    assert module not in [each.module for each in skipped(**given)]
    name = next(each.name for each in POLICY.modules if each.id == module)
    assert ports_of(name, **given) == {(OUT, "tcp", 8181)}


@pytest.mark.parametrize("module", [module for module in POLICY.modules if module.configurable], ids=lambda m: m.id)
def test_ports_that_users_may_change_can_be_overridden(module: Module) -> None:
    for entry in module.entries:
        site = Site("site.yaml", ports={module.id: {entry.id: normalise([(40000, 40001)])}})
        found = {
            each.entry.ports
            for each in needed(site, smtp_encryption=entry.when.get("smtp_encryption", False))
            if (each.module.id, each.entry.id) == (module.id, entry.id)
        }
        assert found == {((40000, 40001),)}


def test_a_proxy_must_be_bypassed_for_local_addresses() -> None:
    assert POLICY.bypass_proxy_for_local


def test_other_modules_may_use_a_port_too() -> None:
    assert POLICY.shared_ports_note
