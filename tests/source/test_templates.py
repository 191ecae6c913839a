"""A scalar is split into text and expressions."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobc.source.compose import compose
from jobc.source.file import SourceFile
from jobc.source.nodes import Mapping, Scalar
from jobc.source.templates import Hole, Template, Text, bare, split


def scalar_of(source: str) -> Scalar:
    root = compose(SourceFile("f", source)).documents[0]
    assert isinstance(root, Mapping)
    value = root.entries[0].value
    assert isinstance(value, Scalar)
    return value


def template(text: str) -> Template:
    scalar = scalar_of(f"k: {json.dumps(text)}\n")
    assert scalar.text == text
    found = split(scalar)
    assert found is not None
    return found


def show(found: Template) -> list[str]:
    return [part.text if isinstance(part, Text) else f"<{part.source}>" for part in found.parts]


@pytest.mark.parametrize(
    ("text", "parts", "whole"),
    [
        ("${{ a }}", ["< a >"], True),
        ("$<<a>>", ["<a>"], True),
        (" ${{ a }}\n", [" ", "< a >", "\n"], True),
        ("x${{ a }}", ["x", "< a >"], False),
        ("${{ a }}${{ b }}", ["< a >", "< b >"], False),
        ("$<< a >> ${{ b }}", ["< a >", " ", "< b >"], False),
        ("${{ '}}' }}", ["< '}}' >"], True),
        ("${{ 'it''s }}' }}.", ["< 'it''s }}' >", "."], False),
        (r'${{ "\"}}" }}', [r'< "\"}}" >'], True),
        ("${{ {a: {b: 1}} }}", ["< {a: {b: 1}} >"], True),
        ("${{{a: {b: 1}}}}", ["<{a: {b: 1}}>"], True),
        ("$<< [a, '>>'] >>", ["< [a, '>>'] >"], True),
        ("$<< f(a > b) >>", ["< f(a > b) >"], True),
        ("$${{ a }} ${{ b }}", ["${{ a }} ", "< b >"], False),
        ("$$<< a >>", ["$<< a >>"], False),
    ],
)
def test_text_and_expressions(text: str, parts: list[str], whole: bool) -> None:
    found = template(text)
    assert show(found) == parts
    assert found.whole is whole
    assert not found.problems


@pytest.mark.parametrize("text", ["a", "$ {{ a }}", "{{ a }}", "<< a >>", ""])
def test_text_without_expressions_is_not_split(text: str) -> None:
    assert split(scalar_of(f"k: '{text}'\n")) is None


@pytest.mark.parametrize(
    ("text", "place", "parts"),
    [
        ("a ${{ b", "${{", ["a ${{ b"]),
        ("a $<< {b >> c", "$<<", ["a $<< {b >> c"]),
        ("${{ a }} ${{ '}}'", "${{", ["< a >", " ${{ '}}'"]),
        ("x ${{ }} y", "${{ }}", ["x ${{ }} y"]),
    ],
)
def test_expressions_without_end_or_content_stay_text(text: str, place: str, parts: list[str]) -> None:
    found = template(text)
    (problem,) = found.problems
    assert (problem.rule, problem.span.text) == ("expression-syntax", place)
    assert show(found) == parts
    assert problem.help


def test_a_bare_expression_is_the_whole_text() -> None:
    hole = bare(scalar_of('k: "a\\t&& b"\n'))
    assert (hole.source, hole.span.text, hole.delimiter) == ("a\t&& b", '"a\\t&& b"', "")
    assert hole.scalar_map.at(2) - hole.offset(1) == 2


@given(
    st.lists(
        st.sampled_from(["${{", "}}", "$<<", ">>", "$", "'", '"', "\\", "{", "}", "(", "a", " ", "😀"]),
        max_size=14,
    )
)
def test_parts_follow_each_other_and_cover_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    scalar = scalar_of("k: |-\n  x" + text + "\n")
    found = split(scalar)
    if found is None:
        assert "${{" not in text
        assert "$<<" not in text
        return
    position = 0
    for part in found.parts:
        assert part.start == position
        position = part.end
        if isinstance(part, Hole):
            assert scalar.text[part.inner : part.inner + len(part.source)] == part.source
            assert scalar.file.text[part.offset(0) :].startswith(part.source)
            assert part.span.text == scalar.text[part.start : part.end]
        else:
            assert scalar.text[part.start : part.end].replace("$", "") == part.text.replace("$", "")
    assert position == len(scalar.text)
