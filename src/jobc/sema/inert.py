"""What the text of an expression can consist of, and where such a text can do no harm.

A place where text is parsed as code takes no value, for a value may be any text. It may be one of a few known texts, too,
or one whose characters mean nothing there: a number, a date, a choice, or what a parameter's `pattern` lets in. A pattern
must match the whole of a value when a run starts (`re.fullmatch`), so what it admits needs no anchors: its characters are
the union of those of its parts. A part that is not understood (a dot, a negated class, a back-reference) admits anything.

A text that begins with `-` may be an option of the program that it is given to. That is so of every argument of a script,
and no more reported here than there; but where the text could be an option of the very program that runs it (the first
word behind the host of `ssh`), or a command, a dash is refused.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from jobc.sema.types import NULL, STR, LiteralType, Type, family, members
from jobc.syntax.ast import ParamDecl
from jobc.syntax.expr import Binary, Conditional, Expr, Filter, Index, Literal, Member, Name

Types = Callable[[Expr], Type]

#: Stands for every letter and digit beyond ASCII.
OTHER = "\u00e9"
DIGITS = frozenset(string.digits)
NAMES = frozenset(string.ascii_letters + string.digits + "_" + OTHER)
#: Characters without a meaning of their own in a word of a shell.
PLAIN = NAMES | frozenset("@%+:,./-")
_BY_FAMILY = {
    "bool": NAMES,
    "number": NAMES | frozenset("+-."),
    "datetime": NAMES | frozenset("+-.:"),
}
_SPAN = 1024


class Text:
    """The characters that a text can have; `dash`: it may begin with one. `chosen`: it is a number, a date or one of a known set."""

    __slots__ = ("chars", "chosen", "dash")

    def __init__(self, chars: frozenset[str], dash: bool, chosen: bool) -> None:
        self.chars = chars
        self.dash = dash
        self.chosen = chosen


class Harmless:
    """The texts that are no code at some place: plain ones of a known set, and any of these characters.

    Without `dash` none that begins with one.
    """

    __slots__ = ("chars", "dash")

    def __init__(self, chars: frozenset[str], *, dash: bool = True) -> None:
        self.chars = chars
        self.dash = dash

    def admits(self, text: Text | None) -> bool:
        return (
            text is not None
            and (text.chars <= self.chars or (text.chosen and text.chars <= PLAIN))
            and (self.dash or not text.dash)
        )


#: Digits are a number in every language.
FIXED = Harmless(DIGITS)
ARGUMENT = Harmless(PLAIN)


class _Any(Exception):
    """Nothing is known of a text."""


def text_of(expr: Expr | None, params: Sequence[ParamDecl], types: Types) -> Text | None:
    """What is known of the text that an expression gives; None where it may be any text."""
    if expr is None:
        return None
    try:
        return _of_type(types(expr))
    except _Any:
        pass
    try:
        return _of_expr(expr, params, types)
    except _Any:
        return None


def _of_type(type: Type) -> Text:
    chars: set[str] = set()
    dash = False
    for member in members(type):
        if isinstance(member, LiteralType) and isinstance(member.value, str):
            chars.update(map(_known, member.value))
            dash = dash or member.value.startswith("-")
        elif member is not NULL:
            if family(member) not in _BY_FAMILY:
                raise _Any
            chars |= _BY_FAMILY[family(member)]
            dash = dash or family(member) == "number"
    return Text(frozenset(chars), dash, True)


def _of_expr(expr: Expr, params: Sequence[ParamDecl], types: Types) -> Text:
    match expr:
        case Literal(value=str() as value):
            return Text(frozenset(map(_known, value)), value.startswith("-"), True)
        case Literal(value=None):
            return Text(frozenset(), False, True)
        case Conditional():
            return _either(_of_expr(expr.then, params, types), _of_expr(expr.otherwise, params, types))
        case Binary(op="??"):
            return _either(_of_expr(expr.left, params, types), _of_expr(expr.right, params, types))
        case Binary(op="+"):
            left, right = _of_expr(expr.left, params, types), _of_expr(expr.right, params, types)
            begun = isinstance(expr.left, Literal) and bool(expr.left.value)
            return Text(
                left.chars | right.chars,
                left.dash or (right.dash and not begun),
                left.chosen and right.chosen,
            )
        case Filter(name="trim" | "raw"):
            return _of_expr(expr.value, params, types)
        case (
            Member(object=Name(name="params"), name=name)
            | Index(object=Name(name="params"), index=Literal(value=str() as name))
        ):
            for param in params:
                # Where a stage may have changed it, its type is not known any more.
                own = all(member in (STR, NULL) for member in members(types(expr)))
                if param.name == name and param.type == "str" and param.pattern and own:
                    return admitted(param.pattern)
    raise _Any


def _either(left: Text, right: Text) -> Text:
    return Text(left.chars | right.chars, left.dash or right.dash, left.chosen and right.chosen)


def _known(char: str) -> str:
    return char if char.isascii() or not char.isalnum() else OTHER


# ---------------------------------------------------------------------- patterns


class _Part:
    """A part of a pattern: the characters of its texts, those that they begin with, and whether it matches nothing too."""

    __slots__ = ("chars", "empty", "first")

    def __init__(self, chars: frozenset[str], first: frozenset[str], empty: bool) -> None:
        self.chars = chars
        self.first = first
        self.empty = empty


_NOTHING = _Part(frozenset(), frozenset(), True)


@cache
def _admitted(pattern: str) -> Text | None:
    import re
    import warnings
    from importlib import import_module

    # The standard library's own reading of a pattern; it has no public name since 3.11. Without it nothing is known.
    try:
        parser: Any = import_module("re._parser")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parser.parse(pattern)
        part = _sequence(tree, bool(tree.state.flags & re.IGNORECASE))
    except (_Any, re.error, OverflowError, RecursionError, ImportError, AttributeError):
        return None
    return Text(part.chars, "-" in part.first, False)


def admitted(pattern: str) -> Text:
    """The texts that a pattern matches as a whole. Raises where it admits anything."""
    found = _admitted(pattern)
    if found is None:
        raise _Any
    return found


def _sequence(items: Any, fold: bool) -> _Part:
    chars: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset()
    banned: frozenset[str] = frozenset()
    empty = True
    for op, argument in items:
        name = str(op)
        if name == "ASSERT_NOT" and empty and argument[0] == 1 and len(argument[1]) == 1:
            inner = argument[1][0]
            if str(inner[0]) in ("LITERAL", "IN"):
                banned |= _part(inner[0], inner[1], fold).chars
            continue
        part = _part(op, argument, fold)
        chars |= part.chars
        if empty:
            first |= part.first - banned
            empty = part.empty
            banned = banned if not part.chars else frozenset()
    return _Part(chars, first, empty)


def _part(op: Any, argument: Any, fold: bool) -> _Part:
    name = str(op)
    if name in ("AT", "ASSERT", "ASSERT_NOT"):
        return _NOTHING
    if name == "LITERAL":
        found = _cases({chr(argument)}, fold)
        return _Part(found, found, False)
    if name == "IN":
        found = _class(argument, fold)
        return _Part(found, found, False)
    if name == "BRANCH":
        parts = [_sequence(each, fold) for each in argument[1]]
        return _Part(
            frozenset().union(*(part.chars for part in parts)),
            frozenset().union(*(part.first for part in parts)),
            any(part.empty for part in parts),
        )
    if name == "SUBPATTERN":
        _, added, _, items = argument
        import re

        return _sequence(items, fold or bool(added & re.IGNORECASE))
    if name == "ATOMIC_GROUP":
        return _sequence(argument, fold)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, items = argument
        part = _sequence(items, fold)
        return _NOTHING if most == 0 else _Part(part.chars, part.first, part.empty or least == 0)
    raise _Any


def _class(items: Any, fold: bool) -> frozenset[str]:
    found: set[str] = set()
    for op, argument in items:
        name = str(op)
        if name == "LITERAL":
            found.add(chr(argument))
        elif name == "RANGE" and argument[1] - argument[0] < _SPAN:
            found.update(map(chr, range(argument[0], argument[1] + 1)))
        elif name == "CATEGORY" and str(argument) == "CATEGORY_DIGIT":
            found |= DIGITS | {OTHER}
        elif name == "CATEGORY" and str(argument) == "CATEGORY_WORD":
            found |= NAMES
        else:
            raise _Any
    return _cases(found, fold)


def _cases(chars: Iterable[str], fold: bool) -> frozenset[str]:
    found = {_known(char) for char in chars}
    if fold:
        found |= {other for char in found for other in (char.lower(), char.upper())} | {OTHER}
    return frozenset(_known(char) for char in found)
