"""The output of a task that runs elsewhere, turned back into the events that it would have emitted here.

A task's output is text, read in pieces. A line that begins with the task's mark is an event, one JSON object; any other line is a
line of the log of the stage that runs, or of none. Marks keep a script's own output from being taken for an event by
accident; a task that forges them only lies about itself: of an event nothing is taken but what an event of its kind has, and
nothing that is not of the right type.

How far the output was told is a pair, `Stream.told`: the bytes, and the stage whose log follows there. With it another process goes
on where this one ended, so in the journal nothing is there twice and nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jobc.interpreter.taskfile import mark_of
from jobc.ir.status import TERMINAL

#: A line of a log that is longer than this is cut into several.
LONGEST = 1024 * 1024
#: No stage lasts that many seconds.
LONG = 1e12
#: An event that is longer than this is none: outputs and errors are bounded where they are made.
LONGEST_EVENT = 64 * 1024 * 1024


class Stream:
    """Reads the output of `task` from byte `offset` on, where the log is that of `stage`; `tell` gets its events."""

    def __init__(
        self, task: str, tell: Callable[[Mapping[str, Any]], None], *, offset: int = 0, stage: str = ""
    ) -> None:
        self._mark = mark_of(task)
        self._start = self._mark.encode()
        self._tell = tell
        self._held = bytearray()
        self._searched = 0
        self._stage = stage
        #: Stages whose end was told, with all that belongs to it.
        self.ended: set[str] = set()
        #: How many bytes were told: whole lines, and pieces of those without end.
        self.offset = offset

    @property
    def told(self) -> tuple[int, str]:
        """How far it was told, and the stage whose log follows."""
        return self.offset, self._stage

    @property
    def position(self) -> int:
        """Where the next bytes come from: what was told, and the part of a line that waits for its rest."""
        return self.offset + len(self._held)

    def feed(self, data: bytes) -> None:
        """The next bytes. Part of a line waits for the rest."""
        held = self._held
        held += data
        start = 0
        while start < len(held):
            longest = LONGEST_EVENT if held.startswith(self._start, start) else LONGEST
            end = held.find(b"\n", max(start, self._searched), start + longest)
            if end >= 0:
                end += 1
            elif len(held) - start > longest:
                end = start + longest
            else:
                self._searched = len(held)
                break
            self._line(bytes(held[start:end]))
            start = end
        del held[:start]
        self._searched = max(0, self._searched - start)

    def close(self) -> None:
        """The output has ended; a last line without its newline counts."""
        if self._held:
            self._line(bytes(self._held))
            self._held.clear()
            self._searched = 0

    def _line(self, raw: bytes) -> None:
        self.offset += len(raw)
        text = raw.decode(errors="replace").rstrip("\r\n")
        event = self._event(text)
        if event is None:
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
        self._tell(event)

    def _event(self, text: str) -> dict[str, Any] | None:
        """The event that a line is, as far as it is one."""
        if not text.startswith(self._mark):
            return None
        try:
            found = json.loads(text[len(self._mark) :])
        except (ValueError, RecursionError):
            return None
        fields = _FIELDS.get(found.get("event")) if isinstance(found, dict) else None
        if fields is None or not isinstance(found.get("stage"), str):
            return None
        event = {"event": found["event"], "stage": found["stage"]}
        for name, is_right in fields.items():
            if name in found and is_right(found[name]):
                event[name] = found[name]
        missing = [name for name in _NEEDED[event["event"]] if name not in event]
        return None if missing else event


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_optional_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def _is_seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < LONG


def _is_status(value: Any) -> bool:
    return isinstance(value, str) and value in TERMINAL


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _is_error(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"type", "message", "path", "line"}:
        return False
    texts = _is_text(value["type"]) and _is_text(value["message"]) and _is_optional_text(value["path"])
    return texts and (value["line"] is None or _is_count(value["line"]))


def _is_optional_error(value: Any) -> bool:
    return value is None or _is_error(value)


def _is_before(value: Any) -> bool:
    return isinstance(value, dict)


#: Kind → what an event of it may have beside its stage, and what that must be.
_FIELDS: dict[Any, dict[str, Callable[[Any], bool]]] = {
    "log": {"stream": lambda value: value in ("stdout", "stderr"), "text": _is_text, "time": _is_seconds},
    "stage-started": {
        "id": _is_optional_text,
        "name": _is_text,
        "attempt": _is_count,
        "before": _is_before,
    },
    "stage-retrying": {"attempt": _is_count, "wait_s": _is_seconds, "error": _is_error},
    "stage-ended": {
        "id": _is_optional_text,
        "name": _is_text,
        "status": _is_status,
        "attempts": _is_count,
        "error": _is_optional_error,
        "outputs": _is_map,
        "reason": _is_optional_text,
        "duration_s": _is_seconds,
    },
}
_NEEDED = {
    "log": ("text",),
    "stage-started": (),
    "stage-retrying": ("attempt", "wait_s", "error"),
    "stage-ended": ("status",),
}
