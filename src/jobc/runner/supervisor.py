"""The process beside each running task: it starts the task, holds it to its limits, and writes down how it ended.

It is started as a script with nothing but the standard library, in a session of its own, and outlives the server. SIGTERM asks the
task to end (and ends it when its grace is over), SIGQUIT ends it at once. Orphans of the task become the supervisor's children, so
whatever the task started, wherever it went, is below the supervisor and ends with the task.

Descriptor 3 holds the lock of the file `alive`: while it is held, this process lives. The number written there says that
the task was begun.

Limits: memory by a limit on each process's data (RLIMIT_DATA) and a look at what all of them hold together; processors by
affinity; disk by a limit on each file (RLIMIT_FSIZE) and a look at the folder; or, where the runner has control groups of its own,
memory and processors by a group. Time by the clock.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from types import FrameType
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
LOOK = 0.5
#: Looks at memory between two looks at the disk, which cost more.
DISK_EVERY = 4


def main(spec_path: str) -> None:
    with open(spec_path) as file:
        spec = json.load(file)
    place = os.path.dirname(spec_path)
    os.ftruncate(3, 0)
    os.pwrite(3, b"%d\n" % os.getpid(), 0)
    os.set_inheritable(3, False)
    try:
        status = _Task(spec, place).run()
    except OSError as error:
        status = {"error": f"the runner could not start it: {error}"}
    status["ended"] = time.time()
    beside = os.path.join(place, "status.json.part")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(status, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, os.path.join(place, "status.json"))


class _Task:
    def __init__(self, spec: dict[str, Any], place: str) -> None:
        self.spec = spec
        self.place = place
        self.box = os.path.join(place, "box")
        self.reason: str | None = None
        self.pid = 0
        self.reaped: int | None = None
        self.group: str | None = None
        self.asked: list[int] = []
        self.deadline: float | None = None
        self.kill_at: float | None = None

    def run(self) -> dict[str, Any]:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        waking, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waking, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

        def take(number: int, frame: FrameType | None) -> None:
            self.asked.append(number)

        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD):
            signal.signal(number, take)
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        # The server starts this process with its signals held back.
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        self._make_group()
        self._start(libc)
        if self.spec["time"] is not None:
            self.deadline = time.monotonic() + self.spec["time"]
        looks = 0
        watched = self.spec["memory"] or self.spec["disk"]
        look_at = time.monotonic() + LOOK if watched else None
        while self.reaped is None:
            times = [at for at in (self.deadline, self.kill_at, look_at) if at is not None]
            wait = max(0.0, min(times) - time.monotonic()) if times else None
            select.select([waking], [], [], wait)
            with contextlib.suppress(BlockingIOError):
                os.read(waking, 4096)
            self._reap()
            if self.reaped is not None:
                break
            self._obey()
            now = time.monotonic()
            if self.deadline is not None and now >= self.deadline:
                self.deadline = None
                self._end("time")
            if self.kill_at is not None and now >= self.kill_at:
                self.kill_at = None
                self._kill_all()
            if look_at is not None and now >= look_at:
                looks += 1
                look_at = now + LOOK
                self._look(looks % DISK_EVERY == 0)
        self._out_of_memory()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._sweep()
        code = os.waitstatus_to_exitcode(self.reaped)
        if code != 0 and self.reason is None and self.spec["disk"] and _size(self.place) > self.spec["disk"]:
            self.reason = "disk"  # a file came to the limit; the task may have ended of it
        return {
            "exit_code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "reason": self.reason,
            "cpu": used.ru_utime + used.ru_stime,
            "peak": used.ru_maxrss * 1024,
        }

    # Starting

    def _start(self, libc: ctypes.CDLL) -> None:
        spec = self.spec
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        output = os.open(os.path.join(self.place, "output"), flags, 0o600)
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        # Whatever goes wrong before the exec comes back through this pipe.
        reading, writing = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                for number in range(1, signal.NSIG):
                    if number not in (signal.SIGKILL, signal.SIGSTOP):
                        with contextlib.suppress(OSError, ValueError):
                            signal.signal(number, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, [])
                os.setsid()
                if self.group is not None:
                    with open(self.group + "/cgroup.procs", "w") as file:
                        file.write("0")
                os.dup2(null, 0)
                os.dup2(output, 1)
                os.dup2(output, 2)
                self._confine()
                os.umask(0o077)
                user = spec["user"]
                if user is not None:
                    os.setgroups(user["groups"])
                    os.setresgid(user["gid"], user["gid"], user["gid"])
                    os.setresuid(user["uid"], user["uid"], user["uid"])
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(127)
                os.chdir(os.path.join(self.box, "work"))
                os.execvpe(spec["command"][0], spec["command"], spec["environ"])
            except BaseException as error:  # noqa: BLE001 - told to the parent
                os.write(writing, str(error).encode(errors="replace")[:1000])
            finally:
                os._exit(127)
        for mine in (output, null, writing):
            os.close(mine)
        with open(reading, "rb") as told:
            problem = told.read()
        if problem:
            os.waitpid(self.pid, 0)
            raise OSError(f"{spec['command'][0]}: {problem.decode(errors='replace')}")

    def _confine(self) -> None:
        spec = self.spec
        limits = [(resource.RLIMIT_CORE, 0)]
        if spec["memory"] and self.group is None:
            limits.append((resource.RLIMIT_DATA, spec["memory"]))
        if spec["disk"]:
            limits.append((resource.RLIMIT_FSIZE, spec["disk"]))
        for kind, value in limits:
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))
        if spec["cpus"] and self.group is None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, spec["cpus"])

    def _make_group(self) -> None:
        """A control group of its own below the runner's, where it has one."""
        parent = self.spec["group"]
        if parent is None:
            return
        path = f"{parent}/task-{os.getpid()}"
        try:
            os.mkdir(path)
            if self.spec["memory"]:
                _write(path + "/memory.max", str(self.spec["memory"]))
                with contextlib.suppress(OSError):  # there may be no swap to forbid
                    _write(path + "/memory.swap.max", "0")
            if self.spec["cpu"]:
                _write(path + "/cpu.max", f"{max(1000, round(self.spec['cpu'] * 100000))} 100000")
            self.group = path
        except OSError:
            self._remove_group(path)

    # Ending

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.reaped = status

    def _obey(self) -> None:
        asked, self.asked = self.asked, []
        if signal.SIGQUIT in asked:
            self.reason = self.reason or "kill"
            self._kill_all()
        elif signal.SIGTERM in asked:
            self._end("cancel")

    def _end(self, reason: str) -> None:
        """Ask the task to end; when its grace is over, it is ended."""
        if self.reason is None:
            self.reason = reason
        if self.kill_at is None:
            self.kill_at = time.monotonic() + self.spec["grace"]
        os.kill(self.pid, signal.SIGTERM)

    def _kill_all(self) -> None:
        if self.group is not None:
            with contextlib.suppress(OSError):
                _write(self.group + "/cgroup.kill", "1")
        for pid in _below(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _sweep(self) -> None:
        """End and take leave of all that the task left running."""
        until = time.monotonic() + 10.0
        while time.monotonic() < until:
            self._kill_all()
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                break
            time.sleep(0.002)
        if self.group is not None:
            self._remove_group(self.group)

    def _remove_group(self, path: str) -> None:
        for folder, _, _ in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)

    # Limits

    def _look(self, also_disk: bool) -> None:
        memory, disk = self.spec["memory"], self.spec["disk"]
        if memory and self.group is None and sum(map(_held, _below(os.getpid()))) > memory:
            self.reason = self.reason or "memory"
            self._kill_all()
        elif disk and also_disk and _size(self.place) > disk:
            self.reason = self.reason or "disk"
            self._kill_all()

    def _out_of_memory(self) -> None:
        if self.group is None or self.reason is not None:
            return
        try:
            with open(self.group + "/memory.events") as file:
                if any(line.startswith("oom_kill ") and int(line.split()[1]) for line in file):
                    self.reason = "memory"
        except (OSError, ValueError):
            pass


def _below(root: int) -> list[int]:
    """Every process that descends from `root`."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] not in (b"Z", b"X"):
                parents.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    open_ = [root]
    while open_:
        children = parents.pop(open_.pop(), [])
        found += children
        open_ += children
    return found


def _held(pid: int) -> int:
    """Bytes of memory that a process holds for itself."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            fields = file.read().split()
        return (int(fields[1]) - int(fields[2])) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0


def _size(folder: str) -> int:
    """Bytes on disk below a folder."""
    total, open_ = 0, [folder]
    while open_:
        try:
            with os.scandir(open_.pop()) as entries:
                for entry in entries:
                    try:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            open_.append(entry.path)
                    except OSError:
                        pass
        except OSError:
            pass
    return total


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1])
