"""Inference: the type of every part of an expression, and what is wrong with it.

Types go up the tree: each node's type follows from its parts' types (operators in `infer_operators`, calls in
`infer_calls`). Wherever a type can be one of several, a part is wrong only if it is wrong for all of them, and
whatever is unknown is `ANY` and silent: there are no false alarms, and nothing is reported twice, as the type of
what was reported is `ANY`. A type promises what the evaluator gives if it gives a value at all; the property
test in `tests/sema` holds the two against each other.

Rules reported here: `undefined-name`, `name-or-subtraction`, `context-unavailable`, `call-signature`, `incomparable-types`,
`condition-not-boolean`, and the rule that a closed object names for its unknown properties.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Any

from jobc.sema import infer_calls, infer_operators
from jobc.sema.infer_report import Report, Reporter
from jobc.sema.narrow import both, facts, path_of
from jobc.sema.nearest import nearest
from jobc.sema.respelling import is_word, respelled
from jobc.sema.scope import Scope
from jobc.sema.signatures import FIELDS, FUNCTIONS, METHODS
from jobc.sema.types import (
    ANY,
    DATETIME,
    INT,
    NULL,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    SecretType,
    Type,
    base,
    family,
    is_secret,
    join,
    members,
    optional,
    union,
)
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
from jobc.syntax.printer import print_text

__all__ = ["Report", "check_condition", "infer"]


def infer(expr: Expr, scope: Scope, report: Report) -> Type:
    """The type of `expr` in `scope`. Findings go to `report`, the types of all parts to `scope.record`."""
    return _infer(expr, Reporter(scope, report))


def check_condition(expr: Expr, scope: Scope, report: Report) -> Type:
    """`infer`, and `condition-not-boolean` where the value can never be true or false."""
    reporter = Reporter(scope, report)
    type = _infer(expr, reporter)
    infer_operators.require_boolean(expr, type, "a condition", reporter)
    return type


def _infer(expr: Expr, reporter: Reporter) -> Type:
    found = _KINDS[type(expr)](expr, reporter)
    if reporter.facts and isinstance(expr, Member | Index):
        path = path_of(expr)
        narrowed = reporter.facts.get(path) if path is not None else None
        if narrowed is not None:
            reporter.wide[id(expr)] = found
            found = narrowed
    return reporter.scope.record(expr, found)


def _given(expr: Expr, test: Expr, holds: bool, reporter: Reporter) -> Type:
    """The type of a part that is evaluated only where a test holds (or does not)."""
    before = reporter.facts
    reporter.facts = both(before, facts(test, holds, reporter.scope.types))
    try:
        return _infer(expr, reporter)
    finally:
        reporter.facts = before


def _literal(expr: Literal, reporter: Reporter) -> Type:
    return NULL if expr.value is None else LiteralType(expr.value)


def _member(expr: Member, reporter: Reporter) -> Type:
    return _property(expr, _infer(expr.object, reporter), expr.name, expr.name_start, reporter)


def _binary(expr: Binary, reporter: Reporter) -> Type:
    left = _infer(expr.left, reporter)
    if expr.op in ("and", "or"):
        decided = reporter.decides(expr.left)
        if decided is not None and decided != (expr.op == "and"):
            return LiteralType(decided)
        right = _given(expr.right, expr.left, expr.op == "and", reporter)
    else:
        right = _infer(expr.right, reporter)
    return infer_operators.binary(expr, left, right, reporter)


def _unary(expr: Unary, reporter: Reporter) -> Type:
    return infer_operators.unary(expr, _infer(expr.operand, reporter), reporter)


def _conditional(expr: Conditional, reporter: Reporter) -> Type:
    test = _infer(expr.test, reporter)
    infer_operators.require_boolean(expr.test, test, "the test before `?`", reporter)
    decided = reporter.decides(expr.test)
    if decided is not None:
        return _infer(expr.then if decided else expr.otherwise, reporter)
    return join(
        _given(expr.then, expr.test, True, reporter),
        _given(expr.otherwise, expr.test, False, reporter),
    )


def _list(expr: ListExpr, reporter: Reporter) -> Type:
    return ListType(union([_infer(item, reporter) for item in expr.items]))


def _call(expr: Call, reporter: Reporter) -> Type:
    _arguments(expr, reporter)
    return infer_calls.call(expr, reporter)


def _filter(expr: Filter, reporter: Reporter) -> Type:
    _infer(expr.value, reporter)
    _arguments(expr, reporter)
    return infer_calls.filter_call(expr, reporter)


def _method(expr: Method, reporter: Reporter) -> Type:
    _arguments(expr, reporter)
    return infer_calls.method(expr, _infer(expr.object, reporter), reporter)


def _arguments(expr: Call | Filter | Method, reporter: Reporter) -> None:
    for argument in expr.args:
        _infer(argument, reporter)
    for _, argument in expr.keywords:
        _infer(argument, reporter)


def _map(expr: MapExpr, reporter: Reporter) -> Type:
    props: dict[str, Type] = {}
    for key, value in expr.entries:
        _infer(key, reporter)
        type = _infer(value, reporter)
        if not isinstance(key, Literal):
            return MapType(ANY)
        props[str(key.value)] = type
    return ObjectType(props)


def _name(expr: Name, reporter: Reporter) -> Type:
    scope, name = reporter.scope, expr.name
    if name in scope.contexts:
        return scope.contexts[name]
    if name in scope.unavailable:
        reporter.unavailable(name, expr.start, expr.end)
        return ANY
    constants = {"none": "null", "nil": "null", "undefined": "null", "yes": "true", "no": "false"}
    near = constants.get(name.lower()) or nearest(name, [*scope.contexts, "true", "false", "null"])
    parts = _subtraction(name, scope.contexts, scope.contexts)
    if parts is not None:
        reporter.subtraction(name, parts, expr.start)
        return ANY
    if name in FUNCTIONS and FUNCTIONS[name].use == "function":
        help = f"call it: `{name}()`"
        near = None
    elif name in ("datetime", "date"):
        calls = [f"`{other}()`" for other in FUNCTIONS if other.startswith(name + ".")]
        help = f"call one of its functions: {', '.join(calls)}"
        near = None
    elif near and name not in _ELSEWHERE:
        help = f"did you mean `{near}`?"
    else:
        help = _contexts(scope, name)
        near = None
    reporter.undefined(f"unknown name `{name}`", expr.start, expr.end, help, near)
    return ANY


#: Contexts of other systems, and what they are here.
_ELSEWHERE = {
    "inputs": "parameters are read as `params.name`",
    "github": "what a run is told about its event comes in as parameters, `params.name`",
    "jobs": "the outputs of a job are read as `needs.job.outputs.name`",
    "runner": "a job says with `runs-on` where it runs",
    "steps": "stages are read as `stages.id.outputs.name`",
    "variables": "values of `env` are read as `env.NAME`",
    "outputs": "outputs are read as `stages.id.outputs.name` or `needs.job.outputs.name`",
    "result": "a job's result is read as `needs.job.result`",
}


def _contexts(scope: Scope, name: str) -> str:
    known = ", ".join(f"`{other}`" for other in sorted(scope.contexts))
    if name in _ELSEWHERE:
        return f"{_ELSEWHERE[name]}; the contexts here are {known}"
    text = f"text needs quotes: `'{name}'`"
    return f"{text}; the contexts here are {known}" if known else text


def _subtraction(
    name: str, owner: Container[str], contexts: Container[str], path: str = ""
) -> tuple[str, str] | None:
    """The parts of a hyphenated name that is unknown, where both are known. `path` leads to the owner's names."""
    for match in re.finditer("-", name):
        left, right = name[: match.start()], name[match.end() :]
        if left not in owner:
            continue
        if path and right in owner:
            return left, path + right
        if right.isdigit() or right.split("-", 1)[0] in contexts:
            return left, right
    return None


