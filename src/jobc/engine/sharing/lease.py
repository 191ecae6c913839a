"""One engine a run: a lock that the system holds for as long as the process that took it lives.

The lock is a range of one byte in a file beside the journal, taken with `fcntl` (POSIX record locks), at an offset
that the run's id gives. Why this and nothing else:

    it ends with its owner   however that dies, and at that instant; there is no heartbeat to be late and no time to
                             compare, so a clock that jumps, a machine that sleeps and a process that was stopped
                             for a day change nothing
    children do not have it  `flock` is inherited by a process that a stage forked; one that lives on would keep a
                             dead engine's run locked. A record lock belongs to the process that took it alone
    process ids do not count two containers on one machine may share the folder and have the same ids; the lock is the
                             kernel's, so they see each other

A record lock has two edges. It is not seen within its own process: what this process holds is in a table here. And the
process loses every lock on a file when it closes any descriptor of it: there is one descriptor a file here, closed with
the last lease.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
from collections.abc import Callable

from jobc.errors import StateError

_guard = threading.Lock()
#: File → (its descriptor, the offsets that this process holds).
_files: dict[str, tuple[int, set[int]]] = {}


def path_beside(journal: str) -> str:
    return os.path.join(os.path.dirname(os.path.realpath(journal)), "leases")


def take(journal: str, run_id: str) -> Callable[[], None] | None:
    """Take the lease of a run; what gives it back. None if an engine has it. Raises StateError."""
    path, offset = path_beside(journal), _offset(run_id)
    with _guard:
        descriptor, held = _files.get(path) or (_open(path), set())
        _files[path] = descriptor, held
        try:
            if offset in held or not _lock(descriptor, offset, path):
                return None
            held.add(offset)
        finally:
            _close_unused(path)
    return lambda: _give_back(path, offset)


def _give_back(path: str, offset: int) -> None:
    with _guard:
        descriptor, held = _files[path]
        held.discard(offset)
        with contextlib.suppress(OSError):
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, offset)
        _close_unused(path)


def _offset(run_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(run_id.encode(), digest_size=7).digest(), "big")


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise StateError(
            f"the file {path} cannot be opened: {error.strerror}", help="make it and its folder writable"
        ) from None


def _lock(descriptor: int, offset: int, path: str) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        raise StateError(
            f"the file {path} cannot be locked: {error.strerror}",
            help="keep the state directory on a file system of this machine (see `-C`)",
        ) from None
    return True


def _close_unused(path: str) -> None:
    descriptor, held = _files[path]
    if not held:
        os.close(descriptor)
        del _files[path]
