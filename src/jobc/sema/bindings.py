"""Copies of reused jobs and stages, with the other file's parameters bound to values of this one.

A reused text reads `params.x` of *its* file. What stands for `x` at a use is decided once (`Bindings`), and put in
place of `params.x` in every expression of the copy:

- a value given by `with`: a constant as a literal, one expression as itself, text with expressions as `format(…)`,
  lists and maps as lists and maps of these;
- else `params.x` itself, where the using workflow declares a parameter of that name: it is the same parameter;
- else the declared default;
- else nothing is known of it, and it stays (the using workflow declares no parameters at all), or it is missing.

`params['x']` is read like `params.x`; `params` as a whole becomes a map of all that is bound, on top of the parameters
of the run where some are not. The types of the copies follow from what stands in them, so a value of a wrong type is
found where the reused text uses it.

Every expression of a copy is an object of its own, with the place of the text that it stands in, so that each use is
typed by itself and a message points into the reused file. Nodes and spans are shared.

Python code that reads `params` while it runs sees the parameters of the run: see `reused_python`.
"""

from __future__ import annotations

from typing import TypeVar

from jobc.source.file import Span
from jobc.syntax.ast import (
    Arm,
    Branch,
    Concurrency,
    Const,
    Defaults,
    ExprHole,
    Item,
    Job,
    ListValue,
    MapValue,
    Need,
    Retry,
    Reuse,
    RunsOn,
    StageBase,
    Strategy,
    TemplateValue,
    Value,
)
from jobc.syntax.expr import (
    Binary,
    Call,
    Expr,
    ExprNode,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Member,
    Name,
)
from jobc.syntax.file_nodes import Artifacts, Cache, Placed, Published

_COPIED = (
    Arm,
    Artifacts,
    Branch,
    Cache,
    Concurrency,
    Defaults,
    Item,
    Job,
    ListValue,
    MapValue,
    Need,
    Placed,
    Published,
    Retry,
    Reuse,
    RunsOn,
    StageBase,
    Strategy,
)
T = TypeVar("T")


class Bindings:
    """What stands for the parameters of a reused file: an expression by name, None where it is wrong (and reported).

    A parameter that has no entry stays as it is. `complete`: there are no others.
    """

    __slots__ = ("bound", "complete")

    def __init__(self, bound: dict[str, Expr | None], *, complete: bool = False) -> None:
        self.bound = bound
        self.complete = complete

    def copy(self, node: T) -> T:
        """A deep copy of a part of the AST."""
        return self._copy(node)  # type: ignore[return-value]

    def _copy(self, node: object) -> object:
        if isinstance(node, list):
            return [self._copy(item) for item in node]
        if isinstance(node, ExprHole):
            return ExprHole(node.hole, None if node.expr is None else self.expr(node.expr))
        if isinstance(node, TemplateValue):
            parts = [part if isinstance(part, str) else self._copy(part) for part in node.parts]
            return TemplateValue(node.node, node.template, parts, node.whole)  # type: ignore[arg-type]
        if not isinstance(node, _COPIED):
            return node
        cls = type(node)
        made = cls.__new__(cls)
        for base in cls.__mro__:
            for name in getattr(base, "__slots__", ()):
                part = getattr(node, name)
                setattr(made, name, dict(part) if isinstance(part, dict) else self._copy(part))
        return made

    def expr(self, expr: Expr) -> Expr | None:
        """A copy of an expression with what is bound in place; None where that is unknown."""
        try:
            return self._expr(expr)
        except _Unknown:
            return None

    def _expr(self, expr: Expr) -> Expr:
        name = _param(expr)
        if name is not None and name in self.bound:
            bound = self.bound[name]
            if bound is None:
                raise _Unknown
            return placed(bound, expr.start, expr.end)
        if isinstance(expr, Name) and expr.name == "params" and self.bound:
            return self._whole(expr)
        if name is not None:
            return placed(expr, None, None)
        return _rebuilt(expr, self._expr)

    def _whole(self, expr: Name) -> Expr:
        entries: list[tuple[Expr, Expr]] = []
        for name, bound in self.bound.items():
            if bound is None:
                raise _Unknown
            key = Literal(name, expr.start, expr.end)
            entries.append((key, placed(bound, expr.start, expr.end)))
        given = MapExpr(entries, expr.start, expr.end)
        if self.complete:
            return given
        return Call("merge", [placed(expr, None, None), given], [], expr.start, expr.end, expr.end)


