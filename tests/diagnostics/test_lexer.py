"""The Pygments lexer: nothing of a file is lost, and each language in it is seen as what it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Keyword, Name, Operator, String

from jobc.diagnostics.lexer import JobcLexer

# fmt: off
PIECES = st.sampled_from([
    "${{", "}}", "$<<", ">>", "$${{", ":", "-", "'", '"', "''", "\\", "#", "[", "]", "{", "}", ",", "&a", "*a", "!t",
    "é🚀", "\x85", "\u2028", "\x00", "a", "b.c", "x-y", "1", "true", "params", "|f", "(", ")", "<<END", "END", '"""',
    "bash: |\n", "run: |-\n", "condition: ", "- ", ": ", "  ", "\n", "\r\n", "\r", "---\n", " # c", "if x:\n",
])
# fmt: on


def tokens(text: str) -> list[tuple[Any, str]]:
    return [(kind, words) for _, kind, words in JobcLexer().get_tokens_unprocessed(text)]


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=80))
def test_the_tokens_joined_are_the_input(text: str) -> None:
    position = 0
    for offset, _, words in JobcLexer().get_tokens_unprocessed(text):
        assert offset == position
        assert words
        position += len(words)
    assert "".join(words for _, words in tokens(text)) == text


def test_it_is_found_by_its_name_and_by_file_names() -> None:
    assert isinstance(get_lexer_by_name("jobc"), JobcLexer)
    assert isinstance(get_lexer_for_filename("etl.job.yml"), JobcLexer)
    assert isinstance(get_lexer_for_filename("etl.jobs.yml"), JobcLexer)


@pytest.mark.parametrize(("opener", "closer"), [("${{", "}}"), ("$<<", ">>")])
def test_expressions_are_lexed_wherever_they_stand(opener: str, closer: str) -> None:
    hole = f"{opener} params.day == 'x' and upper(item) {closer}"
    for text in (
        f"a: {hole}\n",
        f'a: "t {hole}"\n',
        f"- t {hole}\n",
        f"bash: |\n  echo '{hole}'\n",
        f"run: |\n  x = {hole}\n",
    ):
        found = tokens(text)
        for expected in (
            (String.Interpol, opener),
            (Name.Builtin, "params"),
            (Name.Attribute, "day"),
            (String, "'x'"),
            (Operator.Word, "and"),
            (Name.Function, "upper"),
            (String.Interpol, closer),
        ):
            assert expected in found, text


def test_a_script_is_lexed_in_its_own_language_around_its_expressions() -> None:
    found = tokens("- bash: |\n    if true; then # ${{ x }} why\n  env: if\n- run: |\n    import os\n")
    assert (Keyword, "if") in found
    assert (Comment.Single, "# ") in found
    assert (Comment.Single, " why\n") in found
    assert (Keyword.Namespace, "import") in found
    assert (Name.Tag, "env") in found


def test_a_script_ends_where_its_indentation_does() -> None:
    found = tokens("- bash: |\n    echo one\n\n  name: for\n- name: done\n")
    assert [words for kind, words in found if kind is Name.Tag] == ["bash", "name", "name"]


def test_a_condition_is_an_expression_without_delimiters() -> None:
    assert (Name.Builtin, "params") in tokens("condition: params.dry == false\n")
    assert (Name.Builtin, "params") not in tokens("name: params\n")


def test_braces_inside_an_expression_do_not_end_it() -> None:
    found = tokens("a: ${{ {'k': {'v': '}}'}} }} tail\n")
    assert [words for kind, words in found if kind is String.Interpol] == ["${{", "}}"]
    assert found[-2][1] == " tail"
