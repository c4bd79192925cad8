"""What `portproof explain` tells: of a rule of the catalogue, or of a finding or result of a report."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from validator.errors import RequestError
from validator.reports.safe_text import plain
from validator.reports.wording import box_text, packet_text
from validator.rules import CatalogueRule

WIDTH = 100


def rule_document(rule: CatalogueRule) -> dict[str, object]:
    """A rule as JSON."""
    return {
        "id": rule.id,
        "name": rule.name,
        "severity": rule.severity.value,
        "subject": rule.subject,
        "when": rule.when.text,
        "message": rule.message.text,
        "why": rule.why,
        "fix": rule.fix,
        "references": list(rule.references),
        "file": rule.path,
    }


def explain_rule(rule: CatalogueRule) -> str:
    """A rule for people."""
    lines = [f"{rule.id} {rule.name} ({rule.severity.value})", ""]
    lines += _paragraph("Fires when", f"{rule.when.text}   (of each {rule.subject})")
    lines += _paragraph("Says", rule.message.text)
    lines += _paragraph("Why", rule.why)
    lines += _paragraph("How to fix", rule.fix)
    lines += ["References:", *(f"  {reference}" for reference in rule.references)]
    return "\n".join(lines) + "\n"


def explain_in_report(wanted: str, report: Mapping[str, Any], catalogue: Sequence[CatalogueRule]) -> str:
    """A finding by its fingerprint or the beginning of it, or a result by its id, with what is behind it.

    Raises RequestError where the report has none such, or several.
    """
    if not wanted:
        raise RequestError("the name of what to explain is empty", "write a rule, a fingerprint or a result's id")
    findings = [each for each in report.get("findings", ()) if str(each.get("fingerprint", "")).startswith(wanted)]
    if len(findings) > 1 and len({each["fingerprint"] for each in findings}) > 1:
        several = ", ".join(str(each["fingerprint"])[:12] for each in findings[:8])
        raise RequestError(f"{wanted!r} begins {len(findings)} fingerprints", f"write more of it: {several}")
    results = {str(each.get("id")): each for each in report.get("results", ())}
    if findings:
        return "\n".join(_finding(findings[0], results, {rule.id: rule for rule in catalogue})) + "\n"
    if wanted in results:
        related = [each for each in report.get("findings", ()) if each.get("result") == wanted]
        return "\n".join([*_result(results[wanted]), *_related(related)]) + "\n"
    alike = [name for name in results if wanted in name][:5]
    ids = "; ".join(alike) or "PP001, a fingerprint of portproof check --format json, or a result's id"
    raise RequestError(f"no rule, finding or result is called {wanted!r}", f"try: {ids}")


def _paragraph(heading: str, text: str) -> list[str]:
    return [*textwrap.wrap(f"{heading}: {plain(text)}", WIDTH, subsequent_indent="  "), ""]


def _finding(
    finding: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]], catalogue: Mapping[str, CatalogueRule]
) -> Iterator[str]:
    yield plain(f"{str(finding['severity']).upper()} {finding['rule']} {finding['message']}")
    yield f"  {_place(finding)}"
    yield f"  fingerprint {plain(str(finding['fingerprint']))}"
    rule = catalogue.get(str(finding["rule"]))
    if rule:
        yield ""
        yield from _paragraph("Why", rule.why)
        yield from _paragraph("How to fix", rule.fix)
    result = results.get(str(finding.get("result")))
    if result:
        yield from _result(result)


def _place(entry: Mapping[str, Any]) -> str:
    where = f"{entry.get('file')}:{entry.get('line')}" if entry.get("line") else str(entry.get("file") or "")
    text = str(entry.get("text") or "").strip()
    return plain(f"{where}: {text}" if text else where)


def _result(result: Mapping[str, Any]) -> Iterator[str]:
    ports = ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in result["ports"])
    yield plain(
        f"{result['id']}: {str(result['verdict']).upper()}"
        + (" (restricted: some peers get through, and nobody declared them)" if result.get("restricted") else "")
    )
    yield plain(
        f"  {result.get('module_name') or result['module']}, {result['direction']} {result['protocol']} {ports}, "
        f"{result['family']}, peers {', '.join(result['peers'])}, through {result['firewall']}"
    )
    for blame in result.get("blame", ()):
        default = " (a default that stands in no line)" if blame.get("implicit") else ""
        yield plain(f"  {blame['leg']} {blame['action']} by {_place(blame)}{default}")
    for name in ("accepted", "blocked"):
        boxes = [box_text(box) or "everything asked for" for box in result.get(name, ())]
        for box in boxes[:8]:
            yield plain(f"  {name}: {box}")
        if len(boxes) > 8:
            yield f"  {name}: and {len(boxes) - 8} more"
        packet = result["witness"].get(name)
        if packet:
            yield plain(f"  {name}, for example: {packet_text(packet)}")
    for condition in result.get("conditions", ()):
        value = {True: "taken as true", False: "taken as false"}.get(condition.get("assumed"), "open")
        yield plain(f"  depends on: {condition['text']} ({value})")
    for miss in result.get("near_misses", ()):
        yield plain(f"  {_miss(miss)}: {_place(miss)}")
    for each in result.get("forwards", ()):
        yield plain(f"  connections to {each['listen']} are forwarded to {each['to']}: {_place(each)}")
        for blame in each.get("blocked_by", ()):
            yield plain(f"    onward, {blame['leg']} {blame['action']} by {_place(blame)}")


def _miss(miss: Mapping[str, Any]) -> str:
    """What keeps a rule from helping. Reports of older versions have the reason alone."""
    made_for = ", ".join(str(item) for key in ("addresses", "programs") for item in miss.get(key, ()))
    made_for = f" (it is for {made_for})" if made_for else ""
    if miss["why"] == "some-addresses":
        return f"opens it for some addresses{made_for}"
    by = f" by {miss['by']['file']}:{miss['by']['line']}" if miss.get("by") else ""
    return f"would open it, but {', '.join((str(miss['why']), *map(str, miss.get('also', ()))))}{by}{made_for}"


def _related(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for finding in findings:
        yield plain(
            f"  {finding['severity']} {finding['rule']} {finding['message']} ({str(finding['fingerprint'])[:12]})"
        )
