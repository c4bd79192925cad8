"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from validator.errors import RequestError

if TYPE_CHECKING:
    from validator.hosts import Loaded
    from validator.policy import Policy
    from validator.site import Site

DEFAULT_POLICY = "ol-connect"
_Function = TypeVar("_Function", bound=Callable[..., Any])

policy = click.option(
    "--policy",
    "policy_name",
    default=DEFAULT_POLICY,
    show_default=True,
    metavar="NAME|FILE",
    help="What must get through.",
)
site = click.option(
    "--site", "site_path", metavar="FILE", help="Where modules run, who talks to whom, which export is whose (YAML)."
)
withdraw = click.option(
    "--withdraw",
    multiple=True,
    metavar="NAME",
    help="Take an assumption back (see the report's ASSUMED); what rested on it becomes unknown.",
)
output = click.option("-o", "--output", metavar="FILE", help="Write the result to FILE instead of stdout.")


def exports(required: bool) -> Callable[[_Function], _Function]:
    """The argument EXPORT..."""
    return click.argument("exports", nargs=-1, required=required, metavar="EXPORT...")


def withdrawn(names: Sequence[str]) -> frozenset[str]:
    """The assumptions taken back. Raises RequestError for a name that is none."""
    from validator.assumptions import ASSUMPTIONS

    for name in names:
        if name not in ASSUMPTIONS:
            raise RequestError(f"no assumption is called {name!r}", "assumptions: " + ", ".join(ASSUMPTIONS))
    return frozenset(names)


def policy_and_site(policy_name: str, site_path: str | None) -> tuple[Policy, Site | None]:
    """The policy and the site asked for. Raises PolicyError and SiteError."""
    from validator import policy_file

    found = policy_file.load(policy_name)
    if site_path is None:
        return found, None
    from validator import site_file

    return found, site_file.load(site_path, found)


def loaded(arguments: Sequence[str], site_found: Site | None) -> Loaded:
    """The exports asked for. Raises RequestError where none are named at all."""
    from validator.hosts import load

    if "" in arguments:
        raise RequestError("the name of an export is empty", "name a file; a variable of the shell may be unset")
    found = load(arguments, site_found)
    if not (found.exports or found.errors):
        raise RequestError("no export was named", "pass the files to check, or a --site with exports: in it")
    return found


def settings(pairs: Sequence[str], policy_found: Policy) -> Mapping[str, object]:
    """`NAME=VALUE` pairs as settings of the policy. Raises RequestError for a name or value it does not have."""
    found: dict[str, object] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if name not in policy_found.settings:
            known = ", ".join(policy_found.settings) or "none"
            raise RequestError(f"--set {pair}: no setting is called {name!r}", f"write NAME=VALUE; settings: {known}")
        if not sign:
            raise RequestError(f"--set {pair}: the value is missing", f"write {name}=VALUE")
        allowed = policy_found.settings[name]
        value: object = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}.get(
            text.lower(), text
        )
        if allowed and not any(value == one and type(value) is type(one) for one in allowed):
            listed = ", ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in allowed)
            raise RequestError(f"--set {pair}: {name} cannot be {text!r}", f"write one of: {listed}")
        found[name] = value
    return found


def write(text: str, path: str | None) -> None:
    """Write a result to stdout, or whole or not at all to the file at `path`. Raises RequestError."""
    if path is None or path == "-":
        sys.stdout.write(text)
        return
    target = Path(path)
    try:
        replace_file(target, text)
    except OSError as error:
        remedy = "check the folder and its rights"
        raise RequestError(f"cannot be written ({error.strerror or error})", remedy, path) from None


def replace_file(target: Path, text: str) -> None:
    """Write `text` as UTF-8 to `target` in one step, so that nobody reads half of it. Raises OSError."""
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8", newline="\n")  # a device or a pipe
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
