"""Every line of `fixtures/expressions/`, evaluated and folded; and the table of signatures held against both."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))
from expression_strategies import NOW

from jobc.interpreter import functions, instants
from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate
from jobc.interpreter.values import to_json
from jobc.lower.codes import lower_expr
from jobc.sema import signatures
from jobc.sema.fold import NOT_CONSTANT, fold
from jobc.sema.infer import infer
from jobc.sema.scope import Scope
from jobc.sema.types import ANY
from jobc.source.file import SourceFile
from jobc.syntax.expr import Call, Name, walk
from jobc.syntax.expressions import parse_text
from jobc.syntax.printer import print_expr

FIXTURES = Path(__file__).parents[2] / "fixtures" / "expressions"
PARAMS = {"n": 3, "t": "dev", "b": True, "l": ["a", "b"], "m": {"k": 1, "x-y": 2}, "nothing": None}
STATUS = {"always": True, "success": True, "failure": False, "cancelled": False}

Line = tuple[str, str, str]


def blocks(name: str) -> dict[str, list[Line]]:
    """Heading -> (expression, `=>` or `!!`, what is expected)."""
    found: dict[str, list[Line]] = {}
    for line in (FIXTURES / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            current = found.setdefault(line[3:], [])
        elif line and not line.startswith("#"):
            mark = " => " if " => " in line else " !! "
            expression, expected = line.split(mark, 1)
            current.append((expression, mark.strip(), expected))
    return found


LINES = [
    line for file in sorted(FIXTURES.glob("*.txt")) for block in blocks(file.name).values() for line in block
]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("two")
    return Environment({"params": PARAMS}, lambda: NOW, STATUS, {"HOME": "/home/ada"}, str(tmp_path))


def typed(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(("source", "mark", "expected"), LINES, ids=[line[0] for line in LINES])
def test_an_expression_has_the_value_or_error_that_its_fixture_says(
    source: str, mark: str, expected: str, environment: Environment
) -> None:
    expr = parse_text(source)
    assert parse_text(print_expr(expr)) == expr
    folded = fold(expr)
    if mark == "!!":
        with pytest.raises(EvaluationError) as error:
            evaluate(lower_expr(expr), environment)
        assert expected in str(error.value)
        assert folded is NOT_CONSTANT
        return
    value = evaluate(lower_expr(expr), environment)
    assert typed(json.loads(to_json(value))) == typed(json.loads(expected))
    outside = any(
        isinstance(part, Name) or (isinstance(part, Call) and not pure(part)) for part in walk(expr)
    )
    assert (folded is NOT_CONSTANT) == outside or folded == value
    found: list[object] = []
    infer(expr, Scope({"params": ANY}, file=SourceFile("x.yml", source)), found.append)
    assert not [f for f in found if f.rule not in ("incomparable-types",)]  # type: ignore[attr-defined]


def pure(call: Call) -> bool:
    signature = signatures.function(call.function)
    return signature is not None and signature.pure


def test_every_function_has_a_block_a_doc_line_and_an_implementation() -> None:
    table = {**signatures.FUNCTIONS, **signatures.METHODS}
    assert list(blocks("functions.txt")) == list(table)
    assert all(block for block in blocks("functions.txt").values())
    assert all(s.doc.endswith(".") and "\n" not in s.doc and "→" in s.example for s in table.values())
    implemented = functions.FUNCTIONS.keys() | {"json"}
    assert implemented == signatures.FUNCTIONS.keys()
    assert instants.METHODS.keys() == signatures.METHODS.keys()
    assert instants.FIELDS == signatures.FIELDS


def test_implementations_take_as_many_arguments_as_signatures_say() -> None:
    for name, function in functions.FUNCTIONS.items():
        overloads = signatures.FUNCTIONS[name].overloads
        least = min(
            sum(not arg.optional for arg in overload.args if not (arg.variadic and arg.optional))
            for overload in overloads
        )
        most = max(len(overload.args) for overload in overloads)
        variadic = any(arg.variadic for overload in overloads for arg in overload.args)
        assert (function.least, function.most) == (least, None if variadic else most), name


@pytest.mark.parametrize(
    "signature", [s for s in signatures.FUNCTIONS.values() if s.pure], ids=lambda s: s.name
)
def test_the_example_of_a_pure_function_is_true(signature: signatures.Signature) -> None:
    source, value = signature.example.split(" → ")
    assert fold(parse_text(source)) == fold(parse_text(value))
