"""A text as a YAML scalar, in the style of the one that it replaces."""

from __future__ import annotations

import json
import re

from jobc.source.nodes import Scalar

_PLAIN = re.compile(r"(?![-?:](?:\s|$))[^\s#,\[\]{}&*!|>'\"%@`](?:[^:#\n]|:(?=\S)|(?<=\S)#)*(?<![\s:])\Z")
_NOT_TEXT = re.compile(
    r"(?:~|null|true|false|yes|no|on|off|[-+]?\.?\d[\d_.:eExo+-]*|[-+]?\.(?:inf|nan)|\d{4}-\d\d?-\d\d?.*)\Z",
    re.IGNORECASE,
)


def emit(text: str, style: str = "plain", *, flow: bool = False) -> str:
    """A one-line scalar whose decoded text is `text`: in this style where that can hold it, else in quotes."""
    if not text.isprintable():
        return json.dumps(text, ensure_ascii=False)
    if style == "double":
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    plain = style == "plain" and _PLAIN.match(text) and not _NOT_TEXT.match(text)
    if plain and not (flow and re.search(r"[,\[\]{}]", text)):
        return text
    return "'" + text.replace("'", "''") + "'"


def piece(text: str, scalar: Scalar) -> str:
    """A part of a scalar's text as it is written inside of it."""
    if scalar.style == "single":
        return text.replace("'", "''")
    if scalar.style == "double":
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text


def one_line(scalar: Scalar) -> bool:
    """Whether the scalar is a plain or quoted one that stands on one line."""
    return scalar.style in ("plain", "single", "double") and "\n" not in scalar.span.text
