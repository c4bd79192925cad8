"""The proxy of a user, from `reg export` or `reg query`."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read
from validator.model import Proxy

KEY = "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings"
EXPORTED = f"Windows Registry Editor Version 5.00\n\n[{KEY}]\n"


def proxy(text: str) -> Proxy:
    found = read(text)[1].data
    assert isinstance(found, Proxy)
    return found


@pytest.mark.parametrize(
    ("lines", "server"),
    [
        ('"ProxyEnable"=dword:00000001\n"ProxyServer"="p:1"\n', "p:1"),
        ('"ProxyEnable"=dword:00000000\n"ProxyServer"="p:1"\n', ""),
        ('"ProxyServer"="p:1"\n', ""),
        ('"ProxyEnable"=-\n"ProxyServer"="p:1"\n', ""),
        ('"ProxyEnable"=dword:00000001\n"ProxyServer"="http=p:1;https=q:2"\n', "http=p:1;https=q:2"),
        ('"AutoConfigURL"="http://x/proxy.pac"\n', "by script http://x/proxy.pac"),
        ("", ""),
    ],
)
def test_a_proxy_counts_where_it_is_enabled(lines: str, server: str) -> None:
    assert proxy(EXPORTED + lines).server == server


def test_the_output_of_reg_query_is_read_too() -> None:
    text = f"\n{KEY}\n    ProxyEnable    REG_DWORD    0x1\n    ProxyServer    REG_SZ    p:1\n"
    assert proxy(text + "    ProxyOverride    REG_SZ    <local>\n").bypass_local
    assert proxy(text).server == "p:1"


def test_the_override_decides_about_local_addresses_and_is_where_to_look() -> None:
    found = proxy(EXPORTED + '"ProxyEnable"=dword:1\n"ProxyServer"="p:1"\n"ProxyOverride"="*.x;<local>"\n')
    assert found.bypass_local
    assert found.span.line == 6


def test_values_of_other_keys_say_nothing() -> None:
    text = EXPORTED + f'\n[{KEY}\\Zones]\n"ProxyEnable"=dword:00000001\n"ProxyServer"="p:1"\n'
    assert proxy(text).server == ""
    assert counts(text)["modelled"] == 0


def test_backslashes_and_quotes_are_undone() -> None:
    assert proxy(EXPORTED + '"ProxyEnable"=dword:1\n"ProxyServer"="a\\\\b\\"c"\n').server == 'a\\b"c'


def test_a_number_that_is_too_long_is_a_text() -> None:
    assert proxy(EXPORTED + '"ProxyServer"=dword:' + "f" * 9999 + "\n").server == ""
