"""Expressions: from the text of a hole to its AST (`expr`), with every node's place in the file.

The grammar is `grammar/expression.lark`, its tables come from `grammar_cache`, `lalr` runs them, the actions below
make the nodes. Each distinct text is parsed once a process: its first hole gets the tree, every other one a copy with
the places that it has there. Nobody changes a tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jobc.diagnostics.diagnostic import Diagnostic, Label
from jobc.source.file import SourceFile, Span
from jobc.source.templates import Hole
from jobc.syntax import expression_errors, grammar_cache
from jobc.syntax.expr import (
    Binary,
    Call,
    Conditional,
    Expr,
    Filter,
    Index,
    ListExpr,
    Literal,
    MapExpr,
    Member,
    Method,
    Name,
    Unary,
)
from jobc.syntax.expression_errors import ExpressionSyntaxError
from jobc.syntax.lalr import Action, Driver, Rejected, Token

#: Names before a dot that begin a function's name rather than a value (`datetime.now()`).
NAMESPACES = ("datetime", "date")

MAX_DIGITS = 300

#: How many texts a process keeps parsed.
MAX_KEPT = 50_000

_driver: Driver | None = None
#: By text: its tree and by how much the places of that are shifted, or what is wrong with it.
_parsed: dict[str, tuple[Expr, int] | ExpressionSyntaxError] = {}


def parse_text(source: str) -> Expr:
    """The AST of an expression's text; places are indices into `source`. Raises ExpressionSyntaxError."""
    return _parse_once(source, 0)


def parse_hole(hole: Hole, file: SourceFile) -> tuple[Expr | None, list[Diagnostic]]:
    """The AST of a hole with its places in `file`, or None and what is wrong (rule `expression-syntax`)."""
    first, length = hole.offset(0), len(hole.source)
    try:
        if hole.offset(length) - first == length:
            return _parse_once(hole.source, first), []
        start, end = _places(hole, file)
        return _copy(_parse_once(hole.source, 0), start, end), []
    except ExpressionSyntaxError as error:
        start, end = _places(hole, file)
        related = tuple(Label(Span(file, start(a), end(b)), words) for a, b, words in error.related)
        if hole.source.strip():
            span = Span(file, start(error.index), end(max(error.end, error.index)))
        else:
            span = hole.span
        return None, [Diagnostic("expression-syntax", error.message, span, help=error.help, related=related)]


def _places(hole: Hole, file: SourceFile) -> tuple[Callable[[int], int], Callable[[int], int]]:
    """How indices of `hole.source` become offsets in the file: of a node's start, and of its end."""

    def end(index: int) -> int:
        # The text of a line may end where the next one's indentation begins: an end stays on its own line.
        exact = hole.offset(index)
        if index:
            last = hole.offset(index - 1)
            if exact - last > 1 and not file.text[last + 1 : exact].isprintable():
                return last + 1
        return exact

    return hole.offset, end


def _parse_once(source: str, shift: int) -> Expr:
    """The tree of a text, its places shifted: the first one itself, then copies of it."""
    known = _parsed.get(source)
    if known is None:
        try:
            known = _parse(source, shift), shift
        except ExpressionSyntaxError as error:
            known = error
        if len(_parsed) >= MAX_KEPT:
            _parsed.clear()
        _parsed[source] = known
        if isinstance(known, tuple):
            return known[0]
    if isinstance(known, ExpressionSyntaxError):
        raise known.with_traceback(None)
    move = (shift - known[1]).__add__
    expr: Expr = _copy(known[0], move, move)
    return expr


def forget() -> None:
    """Let go of the texts that are kept parsed."""
    _parsed.clear()


