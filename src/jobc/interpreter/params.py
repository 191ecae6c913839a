"""Parameters: check and convert every given value before anything runs (LANGUAGE §1).

Values come as text (`-p name=value`), from a JSON or YAML file, or from Python. Text is read by the declared
type; other values must already be of a kind that the type takes without loss. All problems are found before
any is raised.

What a type takes:

    str       text; an integer is written out
    int       an integer; a float without a fraction
    float     a number, finite
    decimal   a number or its text, exact
    bool      true, false; as text also yes, no, 1, 0
    date      a date; its text, YYYY-MM-DD
    datetime  an instant; its ISO text, in UTC where it names no zone; a date is its midnight
    list      a list; as text JSON, or items between commas, each read as below
    map       a map; as text a JSON object
    choice    one of `enum`
    secret    text
    any       anything; text is read as below

Where nothing says what a text means, it is what JSON says it is (`3`, `true`, `[1, 2]`, `"3"`), as long as
writing that value gives the same text again: `3.10` and `007` stay text.

`enum` holds for every type, `min` and `max` bound numbers, and the length of texts, lists and maps; `pattern`
must match a text as a whole.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, Callable, Collection, Dict, List, Mapping, Optional, Union

from jobc.interpreter.instants import parse
from jobc.interpreter.nearest import nearest
from jobc.interpreter.values import EvaluationError, SecretText
from jobc.ir.program import Param

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_INTEGER = re.compile(r"[+-]?\d+")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ParamProblem:
    """What is wrong with one parameter, and the remedy."""

    __slots__ = ("help", "message", "name")

    def __init__(self, name: str, message: str, help: str = "") -> None:
        self.name = name
        self.message = message
        self.help = help

    def __repr__(self) -> str:
        return "ParamProblem(%r, %r)" % (self.name, self.message)


class ParamProblems(ValueError):
    """Raised by `coerce`; `problems` holds every one of them, in the order of declaration."""

    def __init__(self, problems: List[ParamProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class _Unfit(Exception):
    """A value that the type does not take; the text says what it takes."""


def coerce(
    decls: Optional[List[Param]], given: Mapping[str, Any], *, textual: Collection[str] = ()
) -> Dict[str, Any]:
    """The parameters of a run: every declared one, in the order of declaration, null where unset.

    `decls` is None where nothing is declared: everything is taken then. `textual` names those of `given` that
    were written as text. Raises ParamProblems.
    """
    if decls is None:
        return {name: _untyped(v) if name in textual else v for name, v in given.items()}
    problems: List[ParamProblem] = []
    values: Dict[str, Any] = {}
    for param in decls:
        if param.name in given:
            text = param.name in textual
            value = given[param.name]
        elif param.has_default:
            text, value = False, param.default
        elif param.required:
            problems.append(
                ParamProblem(
                    param.name,
                    "parameter `%s` is missing" % param.name,
                    "give it with -p %s=… (%s)" % (param.name, describe(param)),
                )
            )
            continue
        else:
            values[param.name] = None
            continue
        try:
            values[param.name] = _checked(param, value, text)
        except _Unfit as unfit:
            shown = "***" if param.type == "secret" else _shown(value)
            if isinstance(value, str) and not text and param.type in ("int", "float", "bool", "list", "map"):
                shown = "the text %s" % json.dumps(value[:60], ensure_ascii=False)
            problems.append(
                ParamProblem(
                    param.name,
                    "parameter `%s` cannot be %s: it takes %s" % (param.name, shown, unfit),
                    "give it with -p %s=… (%s)" % (param.name, describe(param)),
                )
            )
    declared = [param.name for param in decls]
    for name in given:
        if name not in values and name not in declared:
            problems.append(ParamProblem(name, "there is no parameter `%s`" % name, _remedy(name, declared)))
    if problems:
        raise ParamProblems(problems)
    return values


def describe(param: Param) -> str:
    """What a parameter takes, in a few words: `int, from 1 to 9`."""
    words = [param.type]
    if param.enum is not None:
        words.append("one of " + ", ".join(_shown(item) for item in param.enum))
    if param.min is not None:
        words.append("from %s" % param.min)
    if param.max is not None:
        words.append("up to %s" % param.max)
    if param.pattern is not None:
        words.append("matching %s" % param.pattern)
    return ", ".join(words)


def _remedy(name: str, declared: List[str]) -> str:
    close = nearest(name, declared)
    if close is not None:
        return "did you mean `%s`?" % close
    if declared:
        return "there are: " + ", ".join(declared)
    return "this workflow takes no parameters"


def _checked(param: Param, value: Any, text: bool) -> Any:
    if value is None:
        if param.required:
            raise _Unfit("a value")
        return None
    convert = _CONVERTERS.get(param.type)
    if convert is None:
        raise ValueError("unknown parameter type: %s" % param.type)
    value = convert(value, text)
    if param.enum is not None:
        for item in param.enum:
            try:
                allowed = convert(item, False) if param.type != "choice" else item
            except _Unfit:
                continue
            same = value == allowed and isinstance(value, bool) == isinstance(allowed, bool)
            if same or (param.type == "choice" and text and value == _shown(item)):
                value = allowed
                break
        else:
            raise _Unfit("one of " + ", ".join(_shown(item) for item in param.enum))
    _bounds(param, value)
    return value


def _bounds(param: Param, value: Any) -> None:
    measure: Union[int, float, Decimal]
    if isinstance(value, (str, list, dict)):
        measure, unit = len(value), " characters" if isinstance(value, str) else " items"
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        measure, unit = value, ""
    else:
        return
    if param.min is not None and measure < param.min:
        raise _Unfit("%s%s or more" % (param.min, unit))
    if param.max is not None and measure > param.max:
        raise _Unfit("%s%s at most" % (param.max, unit))
    if param.pattern is not None and isinstance(value, str) and not re.fullmatch(param.pattern, value):
        raise _Unfit("text that matches %s" % param.pattern)


def _str(value: Any, text: bool) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _Unfit("text (put it in quotes)")


def _int(value: Any, text: bool) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if (
        isinstance(value, (float, Decimal))
        and value == value
        and abs(value) != math.inf
        and value == int(value)
    ):
        return int(value)
    if text and isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        try:
            return int(value)
        except ValueError:  # more digits than Python reads
            pass
    raise _Unfit("an integer")


def _float(value: Any, text: bool) -> float:
    if (
        isinstance(value, (int, float, Decimal))
        and not isinstance(value, bool)
        or (text and isinstance(value, str) and "_" not in value)
    ):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise _Unfit("a number")


def _decimal(value: Any, text: bool) -> Decimal:
    if isinstance(value, (int, float, str, Decimal)) and not isinstance(value, bool):
        try:
            number = Decimal(repr(value) if isinstance(value, float) else value)
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise _Unfit("a decimal number")


def _bool(value: Any, text: bool) -> bool:
    if isinstance(value, bool):
        return value
    if text and isinstance(value, str) and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    raise _Unfit("true or false")


def _date(value: Any, text: bool) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found:
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            pass
    raise _Unfit("a date such as 2024-01-31")


def _datetime(value: Any, text: bool) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    if isinstance(value, str):
        try:
            return parse(value)
        except EvaluationError:
            pass
    raise _Unfit("an instant such as 2024-01-31T09:30:00Z")


def _list(value: Any, text: bool) -> List[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if text and isinstance(value, str):
        if not value.strip():
            return []
        if value.lstrip().startswith("["):
            try:
                items = json.loads(value)
            except (ValueError, RecursionError):
                raise _Unfit("a list (this is not valid JSON)") from None
            return list(items)
        return [_untyped(item.strip()) for item in value.split(",")]
    raise _Unfit("a list")


def _map(value: Any, text: bool) -> Dict[str, Any]:
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if text and isinstance(value, str):
        try:
            items = json.loads(value)
        except (ValueError, RecursionError):
            items = None
        if isinstance(items, dict):
            return items
        raise _Unfit('a map, as JSON: {"key": "value"}')
    raise _Unfit("a map")


def _choice(value: Any, text: bool) -> Any:
    return value


def _secret(value: Any, text: bool) -> str:
    if isinstance(value, str):
        return SecretText(value)
    raise _Unfit("text")


def _any(value: Any, text: bool) -> Any:
    return _untyped(value) if text and isinstance(value, str) else value


def _untyped(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, (int, float)) and not isinstance(value, bool) and repr(value) != text:
        return text
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value if value and value.isprintable() and len(value) <= 60 else json.dumps(value[:60])
    if value is None or isinstance(value, (bool, int, float, list, dict)):
        shown = json.dumps(value, default=str, ensure_ascii=False)
        return shown if len(shown) <= 60 else shown[:59] + "…"
    return str(value)


_CONVERTERS: Dict[str, Callable[[Any, bool], Any]] = {
    "str": _str,
    "int": _int,
    "float": _float,
    "decimal": _decimal,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "list": _list,
    "map": _map,
    "choice": _choice,
    "secret": _secret,
    "any": _any,
}
