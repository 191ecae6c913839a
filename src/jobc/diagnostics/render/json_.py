"""Findings as one JSON document: the shape is CLI, "JSON of lint"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from jobc.diagnostics.diagnostic import Finding
from jobc.source.file import Span

VERSION = 1


def to_json(finding: Finding) -> dict[str, Any]:
    """A finding as plain data, in the shape of `diagnostics[]`."""
    diagnostic = finding.diagnostic
    fix = diagnostic.fix
    return {
        "path": diagnostic.span.file.path,
        "code": finding.code,
        "rule": diagnostic.rule,
        "severity": finding.severity,
        "confidence": diagnostic.confidence,
        "message": diagnostic.message,
        "help": diagnostic.help,
        **_place(diagnostic.span),
        "related": [
            {"path": label.span.file.path, **_place(label.span), "message": label.message}
            for label in diagnostic.related
        ],
        "fix": fix
        and {
            "safe": fix.safe,
            "message": fix.message,
            "edits": [{**_place(edit.span), "text": edit.text} for edit in fix.edits],
        },
    }


def render(findings: Sequence[Finding], *, files: int, color: bool = False, width: int | None = None) -> str:
    document = {"version": VERSION, "files": files, "diagnostics": [to_json(finding) for finding in findings]}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _place(span: Span) -> dict[str, int]:
    line, column = span.file.position(span.start)
    end_line, end_column = span.file.position(span.end)
    return {"line": line, "column": column, "endLine": end_line, "endColumn": end_column}
