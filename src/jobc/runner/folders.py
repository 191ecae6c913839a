"""The files of a runner.

    state/            journal.db, token, lock (held while a server uses the folder)
      bundles/HASH    bundles, checked against their names when they come and when they are copied
      incoming/       bodies that are still coming in
      tasks/KEY/      one task: spec.json, output, status.json, alive (held while its supervisor lives)
        box/          what the task sees, of mode 0700: bundle.pyz, task.json, secrets.json, …, result.json
          work/       where its stages run
          tmp/        its TMPDIR

What lies outside of the box is the runner's: a task that runs as another user can neither read nor forge it. What lies inside is
the task's: files there are opened without following links, and only what is a plain file of the task's own user is read.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from typing import IO, Any

from jobc.backends.bundle.parcel import BUNDLE, SECRETS
from jobc.errors import StateError
from jobc.runner.settings import User

KEY = re.compile(r"[0-9a-f]{64}")
#: Names of files that are sent and fetched.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
#: Names of the runner's own making in a box.
_TAKEN = frozenset([BUNDLE, "work", "tmp"])
#: Files that are not given out.
_PRIVATE = frozenset([BUNDLE, SECRETS, "task.json"])


class Damaged(Exception):
    """A bundle is not what its name says."""


def is_name(name: str) -> bool:
    """Whether a file of a task may be called so."""
    return NAME.fullmatch(name) is not None and name not in _TAKEN


class Folders:
    """The folder of one runner. Raises StateError where it cannot be made or is in use."""

    def __init__(self, state: str, user: User | None) -> None:
        self.state = state
        self.journal = os.path.join(state, "journal.db")
        self._user = user
        self._bundles = os.path.join(state, "bundles")
        self._incoming = os.path.join(state, "incoming")
        self._tasks = os.path.join(state, "tasks")
        self._count = 0
        # Another user must get through to its box, and must not see what else there is.
        through = 0o711 if user is not None else 0o700
        try:
            for folder, mode in (
                (state, through),
                (self._tasks, through),
                (self._bundles, 0o700),
                (self._incoming, 0o700),
            ):
                os.makedirs(folder, mode=mode, exist_ok=True)
                os.chmod(folder, mode)
            self._lock = os.open(os.path.join(state, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(
                f"the state folder {state} cannot be made: {error.strerror}",
                help="name another with --state, or make its parent writable",
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._lock, 32).decode(errors="replace").strip()
            os.close(self._lock)
            raise StateError(
                f"another runner uses the state folder {state}" + (f" (process {holder})" if holder else ""),
                help="end it first, or give this one a folder of its own with --state",
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        shutil.rmtree(self._incoming, ignore_errors=True)
        os.makedirs(self._incoming, mode=0o700, exist_ok=True)

    def close(self) -> None:
        os.close(self._lock)

    def free(self) -> int:
        """Free bytes on the disk."""
        found = os.statvfs(self.state)
        return found.f_bavail * found.f_frsize

    def incoming(self) -> str:
        """A name for something that comes in."""
        self._count += 1
        return os.path.join(self._incoming, f"{os.getpid()}.{self._count}")

    # Bundles

    def has_bundle(self, hash: str) -> bool:
        try:
            os.utime(os.path.join(self._bundles, hash))  # it was wanted now
        except OSError:
            return False
        return True

    def take_bundle(self, path: str, hash: str) -> None:
        os.replace(path, os.path.join(self._bundles, hash))

    def bundles(self) -> Iterator[tuple[str, float]]:
        """(hash, when it was wanted last)."""
        with os.scandir(self._bundles) as entries:
            for entry in entries:
                yield entry.name, entry.stat().st_mtime

    def remove_bundle(self, hash: str) -> None:
        os.unlink(os.path.join(self._bundles, hash))

    # Tasks

    def stored(self) -> list[str]:
        """The tasks that have a folder."""
        return [name for name in os.listdir(self._tasks) if KEY.fullmatch(name)]

    def task(self, key: str) -> TaskFolder:
        return TaskFolder(os.path.join(self._tasks, key), self._user)

    def new_task(self) -> TaskFolder:
        """A folder for a submission that comes in; `take_task` gives it its place."""
        folder = TaskFolder(self.incoming(), self._user)
        folder.make()
        return folder

    def take_task(self, folder: TaskFolder, key: str) -> None:
        place = os.path.join(self._tasks, key)
        if os.path.isdir(place):
            shutil.rmtree(place)
        os.rename(folder.path, place)

    def fill(self, key: str, hash: str, user: User | None) -> None:
        """Put the bundle into a task's box, and give the box to its user. Raises Damaged."""
        folder = self.task(key)
        with open(os.path.join(self._bundles, hash), "rb") as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != hash:
            self.remove_bundle(hash)
            raise Damaged(f"the bundle {hash[:12]} was damaged on the runner's disk")
        path = os.path.join(folder.box, BUNDLE)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as out:
            out.write(data)
        for name in ("work", "tmp"):
            os.makedirs(os.path.join(folder.box, name), mode=0o700, exist_ok=True)
        if user is not None:
            for name in os.listdir(folder.box):
                os.chown(os.path.join(folder.box, name), user.uid, user.gid, follow_symlinks=False)
            os.chown(folder.box, user.uid, user.gid)


class TaskFolder:
    """The folder of one task."""

    __slots__ = ("_owner", "_through", "box", "path")

    def __init__(self, path: str, user: User | None) -> None:
        self.path = path
        self.box = os.path.join(path, "box")
        self._owner = os.geteuid() if user is None else user.uid
        self._through = 0o700 if user is None else 0o711

    def make(self) -> None:
        os.mkdir(self.path, self._through)
        os.chmod(self.path, self._through)
        os.mkdir(self.box, 0o700)

    def create(self, name: str) -> IO[bytes]:
        """A new file in the box, of mode 0600."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return open(os.open(os.path.join(self.box, name), flags, 0o600), "wb")

    @property
    def output(self) -> str:
        return os.path.join(self.path, "output")

    def size(self) -> int:
        """Bytes of output so far."""
        try:
            return os.stat(self.output).st_size
        except OSError:
            return 0

    def open_left(self, name: str) -> IO[bytes] | None:
        """A file that the task left, None where there is no such plain file of its own."""
        if not is_name(name) or name in _PRIVATE:
            return None
        try:
            box = os.open(self.box, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                file = os.open(name, flags, dir_fd=box)
            finally:
                os.close(box)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EACCES):
                return None
            raise
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != self._owner or found.st_nlink != 1:
            os.close(file)
            return None
        return open(file, "rb")

    def write_spec(self, spec: dict[str, Any]) -> str:
        path = os.path.join(self.path, "spec.json")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump(spec, file)
        return path

    def status(self) -> dict[str, Any] | None:
        """What the supervisor wrote when the task had ended."""
        try:
            with open(os.path.join(self.path, "status.json"), encoding="utf-8") as file:
                document = json.load(file)
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def hold(self) -> int | None:
        """A descriptor that holds the task, None while a supervisor holds it."""
        path = os.path.join(self.path, "alive")
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        return file

    def supervisor(self) -> int | None:
        """The process number of the supervisor, None before it has begun."""
        try:
            with open(os.path.join(self.path, "alive"), encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def drop_secrets(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.box, SECRETS))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
