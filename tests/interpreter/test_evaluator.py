"""Bounds, secrets, short circuits and Python 3.9: what fixtures of expressions do not show."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobc.interpreter.evaluator import MAX_DEPTH, MAX_NODES, Environment, EvaluationError, evaluate
from jobc.interpreter.values import SecretText, describe, equal, to_text


def run(tree: Any, **contexts: Any) -> Any:
    return evaluate(tree, Environment(contexts))


def name(context: str) -> list[Any]:
    return ["name", context]


LONG = "a" * 9_000_000


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (["call", "range", 10**9], "more than 1,000,000 numbers"),
        (["call", "range", 0, 10**30], "more than 1,000,000 numbers"),
        (["call", "replace", name("long"), "a", "aa"], "longer than 10,000,000 characters"),
        (["call", "join", name("long_list"), name("long")], "longer than 10,000,000 characters"),
        (["call", "format", "{0}{0}", name("long")], "longer than 10,000,000 characters"),
        (["+", name("long"), name("long")], "longer than 10,000,000 characters"),
        (["text", name("long"), name("long")], "longer than 10,000,000 characters"),
        (["+", name("items"), name("items")], "more than 1,000,000 items"),
        (["call", "split", name("commas"), ","], "more than 1,000,000 items"),
        (["*", name("big"), name("big")], "more than 4,096 bits"),
        (["*", 1e308, 10], "not a finite number"),
        (["/", name("big"), 0.5], "not a finite number"),
        (["text", 10**5000], "too many digits"),
        (["call", "fromJson", "[" * 100_000], "nested too deeply"),
    ],
)
def test_a_result_past_its_bound_is_an_error_before_it_is_made(tree: Any, message: str) -> None:
    contexts = {
        "long": LONG,
        "long_list": ["x", "y", "z"],
        "items": list(range(600_000)),
        "commas": "," * 2_000_000,
        "big": 10**1000,
    }
    with pytest.raises(EvaluationError, match=message):
        run(tree, **contexts)


def test_depth_and_size_of_codes_are_bounded() -> None:
    deep: Any = True
    for _ in range(MAX_DEPTH + 2):
        deep = ["not", deep]
    with pytest.raises(EvaluationError, match="nested more than"):
        run(deep)
    with pytest.raises(EvaluationError, match="parts"):
        run(["list", *([1] * MAX_NODES)])


def test_values_nested_without_end_are_an_error() -> None:
    inside: list[Any] = []
    inside.append(inside)
    with pytest.raises(EvaluationError):
        run(["==", name("x"), name("y")], x=inside, y=[inside])
    with pytest.raises(EvaluationError):
        run(["call", "toJson", name("x")], x=inside)


def test_what_is_not_needed_is_not_evaluated() -> None:
    wrong = ["/", 1, 0]
    assert run(["and", False, wrong]) is False
    assert run(["or", True, wrong]) is True
    assert run(["??", 1, wrong]) == 1
    assert run(["?:", True, 1, wrong]) == 1


@pytest.mark.parametrize(
    "tree",
    [
        ["+", "key=", name("secret")],
        ["text", "key=", name("secret")],
        ["call", "upper", name("secret")],
        ["call", "format", "{0}", ["list", name("secret")]],
        ["call", "join", ["list", "a", name("secret")], "-"],
        ["call", "toJson", ["map", "k", name("secret")]],
        ["call", "replace", "x", "x", name("secret")],
        ["index", ["call", "split", name("secret"), "-"], 0],
        ["call", "quote", ["list", name("secret")]],
    ],
)
def test_text_made_from_a_secret_is_secret(tree: Any) -> None:
    assert type(run(tree, secret=SecretText("s3-cret"))) is SecretText


def test_a_secret_is_never_in_a_message() -> None:
    with pytest.raises(EvaluationError) as caught:
        run(["and", name("secret"), True], secret=SecretText("s3cret"))
    assert "s3cret" not in str(caught.value)
    assert describe(SecretText("s3cret")) == "a secret"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        (2.0, "2.0"),
        (Decimal("1.50"), "1.50"),
        ("x", "x"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31T00:00:00+00:00"),
        ([1, "é", None], '[1,"é",null]'),
        ({"b": 1, "a": Decimal("2.5")}, '{"b":1,"a":2.5}'),
    ],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert to_text(value) == text


def test_decimals_and_dates_of_parameters_take_part() -> None:
    assert run(["+", name("d"), 0.5], d=Decimal("1.25")) == Decimal("1.75")
    assert run(["==", name("d"), 1.25], d=Decimal("1.25")) is True
    assert run(["%", name("d"), 3], d=Decimal("-1")) == Decimal(2)
    assert run(["get", name("day"), "hour"], day=date(2026, 1, 31)) == 0
    assert equal(date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC))
    assert (
        run(["<", name("day"), name("naive")], day=date(2026, 1, 31), naive=datetime(2026, 1, 31, 1)) is True
    )


def test_an_unknown_context_is_named() -> None:
    with pytest.raises(EvaluationError, match="`nothing` does not exist here"):
        run(name("nothing"))


def test_many_different_codes_are_evaluated_as_they_are() -> None:
    assert [run(["+", n, 1]) for n in range(20_000)] == list(range(1, 20_001))
