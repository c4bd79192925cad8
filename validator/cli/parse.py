"""`portproof parse`: only read the exports; for editors and for the second pre-commit hook."""

from __future__ import annotations

import click

from validator.cli import options
from validator.cli.run import complain


def _kinds(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print every kind of export, by platform, and end."""
    if not wanted or ctx.resilient_parsing:
        return
    from validator.dialects import registry

    for dialect in sorted(registry(), key=lambda dialect: (dialect.PLATFORM, dialect.NAME)):
        click.echo(f"{dialect.NAME}: {dialect.TITLE}")
    ctx.exit()


@click.command(name="parse")
@options.exports(required=True)
@click.option("--skip-unknown", is_flag=True, help="Pass over files that are no firewall export at all.")
@click.option(
    "--kinds",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_kinds,
    help="List the kinds of exports that are read, with the commands that make them, and exit.",
)
@click.option("--quiet", is_flag=True, help="Name only the files with something not understood.")
def command(exports: tuple[str, ...], skip_unknown: bool, quiet: bool) -> int:
    """Only read exports, and say of each what was understood.

    Exits with 1 where a line was not understood, with 2 where a file cannot be read.
    """
    from validator.errors import UnknownExportError
    from validator.reports.safe_text import plain

    loaded = options.loaded(exports, None)
    status = 0
    for export in loaded.exports:
        counts = export.ledger.counts()
        unread = export.ledger.unsupported()
        if unread or not quiet:
            click.echo(
                f"{plain(export.source.path)}: {export.dialect.NAME}, {counts['total']:,} lines: "
                f"{counts['modelled']:,} modelled, {counts['ignored']:,} ignored, "
                f"{counts['conditional']:,} conditional, {counts['unsupported']:,} not understood"
            )
        for line in unread[:20]:
            status = 1
            span = export.source.span(line)
            click.echo(f"{plain(span.path)}:{line}: not understood: {plain(span.text).strip()[:300]}")
        if len(unread) > 20:
            click.echo(f"{plain(export.source.path)}: and {len(unread) - 20} more lines not understood")
    for error in loaded.errors:
        if not (skip_unknown and isinstance(error, UnknownExportError)):
            complain(error)
            status = 2
    return status
