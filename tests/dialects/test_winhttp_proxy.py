"""The proxy of the machine: where it is, and whether local addresses bypass it."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal, wall
from validator.model import Proxy

HEAD = "\nCurrent WinHTTP proxy settings:\n\n"


def proxy(text: str) -> Proxy:
    found = read(HEAD + text)[1].data
    assert isinstance(found, Proxy)
    return found


def test_direct_access_is_no_proxy() -> None:
    assert proxy("    Direct access (no proxy server).\n").server == ""


@pytest.mark.parametrize(
    ("bypass", "local"),
    [("<local>", True), ("*.example.com;<LOCAL>", True), ("(none)", False), ("local.example.com", False), ("", False)],
)
def test_only_the_word_local_in_brackets_bypasses_local_addresses(bypass: str, local: bool) -> None:
    found = proxy(f"    Proxy Server(s) :  proxy:8080\n    Bypass List     :  {bypass}\n")
    assert (found.server, found.bypass_local) == ("proxy:8080", local)
    assert found.span.line == 4


def test_without_a_server_or_direct_access_it_is_refused() -> None:
    assert "neither a proxy server nor direct access is named; run `chcp 437`" in refusal(HEAD + "    Serveur: x\n")


def test_a_line_that_says_something_else_is_unsupported() -> None:
    assert counts(HEAD + "    Direct access (no proxy server).\n  PAC: http://x/\n")["unsupported"] == 1


def test_text_that_only_speaks_of_winhttp_is_none() -> None:
    assert "no known kind" in refusal("The WinHTTP service: stop it.\n")


def test_a_proxy_alone_filters_nothing_and_is_kept() -> None:
    firewall = wall(HEAD + "    Proxy Server(s) :  proxy:8080\n")
    assert not firewall.chains
    assert firewall.proxy is not None
    assert firewall.proxy.server == "proxy:8080"


def test_a_proxy_that_is_configured_counts_before_one_that_is_not() -> None:
    direct = HEAD + "    Direct access (no proxy server).\n"
    firewall = wall(direct, HEAD + "    Proxy Server(s) :  proxy:8080\n")
    assert firewall.proxy is not None
    assert firewall.proxy.server == "proxy:8080"
