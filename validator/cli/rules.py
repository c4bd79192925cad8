"""`portproof rules`: the catalogue."""

from __future__ import annotations

import json

import click


@click.command(name="rules")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
def command(form: str) -> int:
    """List the rules of the catalogue; `portproof explain ID` tells more of one."""
    from validator import rules
    from validator.explain import rule_document

    found = rules.load()
    if form == "json":
        click.echo(json.dumps([rule_document(rule) for rule in found], indent=2))
        return 0
    width = max(len(rule.name) for rule in found)
    for rule in found:
        click.echo(f"{rule.id}  {rule.severity.value:<7}  {rule.name:<{width}}  {rule.why.partition('.')[0]}.")
    return 0
