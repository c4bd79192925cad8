"""YAML that knows its lines, and what of YAML is refused."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from validator import yaml_lines
from validator.errors import SiteError

ROOT = Path(__file__).parent.parent
SCHEMAS = sorted((ROOT / "validator" / "schemas").glob("*.schema.json"))
PACKAGED = [("policy", file) for file in sorted((ROOT / "policy").glob("*.yaml"))]
PACKAGED += [("rule", file) for file in sorted((ROOT / "rules").glob("*.yaml"))]


def read(folder: Path, text: str | bytes) -> yaml_lines.Document:
    file = folder / "site.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return yaml_lines.read(str(file), SiteError)


def refusal(folder: Path, text: str | bytes) -> SiteError:
    with pytest.raises(SiteError) as caught:
        yaml_lines.validate(read(folder, text), "site", SiteError)
    assert caught.value.path == str(folder / "site.yaml")
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_every_schema_is_one(file: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(file.read_text("utf-8")))


@pytest.mark.parametrize(("schema", "file"), PACKAGED, ids=lambda part: getattr(part, "name", part))
def test_what_comes_with_portproof_follows_its_schema(schema: str, file: Path) -> None:
    """Which is why it is not validated at run time."""
    yaml_lines.validate(yaml_lines.read(str(file), SiteError), schema, SiteError)


def test_every_node_knows_its_line(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  b:\n    - 1\n    - {c: 2,\n       d: 3}\n")
    assert document.data == {"a": {"b": [1, {"c": 2, "d": 3}]}}
    lines = {("a",): 1, ("a", "b"): 2, ("a", "b", 0): 3, ("a", "b", 1, "c"): 4, ("a", "b", 1, "d"): 5}
    assert {way: document.line(way) for way in lines} == lines


def test_a_node_that_is_not_there_has_the_line_of_the_one_above(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  b:\n    - 1\n")
    assert document.line(("a", "b", 7, "x")) == 2
    assert document.line(("z",)) == 1


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("a: 1\nb: [1\n", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' stands twice"),
        ("a:\n  b: 1\n  b: 1\n", 3, "the key 'b' stands twice"),
        ("a: 1\n? [x]\n: 2\n", 2, "a key must be text"),
        ("hosts:\n  1: {}\n", 2, "YAML reads the key 1 as no text"),
        ("hosts:\n  on: {}\n", 2, "YAML reads the key on as no text"),
        ("hosts:\n  ~: {}\n", 2, "YAML reads the key ~ as no text"),
        ("ports:\n  lpd: [20:21]\n", 2, "YAML reads 20:21 as the number 1221"),
        ("ports:\n  lpd:\n  - 0443\n", 3, "YAML reads 0443 as the number 291"),
        ("ports: {lpd: [0x50]}\n", 1, "YAML reads 0x50 as the number 80"),
        ("ports: {lpd: [8_080]}\n", 1, "YAML reads 8_080 as the number 8080"),
        ("a: !!python/object/apply:os.getcwd []\n", 1, "not valid YAML"),
        ("a: 2026-13-45\n", 1, "not valid YAML"),
        ("a: &a [*a]\n", 1, "not valid YAML"),
        ("a: 1\n---\nb: 1\n", 2, "not valid YAML"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, line: int, problem: str) -> None:
    error = refusal(tmp_path, text)
    assert problem in error.problem
    assert error.line == line


def test_quoting_makes_a_key_text(tmp_path: Path) -> None:
    assert read(tmp_path, "hosts:\n  '1': {}\n").data == {"hosts": {"1": {}}}


def test_a_document_that_grows_by_aliases_is_refused(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many values" in refusal(tmp_path, "\n".join(levels)).problem


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    assert "too large" in refusal(tmp_path, b"#" * (yaml_lines.MAX_BYTES + 1)).problem


@pytest.mark.parametrize("depth", [200, 5000, 1_000_000])
def test_a_deeply_nested_document_is_refused(tmp_path: Path, depth: int) -> None:
    assert "not valid YAML (too deep" in refusal(tmp_path, "a: " + "[" * depth + "]" * depth).problem
    assert "not valid YAML (too deep" in refusal(tmp_path, "a: " + "[" * depth).problem


@pytest.mark.parametrize("data", ["hosts: {é: {}}".encode("latin-1"), "a: 1".encode("utf-16")])
def test_other_encodings_are_refused(tmp_path: Path, data: bytes) -> None:
    assert "UTF-8" in refusal(tmp_path, data).problem


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa: b\n").data == {"a": "b"}


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="cannot be read"):
        yaml_lines.read(str(tmp_path / "none.yaml"), SiteError)


def test_an_unknown_key_comes_with_a_guess(tmp_path: Path) -> None:
    error = refusal(tmp_path, "hosts:\n  web:\n    adresses: []\n")
    assert (error.problem, error.remedy, error.line) == ("unknown key 'adresses'", "did you mean 'addresses'?", 3)


def test_an_unknown_key_that_is_like_none_comes_with_all_of_them(tmp_path: Path) -> None:
    error = refusal(tmp_path, "zzz: 1\n")
    assert error.remedy == "known keys: hosts, networks, peers, ports, settings"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("hosts:\n  web:\n    profile: work\n", 3),
        ("ports:\n  lpd:\n    - 70000\n", 3),
        ("ports:\n  lpd: []\n", 2),
        ("peers:\n  lpd: []\n", 2),
        ("- hosts\n", 1),
        ("settings:\n  database: 1.5\n", 2),
    ],
)
def test_a_value_that_breaks_the_schema_is_named_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    assert refusal(tmp_path, text).line == line


def test_merge_keys_are_read(tmp_path: Path) -> None:
    text = "hosts:\n  a: &a {profile: domain}\n  b:\n    <<: *a\n"
    assert read(tmp_path, text).data["hosts"]["b"] == {"profile": "domain"}


def test_the_loader_makes_plain_data_only(tmp_path: Path) -> None:
    assert read(tmp_path, "a: [1, true, x]\n").data == yaml.safe_load("a: [1, true, x]")
