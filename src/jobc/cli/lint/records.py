"""The outcome of checking one file as plain data, for the cache and for other processes.

    {"reads": [[path, digest or null]…], "findings": [[rule, code, severity, message, help, label, confidence,
     place, [[place, words]…], fix or null]…]}

A place is [file, start, end]: file 0 is the checked file, the others number `reads`, the files that it
includes or triggers, by their paths relative to its folder (null where one could not be read). A fix is
[message, safe, [[place, text]…]]. What cannot be a record (see `to_record`) is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from jobc.diagnostics.diagnostic import Diagnostic, Edit, Finding, Fix, Label
from jobc.source.file import SourceFile, Span

TYPE_CHECKING = False  # importing typing would cost as much as all else that an unchanged file needs
if TYPE_CHECKING:
    from typing import Any

    Record = dict[str, Any]
    #: A file that was asked for while another was checked: path relative to that one's folder, digest of its bytes.
    Reads = list[tuple[str, str | None]]


def to_record(findings: Sequence[Finding], files: Sequence[SourceFile | None], reads: Reads) -> Record | None:
    """The record of these findings; None where one lies in a file that is none of `files`.

    `files` are the checked file and then one for each of `reads`.
    """
    numbers = {id(file): i for i, file in enumerate(files) if file is not None}

    def place(span: Span) -> list[int]:
        return [numbers[id(span.file)], span.start, span.end]

    rows: list[list[Any]] = []
    try:
        for finding in findings:
            d = finding.diagnostic
            fix = d.fix and [d.fix.message, d.fix.safe, [[place(e.span), e.text] for e in d.fix.edits]]
            related = [[place(label.span), label.message] for label in d.related]
            row = [d.rule, finding.code, finding.severity, d.message, d.help, d.label, d.confidence]
            rows.append([*row, place(d.span), related, fix])
    except KeyError:
        return None
    return {"reads": [list(read) for read in reads], "findings": rows}


def to_findings(record: Record, files: Sequence[SourceFile | None]) -> list[Finding]:
    """The findings of a record. Raises TypeError, ValueError, LookupError or AttributeError where it is not one."""

    def span(place: list[int]) -> Span:
        number, start, end = place
        file = files[number]
        if file is None or not 0 <= start <= end <= len(file.text):
            raise ValueError(place)
        return Span(file, start, end)

    findings: list[Finding] = []
    for rule, code, severity, message, help, label, confidence, place, related, fix in record["findings"]:
        diagnostic = Diagnostic(
            rule,
            message,
            span(place),
            help=help,
            label=label,
            related=tuple(Label(span(where), words) for where, words in related),
            fix=fix and Fix(fix[0], [Edit(span(where), text) for where, text in fix[2]], safe=fix[1]),
            confidence=confidence,
        )
        findings.append(Finding(diagnostic, code, severity))
    return findings
