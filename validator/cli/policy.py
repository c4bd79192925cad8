"""`portproof policy`: what applications need."""

from __future__ import annotations

import click

from validator.cli import options


@click.group(name="policy", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """List, show and validate policies: what applications need."""


@command.command(name="list")
def listing() -> int:
    """The policies that come with Portproof."""
    from validator import policy_file

    for name in policy_file.bundled():
        found = policy_file.load(name)
        click.echo(f"{name}  {found.version}  {found.title}: {len(found.modules)} modules")
    return 0


@command.command(name="show")
@click.argument("name", default=options.DEFAULT_POLICY, metavar="NAME|FILE")
def show(name: str) -> int:
    """The modules of a policy, with their port entries, and its settings."""
    from validator import policy_file
    from validator.policy_text import policy_text

    options.write(policy_text(policy_file.load(name)), None)
    return 0


@command.command(name="validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def validate(files: tuple[str, ...]) -> int:
    """Hold policy files to the schema and to themselves."""
    from validator import policy_file
    from validator.cli.run import complain
    from validator.errors import UserError
    from validator.reports.safe_text import plain

    wrong = 0
    for path in files:
        try:
            found = policy_file.load(path)
            click.echo(plain(f"{path}: good: {found.title}, {len(found.modules)} modules"))
        except UserError as error:
            complain(error)
            wrong = 2
    return wrong
