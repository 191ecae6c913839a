"""What a pattern is taken to let in, beside what it does let in."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.sema import inert
from jobc.sema.inert import ARGUMENT, DIGITS, NAMES, OTHER, PLAIN, text_of
from jobc.sema.types import STR
from jobc.source.decode import decode
from jobc.syntax.build import parse
from jobc.syntax.expressions import parse_text

PIECES = st.sampled_from(
    [
        "a",
        "-",
        "_",
        r"\.",
        r"\d",
        r"\w",
        "[a-f]",
        "[-+a]",
        "[0-9.-]",
        "(?:x|-y)",
        "(b)",
        "(?!-)",
        "^",
        "$",
        r"\b",
        "/",
        "é",
        "K",
    ]
)
PATTERNS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda each: f"(?i:{each})"),
    ),
    max_leaves=6,
)


def _text(pattern: str):
    written = pattern.replace("'", "''")
    file = decode(f"params: {{p: {{type: str, pattern: '{written}'}}}}\njobs: {{}}\n".encode(), "a.job.yml")
    return text_of(parse_text("params.p"), parse(file).workflows[0].params, lambda _: STR)


@given(st.data(), PATTERNS)
def test_a_text_that_matches_has_no_other_characters(data: st.DataObject, pattern: str) -> None:
    found = _text(pattern)
    assert found is not None
    text = data.draw(st.from_regex(pattern, fullmatch=True))
    if re.fullmatch(pattern, text):
        assert {c if c.isascii() or not c.isalnum() else OTHER for c in text} <= found.chars
        assert found.dash or not text.startswith("-")


@pytest.mark.parametrize(
    "pattern", [".", "a.b", "[^;]", r"\S+", r"\W", r"[\s\S]", r"(a)\1", "a|.*", "(?s:.)", "[a-\U0001f600]"]
)
def test_what_is_not_understood_lets_everything_in(pattern: str) -> None:
    assert _text(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "chars", "dash"),
    [
        ("[0-9]+", DIGITS, False),
        ("(?!-)[0-9-]+", DIGITS | {"-"}, False),
        ("[0-9-]*", DIGITS | {"-"}, True),
        ("-?[0-9]", DIGITS | {"-"}, True),
        ("^[0-9]{4}-[0-9]{2}$", DIGITS | {"-"}, False),
        (r"\w+", NAMES, False),
    ],
)
def test_characters_and_a_dash_in_front_are_told(pattern: str, chars: frozenset[str], dash: bool) -> None:
    found = _text(pattern)
    assert found is not None
    assert (found.chars, found.dash) == (chars, dash)


@pytest.mark.parametrize("pattern", ["a b", "[a-z ]+", "[a-z$]+", "(a|b;)", "'", r"a\nb"])
def test_a_blank_or_a_quote_is_not_plain(pattern: str) -> None:
    found = _text(pattern)
    assert found is not None
    assert not found.chars <= PLAIN
    assert not ARGUMENT.admits(found)


def test_without_the_parser_of_patterns_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re._parser", None)
    inert._admitted.cache_clear()
    assert inert._admitted("[a-z]+") is None
    inert._admitted.cache_clear()
