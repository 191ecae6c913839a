"""Parameter and secret declarations (LANGUAGE §1), each constraint checked against the type.

A declaration is data: its default, its bounds and its values hold no expressions. A default is kept as a JSON
value: dates, instants and decimals as their text. `min` and `max` bound a number, or the length of a text, a list
or a map; `pattern` must match a text as a whole: the same rules by which a run's values are checked.
"""

from __future__ import annotations

import re
import warnings

from jobc.source.nodes import Mapping, Node, Scalar, Sequence
from jobc.syntax.ast import ParamDecl, SecretDecl
from jobc.syntax.fields import fields, node_of
from jobc.syntax.keys import FAMILIAR_TYPES, PARAM, PARAM_TYPE_ALIASES, PARAM_TYPES
from jobc.syntax.reporter import Reporter, is_null, kind_of
from jobc.syntax.values import literal, mapping, names, one_of, plain

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\s*(?:[Zz]|[+-]\d\d:?\d\d)?)?"
)

#: What a value of each type looks like, for messages.
WANTED = {
    "str": "text",
    "int": "an integer",
    "float": "a number",
    "decimal": "a decimal number, such as 1.50",
    "bool": "true or false",
    "date": "a date, such as 2024-01-31",
    "datetime": "an instant, such as 2024-01-31T09:30:00Z",
    "list": "a list",
    "map": "a mapping",
}
_SIZED = ("str", "list", "map", "secret", "any")
_NUMBERS = ("int", "float", "decimal", "any")
_NO_VALUE = object()


def params(r: Reporter, node: Node) -> list[ParamDecl]:
    """`params:` of a workflow. Nothing behind the key declares that there are none."""
    found = mapping(r, node, "`params`", "name: type")
    made: list[ParamDecl] = []
    for entry in found.entries if found else ():
        decl = ParamDecl(entry.key.text, entry.key.span, entry.value.span)
        if literal(r, entry.key, "a parameter's name") is not None:
            _declare(r, decl, entry.value)
            made.append(decl)
    return made


def secrets(r: Reporter, node: Node) -> list[SecretDecl]:
    """`secrets: [NAME, …]`."""
    made: list[SecretDecl] = []
    for name, span in names(r, node, "a secret", "its name, such as `API_TOKEN`"):
        if name.isascii() and name.isidentifier():
            made.append(SecretDecl(name, span))
        else:
            r.wrong(
                span,
                f"`{name}` cannot name a secret",
                "use letters, digits and `_`: it is read from JOBC_SECRET_<NAME>",
            )
    return made


def _declare(r: Reporter, decl: ParamDecl, node: Node) -> None:
    what = f"the type of `{decl.name}`"
    if is_null(node):
        return
    if not isinstance(node, Mapping):
        decl.type = one_of(r, node, what, PARAM_TYPES, PARAM_TYPE_ALIASES, FAMILIAR_TYPES) or "any"
        if decl.type == "choice":
            r.missing(
                node.span, f"`{decl.name}` is a choice of nothing", "write `{type: choice, enum: [a, b]}`"
            )
        return
    found = fields(r, node, PARAM)
    if (given := node_of(found, "type")) is not None:
        decl.type = one_of(r, given, what, PARAM_TYPES, PARAM_TYPE_ALIASES, FAMILIAR_TYPES) or "any"
    if (given := node_of(found, "desc")) is not None and not is_null(given):
        decl.desc = plain(r, given, f"the description of `{decl.name}`", "text")
    if (given := node_of(found, "required")) is not None:
        if isinstance(given, Scalar) and isinstance(given.value, bool):
            decl.required = given.value
        else:
            r.wrong(
                given.span, f"`required` is {kind_of(given)}, not true or false", "write `true` or `false`"
            )
    if (given := node_of(found, "min")) is not None:
        decl.min = _bound(r, decl, given, "min")
    if (given := node_of(found, "max")) is not None:
        decl.max = _bound(r, decl, given, "max")
        if decl.min is not None and decl.max is not None and decl.max < decl.min:
            r.wrong(given.span, f"`max` of `{decl.name}` is less than its `min`, {decl.min}", "swap the two")
            decl.max = None
    if (given := node_of(found, "pattern")) is not None:
        decl.pattern = _pattern(r, decl, given)
    if (given := node_of(found, "enum")) is not None:
        decl.enum = _enum(r, decl, given)
    elif decl.type == "choice":
        r.missing(
            found["type"].key.span,
            f"`{decl.name}` is a choice of nothing",
            "add `enum:` with the values it can have",
        )
    if (given := node_of(found, "default")) is not None:
        _default(r, decl, given)


def _bound(r: Reporter, decl: ParamDecl, node: Node, key: str) -> int | float | None:
    what = f"`{key}` of `{decl.name}`"
    if decl.type not in _NUMBERS and decl.type not in _SIZED:
        r.wrong(
            node.span,
            f"{what} says nothing: a {decl.type} has no size",
            "remove it, or list the values in `enum`",
        )
        return None
    if isinstance(node, Scalar):
        value = node.value
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
            return value
    r.wrong(node.span, f"{what} is {kind_of(node)}, not a number", "write a number")
    return None


