"""A connection between two hosts of the site crosses the security groups and network ACLs of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dialects import aws
from tests.dialects.aws import Json, allow, entry, group
from validator import policy_file, rules, site_file
from validator.check import Checked, CheckOptions, check
from validator.hosts import load
from validator.results import Finding, Result, Verdict

POLICY = policy_file.load("ol-connect")
SITE = """\
hosts:
  web: {addresses: [10.0.1.10], modules: [send-email-plugin], exports: [EXPORTS]}
  db: {addresses: [10.0.2.20], modules: [mysql], exports: [EXPORTS]}
networks: {office: [192.0.2.0/24]}
settings: {database: mysql}
peers: {mysql: [PEERS], send-email-plugin: [db]}
"""
EVERYTHING = (entry(100, "allow", protocol=-1), entry(100, "allow", protocol=-1, egress=True))
NO_REPLIES_IN = (entry(100, "allow", PortRange={"From": 0, "To": 1023}), EVERYTHING[1])
WEB, DB = group("sg-web"), group("sg-db", allow("tcp", 3306))


def checked(
    folder: Path,
    web: Json = WEB,
    database: Json = DB,
    web_acl: tuple[Json, ...] = EVERYTHING,
    interfaces: bool = True,
    peers: str = "web, office",
    module: str = "mysql",
) -> Checked:
    """The check of the two hosts, of which `db` runs `module`."""
    texts = {
        "groups.json": aws.groups(web, database),
        "acls.json": aws.acls(
            aws.acl("acl-1", *web_acl, subnets=("subnet-1",)), aws.acl("acl-2", *EVERYTHING, subnets=("subnet-2",))
        ),
        "subnets.json": aws.subnets(**{"1": "10.0.1.0/24", "2": "10.0.2.0/24"}),
    }
    if interfaces:
        texts["interfaces.json"] = aws.interfaces(
            aws.interface("eni-web", "sg-web", address="10.0.1.10", subnet="subnet-1"),
            aws.interface("eni-db", "sg-db", address="10.0.2.20", subnet="subnet-2"),
        )
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    text = SITE.replace("EXPORTS", ", ".join(texts)).replace("PEERS", peers)
    text = text.replace("[mysql]", f"[{module}]").replace("mysql:", f"{module}:")
    (folder / "site.yaml").write_text(text, encoding="utf-8")
    site = site_file.load(str(folder / "site.yaml"), POLICY)
    loaded = load((), site)
    assert loaded.errors == ()
    return check(loaded, POLICY, site, CheckOptions())


def judged(folder: Path, **said: Any) -> dict[str, Result]:
    """The results of the two hosts over TCP, by id without `ipv4`."""
    found = checked(folder, **said).report.results
    return {each.id.replace("/ipv4", ""): each for each in found if each.protocol == "tcp"}


def told(folder: Path, rule: str, **said: Any) -> list[Finding]:
    """What the catalogue's `rule` finds of the two hosts."""
    report = rules.judge(checked(folder, **said), rules.load())
    return [finding for finding in report.findings if finding.rule == rule]


FROM_WEB, FROM_OFFICE = "db/mysql/listen/tcp/peer-web", "db/mysql/listen/tcp"
TO_DB = "web/send-email-plugin/connect/tcp/peer-db"


def test_both_ends_may_let_it_pass(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert (found[FROM_WEB].verdict, found[FROM_OFFICE].verdict) == (Verdict.OPEN, Verdict.OPEN)
    assert (found[FROM_WEB].peers, found[FROM_OFFICE].peers) == (("10.0.1.10/32",), ("192.0.2.0/24",))
    assert found[FROM_WEB].peer_host == "web"


def test_the_groups_of_the_peer_may_let_nothing_out(tmp_path: Path) -> None:
    found = judged(tmp_path, web=group("sg-web", egress=(allow("tcp", 443),)))
    assert (found[FROM_WEB].verdict, found[FROM_OFFICE].verdict) == (Verdict.BLOCKED, Verdict.OPEN)
    assert "sg-web (web): no egress rule admits it" in found[FROM_WEB].blame[0].span.text


def test_the_list_of_the_peers_subnet_may_stop_replies(tmp_path: Path) -> None:
    found = judged(tmp_path, web_acl=NO_REPLIES_IN)[FROM_WEB]
    assert (found.verdict, found.request, found.reply) == (Verdict.BLOCKED, Verdict.OPEN, Verdict.BLOCKED)
    assert found.blame[0].span.path.endswith("acls.json")


def test_the_groups_of_the_peer_must_let_it_in(tmp_path: Path) -> None:
    assert judged(tmp_path)[TO_DB].verdict is Verdict.BLOCKED
    assert judged(tmp_path, database=group("sg-db", allow("tcp", 25)))[TO_DB].verdict is Verdict.OPEN


def test_that_one_peer_may_not_come_does_not_make_a_port_less_exposed(tmp_path: Path) -> None:
    found = judged(tmp_path, web=group("sg-web", egress=()))
    assert (found[FROM_WEB].exposed, found[FROM_OFFICE].exposed) == (True, True)


@pytest.mark.parametrize("peers", ["web, office", "web", "office"])
@pytest.mark.parametrize(("module", "rule", "port"), [("mysql", "PP014", 3306), ("lpd", "PP015", 515)])
def test_that_a_port_is_exposed_is_told_once_with_the_line_that_opens_it(
    tmp_path: Path, peers: str, module: str, rule: str, port: int
) -> None:
    """Not once more for each peer, with the peer's line that stops it."""
    open_to_all = group("sg-db", allow("tcp", 7, IpRanges=[{"CidrIp": "192.0.2.0/24"}]), allow("tcp", port))
    (found,) = told(tmp_path, rule, web=group("sg-web", egress=()), database=open_to_all, peers=peers, module=module)
    assert f"TCP {port} on db is open to everybody" in found.message
    assert found.span.text == f"sg-db (db) ingress tcp {port} from 0.0.0.0/0"
    assert not [blame for blame in found.blame if "acl-1" in blame.span.text or "sg-web" in blame.span.text]


def test_an_exposed_port_shows_the_line_for_anybody_not_the_one_for_the_declared_peers(tmp_path: Path) -> None:
    office = allow("tcp", 3306, IpRanges=[{"CidrIp": "192.0.2.0/24", "Description": "office"}])
    (found,) = told(tmp_path, "PP014", database=group("sg-db", office, allow("tcp", 3306)), peers="office")
    assert "0.0.0.0/0" in found.span.text


def test_what_is_told_of_each_peer_names_it(tmp_path: Path) -> None:
    asking = {"database": group("sg-db", allow("tcp", 3306, PrefixListIds=[{"PrefixListId": "pl-1"}]))}
    messages = [finding.message for finding in told(tmp_path, "PP004", **asking)]
    assert len(messages) == len(set(messages)) == 2
    assert len([message for message in messages if "TCP 3306 gets through on db from web cannot" in message]) == 1


def test_a_peer_of_which_nobody_knows_the_interface_is_anybody(tmp_path: Path) -> None:
    """Its groups are alternatives then."""
    found = judged(tmp_path, web=group("sg-web", egress=()), interfaces=False)
    assert FROM_WEB not in found
    assert found[FROM_OFFICE].peers == ("10.0.1.10/32", "192.0.2.0/24")


@pytest.mark.parametrize("peers", ["anybody", "10.0.1.0/24"])
def test_peers_that_are_no_hosts_have_no_firewall(tmp_path: Path, peers: str) -> None:
    found = judged(tmp_path, web=group("sg-web", egress=()), peers=peers)
    assert [each for each in found if "mysql" in each] == [FROM_OFFICE]
