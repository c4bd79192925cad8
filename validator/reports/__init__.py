"""The report formats: one module each, found by themselves.

A format is a module of this package with `NAME`, the word of `--format`, and
`render(report) -> str`: the same report gives the same text, it ends with a newline, can be
encoded as UTF-8 and holds no control character but the newline, whatever the exports hold.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from validator.results import Report


class Format(Protocol):
    """The shape of a format module; see the package's docstring."""

    NAME: str

    def render(self, report: Report) -> str: ...


@cache
def formats() -> dict[str, Format]:
    """Every format by its name, sorted."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found = [cast(Format, module) for module in modules if hasattr(module, "NAME")]
    return {each.NAME: each for each in sorted(found, key=lambda each: each.NAME)}
