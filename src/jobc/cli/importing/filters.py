"""The filters of the original as expressions of jobc. A filter maps the value's expression and its constant arguments."""

from __future__ import annotations

from collections.abc import Callable

from jobc.cli.importing.untranslatable import Untranslatable
from jobc.syntax.expr import Binary, Call, Expr, Filter, Index, Literal, Unary

_SAME = ("upper", "lower", "keys", "values")


def translate_filter(
    value: Expr, name: str, args: list[Expr], type: str | None, code: bool
) -> tuple[Expr, str]:
    """The expression for `value | name(args)`, and what to say about it (empty where nothing).

    `type` is the declared type of the value where it is known; `code` tells that the result stands in program text.
    """
    if name in _SAME and not args:
        return Filter(value, name, [], []), ""
    if name not in _FILTERS:
        raise Untranslatable(
            f"`{name}` is a filter of your own, and expressions call no user code",
            "compute the value in a `run` stage and read it as `stages.<id>.outputs.<name>`",
        )
    return _FILTERS[name](value, args, type, code)


def text_value(value: Expr, type: str | None) -> Expr:
    """The value as text."""
    if type == "str":
        return value
    return Call("format", [Literal("{0}"), value], [])


def _fmt(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    if args:
        return Filter(value, "fmt", args[:1], []), ""
    return Filter(value, "fmt", [Literal("%Y-%m-%d %H:%M:%S")], []), "`fmt` takes its pattern explicitly"


def _coalesce(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    return Filter(value, "coalesce", args[:1], []), ""


def _item(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    found: Expr = Index(value, args[0])
    if len(args) > 1:
        found = Binary("??", found, args[1])
        return found, "an item is read with `[…]`, and a missing one is null"
    return found, "an item is read with `[…]`"


def _abs(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    return Call(
        "max", [value, Unary("-", value)], []
    ), "there is no `abs`: the greater of the number and its negative"


def _text(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    return text_value(value, type), "`str` is `format`; null is the empty text, true is `true`"


def _repr(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    if code:
        return text_value(value, type), "a value in code is the value itself, so it needs no quotes"
    return Call(
        "toJson", [text_value(value, type)], []
    ), "`rstr` quoted as Python does, `toJson` does it with double quotes"


def _int(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    if type == "int":
        return value, "the value is an integer already"
    return Call("fromJson", [value], []), "`int` of a text is `fromJson`, which also takes `1.5` and `[1]`"


def _list(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    if type in ("array", "list"):
        return value, "the value is a list already"
    if isinstance(value, Filter) and value.name in ("keys", "values"):
        return value, "`keys` and `values` give lists"
    if type == "map":
        return Filter(value, "keys", [], []), "the list of a map is that of its keys"
    raise Untranslatable("there is no `list`", "make the list in a `run` stage")


def _dict(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    if type == "map":
        return value, "the value is a map already"
    raise Untranslatable("there is no `dict`", "make the map in a `run` stage")


def _title(value: Expr, args: list[Expr], type: str | None, code: bool) -> tuple[Expr, str]:
    raise Untranslatable(
        "there is no `title`", "compute the text in a `run` stage, or use `upper` or `lower`"
    )


_FILTERS: dict[str, Callable[[Expr, list[Expr], str | None, bool], tuple[Expr, str]]] = {
    "fmt": _fmt,
    "coalesce": _coalesce,
    "getitem": _item,
    "getindex": _item,
    "abs": _abs,
    "str": _text,
    "rstr": _repr,
    "int": _int,
    "list": _list,
    "dict": _dict,
    "title": _title,
}
