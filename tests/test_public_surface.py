"""What the package shows: its public names, a docstring a module, modules of a readable size."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import validator
from tests.e2e.command import ROOT

MODULES = sorted((ROOT / "validator").rglob("*.py"))
MOST_LINES = 400


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_package_exports_what_it_says() -> None:
    defined = {name for name in vars(validator) if not name.startswith("__")} - submodules()
    assert defined | {"__version__"} == set(validator.__all__)
    assert re.fullmatch(r"\d+\.\d+\.\d+", validator.__version__)


def submodules() -> set[str]:
    """The modules that other tests may have imported into the package."""
    return {path.stem for path in (ROOT / "validator").iterdir()}


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_a_module_says_what_it_is_in_a_readable_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_what_a_module_shows_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    shown = [each for each in tree.body if isinstance(each, kinds) and not each.name.startswith("_")]
    protocol = {"sniff", "parse", "convert", "render"}  # documented once, in the package of the plug-ins
    assert [each.name for each in shown if not ast.get_docstring(each) and each.name not in protocol] == []


def test_the_package_is_typed() -> None:
    assert (ROOT / "validator" / "py.typed").exists()
