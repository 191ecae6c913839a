"""Deadlines and delays on the engine's clock: a heap from which cancelled timers are dropped in passing."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from jobc.engine.clock import MONOTONIC, Clock


class Timer:
    """Something to do at `at` (the clock's seconds), unless it is cancelled."""

    __slots__ = ("action", "at")

    def __init__(self, at: float, action: Callable[[], None]) -> None:
        self.at = at
        self.action: Callable[[], None] | None = action


class Timers:
    """Those that are due at the same instant fire in the order in which they were set."""

    def __init__(self, clock: Clock = MONOTONIC) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._cancelled = 0

    def now(self) -> float:
        return self._clock.now()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        timer = Timer(self._clock.now() + seconds, action)
        self._count += 1
        heapq.heappush(self._heap, (timer.at, self._count, timer))
        return timer

    def cancel(self, timer: Timer | None) -> None:
        if timer is None or timer.action is None:
            return
        timer.action = None
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].action is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def due(self) -> float | None:
        """When the next is due; None if there is none."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def fire(self) -> None:
        """Do what is due."""
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action()
            else:
                self._cancelled -= 1
