"""The output of a container, between the thread that reads it and the engine that takes it: in a file without a name, so that a flood
costs no memory, and any part of it can be had until the result is collected."""

from __future__ import annotations

import os
import tempfile
import threading

#: Bytes given at once.
PIECE = 1024 * 1024


class OutputFile:
    """`total` is how many bytes came, from the beginning of the output."""

    def __init__(self) -> None:
        self.total = 0
        self._file = tempfile.TemporaryFile(prefix="jobc-output-", buffering=0)  # noqa: SIM115 - it outlives this
        self._lock = threading.Lock()

    def append(self, data: bytes) -> None:
        with self._lock:
            if not self._file.closed:
                self._file.write(data)
                self.total += len(data)

    def read(self, offset: int) -> bytes:
        """What is there from byte `offset` on."""
        with self._lock:
            if self._file.closed or offset >= self.total:
                return b""
            return os.pread(self._file.fileno(), min(PIECE, self.total - offset), offset)

    def close(self) -> None:
        """Nobody reads any more."""
        with self._lock:
            self._file.close()
