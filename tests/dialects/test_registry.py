"""What every dialect owes: it knows its own exports, no other's, and loses no line."""

from __future__ import annotations

from pathlib import Path

import pytest

from validator.dialects import OF_JSON, Dialect, Options, detect, registry
from validator.errors import UnknownExportError
from validator.hosts import PLATFORMS
from validator.packets.fields import Family
from validator.refused import stands_alone
from validator.source import Ledger, from_bytes, read

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAMES = [dialect.NAME for dialect in registry()]
EXPORTS = [
    (dialect.NAME, path)
    for dialect in registry()
    for path in sorted((FIXTURES / dialect.NAME.replace("-", "_")).glob("*"))
]


def called(name: str) -> Dialect:
    return next(dialect for dialect in registry() if name == dialect.NAME)


@pytest.mark.parametrize("name", NAMES)
def test_every_dialect_has_a_fixture(name: str) -> None:
    assert any(owner == name for owner, _ in EXPORTS)


def test_the_dialects_of_clouds_read_nothing_but_json() -> None:
    of_json = [each for each in registry() if each.__name__.rpartition(".")[2].startswith(OF_JSON)]  # type: ignore[attr-defined]
    assert len(of_json) > 18
    for name, path in EXPORTS:
        text = read(path).text
        if name in {each.NAME for each in of_json}:
            assert text.lstrip()[0] in "{["
        other = from_bytes(f"# a comment\n{text}".encode(), path.name)
        assert not [each.NAME for each in of_json if each.sniff(other)]


@pytest.mark.parametrize(("name", "path"), EXPORTS, ids=lambda value: getattr(value, "name", value))
def test_a_fixture_is_recognised_by_its_own_dialect_alone(name: str, path: Path) -> None:
    source = read(path)
    assert [dialect.NAME for dialect in registry() if dialect.sniff(source)] == [name]
    assert name == detect(source).NAME


@pytest.mark.parametrize(("name", "path"), EXPORTS, ids=lambda value: getattr(value, "name", value))
def test_every_line_of_a_fixture_is_accounted_for(name: str, path: Path) -> None:
    source = read(path)
    ledger = Ledger(source.lines)
    called(name).parse(source, ledger)
    counts = ledger.counts()
    assert ledger.unsupported() == []
    assert counts.pop("total") == len(source.lines) == sum(counts.values())
    assert counts["modelled"] + counts["conditional"] > 0


@pytest.mark.parametrize(("name", "path"), EXPORTS, ids=lambda value: getattr(value, "name", value))
def test_a_fixture_converts_to_a_firewall_that_names_it(name: str, path: Path) -> None:
    source, dialect = read(path), called(name)
    fragment = dialect.parse(source, Ledger(source.lines))
    assert (fragment.dialect, fragment.platform, fragment.path) == (name, dialect.PLATFORM, source.path)
    for family in Family:
        firewall = dialect.convert([fragment], Options("host", family))
        assert (firewall is None) is (family not in fragment.families)
        if firewall:
            assert firewall.exports == (source.path,)
            assert all(base in firewall.chains for bases in firewall.hooks.values() for base in bases)


@pytest.mark.parametrize("name", NAMES)
def test_a_dialect_says_what_it_reads(name: str) -> None:
    dialect = called(name)
    assert dialect.PLATFORM in PLATFORMS
    assert dialect.TITLE
    assert dialect.NAME.lower().replace(" ", "-") == dialect.NAME
    assert isinstance(stands_alone(dialect), bool)


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_a_file_that_nobody_knows_is_told_what_is_read() -> None:
    with pytest.raises(UnknownExportError) as caught:
        detect(from_bytes(b"Dear diary,\ntoday I opened a port.\n", "diary.txt"))
    assert str(caught.value).startswith("diary.txt:1: no known kind of firewall export; Portproof reads ")
    assert "`portproof parse --kinds`" in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Chain INPUT (policy ACCEPT)\ntarget prot opt source\n", "1: this is iptables -L output"),
        ("Status: active\nTo  Action  From\n", "1: this is what ufw prints"),
        ("public (active)\n  services: ssh\n", "1: this is firewall-cmd output"),
        ("#!/bin/sh\niptables -A INPUT -j DROP\n", "2: this is a script of iptables commands"),
        ("Domain profile configuration:\n-----\n", "1: this is the legacy netsh firewall output"),
        ("Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\A]\n", "1: this is a registry export"),
        ('{"data":\n {"Vpcs": [{"Subnets": []}]}}', "2: this looks like aws ec2 describe-vpcs output"),
        ('{"DBInstances": [{"Subnets": []}]}', "1: this looks like aws rds describe-db-instances output"),
        ('{"Vpcs": [', "1: this looks like aws ec2 describe-vpcs output"),
        ('{"collector_version": "1",\n"provider": "aws"}', "1: this is what a collector of cloud resources"),
        ('{"Things": [{"Vpcs": []}]}', "1: no known kind of firewall export"),
    ],
)
def test_what_people_mistake_for_an_export_is_called_by_its_name(text: str, what: str) -> None:
    with pytest.raises(Exception, match=what.replace("(", r"\(")):
        detect(from_bytes(text.encode(), "a.txt"))
