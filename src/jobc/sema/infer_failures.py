"""Calls that fail whatever is not known of them: their constant arguments decide it.

Where all arguments are constant, the interpreter's own function is asked. A few functions fail by some of their arguments
alone: a template with a place for an argument that is not given, an empty separator, a step of 0. There the others are
replaced by values with which nothing else can go wrong.
"""

from __future__ import annotations

import re

from jobc.sema.signatures import Arg, Signature
from jobc.syntax.expr import Call, Expr, Literal, Name, walk

#: Functions that some arguments decide, and a value that is harmless in place of any other one.
_DECIDE: dict[str, tuple[int, str | int]] = {
    "format": (0, "x"),
    "split": (1, "x"),
    "replace": (1, "x"),
    "range": (2, 0),
}


def failure(signature: Signature, values: list[tuple[Arg, Expr]]) -> str | None:
    """What the interpreter will say of the call, where it is sure to fail; None where it may succeed."""
    if not signature.pure or not values:
        return None
    args = [expr for _, expr in values]
    open_ = [any(isinstance(part, Name | Call) for part in walk(expr)) for expr in args]
    if any(open_):
        decisive, harmless = _DECIDE.get(signature.name, (len(args), 0))
        if decisive >= len(args) or open_[decisive] or _is_plain(signature.name, args[decisive], len(args)):
            return None
        args = [
            expr if place == decisive else Literal(harmless, expr.start, expr.end)
            for place, expr in enumerate(args)
        ]
    from jobc.sema import fold

    return fold.failure(Call(signature.name, args, []))


def _is_plain(name: str, decisive: Expr, count: int) -> bool:
    """Whether nothing is wrong at first sight, so that the interpreter need not be loaded to ask it."""
    if not isinstance(decisive, Literal):
        return False
    value = decisive.value
    if name != "format" or not isinstance(value, str):
        return bool(value)
    places = re.findall(r"\{([0-9]?)\}", value)
    numbers = [int(place or at) for at, place in enumerate(places)]
    return value.count("{") == value.count("}") == len(places) and all(n < count - 1 for n in numbers)
