"""Which files grow: told by the kernel (inotify), or seen by looking where there is no inotify."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable

_IN_MODIFY = 0x2
_EVENT = struct.Struct("iIII")
#: Seconds between two looks, without inotify.
LOOK = 0.2


class Watch:
    """Calls `grown(path)` in the loop when a watched file was written to."""

    def __init__(self, grown: Callable[[str], None]) -> None:
        self._grown = grown
        self._loop = asyncio.get_running_loop()
        self._paths: dict[int, str] = {}
        self._marks: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = -1
        if hasattr(self._libc, "inotify_init1"):
            self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._read)

    def add(self, path: str) -> None:
        """Watch a file; it must exist."""
        if self._fd >= 0:
            mark = self._libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_MODIFY)
            if mark >= 0:
                self._paths[mark], self._marks[path] = path, mark
                return
        self._sizes[path] = -1
        self._look_later()

    def remove(self, path: str) -> None:
        self._sizes.pop(path, None)
        mark = self._marks.pop(path, None)
        if mark is not None:
            self._paths.pop(mark, None)
            self._libc.inotify_rm_watch(self._fd, mark)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        at = 0
        seen = set()
        while at < len(data):
            mark, _, _, length = _EVENT.unpack_from(data, at)
            at += _EVENT.size + length
            seen.add(mark)
        for mark in seen:
            path = self._paths.get(mark)
            if path is not None:
                self._grown(path)

    def _look_later(self) -> None:
        if self._timer is None and self._sizes:
            self._timer = self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        self._timer = None
        for path, before in list(self._sizes.items()):
            try:
                size = os.stat(path).st_size
            except OSError:
                continue
            if size != before:
                self._sizes[path] = size
                self._grown(path)
        self._look_later()
