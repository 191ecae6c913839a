"""Where each character of a scalar's text is written in the file."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.source.nodes import Mapping, Scalar
from jobc.source.offsets import decoded, offset_map

LINE_ENDS = st.sampled_from(["\n", "\r\n"])
WORDS = st.text(alphabet="ab${}😀é-#:\u2028\x85", min_size=1, max_size=6)
ESCAPES = st.sampled_from(
    ["\\n", "\\t", '\\"', "\\\\", "\\/", "\\x41", "\\u00e9", "\\U0001F600", "\\0", "\\_", "\\N", "\\ ", "\\e"]
)
NAMED = {"n": "\n", "t": "\t", "0": "\0", "_": "\xa0", "N": "\x85", "L": "\u2028", "P": "\u2029", "e": "\x1b"}


def scalar_of(source: str) -> Scalar | None:
    """The value of `key` in a file, where the file is valid."""
    composed = compose(SourceFile("f", source))
    if composed.problems or not composed.documents:
        return None
    root = composed.documents[0]
    assert isinstance(root, Mapping)
    value = root.get("key")
    return value if isinstance(value, Scalar) else None


def written(scalar: Scalar, offset: int) -> str:
    """The character that the source has at an offset, its escape decoded."""
    source = scalar.file.text
    if scalar.style == "double" and source[offset] == "\\":
        match = re.compile(r"\\(?:x(\w{2})|u(\w{4})|U(\w{8})|(.))").match(source, offset)
        assert match is not None
        number = match[1] or match[2] or match[3]
        return chr(int(number, 16)) if number else NAMED.get(match[4], match[4])
    return source[offset]


def check(source: str) -> None:
    scalar = scalar_of(source)
    if scalar is None:
        return
    assert decoded(scalar) == scalar.text
    places = offset_map(scalar)
    last = scalar.start
    for index, char in enumerate(scalar.text):
        offset = places.at(index)
        assert last <= offset < len(source)
        last = offset
        found = written(scalar, offset)
        if char != found:
            assert char in " \n", (char, found)
            assert found in " \t\r\n"
            assert scalar.style != "literal" or found in "\r\n"
    assert last <= places.at(len(scalar.text)) <= len(source)


@st.composite
def quoted(draw: st.DrawFn) -> str:
    end = draw(LINE_ENDS)
    quote = draw(st.sampled_from("'\""))
    pieces = []
    part = st.one_of(
        WORDS,
        st.sampled_from([" ", "  ", "\t"]),
        ESCAPES if quote == '"' else st.just("''"),
        st.sampled_from(["<", "<<", "\\<"]),
    )
    for piece in draw(st.lists(part, max_size=12)):
        if "<" in piece:
            if piece.startswith("\\") and quote == "'":
                continue
            indent = draw(st.sampled_from(["", "  ", "\t"]))
            breaks = end + indent if piece != "<<" else end + indent + end
            pieces.append(("\\" if piece.startswith("\\") else "") + breaks + "  ")
        else:
            pieces.append(piece)
    return f"key: {quote}{''.join(pieces)}{quote}{end}next: 1{end}"


@st.composite
def plain(draw: st.DrawFn) -> str:
    end = draw(LINE_ENDS)
    part = st.one_of(
        WORDS, st.sampled_from([" ", "  ", end + "  ", end + end + "   ", " " + end + " " + end + "  "])
    )
    body = "".join(draw(st.lists(part, max_size=10)))
    return f"key: x{body}{end}next: 1{end}"


@st.composite
def block(draw: st.DrawFn) -> str:
    end = draw(LINE_ENDS)
    width = draw(st.integers(1, 4))
    line = st.one_of(
        st.just(""), WORDS, WORDS.map(lambda w: "  " + w), WORDS.map(lambda w: w + "  "), st.just("   ")
    )
    lines = draw(st.lists(line, max_size=8))
    short = draw(st.booleans())
    body = [" " * (width if text or not short else draw(st.integers(0, width))) + text for text in lines]
    chomp = draw(st.sampled_from(["", "-", "+"]))
    indicator = draw(st.sampled_from(["", str(width)]))
    header = draw(st.sampled_from("|>")) + draw(st.sampled_from([indicator + chomp, chomp + indicator]))
    after = draw(st.sampled_from(["next: 1" + end, "# comment" + end + "next: 1", "", end + end]))
    comment = draw(st.sampled_from(["", " # comment"]))
    text = f"key: {header}{comment}{end}" + end.join(body)
    return text if after == "" and draw(st.booleans()) else text + end + after


@given(quoted())
@example('key: "a\\\n\n  b"\n')
@example("key: ' a\n\n b '\n")
def test_quoted_scalars_map_each_character(source: str) -> None:
    check(source)


@given(plain())
def test_plain_scalars_map_each_character(source: str) -> None:
    check(source)


@settings(max_examples=200)
@given(block())
@example("key: >\n\n  a\n   b\n\n  c\n  d\n\n\n")
@example("key: |2-\n    a\n  b\n")
@example("key: |+\n\n\n")
def test_block_scalars_map_each_character(source: str) -> None:
    check(source)


@pytest.mark.parametrize(
    ("source", "needle"),
    [
        ("key: |\r\n  a\r\n  b ${{ x }}\r\n", "${{ x }}"),
        ("key: >\n  a\n  b ${{ x }}\n", "${{ x }}"),
        ('key: "😀\\t ${{ x }}"\n', "${{ x }}"),
        ("key: 'it''s ${{ x }}'\n", "${{ x }}"),
        ("key: a\n  b ${{ x }}\n", "${{ x }}"),
        ("\ufeffkey: ${{ x }}\n", "${{ x }}"),
    ],
)
def test_an_expression_is_found_where_it_is_written(source: str, needle: str) -> None:
    scalar = scalar_of(source)
    assert scalar is not None
    index = scalar.text.index(needle)
    places = offset_map(scalar)
    assert source[places.at(index) : places.at(index + len(needle) - 1) + 1] == needle


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("key: |\n  ab\n", "ab"),
        ("key: 'ab'\n", "ab"),
        ("key: ab # c\n", "ab"),
        ("key: >+\n  ab\n\n\n", "ab\n\n"),
    ],
)
def test_the_end_of_the_text_is_the_end_of_its_content(source: str, end: str) -> None:
    scalar = scalar_of(source)
    assert scalar is not None
    assert offset_map(scalar).at(len(scalar.text)) == source.index(end) + len(end)
