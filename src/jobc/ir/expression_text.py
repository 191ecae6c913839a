"""Codes as expressions for people to read (LANGUAGE §4): what `--dump` and plans print."""

from __future__ import annotations

import json
import re
from typing import Any

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LEVELS = {"?:": 1, "??": 2, "or": 3, "and": 4, "not": 5, "neg": 9}
_SPELLING = {"or": "||", "and": "&&", "not-in": "not in"}
for _level, _operators in (
    (6, ("==", "!=", "<", "<=", ">", ">=", "in", "not-in")),
    (7, ("+", "-")),
    (8, ("*", "/", "%")),
):
    for _operator in _operators:
        _LEVELS[_operator] = _level
_POSTFIX = 10


def expression(tree: Any) -> str:
    """The expression's text, without delimiters."""
    return _text(tree, 0)


def value_text(tree: Any) -> str:
    """A value as it could stand in YAML: constants as JSON, texts with their expressions in `${{ }}`."""
    if isinstance(tree, list) and tree[0] == "text":
        return json.dumps(
            "".join(part if isinstance(part, str) else "${{ %s }}" % expression(part) for part in tree[1:]),
            ensure_ascii=False,
        )
    if isinstance(tree, list) and tree[0] == "list":
        return "[%s]" % ", ".join(value_text(item) for item in tree[1:])
    if isinstance(tree, list) and tree[0] == "map":
        pairs = zip(tree[1::2], tree[2::2])
        return "{%s}" % ", ".join("%s: %s" % (value_text(key), value_text(value)) for key, value in pairs)
    if isinstance(tree, list):
        return "${{ %s }}" % expression(tree)
    return json.dumps(tree, ensure_ascii=False)


def _text(tree: Any, level: int) -> str:
    if not isinstance(tree, list):
        return _constant(tree, level)
    operation, operands = tree[0], tree[1:]
    if operation == "name":
        return str(operands[0])
    if operation == "list":
        return "[%s]" % ", ".join(_text(item, 0) for item in operands)
    if operation == "map":
        pairs = zip(operands[::2], operands[1::2])
        return "{%s}" % ", ".join("%s: %s" % (_text(key, 0), _text(value, 0)) for key, value in pairs)
    if operation == "get":
        if _NAME.fullmatch(operands[1]):
            return "%s.%s" % (_text(operands[0], _POSTFIX), operands[1])
        return "%s[%s]" % (_text(operands[0], _POSTFIX), _constant(operands[1], 0))
    if operation == "index":
        return "%s[%s]" % (_text(operands[0], _POSTFIX), _text(operands[1], 0))
    if operation == "call":
        return "%s(%s)" % (operands[0], _arguments(operands[1:]))
    if operation == "method":
        return "%s.%s(%s)" % (_text(operands[0], _POSTFIX), operands[1], _arguments(operands[2:]))
    if operation == "text":
        return "format('%s'%s)" % (
            "".join("{%d}" % n for n in range(len(operands))),
            "".join(", " + _text(part, 0) for part in operands),
        )
    own = _LEVELS[operation]
    if operation == "not":
        text = "!%s" % _text(operands[0], own)
    elif operation == "neg":
        text = "-%s" % _text(operands[0], own)
    elif operation == "?:":
        text = "%s ? %s : %s" % (_text(operands[0], own + 1), _text(operands[1], 0), _text(operands[2], own))
    else:
        left, right = _text(operands[0], own), _text(operands[1], own + 1)
        text = "%s %s %s" % (left, _SPELLING.get(operation, operation), right)
    return "(%s)" % text if own < level else text


def _arguments(operands: Any) -> str:
    return ", ".join(_text(operand, 0) for operand in operands)


def _constant(value: Any, level: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'%s'" % value.replace("'", "''")
    text = repr(value)
    return "(%s)" % text if text.startswith("-") and level >= _POSTFIX else text
