"""The suite itself, small: our answers against those of the kernel that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.loading import TOOLS

ROOT = Path(__file__).parents[2]
_MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")
@pytest.mark.skipif(bool(_MISSING), reason=f"needs {', '.join(_MISSING)} (iptables, nftables, ipset, iproute2)")
def test_random_rulesets_agree_with_the_kernel() -> None:
    command = [sys.executable, "-m", "tests.conformance", "--rulesets", "40", "--probes", "200", "--connections", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    if done.stdout.startswith("skipped:"):
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
