"""Findings one a line, as editors and `grep` read them: `path:line:column: severity[CODE] rule: message`."""

from __future__ import annotations

from collections.abc import Sequence

from jobc.diagnostics.diagnostic import Finding
from jobc.diagnostics.render.paint import Paint, one_line
from jobc.diagnostics.render.summary import summarize


def render(findings: Sequence[Finding], *, files: int, color: bool = False, width: int | None = None) -> str:
    paint = Paint(color)
    lines = []
    for finding in findings:
        diagnostic = finding.diagnostic
        line, column = diagnostic.span.file.position(diagnostic.span.start)
        head = paint.severity(finding.severity, f"{finding.severity}[{finding.code}]")
        mend = ""
        if diagnostic.fix is not None:
            mend = " (fix: --fix)" if diagnostic.fix.safe else " (fix: --fix --unsafe)"
        place = paint.place(f"{one_line(diagnostic.span.file.path)}:{line}:{column}")
        lines.append(f"{place}: {head} {diagnostic.rule}: {one_line(diagnostic.message)}{mend}")
    lines.append(summarize(findings, files))
    return "\n".join(lines) + "\n"
