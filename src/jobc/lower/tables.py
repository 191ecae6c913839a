"""The tables of a program while it is being made: files, spans and codes, each entered once.

Entries keep the order in which lowering meets them, which is the file's, so equal input gives equal tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from jobc.ir.program import Code, NamedCodes, Program, SpanRow
from jobc.lower.codes import lower_value
from jobc.source.file import SourceFile, Span
from jobc.syntax.ast import Const, Item, Value


class Tables:
    """Fills `program.files`, `program.spans` and `program.codes`. `main` is the entry file."""

    __slots__ = ("_codes", "_files", "_folder", "_spans", "program")

    def __init__(self, program: Program, main: SourceFile) -> None:
        self.program = program
        self._folder = os.path.dirname(main.path)
        self._files: dict[int, int] = {}
        self._spans: dict[SpanRow, int] = {}
        self._codes: dict[tuple[int, str], int] = {}
        self.file(main)

    def file(self, file: SourceFile) -> int:
        """The index of a file; its path is written relative to the entry file's folder, with `/`."""
        number = self._files.get(id(file))
        if number is None:
            path = os.path.relpath(file.path, self._folder or ".").replace(os.sep, "/")
            if path not in self.program.files:
                self.program.files.append(path)
            number = self._files[id(file)] = self.program.files.index(path)
        return number

    def span(self, span: Span) -> int:
        file = self.file(span.file)
        line, column = span.file.position(span.start)
        end_line, end_column = span.file.position(span.end)
        row = (file, line, column, end_line, end_column)
        number = self._spans.get(row)
        if number is None:
            number = self._spans[row] = len(self.program.spans)
            self.program.spans.append(row)
        return number

    def code(self, tree: Any, span: Span) -> int:
        key = (self.span(span), repr(tree))
        number = self._codes.get(key)
        if number is None:
            number = self._codes[key] = len(self.program.codes)
            self.program.codes.append(Code(tree, key[0]))
        return number

    def value(self, value: Value) -> int:
        return self.code(lower_value(value), value.span)

    def optional(self, value: Value | None) -> int | None:
        return None if value is None else self.value(value)

    def duration(self, value: Value | None) -> int | None:
        """A duration's code: seconds where it is constant, else what the expression gives."""
        if value is None:
            return None
        if isinstance(value, Const):
            seconds = constant_seconds(value.value)
            if seconds is not None:
                return self.code(seconds, value.span)
        return self.value(value)

    def named(self, items: Iterable[Item]) -> NamedCodes:
        return [(item.key, self.value(item.value)) for item in items]


def constant_seconds(value: object) -> int | float | None:
    """The seconds of a constant duration, whole ones as an int; None where it is no duration."""
    from jobc.syntax.durations import seconds

    amount: float | None = None
    if isinstance(value, str):
        amount = seconds(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        amount = value
    if amount is None:
        return None
    return int(amount) if float(amount).is_integer() else float(amount)


def constant_text(value: Value | None) -> str | None:
    """The text of a description: as written, expressions in it too."""
    if value is None:
        return None
    node = value.node
    return getattr(node, "text", None)
