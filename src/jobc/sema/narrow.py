"""What a condition tells about the values that it looks at, for what is evaluated only where it holds.

A fact is a path (`params.region`, `needs.build`) with the type that it has there:

    x == 'v', x in ['v', 'w']    these constants
    x != 'v'                     the other constants of its type
    x != null                    its type without null
    x (a boolean)                true; where it does not hold, not null
    x.result == 'success'        `x` itself is what it is after success
    a && b                       both sides' facts; where it does not hold, none
    a || b                       what both sides say; where it does not hold, both sides' opposites
    !a                           the opposite

A comparison that can never hold is a mistake that is told where it stands, and tells nothing.

So in `c && a`, `a || b` and `c ? a : b`, and in all of a stage or job with a `condition`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from jobc.sema.types import (
    ANY,
    BOOL,
    NULL,
    LiteralType,
    OutcomeType,
    SecretType,
    Type,
    base,
    comparable,
    family,
    members,
    union,
    without_null,
)
from jobc.syntax.expr import Binary, Expr, Index, ListExpr, Literal, Member, Name, Unary

Path: TypeAlias = "tuple[str, ...]"
Facts: TypeAlias = "Mapping[Path, Type]"
NOTHING: Facts = {}


def path_of(expr: Expr) -> Path | None:
    """`a.b['c']` as its names; None for anything that is no chain of constant names."""
    names: list[str] = []
    while True:
        if isinstance(expr, Member):
            names.append(expr.name)
            expr = expr.object
        elif (
            isinstance(expr, Index) and isinstance(expr.index, Literal) and isinstance(expr.index.value, str)
        ):
            names.append(expr.index.value)
            expr = expr.object
        elif isinstance(expr, Name):
            names.append(expr.name)
            return tuple(reversed(names))
        else:
            return None


def facts(expr: Expr, holds: bool, types: Mapping[int, Type]) -> Facts:
    """What is known where `expr` is true (or false: `holds`). `types` are the types of its parts."""
    if isinstance(expr, Unary) and expr.op == "not":
        return facts(expr.operand, not holds, types)
    if isinstance(expr, Binary):
        if expr.op in ("and", "or"):
            left, right = facts(expr.left, holds, types), facts(expr.right, holds, types)
            return both(left, right) if (expr.op == "and") == holds else _either(left, right)
        if expr.op in ("==", "!="):
            return _equal(expr, (expr.op == "==") == holds, types)
        if expr.op in ("in", "not-in"):
            return _among(expr, (expr.op == "in") == holds, types)
        return NOTHING
    path = path_of(expr)
    if path is None or len(path) < 2:
        return NOTHING
    type = types.get(id(expr), ANY)
    if not all(m is ANY or m is NULL or base(m) is BOOL for m in members(type)):
        return NOTHING
    return {path: LiteralType(holds)}


def both(left: Facts, right: Facts) -> Facts:
    """Both hold; the later is the narrower."""
    if not left or not right:
        return left or right
    return {**left, **right}


def _either(left: Facts, right: Facts) -> Facts:
    return {path: union((type, right[path])) for path, type in left.items() if path in right}


def _equal(expr: Binary, equal: bool, types: Mapping[int, Type]) -> Facts:
    for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
        path = path_of(side)
        if path is None or not isinstance(other, Literal):
            continue
        type = types.get(id(side), ANY)
        if isinstance(type, SecretType) or not comparable(type, types.get(id(other), ANY)):
            return NOTHING
        if other.value is None:
            return _narrowed(path, side, NULL if equal else without_null(type), types)
        if isinstance(other.value, float | int) and not isinstance(other.value, bool):
            # `1` and `1.0` are equal: of numbers only null is ruled out.
            return _narrowed(path, side, without_null(type), types) if equal else NOTHING
        if equal:
            return _narrowed(path, side, LiteralType(other.value), types)
        return _narrowed(path, side, _without(type, [other.value]), types)
    return NOTHING


def _among(expr: Binary, inside: bool, types: Mapping[int, Type]) -> Facts:
    path = path_of(expr.left)
    if path is None or not isinstance(expr.right, ListExpr) or not expr.right.items:
        return NOTHING
    values = [
        item.value for item in expr.right.items if isinstance(item, Literal) and isinstance(item.value, str)
    ]
    if len(values) < len(expr.right.items):
        return NOTHING
    if inside:
        type = types.get(id(expr.left), ANY)
        possible = [found for value in values if comparable(type, found := LiteralType(value))]
        return _narrowed(path, expr.left, union(possible), types) if possible else NOTHING
    return _narrowed(path, expr.left, _without(types.get(id(expr.left), ANY), values), types)


def _without(type: Type, values: list[bool | str] | list[str]) -> Type:
    """The type less some constants, where it is a choice of constants; null stays."""
    if isinstance(type, SecretType):
        return type
    kept: list[Type] = []
    for member in members(type):
        if member is BOOL and len(values) == 1 and isinstance(values[0], bool):
            kept.append(LiteralType(not values[0]))
        elif not isinstance(member, LiteralType) or member.value not in values or family(member) == "number":
            kept.append(member)
    return union(kept) if kept else type


def _narrowed(path: Path, expr: Expr, type: Type, types: Mapping[int, Type]) -> Facts:
    found = {path: type}
    if path[-1] == "result" and type == LiteralType("success") and isinstance(expr, Member | Index):
        owner = types.get(id(expr.object), ANY)
        outcomes = [m for m in members(owner) if isinstance(m, OutcomeType)]
        if outcomes:
            found[path[:-1]] = outcomes[0].succeeded
    return found
