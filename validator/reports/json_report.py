"""The report as JSON, a contract: `schemas/report.schema.json`. Fields are added, never changed."""

from __future__ import annotations

from validator import __version__
from validator.reports.safe_text import json_text
from validator.reports.wording import worst_first
from validator.results import (
    Blame,
    ConditionUse,
    ExportSummary,
    Finding,
    NearMiss,
    PacketJson,
    Report,
    Result,
)
from validator.source import Span

NAME = "json"
SCHEMA = "portproof/report/1"
_MOST_LINES = 100

Object = dict[str, object]


def render(report: Report) -> str:
    """The report as one JSON document, keys in the contract's order."""
    return json_text(document(report))


def document(report: Report) -> Object:
    """What `render` writes."""
    policy = report.policy
    return {
        "schema": SCHEMA,
        "tool": {"name": "portproof", "version": __version__},
        "policy": {"id": policy.id, "version": policy.version, "title": policy.title},
        "exports": [_export(export) for export in report.exports],
        "results": [_result(result) for result in report.results],
        "findings": [_finding(finding) for finding in worst_first(report.findings)],
        "summary": report.summary(),
        "skipped": [
            {"host": each.host, "module": each.module, "port_entry": each.port_entry, "reason": each.reason}
            for each in report.skipped
        ],
        "assumptions": dict(report.assumptions),
        "errors": list(report.errors),
    }


def _export(export: ExportSummary) -> Object:
    return {
        "path": export.path,
        "dialect": export.dialect,
        "host": export.host,
        "sha256": export.sha256,
        "lines": {state: export.lines.get(state, 0) for state in _STATES},
        "not_understood": [{"line": span.line, "text": span.text} for span in export.unsupported[:_MOST_LINES]],
    }


_STATES = ("total", "modelled", "ignored", "conditional", "unsupported")


def _result(result: Result) -> Object:
    return {
        "id": result.id,
        "host": result.host,
        "firewall": result.firewall,
        "profile": result.profile,
        "module": result.module,
        "port_entry": result.port_entry,
        "direction": result.direction.value,
        "protocol": result.protocol,
        "ports": [list(interval) for interval in result.ports],
        "family": result.family.value,
        "peers": list(result.peers),
        "local": result.local,
        "verdict": result.verdict.value,
        "accepted": [dict(box) for box in result.accepted],
        "blocked": [dict(box) for box in result.blocked],
        "conditions": [_condition(use) for use in result.conditions],
        "blame": [_blame(blame) for blame in result.blame],
        "witness": {"accepted": _packet(result.witness_accepted), "blocked": _packet(result.witness_blocked)},
        "module_name": result.module_name,
        "peers_declared": result.peers_declared,
        "peer_host": result.peer_host or None,
        "restricted": result.restricted,
        "request": result.request.value,
        "reply": result.reply.value,
        "exposed": result.exposed,
        "alternative": result.alternative or None,
        "alternative_met": result.alternative_met,
        "data_connections": result.data_connections or None,
        "forwards": [
            {
                "listen": each.listen,
                "to": each.to,
                "onward": each.onward,
                **_place(each.span),
                "blocked_by": [_blame(blame) for blame in each.blocked_by],
            }
            for each in result.forwards
        ],
        "near_misses": [_near_miss(miss) for miss in result.near_misses],
    }


def _packet(packet: PacketJson | None) -> Object | None:
    return None if packet is None else dict(packet)


def _condition(use: ConditionUse) -> Object:
    file, line = (use.span.path, use.span.line) if use.span else (None, None)
    return {"text": use.text, "file": file, "line": line, "assumed": use.assumed, "assumption": use.assumption}


def _blame(blame: Blame) -> Object:
    return {
        "leg": blame.leg,
        "action": blame.action,
        **_place(blame.span),
        "implicit": blame.implicit,
        "understood": blame.understood,
    }


def _near_miss(miss: NearMiss) -> Object:
    return {
        "why": miss.why,
        **_place(miss.span),
        "name": miss.name,
        "profiles": list(miss.profiles),
        "also": list(miss.also),
        "programs": list(miss.programs),
        "addresses": list(miss.addresses),
        "by": _place(miss.by) if miss.by else None,
    }


def _place(span: Span) -> Object:
    return {"file": span.path, "line": span.line, "text": span.text}


def _finding(finding: Finding) -> Object:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "file": finding.span.path,
        "line": finding.span.line,
        "result": finding.result,
        "fingerprint": finding.fingerprint,
        "name": finding.name,
        "text": finding.span.text,
        "blame": [_blame(blame) for blame in finding.blame],
    }
