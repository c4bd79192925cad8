"""JSON that knows its lines: the quick way and the careful one say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.dialects import _json_positions
from validator.dialects._json_positions import Located, _locate, load
from validator.errors import ExportError
from validator.source import from_bytes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
PARTS = st.sampled_from(('"', "\\", ",", ":", " ", "{", "}", "[", "]", '": ', '", "', "a", "{}", "[]"))


def placed(value: Any) -> Any:
    """A value with the lines of its objects and their values."""
    if isinstance(value, Located):
        return value.line, value.lines, {key: placed(inner) for key, inner in value.items()}
    return [placed(inner) for inner in value] if isinstance(value, list) else value


def both(text: str) -> Any:
    """The value, read the careful way and as it is read, which may be the quick way: they are the same."""
    careful = _locate(text, "a.json")
    assert placed(load(from_bytes(text.encode(), "a.json"))) == placed(careful)
    return careful


@given(VALUES, st.sampled_from((None, 0, 1, 4)), st.booleans())
def test_random_values_are_read_alike(value: Any, indent: int | None, plain: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    assert both(text) == value


@given(st.dictionaries(st.lists(PARTS).map("".join), st.lists(PARTS).map("".join), max_size=3))
def test_texts_that_look_like_json_are_read_alike(value: dict[str, str]) -> None:
    for shape in (value, list(value), [value, *value.values()], {"a": [value]}):
        assert both(json.dumps(shape, indent=2)) == shape


@given(st.lists(st.sampled_from(('{"a":', '{"a": ', '"b"', ': "c"', "}", "[", "]", ",", "\n", " ", '"d": 1', "2"))))
def test_any_layout_is_read_alike(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        value, twice = told(text)
    except json.JSONDecodeError:
        return
    if not twice:
        assert both(text) == value
        return
    for way in (load, lambda source: _locate(source.text, source.path)):
        with pytest.raises(ExportError, match="stands twice"):
            way(from_bytes(text.encode(), "a.json"))


def told(text: str) -> tuple[Any, bool]:
    """The value, and whether one of its objects has a key twice."""
    twice = []

    def found(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice.append(len(dict(pairs)) < len(pairs))
        return dict(pairs)

    return json.loads(text, object_pairs_hook=found), any(twice)


def test_what_is_indented_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"a": [1, -2.5, "x", {}, [], {"b": None, "c": True}]}, indent=4)
    monkeypatch.setattr(_json_positions, "_locate", None)
    found = load(from_bytes(text.encode(), "a.json"))
    assert found.at("a") == 2
    assert found["a"][3].line == 6
    assert found["a"][5].lines == {"b": 9, "c": 10}
