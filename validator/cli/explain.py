"""`portproof explain`: a rule, or a finding or result of a report."""

from __future__ import annotations

import click

from validator.cli import options


@click.command(name="explain")
@click.argument("what", metavar="RULE|FINGERPRINT|RESULT")
@click.option("--report", metavar="FILE", help="A JSON report [default: that of the last check].")
def command(what: str, report: str | None) -> int:
    """Explain a rule of the catalogue (PP001), or a finding or result of the last check.

    A finding is named by its fingerprint or the beginning of it, a result by its id, as in
    `portproof check --format json`.
    """
    from validator import explain, last_report, rules

    catalogue = rules.load()
    rule = next((rule for rule in catalogue if what.upper() == rule.id or what == rule.name), None)
    if rule is not None:
        options.write(explain.explain_rule(rule), None)
        return 0
    options.write(explain.explain_in_report(what, last_report.read(report), catalogue), None)
    return 0
