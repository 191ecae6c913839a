"""Any expression, printed and parsed; any text, given to the parser; the driver against Lark's own parser."""

from __future__ import annotations

import string
import sys
from functools import cache
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))
from expression_strategies import expressions, printable

from jobc.syntax.expr import Expr, Literal, walk
from jobc.syntax.expressions import ExpressionSyntaxError, expression_driver, parse_text
from jobc.syntax.grammar_cache import read_grammar
from jobc.syntax.lalr import END, Rejected
from jobc.syntax.printer import print_expr

TOKENS = [
    "a",
    "a-b",
    "params",
    "'x'",
    '"y"',
    "1",
    "2.5",
    "true",
    "None",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "?",
    "??",
    "|",
    "||",
    "&&",
    "!",
    "or",
    "and",
    "not",
    "in",
    "==",
    "!=",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "=",
]
token_lists = st.lists(st.sampled_from(TOKENS), max_size=12)


@cache
def lark() -> Lark:
    return Lark(read_grammar(), parser="lalr", lexer="basic", maybe_placeholders=False)


def accepted_by_lark(source: str) -> bool:
    try:
        lark().parse(source)
    except LarkError:
        return False
    return True


def accepted(source: str) -> bool:
    driver = expression_driver()
    try:
        driver.parse(driver.tokens(source))
    except Rejected:
        return False
    except ExpressionSyntaxError:
        return True
    return True


def refusal(source: str) -> ExpressionSyntaxError | None:
    try:
        parse_text(source)
    except ExpressionSyntaxError as error:
        return error
    return None


@given(expressions)
def test_a_printed_expression_parses_to_an_equal_one(expr: Expr) -> None:
    assume(printable(expr))
    assert parse_text(print_expr(expr)) == expr


@given(expressions)
def test_every_node_stands_on_text_that_parses_to_it(expr: Expr) -> None:
    assume(printable(expr))
    source = print_expr(expr)
    for node in walk(parse_text(source)):
        assert 0 <= node.start < node.end <= len(source)
        text = source[node.start : node.end]
        bare_key = isinstance(node, Literal) and isinstance(node.value, str) and text[0] not in "'\""
        if not bare_key:
            assert parse_text(text) == node


@given(token_lists)
def test_the_driver_accepts_what_lark_accepts(tokens: list[str]) -> None:
    source = " ".join(tokens)
    assert accepted(source) == accepted_by_lark(source)


@given(st.one_of(st.text(string.printable, max_size=20), st.text(max_size=10), token_lists.map("".join)))
def test_any_text_parses_or_is_refused_with_a_place_inside_it(source: str) -> None:
    error = refusal(source)
    if error is None:
        return
    assert 0 <= error.index <= error.end <= len(source)
    assert error.message.isprintable()
    assert error.help
    assert all(0 <= start < end <= len(source) for start, end, _ in error.related)


@given(token_lists)
def test_tokens_cover_the_text_but_for_blanks(tokens: list[str]) -> None:
    source = "  ".join(tokens)
    found = expression_driver().tokens(source)
    assert "".join(source.split()) == "".join(token[1] for token in found if token[0] != END)
