"""Plain scalars that YAML 1.1, which the original reads, takes for something else than YAML 1.2 does.

`yes` and `off` are booleans there and texts here; `0o17` and `017`, `1_000` and `1:30` are numbers there, `1e3` is a
text there and a number here. Each is rewritten to what it meant.
"""

from __future__ import annotations

import re

from jobc.cli.importing.draft import Draft
from jobc.cli.importing.item import CHANGED
from jobc.source.nodes import Node, Scalar, Sequence

_BOOLEAN = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_SPELLINGS = frozenset(word for base in _BOOLEAN for word in (base, base.title(), base.upper()))
_OCTAL = re.compile(r"[-+]?0[0-7_]+\Z")
_UNDERSCORES = re.compile(r"[-+]?[1-9][\d_]*_[\d_]*\Z")
_BASE_60 = re.compile(r"[-+]?[1-9]\d*(?::[0-5]?\d)+\Z")
_EXPONENT = re.compile(r"[-+]?(?:\d+|\d*\.\d+)[eE]\d+\Z|[-+]?\d+[eE][-+]\d+\Z")


def carry_over_values(node: Node | None, draft: Draft, seen: set[int]) -> None:
    """Rewrite every plain scalar below a node whose meaning differs."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, Scalar):
        new = None
        if node.style == "plain" and not draft.touched(node.start, node.end):
            new = _rewritten(node)
        if new is not None:
            draft.replace(node.start, node.end, new)
            draft.say(
                CHANGED, draft.span(node), "YAML 1.1 read this text as another value than YAML 1.2", now=new
            )
    elif isinstance(node, Sequence):
        for item in node.items:
            carry_over_values(item, draft, seen)
    else:
        for entry in node.entries:
            carry_over_values(entry.value, draft, seen)


def _rewritten(scalar: Scalar) -> str | None:
    text = scalar.text
    if text in _SPELLINGS:
        return _BOOLEAN[text.lower()]
    if not text or text[0] not in "+-.0123456789":
        return None
    digits = text.replace("_", "").lstrip("+-")
    sign = "-" if text.startswith("-") else ""
    if _OCTAL.match(text):
        return f"{sign}{int(digits, 8)}"
    if _UNDERSCORES.match(text):
        return sign + digits
    if _BASE_60.match(text):
        total = 0
        for part in digits.split(":"):
            total = total * 60 + int(part)
        return f"{sign}{total}"
    if _EXPONENT.match(text):
        return f"'{text}'"
    return None
