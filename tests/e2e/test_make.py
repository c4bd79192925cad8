"""The Makefile: what it lists, and what becomes of the command's exit status."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.command import GATEWAY, ROOT, Run, environment, finished

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(home: Path, *arguments: str) -> Run:
    """`make ARGUMENTS` in a copy of the Makefile whose environment is this one, and is never set up anew."""
    folder = home / "checkout"
    if not folder.exists():
        (folder / ".venv/bin").mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        (folder / "fixtures").symlink_to(ROOT / "fixtures")
        script = folder / ".venv/bin/portproof"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m validator "$@"\n')
        script.chmod(0o755)
        for name in ("run", "test"):
            (folder / ".venv" / name).touch()
    return finished(["make", *arguments], folder, environment(home, {"MAKEFLAGS": "", "MAKELEVEL": "0", "LC_ALL": "C"}))


@pytest.mark.parametrize("arguments", [(), ("help",)], ids=["make", "make help"])
def test_make_lists_what_can_be_made(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    run = make(tmp_path, *arguments)
    assert [line.split()[0] for line in run.out.splitlines()] == TARGETS
    assert all(len(line.split()) > 2 for line in run.out.splitlines())
    assert (run.status, run.err) == (0, "")


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_be_made(tmp_path: Path, target: str) -> None:
    assert make(tmp_path, "--dry-run", target).status == 0


def test_what_is_no_file_is_phony() -> None:
    [names] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert sorted(names.split()) == sorted(TARGETS)


def test_the_example_passes_so_that_make_does(tmp_path: Path) -> None:
    run = make(tmp_path, "check")
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith("OL Connect: 6 of 19 port checks blocked, 1 unknown, 12 open\n")


@pytest.mark.parametrize(("export", "status"), [(GATEWAY, 1), ("missing.rules", 2)])
def test_a_users_own_files_fail_with_the_commands_status(tmp_path: Path, export: str, status: int) -> None:
    run = make(tmp_path, "check", f"EXPORTS={export}")
    assert run.status == 2
    assert re.search(rf"^make: \*\*\* \[.*check\] Error {status}$", run.err, re.MULTILINE)


def test_a_users_own_files_that_are_open_pass(tmp_path: Path) -> None:
    file = tmp_path / "open.rules"
    file.write_text("*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n")
    run = make(tmp_path, "check", f"EXPORTS=web01={file}")
    assert (run.status, run.err) == (0, "")
    assert ".venv" not in run.out
