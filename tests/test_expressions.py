"""The condition language: what it means, what it refuses, and that it cannot fail once compiled."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.errors import RuleError
from validator.expressions import Type, compile_expression

TYPES = {
    "verdict": Type.TEXT,
    "profile": Type.TEXT | Type.NULL,
    "conditions": Type.NUMBER,
    "local": Type.TRUTH,
    "exposed": Type.TRUTH,
    "names": Type.TEXTS,
}
FACTS = {
    "verdict": "blocked",
    "profile": None,
    "conditions": 2,
    "local": False,
    "exposed": True,
    "names": ["a", "b"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exposed", True),
        ("not exposed", False),
        ("not not exposed", True),
        ("verdict == 'blocked'", True),
        ('verdict != "blocked"', False),
        ("conditions > 1", True),
        ("conditions >= 3", False),
        ("conditions < -1", False),
        ("2 <= conditions", True),
        ("profile == null", True),
        ("profile == 'public'", False),
        ("profile in ['public']", False),
        ("verdict in ['open', 'blocked']", True),
        ("conditions in [1, 2]", True),
        ("'b' in names", True),
        ("verdict in names", False),
        ("local == false", True),
        ("(conditions > 1) == exposed", True),
        ("local and exposed or exposed", True),
        ("exposed or exposed and local", True),
        ("(exposed or exposed) and local", False),
        ("not local and exposed", True),
        ("not (local or exposed)", False),
        ("true", True),
        ("verdict == 'not and or'", False),
        ("exposed\n and  not\tlocal", True),
    ],
)
def test_means(text: str, expected: bool) -> None:
    assert compile_expression(text, TYPES).test(FACTS) is expected


def test_names_are_collected() -> None:
    compiled = compile_expression("exposed and (conditions > 1 or verdict == 'x')", TYPES)
    assert compiled.names == {"exposed", "conditions", "verdict"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "cannot be read at its end"),
        ("verdict", "the condition is text, not true or false"),
        ("verdict ==", "cannot be read"),
        ("verdict = 'open'", "cannot be read at \"= 'open'\" (column 9)"),
        ("(exposed", "cannot be read"),
        ("exposed local", "cannot be read at 'local' (column 9)"),
        ("exposed == local == exposed", "cannot be read"),
        ("verdict == open", "unknown name 'open'"),
        ("verdikt == 'open'", "unknown name 'verdikt'"),
        ("conditions == '2'", "a number and text can never be equal"),
        ("conditions == true", "a number and true or false can never be equal"),
        ("verdict == null", "text and null can never be equal"),
        ("verdict < 'open'", "< compares numbers, not text and text"),
        ("exposed and verdict", "'and' needs true or false, not text"),
        ("not conditions", "'not' needs true or false, not a number"),
        ("verdict in 'open'", "'in' needs a list on its right, not text"),
        ("conditions in ['a']", "a number is never in a list of texts"),
        ("verdict in ['a', 1]", "a list must hold texts or numbers"),
        ("verdict in []", "a list must hold texts or numbers"),
        ("names == names", "a list cannot be compared with =="),
        ("verdict == 'a\nb'", "cannot be read"),
        ("__import__('os')", "cannot be read"),
        ("exposed.__class__ == 'x'", "cannot be read"),
    ],
)
def test_refuses(text: str, problem: str) -> None:
    with pytest.raises(RuleError) as caught:
        compile_expression(text, TYPES, "rules/x.yaml", 7)
    assert problem in caught.value.problem
    assert str(caught.value).startswith("rules/x.yaml:7: ")
    assert caught.value.remedy


def test_a_close_name_is_suggested() -> None:
    with pytest.raises(RuleError) as caught:
        compile_expression("verdikt == 'open'", TYPES)
    assert caught.value.remedy == "did you mean verdict?"


@pytest.mark.parametrize("text", ["(" * 900 + "exposed" + ")" * 900, "not " * 450 + "exposed", "x" * 3000])
def test_hostile_conditions_are_refused_or_read(text: str) -> None:
    problem = ""
    try:
        assert compile_expression(text, TYPES).test(FACTS) in (True, False)
    except RuleError as error:
        problem = error.problem
    assert not problem or "nested" in problem or "longer" in problem


def test_deep_conditions_take_linear_time() -> None:
    text = "(" * 20 + "exposed" + ")" * 20
    compile_expression(text, TYPES)
    before = time.perf_counter()
    for _ in range(20):
        compile_expression(text, TYPES)
    assert time.perf_counter() - before < 1.0


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_compiles_or_is_a_rule_error(text: str) -> None:
    try:
        compiled = compile_expression(text, TYPES)
    except RuleError:
        return
    assert compiled.test(FACTS) in (True, False)


_ATOMS = {
    "exposed": True,
    "local": False,
    "verdict == 'open'": False,
    "conditions >= 2": True,
    "'a' in names": True,
    "profile != null": False,
}
_TREES = st.recursive(
    st.sampled_from(sorted(_ATOMS)).map(lambda atom: (atom, _ATOMS[atom])),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"not ({one[0]})", not one[1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) and ({two[1][0]})", two[0][1] and two[1][1])),
        st.tuples(inner, inner).map(lambda two: (f"({two[0][0]}) or ({two[1][0]})", two[0][1] or two[1][1])),
    ),
    max_leaves=8,
)


@given(_TREES)
@settings(max_examples=200, deadline=None)
def test_logic_is_that_of_truth_tables(tree: tuple[str, bool]) -> None:
    text, expected = tree
    assert compile_expression(text, TYPES).test(FACTS) is expected
