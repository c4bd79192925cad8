"""The catalogue of rules: read from `rules/*.yaml`, and applied to what a check found.

A rule is a file `ID-name.yaml` that follows `schemas/rule.schema.json`: `when` is a condition over
the facts of its kind of subject (see `facts.py` and `expressions.py`), `message` a template in
which `{fact}` stands for a fact's value.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from validator import yaml_lines
from validator.check import Checked
from validator.errors import RuleError
from validator.expressions import Expression, compile_expression
from validator.facts import FACTS, wording
from validator.resources import folder as bundled_folder
from validator.results import Finding, Report, RuleText, Severity, Subject, Value
from validator.subjects import subjects

_FINGERPRINT = 32


class Template(Struct, frozen=True):
    """A message with places for facts: `parts` are literal texts and names of facts, in turn."""

    text: str
    parts: tuple[tuple[str, str | None], ...]

    def render(self, facts: Mapping[str, Value]) -> str:
        """The message for these facts, as one line of plain text."""
        return "".join(literal if name is None else literal + wording(facts[name]) for literal, name in self.parts)


class CatalogueRule(Struct, frozen=True):
    """A rule: `when` holds for a subject of kind `subject` -> a finding with this `severity`.

    `why`, `fix` and `references` are for people; `path` is the file it came from (relative where bundled).
    """

    id: str
    name: str
    severity: Severity
    subject: str
    when: Expression
    message: Template
    why: str
    fix: str
    references: tuple[str, ...]
    path: str


def load(folder: Path | None = None) -> tuple[CatalogueRule, ...]:
    """The rules of `folder` by id, or those that come with Portproof.

    A bundled rule is not held to the schema again: the tests do that, and jsonschema takes long to
    import. Raises RuleError where a file is not a rule, or where two have one id.
    """
    return _bundled() if folder is None else _folder(folder, str(folder).replace("\\", "/"), checked=False)


@cache
def _bundled() -> tuple[CatalogueRule, ...]:
    return _folder(bundled_folder("rules"), "rules", checked=True)


def _folder(folder: Path, shown: str, *, checked: bool) -> tuple[CatalogueRule, ...]:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise RuleError("no rule files (*.yaml) here", "name the folder that holds the rules", shown)
    found: dict[str, CatalogueRule] = {}
    for file in files:
        rule = _read(file, f"{shown}/{file.name}", checked=checked)
        if rule.id in found:
            other = found[rule.id].path
            raise RuleError(f"the id {rule.id} is taken by {other}", "give it another id", rule.path, 1)
        found[rule.id] = rule
    return tuple(found[identity] for identity in sorted(found))


def _read(file: Path, shown: str, *, checked: bool) -> CatalogueRule:
    document = replace(yaml_lines.read(str(file), RuleError), path=shown)
    if not checked:
        yaml_lines.validate(document, "rule", RuleError)
    data = document.data
    facts = FACTS[data["subject"]]
    stem = f"{data['id']}-{data['name']}"
    if file.stem != stem:
        raise RuleError(f"the file of rule {stem} has another name", f"call it {stem}.yaml", shown, 1)
    return CatalogueRule(
        id=data["id"],
        name=data["name"],
        severity=Severity(data["severity"]),
        subject=data["subject"],
        when=compile_expression(" ".join(data["when"].split()), facts, shown, document.line(("when",))),
        message=_template(" ".join(data["message"].split()), facts, shown, document.line(("message",))),
        why=" ".join(data["why"].split()),
        fix=" ".join(data["fix"].split()),
        references=tuple(data["references"]),
        path=shown,
    )


def _template(text: str, known: Iterable[str], path: str, line: int) -> Template:
    """Compile a message; only bare names in braces are let in, so that no template can do more."""
    parts: list[tuple[str, str | None]] = []
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError as error:
        raise RuleError(f"the message cannot be read ({error})", "write {{ for a brace", path, line) from None
    for literal, name, form, conversion in pieces:
        if form or conversion or (name is not None and not name.isidentifier()):
            raise RuleError(f"the message has {{{name}}} with more than a name", "write {name}", path, line)
        if name is not None and name not in known:
            names = ", ".join(sorted(known))
            raise RuleError(f"the message names an unknown fact {name!r}", f"known: {names}", path, line)
        parts.append((literal, name))
    return Template(text, tuple(parts))


def judge(checked: Checked, catalogue: Sequence[CatalogueRule], errors: Sequence[str] = ()) -> Report:
    """The report of a check with the findings of `catalogue`, gravest first, and the texts of its rules.

    `errors` are the mistakes of the user that go into the report. Findings are sorted by severity, host,
    the policy's order of modules, and rule.
    """
    by_kind: dict[str, list[CatalogueRule]] = {}
    for rule in catalogue:
        by_kind.setdefault(rule.subject, []).append(rule)
    fired = [
        (rule, subject)
        for subject in subjects(checked)
        for rule in by_kind.get(subject.kind, ())
        if rule.when.test(subject.facts)
    ]
    order = {module.id: position for position, module in enumerate(checked.report.policy.modules)}
    modules = {result.id: order.get(result.module, len(order)) for result in checked.report.results}
    ranks = {severity: severity.rank for severity in Severity}

    def place(found: tuple[CatalogueRule, Subject]) -> tuple[int, str, int, str]:
        rule, subject = found
        return ranks[rule.severity], str(subject.facts["host"]), modules.get(subject.result or "", -1), rule.id

    return replace(
        checked.report,
        findings=tuple(_findings(sorted(fired, key=place))),
        rules=tuple(map(rule_text, catalogue)),
        errors=tuple(errors),
    )


def rule_text(rule: CatalogueRule) -> RuleText:
    """What reports say about a rule."""
    return RuleText(rule.id, rule.name, rule.severity, rule.message.text, rule.why, rule.fix, rule.references)


def _findings(fired: Iterable[tuple[CatalogueRule, Subject]]) -> Iterable[Finding]:
    seen: dict[str, int] = {}
    for rule, subject in fired:
        fingerprint = _fingerprint(rule, subject)
        seen[fingerprint] = seen.get(fingerprint, 0) + 1
        if seen[fingerprint] > 1:
            fingerprint += f"-{seen[fingerprint]}"
        yield Finding(
            rule=rule.id,
            name=rule.name,
            severity=rule.severity,
            message=rule.message.render(subject.facts),
            span=subject.span,
            fingerprint=fingerprint,
            result=subject.result,
            blame=subject.blame,
        )


def _fingerprint(rule: CatalogueRule, subject: Subject) -> str:
    """What stays the same when an export is made again: no line numbers, counters or folders."""
    text = "\0".join((rule.id, str(subject.facts["host"]), subject.stable))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_FINGERPRINT]
