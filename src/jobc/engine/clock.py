"""The time that a scheduler lives in, and how it waits.

Everything that the engine times (delays of retries, timeouts, grace periods, durations) reads one clock that never
goes back and that nobody can set. A simulated one (`engine.simulation`) jumps to what happens next instead of waiting.
"""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue
from typing import Any, Protocol

Message = tuple[str, Any]


class Clock(Protocol):
    """`now` in seconds from an arbitrary instant."""

    def now(self) -> float: ...

    def take(self, inbox: SimpleQueue[Message], until: float | None) -> Message | None:
        """The next message, waited for at most until then (None: as long as it takes); None if none came."""


class MonotonicClock:
    """The system's monotonic clock."""

    now = staticmethod(time.monotonic)

    def take(self, inbox: SimpleQueue[Message], until: float | None) -> Message | None:
        try:
            return inbox.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
        except Empty:
            return None


MONOTONIC = MonotonicClock()
