"""`portproof check`: the main job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

import click

from validator.cli import options
from validator.cli.run import complain
from validator.errors import UserError

if TYPE_CHECKING:
    from validator.packets.fields import Family
    from validator.results import Report

_FORMATS = ("text", "json", "markdown", "sarif")
_SEVERITIES = ("error", "warning", "note", "never")


@click.command(name="check")
@options.exports(required=False)
@options.policy
@options.site
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True)
@options.output
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    default="error",
    show_default=True,
    help="Exit with 1 where a finding is at least this grave.",
)
@click.option(
    "--family",
    type=click.Choice(("ipv4", "ipv6", "both")),
    help="Which address family to judge [default: as exported].",
)
@click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A setting of the policy: database=mysql.")
@options.withdraw
@click.option(
    "--color", type=click.Choice(("auto", "always", "never")), default="auto", help="Colour [default: on a terminal]."
)
def command(
    exports: tuple[str, ...],
    policy_name: str,
    site_path: str | None,
    form: str,
    output: str | None,
    fail_on: str,
    family: str | None,
    pairs: tuple[str, ...],
    withdraw: tuple[str, ...],
    color: str,
) -> int:
    """Prove which ports of an application get through.

    An EXPORT is a file: iptables-save, netsh advfirewall, aws ec2 describe-security-groups and so on, known by
    its content; HOST=a.txt,b.txt says that files are of one host. Without --site every module is looked for on
    every host, and peers are anybody.
    """
    policy, site = options.policy_and_site(policy_name, site_path)
    settings = options.settings(pairs, policy)
    withdrawn = options.withdrawn(withdraw)
    loaded = options.loaded(exports, site)
    for error in loaded.errors:
        complain(error)
    if not loaded.exports:
        return 2

    from validator import rules
    from validator.check import CheckOptions, check

    checked = check(loaded, policy, site, CheckOptions(_families(family), withdrawn, settings))
    for error in checked.errors:
        complain(error)
    errors: tuple[UserError, ...] = (*loaded.errors, *checked.errors)
    report = rules.judge(checked, rules.load(), tuple(map(str, errors)))
    _remember(report)
    if form == "text" and output is None and _wants_colour(color):
        _on_terminal(report, color)
    else:
        from validator.reports import formats

        options.write(formats()[form].render(report), output)
    if errors:
        return 2
    return int(_fails(report, fail_on))


def _families(name: str | None) -> tuple[Family, ...] | None:
    from validator.packets.fields import Family

    if name is None:
        return None
    return tuple(Family) if name == "both" else (Family(name),)


def _fails(report: Report, fail_on: str) -> bool:
    from validator.results import Severity

    if fail_on == "never":
        return False
    return any(finding.severity.rank <= Severity(fail_on).rank for finding in report.findings)


def _remember(report: Report) -> None:
    """Keep the report for `portproof explain`; a folder that cannot be written is no reason to stop."""
    from validator import last_report
    from validator.reports.json_report import document

    last_report.keep(document(report))


def _wants_colour(color: str) -> bool:
    import os

    if color == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return color == "always"


def _on_terminal(report: Report, color: str) -> None:
    from rich.console import Console

    from validator.reports.text import render_terminal

    forced = color == "always"  # the command line is above NO_COLOR and TERM
    system: Literal["auto", "standard"] = "standard" if forced else "auto"
    console = Console(
        force_terminal=forced or None, color_system=system, no_color=False if forced else None, highlight=False
    )
    render_terminal(report, console)
