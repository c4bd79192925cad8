"""A module may say which programs it is: then a rule for one of them is for it, and one for another is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from validator import policy_file, site_file
from validator.check import CheckOptions, check
from validator.hosts import load
from validator.questions import is_one_of

JAVA = r"C:\Program Files\OL Connect\jre\bin\javaw.exe"


def rule(name: str, action: str, program: str, port: int = 9340, service: str = "") -> str:
    fields = {
        "Enabled": "Yes",
        "Direction": "In",
        "Profiles": "Domain,Private,Public",
        "Grouping": "",
        "LocalIP": "Any",
        "RemoteIP": "Any",
        "Protocol": "TCP",
        "LocalPort": str(port),
        "RemotePort": "Any",
        "Edge traversal": "No",
        "Program": program,
        **({"Service": service} if service else {}),
        "InterfaceTypes": "Any",
        "Security": "NotRequired",
        "Rule source": "Local Setting",
        "Action": action,
    }
    lines = [f"{key + ':':<38}{value}" for key, value in fields.items()]
    return "\n".join([f"{'Rule Name:':<38}{name}", "-" * 70, *lines, ""])


def verdict(folder: Path, *rules: str, programs: str = "") -> str:
    """The verdict on Connect Server 9340 of a host with these rules, whose site file says `programs`."""
    (folder / "rules.txt").write_text("\n" + "\n".join(rules) + "\nOk.\n")
    told = f", programs: {{connect-server: [{programs}]}}" if programs else ""
    host = f"hosts: {{web: {{exports: [rules.txt], modules: [connect-server], profile: domain{told}}}}}\n"
    (folder / "site.yaml").write_text(host)
    policy = policy_file.load("ol-connect")
    site = site_file.load(str(folder / "site.yaml"), policy)
    report = check(load([], site), policy, site, CheckOptions()).report
    [found] = [each.verdict.value for each in report.results if each.port_entry == "listen-9340"]
    return found


def test_without_a_word_about_programs_a_rule_for_one_decides_nothing(tmp_path: Path) -> None:
    assert verdict(tmp_path, rule("a", "Allow", JAVA)) == "unknown"


@pytest.mark.parametrize("programs", [f"'{JAVA}'", "javaw.exe", f"other.exe, '{JAVA.upper()}'"])
def test_a_rule_for_the_modules_program_is_a_plain_allow(tmp_path: Path, programs: str) -> None:
    assert verdict(tmp_path, rule("a", "Allow", JAVA), programs=programs) == "open"


def test_a_rule_for_another_program_is_none(tmp_path: Path) -> None:
    assert verdict(tmp_path, rule("a", "Allow", r"C:\other.exe"), programs="javaw.exe") == "blocked"
    both = rule("a", "Allow", JAVA), rule("b", "Block", r"C:\other.exe")
    assert verdict(tmp_path, *both, programs="javaw.exe") == "open"
    assert verdict(tmp_path, rule("a", "Allow", JAVA), rule("b", "Block", JAVA), programs="javaw.exe") == "blocked"


def test_paths_that_cannot_be_compared_decide_nothing(tmp_path: Path) -> None:
    allowed = rule("a", "Allow", r"%ProgramFiles%\OL Connect\jre\bin\javaw.exe")
    assert verdict(tmp_path, allowed, programs=f"'{JAVA}'") == "unknown"
    assert verdict(tmp_path, allowed, programs="javaw.exe") == "open"


@pytest.mark.parametrize(
    ("value", "named", "expected"),
    [
        (r"C:\a\b.exe", r"c:/A/B.exe", True),
        (r"C:\a\b.exe", "B.EXE", True),
        (r"C:\a\b.exe", r"C:\c\b.exe", False),
        (r"C:\a\b.exe", "c.exe", False),
        (r"%SystemRoot%\b.exe", r"C:\Windows\b.exe", None),
        (r"C:\PROGRA~1\b.exe", "other.exe", None),
        ("b.exe", r"C:\a\b.exe", None),
        (r"C:\Program Files\b.exe", r"C:\PROGRA~1\b.exe", None),
        ("System", "javaw.exe", False),
        ("System", "system", True),
        (r"C:\a\b.exe", "spooler", None),
        (r"C:\a\b.exe", "OL.Connect", None),
    ],
)
def test_programs_are_compared_as_windows_does(value: str, named: str, expected: bool | None) -> None:
    assert is_one_of("program", value, [named]) is expected


@pytest.mark.parametrize(
    ("value", "named", "expected"),
    [
        ("spooler", ["Spooler"], True),
        ("spooler", ["olsvc"], False),
        ("spooler", ["javaw.exe"], None),
        ("spooler", ["javaw.exe", "olsvc"], False),
        ("OL.Connect", ["ol.connect"], True),
        ("*", ["olsvc"], True),
        ("*", ["javaw.exe"], None),
    ],
)
def test_services_are_told_by_services(value: str, named: list[str], expected: bool | None) -> None:
    assert is_one_of("service", value, named) is expected


SVCHOST = r"%SystemRoot%\system32\svchost.exe"
ANYBODY = rule("any", "Allow", "Any")


@pytest.mark.parametrize(
    ("programs", "rules", "expected"),
    [
        (f"'{JAVA}'", [ANYBODY, rule("b", "Block", JAVA, service="olsvc")], "unknown"),
        ("olsvc", [ANYBODY, rule("b", "Block", SVCHOST, service="olsvc")], "unknown"),
        ("olsvc", [ANYBODY, rule("b", "Block", JAVA)], "unknown"),
        (f"'{JAVA}'", [rule("a", "Allow", JAVA, service="olsvc")], "unknown"),
        ("olsvc", [rule("a", "Allow", SVCHOST, service="olsvc")], "unknown"),
        ("olsvc", [rule("a", "Allow", JAVA)], "unknown"),
        (f"'{JAVA}', olsvc", [rule("a", "Allow", JAVA, service="olsvc")], "open"),
        (f"'{JAVA}', olsvc", [ANYBODY, rule("b", "Block", JAVA, service="olsvc")], "blocked"),
        (f"'{JAVA}', olsvc", [ANYBODY, rule("b", "Block", SVCHOST, service="spooler")], "open"),
        (f"'{JAVA}'", [ANYBODY, rule("b", "Block", SVCHOST, service="spooler")], "open"),
        ("olsvc", [ANYBODY, rule("b", "Block", SVCHOST, service="spooler")], "open"),
        ("olsvc", [ANYBODY, rule("b", "Block", "Any", service="*")], "blocked"),
        (f"'{JAVA}'", [rule("a", "Allow", "Any", service="*")], "unknown"),
        ("'C:\\PROGRA~1\\OLCONN~1\\jre\\bin\\javaw.exe'", [ANYBODY, rule("b", "Block", JAVA)], "unknown"),
    ],
)
def test_a_rule_for_a_program_and_a_service_needs_both(
    tmp_path: Path, programs: str, rules: list[str], expected: str
) -> None:
    assert verdict(tmp_path, *rules, programs=programs) == expected
