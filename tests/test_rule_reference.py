"""`docs/rules.md` is what the rule files say.

`PORTPROOF_UPDATE=1 pytest tests/test_rule_reference.py` writes it anew; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from validator.rule_reference import reference
from validator.rules import CatalogueRule, load

PAGE = Path(__file__).parent.parent / "docs" / "rules.md"


def test_the_page_is_what_the_rule_files_say() -> None:
    shown = reference(load())
    if os.environ.get("PORTPROOF_UPDATE"):
        PAGE.write_text(shown, encoding="utf-8", newline="\n")
    assert shown == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", load(), ids=lambda rule: rule.id)
def test_a_rule_is_told_whole(rule: CatalogueRule) -> None:
    page = reference([rule])
    for text in (f"## {rule.id} {rule.name}", rule.severity.value.capitalize(), rule.when.text, rule.message.text):
        assert text in page
    assert all(part in page for part in rule.references if not part.startswith("https://") and "https://" not in part)


def test_addresses_become_links_and_tags_do_not() -> None:
    rule = replace(load()[0], why="a <b> `<c>`", references=("RFC 1, https://a.example/x", "https://b.example"))
    page = reference([rule])
    assert "a \\<b> `<c>`" in page
    assert "- RFC 1, <https://a.example/x>\n- <https://b.example>\n" in page