def _parse(source: str, shift: int) -> Expr:
    driver = expression_driver()
    try:
        return driver.parse(driver.tokens(source, shift))  # type: ignore[no-any-return]
    except (Rejected, ExpressionSyntaxError):
        # What is wrong is told by indices into the text.
        tokens = driver.tokens(source)
        try:
            driver.parse(tokens)
        except Rejected as rejected:
            expected = driver.tables.actions[rejected.state].keys()
            raise expression_errors.explain(source, tokens, rejected, expected) from None
        raise AssertionError("a text that is rejected is rejected again") from None


def expression_driver() -> Driver:
    """The parser of expressions, made at the first call."""
    global _driver
    if _driver is None:
        _driver = Driver(grammar_cache.load(), ACTIONS)
    return _driver


_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _single(token: Token) -> str:
    return token[1][1:-1].replace("''", "'")


def _double(token: Token) -> str:
    _, text, start, _ = token
    if "\\" not in text:
        return text[1:-1]
    for match in re.finditer(r"\\(u[0-9a-fA-F]{4}|.)", text, re.DOTALL):
        if len(match[1]) == 1 and match[1] not in _ESCAPES:
            at = start + match.start()
            raise ExpressionSyntaxError(
                f"`{match[0]}` is not an escape of text in double quotes",
                at,
                at + 2,
                help="write `\\\\` for a backslash, or put the text into single quotes",
            )
    import json

    value = json.loads(text, strict=False)
    assert isinstance(value, str)
    return value


def _integer(made: list[Any], start: int, end: int) -> Expr:
    text = made[0][1]
    if len(text) > 1 and text[0] == "0":
        raise ExpressionSyntaxError(
            f"the number `{text[:20]}` begins with 0",
            start,
            end,
            help=f"write `{text.lstrip('0') or '0'}`, or `'{text}'` for text",
        )
    if len(text) > MAX_DIGITS:
        raise ExpressionSyntaxError(
            f"the number has more than {MAX_DIGITS} digits", start, end, help="write it as text"
        )
    return Literal(int(text), start, end)


def _float(made: list[Any], start: int, end: int) -> Expr:
    value = float(made[0][1])
    if value == float("inf"):
        raise ExpressionSyntaxError(
            "the number is too large", start, end, help="the largest number is about `1.8e308`"
        )
    return Literal(value, start, end)


def _binary(made: list[Any], start: int, end: int) -> Expr:
    op = made[1][1]
    return Binary({"||": "or", "&&": "and"}.get(op, op), made[0], made[2], start, end)


def _arguments(items: list[Any]) -> tuple[list[Expr], list[tuple[str, Expr]]]:
    args: list[Expr] = []
    keywords: list[tuple[str, Expr]] = []
    for item in items:
        if isinstance(item, tuple):
            name, value, start, end = item
            if any(name == known for known, _ in keywords):
                raise ExpressionSyntaxError(
                    f"the argument `{name}` is given twice", start, end, help="leave one of them out"
                )
            keywords.append((name, value))
        elif keywords:
            raise ExpressionSyntaxError(
                "an argument without a name follows one with a name",
                item.start,
                item.end,
                help=f"put it before `{keywords[0][0]}=…`, or give its name too",
            )
        else:
            args.append(item)
    return args, keywords


def _call(made: list[Any], start: int, end: int) -> Expr:
    _, name, _, name_end = made[0]
    return Call(name, *_arguments(made[2]), start, end, name_end)


def _method(made: list[Any], start: int, end: int) -> Expr:
    owner, (_, name, name_start, name_end) = made[0], made[2]
    args, keywords = _arguments(made[4])
    if isinstance(owner, Name) and owner.name in NAMESPACES:
        return Call(f"{owner.name}.{name}", args, keywords, start, end, name_end)
    return Method(owner, name, args, keywords, start, end, name_start)


def _filter(made: list[Any], start: int, end: int) -> Expr:
    _, name, name_start, _ = made[2]
    args, keywords = _arguments(made[4]) if len(made) > 3 else ([], [])
    return Filter(made[0], name, args, keywords, start, end, name_start)


