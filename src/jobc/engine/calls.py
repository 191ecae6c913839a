"""Threads that call a backend, so that a call that waits for a network keeps nobody else waiting.

A thread is made when a call finds none idle, up to a bound; further calls wait in order. With a bound of 0 there is no thread:
a call is made where it is asked for.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class Calls:
    """At most `most` calls at once. A call is a function that raises nothing; it posts its outcome itself."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._waiting: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0
        self._closed = False

    @property
    def inline(self) -> bool:
        return self._most == 0

    def do(self, call: Callable[[], None]) -> None:
        """Make a call, as soon as a thread is free."""
        if self.inline:
            call()
            return
        with self._changed:
            if self._closed:
                return
            self._waiting.append(call)
            if self._idle >= len(self._waiting) or self._threads >= self._most:
                self._changed.notify()
                return
            self._threads += 1
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:
            with self._changed:
                self._threads -= 1
                if self._threads:  # this machine gives no more threads; those that there are do it
                    return
                self._waiting.remove(call)
            call()

    def close(self, seconds: float) -> None:
        """Let what was asked for be done, for so long; what lasts longer is left to itself."""
        until = time.monotonic() + seconds
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            while self._threads and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            self._waiting.clear()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                while not self._waiting and not self._closed:
                    self._changed.wait()
                self._idle -= 1
                if not self._waiting:
                    self._threads -= 1
                    self._changed.notify_all()
                    return
                call = self._waiting.popleft()
            call()
