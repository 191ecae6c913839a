"""The drawn form of findings: golden files for every shape of span, and columns that always line up."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from shapes import SHAPES, finding

from jobc.diagnostics.diagnostic import Finding
from jobc.diagnostics.render import render
from jobc.diagnostics.render.columns import Line, cell
from jobc.source.file import SourceFile

GOLDEN = Path(__file__).parent / "golden"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
CHARACTERS = st.sampled_from("ab:- '\"{}[]\t日本🚀é\u0301\u200d\u202e\ufeff\x07\x1b\u2028\x85")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_finding_is_drawn_as_its_golden_file_says(shape: str, golden: Callable[[str, Path], None]) -> None:
    drawn = render(SHAPES[shape], "full", files=2, color=False)
    assert not [line for line in drawn.split("\n") if line != line.rstrip()]
    golden(drawn, GOLDEN / f"{shape}.txt")


@pytest.mark.parametrize("shape", SHAPES)
def test_colour_adds_escape_codes_and_changes_nothing_else(shape: str) -> None:
    plain = render(SHAPES[shape], "full", files=2, color=False)
    colored = render(SHAPES[shape], "full", files=2, color=True)
    assert "\x1b" not in plain
    stripped = [line.rstrip() for line in ESCAPE.sub("", colored).split("\n")]
    assert stripped == plain.split("\n")


@pytest.mark.parametrize("format", ["full", "concise"])
def test_a_file_name_cannot_draw_on_the_terminal(format: str) -> None:
    file = SourceFile("a\x1b[31m\n\udcff.job.yml", "a: 1\n")
    drawn = render([finding(file.span(0, 1))], format, files=1, color=False)
    assert "a\\x1b[31m\\n\\udcff.job.yml:1:1" in drawn
    assert "\x1b" not in drawn


def test_source_is_highlighted_in_colour() -> None:
    file = SourceFile(
        "a.job.yml", 'jobs:\n  a:\n    stages:\n      - bash: |\n          echo "$HOME" ${{ params.x }}\n'
    )
    start = file.text.index("params")
    drawn = render([finding(file.span(start, start + 6))], "full", files=1, color=True)
    source = next(line for line in drawn.split("\n") if "params" in ESCAPE.sub("", line))
    assert len(set(ESCAPE.findall(source))) > 3


def _width(text: str) -> int:
    column = 0
    for char in text:
        column += cell(char, column)[1]
    return column


@given(
    before=st.text(CHARACTERS, max_size=30),
    inside=st.text(CHARACTERS, min_size=1, max_size=20),
    after=st.text(CHARACTERS, max_size=30),
)
def test_the_underline_stands_under_the_text_it_means(before: str, inside: str, after: str) -> None:
    file = SourceFile("a.job.yml", before + inside + after)
    drawn = render(
        [finding(file.span(len(before), len(before + inside)))], "full", files=1, color=False, width=400
    )
    underline = drawn.split("\n")[4]
    marks = underline.partition("|")[2][1:]
    begin = _width(before)
    length = max(_width(before + inside) - begin, 1)
    assert marks == " " * begin + "^" * length


@given(text=st.text(CHARACTERS, min_size=1, max_size=200), data=st.data(), room=st.integers(20, 80))
def test_a_long_line_is_cut_to_its_room_and_the_finding_stays_in_view(
    text: str, data: st.DataObject, room: int
) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    line = Line(text, room, (start, start + 1))
    assert line.first <= start < line.first + len(line.prints) or not cell(text[start], 0)[0]
    shown = line.column(line.first + len(line.prints)) + line.cut_right
    assert shown <= room


@given(st.text(CHARACTERS | st.sampled_from("\r\n"), max_size=120), st.data())
def test_any_span_of_any_text_can_be_drawn(text: str, data: st.DataObject) -> None:
    file = SourceFile("a.job.yml", text)
    spans = []
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        spans.append(file.span(start, data.draw(st.integers(start, len(text)))))
    from jobc.diagnostics.diagnostic import Label

    related = tuple(Label(span, "related words") for span in spans[1:])
    findings: list[Finding] = [finding(spans[0], "primary words", related=related)]
    drawn = render(findings, "full", files=1, color=False)
    assert "primary words" in drawn
    assert drawn.count("related words") == len(related)
    assert drawn.isascii() or "\x1b" not in drawn
