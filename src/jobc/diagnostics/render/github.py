"""Findings as workflow commands of GitHub Actions, which shows them beside the lines of a change.

GitHub knows columns only where a finding lies on one line. The summary goes last, as a plain line of the log.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobc.diagnostics.diagnostic import Finding
from jobc.diagnostics.render.paint import one_line
from jobc.diagnostics.render.summary import summarize

_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(findings: Sequence[Finding], *, files: int, color: bool = False, width: int | None = None) -> str:
    return (
        "".join(_command(finding) + "\n" for finding in findings) + _data(summarize(findings, files)) + "\n"
    )


def _command(finding: Finding) -> str:
    diagnostic = finding.diagnostic
    span = diagnostic.span
    line, column = span.file.position(span.start)
    end_line, end_column = span.file.position(span.end)
    facts = {"file": span.file.path.replace("\\", "/"), "line": str(line), "endLine": str(end_line)}
    if line == end_line:
        # The end is exclusive here, and inclusive there.
        facts |= {"col": str(column), "endColumn": str(max(column, end_column - 1))}
    facts["title"] = f"{finding.code} {diagnostic.rule}"
    properties = ",".join(f"{name}={_property(value)}" for name, value in facts.items())
    text = one_line(diagnostic.message)
    if diagnostic.help:
        text += f"\n{one_line(diagnostic.help)}"
    return f"::{_COMMANDS[finding.severity]} {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
