"""A task that this process follows: what the runner said of it last, and the output that came with it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from typing import Any

from jobc.backends import api
from jobc.backends.api import BackendError, JobHandle, JobStatus
from jobc.backends.bundle.parcel import Parcel
from jobc.backends.self_hosted import protocol
from jobc.backends.self_hosted.protocol import Head

#: Output that is kept here before it is asked for, in bytes; more is read from the runner again.
BUFFER = 1024 * 1024

_STATES = {
    protocol.QUEUED: api.QUEUED,
    protocol.RUNNING: api.RUNNING,
    protocol.ENDED: api.ENDED,
    protocol.LOST: api.LOST,
}


class Held:
    """Its fields are the runner's. `accepted`: the runner has said that it has the task."""

    __slots__ = (
        "_buffer",
        "_lock",
        "_start",
        "accepted",
        "asked",
        "cancelled",
        "error",
        "exit_code",
        "handle",
        "head",
        "key",
        "message",
        "parcel",
        "reason",
        "signal",
        "size",
        "state",
    )

    def __init__(self, handle: JobHandle, parcel: Parcel, head: Head) -> None:
        self.handle = handle
        self.key = handle.id
        self.parcel = parcel
        self.head = head
        self.accepted = False
        self.state = protocol.QUEUED
        self.size = 0
        self.exit_code: int | None = None
        self.signal: int | None = None
        self.reason: str | None = None
        self.message = ""
        #: What the engine asked for: (reason, message), and `cancel` or `kill`.
        self.cancelled: tuple[str, str] | None = None
        self.asked: str | None = None
        #: Why it could not be submitted after all.
        self.error: BackendError | None = None
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._start = 0

    @property
    def finished(self) -> bool:
        return self.state in protocol.FINISHED or self.error is not None

    def status(self) -> JobStatus:
        if self.error is not None:
            return JobStatus(api.ENDED)
        return JobStatus(_STATES[self.state], self.message)

    def take(self, document: Mapping[str, Any]) -> bool:
        """Take over what the runner says; whether that is news for the engine."""
        with self._lock:
            if self.finished:
                return False  # an event that was on its way
            self.accepted = True
            is_news: bool = document["size"] > self.size or document["state"] != self.state
            self.size = max(self.size, document["size"])
            self._append(document)
            self.state = document["state"]
            if self.state in protocol.FINISHED:
                for name in ("exit_code", "signal", "reason", "message"):
                    setattr(self, name, document.get(name))
                self.message = self.message or ""
            return is_news

    def _append(self, document: Mapping[str, Any]) -> None:
        if "from" not in document:
            return
        if "text" in document:
            data = document["text"].encode()
        else:
            data = base64.b64decode(document["base64"])
        if document["from"] == self._start + len(self._buffer) and len(self._buffer) + len(data) <= BUFFER:
            self._buffer += data

    def output(self, offset: int) -> bytes:
        """What is here of the output from `offset` on. What lies before is let go: it was read."""
        with self._lock:
            end = self._start + len(self._buffer)
            if not self._start <= offset < end:
                if offset >= end:
                    # The stream may go on from here, once what is missing was read.
                    self._start, self._buffer = offset, bytearray()
                return b""
            del self._buffer[: offset - self._start]
            self._start = offset
            return bytes(self._buffer)

    def fail(self, error: BackendError) -> None:
        with self._lock:
            self.error = error

    def withdraw(self) -> None:
        """It was cancelled before the runner had it."""
        with self._lock:
            self.state, self.reason = protocol.ENDED, protocol.CANCELLED
            self.message = "it was cancelled before the runner took it"

    def lose(self, message: str) -> None:
        with self._lock:
            if not self.finished:
                self.state, self.message = protocol.LOST, message
