from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.interpreter.outputs import BOUND, OutputProblem, check, parse_json, parse_text


def test_lines_and_blocks() -> None:
    text = "a=1\n\nb-c=x=y \nlog<<EOF\none\n\nEO\nF\nEOF\nd=\r\n"
    assert parse_text(text) == {"a": "1", "b-c": "x=y ", "log": "one\n\nEO\nF", "d": ""}


def test_a_block_keeps_its_carriage_returns_unless_it_is_written_with_them() -> None:
    assert parse_text("v<<END\na\r\nb\r\nEND\r\nEND\n") == {"v": "a\r\nb\r\nEND\r"}
    assert parse_text("v<<END\r\na\r\nb\r\nEND\r\nw=1\r\n") == {"v": "a\nb", "w": "1"}


@pytest.mark.parametrize("line", ["no equals", "1a=2", "a b=2", "=x", "ä=1", "x<<"])
def test_a_malformed_line_is_quoted(line: str) -> None:
    with pytest.raises(OutputProblem, match=r"line 2 of \$JOBC_OUTPUT") as caught:
        parse_text(f"ok=1\n{line}\n")
    assert line in str(caught.value)


def test_an_open_block_says_how_to_close_it() -> None:
    with pytest.raises(OutputProblem, match="never closed; end the value with a line that is `END`"):
        parse_text("a<<END\nx\n")


@pytest.mark.parametrize("text", ["[1]", "{", '{"a b": 1}', '{"a": NaN}', "nul"])
def test_bad_json_is_refused(text: str) -> None:
    with pytest.raises(OutputProblem, match="JOBC_OUTPUT_JSON"):
        parse_json(text)


def test_outputs_have_a_bound_and_the_largest_is_named() -> None:
    with pytest.raises(OutputProblem, match="`big` is the largest"):
        check({"small": 1, "big": "x" * BOUND})


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_any_text_passes_through_a_block(value: str) -> None:
    lines = value.split("\n")
    end = "END"
    while end in lines:
        end += "_"
    assert parse_text(f"v<<{end}\n{value}\n{end}\n") == {"v": value}
