"""Exports find their hosts, and hosts become firewalls in the order a packet meets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialects import aws
from tests.dialects.exports import asked, verdict
from tests.dialects.test_aws_security_groups import WEB, export
from tests.dialects.test_iptables_save import V4, V6, dump, table
from tests.dialects.test_netsh_profiles import every
from tests.dialects.test_netsh_rules import dump as netsh
from tests.dialects.test_netsh_rules import rule
from validator.errors import UserError
from validator.hosts import Loaded, firewalls, load
from validator.packets.fields import Family
from validator.site import Host, Site

PROXY = "Current WinHTTP proxy settings:\n\n    Direct access (no proxy server).\n"
IPV4 = dump("-A INPUT -j ACCEPT")
IPV6 = dump().replace(V4, V6)
FOUR = (Family.IPV4,)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def given(*arguments: str, site: Site | None = None, **files: str) -> Loaded:
    """Load `arguments` (all files, if none) after writing `files`; a_txt is a.txt."""
    named = {name.replace("_", "."): text for name, text in files.items()}
    for name, text in named.items():
        Path(name).write_text(text)
    return load(arguments or list(named), site)


def hosts(loaded: Loaded) -> list[tuple[str, str]]:
    assert not loaded.errors
    return [(export.source.path, export.host) for export in loaded.exports]


def test_an_export_without_a_host_is_a_host_named_by_its_file() -> None:
    assert hosts(given(web_rules=IPV4)) == [("web.rules", "web")]


def test_two_files_of_one_name_are_two_hosts() -> None:
    Path("b").mkdir()
    Path("b/web.rules").write_text(IPV4)
    loaded = given("web.rules", "b/web.rules", web_rules=IPV4)
    assert hosts(loaded) == [("web.rules", "web"), ("b/web.rules", "b/web.rules")]


def test_an_argument_may_say_whose_the_files_are() -> None:
    loaded = given("db=a.txt,b.txt", a_txt=netsh(rule()), b_txt=every())
    assert hosts(loaded) == [("a.txt", "db"), ("b.txt", "db")]


def test_a_file_whose_name_has_an_equals_sign_is_a_file() -> None:
    Path("a=b.rules").write_text(IPV4)
    assert hosts(load(["a=b.rules"])) == [("a=b.rules", "a=b")]


def test_facts_join_the_only_host_of_their_platform() -> None:
    loaded = given(web_txt=netsh(rule()), states_txt=every(), proxy_txt=PROXY, cloud_json=export(WEB))
    assert [host for _, host in hosts(loaded)] == ["web", "web", "web", "cloud"]


def test_facts_do_not_guess_between_two_hosts() -> None:
    loaded = given(web_txt=netsh(rule()), db_txt=netsh(rule()), states_txt=every())
    assert [host for _, host in hosts(loaded)] == ["web", "db", "states"]


def test_several_kinds_of_exports_of_one_cloud_are_one_inventory() -> None:
    one = aws.interfaces(aws.interface("eni-1", "sg-1", address="10.0.0.1"))
    acls = aws.acls(aws.acl("acl-1"))
    names = {host for _, host in hosts(given(enis_json=one, web_json=export(WEB), db_json=export(WEB), acls_json=acls))}
    assert names == {"web"}


def test_files_of_one_kind_are_a_host_each_and_facts_alone_join_the_host_that_is_named() -> None:
    assert [host for _, host in hosts(given(web_json=export(WEB), db_json=export(WEB)))] == ["web", "db"]
    Path("enis.json").write_text(aws.interfaces(aws.interface("eni-1", "sg-1", address="10.0.0.1")))
    Path("subnets.json").write_text(aws.subnets(one="10.0.0.0/24"))
    loaded = load(["a=web.json", "enis.json", "subnets.json"])
    assert [host for _, host in hosts(loaded)] == ["a", "a", "a"]


def test_the_other_family_joins_its_host() -> None:
    assert [host for _, host in hosts(given(web_v4=IPV4, web_v6=IPV6))] == ["web", "web"]
    assert [host for _, host in hosts(given(a_v4=IPV4, b_v4=IPV4, c_v6=IPV6))] == ["a", "b", "c"]


def test_the_site_says_whose_an_export_is() -> None:
    site = Site("site.yaml", hosts=(Host("one", exports=("a.rules",)), Host("two", exports=("b.rules",))))
    assert hosts(given("b.rules", site=site, a_rules=IPV4, b_rules=IPV4)) == [("b.rules", "two")]
    assert hosts(load([], site)) == [("a.rules", "one"), ("b.rules", "two")]


def test_with_one_host_in_the_site_every_export_is_of_it() -> None:
    assert hosts(given("b.rules", site=Site("site.yaml", hosts=(Host("one"),)), b_rules=IPV4)) == [("b.rules", "one")]


def test_a_file_that_cannot_be_read_does_not_keep_the_others_from_it() -> None:
    loaded = given("a.rules", "missing.rules", "c.txt", a_rules=IPV4, c_txt="Dear diary\n")
    assert [export.source.path for export in loaded.exports] == ["a.rules"]
    assert [error.path for error in loaded.errors] == ["missing.rules", "c.txt"]
    assert all(isinstance(error, UserError) for error in loaded.errors)


def test_the_cloud_comes_before_the_host_behind_it() -> None:
    loaded = given("web=a.json", "web=b.rules", a_json=export(WEB), b_rules=IPV4)
    assert [firewall.platform for firewall in firewalls(loaded, FOUR)] == ["aws", "linux"]


def test_exports_of_one_host_make_one_firewall() -> None:
    loaded = given(web_txt=netsh(rule()), states_txt=every(policy="AllowInbound,AllowOutbound"), proxy_txt=PROXY)
    found = firewalls(loaded, FOUR)
    assert [firewall.host for firewall in found] == ["web"]
    assert found[0].exports == ("web.txt", "states.txt", "proxy.txt")
    assert found[0].proxy is not None
    assert verdict(found[0], 81) == "accept"


def test_tables_of_one_host_may_come_in_several_files() -> None:
    nat = V4 + table("mangle", "-A INPUT -p tcp -m tcp --dport 80 -j DROP")
    found = firewalls(given("web=a.v4,b.v4", a_v4=IPV4, b_v4=nat), FOUR)
    assert [verdict(found[0], port) for port in (80, 81)] == ["drop", "accept"]


def test_a_listing_of_nft_without_a_table_of_a_family_says_what_that_means(tmp_path: Path) -> None:
    path = tmp_path / "web.nft"
    path.write_text(
        "table ip t {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n\t\taccept\n\t}\n}\n"
    )
    (wall,) = firewalls(load([str(path)]), (Family.IPV6,))
    (rule, *_) = wall.chains["missing"].rules
    assert (
        "no table for IPv6 is in the listing of web: if nft list ruleset has none, nothing filters IPv6"
        in rule.canonical
    )


def test_a_family_that_is_not_exported_proves_nothing_and_says_what_to_run() -> None:
    found = firewalls(given(web_v4=IPV4), tuple(Family))
    assert [firewall.family for firewall in found] == [Family.IPV4, Family.IPV6]
    assert verdict(found[0], 80) == "accept"
    assert {verdict(found[1], 80, hook=hook) for hook in ("input", "output", "forward")} == {"unknown"}
    assert "run ip6tables-save" in asked(found[1], 80)[0]


def test_the_groups_of_the_site_are_those_of_the_host() -> None:
    other = {**WEB, "GroupId": "sg-2", "GroupName": "db", "IpPermissions": []}
    site = Site("site.yaml", hosts=(Host("web", groups=("db",)),))
    found = firewalls(given("web=a.json", site=site, a_json=export(WEB, other)), FOUR, site=site)
    assert verdict(found[0], 80) == "drop"


def test_an_assumption_that_is_withdrawn_is_open() -> None:
    found = firewalls(given(web_txt=netsh(rule())), FOUR, frozenset(("hidden-scope",)))
    assert verdict(found[0], 80) == "unknown"


def test_a_file_of_several_hosts_is_read_for_each(tmp_path: Path) -> None:
    file = str(tmp_path / "groups.json")
    Path(file).write_text('{"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": []}]}', "utf-8")
    site = Site(str(tmp_path / "site.yaml"), (Host("a", exports=(file,)), Host("b", exports=(file,))))
    assert [export.host for export in load([], site).exports] == ["a", "b"]
    assert [export.host for export in load([file], site).exports] == ["a", "b"]


def test_what_is_wrong_with_a_file_of_several_hosts_is_said_once(tmp_path: Path) -> None:
    file = str(tmp_path / "groups.json")
    Path(file).write_text("nothing", "utf-8")
    site = Site(str(tmp_path / "site.yaml"), (Host("a", exports=(file,)), Host("b", exports=(file,))))
    assert len(load([], site).errors) == 1