class _Unknown(Exception):
    """An expression holds a parameter whose value is wrong and reported."""


def _param(expr: Expr) -> str | None:
    """The parameter that `params.x` or `params['x']` reads."""
    if isinstance(expr, Member) and isinstance(expr.object, Name) and expr.object.name == "params":
        return expr.name
    if isinstance(expr, Index) and isinstance(expr.object, Name) and expr.object.name == "params":
        index = expr.index
        if isinstance(index, Literal) and isinstance(index.value, str):
            return index.value
    return None


def _rebuilt(expr: Expr, part: object) -> Expr:
    """A copy of a node whose sub-expressions are what `part` makes of them."""

    def again(field: object) -> object:
        if isinstance(field, ExprNode):
            return part(field)  # type: ignore[operator]
        if isinstance(field, list):
            return [again(item) for item in field]
        if isinstance(field, tuple):
            return tuple(again(item) for item in field)
        return field

    cls = type(expr)
    made = cls.__new__(cls)
    for base in cls.__mro__:
        for name in getattr(base, "__slots__", ()):
            setattr(made, name, again(getattr(expr, name)))
    return made


def placed(expr: Expr, start: int | None, end: int | None) -> Expr:
    """A copy of an expression that stands at `start:end` of another text; in its own place where these are None."""
    made = _rebuilt(expr, lambda inner: placed(inner, start, end))
    if start is not None and end is not None:
        for name in ("start", "name_start"):
            if hasattr(made, name):
                setattr(made, name, start)
        for name in ("end", "name_end"):
            if hasattr(made, name):
                setattr(made, name, end)
    return made


def as_expr(value: Value) -> Expr | None:
    """A value as one expression; None where an expression in it does not parse."""
    try:
        return _as_expr(value)
    except _Unknown:
        return None


def _as_expr(value: Value) -> Expr:
    span = value.span
    if isinstance(value, Const):
        return Literal(value.value, span.start, span.end)
    if isinstance(value, ListValue):
        return ListExpr([_as_expr(item) for item in value.items], span.start, span.end)
    if isinstance(value, MapValue):
        return MapExpr([_entry(item) for item in value.entries], span.start, span.end)
    parts: list[Expr] = []
    pattern = ""
    for part in value.parts:
        if isinstance(part, str):
            pattern += part.replace("{", "{{").replace("}", "}}")
            continue
        if part.expr is None:
            raise _Unknown
        pattern += f"{{{len(parts)}}}"
        parts.append(part.expr)
    if value.whole:
        return parts[0]
    return Call(
        "format", [Literal(pattern, span.start, span.end), *parts], [], span.start, span.end, span.end
    )


def _entry(item: Item) -> tuple[Expr, Expr]:
    return Literal(item.key, item.key_span.start, item.key_span.end), _as_expr(item.value)


def of_json(value: object, span: Span) -> Expr:
    """A JSON value as an expression: a declared default."""
    if isinstance(value, list):
        return ListExpr([of_json(item, span) for item in value], span.start, span.end)
    if isinstance(value, dict):
        pairs = [(str(key), item) for key, item in value.items()]
        return MapExpr(
            [(Literal(key, span.start, span.end), of_json(item, span)) for key, item in pairs],
            span.start,
            span.end,
        )
    assert value is None or isinstance(value, bool | int | float | str)
    return Literal(value, span.start, span.end)


def both(outer: Value, inner: Value) -> Value:
    """The condition that holds where both do, in the inner one's place. The outer one stands for itself where nothing is known of the inner."""
    one, two = as_expr(outer), as_expr(inner)
    if one is None or two is None or isinstance(inner, ListValue | MapValue):
        return outer if two is None else inner
    if isinstance(inner, Const):
        return outer if inner.value is True else inner
    if not inner.whole or not inner.holes:
        return inner
    at = inner.holes[0]
    joined = Binary("and", placed(one, two.start, two.end), two, two.start, two.end)
    return TemplateValue(inner.node, inner.template, [ExprHole(at.hole, joined)], True)
