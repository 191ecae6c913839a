"""Removes the containers of collected tasks, some seconds after, in a thread of its own.

Where the engine dies before the result is in its journal, the container has to be there for whoever resumes the run: else the
work would be done twice. At the end of the run all that waits goes at once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from jobc.backends.api import BackendError
from jobc.backends.docker import container as containers

if TYPE_CHECKING:
    from docker.models.containers import Container

#: Seconds that a container is kept after its result was collected.
KEEP = 5.0
#: How many are removed at once when the run ends, and the seconds that this may take.
AT_ONCE = 8
PATIENCE = 30.0


class Removal:
    """Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Container]] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._closing = False

    def later(self, container: Container) -> None:
        with self._changed:
            self._waiting.append((time.monotonic() + KEEP, container))
            if not self._threads:
                self._begin()
            self._changed.notify_all()

    def close(self) -> None:
        """Remove what waits; what the daemon does not remove in time is left to the sweep of the run."""
        with self._changed:
            self._closing = True
            for _ in range(min(AT_ONCE, len(self._waiting)) - len(self._threads)):
                self._begin()
            self._changed.notify_all()
        until = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _begin(self) -> None:
        thread = threading.Thread(target=self._work, name="jobc-docker-removal", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            container = self._next()
            if container is None:
                return
            with contextlib.suppress(
                BackendError
            ):  # the daemon is away: it is swept, now or by `jobc runs prune`
                containers.remove(container)

    def _next(self) -> Container | None:
        """The next whose time has come; None at the end."""
        with self._changed:
            while True:
                if self._waiting and (self._closing or self._waiting[0][0] <= time.monotonic()):
                    return self._waiting.popleft()[1]
                if self._closing:
                    return None
                self._changed.wait(
                    max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None
                )
