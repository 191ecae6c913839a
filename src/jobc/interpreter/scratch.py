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
import stat
import sys
import tempfile
import threading
from typing import Tuple

PREFIX = "jobc-"
_LOCK = ".jobc-lock"
#: Characters that `mkdtemp` adds to a prefix.
_RANDOM = 8
#: Folders that others may take away before one is locked.
_TRIES = 10
_CAN_LOCK = sys.platform != "win32"

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
            _folder, _held = _make()
            _owner = os.getpid()
            atexit.register(remove)
    return _folder


def _make() -> Tuple[str, int]:
    """A new folder, and its lock's descriptor. Whoever sweeps between its making and its locking takes it for a dead one."""
    for _ in range(_TRIES):
        made = tempfile.mkdtemp(prefix=PREFIX)
        try:
            held = os.open(os.path.join(made, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue
        if _try_lock(held) and os.fstat(held).st_nlink:
            return made, held
        if not _CAN_LOCK:
            return made, held
        os.close(held)
    raise OSError("no folder for temporary files stays in %s" % tempfile.gettempdir())


def path(name: str) -> str:
    """A path in the folder that nobody else is given; nothing is there yet."""
    return "%s/%d-%s" % (folder(), next(_numbers), name)


def remove() -> None:
    """Remove the folder; the next call of `folder` makes another one."""
    global _owner, _held
    with _lock:
        if _owner == os.getpid():
            _remove_whole(_folder)
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
    """The lock goes last: a removal that is cut short leaves what the next one can take up."""
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        return
    lock = os.path.join(path, _LOCK)
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        if len(os.path.basename(path)) == len(PREFIX) + _RANDOM:
            os.rmdir(path)  # its owner died before it had the lock; one in which something is stays
        return
    try:
        if _try_lock(fd):
            _remove_whole(path)
    finally:
        os.close(fd)


def _remove_whole(path: str) -> None:
    with os.scandir(path) as entries:
        found = [entry for entry in entries if entry.name != _LOCK]
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)
    shutil.rmtree(path, ignore_errors=True)


def _try_lock(fd: int) -> bool:
    if not _CAN_LOCK:
        return False
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
