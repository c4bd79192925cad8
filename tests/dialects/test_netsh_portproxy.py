"""Ports that Windows forwards elsewhere."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal
from tests.dialects.test_netsh_global import WINDOWS
from tests.dialects.test_netsh_legacy import vista
from tests.dialects.test_netsh_monitor import network
from tests.dialects.test_netsh_profiles import every
from validator.dialects._windows_rules import PortProxies

DASHES = "--------------- ----------  --------------- ----------\n"
WINHTTP = "\nCurrent WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n"
JAPANESE = "ipv4 をリッスンする:         ipv4 に接続する:"


def table(*rows: str, title: str = "Listen on ipv4:             Connect to ipv4:") -> str:
    head = f"\n{title}\n\nAddress         Port        Address         Port\n{DASHES}"
    return head + "".join(f"{row}\n" for row in rows) + "\n"


def proxies(text: str) -> list[tuple[str, int, str, int, int]]:
    data = read(text)[1].data
    assert isinstance(data, PortProxies)
    return [
        (each.listen_address, each.listen_port, each.connect_address, each.connect_port, each.span.line)
        for each in data.proxies
    ]


def test_a_row_says_what_is_listened_on_and_where_it_goes() -> None:
    text = table("*               9340        10.0.0.5        80", "192.0.2.1  1  db.example.org  65535")
    assert proxies(text) == [("*", 9340, "10.0.0.5", 80, 6), ("192.0.2.1", 1, "db.example.org", 65535, 7)]
    assert counts(text)["modelled"] == 2


@pytest.mark.parametrize(
    "title", ["Écouter sur ipv4 :             Connecter à ipv6 :", JAPANESE, "侦听 ipv4: 连接到 ipv6:"]
)
def test_tables_are_known_in_every_language(title: str) -> None:
    text = table("0.0.0.0 9222 [::1] 9223", title=title)
    assert proxies(text) == [("0.0.0.0", 9222, "::1", 9223, 6)]
    assert counts(text)["unsupported"] == 0


def test_tables_of_several_families_stand_in_one_output() -> None:
    text = table("* 1 10.0.0.1 2") + table(":: 3 10.0.0.1 4", title="Listen on ipv6:  Connect to ipv4:")
    assert [row[:2] for row in proxies(text)] == [("*", 1), ("::", 3)]


def test_a_table_without_rows_forwards_nothing() -> None:
    assert proxies(table()) == []


def test_a_line_behind_the_tables_is_not_understood() -> None:
    assert counts(table("* 1 10.0.0.1 2") + "What is this?\n")["unsupported"] == 1


@pytest.mark.parametrize("row", ["* 1 10.0.0.1", "* 0 10.0.0.1 2", "* 70000 10.0.0.1 2", "999.1.1.1 1 a 2", "* ² a 2"])
def test_a_row_that_is_none_is_refused(row: str) -> None:
    assert refusal(table(row)).startswith("dump:6: a row that is not address, port, address, port")


def test_a_table_without_columns_is_refused() -> None:
    text = table("* 1 10.0.0.1 2") + "Listen on ipv6:             Connect to ipv4:\n"
    assert "a table without its columns: the output is cut" in refusal(text)


@pytest.mark.parametrize(
    "other",
    [every(), WINDOWS, vista(), network("Public Profile:", "Net") + "Ok.\n", WINHTTP],
    ids=["profiles", "global", "legacy", "monitor", "winhttp"],
)
def test_another_output_in_the_file_is_to_be_parted(other: str) -> None:
    proxy = table("* 9340 10.0.0.5 80", title="Qwx a:  Qwx b:")
    problem = "two outputs stand in one file: one is of port proxies; pass each output as a file of its own"
    for text in (other + proxy, proxy + other):
        line = text.splitlines().index("* 9340 10.0.0.5 80") + 1
        assert refusal(text) == f"dump:{line}: {problem}"
