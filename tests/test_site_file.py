"""Site files: what they say, and every mistake with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from validator import policy_file, site_file
from validator.errors import SiteError
from validator.site import Site, peer_blocks

POLICY = policy_file.load("ol-connect")
TEXT = """networks:
  office: [10.1.0.0/16, "2001:db8:1::/48"]
settings:
  database: mysql
hosts:
  web:
    addresses: [10.1.0.10]
    profile: domain
    exports: [web.txt, sub/more.txt]
    modules: [http-server, lpd]
    settings: {smtp_encryption: true}
  db:
    addresses: [10.1.0.20/32, "2001:db8::20"]
    groups: [sg-1]
  bare: {}
peers:
  mysql: [web, office]
  lpd: [10.3.0.7]
  telnet: [anybody]
ports:
  http-server: [8081, 8090-8099]
  connect-server:
    listen-9340: [9341]
"""


def load(folder: Path, text: str = TEXT) -> Site:
    file = folder / "site.yaml"
    file.write_text(text, "utf-8")
    return site_file.load(str(file), POLICY)


def test_hosts_are_read(tmp_path: Path) -> None:
    web, db, bare = load(tmp_path).hosts
    assert (web.name, web.addresses, web.profile) == ("web", ("10.1.0.10/32",), "domain")
    assert (web.modules, web.settings, web.line) == (("http-server", "lpd"), {"smtp_encryption": True}, 6)
    assert (db.addresses, db.groups, db.modules) == (("10.1.0.20/32", "2001:db8::20/128"), ("sg-1",), None)
    assert (bare.name, bare.addresses) == ("bare", ())


def test_an_address_may_come_with_the_prefix_of_its_network(tmp_path: Path) -> None:
    """A block whose first address is written stays a block that the host has its address in."""
    given = '[10.1.0.10/16, "2001:db8::20/64", 10.2.0.0/16, 10.3.0.1, 10.3.0.2/32]'
    host = load(tmp_path, TEXT.replace("[10.1.0.10]", given)).hosts[0]
    assert host.addresses == ("10.1.0.10/32", "2001:db8::20/128", "10.2.0.0/16", "10.3.0.1/32", "10.3.0.2/32")
    assert host.interfaces == ("10.1.0.10/16", "2001:db8::20/64")


def test_words_for_addresses_have_blocks(tmp_path: Path) -> None:
    host = load(tmp_path, TEXT.replace("profile: domain", "keywords: {DNS: [10.1.0.2], LocalSubnet: [10.1.0.7/16]}"))
    assert host.hosts[0].keywords == {"dns": ("10.1.0.2/32",), "localsubnet": ("10.1.0.0/16",)}
    with pytest.raises(SiteError) as caught:
        load(tmp_path, TEXT.replace("profile: domain", "keywords: {DNS: [ns.example]}"))
    assert (caught.value.problem, caught.value.line) == ("'ns.example' is no address or CIDR block", 8)


def test_exports_are_found_beside_the_site_file(tmp_path: Path) -> None:
    web = load(tmp_path).hosts[0]
    assert web.exports == (f"{tmp_path.as_posix()}/web.txt", f"{tmp_path.as_posix()}/sub/more.txt")


def test_ports_are_overridden_by_module_or_by_entry(tmp_path: Path) -> None:
    assert load(tmp_path).ports == {
        "http-server": {"listen": ((8081, 8081), (8090, 8099))},
        "connect-server": {"listen-9340": ((9341, 9341),)},
    }


def test_peers_are_hosts_networks_and_blocks(tmp_path: Path) -> None:
    site = load(tmp_path)
    assert peer_blocks(site, "mysql") == ("10.1.0.10/32", "10.1.0.0/16", "2001:db8:1::/48")
    assert peer_blocks(site, "lpd") == ("10.3.0.7",)


@pytest.mark.parametrize("module", ["telnet", "https-server"])
def test_anybody_and_nobody_told_are_no_peers(tmp_path: Path, module: str) -> None:
    assert peer_blocks(load(tmp_path), module) is None


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ("    profile", "    profil", 8, "unknown key 'profil'"),
        ("profile: domain", "profile: work", 8, "'work' is not one of"),
        ("lpd]", "lpt]", 10, "unknown module 'lpt'"),
        ("  mysql: [web", "  mysqld: [web", 17, "unknown module 'mysqld'"),
        ("  http-server: [8081", "  http-servr: [8081", 21, "unknown module 'http-servr'"),
        ("[web, office]", "[webb, office]", 17, "unknown peer 'webb'"),
        ("[web, office]", "[bare, office]", 17, "host bare has no addresses"),
        ("10.3.0.7", "10.3.0.777", 18, "unknown peer '10.3.0.777'"),
        ("[10.1.0.10]", "[10.1.0]", 7, "'10.1.0' is no address or CIDR block"),
        ("[10.1.0.0/16", "[10.1.0.0/33", 2, "'10.1.0.0/33' is no address or CIDR block"),
        ("database: mysql", "database: oracle", 4, "database cannot be 'oracle'"),
        ("database: mysql", "databse: mysql", 4, "unknown setting 'databse'"),
        ("smtp_encryption: true", "smtp_encryption: 1", 11, "smtp_encryption cannot be 1"),
        ("smtp_encryption: true", 'smtp_encryption: "true"', 11, "smtp_encryption cannot be 'true'"),
        ("listen-9340: [9341]", "listen: [9341]", 23, "connect-server has no port entry 'listen'"),
        ("connect-server:\n    listen-9340: [9341]", "connect-server: [9341]", 22, "has several port entries"),
        ("[8081, ", "[0, ", 21, "0 is less than the minimum of 1"),
        ("[8081, ", "[99-98, ", 21, "'99-98' is no port or range of ports"),
        ("[8081, ", "[8081.0, ", 21, "8081.0 is no port or range of ports"),
        ("  office:", "  web:", 2, "'web' is a host and a network"),
        ("  db:\n", "  web:\n", 12, "the key 'web' stands twice"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    assert old in TEXT
    with pytest.raises(SiteError) as caught:
        load(tmp_path, TEXT.replace(old, new, 1))
    assert problem in caught.value.problem
    assert str(caught.value).startswith(f"{tmp_path / 'site.yaml'}:{line}: ")


def test_an_unknown_setting_comes_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SiteError) as caught:
        load(tmp_path, "settings: {databse: mysql}\n")
    assert "database, smtp_encryption, mail_host" in caught.value.remedy


def test_an_empty_section_is_no_mistake(tmp_path: Path) -> None:
    assert load(tmp_path, "hosts: {}\nnetworks: {}\n").hosts == ()
