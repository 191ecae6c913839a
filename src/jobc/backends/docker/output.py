"""The output of a container, between the thread that reads it and the engine that takes it.

Bytes that were taken are forgotten. What was not taken yet is bounded: a container that writes faster than the engine reads is
read more slowly, and waits itself when its pipe is full.
"""

from __future__ import annotations

import threading

#: Bytes that wait for the engine at most.
ROOM = 8 * 1024 * 1024
#: Bytes given at once.
PIECE = 1024 * 1024


class OutputBuffer:
    """`total` is how many bytes came, from the beginning of the output."""

    def __init__(self) -> None:
        self.total = 0
        self._data = bytearray()
        self._start = 0
        self._closed = False
        self._changed = threading.Condition()

    def append(self, data: bytes) -> None:
        """Add the next bytes, when there is room."""
        with self._changed:
            while len(self._data) >= ROOM and not self._closed:
                self._changed.wait()
            self._data += data
            self.total += len(data)

    def read(self, offset: int) -> bytes:
        """What is there from byte `offset` on. What is before it will not be asked for again."""
        with self._changed:
            done = min(max(0, offset - self._start), len(self._data))
            if done:
                del self._data[:done]
                self._start += done
                self._changed.notify_all()
            skip = max(0, offset - self._start)
            return bytes(self._data[skip : skip + PIECE])

    def close(self) -> None:
        """Nobody reads any more: hold nothing back."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
