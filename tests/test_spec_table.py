"""The vendor's own table of ports, read out of its text, against the policy, row by row.

The text is not ours to copy, so it is beside the repository, and the test is skipped where it is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyparsing import Literal, Opt, ParserElement, StringEnd, Suppress, pyparsing_common

from validator import policy_file
from validator.packets.intervals import normalise
from validator.policy import Direction, Module, PortEntry

SPEC = Path(__file__).parents[2] / "shared" / "spec" / "network-considerations.txt"
POLICY = policy_file.load("ol-connect")
MODULES = {module.name: module for module in POLICY.modules}

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason=f"{SPEC} is not here")

ENCRYPTED = "when encryption is enabled"


def cell_grammar() -> ParserElement:
    """A port cell: nothing, ports with `/` between them, or a port and another one for encryption."""
    port = pyparsing_common.integer
    several = port("first") + (Suppress("/") + port)("second")
    chosen = port("plain") + Suppress(Literal(",") + "or") + port("encrypted") + Suppress(ENCRYPTED)
    return Opt(chosen | several | port("first")) + StringEnd()


@dataclass(frozen=True)
class Cell:
    """The ports of a cell; `encrypted` are those that take their place when encryption is on."""

    ports: tuple[int, ...] = ()
    encrypted: tuple[int, ...] = ()


def read_cell(text: str) -> Cell:
    found = cell_grammar().parse_string(text.strip(), parse_all=True)
    if "encrypted" in found:
        return Cell((found["plain"],), (found["encrypted"],))
    return Cell(tuple(found.as_list()))


@dataclass(frozen=True)
class Row:
    """A row of the table as it stands there."""

    name: str
    listens: Cell
    destination: Cell
    protocols: tuple[str, ...]
    comment: str


_TYPE = re.compile(r"(TCP|UDP)(\+(TCP|UDP))*$")
_LISTENS, _DESTINATION, _TYPE_CELL, _COMMENT, _WIDTH = 1, 2, 3, 4, 5


def read_table(text: str) -> list[Row]:
    """The rows between the last heading and the first note; a cell is a paragraph, an empty one a space."""
    body = text[text.index("\nComment\n") + len("\nComment\n") : text.index("\n  •", text.index("\nComment\n"))]
    cells = [cell.strip("\n").strip() for cell in re.split(r"\n\n", body.strip("\n"))]
    assert len(cells) % _WIDTH == 0, cells
    rows = [cells[at : at + _WIDTH] for at in range(0, len(cells), _WIDTH)]
    assert all(_TYPE.match(row[_TYPE_CELL]) for row in rows), rows
    return [
        Row(
            row[0],
            read_cell(row[_LISTENS]),
            read_cell(row[_DESTINATION]),
            tuple(row[_TYPE_CELL].lower().split("+")),
            row[_COMMENT],
        )
        for row in rows
    ]


def table() -> list[Row]:
    return read_table(SPEC.read_text("utf-8"))


ROWS = table() if SPEC.exists() else []
IDS = [f"{at} {row.name}" for at, row in enumerate(ROWS, 1)]


def entries_with(module: Module, direction: Direction, ports: tuple[int, ...]) -> list[PortEntry]:
    wanted = normalise((port, port) for port in ports)
    return [entry for entry in module.entries if entry.direction is direction and entry.ports == wanted]


@pytest.mark.parametrize(
    ("text", "ports", "encrypted"),
    [
        ("", (), ()),
        ("\u00a0", (), ()),
        ("9340", (9340,), ()),
        ("5863/5864", (5863, 5864), ()),
        ("25, or 587 when encryption is enabled", (25,), (587,)),
    ],
)
def test_a_cell_is_read(text: str, ports: tuple[int, ...], encrypted: tuple[int, ...]) -> None:
    assert read_cell(text) == Cell(ports, encrypted)


def test_the_table_has_nineteen_rows() -> None:
    assert len(ROWS) == 19


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_the_policy_has_the_row_under_its_name_with_its_ports_and_protocols(row: Row) -> None:
    module = MODULES[row.name]
    cells = [(Direction.INBOUND, row.listens), (Direction.OUTBOUND, row.destination)]
    for direction, cell in cells:
        for ports in filter(None, (cell.ports, cell.encrypted)):
            (entry,) = entries_with(module, direction, ports)
            assert entry.protocols == row.protocols


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_encryption_chooses_between_two_ports_where_the_cell_says_so(row: Row) -> None:
    conditions = [dict(entry.when) for entry in MODULES[row.name].entries if "smtp_encryption" in entry.when]
    wanted = [{"smtp_encryption": False}, {"smtp_encryption": True}] if row.listens.encrypted else []
    assert conditions == wanted


def test_the_policy_has_no_other_ports() -> None:
    """Every entry with ports of its own stands in the table, so that nothing is asked for in vain."""
    told: set[tuple[str, Direction, int]] = set()
    for row in ROWS:
        told |= {(row.name, Direction.INBOUND, port) for port in row.listens.ports + row.listens.encrypted}
        told |= {(row.name, Direction.OUTBOUND, port) for port in row.destination.ports}
    asked = {
        (module.name, entry.direction, port)
        for module in POLICY.modules
        for entry in module.entries
        for low, high in entry.ports
        for port in range(low, high + 1)
    }
    assert asked == told


def test_the_modules_stand_in_the_order_of_the_table() -> None:
    names = list(dict.fromkeys(row.name for row in ROWS))
    assert [name for name in MODULES if name in names] == names


@pytest.mark.parametrize("example", ["Create Email Content plugin", "HTTP Client Input task", "SOAP Client plugin"])
def test_the_modules_that_the_notes_name_have_ports_from_a_setting(example: str) -> None:
    assert example.rsplit(" ", 1)[0] in " ".join(SPEC.read_text("utf-8").split())
    assert all(entry.ports_from for entry in MODULES[example].entries)


def test_the_proxy_bypass_is_required_as_the_text_says() -> None:
    assert "Bypass proxy server for local addresses" in SPEC.read_text("utf-8")
    assert POLICY.bypass_proxy_for_local
