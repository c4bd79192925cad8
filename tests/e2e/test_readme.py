"""The README and the docs say what is so: pictures, commands, options, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from tests.e2e.command import ROOT, SITE, portproof
from validator.cli.run import cli

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of `text` in `language`."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_readme_has_two_commands() -> None:
    commands = [line.partition("#")[0].strip() for block in blocks(README, "sh") for line in block.splitlines()]
    assert commands == ["make check", "make test"]


def test_the_readmes_picture_is_what_the_example_prints(tmp_path: Path) -> None:
    printed = portproof(tmp_path, "check", *SITE, "--fail-on", "never").out.splitlines()
    [picture] = blocks(README, "text")
    at = -1
    for line in picture.splitlines():
        if line.strip() not in ("", "..."):
            at = printed.index(line, at + 1)
    assert picture.startswith(printed[0])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_exists(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path = target.partition("#")[0]
        if path and not re.match(r"[a-z]+:", path):
            assert (page.parent / path).exists(), target


def commands(text: str) -> list[list[str]]:
    """Every `portproof ...` of a page, in shell blocks and in inline code, as words."""
    lines = [line for block in blocks(text, "sh") for line in block.splitlines()]
    lines += re.findall(r"(?<!`)`(portproof [^`\n]+)`", text)
    found = []
    for line in lines:
        for part in re.split(r"[|;]|&&", line.partition(" #")[0]):
            words = shlex.split(part)
            if words[:1] == ["portproof"]:
                found.append(words[1:])
    return found


def test_every_command_of_the_docs_exists() -> None:
    found = [words for page in PAGES for words in commands(page.read_text(encoding="utf-8"))]
    assert len(found) > 8
    for words in found:
        command: click.Command = cli
        context = click.Context(cli)
        for word in words:
            if word.startswith("-") and word != "-":
                known = {name for each in command.get_params(context) for name in each.opts}
                assert word.partition("=")[0] in known, words
            elif isinstance(command, click.Group):
                inner = command.get_command(context, word)
                assert inner is not None, words
                command, context = inner, click.Context(inner, parent=context)


def test_every_format_and_word_of_the_docs_is_one() -> None:
    page = (ROOT / "docs/reports.md").read_text(encoding="utf-8")
    options = cli.get_command(click.Context(cli), "check")
    assert options is not None
    [form] = [each for each in options.params if each.name == "form"]
    assert isinstance(form.type, click.Choice)
    assert f"--format {'|'.join(form.type.choices)}" in page


def test_the_docs_packet_is_answered(tmp_path: Path) -> None:
    page = (ROOT / "docs/getting-started.md").read_text(encoding="utf-8")
    found = re.search(r"echo '(.+)' \| portproof trace", page)
    assert found is not None
    run = portproof(tmp_path, "trace", "fixtures/example/print-gateway.rules", "--packets", "-", stdin=found[1])
    assert (run.status, run.out.count("\n"), run.err) == (0, 1, "")


def test_the_docs_site_file_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs/getting-started.md").read_text(encoding="utf-8")
    [text] = blocks(page, "yaml")
    (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    for name, source in (("rules.txt", "connect-server.txt"), ("profiles.txt", "connect-server-profiles.txt")):
        (tmp_path / name).write_bytes((ROOT / "fixtures/example" / source).read_bytes())
    run = portproof(tmp_path, "check", "--site", "site.yaml", "--fail-on", "never", cwd=tmp_path)
    assert (run.status, run.err) == (0, "")
    assert "SMTP Input plugin  2525/tcp" in run.out
