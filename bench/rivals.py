"""What our times are compared with: a bare interpreter, and the kernel's own tools reading the same dump."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bench.measure import run

NOTHING = (sys.executable, "-c", "pass")
_TOOLS = ("iptables-nft-restore", "iptables-legacy-restore")


@cache
def _isolated() -> tuple[str, ...] | None:
    """The prefix that gives a command a network namespace of its own; None where we may not."""
    prefix = ("unshare", "--net")
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("unshare"):
        return None
    return prefix if run([*prefix, "true"]).status == 0 else None


def restores(path: Path) -> dict[str, Sequence[str]]:
    """Commands by name that read the dump at `path` and load nothing; none where there is no such tool."""
    prefix = _isolated()
    if prefix is None:
        return {}
    return {tool: (*prefix, tool, "--test", str(path)) for tool in _TOOLS if shutil.which(tool)}
