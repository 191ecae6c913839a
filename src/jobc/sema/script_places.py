"""Places of the file for lines of a lifted script."""

from __future__ import annotations

import ast
import re

from jobc.sema.scripts import ScriptPlacement
from jobc.source.file import Span
from jobc.syntax.ast import BashStage, PyStage


def line_span(stage: BashStage | PyStage, placed: ScriptPlacement, line: int, word: str = "") -> Span:
    """Where a line of the script (from 1) stands in the file; only `word` of it, where the line holds that."""
    file = stage.script.node.file
    at = max((pair for pair in placed.lines if pair[0] <= line), default=(1, stage.script.span.line))
    number = min(at[1] + line - at[0], len(file.line_starts))
    text = file.line_text(number)
    begin = file.line_starts[number - 1]
    if word:
        match = re.search(rf"\$?\{{?\b{re.escape(word)}\b\}}?", text)
        if match:
            return file.span(begin + match.start(), begin + match.end())
    return file.span(begin + len(text) - len(text.lstrip()), begin + len(text.rstrip()))


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
