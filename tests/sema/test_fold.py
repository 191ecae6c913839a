"""Folding gives what running gives, and nothing where running depends on more."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import assume, given

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))
from expression_strategies import NOW, sensible

from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.lower.codes import lower_expr
from jobc.sema import signatures
from jobc.sema.fold import NOT_CONSTANT, fold
from jobc.syntax.expr import Call, Expr, walk
from jobc.syntax.expressions import parse_text


@given(sensible)
def test_a_folded_value_is_what_evaluation_gives(expr: Expr) -> None:
    folded = fold(expr)
    if folded is NOT_CONSTANT:
        return
    value = evaluate(lower_expr(expr), Environment({}, lambda: NOW))
    assert (type(value), value) == (type(folded), folded)


@given(sensible)
def test_a_pure_expression_with_a_value_is_folded(expr: Expr) -> None:
    calls = [signatures.function(part.function) for part in walk(expr) if isinstance(part, Call)]
    assume(all(signature is not None and signature.pure for signature in calls))
    try:
        evaluate(lower_expr(expr), Environment({}, lambda: NOW))
    except EvaluationError:
        assert fold(expr) is NOT_CONSTANT
    else:
        assert fold(expr) is not NOT_CONSTANT


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("false && params.x", False),
        ("true || params.x", True),
        ("'x' ?? params.x", "x"),
        ("1 < 2 ? 'a' : params.x", "a"),
        ("datetime.parse('2026-01-31').weekday()", 5),
        ("{a: [1, 2]}.a[1]", 2),
    ],
)
def test_parts_that_decide_are_enough(source: str, value: object) -> None:
    assert fold(parse_text(source)) == value


@pytest.mark.parametrize(
    "source",
    [
        "params.x",
        "params.x && false",
        "datetime.now()",
        "env('HOME')",
        "success()",
        "hashFiles('*')",
        "1 / 0",
        "nothing()",
        "range(1000000)",
        "len(1, 2)",
        "'a' < 1",
        "1 && true",
    ],
)
def test_what_depends_on_more_or_fails_is_not_constant(source: str) -> None:
    assert fold(parse_text(source)) is NOT_CONSTANT
