"""Constant folding: the value of an expression that depends on nothing outside it.

Every operation is done by the interpreter itself, on the values of the folded parts, so that folding and running cannot
disagree. What would raise an error there is not constant, nor is what asks for the time, files, the environment or
statuses. `false && x`, `true || x`, `1 ?? x` and a choice with a constant test need only the parts that decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from jobc.sema.binding import Mismatch, bind
from jobc.sema.signatures import METHODS, Signature, function
from jobc.syntax.expr import (
    Binary,
    Call,
    Conditional,
    Expr,
    Filter,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Member,
    Method,
    Name,
    Unary,
)

#: Texts, lists and maps longer than this are left alone.
SIZE_LIMIT = 10_000
#: More numbers than this a run does not count through (`interpreter.values`, which is loaded for what is folded only).
MAX_ITEMS = 1_000_000


class NotConstant:
    """The one value that `fold` gives where there is none."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NOT_CONSTANT"


NOT_CONSTANT: Final = NotConstant()

_NAMES: dict[str, str] = {"fromJSON": "fromJson", "toJSON": "toJson", "json": "toJson"}


#: What `outcome` gives for an expression that fails whenever it is evaluated.
FAILS: Final = NotConstant()


def fold(expr: Expr, matrix: Mapping[str, object] | None = None) -> Any:
    """The value of a constant expression, or `NOT_CONSTANT`; of one that reads `matrix` too, where that is given."""
    value = outcome(expr if matrix is None else _with_matrix(expr, matrix))
    return NOT_CONSTANT if value is FAILS else value


def outcome(expr: Expr) -> Any:
    """As `fold`, but `FAILS` where evaluation is sure to fail."""
    try:
        return _fold(expr)
    except _Open:
        return NOT_CONSTANT
    except _Fails:
        return FAILS


def operated(op: str, *values: Any) -> Any:
    """What `outcome` gives for an operator between these values."""
    try:
        return _operate(op, *values)
    except _Open:
        return NOT_CONSTANT
    except _Fails:
        return FAILS


def failure(expr: Expr) -> str | None:
    """What the evaluator says where evaluation of an expression is sure to fail; None where it is not."""
    try:
        _fold(expr)
    except _Open:
        return None
    except _Fails as fails:
        return str(fails)
    return None


def _with_matrix(expr: Expr, matrix: Mapping[str, object]) -> Expr:
    """The expression with the combination's values for `matrix.<key>`; only in operators, where tests have them."""
    match expr:
        case Member(object=Name(name="matrix")):
            return Literal(matrix.get(expr.name), expr.start, expr.end)  # type: ignore[arg-type]
        case Index(object=Name(name="matrix"), index=Literal(value=str() as key)):
            return Literal(matrix.get(key), expr.start, expr.end)  # type: ignore[arg-type]
        case Binary():
            return Binary(expr.op, _with_matrix(expr.left, matrix), _with_matrix(expr.right, matrix))
        case Unary():
            return Unary(expr.op, _with_matrix(expr.operand, matrix))
        case Call():
            arguments = [_with_matrix(argument, matrix) for argument in expr.args]
            return Call(expr.function, arguments, expr.keywords)
        case ListExpr():
            return ListExpr([_with_matrix(item, matrix) for item in expr.items])
    return expr


class _Open(Exception):
    """A part is not constant."""


class _Fails(Exception):
    """What the evaluator says of a part that is sure to fail."""


def _fold(expr: Expr) -> Any:
    match expr:
        case Literal():
            return expr.value
        case ListExpr():
            return [_fold(item) for item in expr.items]
        case MapExpr():
            return _operate("map", *(_fold(part) for entry in expr.entries for part in entry))
        case Member():
            return _run(_get_tree(expr.name), _fold(expr.object))
        case Index():
            return _operate("index", _fold(expr.object), _fold(expr.index))
        case Unary():
            return _operate("not" if expr.op == "not" else "neg", _fold(expr.operand))
        case Conditional():
            test = _fold(expr.test)
            if isinstance(test, bool):
                return _fold(expr.then if test else expr.otherwise)
        case Binary():
            left = _fold(expr.left)
            if (expr.op, left) in (("and", False), ("or", True)) and isinstance(left, bool):
                return left
            if expr.op == "??" and left is not None:
                return left
            return _operate(expr.op, left, _fold(expr.right))
        case Call():
            return _call(function(expr.function), expr.args, expr.keywords)
        case Filter():
            return _call(function(expr.name), [expr.value, *expr.args], expr.keywords)
        case Method():
            owner = _fold(expr.object)
            arguments = _arguments(METHODS.get(expr.name), expr.args, expr.keywords)
            return _run(_method_tree(expr.name, len(arguments)), owner, *arguments)
        case Name():
            pass
    raise _Open


def _call(signature: Signature | None, args: list[Expr], keywords: list[tuple[str, Expr]]) -> Any:
    values = _arguments(signature, args, keywords)
    assert signature is not None
    if signature.name == "range" and SIZE_LIMIT < len(_numbers(values)) <= MAX_ITEMS:
        raise _Open
    return _run(_tree("call", _NAMES.get(signature.name, signature.name), count=len(values)), *values)


def _numbers(values: list[Any]) -> range:
    """What `range` counts through; nothing where its arguments are wrong, which the evaluator says."""
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    return range(*values) if whole and 1 <= len(values) <= 3 and values[2:] != [0] else range(0)


def numbers(expr: Expr) -> range | None:
    """What a constant call of `range` counts through, however long it is; None for any other expression."""
    if not isinstance(expr, Call) or expr.function != "range":
        return None
    try:
        found = _numbers(_arguments(function("range"), expr.args, expr.keywords))
    except _Open:
        return None
    return found if 0 < len(found) <= MAX_ITEMS else None


def _arguments(signature: Signature | None, args: list[Expr], keywords: list[tuple[str, Expr]]) -> list[Any]:
    if signature is None or not signature.pure:
        raise _Open
    bound = bind(signature, args, keywords)
    if isinstance(bound, Mismatch):
        raise _Open
    return [_fold(expr) for _, expr in bound[1]]


def _operate(op: str, *values: Any) -> Any:
    return _run(_tree(op, count=len(values)), *values)


@cache
def _tree(*head: str, count: int) -> list[Any]:
    """An operation on `count` values; the same list each time, as the evaluator knows trees by identity."""
    return [*head, *(["name", str(index)] for index in range(count))]


@cache
def _get_tree(key: str) -> list[Any]:
    return ["get", ["name", "0"], key]


@cache
def _method_tree(name: str, count: int) -> list[Any]:
    return ["method", ["name", "0"], name, *(["name", str(index + 1)] for index in range(count))]


def _run(tree: list[Any], *values: Any) -> Any:
    # The evaluator is loaded for what is to be folded, not for what merely asks whether something was.
    from jobc.interpreter.evaluator import Environment, EvaluationError, evaluate

    try:
        result = evaluate(tree, Environment({str(index): value for index, value in enumerate(values)}))
    except EvaluationError as error:
        raise _Fails(str(error)) from None
    if isinstance(result, str | list | dict) and len(result) > SIZE_LIMIT:
        raise _Open
    return result
