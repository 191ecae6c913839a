"""The values of expressions: JSON data, dates and instants, decimals; what they are as text, equal and in order.

Equality is strict (LANGUAGE §4): values of different kinds are never equal, numbers compare by their size
(`1 == 1.0`), and a boolean is no number. A date compares with an instant as that day's midnight in UTC, and so
does an instant without a zone. Python 3.9, standard library only.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, Mapping

#: Bounds of what an evaluation may make.
MAX_TEXT = 10_000_000
MAX_ITEMS = 1_000_000
MAX_BITS = 4096


class EvaluationError(Exception):
    """An expression has no value; `str()` of it says why, in the user's words and without a place."""


class SecretText(str):
    """Text that holds a secret: masks know it by its class, and text made from it is of this class too."""

    __slots__ = ()


#: The kinds of the classes that most values have.
_KINDS = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    str: "str",
    list: "list",
    dict: "map",
}


def kind(value: Any) -> str:
    """`null bool number str datetime list map`, or `other` for what is no value of the language."""
    known = _KINDS.get(type(value))
    if known is not None:
        return known
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, str):
        return "str"
    if isinstance(value, (list, tuple)):
        return "list"
    if isinstance(value, Mapping):
        return "map"
    return "datetime" if isinstance(value, date) else "other"


_NOUNS = {
    "null": "null",
    "bool": "true or false",
    "str": "text",
    "datetime": "a date or time",
    "list": "a list",
    "map": "a map",
}


def type_name(value: Any) -> str:
    """The kind of a value in words: "text", "a whole number", "a list"."""
    its = kind(value)
    if its == "number":
        return "a whole number" if isinstance(value, int) else "a number"
    return _NOUNS.get(its) or f"a Python {type(value).__name__}"


def describe(value: Any) -> str:
    """A value in words for a message, cut short: "the text 'yes'", "the number 3", "a list of 2 items". Never a secret."""
    its = kind(value)
    if isinstance(value, SecretText):
        return "a secret"
    if its == "str":
        shown = value if len(value) <= 40 else value[:37] + "…"
        return f"the text {shown!r}"
    if its == "number":
        return f"the number {_short_number(value)}"
    if its == "bool":
        return "true" if value else "false"
    if its in ("list", "map"):
        count = len(value)
        what = "item" if its == "list" else "key"
        return f"a {its} of {count} {what}{'' if count == 1 else 's'}"
    return f"the time {value.isoformat()}" if its == "datetime" else type_name(value)


def _short_number(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return "(a very large one)"
    return to_text(value)


def to_text(value: Any) -> str:
    """A value as text in templates and scripts: null is "", lists and maps are compact JSON, times are ISO 8601."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        try:
            return int.__repr__(value)
        except ValueError:
            raise EvaluationError("the number has too many digits to be written as text") from None
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple, Mapping)):
        return to_json(value)
    return str(value)


def to_json(value: Any) -> str:
    """Compact JSON, keys in their own order; times as ISO 8601 text, decimals as numbers."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False)
    except ValueError:
        raise EvaluationError(
            "the value cannot be written as JSON: it holds a number that JSON cannot"
        ) from None
    except TypeError as error:
        raise EvaluationError(f"the value cannot be written as JSON: {error}") from None
    except RecursionError:
        raise EvaluationError("the value is nested too deeply to be written as JSON") from None
    check_text(len(text))
    return SecretText(text) if holds_secret(value) else text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > 300:
            raise ValueError("the number is too large")
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"a Python {type(value).__name__} is not plain data")


def holds_secret(value: Any) -> bool:
    """Whether a secret text is the value or stands inside it."""
    if isinstance(value, str):
        return isinstance(value, SecretText)
    if isinstance(value, (list, tuple)):
        return any(holds_secret(item) for item in value)
    if isinstance(value, Mapping):
        return any(holds_secret(item) for item in value.values())
    return False


def mark_secret(value: Any) -> Any:
    """What a function made from a secret: texts in it are secret too."""
    if isinstance(value, str):
        return SecretText(value)
    if isinstance(value, list):
        return [mark_secret(item) for item in value]
    if isinstance(value, dict):
        return {name: mark_secret(item) for name, item in value.items()}
    return value


def check_text(length: int) -> None:
    if length > MAX_TEXT:
        raise EvaluationError(f"the text would be longer than {MAX_TEXT:,} characters")


def check_items(count: int) -> None:
    if count > MAX_ITEMS:
        raise EvaluationError(f"the result would hold more than {MAX_ITEMS:,} items")


def finite(value: Any) -> Any:
    """The number itself, once it is known to be neither infinite nor beyond bounds."""
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise EvaluationError(f"the number would have more than {MAX_BITS:,} bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise EvaluationError("the result is not a finite number")
    elif not value.is_finite():
        raise EvaluationError("the result is not a finite number")
    return value


def instant(value: Any) -> datetime:
    """A date or datetime as an instant with a zone: midnight of a date, UTC where no zone is given."""
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value


def equal(a: Any, b: Any) -> bool:
    """`a == b` of the language."""
    its = kind(a)
    if its != kind(b):
        return False
    if its == "list":
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b))
    if its == "map":
        return len(a) == len(b) and all(name in b and equal(item, b[name]) for name, item in a.items())
    if its == "datetime":
        return instant(a) == instant(b)
    return bool(a == b)


def less(a: Any, b: Any, operator: str) -> bool:
    """`a < b` of the language; `operator` is what the message names. Only numbers, texts and times have an order."""
    its = kind(a)
    if its != kind(b) or its not in ("number", "str", "datetime"):
        raise EvaluationError(
            f"`{operator}` needs two numbers, two texts or two times, but has {describe(a)} and {describe(b)}"
        )
    if its == "datetime":
        return instant(a) < instant(b)
    return bool(a < b)


def member(item: Any, whole: Any) -> bool:
    """`item in whole` of the language: an item of a list, a part of a text, a key of a map."""
    its = kind(whole)
    if its == "list":
        return any(equal(item, other) for other in whole)
    if its in ("str", "map"):
        if not isinstance(item, str):
            where = "a text" if its == "str" else "the keys of a map"
            raise EvaluationError(f"only text can be in {where}, but this is {describe(item)}")
        return item in whole
    raise EvaluationError(f"a list, a text or a map can be searched, but this is {describe(whole)}")
