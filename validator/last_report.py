"""The JSON report of the last check, kept for `portproof explain`; see docs/decisions/0004-last-report.md."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validator.errors import RequestError


def location() -> Path:
    """Where it is kept: the user's state folder (XDG Base Directory Specification; %LOCALAPPDATA% on Windows)."""
    base = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA")
    folder = Path(base) if base else Path("~/.local/state").expanduser()
    return folder / "portproof" / "last-report.json"


def keep(document: Mapping[str, object]) -> None:
    """Keep `document`, a JSON report. Where that cannot be done, nothing is kept and nothing is said."""
    with contextlib.suppress(OSError, RuntimeError):
        path = location()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(document), encoding="utf-8")
        temporary.chmod(0o600)
        temporary.replace(path)


def read(path: str | None) -> dict[str, Any]:
    """The JSON report in the file at `path`, or the last one. Raises RequestError."""
    where = Path(path) if path else location()
    name = path or str(where)
    try:
        data = json.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "check the path" if path else "run portproof check first, or name a report with --report FILE"
        raise RequestError("there is no such report", remedy, name) from None
    except (OSError, RuntimeError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is not JSON"
        raise RequestError(f"cannot be read ({reason})", "make one: portproof check --format json", name) from None
    if not isinstance(data, dict) or data.get("schema") != "portproof/report/1":
        raise RequestError("is no report of portproof", "make one: portproof check --format json", name)
    return data
