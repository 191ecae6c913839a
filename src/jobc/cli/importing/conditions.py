"""Conditions: a text of the original that is evaluated as Python, as one expression of jobc.

There the values are first written into the text, then the text is evaluated: `"'${{ params.env }}' == 'prod'"` becomes
`'dev' == 'prod'`. Here the text is parsed as Python with a name in the place of each value, and the tree is rewritten.
A value between quotes was text, one without was whatever its text means in Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from jobc.cli.importing.filters import text_value
from jobc.cli.importing.untranslatable import Untranslatable
from jobc.syntax.expr import (
    Binary,
    Call,
    Conditional,
    Expr,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Member,
    Method,
    Name,
    Unary,
)

#: A value of the text: its expression and its declared type.
Value = tuple[Expr, "str | None"]

_HOLE = "jobc_hole_{}"
_FOUND = re.compile(r"jobc_hole_(\d+)")
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not-in",
    ast.Is: "==",
    ast.IsNot: "!=",
}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
}
_METHODS = {
    "startswith": "startsWith",
    "endswith": "endsWith",
    "lower": "lower",
    "upper": "upper",
    "strip": "trim",
}
_FUNCTIONS = {"len": "len", "min": "min", "max": "max", "sum": "sum", "range": "range"}
_TIME_METHODS = ("weekday", "isoformat", "strftime", "timestamp")
_STATUSES = {name.upper(): name for name in ("success", "failed", "skip", "cancel")}
_CONSTANTS: dict[str, bool | None] = {"True": True, "False": False, "None": None}


def placeholder(number: int) -> str:
    """The name that stands for the value with this number."""
    return _HOLE.format(number)


def translate_condition(python: str, values: list[Value], visit: Callable[[Expr], Expr]) -> Expr:
    """The expression for a Python text with a `placeholder` for each of `values`.

    `visit` translates the paths that the text itself names (`params['x']`). Raises Untranslatable.
    """
    try:
        tree = ast.parse(python.strip(), mode="eval")
    except SyntaxError as error:
        raise Untranslatable(
            f"it is no Python expression ({error.msg})", "write the condition as an expression of jobc"
        ) from None
    return _Condition(values, visit).expr(tree.body)


class _Condition:
    def __init__(self, values: list[Value], visit: Callable[[Expr], Expr]) -> None:
        self.values = values
        self.visit = visit

    def expr(self, node: ast.expr) -> Expr:
        match node:
            case ast.BoolOp():
                op = "and" if isinstance(node.op, ast.And) else "or"
                made = self.expr(node.values[0])
                for part in node.values[1:]:
                    made = Binary(op, made, self.expr(part))
                return made
            case ast.UnaryOp(op=ast.Not()):
                return Unary("not", self.expr(node.operand))
            case ast.UnaryOp(op=ast.USub()):
                return Unary("-", self.expr(node.operand))
            case ast.BinOp() if type(node.op) in _OPERATORS:
                return Binary(_OPERATORS[type(node.op)], self.expr(node.left), self.expr(node.right))
            case ast.Compare():
                return self._compare(node)
            case ast.IfExp():
                return Conditional(self.expr(node.test), self.expr(node.body), self.expr(node.orelse))
            case ast.Constant():
                return self._constant(node.value)
            case ast.List() | ast.Tuple():
                return ListExpr([self.expr(item) for item in node.elts])
            case ast.Dict() if all(node.keys):
                return MapExpr(
                    [(self.expr(k), self.expr(v)) for k, v in zip(node.keys, node.values, strict=True) if k]
                )
            case ast.Name():
                found = _FOUND.fullmatch(node.id)
                return self.values[int(found[1])][0] if found else self.visit(Name(node.id))
            case ast.Subscript() | ast.Attribute():
                return self._part(node)
            case ast.Call(keywords=[]):
                return self._call(node)
        raise _no(node)

    def _compare(self, node: ast.Compare) -> Expr:
        operands = [node.left, *node.comparators]
        made: Expr | None = None
        for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
            pair = Binary(_COMPARE[type(op)], *self._sides(left, right))
            made = pair if made is None else Binary("and", made, pair)
        assert made is not None
        return made

    def _sides(self, left: ast.expr, right: ast.expr) -> tuple[Expr, Expr]:
        """A quoted value beside the text of a constant is compared as that constant."""
        for one, other in ((left, right), (right, left)):
            status = self._status(one, other)
            if status is not None:
                return status if one is left else status[::-1]
            value = self._quoted(one)
            if value is None or not isinstance(other, ast.Constant) or not isinstance(other.value, str):
                continue
            constant = self._as_constant(value[1], other.value)
            if constant is not None:
                return (value[0], constant) if one is left else (constant, value[0])
        return self.expr(left), self.expr(right)

    def _status(self, one: ast.expr, other: ast.expr) -> tuple[Expr, Expr] | None:
        """A result beside the name of a status: those are written in lower case here."""
        value = self._quoted(one)
        if value is None and isinstance(one, ast.Name) and (found := _FOUND.fullmatch(one.id)):
            value = self.values[int(found[1])]
        named = isinstance(other, ast.Constant) and other.value in _STATUSES
        if value is None or not named or not (isinstance(value[0], Member) and value[0].name == "result"):
            return None
        assert isinstance(other, ast.Constant)
        return value[0], Literal(_STATUSES[str(other.value)])

    def _quoted(self, node: ast.expr) -> Value | None:
        """The value that stands alone between quotes."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = _FOUND.fullmatch(node.value)
            return self.values[int(found[1])] if found else None
        return None

    def _as_constant(self, type: str | None, text: str) -> Literal | None:
        if text in _CONSTANTS and type != "str":
            return Literal(_CONSTANTS[text])
        if type == "int" and re.fullmatch(r"-?\d+", text):
            return Literal(int(text))
        return None

    def _constant(self, value: object) -> Expr:
        if isinstance(value, str):
            parts = _FOUND.split(value)
            if len(parts) == 1:
                return Literal(value)
            holes = [self.values[int(number)] for number in parts[1::2]]
            if len(holes) == 1 and not parts[0] and not parts[2]:
                return text_value(*holes[0])
            template = "".join(
                part.replace("{", "{{").replace("}", "}}") if i % 2 == 0 else f"{{{i // 2}}}"
                for i, part in enumerate(parts)
            )
            return Call("format", [Literal(template), *(expr for expr, _ in holes)], [])
        if value is None or isinstance(value, bool | int | float):
            return Literal(value)
        raise Untranslatable(
            f"`{value!r}` has no counterpart", "write the condition as an expression of jobc"
        )

    def _part(self, node: ast.Subscript | ast.Attribute) -> Expr:
        path = self._path(node)
        if path is not None:
            return self.visit(path)
        if isinstance(node, ast.Attribute):
            return Member(self.expr(node.value), node.attr)
        return Index(self.expr(node.value), self.expr(node.slice))

    def _path(self, node: ast.expr) -> Expr | None:
        """A path such as `params['x']`, untranslated; None where it begins with anything but a context."""
        if isinstance(node, ast.Name):
            return None if _FOUND.fullmatch(node.id) else Name(node.id)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            owner = self._path(node.value)
            key = node.slice.value
            if owner is None or not isinstance(key, str | int):
                return None
            word = isinstance(key, str) and re.fullmatch(r"[^\W\d]\w*(?:-\w+)*", key)
            return Member(owner, str(key)) if word else Index(owner, Literal(key))
        return None

    def _call(self, node: ast.Call) -> Expr:
        args = [self.expr(arg) for arg in node.args]
        match node.func:
            case ast.Name(id="str") if len(args) == 1:
                return text_value(args[0], None)
            case ast.Name(id="int") if len(args) == 1:
                return Call("fromJson", args, [])
            case ast.Name(id="abs") if len(args) == 1:
                return Call("max", [args[0], Unary("-", args[0])], [])
            case ast.Name(id=name) if name in _FUNCTIONS:
                return Call(_FUNCTIONS[name], args, [])
            case ast.Attribute(value=ast.Name(id="datetime"), attr="now" | "utcnow" as attr):
                return Call(f"datetime.{attr}", args, [])
            case ast.Attribute(value=ast.Name(id="datetime"), attr="fromisoformat"):
                return Call("datetime.parse", args, [])
            case ast.Attribute(attr=attr) if attr in _METHODS:
                return Call(_METHODS[attr], [self.expr(node.func.value), *args], [])
            case ast.Attribute(attr=attr) if attr in _TIME_METHODS:
                return Method(self.expr(node.func.value), attr, args, [])
            case ast.Attribute(attr="get") if args:
                path = self._part(ast.Subscript(node.func.value, node.args[0]))
                return Binary("??", path, args[1]) if len(args) > 1 else path
        raise _no(node)


def _no(node: ast.expr) -> Untranslatable:
    return Untranslatable(
        f"`{_FOUND.sub('…', ast.unparse(node))}` is Python that has no counterpart",
        "compute it in a `run` stage and test its output, or write it as an expression of jobc",
    )
