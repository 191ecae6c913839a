"""Parameters: what each type takes, as text and as values, and that all problems are told at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.interpreter.params import ParamProblems, coerce
from jobc.interpreter.values import SecretText
from jobc.ir.program import Param


def param(type, **fields):
    found = Param("p", type)
    for name, value in fields.items():
        setattr(found, name, value)
    if "default" in fields:
        found.has_default = True
    return found


def as_text(type, text, **fields):
    return coerce([param(type, **fields)], {"p": text}, textual=["p"])["p"]


def as_value(type, value, **fields):
    return coerce([param(type, **fields)], {"p": value})["p"]


def problems(decls, given, textual=()):
    with pytest.raises(ParamProblems) as caught:
        coerce(decls, given, textual=textual)
    return caught.value.problems


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("str", "", ""),
        ("str", "3", "3"),
        ("int", "-12", -12),
        ("float", "1e3", 1000.0),
        ("float", "2", 2.0),
        ("decimal", "1.10", Decimal("1.10")),
        ("bool", "true", True),
        ("bool", "No", False),
        ("bool", "1", True),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("datetime", "2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("datetime", "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("list", "", []),
        ("list", "a, b,3", ["a", "b", 3]),
        ("list", '["a,b", null]', ["a,b", None]),
        ("map", '{"a": [1]}', {"a": [1]}),
        ("choice", "x", "x"),
        ("secret", "s3cret", "s3cret"),
        ("any", "3", 3),
        ("any", "true", True),
        ("any", "3.10", "3.10"),
        ("any", "007", "007"),
        ("any", "NaN", "NaN"),
        ("any", '"3"', "3"),
        ("any", "plain", "plain"),
    ],
)
def test_text_is_read_by_the_declared_type(type, text, value):
    found = as_text(type, text)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("int", "1.5"),
        ("int", ""),
        ("int", "1_000"),
        ("int", "9" * 5000),
        ("float", "nan"),
        ("float", "1e999"),
        ("decimal", "one"),
        ("bool", "2"),
        ("date", "2026-02-30"),
        ("date", "31.1.2026"),
        ("datetime", "noon"),
        ("list", "[1,"),
        ("map", "a=1"),
        ("map", "[1]"),
    ],
)
def test_text_that_does_not_fit_is_a_problem_that_names_it(type, text):
    (problem,) = problems([param(type)], {"p": text}, ["p"])
    assert problem.message.startswith("parameter `p` cannot be")
    assert "-p p=" in problem.help


@pytest.mark.parametrize(
    ("type", "value", "expected"),
    [
        ("str", 3, "3"),
        ("int", 3.0, 3),
        ("float", 3, 3.0),
        ("decimal", 0.1, Decimal("0.1")),
        ("datetime", date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
        ("list", (1, 2), [1, 2]),
        ("any", None, None),
        ("int", None, None),
    ],
)
def test_values_are_taken_where_nothing_is_lost(type, value, expected):
    assert as_value(type, value) == expected


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("str", True),
        ("str", 1.10),
        ("int", True),
        ("int", "3"),
        ("int", 1.5),
        ("bool", "true"),
        ("bool", 1),
        ("list", "a"),
        ("map", []),
    ],
)
def test_values_of_another_type_are_not_converted_in_silence(type, value):
    assert problems([param(type)], {"p": value})


def test_all_problems_are_reported_together_in_order():
    decls = [param("int"), Param("q", "str"), Param("r", "bool")]
    decls[1].required = True
    found = problems(decls, {"p": "x", "r": "maybe", "zz": 1}, ["p", "r"])
    assert [problem.name for problem in found] == ["p", "q", "r", "zz"]


def test_an_unknown_parameter_gets_the_nearest_name():
    (problem,) = problems([Param("environment", "str")], {"enviroment": "x"})
    assert problem.help == "did you mean `environment`?"


def test_defaults_are_converted_and_unset_parameters_are_null():
    assert as_value_of_default("date", "2026-01-31") == date(2026, 1, 31)
    assert coerce([param("int")], {}) == {"p": None}


def as_value_of_default(type, default):
    return coerce([param(type, default=default)], {})["p"]


def test_a_required_parameter_cannot_be_null():
    assert problems([param("int", required=True)], {"p": None})
    assert problems([param("int", required=True)], {})[0].message == "parameter `p` is missing"


def test_choices_bounds_and_patterns_hold():
    assert as_text("choice", "b", enum=["a", "b"]) == "b"
    assert as_text("choice", "2", enum=[1, 2]) == 2
    assert as_text("int", "2", enum=[1, 2]) == 2
    assert "one of a, b" in problems([param("choice", enum=["a", "b"])], {"p": "c"})[0].message
    assert problems([param("int", enum=[1])], {"p": "2"}, ["p"])
    assert problems([param("int", min=1, max=9)], {"p": 10})
    assert as_text("int", "9", min=1, max=9) == 9
    assert problems([param("list", min=1)], {"p": []})
    assert problems([param("str", pattern="[a-z]+")], {"p": "abC"})
    assert as_value("str", "abc", pattern="[a-z]+") == "abc"


def test_a_secret_is_marked_and_never_shown():
    assert isinstance(as_text("secret", "hunter22"), SecretText)
    (problem,) = problems([param("secret", pattern="x+")], {"p": "hunter22"}, ["p"])
    assert "hunter22" not in problem.message + problem.help


def test_without_declarations_everything_is_taken():
    assert coerce(None, {"a": "3", "b": "3", "c": [1]}, textual=["a"]) == {"a": 3, "b": "3", "c": [1]}


@given(st.one_of(st.integers(), st.booleans(), st.text(), st.lists(st.integers())))
def test_what_was_converted_once_stays_as_it_is(value):
    type = {int: "int", bool: "bool", str: "str", list: "list"}[value.__class__]
    once = as_value(type, value)
    assert as_value(type, once) == once == value


@given(st.text())
def test_untyped_text_is_itself_or_what_json_says(text):
    import json

    found = as_text("any", text)
    assert found == text or found == json.loads(text)


def test_a_number_in_quotes_is_told_from_a_number() -> None:
    (problem,) = problems([param("int")], {"p": "5"})
    assert 'cannot be the text "5": it takes an integer' in problem.message


@pytest.mark.parametrize("type", ["int", "float"])
def test_underscores_are_no_part_of_a_number(type: str) -> None:
    assert problems([param(type)], {"p": "1_0"}, textual=["p"])
