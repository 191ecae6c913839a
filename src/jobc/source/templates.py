"""A scalar split into text and expressions, each with its place in the file. (Contract; see `split`.)"""

from __future__ import annotations

from typing import TypeAlias

from jobc.source.file import Span
from jobc.source.nodes import Problem, Scalar


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


class OffsetMap:
    """Maps an index into a scalar's decoded text (0…len, the end included) to a character offset in the file."""

    __slots__ = ()

    def at(self, index: int) -> int:
        raise NotImplementedError


Part: TypeAlias = "Text | Hole"


class Template:
    """`parts` in order; `whole` where the scalar is exactly one expression (blanks around it ignored)."""

    __slots__ = ("parts", "problems", "scalar", "whole")

    def __init__(self, scalar: Scalar, parts: list[Part], whole: bool, problems: list[Problem]) -> None:
        self.scalar = scalar
        self.parts = parts
        self.whole = whole
        self.problems = problems


def offset_map(scalar: Scalar) -> OffsetMap:
    """The map from the scalar's decoded text to the file."""
    raise NotImplementedError


def split(scalar: Scalar) -> Template | None:
    """Split a scalar at its expressions; None where its text has no `${{` and no `$<<` (the common, fast case)."""
    raise NotImplementedError


def bare(scalar: Scalar) -> Hole:
    """A hole that is the scalar's whole text: for `condition: params.dry == false`, without delimiters."""
    raise NotImplementedError