def _entry(read: Callable[[Token], str]) -> Action:
    def action(made: list[Any], start: int, end: int) -> tuple[Expr, Expr]:
        token = made[0]
        return Literal(read(token), token[2], token[3]), made[2]

    return action


def _map(made: list[Any], start: int, end: int) -> Expr:
    seen: set[object] = set()
    for key, _ in made[1]:
        if key.value in seen:
            raise ExpressionSyntaxError(
                f"the key `{key.value}` is given twice", key.start, key.end, help="leave one of them out"
            )
        seen.add(key.value)
    return MapExpr(made[1], start, end)


def _more(made: list[Any], start: int, end: int) -> list[Any]:
    items: list[Any] = made[0]
    items.append(made[2])
    return items


ACTIONS: dict[str, Action] = {
    "filter": _filter,
    "conditional": lambda made, start, end: Conditional(made[0], made[2], made[4], start, end),
    "binary": _binary,
    "not_in": lambda made, start, end: Binary("not-in", made[0], made[3], start, end),
    "negation": lambda made, start, end: Unary("not", made[1], start, end),
    "negative": lambda made, start, end: Unary("-", made[1], start, end),
    "member": lambda made, start, end: Member(made[0], made[2][1], start, end, made[2][2]),
    "method": _method,
    "index": lambda made, start, end: Index(made[0], made[2], start, end),
    "name": lambda made, start, end: Name(made[0][1], start, end),
    "call": _call,
    "integer": _integer,
    "float": _float,
    "single": lambda made, start, end: Literal(_single(made[0]), start, end),
    "double": lambda made, start, end: Literal(_double(made[0]), start, end),
    "true": lambda made, start, end: Literal(True, start, end),
    "false": lambda made, start, end: Literal(False, start, end),
    "null": lambda made, start, end: Literal(None, start, end),
    "group": lambda made, start, end: made[1],
    "list": lambda made, start, end: ListExpr(made[1], start, end),
    "map": _map,
    "none": lambda made, start, end: [],
    "first": lambda made, start, end: [made[0]],
    "more": _more,
    "keyword": lambda made, start, end: (made[0][1], made[2], start, end),
    "bare_entry": _entry(lambda token: token[1]),
    "single_entry": _entry(_single),
    "double_entry": _entry(_double),
}

Place = Callable[[int], int]


def _copy(expr: Any, start: Place, end: Place) -> Any:
    """The tree again, its places mapped."""
    cls = type(expr)
    a, b = start(expr.start), end(expr.end)
    if cls is Literal:
        return Literal(expr.value, a, b)
    if cls is Name:
        return Name(expr.name, a, b)
    if cls is Member:
        return Member(_copy(expr.object, start, end), expr.name, a, b, start(expr.name_start))
    if cls is Binary:
        return Binary(expr.op, _copy(expr.left, start, end), _copy(expr.right, start, end), a, b)
    if cls is Unary:
        return Unary(expr.op, _copy(expr.operand, start, end), a, b)
    if cls is Index:
        return Index(_copy(expr.object, start, end), _copy(expr.index, start, end), a, b)
    if cls is Conditional:
        return Conditional(
            _copy(expr.test, start, end),
            _copy(expr.then, start, end),
            _copy(expr.otherwise, start, end),
            a,
            b,
        )
    if cls is ListExpr:
        return ListExpr([_copy(item, start, end) for item in expr.items], a, b)
    if cls is MapExpr:
        return MapExpr([(_copy(k, start, end), _copy(v, start, end)) for k, v in expr.entries], a, b)
    args = [_copy(arg, start, end) for arg in expr.args]
    keywords = [(name, _copy(value, start, end)) for name, value in expr.keywords]
    if cls is Call:
        return Call(expr.function, args, keywords, a, b, end(expr.name_end))
    if cls is Method:
        return Method(_copy(expr.object, start, end), expr.name, args, keywords, a, b, start(expr.name_start))
    return Filter(_copy(expr.value, start, end), expr.name, args, keywords, a, b, start(expr.name_start))
