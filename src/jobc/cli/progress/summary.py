"""The end of a run in words: what failed and where, why jobs did not run, and how to see more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TextIO

from jobc.cli.progress.view import FailureView, JobView, RunView, matrix_text
from jobc.interpreter.api import said
from jobc.interpreter.durations import duration_text

#: status → (glyph, glyph where the terminal has only ASCII, SGR codes, word)
STATUSES: dict[str, tuple[str, str, str, str]] = {
    "success": ("✓", "+", "32", "succeeded"),
    "failed": ("✗", "x", "1;31", "failed"),
    "skip": ("○", "-", "2", "skipped"),
    "cancel": ("⊘", "!", "33", "cancelled"),
    "running": ("●", "*", "36", "running"),
    "waiting": ("·", ".", "2", "waiting"),
    "interrupted": ("⊘", "!", "33", "interrupted"),
    "not started": ("·", ".", "2", "not started"),
}

Paint = Callable[[str, str], str]


def painter(color: bool) -> Paint:
    """Wraps text in SGR codes, or not."""
    return (lambda text, codes: f"\x1b[{codes}m{text}\x1b[0m") if color else (lambda text, codes: text)


def glyph(status: str, stream: TextIO) -> str:
    rich, plain, _, _ = STATUSES[status]
    try:
        rich.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return plain
    return rich


def write_summary(view: RunView, stream: TextIO, *, color: bool, quiet: bool, more: str) -> None:
    """`more` is the command that says more about a run, before its id; empty where there is none."""
    paint = painter(color)
    for job in view.jobs.values():
        if job.status in ("failed", "cancel") or (job.status == "skip" and not quiet):
            _write_job(job, view, stream, paint)
    count = {status: sum(1 for job in view.jobs.values() if job.status == status) for status in STATUSES}
    parts = [f"{number} {STATUSES[status][3]}" for status, number in count.items() if number]
    codes, word = STATUSES[view.status][2:]
    head = paint(f"{glyph(view.status, stream)} {view.workflow} {word}", codes)
    stream.write(f"{head} in {duration_text(view.duration)}: {', '.join(parts) or 'no jobs'}\n")
    if view.reason and not any(job.status == "failed" for job in view.jobs.values()):
        stream.write(f"  {view.reason}\n")
    if not quiet:
        for name, value in view.outputs.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            stream.write(f"  {name} = {text}\n")
        if more:
            stream.write(paint(f"  {more} {view.id}", "2") + "\n")


def _write_job(job: JobView, view: RunView, stream: TextIO, paint: Paint) -> None:
    codes, word = STATUSES[job.status][2:]
    head = paint(f"{glyph(job.status, stream)} {job.id} {word}", codes)
    if not job.failures:
        stream.write(f"{head}: {job.reason}\n" if job.reason else f"{head}\n")
        return
    counted = f": {job.failed} of {job.total} combinations" if job.total > 1 else ""
    stream.write(f"{head}{counted}\n")
    for failure in job.failures:
        _write_failure(failure, view, stream, paint)
    if job.failed > len(job.failures):
        stream.write(f"    and {job.failed - len(job.failures)} more\n")


def _write_failure(failure: FailureView, view: RunView, stream: TextIO, paint: Paint) -> None:
    stage = f"stage `{failure.stage}`: " if failure.stage is not None else ""
    matrix = matrix_text(failure.matrix)
    stream.write(
        f"    {matrix + ' ' if matrix else ''}{stage}{said(failure.error['type'], failure.error['message'])}\n"
    )
    place = view.place(failure.error)
    if place:
        stream.write("    " + paint(f"at {place}", "36") + "\n")
    for line in failure.tail:
        stream.write("    " + paint(f"| {line}", "2") + "\n")
