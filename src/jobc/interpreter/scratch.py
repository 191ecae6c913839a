"""The folder for this process's temporary files: made when something needs it, removed at the end, whatever the end is.

It is `$TMPDIR/jobc-XXXXXXXX` and holds a file `.jobc-lock` that this process keeps locked while it lives. An orderly
end removes the folder; after a sudden death the guard does; where the guard died too, the next run does: a folder
of this user whose lock can be had belongs to nobody any more. Locks, not process numbers, because a container
that shares /tmp counts its processes anew.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import tempfile
import threading

PREFIX = "jobc-"
_LOCK = ".jobc-lock"

_lock = threading.Lock()
_owner = 0
_folder = ""
_held = -1
_numbers = itertools.count(1)


def folder() -> str:
    """This process's folder. Raises OSError where none can be made."""
    global _owner, _folder, _held
    if _owner == os.getpid():
        return _folder
    with _lock:
        if _owner != os.getpid():
            sweep(tempfile.gettempdir())
            made = tempfile.mkdtemp(prefix=PREFIX)
            _held = os.open(os.path.join(made, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _try_lock(_held)
            _folder, _owner = made, os.getpid()
            atexit.register(remove)
    return _folder


def path(name: str) -> str:
    """A path in the folder that nobody else is given; nothing is there yet."""
    return "%s/%d-%s" % (folder(), next(_numbers), name)


def remove() -> None:
    """Remove the folder; the next call of `folder` makes another one."""
    global _owner, _held
    with _lock:
        if _owner == os.getpid():
            shutil.rmtree(_folder, ignore_errors=True)
            os.close(_held)
            _owner, _held = 0, -1


def sweep(parent: str) -> None:
    """Remove what processes that died have left."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid == os.geteuid():
                        _remove_dead(entry.path)


def _remove_dead(path: str) -> None:
    fd = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if _try_lock(fd):
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(fd)


def _try_lock(fd: int) -> bool:
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
