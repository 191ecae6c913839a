"""Findings with their source: what is wrong, the line with the exact columns underlined, and the remedy.

    error[JC201] unknown-need: job `report` needs `extarct`, which is no job of this workflow
      --> etl.job.yml:9:13
       |
     9 |     needs: [extarct]
       |             ^^^^^^^ no such job
       |
       = help: did you mean `extract`?
       = fix: write `extract` (available with --fix)

Related places of the same file stand in the same snippet where they are near, in one of their own below it
(`:::`) where they are not.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobc.diagnostics.diagnostic import Finding, Label
from jobc.diagnostics.render.paint import Paint, one_line
from jobc.diagnostics.render.snippet import Highlight, Mark, snippet
from jobc.diagnostics.render.summary import summarize
from jobc.source.file import SourceFile

#: Related places at most this many lines from the finding share its snippet.
_NEAR = 12
_ROOM = 140


def render(findings: Sequence[Finding], *, files: int, color: bool = False, width: int | None = None) -> str:
    paint = Paint(color)
    highlight: Highlight | None = None
    if color and findings:
        from jobc.diagnostics.render.highlight import Highlighter

        highlight = Highlighter()
    parts = [_finding(finding, paint, highlight, width) for finding in findings]
    return "".join(f"{part}\n\n" for part in parts) + summarize(findings, files) + "\n"


def _finding(finding: Finding, paint: Paint, highlight: Highlight | None, width: int | None) -> str:
    diagnostic = finding.diagnostic
    file = diagnostic.span.file
    primary = Mark(diagnostic.span, diagnostic.label, finding.severity)
    groups = _groups(primary, file, diagnostic.related)
    last = max(mark.end_line for _, marks in groups for mark in marks)
    gutter = len(str(last))
    room = (width or _ROOM) - gutter - 4

    head = paint.severity(finding.severity, f"{finding.severity}[{finding.code}]")
    out = [f"{head} {paint.strong(f'{diagnostic.rule}: {one_line(diagnostic.message)}')}"]
    bar = paint.gutter(" " * gutter + " |")
    for index, (source, marks) in enumerate(groups):
        first = marks[0]
        arrow = paint.gutter(" " * gutter + ("-->" if index == 0 else ":::"))
        out.append(f"{arrow} {one_line(source.path)}:{first.start_line}:{first.start + 1}")
        out.append(bar)
        out += snippet(source, marks, gutter=gutter, room=room, paint=paint, highlight=highlight)
    notes = []
    if diagnostic.help:
        notes.append(f"{paint.remedy('help')}: {one_line(diagnostic.help)}")
    if diagnostic.fix is not None:
        flags = "--fix" if diagnostic.fix.safe else "--fix --unsafe"
        notes.append(f"{paint.remedy('fix')}: {one_line(diagnostic.fix.message)} (available with {flags})")
    if notes:
        out.append(bar)
        out += [f"{' ' * gutter} {paint.gutter('=')} {note}" for note in notes]
    return "\n".join(out)


def _groups(primary: Mark, file: SourceFile, related: Sequence[Label]) -> list[tuple[SourceFile, list[Mark]]]:
    """The snippets: each a file and its marks, the first one with the finding itself (its mark first)."""
    groups: list[tuple[SourceFile, list[Mark]]] = [(file, [primary])]
    for label in related:
        mark = Mark(label.span, label.message, None)
        for source, marks in groups:
            if source is label.span.file and _near(mark, marks):
                marks.append(mark)
                break
        else:
            groups.append((label.span.file, [mark]))
    return groups


def _near(mark: Mark, marks: list[Mark]) -> bool:
    return any(
        mark.start_line - other.end_line <= _NEAR and other.start_line - mark.end_line <= _NEAR
        for other in marks
    )
