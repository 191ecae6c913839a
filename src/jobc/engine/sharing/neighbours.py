"""The engines that share a state directory: which of them live, and how they wake one another.

Each engine holds a lock on a file of its own for as long as it lives; the system drops it however the process ends,
and a lock of this kind (`fcntl`) is not inherited by children, so that what an engine leaves running does not keep it
alive. Beside it stands a named pipe: one byte written into it means "look again". One thread waits on that pipe and on
the process descriptors of the others, so a death wakes as well. Where the system has no process descriptors, or the
other process is in a namespace of its own, it looks every `LOOK_SECONDS` while somebody is watched.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from jobc.engine.sharing import owner
from jobc.errors import StateError

LOOK_SECONDS = 2.0

#: The engines of this process: their locks cannot be tested from inside it, and must not be.
_here: set[str] = set()
_lock = threading.Lock()


class Neighbours:
    """One engine among the others. `notify` is called from the thread when there is something to look at."""

    def __init__(self, folder: str, notify: Callable[[], None]) -> None:
        self._folder = Path(folder)
        self._notify = notify
        self.token = os.urandom(8).hex()
        self._watched: dict[str, int | None] = {}
        self._changing = threading.Lock()
        self._closed = False
        import fcntl

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            os.mkfifo(self._pipe(self.token), 0o600)
            # Open for both, so that it never is at its end; and nobody who writes ever waits.
            self._reader = os.open(self._pipe(self.token), os.O_RDWR | os.O_NONBLOCK)
            self._held = os.open(self._file(self.token), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.lockf(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._thread = threading.Thread(target=self._listen, name="jobc-groups", daemon=True)
            self._thread.start()
        except (OSError, RuntimeError) as error:
            raise StateError(
                f"the folder of concurrency groups {folder} cannot be used: {error}",
                help="make it writable, or work elsewhere with -C",
            ) from error
        with _lock:
            _here.add(self.token)

    def _file(self, token: str) -> str:
        return str(self._folder / f"{token}.engine")

    def _pipe(self, token: str) -> str:
        return str(self._folder / f"{token}.wake")

    def alive(self, token: str) -> bool:
        """Whether an engine lives; what one that does not has left is removed."""
        import fcntl

        with _lock:
            if token in _here:
                return True
        try:
            file = os.open(self._file(token), os.O_RDWR)
        except OSError:
            return False
        try:
            # Shared, so that two that ask at once do not take each other for the owner.
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(file)
        self._sweep(token)
        return False

    def wake(self, token: str) -> None:
        """Have another engine look."""
        with contextlib.suppress(OSError):
            pipe = os.open(self._pipe(token), os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b"!")
            finally:
                os.close(pipe)

    def watch(self, engines: Iterable[tuple[str, int, str]]) -> None:
        """Be woken when one of these ends, and of no others. Each: engine, pid, when that process started."""
        wanted = {token: (pid, started) for token, pid, started in engines if token not in _here}
        with self._changing:
            if wanted.keys() == self._watched.keys():
                return
            for token in self._watched.keys() - wanted.keys():
                _close(self._watched.pop(token))
            for token in wanted.keys() - self._watched.keys():
                self._watched[token] = _descriptor(*wanted[token])
        self._nudge()

    def _nudge(self) -> None:
        """Wake the thread here, also where somebody removed the folder meanwhile."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._reader, b"!")

    def close(self) -> None:
        self._closed = True
        self._nudge()
        self._thread.join()
        for descriptor in self._watched.values():
            _close(descriptor)
        os.close(self._reader)
        os.close(self._held)
        with _lock:
            _here.discard(self.token)
        self._sweep(self.token)

    def _sweep(self, token: str) -> None:
        for path in (self._file(token), self._pipe(token)):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _listen(self) -> None:
        while not self._closed:
            poll = select.poll()
            poll.register(self._reader, select.POLLIN)
            with self._changing:
                watched = dict(self._watched)
            for descriptor in watched.values():
                if descriptor is not None:
                    poll.register(descriptor, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll(_patience(watched))}
            if self._reader in ready:
                with contextlib.suppress(OSError):
                    os.read(self._reader, 4096)
            with self._changing:
                for token, descriptor in watched.items():
                    if descriptor in ready and self._watched.get(token) == descriptor:
                        _close(self._watched.pop(token))
            if not self._closed:
                self._notify()


def _patience(watched: dict[str, int | None]) -> float | None:
    """Milliseconds; None where everything that is waited for makes itself known."""
    return LOOK_SECONDS * 1000 if None in watched.values() else None


def _descriptor(pid: int, started: str) -> int | None:
    """A descriptor that becomes ready when that process ends; None where there is none to be had."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
    if owner.started(pid) == started:
        return descriptor
    os.close(descriptor)
    return None


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.close(descriptor)
