"""Inference against the evaluator: what a type promises is what comes out, and what is refused never works."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))
from expression_strategies import (
    NOW,
    conforms,
    decimals,
    expressions,
    json_values,
    params,
    sensible,
    times,
    types_of,
    widened,
)

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.lower.codes import lower_expr
from jobc.sema.infer import check_condition, infer
from jobc.sema.scope import Scope
from jobc.sema.types import ANY, Type, comparable, join, of_json, orderable, show
from jobc.source.file import SourceFile
from jobc.syntax.expr import Binary, Expr, walk
from jobc.syntax.expressions import parse_text
from jobc.syntax.printer import print_expr

FILE = SourceFile("jobs.yml", "")
STATUS = {"always": True, "success": True, "failure": False, "cancelled": False}


def environment(contexts: dict[str, Any]) -> Environment:
    return Environment(contexts, lambda: NOW, STATUS, {"HOME": "/home/ada"})


def findings(expr: Expr, contexts: dict[str, Type]) -> tuple[Type, list[Diagnostic], Scope]:
    found: list[Diagnostic] = []
    scope = Scope(contexts, file=FILE)
    return infer(expr, scope, found.append), found, scope


@st.composite
def situations(draw: st.DrawFn) -> tuple[Expr, dict[str, Any], Type]:
    values = draw(params)
    return draw(sensible), values, draw(types_of(values))


@given(situations())
def test_a_value_is_of_the_type_that_was_inferred(situation: tuple[Expr, dict[str, Any], Type]) -> None:
    expr, values, type = situation
    inferred, found, scope = findings(expr, {"params": type})
    if found:
        return
    for part in walk(expr):
        try:
            value = evaluate(lower_expr(part), environment({"params": values}))
        except EvaluationError:
            continue
        its = scope.types[id(part)]
        assert conforms(value, its), f"{print_expr(part)} is {value!r}, not {show(its)}"
    assert inferred == scope.types[id(expr)]


@given(situations())
def test_what_is_refused_has_no_value_or_never_holds(situation: tuple[Expr, dict[str, Any], Type]) -> None:
    expr, values, type = situation
    expr = parse_text(print_expr(expr))
    _, found, _ = findings(expr, {"params": type})
    for finding in found:
        place = (finding.span.start, finding.span.end)
        if finding.rule != "incomparable-types":
            continue
        for part in walk(expr):
            if not isinstance(part, Binary) or (part.start, part.end) != place:
                continue
            try:
                value = evaluate(lower_expr(part), environment({"params": values}))
            except EvaluationError:
                continue
            assert (part.op, value) in (("==", False), ("!=", True), ("in", False), ("not-in", True)), finding


@given(expressions)
def test_any_expression_has_a_type_and_findings_with_remedies(expr: Expr) -> None:
    found: list[Diagnostic] = []
    scope = Scope({"params": ANY, "a-b": ANY}, {"needs": "it exists in jobs only"}, file=FILE)
    check_condition(expr, scope, found.append)
    assert all(finding.message and finding.help for finding in found)
    assert all(id(part) in scope.types for part in walk(expr))


@given(situations())
def test_types_of_the_same_kind_of_value_join_to_one_that_holds_both(
    situation: tuple[Expr, dict[str, Any], Type],
) -> None:
    _, values, type = situation
    joined = join(type, of_json({"i": "other"}))
    assert conforms(values, joined)
    assert conforms({"i": "other"}, joined)


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[Any, Type]:
    value = draw(st.one_of(json_values, times, decimals))
    return value, draw(widened(of_json(value)))


@given(typed_values(), typed_values())
def test_values_of_incomparable_types_differ(a: tuple[Any, Type], b: tuple[Any, Type]) -> None:
    contexts = environment({"x": a[0], "y": b[0]})
    if not comparable(a[1], b[1]):
        assert evaluate(["==", ["name", "x"], ["name", "y"]], contexts) is False
    if not orderable(a[1], b[1]):
        with pytest.raises(EvaluationError):
            evaluate(["<", ["name", "x"], ["name", "y"]], contexts)
