"""The command as a user runs it: a process of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLE = "fixtures/example"
GATEWAY = f"{EXAMPLE}/print-gateway.rules"
SITE = ("--site", f"{EXAMPLE}/site.yaml")


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended: exit status, stdout, stderr."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """What stdout holds, as JSON."""
        return json.loads(self.out)


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run that leaves the user's own home alone."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PORTPROOF_DEBUG")}
    state = str(home / "state")
    return {**kept, "HOME": str(home), "XDG_STATE_HOME": state, "LOCALAPPDATA": state, "PYTHONUTF8": "1", **more}


def finished(command: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: str | bytes = "") -> Run:
    """Run `command` to its end."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(command, input=given, capture_output=True, cwd=cwd, env=env, timeout=300, check=False)
    return Run(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


def portproof(home: Path, *arguments: str, cwd: Path = ROOT, stdin: str | bytes = "", **more: str) -> Run:
    """`portproof ARGUMENTS` in the folder `cwd`; `more` are environment variables."""
    return finished([sys.executable, "-m", "validator", *arguments], cwd, environment(home, more), stdin)


def copied_example(folder: Path) -> Path:
    """The example's files in a new folder of their own."""
    return Path(shutil.copytree(ROOT / EXAMPLE, folder))
