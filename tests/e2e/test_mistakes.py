"""A user's mistakes: one line each that says what is wrong and what to do, exit status 2, no traceback."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tests.e2e.command import GATEWAY, ROOT, SITE, environment, portproof
from validator.cli import run as cli

GOOD = (ROOT / GATEWAY).read_text(encoding="utf-8")
POLICY = (ROOT / "policy/ol-connect.yaml").read_text(encoding="utf-8")
SITE_START = "hosts:\n  web01:\n"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with a good export, `good.rules`, and a home of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "good.rules").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("PORTPROOF_DEBUG", raising=False)
    return folder


@pytest.fixture
def command(here: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process: exit status, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = cli.run(arguments)
        return status, *capsys.readouterr()

    return run


def one_line(err: str) -> str:
    """The line of a mistake, without `portproof: `; it is the only one, and says what to do."""
    assert err.count("\n") == 1, err
    assert err.startswith("portproof: ")
    assert ";" in err
    return err.removeprefix("portproof: ").rstrip("\n")


BAD_EXPORTS: dict[str, tuple[bytes | None, str]] = {
    "missing.txt": (None, "missing.txt: no such file; check the path"),
    "empty.txt": (b"", "empty.txt: the file is empty; export it again as root and pass that file, or leave it out if"),
    "blank.txt": (b" \r\n\r\n", "blank.txt: the file is empty; export it again"),
    "binary.txt": (bytes(range(256)) * 20, "binary.txt:1: the file is binary, not text; pass the text export"),
    "cut.rules": (GOOD[:300].encode(), "cut.rules:9: the table filter has no COMMIT: the dump is cut; export it"),
    "cut.txt": (b"\xff\xfe*\0f", "cut.txt:1: the file is not valid UTF-16 (it may be cut); export it again"),
    "cut.json": (b'{"SecurityGroups": [', "cut.json:1: the JSON ends in the middle: the export is cut; export"),
    "site.yaml": (b"hosts:\n  a: {}\n", "site.yaml:1: no known kind of firewall export; Portproof reads "),
    "listing.txt": (b"Chain INPUT (policy DROP)\n", "listing.txt:1: this is iptables -L output"),
}


@pytest.mark.parametrize("name", BAD_EXPORTS)
def test_a_bad_export_is_one_line_and_the_other_is_still_judged(command: Command, here: Path, name: str) -> None:
    data, wanted = BAD_EXPORTS[name]
    if data is not None:
        (here / name).write_bytes(data)
    status, out, err = command("check", name, "good.rules")
    assert one_line(err).startswith(wanted)
    assert status == 2
    assert out.startswith("OL Connect: 15 of 33 port checks blocked")
    assert "1 input could not be used" in out


@pytest.mark.parametrize("name", BAD_EXPORTS)
def test_a_bad_export_alone_gives_no_report(command: Command, here: Path, name: str) -> None:
    data, _ = BAD_EXPORTS[name]
    if data is not None:
        (here / name).write_bytes(data)
    for verb in (("check",), ("graph",), ("parse",), ("trace", "--packets", "good.rules")):
        status, out, err = command(*verb, name)
        assert (status, out) == (2, "")
        one_line(err)


def test_a_folder_is_no_export(command: Command, here: Path) -> None:
    (here / "folder").mkdir()
    status, _, err = command("check", "folder")
    assert (status, one_line(err)) == (2, "folder: is a folder; name the export files in it")


BAD_SITES = {
    SITE_START + "    adresses: [10.0.0.1]\n": "site.yaml:3: unknown key 'adresses'; did you mean 'addresses'?",
    SITE_START + "    modules: [messanger]\n": "site.yaml:3: unknown module 'messanger'; modules of ol-connect: ",
    SITE_START + "    addresses: [ten]\n": "site.yaml:3: 'ten' is no address or CIDR block; write 10.0.0.0/8",
    "peers:\n  mysql: [nowhere]\n": "site.yaml:2: unknown peer 'nowhere'; name a host, a network of this file, ",
    "settings:\n  database: oracle\n": "site.yaml:2: database cannot be 'oracle'; write one of: mysql, mssql, ",
    "ports:\n  mysql: {listen: [70000]}\n": "site.yaml:2: ",
    "hosts: [": "site.yaml:",
    "a: 1\na: 2\n": "site.yaml:2: the key 'a' stands twice; keep one of them",
    "": "site.yaml:1: the file is empty; ",
}


@pytest.mark.parametrize(("text", "wanted"), BAD_SITES.items())
def test_a_bad_site_file_is_one_line(command: Command, here: Path, text: str, wanted: str) -> None:
    (here / "site.yaml").write_text(text)
    status, out, err = command("check", "good.rules", "--site", "site.yaml")
    assert one_line(err).startswith(wanted)
    assert (status, out) == (2, "")


BAD_POLICIES = {
    POLICY.replace("\nmodules:", "\nmodulez:"): ("unknown key 'modulez'; did you mean 'modules'?"),
    "id: x\n": "'version' is a required property; see the schema policy.schema.json",
    "- a\n": "['a'] is not of type 'object'; see the schema policy.schema.json",
}


@pytest.mark.parametrize(("text", "wanted"), BAD_POLICIES.items(), ids=["key", "required", "list"])
def test_a_bad_policy_is_one_line_with_its_place(command: Command, here: Path, text: str, wanted: str) -> None:
    (here / "mine.yaml").write_text(text)
    for arguments in (("check", "good.rules", "--policy", "mine.yaml"), ("policy", "validate", "mine.yaml")):
        status, out, err = command(*arguments)
        place, _, told = one_line(err).partition(": ")
        assert re.fullmatch(r"mine\.yaml:\d+", place)
        assert (status, out, told) == (2, "", wanted)


BAD_OPTIONS = {
    ("check", "--bogus"): "no such option '--bogus'; see portproof check --help",
    ("check",): "no export was named; pass the files to check, or a --site with exports: in it",
    ("check", ""): "the name of an export is empty; name a file; a variable of the shell may be unset",
    ("check", "web01=,"): "no export was named; pass the files to check",
    ("check", "good.rules", "--format", "xml"): "invalid value for '--format': 'xml' is not one of 'text', ",
    ("check", "good.rules", "--set", "nope=1"): "--set nope=1: no setting is called 'nope'; write NAME=VALUE; ",
    ("check", "good.rules", "--set", "database"): "--set database: the value is missing; write database=VALUE",
    ("check", "good.rules", "--set", "database=oracle"): "--set database=oracle: database cannot be 'oracle'; ",
    ("check", "good.rules", "--withdraw", "nope"): "no assumption is called 'nope'; assumptions: normal-load, ",
    ("check", "good.rules", "--policy", "nope"): "nope: no policy is called 'nope'; bundled: ol-connect; or ",
    ("check", "good.rules", "--policy", "nope.yaml"): "nope.yaml: cannot be read (No such file or directory); ",
    ("check", "good.rules", "--site", "nope.yaml"): "nope.yaml: cannot be read (No such file or directory); ",
    ("check", "good.rules", "-o", "no/where.txt"): "no/where.txt: cannot be written (No such file or directory); ",
    ("chek",): "no such command 'chek'; see portproof --help",
    ("parse",): "missing argument 'EXPORT...'; see portproof parse --help",
    ("trace", "good.rules"): "missing option '--packets'; see portproof trace --help",
    ("explain", "nothing"): "no rule, finding or result is called 'nothing'; try: PP001",
    ("explain", ""): "the name of what to explain is empty; write a rule, ",
}


@pytest.mark.parametrize("arguments", BAD_OPTIONS, ids=" ".join)
def test_a_bad_option_is_one_line(command: Command, arguments: tuple[str, ...]) -> None:
    if arguments[0] == "explain":
        assert command("check", "good.rules")[0] == 1
    status, out, err = command(*arguments)
    assert one_line(err).startswith(BAD_OPTIONS[arguments])
    assert (status, out) == (2, "")


def test_the_bare_command_shows_its_help(command: Command) -> None:
    status, out, err = command()
    assert (status, out) == (2, "")
    assert "Start with: portproof check EXPORT..." in err


def test_our_own_fault_says_how_to_report_it(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a \x1b[31mdefect")

    monkeypatch.setattr("validator.hosts.load", broken)
    status, out, err = command("check", "good.rules")
    assert (status, out) == (3, "")
    first, second = err.splitlines()
    assert first == "portproof: internal error, our fault: ZeroDivisionError: a defect"
    assert second.startswith("portproof: please report it at https://")


def test_our_own_fault_shows_its_traceback_to_who_asks(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTPROOF_DEBUG", "1")
    monkeypatch.setattr("validator.hosts.load", lambda *_: 1 / 0)
    assert "Traceback" in command("check", "good.rules")[2]


def test_an_interrupt_ends_with_130_and_no_traceback(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("validator.hosts.load", interrupted)
    status, out, err = command("check", "good.rules")
    assert (status, out, err.strip()) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
@pytest.mark.parametrize("arguments", [("check", GATEWAY), ("rules",), ("policy", "show")], ids=" ".join)
def test_a_reader_that_goes_is_no_pass_and_makes_no_noise(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "validator", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=environment(tmp_path, {}),
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr as stream:
        assert stream.read() == b""
    assert process.wait() in (1, cli.READER_GONE)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [("check", GATEWAY), ("rules",)], ids=" ".join)
def test_a_full_disk_is_not_our_fault(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "validator", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(tmp_path, {}),
            check=False,
        )
    assert done.returncode == 2
    assert one_line(done.stderr.decode()).startswith("the output cannot be written (No space left on device); ")


@pytest.mark.skipif(sys.platform == "win32", reason="sh is needed")
def test_a_closed_stdout_changes_no_exit_status(tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m validator check {GATEWAY} >&-'
    done = subprocess.run(
        line, shell=True, stderr=subprocess.PIPE, cwd=ROOT, env=environment(tmp_path, {}), check=False
    )
    assert (done.returncode, done.stderr) == (1, b"")


# --- hostile names -----------------------------------------------------------

HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J\u202eevil"
RULES = f"""*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
:{HOSTILE} - [0:0]
-A INPUT -p tcp -m comment --comment "{HOSTILE}" -m tcp --dport 80 -j ACCEPT
-A INPUT garbage {HOSTILE}
-A INPUT -j {HOSTILE}
-A {HOSTILE} -p tcp -m {HOSTILE} -j DROP
COMMIT
"""
NETSH = (ROOT / "fixtures/example/connect-server.txt").read_text().replace("NodeJS", f"Node{HOSTILE}JS")
SHOWN = {
    *(("check", "--format", form) for form in ("text", "json", "markdown", "sarif")),
    *(("graph", "--format", form) for form in ("mermaid", "dot", "graphml")),
    ("parse",),
    ("trace", "--packets", "packets.jsonl"),
}


def unsafe(text: str) -> set[str]:
    """The characters of `text` that a terminal acts on or that reorder what is read."""
    return {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")} - {"\n"}


@pytest.mark.parametrize("arguments", sorted(SHOWN), ids=" ".join)
def test_hostile_names_never_reach_the_terminal(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda *_: False)  # as on a terminal
    (here / "packets.jsonl").write_text(
        '{"destination_port": 81}\n{"destination_port": 9090}\n{"protocol": "\\u001b[31m"}\n'
    )
    (here / "evil.rules").write_text(RULES, encoding="utf-8")
    (here / "evil.txt").write_text(NETSH, encoding="utf-8")
    for export in ("evil.rules", "evil.txt"):
        _, out, err = command(*arguments, export)
        assert "red" in out or arguments[0] == "graph"
        assert unsafe(out + err) == set()


@pytest.mark.parametrize("name", ["evil\x1b[31m.rules", "evil\x07.rules", "evil\u202e.rules", "line\nbreak.rules"])
def test_hostile_file_names_never_reach_the_terminal(
    command: Command, here: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda *_: False)
    for text in (None, RULES, "", POLICY):
        if text is not None:
            (here / name).write_text(text, encoding="utf-8")
        for arguments in (("check",), ("parse",), ("graph",), ("policy", "validate"), ("policy", "show")):
            _, out, err = command(*arguments, name)
            assert unsafe(out + err) == set()
            assert err.count("\n") <= 1


@pytest.mark.parametrize("word", ["--\x1b[31m", "--format=\x1b[31m", "--set=\x1b[31m=1", "--withdraw=\x07", "\u202e"])
def test_hostile_arguments_never_reach_the_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda *_: False)
    _, out, err = command("check", word, "good.rules")
    assert unsafe(out + err) == set()
    one_line(err)


def test_only_the_payload_is_on_stdout(tmp_path: Path) -> None:
    run = portproof(tmp_path, "check", *SITE, "missing.rules", GATEWAY, "--format", "json")
    assert one_line(run.err) == "missing.rules: no such file; check the path"
    assert run.json()["errors"] == ["missing.rules: no such file; check the path"]
    assert run.status == 2
