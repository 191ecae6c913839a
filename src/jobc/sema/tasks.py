"""Calls of registered functions (`jobc.task`): their arguments and results by the functions' own signatures.

Only what is known in this process can be checked: a name that is not registered here may be elsewhere, so
nothing is said about it. Annotations that have no counterpart among the types of expressions promise nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.interpreter import tasks
from jobc.sema.contexts import value_type
from jobc.sema.model import WorkflowModel
from jobc.sema.types import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NULL,
    STR,
    ListType,
    LiteralType,
    MapType,
    ObjectType,
    Type,
    assignable,
    show,
    union,
)
from jobc.syntax.ast import CallStage, Const
from jobc.syntax.spelling import nearest

if TYPE_CHECKING:
    import inspect

RULE = "call-mismatch"
_PLAIN: dict[object, Type] = {
    None: NULL,
    type(None): NULL,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: STR,
    list: ListType(ANY),
    dict: MapType(ANY),
}


def check_call(stage: CallStage, model: WorkflowModel, report: Callable[[Diagnostic], None]) -> None:
    """Report arguments that the function does not have, does not get, or gets of a wrong type."""
    signature = _signature(stage)
    if signature is None:
        return
    name, accepted, _ = signature
    open_ended = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    for item in stage.with_:
        known = accepted.get(item.key)
        if known is None or known.kind in (known.VAR_KEYWORD, known.VAR_POSITIONAL, known.POSITIONAL_ONLY):
            if not open_ended:
                near = nearest(item.key, accepted)
                listed = ", ".join(f"`{each}`" for each in accepted) or "none"
                report(
                    Diagnostic(
                        RULE,
                        f"the task `{name}` has no argument `{item.key}`",
                        item.key_span,
                        help=f"did you mean `{near}`?" if near else f"its arguments: {listed}",
                    )
                )
            continue
        wanted, given = _type(known.annotation), value_type(item.value, model)
        if not assignable(given, wanted):
            report(
                Diagnostic(
                    RULE,
                    f"the argument `{item.key}` of the task `{name}` is {show(wanted)}, but this is {show(given)}",
                    item.value.span,
                    help=f"give {show(wanted)}, or change the annotation of `{item.key}`",
                )
            )
    given_names = {item.key for item in stage.with_}
    for each in accepted.values():
        needed = each.default is each.empty and each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        if needed and each.name not in given_names:
            report(
                Diagnostic(
                    RULE,
                    f"the task `{name}` needs the argument `{each.name}`",
                    stage.function.span,
                    help=f"give it: `with: {{{each.name}: …}}`",
                )
            )


def result_type(stage: CallStage) -> Type | None:
    """The type of the output `result` (`NULL`: there is none); None where nothing is known, or the outputs are a map."""
    signature = _signature(stage)
    if signature is None:
        return None
    returned = signature[2]
    return None if returned is ANY or isinstance(returned, (MapType, ObjectType)) else returned


def _signature(stage: CallStage) -> tuple[str, dict[str, inspect.Parameter], Type] | None:
    """(name, arguments, type of the result) where the stage calls a function that is registered here."""
    if not isinstance(stage.function, Const) or not isinstance(stage.function.value, str):
        return None
    name = stage.function.value
    function = tasks.find(name)
    if function is None:
        return None
    import inspect
    import typing

    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        hints = {}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None
    accepted = {key: part.replace(annotation=hints.get(key, part.empty)) for key, part in parameters.items()}
    return name, accepted, _type(hints.get("return", inspect.Parameter.empty))


def _type(annotation: object) -> Type:
    """The type of an annotation; `ANY` where it says nothing that expressions know."""
    import typing
    from datetime import date

    if isinstance(annotation, type) and issubclass(annotation, date):
        return DATETIME
    try:
        plain = _PLAIN.get(annotation)
    except TypeError:
        return ANY
    if plain is not None:
        return plain
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        known = [v for v in arguments if isinstance(v, (bool, int, float, str))]
        return union(LiteralType(v) for v in known) if len(known) == len(arguments) else ANY
    if origin is list:
        return ListType(_type(arguments[0]))
    if origin is dict:
        return MapType(_type(arguments[1]))
    if origin is typing.Union or getattr(origin, "__name__", "") == "UnionType":
        return union(_type(part) for part in arguments)
    return ANY
