"""Hosts that drop IPv6 neighbour discovery: they and those on their links do not find each other."""

from __future__ import annotations

from collections.abc import Iterator

from validator.check import Checked
from validator.engine.neighbours import Unheard
from validator.facts import line_text
from validator.packets.fields import Family
from validator.results import Subject, Value, Verdict


def neighbour_subjects(checked: Checked) -> Iterator[Subject]:
    """A subject for each line that drops it, in or out, where something is not blocked anyway."""
    for each in checked.unheard:
        reached = [
            result
            for result in checked.report.results
            if (result.host, result.family) == (each.host, Family.IPV6) and not result.local
        ]
        results = sum(result.verdict is not Verdict.BLOCKED for result in reached)
        if results:
            facts: dict[str, Value] = {
                "host": each.host,
                "where": each.host if each.everywhere else f"{each.host}, interface {_listed(each)}",
                "firewall": each.firewall,
                "what": each.what,
                "way": each.way,
                "line": line_text(each.span),
                "results": results,
            }
            yield Subject("neighbours", facts, each.span, f"neighbours {each.hook} {each.what}")


def _listed(found: Unheard) -> str:
    return ", ".join("any other" if name == "+" else name for name in found.names)
