"""A scalar split into text and expressions, each with its place in the file.

An expression stands between `${{` and `}}`, or between `$<<` and `>>`; a `$` before the opening
delimiter takes its meaning away, and is itself left out. The closing delimiter is the first one that
is outside of string literals and of the expression's own brackets: `${{ {'a': {'b': 1}} }}` ends at
the last two braces. `>>` cannot be part of an expression otherwise.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from jobc.source.file import Span
from jobc.source.nodes import Problem, Scalar
from jobc.source.offsets import OffsetMap, offset_map

__all__ = ["Hole", "OffsetMap", "Part", "Template", "Text", "bare", "offset_map", "split"]

_OPENING = re.compile(r"\$?\$(?:\{\{|<<)")
_STOP = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|[{}]|>>", re.DOTALL)
_CLOSING = {"${{": "}}", "$<<": ">>"}


class Text:
    """Literal text of a template, decoded (`$${{` is already `${{`). `start` is its index in `Scalar.text`."""

    __slots__ = ("end", "start", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end


class Hole:
    """One `${{ … }}` or `$<< … >>`.

    `source` is the expression's decoded text without delimiters. `start:end` are indices of the whole
    hole, delimiters included, in `Scalar.text`; `inner` is the index of `source[0]` there.
    `offset(i)` maps an index into `source` to a character offset in the file; `span` is the
    place of the whole hole in the file.
    """

    __slots__ = ("delimiter", "end", "inner", "scalar_map", "source", "span", "start")

    def __init__(
        self, source: str, start: int, end: int, inner: int, delimiter: str, span: Span, scalar_map: OffsetMap
    ) -> None:
        self.source = source
        self.start = start
        self.end = end
        self.inner = inner
        self.delimiter = delimiter
        self.span = span
        self.scalar_map = scalar_map

    def offset(self, index: int) -> int:
        return self.scalar_map.at(self.inner + index)


Part: TypeAlias = "Text | Hole"


class Template:
    """`parts` in order; `whole` where the scalar is exactly one expression (blanks around it ignored)."""

    __slots__ = ("parts", "problems", "scalar", "whole")

    def __init__(self, scalar: Scalar, parts: list[Part], whole: bool, problems: list[Problem]) -> None:
        self.scalar = scalar
        self.parts = parts
        self.whole = whole
        self.problems = problems


def split(scalar: Scalar) -> Template | None:
    """Split a scalar at its expressions; None where its text has no `${{` and no `$<<` (the common, fast case)."""
    text = scalar.text
    if "${{" not in text and "$<<" not in text:
        return None
    places = offset_map(scalar)
    file = scalar.file
    parts: list[Part] = []
    problems: list[Problem] = []
    literal: list[str] = []
    literal_start = position = 0

    def end_literal(end: int) -> None:
        joined = "".join(literal)
        if joined:
            parts.append(Text(joined, literal_start, end))
        literal.clear()

    while (match := _OPENING.search(text, position)) is not None:
        start, inner = match.span()
        literal.append(text[position:start])
        position = start
        if inner - start == 4:
            literal.append(text[start + 1 : inner])
            position = inner
            continue
        delimiter = match[0]
        closing = _CLOSING[delimiter]
        close = _closing(text, inner, closing)
        if close < 0:
            problems.append(_unclosed(scalar, places, start, inner, delimiter, closing))
            break
        end = close + 2
        span = Span(file, places.at(start), places.at(end - 1) + 1)
        source = text[inner:close]
        if not source.strip():
            problems.append(
                Problem(
                    "expression-syntax",
                    f"nothing stands between `{delimiter}` and `{closing}`",
                    span,
                    f"write an expression there, or `${delimiter}` for the text `{delimiter}`",
                )
            )
            literal.append(text[start:end])
            position = end
            continue
        end_literal(start)
        parts.append(Hole(source, start, end, inner, delimiter, span, places))
        position = literal_start = end
    literal.append(text[position:])
    end_literal(len(text))
    holes = [part for part in parts if isinstance(part, Hole)]
    around = all(isinstance(part, Hole) or not part.text.strip() for part in parts)
    return Template(scalar, parts, len(holes) == 1 and around, problems)


def bare(scalar: Scalar) -> Hole:
    """A hole that is the scalar's whole text: for `condition: params.dry == false`, without delimiters."""
    places = offset_map(scalar)
    text = scalar.text
    return Hole(text, 0, len(text), 0, "", Span(scalar.file, scalar.start, scalar.end), places)


def _closing(text: str, position: int, closing: str) -> int:
    """The index of the closing delimiter, or -1.

    Only braces nest: an unclosed `(` or `[` is the expression's own error, and is told better by its parser.
    """
    depth = 0
    while (match := _STOP.search(text, position)) is not None:
        token = match[0]
        position = match.end()
        if token == "{":
            depth += 1
        elif token == ">>":
            if closing == ">>" and depth == 0:
                return match.start()
        elif token == "}":
            if depth == 0 and closing == "}}" and text.startswith("}}", match.start()):
                return match.start()
            depth = max(depth - 1, 0)
    return -1


def _unclosed(
    scalar: Scalar, places: OffsetMap, start: int, inner: int, delimiter: str, closing: str
) -> Problem:
    span = Span(scalar.file, places.at(start), places.at(inner - 1) + 1)
    if scalar.text.find(closing, inner) >= 0:
        help = f"the `{closing}` after it stands in a string or in braces: close these first"
    else:
        help = f"close it with `{closing}`, or write `${delimiter}` for the text `{delimiter}`"
    return Problem("expression-syntax", f"`{delimiter}` is never closed", span, help)