def _property(expr: Member | Index, owner: Type, name: str, start: int, reporter: Reporter) -> Type:
    """The type of a property (or of a constant key) of a value of type `owner`."""
    if type(owner) is ObjectType and name in owner.props:
        return union((owner.props[name],))
    return _part(
        owner,
        lambda member: _property_of(member, name),
        lambda kinds: _unknown_property(expr, kinds, name, start, reporter),
    )


def _part(owner: Type, part_of: Callable[[Type], Type | None], refuse: Callable[[list[Type]], None]) -> Type:
    """The union of what each alternative of `owner` holds; null of null. `refuse` where none but null can hold it."""
    kinds = [member for member in members(owner) if member is not NULL]
    found = [type for type in map(part_of, kinds) if type is not None]
    if not found:
        if kinds:
            refuse(kinds)
        return ANY if kinds else NULL
    if len(kinds) < sum(1 for _ in members(owner)):
        found.append(NULL)
    result = union(found)
    return SecretType(result) if is_secret(owner) and result is not NULL else result


def _property_of(owner: Type, name: str) -> Type | None:
    if owner is ANY:
        return ANY
    if isinstance(owner, ObjectType):
        return owner.props.get(name, ANY if owner.open else None)
    if isinstance(owner, MapType):
        return optional(owner.elem)
    return INT if owner is DATETIME and name in FIELDS else None


