"""`portproof graph`: the network as a drawing."""

from __future__ import annotations

import click

from validator.cli import options
from validator.cli.run import complain


@click.command(name="graph")
@options.exports(required=False)
@options.policy
@options.site
@click.option(
    "--format", "form", type=click.Choice(("mermaid", "dot", "graphml")), default="mermaid", show_default=True
)
@options.output
def command(exports: tuple[str, ...], policy_name: str, site_path: str | None, form: str, output: str | None) -> int:
    """Draw hosts, modules and peers, with the firewalls between them."""
    policy, site = options.policy_and_site(policy_name, site_path)
    loaded = options.loaded(exports, site)
    for error in loaded.errors:
        complain(error)
    if not loaded.exports:
        return 2
    from validator.check import choose_families
    from validator.graph import build
    from validator.graph_drawing import DRAWINGS
    from validator.hosts import firewalls

    found = firewalls(loaded, choose_families(loaded, site), site=site)
    graph = build([each for each in found if each.chains], policy, site)
    options.write(DRAWINGS[form](graph), output)
    return 2 if loaded.errors else 0
