"""The time limits of all stages of this process: one thread that sleeps until the next one, and a heap.

To set a limit costs an entry in the heap, and wakes the thread only where it is the first that is due; to take it back
marks the entry, which is dropped in passing. The thread begins with the first limit and is there once a process.
"""

from __future__ import annotations

import heapq
import os
import sys
import threading
import time
from typing import Callable, List, Optional, Tuple

#: From so many entries taken back on, they are swept out where they are most of the heap.
_SWEEP = 64


class Deadline:
    """What is to be done at an instant of the monotonic clock, unless it is taken back."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Optional[Callable[[], None]] = action


class Deadlines:
    """Methods may be called from any thread. Actions must not block, and must not set or cancel deadlines."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owner = 0
        self._heap: List[Tuple[float, int, Deadline]] = []
        self._count = 0
        self._dead = 0

    def after(self, seconds: float, action: Callable[[], None]) -> Deadline:
        """Have `action` called in the thread of this object, so many seconds from now."""
        deadline = Deadline(action)
        if self._owner != os.getpid():
            self._begin()
        with self._changed:
            self._count += 1
            entry = (time.monotonic() + seconds, self._count, deadline)
            heapq.heappush(self._heap, entry)
            if self._heap[0] is entry:
                self._changed.notify()
        return deadline

    def cancel(self, deadline: Deadline) -> None:
        """Afterwards the action is not called any more, or has been."""
        with self._changed:
            if deadline.action is None:
                return
            deadline.action = None
            self._dead += 1
            if self._dead > _SWEEP and self._dead * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].action is not None]
                heapq.heapify(self._heap)
                self._dead = 0

    def _begin(self) -> None:
        with _beginning:
            if self._owner == os.getpid():
                return
            # In a process that was forked the thread is not there, and the lock may be held by nobody.
            self._changed, self._heap, self._dead = threading.Condition(), [], 0
            self._owner = os.getpid()
            threading.Thread(
                target=self._run, args=(self._changed,), name="jobc-deadlines", daemon=True
            ).start()

    def _run(self, changed: threading.Condition) -> None:
        with changed:
            while True:
                now = time.monotonic()
                while self._heap and (self._heap[0][2].action is None or self._heap[0][0] <= now):
                    deadline = heapq.heappop(self._heap)[2]
                    action, deadline.action = deadline.action, None
                    if action is None:
                        self._dead -= 1
                    else:
                        _call(action)
                left = self._heap[0][0] - now if self._heap else threading.TIMEOUT_MAX
                changed.wait(min(left, threading.TIMEOUT_MAX))


def _call(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:  # noqa: BLE001 (a defect of one must not cost the others theirs)
        sys.excepthook(*sys.exc_info())


_beginning = threading.Lock()
deadlines = Deadlines()
