"""Findings that only follow from another one, which are not worth saying beside it.

A misspelt need makes every read of the right one a read without a need; YAML that does not parse makes jobs and
stages disappear that others name. Whoever mends the cause is rid of the rest, so the rest stays unsaid:

    missing-need            where the job's `needs` is misspelt, malformed or hidden by a YAML error
    undefined-name          of a stage, where the job's stages are malformed or hidden by a YAML error
    unknown-need            of a job that stands on the line of a YAML error
    unknown-output          of a stage that triggers a workflow, where the workflow itself is named as lacking it
    dead-job                where the job's matrix has no combinations, which is said at the matrix
    wrong-type, expression-syntax, condition-not-boolean
                            about text that the YAML or the expression parser already refused
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from jobc.diagnostics.diagnostic import Diagnostic
from jobc.sema.model import SemanticModel
from jobc.source.file import SourceFile, Span
from jobc.syntax.ast import Job
from jobc.syntax.spelling import near

_SYNTAX = ("yaml-syntax", "expression-syntax")
_CAUSES = (*_SYNTAX, "unknown-need", "unknown-key", "wrong-type", "empty-matrix", "call-mismatch")
_ABOUT_TEXT = ("wrong-type", "expression-syntax", "condition-not-boolean")


def without_consequences(diagnostics: list[Diagnostic], model: SemanticModel) -> list[Diagnostic]:
    """The findings but for those that follow from others of them."""
    causes = [d for d in diagnostics if d.rule in _CAUSES]
    if not causes or len(causes) == len(diagnostics) == 1:
        return diagnostics
    return _Causes(causes, model).rest(diagnostics)


class _Causes:
    __slots__ = ("_causes", "_jobs", "_lines", "_starts", "_syntax", "_yaml")

    def __init__(self, causes: list[Diagnostic], model: SemanticModel) -> None:
        jobs = [job for workflow in model.all_workflows for job in workflow.jobs.values()]
        self._jobs = sorted(jobs, key=lambda job: (job.id_span.file.path, job.id_span.start))
        self._starts = [(job.id_span.file.path, job.id_span.start) for job in self._jobs]
        self._syntax = _Places(d.span for d in causes if d.rule in _SYNTAX)
        self._yaml = _Places(d.span for d in causes if d.rule == "yaml-syntax")
        self._lines = {word for d in causes if d.rule in _SYNTAX for word in _first_words(d.span)}
        self._causes: dict[int, list[Diagnostic]] = {}
        for cause in causes:
            job = self._job_at(cause.span)
            if job is not None:
                self._causes.setdefault(id(job), []).append(cause)

    def rest(self, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
        return [d for d in diagnostics if not self._follows(d)]

    def _job_at(self, span: Span) -> Job | None:
        at = bisect_right(self._starts, (span.file.path, span.start)) - 1
        if at < 0 or self._starts[at][0] != span.file.path:
            return None
        return self._jobs[at]

    def _follows(self, finding: Diagnostic) -> bool:
        span = finding.span
        if finding.rule in _ABOUT_TEXT:
            places = self._syntax if finding.rule == "condition-not-boolean" else self._yaml
            return places.covers(span)
        if finding.rule == "unknown-need":
            return span.text.strip("'\"") in self._lines
        job = self._job_at(span)
        causes = self._causes.get(id(job), ()) if job is not None else ()
        if finding.rule == "unknown-output":
            return any(d.rule == "call-mismatch" and d.span == span for d in causes)
        if finding.rule == "dead-job":
            return any(d.rule == "empty-matrix" for d in causes)
        if finding.rule == "missing-need":
            return any(_hides_need(d, span.text) for d in causes)
        if finding.rule == "undefined-name" and finding.message.endswith("is no earlier stage"):
            return any(_hides_stages(d) for d in causes)
        return False


class _Places:
    """Places of files, to be asked whether one of them lies in another place or around it."""

    __slots__ = ("_by_file",)

    def __init__(self, spans: Iterable[Span]) -> None:
        found: dict[SourceFile, list[tuple[int, int]]] = {}
        for span in spans:
            found.setdefault(span.file, []).append((span.start, span.end))
        #: The places of a file in order, and the furthest end up to each.
        self._by_file: dict[SourceFile, tuple[list[tuple[int, int]], list[int]]] = {}
        for file, places in found.items():
            places.sort()
            self._by_file[file] = places, list(accumulate((end for _, end in places), max))

    def covers(self, span: Span) -> bool:
        if span.file not in self._by_file:
            return False
        places, furthest = self._by_file[span.file]
        at = bisect_right(places, (span.start, len(span.file.text)))
        if at and furthest[at - 1] >= span.end:
            return True
        at = bisect_left(places, (span.start, 0))
        while at < len(places) and places[at][0] <= span.end:
            if places[at][1] <= span.end:
                return True
            at += 1
        return False


def _first_words(place: Span) -> Iterator[str]:
    """What a line may begin with the name of: `build-x: …` with `build-x`, and with `build`."""
    line = place.file.line_text(place.line).lstrip(" \t\"'-")
    for end in re.finditer(r"\b", line[:200]):
        if end.start():
            yield line[: end.start()]


def _hides_need(cause: Diagnostic, name: str) -> bool:
    if cause.rule == "yaml-syntax":
        return True
    if cause.rule == "unknown-need":
        return bool(near(cause.span.text.strip("'\""), [name])) or "," in cause.span.text
    return "`needs`" in (cause.message if cause.rule == "wrong-type" else cause.help)


def _hides_stages(cause: Diagnostic) -> bool:
    if cause.rule == "unknown-key":
        return "`stages`" in cause.help or cause.message.startswith("a stage ")
    return cause.rule == "yaml-syntax" or (cause.rule == "wrong-type" and "stage" in cause.message)
