"""Policies: bundled ones, a user's own, and every mistake with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from validator import policy_file
from validator.errors import PolicyError
from validator.policy import Direction, Policy, PortEntry, applies, port_of, resolve

TEXT = """id: mine
version: "1"
title: Mine
settings:
  encrypted:
    values: [true, false]
    default: false
  url: {}
modules:
  web:
    name: Web
    entries:
      plain: {direction: inbound, protocols: [tcp], ports: [80], when: {encrypted: false}}
      secure: {direction: inbound, protocols: [tcp], ports: [443, 8443-8450, 8451], when: {encrypted: true}}
      call:
        direction: outbound
        protocols: [tcp, udp]
        ports_from: url
"""


def load(folder: Path, text: str = TEXT) -> Policy:
    file = folder / "mine.yaml"
    file.write_text(text, "utf-8")
    return policy_file.load(str(file))


def test_every_bundled_policy_loads_by_its_name() -> None:
    assert "ol-connect" in policy_file.bundled()
    for name in policy_file.bundled():
        policy = policy_file.load(name)
        assert (policy.id, policy.path) == (name, f"policy/{name}.yaml")


@pytest.mark.parametrize("name", policy_file.bundled())
def test_a_bundled_policy_passes_as_a_users_file(name: str) -> None:
    path = Path(__file__).parent.parent / "policy" / f"{name}.yaml"
    assert policy_file.load(str(path)).modules == policy_file.load(name).modules


def test_a_users_file_is_read(tmp_path: Path) -> None:
    policy = load(tmp_path)
    (web,) = policy.modules
    assert [entry.id for entry in web.entries] == ["plain", "secure", "call"]
    assert web.entries[1].ports == ((443, 443), (8443, 8451))
    assert web.entries[2].direction is Direction.OUTBOUND
    assert (policy.settings, policy.defaults) == ({"encrypted": (True, False), "url": ()}, {"encrypted": False})


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("title: Mine", "titel: Mine", 3, "unknown key 'titel'"),
        ('version: "1"', "version: 1", 2, "1 is not of type 'string'"),
        ("direction: outbound", "direction: out", 16, "'out' is not one of"),
        ("ports: [80]", "ports: [0]", 13, "0 is"),
        ("ports: [80]", "ports: [65536]", 13, "65536 is"),
        ("ports: [80]", "ports: [80.0]", 13, "80.0 is no port or range of ports"),
        ("ports: [80]", 'ports: ["90-80"]', 13, "'90-80' is no port or range of ports"),
        ("ports: [80]", "ports: [1-65536]", 13, "'1-65536' is no port or range of ports"),
        ("ports: [80]", "ports: [http]", 13, "'http' does not match"),
        ("ports: [80]", "ports: []", 13, "[]"),
        ("ports: [80], ", "", 13, "is not valid under any of the given schemas"),
        ("ports_from: url", "ports_from: uri", 18, "the setting 'uri' is not declared"),
        ("when: {encrypted: true}", "when: {encryptd: true}", 14, "unknown setting 'encryptd'"),
        ("when: {encrypted: true}", "when: {encrypted: 1}", 14, "encrypted cannot be 1"),
        ("when: {encrypted: true}", "when: {encrypted: on-demand}", 14, "encrypted cannot be 'on-demand'"),
        ("default: false", "default: 0", 7, "encrypted cannot be 0"),
        ("  url: {}", "  url: {}\n  url: {}", 9, "the key 'url' stands twice"),
        ("  web:\n", "  Web:\n", 9, "does not match"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    assert old in TEXT
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, TEXT.replace(old, new, 1))
    assert problem in caught.value.problem
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}:{line}: ")


def test_an_unknown_name_comes_with_the_bundled_ones() -> None:
    with pytest.raises(PolicyError, match="no policy is called 'ol-conect'") as caught:
        policy_file.load("ol-conect")
    assert "ol-connect" in caught.value.remedy


def test_a_file_that_is_not_there_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        policy_file.load(str(tmp_path / "none.yaml"))


def test_an_entry_applies_by_settings_defaults_filled_in(tmp_path: Path) -> None:
    policy = load(tmp_path)
    plain, secure, call = policy.modules[0].entries
    assert [applies(policy, entry, {}) for entry in (plain, secure, call)] == [True, False, True]
    assert [applies(policy, entry, {"encrypted": True}) for entry in (plain, secure, call)] == [False, True, True]


@pytest.mark.parametrize(
    ("value", "port"),
    [
        (2525, 2525),
        ("2525", 2525),
        ("mail.example:2525", 2525),
        ("[2001:db8::1]:2525", 2525),
        ("http://a.example/x", 80),
        ("https://a.example", 443),
        ("HTTPS://a.example", 443),
        ("https://u:p@a.example:8443/x?y=1:2", 8443),
        ("mail.example", None),
        ("ftp://a.example", None),
        ("http://a.example:0", None),
        ("http://a.example:70000", None),
        ("http://a.example:http", None),
        ("http://[::1", None),
        ("\u00b2", None),
        ("\u0663\u0663", None),
        (0, None),
        (65536, None),
        (True, None),
        (None, None),
        ("", None),
    ],
)
def test_a_setting_names_a_port_or_none(value: object, port: int | None) -> None:
    assert port_of(value) == port


def test_ports_from_a_setting_are_resolved_once_it_is_given() -> None:
    entry = PortEntry("connect", Direction.OUTBOUND, ("tcp",), (), ports_from="url")
    assert resolve(entry, {}) is None
    found = resolve(entry, {"url": "https://a.example"})
    assert found is not None
    assert (found.ports, found.ports_from) == (((443, 443),), "")
