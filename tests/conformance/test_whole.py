"""What real connections once did still is what `check` says (no root needed); and a small run with new ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.loading import TOOLS
from tests.conformance.whole import PROVEN
from tests.conformance.whole_cases import WholeCase, read, verdicts

ROOT = Path(__file__).parents[2]
_MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]
_CASES = list(read())

_UNDECIDED = {
    "a zone for what comes in alone, in nft": "whether a zone knows the connection of a reply is a condition",
    "a zone for what comes in alone": "likewise",
    "what follows the first packet is not tracked, and not translated as it was": "it may be translated to what it is",
    "what follows the first answer is not tracked, and not translated back": "likewise",
}
"""Where our answer may be that it cannot tell, and why."""


def test_there_are_cases() -> None:
    assert len(_CASES) >= 22
    assert {works for case in _CASES for works in case.works.values()} == {True, False}


@pytest.mark.parametrize("case", _CASES, ids=[case.name.replace(" ", "-") for case in _CASES])
def test_what_check_says_is_what_connections_did(case: WholeCase, tmp_path: Path) -> None:
    found = {text: PROVEN.get(verdict) for text, verdict in verdicts(case, tmp_path).items()}
    allowed = {text for text, works in found.items() if works is None and case.name in _UNDECIDED}
    assert {text: case.works[text] if text in allowed else works for text, works in found.items()} == case.works


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")
@pytest.mark.skipif(bool(_MISSING), reason=f"needs {', '.join(_MISSING)} (iptables, nftables, ipset, iproute2)")
def test_whole_connections_agree_with_the_kernel() -> None:
    command = [sys.executable, "-m", "tests.conformance", "--rulesets", "0", "--connections", "12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.stdout.startswith("skipped:"):
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
