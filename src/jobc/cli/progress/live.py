"""The calm view of a run on a terminal: one line a job, redrawn in place; the summary stays."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TextIO

from jobc.cli.progress.summary import STATUSES, glyph, write_summary
from jobc.cli.progress.view import Event, JobView, RunView
from jobc.interpreter.durations import duration_text

if TYPE_CHECKING:
    from rich.constrain import Constrain
    from rich.table import Table

#: A miss that says nothing new.
FIRST = "no entry yet"

_STYLES = {
    "success": "green",
    "failed": "bold red",
    "skip": "dim",
    "cancel": "yellow",
    "running": "cyan",
    "waiting": "dim",
}


class LiveProgress:
    """Draws on `stream`. `logs`: print log lines above the view as they come."""

    def __init__(self, stream: TextIO, folder: str, *, color: bool, quiet: bool, logs: bool) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._stream = stream
        self._view = RunView(folder)
        self._color = color
        self._quiet = quiet
        self._logs = logs
        self._lock = threading.Lock()
        self._console = Console(
            file=stream, force_terminal=True, no_color=not color, highlight=False, markup=False, emoji=False
        )
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            console=self._console, get_renderable=self._table, refresh_per_second=10, transient=True,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def take(self, event: Event) -> None:
        with self._lock:
            self._view.take(event)
        if self._logs and event["event"] == "log":
            self._console.print(f"{self._view.label(event)} | {event['text']}", soft_wrap=True)

        elif event["event"] == "cache" and not event["hit"] and event["reason"] != FIRST and not self._quiet:
            line = f"{self._view.label(event)}: cache miss: {event['reason']}"
            self._console.print(line, style="dim", soft_wrap=True)

    def finish(self) -> None:
        self._live.stop()
        if not self._quiet:
            for job in self._view.jobs.values():
                if job.status == "success":
                    mark = glyph("success", self._stream)
                    self._console.print(f"{mark} {job.id}", style="green", end="")
                    why = "".join(f", {each}" for each in (job.reason, job.note) if each)
                    self._console.print(f" {_count(job)}{duration_text(job.duration)}{why}", style="dim")
        write_summary(self._view, self._stream, color=self._color, quiet=self._quiet, more="jobc runs show")

    def _table(self) -> Constrain:
        """Narrower than the screen: the `^C` that a terminal echoes behind it must not begin a line of its own."""
        from rich.constrain import Constrain

        with self._lock:
            return Constrain(self._draw(), max(20, self._console.width - 3))

    def _draw(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1))
        jobs = list(self._view.jobs.values())
        room = max(3, self._console.size.height - 3)
        shown, hidden = _choose(jobs, room)
        for job in shown:
            style = _STYLES[job.status]
            mark = self._spinner if job.status == "running" else Text(glyph(job.status, self._stream), style)
            took = ""
            if job.status == "running":
                took = _elapsed(job.started)
            elif job.status in ("success", "failed"):
                took = duration_text(job.duration)
            table.add_row(
                mark,
                Text(job.id, style),
                Text(took, "dim", justify="right"),
                Text(_detail(job, self._view), "dim", no_wrap=True),
            )
        ended = sum(1 for job in jobs if job.status in ("success", "failed", "skip", "cancel"))
        elapsed = _elapsed(self._view.started)
        more = f", {hidden} not shown" if hidden else ""
        table.add_row("", Text(f"{ended}/{len(jobs)} jobs{more}", "dim"), Text(elapsed, "dim"), "")
        if self._view.waits:
            table.add_row("", Text("waiting", "yellow"), "", Text(self._view.waits, "yellow"))
        if self._view.ending:
            table.add_row("", Text("ending", "yellow"), "", Text(self._view.ending, "yellow"))
        return table


def _elapsed(since: float) -> str:
    """Whole seconds, so that the view does not flicker."""
    seconds = int(time.monotonic() - since)
    return f"{seconds} s" if seconds < 10 else duration_text(seconds)


def _choose(jobs: list[JobView], room: int) -> tuple[list[JobView], int]:
    """The jobs that fit: those that run and that failed first, in the run's order."""
    if len(jobs) <= room:
        return jobs, 0
    rank = {"running": 0, "failed": 1, "waiting": 2, "cancel": 3, "success": 3, "skip": 4}
    chosen = {job.id for job in sorted(jobs, key=lambda job: rank[job.status])[:room]}
    return [job for job in jobs if job.id in chosen], len(jobs) - room


def _count(job: JobView) -> str:
    return f"{job.ended}/{job.total} " if job.total > 1 else ""


def _detail(job: JobView, view: RunView) -> str:
    if job.status == "waiting":
        return view.waits_for(job)
    note = f"({job.note}) " if job.note else ""
    return (note + _progress(job)).rstrip()


def _progress(job: JobView) -> str:
    if job.status == "running":
        failed = f"{job.failed} {STATUSES['failed'][3]}, " if job.failed else ""
        stages = [stage for stage in job.running.values() if stage]
        return _count(job) + failed + ", ".join(stages[:3])
    return _count(job) + (job.reason or "")
