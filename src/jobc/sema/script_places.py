"""Places of the file for lines of a lifted script."""

from __future__ import annotations

import ast

from jobc.sema.scripts import ScriptPlacement
from jobc.source.file import Span


def node_span(placed: ScriptPlacement, node: ast.expr) -> Span:
    """Where an expression of the script's Python stands in the file."""
    start = _index(placed.text, node.lineno, node.col_offset)
    if node.end_lineno is None or node.end_col_offset is None:
        return placed.span(start, start + 1)
    return placed.span(start, _index(placed.text, node.end_lineno, node.end_col_offset))


def _index(text: str, line: int, column: int) -> int:
    """The index of a place that `ast` gives: a line from 1, a column in bytes."""
    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return before + len(lines[line - 1].encode()[:column].decode("utf-8", "ignore"))
