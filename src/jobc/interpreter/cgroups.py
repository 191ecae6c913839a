"""A control group (v2) for each child, where this process may make some.

They lie in this process's own group: `jobc-<mark>/<number>`. A group that its child left empty is used again, so a
short stage costs two writes, not a folder made and removed. A group's `pids.max` bounds a fork bomb where the pids
controller is handed down, or a group beside it in the pids hierarchy of version 1, where that still has it; `cgroup.kill` ends everything in a group at once (Linux 5.14), else its members are killed
until none is left.

A process moves itself in before it runs anything of the stage, else what it forks first could stay outside. To move one
takes a lock of the whole system, which on some kernels with many processors waits milliseconds. Where a probe is that
slow, there are no groups, and `process_tree`'s other marks must do. `JOBC_CGROUPS=off` does without, `on` puts
up with slow moves.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import time
from typing import List, Optional

#: Processes that one stage may have where `JOBC_PROCESS_LIMIT` says nothing.
PROCESS_LIMIT = 4096
_SLOW = 0.001
_PROBES = 3


def process_limit() -> int:
    """`JOBC_PROCESS_LIMIT`, or 4096."""
    text = os.environ.get("JOBC_PROCESS_LIMIT", "").strip()
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else PROCESS_LIMIT


class Group:
    """One control group. Its methods raise nothing: a group that is gone holds no process.

    `bound` is the group of version 1 that bounds its processes, None where it does so itself or nothing does.
    """

    __slots__ = ("bound", "path")

    def __init__(self, path: str, bound: Optional[str] = None) -> None:
        self.path = path
        self.bound = bound

    @property
    def doors(self) -> List[str]:
        """The files into which a process's number is written to move it in, `0` for the writer's own."""
        folders = [self.path] if self.bound is None else [self.path, self.bound]
        return [folder + "/cgroup.procs" for folder in folders]

    def enter(self, pid: int) -> None:
        """Move a process in. Raises OSError, ProcessLookupError where it has ended."""
        for door in self.doors:
            _write(door, b"%d" % pid)

    def pids(self) -> List[int]:
        """What lives in the group and below."""
        found: List[int] = []
        for folder, _, _ in os.walk(self.path):
            with contextlib.suppress(OSError, ValueError), open(folder + "/cgroup.procs", "rb") as file:
                found.extend(int(line) for line in file.read().split())
        return found

    def populated(self) -> bool:
        try:
            return b"populated 1" in _read(self.path + "/cgroup.events")
        except OSError:
            return False

    def refused(self) -> bool:
        """Whether a fork was refused in it, for the limit of processes."""
        try:
            lines = _read((self.bound or self.path) + "/pids.events").splitlines()
        except OSError:
            return False
        return any(line.startswith(b"max ") and line != b"max 0" for line in lines)

    def kill(self) -> None:
        try:
            _write(self.path + "/cgroup.kill", b"1")
        except OSError:
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def remove(self) -> None:
        """Remove the group and those below, once they are empty."""
        for top in (self.path, self.bound):
            for folder, _, _ in os.walk(top, topdown=False) if top else ():
                with contextlib.suppress(OSError):
                    os.rmdir(folder)


class Groups:
    """The groups of this process's children; methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._free: List[Group] = []
        self._made = 0
        self._place = ""
        self.root: Optional[str] = None
        #: Where the groups of version 1 are that bound processes.
        self.bounds: Optional[str] = None

    def open(self, mark: str) -> None:
        """Find out whether groups can be had."""
        with self._lock:
            if self._owner != os.getpid():
                self._owner, self._free, self._made = os.getpid(), [], 0
                self._place = ""
                self.root = None if os.environ.get("JOBC_CGROUPS") == "off" else _root(mark)
                self.bounds = None
                if self.root is not None:
                    self._place = self.root
                    if not _has_pids(self.root):
                        self.bounds = _bounds(mark)
                    atexit.register(self.close)

    def take(self) -> Optional[Group]:
        """An empty group, or None where there are none to have."""
        with self._lock:
            if self.root is None:
                return None
            if self._free:
                return self._free.pop()
            self._made += 1
            path = "%s/%d" % (self.root, self._made)
            try:
                os.mkdir(path)
            except OSError:
                self.root = None
                return None
            bound = None if self.bounds is None else "%s/%d" % (self.bounds, self._made)
        with contextlib.suppress(OSError):
            if bound is not None:
                os.mkdir(bound)
            _write((bound or path) + "/pids.max", b"%d" % process_limit())
        return Group(path, bound)

    @property
    def bounded(self) -> bool:
        """Whether a group bounds what its processes may fork."""
        root = self.root
        return root is not None and (self.bounds is not None or _has_pids(root))

    def probe(self, pid: int) -> None:
        """Move a process in and out again, and do without groups where that is slow."""
        root = self.root
        if root is None or os.environ.get("JOBC_CGROUPS") == "on":
            return
        quickest = _SLOW
        try:
            for _ in range(_PROBES):
                for place in (root + "/probe", os.path.dirname(root)):
                    if place.endswith("/probe"):
                        os.makedirs(place, exist_ok=True)
                    started = time.monotonic()
                    Group(place).enter(pid)
                    quickest = min(quickest, time.monotonic() - started)
                if quickest < _SLOW:
                    return
        except OSError:
            pass
        self.root = None

    def give_back(self, group: Group) -> None:
        """Let a group be used again, if it is empty and pristine."""
        if not group.populated() and not group.refused():
            with self._lock:
                self._free.append(group)

    def close(self) -> None:
        with self._lock:
            if self._owner == os.getpid() and self._place:
                Group(self._place, self.bounds).remove()
            self.root, self._owner = None, 0


groups = Groups()


def _root(mark: str) -> Optional[str]:
    """A new group below this process's own; None where there is no version 2, or no permission."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = next(line[3:].rstrip("\n") for line in file if line.startswith("0::"))
        with open("/proc/self/mounts", encoding="utf-8") as file:
            mounts = [line.split() for line in file]
        mount = next(fields[1] for fields in mounts if fields[2] == "cgroup2")
        root = "%s/jobc-%s" % ((mount + own).rstrip("/"), mark.rstrip("."))
        os.mkdir(root)
    except (OSError, StopIteration, IndexError, ValueError):
        return None
    with contextlib.suppress(OSError):
        _write(root + "/cgroup.subtree_control", b"+pids")
    return root


def _has_pids(root: str) -> bool:
    """Whether groups in `root` bound their processes."""
    try:
        return b"pids" in _read(root + "/cgroup.subtree_control").split()
    except OSError:
        return False


def _bounds(mark: str) -> Optional[str]:
    """A new group in the pids hierarchy of version 1; None where there is none, or no permission."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            fields = (line.rstrip("\n").split(":", 2) for line in file)
            own = next(path for _, controllers, path in fields if "pids" in controllers.split(","))
        with open("/proc/self/mounts", encoding="utf-8") as file:
            mounts = [line.split() for line in file]
        mount = next(each[1] for each in mounts if each[2] == "cgroup" and "pids" in each[3].split(","))
        root = "%s/jobc-%s" % ((mount + own).rstrip("/"), mark.rstrip("."))
        os.mkdir(root)
        return root
    except (OSError, StopIteration, IndexError, ValueError):
        return None


def _read(path: str) -> bytes:
    """A small file of the kernel's, without what a buffered reader costs."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)
