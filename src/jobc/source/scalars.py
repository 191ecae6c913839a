"""Plain scalars to values: the YAML 1.2 core schema.

`on`, `yes` and `no` are strings; `0o17` and `0x1F` are integers, `1_000` and `12:30` are strings.
"""

from __future__ import annotations

import re

from jobc.source.nodes import ScalarValue

CONSTANTS: dict[str, ScalarValue] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
# A plain scalar that begins with none of these is its own text.
BEGINNINGS = frozenset("~nNtTfF0123456789+-.")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
# Longer integers are text: turning them into numbers takes quadratic time, and Python refuses it.
_LONGEST_INTEGER = 4000
_WORDS = {"bool": "`true` or `false`", "int": "an integer", "float": "a number", "null": "`null`"}


def resolve(text: str) -> ScalarValue:
    """The value of a plain scalar."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in "0123456789+-.":
        return text
    if _INTEGER.fullmatch(text):
        return _integer(text) if len(text) <= _LONGEST_INTEGER else text
    if _FLOAT.fullmatch(text):
        return _float(text)
    return text


def resolve_tagged(text: str, kind: str) -> ScalarValue:
    """The value of a scalar that is tagged `!!kind` (`str int float bool null`).

    Raises ValueError, with the words for what was expected, where the text is none.
    """
    if kind == "str":
        return text
    value = resolve(text)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(_WORDS[kind]) from None
    fits = {"int": int, "float": float, "bool": bool, "null": type(None)}[kind]
    if type(value) is not fits:
        raise ValueError(_WORDS[kind])
    return value


def _integer(text: str) -> int:
    if text.startswith("0o"):
        return int(text[2:], 8)
    if text.startswith("0x"):
        return int(text[2:], 16)
    return int(text)


def _float(text: str) -> float:
    lower = text.lower()
    if lower.endswith("inf"):
        return float("-inf") if text[0] == "-" else float("inf")
    if lower == ".nan":
        return float("nan")
    return float(text)
