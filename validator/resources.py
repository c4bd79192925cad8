"""The folders that come with Portproof, in the wheel or in a checkout."""

from __future__ import annotations

from pathlib import Path

from validator.errors import DefectError

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The bundled folder `policy` or `rules`. Raises DefectError where the installation lacks it."""
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise DefectError(f"the bundled folder {name} is missing")