def _pattern(r: Reporter, decl: ParamDecl, node: Node) -> str | None:
    what = f"`pattern` of `{decl.name}`"
    pattern = plain(r, node, what, "a regular expression")
    if pattern is None:
        return None
    if decl.type not in ("str", "secret", "choice", "any"):
        r.wrong(
            node.span, f"{what} says nothing: a {decl.type} is not text", "remove it, or make the type `str`"
        )
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        r.wrong(
            node.span,
            f"{what} is no regular expression: {error}",
            "write it in Python's syntax, in single quotes",
        )
        return None
    return pattern


def _enum(r: Reporter, decl: ParamDecl, node: Node) -> list[object] | None:
    if not isinstance(node, Sequence) or not node.items:
        found = "an empty list" if isinstance(node, Sequence) else kind_of(node)
        r.wrong(node.span, f"`enum` of `{decl.name}` is {found}, not a list of values", "write `[a, b]`")
        return None
    made = [_fitting(r, decl, item, f"a value of `{decl.name}`") for item in node.items]
    return [value for value in made if value is not _NO_VALUE]


def _default(r: Reporter, decl: ParamDecl, node: Node) -> None:
    what = f"the default of `{decl.name}`"
    if decl.type == "secret":
        r.wrong(
            node.span,
            f"`{decl.name}` is a secret and cannot have a default",
            "remove it, and give the value with the run",
        )
        return
    value = None if is_null(node) else _fitting(r, decl, node, what)
    if value is _NO_VALUE:
        return
    if value is None and decl.required:
        r.wrong(
            node.span, f"{what} is null, but `{decl.name}` is required", "give a value, or remove `required`"
        )
        return
    if value is not None and (problem := outside(decl, value)):
        r.wrong(node.span, f"{what} is {problem}", "change the default, or what `params` allows")
        return
    decl.default = value
    decl.default_span = node.span
    decl.has_default = True


def outside(decl: ParamDecl, value: object) -> str | None:
    """What is wrong with a value of the right type, in words that follow "is"."""
    if decl.enum and not any(type(value) is type(item) and value == item for item in decl.enum):
        return "none of the values in `enum`"
    size: float | None = None
    unit = ""
    if decl.type == "decimal":
        size = float(str(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str | list | dict) and decl.type in _SIZED:
        size = len(value)
        unit = " characters long" if isinstance(value, str) else " items long"
    if size is not None and decl.min is not None and size < decl.min:
        return f"less than {decl.min}{unit}, its `min`"
    if size is not None and decl.max is not None and size > decl.max:
        return f"more than {decl.max}{unit}, its `max`"
    if decl.pattern and isinstance(value, str) and not re.fullmatch(decl.pattern, value):
        return "not what `pattern` matches"
    return None


def _fitting(r: Reporter, decl: ParamDecl, node: Node, what: str) -> object:
    """The JSON value of a node if it is of the parameter's type."""
    before = len(r.diagnostics)
    value = data(r, node, what)
    if len(r.diagnostics) > before:
        return _NO_VALUE
    made = fit(decl.type, value, node.text if isinstance(node, Scalar) else "")
    if made is None:
        r.wrong(
            node.span,
            f"{what} is {kind_of(node)}, but its type is {decl.type}",
            f"write {WANTED.get(decl.type, 'another value')}, or change the type",
        )
        return _NO_VALUE
    return made[0]


def fit(type: str, value: object, written: str) -> tuple[object] | None:
    """The value as the type keeps it, in a tuple of one; None where the type does not take it. `written` is its text."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = True
    if type == "str":
        fits = not isinstance(value, list | dict) and value is not None
        value = written if fits else value
    elif type == "int":
        fits = _is_integer(value)
        value = int(value) if isinstance(value, float) and fits else value
    elif type == "float":
        fits = number and abs(_float(value)) < float("inf")
        value = _float(value) if fits else value
    elif type == "decimal":
        fits = (number or isinstance(value, str)) and _is_decimal(written)
        value = written.strip() if fits else value
    elif type == "bool":
        fits = isinstance(value, bool)
    elif type in ("date", "datetime"):
        fits = isinstance(value, str) and _is_instant(value.strip(), type)
    elif type == "list":
        fits = isinstance(value, list)
    elif type == "map":
        fits = isinstance(value, dict)
    elif type == "secret":
        fits = isinstance(value, str)
    return (value,) if fits else None


def _is_integer(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _float(value: object) -> float:
    assert isinstance(value, int | float)
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _is_decimal(text: str) -> bool:
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(text.strip()).is_finite()
    except InvalidOperation:
        return False


def _is_instant(text: str, type: str) -> bool:
    from datetime import datetime

    shape = _DATE if type == "date" else _INSTANT
    if shape.fullmatch(text) is None:
        return False
    try:
        # Not `strptime`, which takes longer to load than all dates of a file to read.
        clock = text[11:].strip() or "00:00"
        second = int(clock[6:8]) if clock[5:6] == ":" else 0
        datetime(int(text[:4]), int(text[5:7]), int(text[8:10]), int(clock[:2]), int(clock[3:5]), second)
    except ValueError:
        return False
    return True


def data(r: Reporter, node: Node, what: str) -> object:
    """A node as a JSON value; expressions in it are reported, for nothing can evaluate them here."""
    if isinstance(node, Sequence):
        return [data(r, item, what) for item in node.items]
    if isinstance(node, Mapping):
        return {entry.key.text: data(r, entry.value, what) for entry in node.entries}
    text = literal(r, node, what)
    return text if isinstance(node.value, str) else node.value
