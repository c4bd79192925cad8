"""Terraform configuration: the .tf files of a module's folder, and of the modules that it calls by path.

Terraform language documentation. What the files do not tell (a variable without a default, a data source) is a
condition that names the expression; a plan tells more.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

from validator.dialects import Fragment
from validator.dialects._hcl_tree import read
from validator.dialects._terraform import account, convert
from validator.dialects._terraform_data import PLATFORM, TerraformFile
from validator.dialects._terraform_modules import called, resources, roots
from validator.errors import UnknownExportError
from validator.packets.fields import Family
from validator.source import Ledger, Source

NAME = "terraform-files"
TITLE = "Terraform configuration (.tf files)"

_BLOCK = re.compile(
    r'\s*((resource|data)\s+"[^"]+"\s+"[^"]+"|(variable|module|output|provider)\s+"[^"]+"|locals|terraform|moved|import)\s*\{'
)


def sniff(source: Source) -> bool:
    """A line that opens one of Terraform's blocks, before any line that is no comment and no assignment."""
    for line in source.lines[:2000]:
        text = line.strip()
        if _BLOCK.match(line):
            return True
        if text and not text.startswith(("#", "//", "/*", "*")) and not text.endswith("*/"):
            return False
    return False


def parse(source: Source, ledger: Ledger) -> Fragment:
    """The blocks in `source`. Raises ExportError where it is no configuration, or too long to be read in good time."""
    name = posixpath.basename(source.path)
    if name == "override.tf" or name.endswith("_override.tf"):
        problem = "this file overrides others when Terraform merges them"
        raise UnknownExportError(problem, "pass the plan: terraform show -json PLAN", source.path, 1)
    file = TerraformFile(source.path, posixpath.normpath(posixpath.dirname(source.path)), read(source))
    found, calls = resources([file])
    account(found, calls, source, ledger)
    return Fragment(NAME, PLATFORM, source.path, file, tuple(Family))


def grouped(fragments: Sequence[Fragment]) -> tuple[str, ...]:
    """The host of each file that nobody named a host: its folder, or the one whose module calls it."""
    files = [fragment.data for fragment in fragments if isinstance(fragment.data, TerraformFile)]
    tops = {folder: root for root in reversed(roots(files)) for folder in _reached(root, files)}
    names = [Path(root).absolute().name or "terraform" for root in sorted(set(tops.values()))]
    hosts = []
    for file in files:
        root = tops[file.folder]
        name = Path(root).absolute().name or "terraform"
        hosts.append(name if names.count(name) == 1 else root)
    return tuple(hosts)


def _reached(root: str, files: Sequence[TerraformFile]) -> set[str]:
    found, waiting = {root}, [root]
    while waiting:
        folder = waiting.pop()
        new = {name for file in files if file.folder == folder for name in called(file)} - found
        found |= new
        waiting += new
    return found


__all__ = ["NAME", "PLATFORM", "TITLE", "convert", "grouped", "parse", "sniff"]
