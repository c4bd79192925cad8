"""The findings as SARIF 2.1.0 (OASIS), within the limits of GitHub's code scanning.

GitHub refuses a file in which one result has no location, keeps about 5,000 results, and takes
`primaryLocationLineHash` for the identity of an alert.
"""

from __future__ import annotations

from validator import __version__
from validator.reports.safe_text import clip, json_text, plain
from validator.reports.sarif_location import location
from validator.reports.wording import decider, worst_first
from validator.results import Blame, Finding, Report, RuleText, Severity

NAME = "sarif"
MOST_RESULTS = 5000
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_MOST_RELATED = 20
_SECURITY_SEVERITY = {Severity.ERROR: "7.0", Severity.WARNING: "5.0", Severity.NOTE: "2.0"}

Object = dict[str, object]


def render(report: Report) -> str:
    """One SARIF log with one run; worst findings first, at most MOST_RESULTS of them."""
    rules = _rules(report)
    indexes = {rule.id: at for at, rule in enumerate(rules)}
    kept = worst_first(report.findings)[:MOST_RESULTS]
    run: Object = {
        "tool": {
            "driver": {
                "name": "Portproof",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "invocations": [_invocation(report)],
        "results": [_result(finding, indexes[finding.rule], report.policy.path) for finding in kept],
        "columnKind": "unicodeCodePoints",
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rules(report: Report) -> list[RuleText]:
    """The rules of the report, by id, with a bare one for each that only a finding names."""
    known = {finding.rule: RuleText(finding.rule, finding.name, finding.severity) for finding in report.findings}
    known |= {rule.id: rule for rule in report.rules}
    return [known[name] for name in sorted(known)]


def _line(*texts: str) -> str:
    """The first of `texts` with anything in it, as one line. Braces are doubled (SARIF 3.11.5), and
    what would be a link inside a message (3.11.6) is broken."""
    shown = next((text for text in map(plain, texts) if text.strip()), "-")
    return clip(shown, 2000).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _rule(rule: RuleText) -> Object:
    title = rule.name.replace("-", " ").strip().capitalize()
    paragraphs = [rule.why, f"How to fix: {rule.fix}" if rule.fix.strip() else "", *rule.references]
    shown = [_line(each) for each in paragraphs if plain(each).strip()] or [_line(title, rule.id)]
    written: Object = {
        "id": _line(rule.id),
        "name": _line(rule.name, rule.id),
        "shortDescription": {"text": _line(title, rule.id)},
        "fullDescription": {"text": _line(rule.why, title, rule.id)},
        "help": {"text": "\n".join(shown), "markdown": "\n\n".join(shown)},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"security-severity": _SECURITY_SEVERITY[rule.severity], "tags": ["security", "firewall"]},
    }
    link = next((each for each in rule.references if each.startswith(("https://", "http://"))), None)
    return written if link is None or not link.isascii() or " " in link else {**written, "helpUri": link}


def _result(finding: Finding, index: int, policy: str) -> Object:
    written: Object = {
        "ruleId": _line(finding.rule),
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": _line(finding.message, finding.name, finding.rule)},
        "locations": [location(finding.span, policy)],
    }
    if finding.fingerprint:
        written["partialFingerprints"] = {"primaryLocationLineHash": finding.fingerprint}
    others = [blame for blame in finding.blame if blame.span != finding.span][:_MOST_RELATED]
    if others:
        written["relatedLocations"] = [_related(blame, at, policy) for at, blame in enumerate(others)]
    if finding.result:
        written["properties"] = {"result": plain(finding.result) or "-"}
    return written


def _related(blame: Blame, number: int, policy: str) -> Object:
    told = f"{blame.leg}: {blame.action}" + (f", {decider(blame)}" if blame.implicit else "")
    return {"id": number, **location(blame.span, policy), "message": {"text": _line(told)}}


def _invocation(report: Report) -> Object:
    """Whether all went well, and what did not; a log that was cut says so."""
    notes: list[Object] = [{"level": "error", "message": {"text": _line(error)}} for error in report.errors]
    left = len(report.findings) - MOST_RESULTS
    if left > 0:
        told = f"{left} findings are left out here: a log holds at most {MOST_RESULTS}, worst first"
        notes.append({"level": "warning", "message": {"text": told}})
    written: Object = {"executionSuccessful": not report.errors}
    return {**written, "toolExecutionNotifications": notes} if notes else written
