"""A policy as text: every port entry in a row, every setting with its values."""

from __future__ import annotations

from msgspec.structs import replace

from validator import policy_file
from validator.policy_text import policy_text
from validator.reports.safe_text import plain

POLICY = policy_file.load("ol-connect")
LINES = policy_text(POLICY).splitlines()


def test_the_first_line_names_the_policy() -> None:
    assert LINES[0] == f"OL Connect {POLICY.version} (policy/ol-connect.yaml)"


def test_every_port_entry_has_a_row() -> None:
    entries = [(module, entry) for module in POLICY.modules for entry in module.entries]
    head = next(at for at, line in enumerate(LINES) if line.startswith("Module  "))
    rows = LINES[head + 1 : head + 1 + len(entries)]
    for row, (module, entry) in zip(rows, entries, strict=True):
        assert row.startswith(f"{module.name} ({module.id})  ")
        assert f"  {entry.id} " in row
        assert f"  {entry.direction.value} " in row
    assert LINES[head + 1 + len(entries)] == ""


def test_ports_conditions_and_settings_are_in_words() -> None:
    text = "\n".join(LINES)
    assert "tcp+udp    5863-5864" in text
    assert "from the setting http_client_url" in text
    assert "database is mysql" in text
    assert "  database: mysql, mssql, hsqldb" in LINES
    assert all(any(line.startswith(f"  {name}: ") for line in LINES) for name in POLICY.settings)


def test_a_policy_of_others_is_shown_safely() -> None:
    evil = "\x1b[31mred\u202e\n"
    module = replace(POLICY.modules[0], name=evil)
    text = policy_text(replace(POLICY, title=evil, path=evil, modules=(module,), shared_ports_note=evil))
    assert all(plain(line) == line for line in text.splitlines())
