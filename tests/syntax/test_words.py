"""A command's words are those of a shell, and what an expression gives is never split."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.syntax.words import UnclosedQuote, split


@given(st.text(alphabet="ab'\"\\ \t\n$`", max_size=30))
def test_texts_are_split_as_by_a_shell(text: str) -> None:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escapedquotes = True, "", '"'
    try:
        expected = list(lexer)
    except ValueError:
        with pytest.raises(UnclosedQuote):
            split([text])
        return
    found = ["".join(str(part) for part in word) for word in split([text])]
    # In double quotes a shell lets a backslash stand before all but five characters; shlex knows two of them.
    if "$" not in text and "`" not in text:
        assert found == expected


@given(st.lists(st.text(max_size=8), max_size=4))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert [["".join(map(str, word))] for word in split([shlex.join(words)])] == [[word] for word in words]


def test_an_expression_is_part_of_a_word() -> None:
    value = object()
    assert split(["grep ", value, " -f", value, "'x y' ", value]) == [
        ["grep"],
        [value],
        ["-f", value, "x y"],
        [value],
    ]
