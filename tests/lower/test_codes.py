"""Expressions as codes: keywords in their places, filters as calls, names canonical."""

from __future__ import annotations

import pytest

from jobc.errors import InternalError
from jobc.lower.codes import lower_expr, lower_value
from jobc.source.decode import decode
from jobc.syntax.build import parse
from jobc.syntax.expressions import parse_text


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("params.a-b[0]", ["index", ["get", ["name", "params"], "a-b"], 0]),
        ("-1 + -x", ["+", -1, ["neg", ["name", "x"]]]),
        ("[1, 'a', null]", ["list", 1, "a", None]),
        ("{a: 1, 'b c': x}", ["map", "a", 1, "b c", ["name", "x"]]),
        ("fromJSON('1')", ["call", "fromJson", "1"]),
        ("x | json", ["call", "toJson", ["name", "x"]]),
        ("x | raw", ["name", "x"]),
        ("x | split(separator=' ')", ["call", "split", ["name", "x"], " "]),
        ("range(step=2, stop=9, start=1)", ["call", "range", 1, 9, 2]),
        ("env(fallback='x', name='A')", ["call", "env", "A", "x"]),
        ("replace(new='c', text='a', old='b')", ["call", "replace", "a", "b", "c"]),
        ("datetime.now().strftime(format='%F')", ["method", ["call", "datetime.now"], "strftime", "%F"]),
        ("!a && b || c", ["or", ["and", ["not", ["name", "a"]], ["name", "b"]], ["name", "c"]]),
        ("a ?? b ? 1 : 2", ["?:", ["??", ["name", "a"], ["name", "b"]], 1, 2]),
        ("a not in b", ["not-in", ["name", "a"], ["name", "b"]]),
    ],
)
def test_an_expression_becomes_its_code(source: str, tree: object) -> None:
    assert lower_expr(parse_text(source)) == tree


def test_one_expression_keeps_its_value_whatever_blanks_stand_around_it() -> None:
    file = decode(
        b"jobs:\n  a:\n    env:\n      LINES: |\n        ${{ [1] }}\n      TEXT: ' a ${{ 1 }}'\n      DOLLARS: $${{ x }}\n    stages: [{echo: hi}]\n",
        "a.job.yml",
    )
    items = parse(file).workflows[0].jobs[0].env
    assert [lower_value(item.value) for item in items] == [["list", 1], ["text", " a ", 1], "${{ x }}"]


@pytest.mark.parametrize("source", ["nothing(1)", "len()", "x.upper()", "x | nothing"])
def test_what_inference_refuses_cannot_be_lowered(source: str) -> None:
    with pytest.raises(InternalError):
        lower_expr(parse_text(source))
