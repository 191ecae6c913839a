"""Walks that several questions share: the stages of a job, nested ones too, and the contexts that an expression reads."""

from __future__ import annotations

from collections.abc import Iterator

from jobc.syntax.ast import Job, Stage, child_stages
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


class Chain:
    """A read such as `needs.build.outputs['x']`: the context's name, and the keys that follow as far as they are constant.

    `whole`: nothing follows, or what follows is computed, so anything below may be read. `expr` is the chain itself.
    """

    __slots__ = ("expr", "keys", "root", "whole")

    def __init__(self, root: str, keys: tuple[str, ...], whole: bool, expr: Expr) -> None:
        self.root = root
        self.keys = keys
        self.whole = whole
        self.expr = expr


def stages(job: Job) -> Iterator[Stage]:
    """Every stage of a job in file order, those inside others after them."""
    pending: list[Stage] = list(reversed(job.stages))
    while pending:
        stage = pending.pop()
        yield stage
        for body in reversed(list(child_stages(stage))):
            pending.extend(reversed(body))


def chains(expr: Expr) -> Iterator[Chain]:
    """The context reads in an expression, each once, those inside computed indices too."""
    accessors: list[Member | Index] = []
    node = expr
    while isinstance(node, Member | Index):
        accessors.append(node)
        node = node.object
    if not isinstance(node, Name):
        for child in expr.children():
            yield from chains(child)
        return
    keys: list[str] = []
    computed = False
    for accessor in reversed(accessors):
        key = key_of(accessor)
        if key is None:
            computed = True
            assert isinstance(accessor, Index)
            yield from chains(accessor.index)
        elif not computed:
            keys.append(key)
    yield Chain(node.name, tuple(keys), computed or not accessors, expr)


def key_of(accessor: Member | Index) -> str | None:
    """The constant key of `.name` or `['name']`."""
    if isinstance(accessor, Member):
        return accessor.name
    index = accessor.index
    return index.value if isinstance(index, Literal) and isinstance(index.value, str) else None


#: Functions whose result holds no text of their arguments that could be taken for more than one word.
CLEAN = frozenset(("quote", "hashFiles", "len", "contains", "startsWith", "endsWith"))


def carried(expr: Expr) -> Iterator[Expr]:
    """The reads whose text may be part of the expression's value: not those that are compared, counted or quoted."""
    parts: Iterator[Expr] | tuple[Expr, ...]
    if isinstance(expr, Unary):
        return
    if isinstance(expr, Conditional):
        parts = (expr.then, expr.otherwise)
    elif isinstance(expr, Binary):
        parts = (expr.left, expr.right) if expr.op in ("+", "??") else ()
    elif isinstance(expr, Call):
        parts = () if expr.function in CLEAN else expr.children()
    elif isinstance(expr, Filter):
        parts = () if expr.name in CLEAN else expr.children()
    elif isinstance(expr, ListExpr | MapExpr | Method):
        parts = expr.children()
    else:
        yield expr
        return
    for part in parts:
        yield from carried(part)