def _unknown_property(
    expr: Member | Index, owners: list[Type], name: str, start: int, reporter: Reporter
) -> None:
    owner = owners[0]
    text = reporter.text(expr.object)
    end = expr.end if isinstance(expr, Member) else expr.index.end
    if isinstance(owner, ObjectType):
        objects = [o for o in owners if isinstance(o, ObjectType)]
        props = {prop: None for o in objects for prop in o.props}
        near = nearest(name, props)
        parts = _subtraction(name, props, reporter.scope.contexts, f"{text}.")
        if parts is not None and isinstance(expr, Member):
            reporter.subtraction(name, parts, start, f"{text}.")
            return
        if near and (is_word(near) or isinstance(expr, Index)):
            help = f"did you mean `{near}`?"
        elif near:
            help = f"did you mean `{text}[{print_text(near)}]`?"
        else:
            known = ", ".join(f"`{prop}`" for prop in list(props)[:12]) + (", …" if len(props) > 12 else "")
            help = f"it has {known}" if props else "it has none at all"
        if owner.noun == "property":
            message = f"`{text}` has no property `{name}`"
        else:
            message = f"`{name}` is no {owner.noun}"
        written = near and respelled(reporter.scope.file.text[start:end], near)
        reporter.undefined(message, start, end, help, written, rule=owner.rule)
        return
    message = f"`{text}` is {reporter.words(expr.object, owner)}, which has no property `{name}`"
    if name in ("length", "size", "count") and family(owner) in ("str", "list"):
        reporter.undefined(
            message, start, end, f"write `len({text})`", f"len({text})", replaces=(expr.start, expr.end)
        )
    elif owner is DATETIME and name in METHODS:
        reporter.undefined(message, start, end, f"call it: `.{name}()`", f"{name}()")
    elif owner is DATETIME:
        near = nearest(name, FIELDS)
        known = ", ".join(f"`{field}`" for field in FIELDS)
        reporter.undefined(
            message, start, end, f"did you mean `{near}`?" if near else f"it has {known}", near
        )
    elif base(owner).__class__ is ListType:
        reporter.undefined(message, start, end, "take one of its items first, such as `[0]`", None)
    else:
        reporter.undefined(
            message, start, end, "leave it out: only maps, dates and times have properties", None
        )


def _index(expr: Index, reporter: Reporter) -> Type:
    owner, index = _infer(expr.object, reporter), _infer(expr.index, reporter)
    if isinstance(expr.index, Literal) and isinstance(expr.index.value, str):
        kinds = [m for m in members(owner) if m is not NULL]
        if any(m is ANY or isinstance(m, MapType | ObjectType) for m in kinds):
            return _property(expr, owner, expr.index.value, expr.index.start, reporter)
    return _part(
        owner,
        lambda member: _item_of(member, index),
        lambda kinds: _wrong_index(expr, kinds, index, reporter),
    )


def _item_of(owner: Type, index: Type) -> Type | None:
    if owner is ANY:
        return ANY
    if isinstance(owner, ListType):
        return optional(owner.elem) if _may_be(index, "number") else None
    if isinstance(owner, MapType | ObjectType) and _may_be(index, "str"):
        if isinstance(owner, MapType):
            return optional(owner.elem)
        return ANY if owner.open else optional(union([*owner.props.values(), NULL]))
    return None


def _may_be(type: Type, wanted: str) -> bool:
    return any(member is ANY or family(member) == wanted for member in members(type))


def _wrong_index(expr: Index, owners: list[Type], index: Type, reporter: Reporter) -> None:
    text = reporter.text(expr.object)
    owner = owners[0]
    start, end = expr.index.start, expr.index.end
    if isinstance(owner, ListType):
        message, help = (
            f"`{text}` is a list, but its index is {reporter.words(expr.index, index)}",
            "index a list with a whole number, from 0",
        )
    elif isinstance(owner, MapType | ObjectType):
        message, help = (
            f"`{text}` is a map, but its index is {reporter.words(expr.index, index)}",
            "index a map with text",
        )
    else:
        start, end = expr.start, expr.end
        message, help = (
            f"`{text}` is {reporter.words(expr.object, owner)}, which cannot be indexed",
            "only lists and maps have an index",
        )
    reporter.undefined(message, start, end, help, None)


_KINDS: dict[type, Callable[[Any, Reporter], Type]] = {
    Literal: _literal,
    Name: _name,
    Member: _member,
    Binary: _binary,
    Unary: _unary,
    Conditional: _conditional,
    Index: _index,
    ListExpr: _list,
    MapExpr: _map,
    Call: _call,
    Filter: _filter,
    Method: _method,
}
