"""The JSON report of the last check, kept for `portproof explain`; see docs/decisions/0004-last-report.md."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from validator.errors import RequestError

_SCHEMA = Path(__file__).parent / "schemas" / "report.schema.json"


def location() -> Path:
    """Where it is kept: the user's state folder (XDG Base Directory Specification; %LOCALAPPDATA% on Windows)."""
    bases = (os.environ.get("XDG_STATE_HOME"), os.environ.get("LOCALAPPDATA"))
    base = next((base for base in bases if base and Path(base).is_absolute()), None)
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
    name = path or "the last report"
    try:
        where = Path(path) if path else location()
        name = str(where)
        data = json.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "check the path" if path else "run portproof check first, or name a report with --report FILE"
        raise RequestError("there is no such report", remedy, name) from None
    except (OSError, RuntimeError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is not JSON"
        raise RequestError(f"cannot be read ({reason})", "make one: portproof check --format json", name) from None
    if not isinstance(data, dict) or data.get("schema") != "portproof/report/1":
        raise RequestError("is no report of portproof", "make one: portproof check --format json", name)
    _hold_to_schema(data, name)
    return data


def _hold_to_schema(data: Mapping[str, object], name: str) -> None:
    import jsonschema

    schema = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(data))
    if error is not None:
        where = "/".join(map(str, error.absolute_path)) or "the report"
        raise RequestError(
            f"is no whole report ({where}: {error.message[:200]})", "make one: portproof check --format json", name
        )
