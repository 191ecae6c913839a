"""The output of a task that runs elsewhere, turned back into the events that it would have emitted here.

A task's output is text, read in pieces. A line that begins with the task's mark is an event, one JSON object; any other line is a
line of the log of the stage that runs, or of none. Marks keep a script's own output from being taken for an event by
accident; a task that forges them only lies about itself.

After a re-attachment the output is read from its beginning again. What was told before (`skip` bytes) only brings the
reader's state up to date, so nothing is told twice and nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jobc.interpreter.taskfile import mark_of

_KINDS = frozenset(["stage-started", "stage-ended", "log"])
#: A line longer than this is cut into several.
LONGEST = 1024 * 1024


class Stream:
    """Reads the output of `task`; `tell` gets its events. `offset` is how many bytes were told."""

    def __init__(self, task: str, tell: Callable[[Mapping[str, Any]], None], *, skip: int = 0) -> None:
        self._mark = mark_of(task)
        self._tell = tell
        self._skip = skip
        self._held = b""
        self._stage = ""
        #: Stages whose end was told, with all that belongs to it.
        self.ended: set[str] = set()
        self.offset = 0

    def feed(self, data: bytes) -> None:
        """The next bytes. Part of a line waits for the rest."""
        held = self._held + data
        start = 0
        while True:
            end = held.find(b"\n", start)
            if end < 0 and len(held) - start <= LONGEST:
                break
            end = end + 1 if 0 <= end < start + LONGEST else start + LONGEST
            self._line(held[start:end])
            start = end
        self._held = held[start:]

    def close(self) -> None:
        """The output has ended; a last line without its newline counts."""
        if self._held:
            self._line(self._held)
            self._held = b""

    def _line(self, raw: bytes) -> None:
        told = self.offset < self._skip
        self.offset += len(raw)
        text = raw.decode(errors="replace").rstrip("\r\n")
        event = self._event(text)
        if event is None:
            if not told:
                self._tell({"event": "log", "stage": self._stage, "stream": "stdout", "text": text})
            return
        kind, stage = event["event"], event["stage"]
        if kind == "stage-started":
            self._stage = stage
        elif kind == "stage-ended":
            self._stage = ""
            if "outputs" not in event:
                return  # of a shell script, which cannot say it all; the result does
            self.ended.add(stage)
        if not told:
            self._tell(event)

    def _event(self, text: str) -> dict[str, Any] | None:
        if not text.startswith(self._mark):
            return None
        try:
            event = json.loads(text[len(self._mark) :])
        except (ValueError, RecursionError):
            return None
        if (
            not isinstance(event, dict)
            or event.get("event") not in _KINDS
            or not isinstance(event.get("stage"), str)
        ):
            return None
        return event
