"""An expression as text that parses to an equal AST, with no more parentheses than that takes.

Every node has the level at which the grammar makes it; an operand is put into parentheses where its own level is
looser than its place allows. Operators are written as symbols (`&&`, `||`, `!`), one blank on each side.
"""

from __future__ import annotations

import re

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

# The levels of the grammar, loosest first.
PIPELINE, CONDITIONAL, FALLBACK, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGNED, POSTFIX = range(11)

#: Operator -> (text, level, level of the left operand, level of the right operand)
_BINARY = {
    "??": ("??", FALLBACK, FALLBACK, OR),
    "or": ("||", OR, OR, AND),
    "and": ("&&", AND, AND, NOT),
    "==": ("==", COMPARE, SUM, SUM),
    "!=": ("!=", COMPARE, SUM, SUM),
    "<": ("<", COMPARE, SUM, SUM),
    "<=": ("<=", COMPARE, SUM, SUM),
    ">": (">", COMPARE, SUM, SUM),
    ">=": (">=", COMPARE, SUM, SUM),
    "in": ("in", COMPARE, SUM, SUM),
    "not-in": ("not in", COMPARE, SUM, SUM),
    "+": ("+", SUM, SUM, PRODUCT),
    "-": ("-", SUM, SUM, PRODUCT),
    "*": ("*", PRODUCT, PRODUCT, SIGNED),
    "/": ("/", PRODUCT, PRODUCT, SIGNED),
    "%": ("%", PRODUCT, PRODUCT, SIGNED),
}

_WORD = r"[^\W\d]\w*(?:-\w+)*"


def print_expr(expr: Expr) -> str:
    """The expression's text, without delimiters."""
    return _print(expr, PIPELINE)


def print_text(text: str) -> str:
    """A text as a literal: in single quotes, or in double quotes where it holds what YAML cannot or a line's end."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    import json

    return json.dumps(text)


def _print(expr: Expr, place: int) -> str:
    text, level = _parts(expr)
    return f"({text})" if level < place else text


def _parts(expr: Expr) -> tuple[str, int]:
    """The text of a node and its level."""
    match expr:
        case Literal():
            return _literal(expr.value)
        case Name():
            return expr.name, POSTFIX
        case Member():
            return f"{_print(expr.object, POSTFIX)}.{expr.name}", POSTFIX
        case Index():
            return f"{_print(expr.object, POSTFIX)}[{print_expr(expr.index)}]", POSTFIX
        case Call():
            return f"{expr.function}({_arguments(expr.args, expr.keywords)})", POSTFIX
        case Method():
            owner = _print(expr.object, POSTFIX)
            return f"{owner}.{expr.name}({_arguments(expr.args, expr.keywords)})", POSTFIX
        case ListExpr():
            return f"[{', '.join(map(print_expr, expr.items))}]", POSTFIX
        case MapExpr():
            inside = ", ".join(f"{_key(key)}: {print_expr(value)}" for key, value in expr.entries)
            return f"{{{inside}}}", POSTFIX
        case Unary():
            if expr.op == "not":
                return f"!{_print(expr.operand, NOT)}", NOT
            return f"-{_print(expr.operand, SIGNED)}", SIGNED
        case Binary():
            symbol, level, left, right = _BINARY[expr.op]
            return f"{_print(expr.left, left)} {symbol} {_print(expr.right, right)}", level
        case Conditional():
            test, then = _print(expr.test, FALLBACK), _print(expr.then, CONDITIONAL)
            return f"{test} ? {then} : {_print(expr.otherwise, CONDITIONAL)}", CONDITIONAL
        case Filter():
            arguments = _arguments(expr.args, expr.keywords)
            call = f"({arguments})" if arguments else ""
            return f"{_print(expr.value, PIPELINE)} | {expr.name}{call}", PIPELINE


def _literal(value: bool | int | float | str | None) -> tuple[str, int]:
    if isinstance(value, str):
        return print_text(value), POSTFIX
    if value is None or isinstance(value, bool):
        return ("null" if value is None else str(value).lower()), POSTFIX
    text = repr(value)
    return text, SIGNED if text.startswith("-") else POSTFIX


def _key(key: Expr) -> str:
    if isinstance(key, Literal) and isinstance(key.value, str):
        return key.value if re.fullmatch(_WORD, key.value) else print_text(key.value)
    return print_expr(key)


def _arguments(args: list[Expr], keywords: list[tuple[str, Expr]]) -> str:
    return ", ".join([*map(print_expr, args), *(f"{name}={print_expr(value)}" for name, value in keywords)])
