"""The evaluator on random codes: a value or an EvaluationError, never anything else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))
from expression_strategies import NOW, expressions, json_values, params, sensible, times

from jobc.errors import InternalError
from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.interpreter.values import describe, equal, to_text
from jobc.lower.codes import lower_expr
from jobc.syntax.expr import Expr

values = st.one_of(json_values, times, st.decimals())
contexts = st.dictionaries(st.sampled_from(["params", "needs", "item", "a-b"]), values, max_size=4)


def attempt(tree: Any, contexts: dict[str, Any]) -> None:
    message = refusal(tree, contexts)
    assert message is None or (message and "\n" not in message)


def refusal(tree: Any, contexts: dict[str, Any]) -> str | None:
    try:
        value = evaluate(tree, Environment(contexts, lambda: NOW, lambda name: name == "always"))
        to_text(value)
    except EvaluationError as error:
        return str(error)
    return None


@given(expressions, contexts)
def test_any_expression_gives_a_value_or_an_error_in_words(expr: Expr, contexts: dict[str, Any]) -> None:
    try:
        tree = lower_expr(expr)
    except InternalError:
        return
    attempt(tree, contexts)


@given(sensible, st.one_of(params, contexts))
def test_sensible_expressions_over_wrong_contexts_too(expr: Expr, contexts: dict[str, Any]) -> None:
    attempt(lower_expr(expr), {"params": contexts})


operations = st.sampled_from(
    [
        "list",
        "map",
        "name",
        "get",
        "call",
        "method",
        "not",
        "neg",
        "and",
        "or",
        "??",
        "?:",
        "==",
        "<",
        "in",
        "+",
        "/",
        "%",
        "text",
        "index",
        "bogus",
    ]
)


@given(
    st.recursive(
        st.one_of(
            json_values.filter(lambda v: not isinstance(v, list)), st.sampled_from(["params", "len", "hour"])
        ),
        lambda inner: st.builds(lambda op, parts: [op, *parts], operations, st.lists(inner, max_size=3)),
        max_leaves=15,
    ),
    contexts,
)
def test_malformed_codes_are_refused_in_words(tree: Any, contexts: dict[str, Any]) -> None:
    attempt(tree, contexts)


@given(values)
def test_a_value_equals_itself_unless_it_is_no_number(value: Any) -> None:
    if "NaN" not in repr(value) and "nan" not in repr(value):
        assert equal(value, value)
    assert describe(value)
