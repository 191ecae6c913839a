"""Arguments of a call put into the places of a signature: by position first, then by name."""

from __future__ import annotations

from jobc.sema.signatures import Arg, Overload, Signature
from jobc.syntax.expr import Expr, Literal

#: What stands in the place of an argument: the expression given, or its default.
Bound = list[tuple[Arg, Expr]]


class Mismatch:
    """Why arguments do not fit: `message` and `help` in words; `expr` is the argument in question, if one is.

    `keyword` is the name of an argument that does not exist.
    """

    __slots__ = ("expr", "help", "keyword", "message")

    def __init__(self, message: str, help: str, expr: Expr | None = None, keyword: str = "") -> None:
        self.message = message
        self.help = help
        self.expr = expr
        self.keyword = keyword


def bind(
    signature: Signature, args: list[Expr], keywords: list[tuple[str, Expr]]
) -> tuple[Overload, Bound] | Mismatch:
    """The first overload that these arguments fit by number and name; else why the last one does not."""
    result: tuple[Overload, Bound] | Mismatch = Mismatch("", "")
    for overload in signature.overloads:
        bound = _bind(signature, overload, args, keywords)
        if not isinstance(bound, Mismatch):
            return overload, bound
        result = bound
    return result


def _bind(
    signature: Signature, overload: Overload, args: list[Expr], keywords: list[tuple[str, Expr]]
) -> Bound | Mismatch:
    parameters = overload.args
    given: dict[str, Expr] = {}
    bound: Bound = []
    for index, expr in enumerate(args):
        arg = overload.arg(index)
        if arg is None:
            most = len(parameters)
            takes = f"at most {most} argument{'' if most == 1 else 's'}" if most else "no arguments"
            return Mismatch(
                f"`{signature.name}` takes {takes}, but {len(args) + len(keywords)} are given",
                f"it is {signature.shown()}",
                expr,
            )
        given[arg.name] = expr
        bound.append((arg, expr))
    names = {arg.name: arg for arg in parameters}
    by_name: dict[str, Expr] = {}
    for name, expr in keywords:
        if name not in names:
            return Mismatch(
                f"`{signature.name}` has no argument `{name}`", f"it is {signature.shown()}", expr, name
            )
        if names[name].variadic:
            return Mismatch(
                f"`{name}` of `{signature.name}` cannot be given by name",
                "give its values without the name",
                expr,
                name,
            )
        if name in given:
            return Mismatch(
                f"`{signature.name}` is given `{name}` twice", "leave one of them out", expr, name
            )
        by_name[name] = expr
    rest = parameters[len(bound) :]
    wanted = max((i + 1 for i, arg in enumerate(rest) if arg.name in by_name), default=0)
    for index, arg in enumerate(rest):
        if arg.name in by_name:
            bound.append((arg, by_name[arg.name]))
        elif not arg.optional:
            return Mismatch(f"`{signature.name}` needs `{arg.name}`", f"it is {signature.shown()}")
        elif index < wanted:
            bound.append((arg, Literal(arg.default)))
    return bound
