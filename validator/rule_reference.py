"""The reference of the catalogue in Markdown: `docs/rules.md`, made from the rule files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from validator.rules import CatalogueRule

_HEAD = """# The rules

What Portproof reports, and when. This page is made from the files in `rules/`; `portproof explain ID` tells the same
of one rule, and `make golden` writes the page anew.

| Rule | Name | Severity | Looks at |
|---|---|---|---|
"""


def reference(rules: Sequence[CatalogueRule]) -> str:
    """A table of `rules`, and a section for each."""
    table = "".join(
        f"| [{rule.id}](#{rule.id.lower()}-{rule.name}) | {rule.name} | {rule.severity.value} | {rule.subject} |\n"
        for rule in rules
    )
    return _HEAD + table + "".join("\n" + "\n".join(_section(rule)) + "\n" for rule in rules)


def _section(rule: CatalogueRule) -> Iterator[str]:
    yield f"## {rule.id} {rule.name}"
    yield ""
    yield f"{rule.severity.value.capitalize()}, of each {rule.subject}."
    yield ""
    yield "Fires when:"
    yield ""
    yield from _code(rule.when.text)
    yield ""
    yield "Says:"
    yield ""
    yield from _code(rule.message.text)
    yield ""
    yield f"**Why.** {_prose(rule.why)}"
    yield ""
    yield f"**How to fix.** {_prose(rule.fix)}"
    yield ""
    yield "References:"
    yield ""
    yield from (f"- {_linked(reference)}" for reference in rule.references)


def _code(text: str) -> Iterator[str]:
    yield "```text"
    yield text
    yield "```"


def _prose(text: str) -> str:
    """Prose with what Markdown would take for a tag escaped, code in backquotes left alone."""
    parts = text.split("`")
    return "`".join(part if at % 2 else part.replace("<", "\\<") for at, part in enumerate(parts))


def _linked(reference: str) -> str:
    """A reference with the address at its end made a link."""
    title, found, rest = reference.rpartition("https://")
    return f"{_prose(title)}<{found}{rest}>" if found else _prose(reference)
