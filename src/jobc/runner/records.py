"""What a runner knows of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobc.backends.self_hosted.protocol import FINISHED

#: A task that was forgotten; its key is remembered for a while, so that nobody takes it for one that never came.
GONE = "gone"


class Record:
    """One task: what was asked for (`head`), and how far it is. Times are seconds since the epoch."""

    __slots__ = (
        "asked",
        "bundle",
        "ended",
        "exit_code",
        "head",
        "key",
        "message",
        "name",
        "reason",
        "signal",
        "size",
        "started",
        "state",
        "submitted",
    )

    def __init__(
        self, key: str, name: str, bundle: str, head: dict[str, Any], state: str, submitted: float
    ) -> None:
        self.key = key
        self.name = name
        self.bundle = bundle
        self.head = head
        self.state = state
        self.submitted = submitted
        self.started: float | None = None
        self.ended: float | None = None
        #: `cancel` or `kill`, where somebody asked for it.
        self.asked: str | None = None
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.reason: str | None = None
        self.message = ""
        #: Bytes of output, once it has ended.
        self.size = 0

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> Record:
        record = cls(row["key"], row["name"], row["bundle"], row["head"], row["state"], row["submitted"])
        for name in ("started", "ended", "asked", "exit_code", "signal", "reason", "message", "size"):
            setattr(record, name, row[name])
        return record

    def change(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    def to_json(self, size: int, position: int | None = None) -> dict[str, Any]:
        """`size`: bytes of output there are; `position`: its place in the queue, from 1."""
        return {
            "key": self.key,
            "name": self.name,
            "bundle": self.bundle,
            "state": self.state,
            "position": position,
            "size": size,
            "submitted": self.submitted,
            "started": self.started,
            "ended": self.ended,
            "exit_code": self.exit_code,
            "signal": self.signal,
            "reason": self.reason,
            "message": self.message,
        }
