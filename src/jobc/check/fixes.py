"""Applies the fixes of findings to the text of a file.

Edits are applied from the end of the text backwards, so the places of earlier ones stay true. A fix is
taken whole or not at all: one that touches what an earlier fix (in the order of the findings) changes
waits for the next round, after the file was checked again.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobc.diagnostics.diagnostic import Finding, Fix
from jobc.source.file import SourceFile


def applicable(findings: Sequence[Finding], file: SourceFile, *, unsafe: bool) -> list[Fix]:
    """The fixes that can be applied to this file together: safe ones, and `unsafe` ones if asked for."""
    taken: list[Fix] = []
    occupied: list[tuple[int, int]] = []
    for finding in findings:
        fix = finding.diagnostic.fix
        if fix is None or not fix.edits or not (fix.safe or unsafe):
            continue
        if any(edit.span.file.path != file.path for edit in fix.edits):
            continue
        ranges = [(edit.span.start, edit.span.end) for edit in fix.edits]
        if any(_touch(a, b) for a in ranges for b in occupied):
            continue
        occupied.extend(ranges)
        taken.append(fix)
    return taken


def apply(text: str, fixes: Sequence[Fix]) -> str:
    """The text with the edits of these fixes, which do not overlap; new lines end as the text's first line does."""
    newline = _newline(text)
    edits = [edit for fix in fixes for edit in fix.edits]
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        new = edit.text.replace("\n", newline) if newline != "\n" and "\r" not in edit.text else edit.text
        text = text[: edit.span.start] + new + text[edit.span.end :]
    return text


def _newline(text: str) -> str:
    end = text.find("\n")
    if end > 0 and text[end - 1] == "\r":
        return "\r\n"
    return "\n" if end >= 0 or "\r" not in text else "\r"


def _touch(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two ranges overlap or meet (two insertions at one place have no order)."""
    return a[0] <= b[1] and b[0] <= a[1]
