"""One line an event, with its time: for logs of CI systems and for pipes."""

from __future__ import annotations

from datetime import datetime
from typing import TextIO

from jobc.cli.progress.summary import STATUSES, Paint, painter, write_summary
from jobc.cli.progress.view import Event, RunView
from jobc.interpreter.api import said
from jobc.interpreter.durations import duration_text


class PlainProgress:
    """Writes to `stream`. Quiet: the summary of what went wrong alone. `more` as `write_summary` has it."""

    def __init__(
        self, stream: TextIO, folder: str, *, color: bool, quiet: bool, more: str = "jobc runs show"
    ) -> None:
        self._stream = stream
        self._view = RunView(folder)
        self._color = color
        self._quiet = quiet
        self._more = more
        self._paint: Paint = painter(color)

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.flush()

    def take(self, event: Event) -> None:
        self._view.take(event)
        if self._quiet:
            return
        words = self._words(event)
        if words is not None:
            instant = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
            clock = instant.astimezone().strftime("%H:%M:%S")
            note = f" ({event['note']})" if event.get("note") else ""
            self._stream.write(f"{self._paint(clock, '2')} {words}{note}\n")
            self._stream.flush()

    def finish(self) -> None:
        write_summary(self._view, self._stream, color=self._color, quiet=self._quiet, more=self._more)

    def _words(self, event: Event) -> str | None:
        kind = event["event"]
        if event.get("kept") is True:
            return None
        where = self._view.label(event)
        if kind == "run-started":
            if event["parent"] is not None:
                verb = "goes on" if event.get("resumed") else "started"
                return f"run {event['run']} of `{event['workflow']}` {verb}"
            if event.get("resumed"):
                kept = f"; {event['kept']} of {len(event['jobs'])} jobs had ended"
                return f"run {event['run']} of `{event['workflow']}` goes on ({event['file']}){kept}"
            return f"run {event['run']} of `{event['workflow']}` started ({event['file']})"
        if kind == "run-waiting":
            return f"run {event['run']} {event['reason']}"
        if kind == "job-waiting":
            return f"{where}: {event['reason']}"
        if kind == "run-cancelling":
            return f"run {event['run']} is ending: {event['reason']}; clean-up jobs still run"
        if kind == "run-ended":
            return f"run {event['run']} {self._status(event['status'])}" + _after(event)
        if kind == "job-ready" and event.get("note"):
            return f"{where}: ready"
        if kind == "job-started":
            count = event["combinations"]
            return f"{where}: started" + (f", {count} combinations" if count > 1 else "")
        if kind == "job-ended":
            return f"{where}: {self._status(event['status'])}{_after(event)}" + _because(event["reason"])
        if kind == "combination-started" and (event["matrix"] or event["attempt"] > 1):
            return f"{where}: started" + (f", attempt {event['attempt']}" if event["attempt"] > 1 else "")
        if kind == "combination-ended":
            if event["retried_in_s"] is not None:
                return f"{where}: failed, the next attempt is in {event['retried_in_s']:g} s"
            if event["matrix"]:
                error = event["error"]
                because = _because(_said(error))
                return f"{where}: {self._status(event['status'])}{_after(event)}{because}"
        if kind == "cache":
            return f"{where}: {event['reason'] if event['hit'] else 'cache miss: ' + event['reason']}"
        if kind == "stage-started":
            attempt = f", attempt {event['attempt']}" if event["attempt"] > 1 else ""
            return f"{where} > {event['name']}: started{attempt}"
        if kind == "stage-ended":
            error = event["error"]
            place = f" ({self._view.place(error)})" if error and error.get("path") else ""
            because = _because(_said(error) or event["reason"])
            return (
                f"{where} > {event['name']}: {self._status(event['status'])}{_after(event)}{because}{place}"
            )
        if kind == "log":
            return f"{where} | {event['text']}"
        return None

    def _status(self, status: str) -> str:
        _, _, codes, word = STATUSES[status]
        return self._paint(word, codes)


def _after(event: Event) -> str:
    return f" after {duration_text(event['duration_s'])}" if event["duration_s"] >= 0.1 else ""


def _said(error: Event | None) -> str | None:
    return said(error["type"], error["message"]) if error else None


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
