"""The proxy of the machine: where it is, and whether local addresses bypass it."""

from __future__ import annotations

import pytest

from tests.dialects.exports import counts, read, refusal, wall
from validator.model import Proxy
from validator.source import Span

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


WORDS = [
    ("現在の WinHTTP プロキシ設定:", "直接アクセス (プロキシ サーバーなし)。", "プロキシ サーバー", "バイパス一覧"),
    ("Aktuelle WinHTTP-Proxyeinstellungen:", "Direkter Zugriff (kein Proxyserver).", "Proxyserver", "Umgehungsliste"),
    ("当前的 WinHTTP 代理服务器设置：", "直接访问（没有代理服务器）。", "代理服务器", "绕过列表"),
    ("Qwx WinHTTP qwx :", "Qwx qwx (qw qwx).", "Qwx(e)", "Qwx-qwx"),
]


@pytest.mark.parametrize(("title", "direct", "server", "bypass"), WORDS)
@pytest.mark.parametrize("colon", [":", " :", "："])
def test_the_two_forms_are_known_in_every_language(
    title: str, direct: str, server: str, bypass: str, colon: str
) -> None:
    assert read(f"\n{title}\n\n    {direct}\n\n")[1].data == Proxy("", False, Span("dump", 4, f"    {direct}"))
    text = f"\n{title}\n\n    {server}{colon}  http=a:8080;https=b:8443\n    {bypass}{colon}  *.example.com;<local>\n"
    found = read(text)[1].data
    assert isinstance(found, Proxy)
    assert (found.server, found.bypass_local, found.span.line) == ("http=a:8080;https=b:8443", True, 4)
    assert counts(text)["unsupported"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "Proxyserver: a:80\n",
        "Direkter Zugriff\n",
        "Zugriff verweigert: (5)\n",
        "Server: kein Proxyserver\nListe: <local>\n",
        "Server: (keiner)\nListe: <local>\n",
    ],
)
def test_what_has_neither_form_is_refused(text: str) -> None:
    assert "chcp 437" in refusal(f"Aktuelle WinHTTP-Proxyeinstellungen:\n{text}")
