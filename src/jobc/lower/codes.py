"""Expressions and values to codes (see `ir.program` for the form of a code).

Names of functions become canonical, keywords go to their places with the defaults between filled in, filters become
calls (`json` is `toJson`; `raw` is gone, as it only concerns how a script takes the value), and a minus before a
number becomes part of it.
"""

from __future__ import annotations

from typing import Any

from jobc.errors import InternalError
from jobc.sema.binding import Mismatch, bind
from jobc.sema.signatures import METHODS, Signature, function
from jobc.syntax.ast import Const, ExprHole, ListValue, MapValue, TemplateValue, Value
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
from jobc.syntax.words import split

#: JSON, as `ir.program` describes it.
Tree = Any


def lower_expr(expr: Expr) -> Tree:
    """The code of an expression without errors; raises InternalError for one that inference has refused."""
    match expr:
        case Literal():
            return expr.value
        case Name():
            return ["name", expr.name]
        case Member():
            return ["get", lower_expr(expr.object), expr.name]
        case Binary():
            return [expr.op, lower_expr(expr.left), lower_expr(expr.right)]
        case ListExpr():
            return ["list", *map(lower_expr, expr.items)]
        case MapExpr():
            return ["map", *(lower_expr(part) for entry in expr.entries for part in entry)]
        case Index():
            return ["index", lower_expr(expr.object), lower_expr(expr.index)]
        case Call():
            return _call(function(expr.function), expr.function, expr.args, expr.keywords)
        case Filter():
            if expr.name == "raw":
                return lower_expr(expr.value)
            return _call(function(expr.name), expr.name, [expr.value, *expr.args], expr.keywords)
        case Method():
            arguments = _arguments(METHODS.get(expr.name), expr.name, expr.args, expr.keywords)
            return ["method", lower_expr(expr.object), expr.name, *arguments]
        case Unary():
            operand = lower_expr(expr.operand)
            if expr.op == "not":
                return ["not", operand]
            if isinstance(operand, int | float) and not isinstance(operand, bool):
                return -operand
            return ["neg", operand]
        case Conditional():
            return ["?:", lower_expr(expr.test), lower_expr(expr.then), lower_expr(expr.otherwise)]


def lower_value(value: Value) -> Tree:
    """The code of a value of the AST: a constant, one expression, text with expressions, a list or a map."""
    match value:
        case Const():
            return value.value
        case ListValue():
            return ["list", *map(lower_value, value.items)]
        case MapValue():
            code: list[Tree] = ["map"]
            for item in value.entries:
                code += (item.key, lower_value(item.value))
            return code
        case TemplateValue():
            return _template(value)


def lower_words(value: Value) -> Tree:
    """The code of a command: the list of its words; of an expression alone whatever it gives."""
    if isinstance(value, Const):
        return ["list", *("".join(word) for word in split([str(value.value)]))]
    if not isinstance(value, TemplateValue) or value.whole:
        return lower_value(value)
    words: list[Tree] = ["list"]
    for word in split(value.parts):
        parts = [part if isinstance(part, str) else _hole(part) for part in word]
        words.append(parts[0] if len(parts) == 1 else ["text", *parts])
    return words


def _template(value: TemplateValue) -> Tree:
    parts: list[Tree] = []
    for part in value.parts:
        if isinstance(part, str):
            parts.append(part)
        else:
            parts.append(_hole(part))
    if value.whole or all(isinstance(part, str) for part in value.parts):
        return parts[0] if len(parts) == 1 else "".join(parts)
    return ["text", *parts]


def _hole(hole: ExprHole) -> Tree:
    if hole.expr is None:
        raise InternalError("an expression that does not parse cannot be lowered")
    return lower_expr(hole.expr)


def _call(signature: Signature | None, name: str, args: list[Expr], keywords: list[tuple[str, Expr]]) -> Tree:
    arguments = _arguments(signature, name, args, keywords)
    assert signature is not None
    return ["call", "toJson" if signature.name == "json" else signature.name, *arguments]


def _arguments(
    signature: Signature | None, name: str, args: list[Expr], keywords: list[tuple[str, Expr]]
) -> list[Tree]:
    bound = None if signature is None else bind(signature, args, keywords)
    if bound is None or isinstance(bound, Mismatch):
        raise InternalError(f"the call of `{name}` cannot be lowered")
    return [lower_expr(expr) for _, expr in bound[1]]
