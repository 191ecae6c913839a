"""Starting one program in a session of its own, its output on two pipes.

`posix_spawn` where the working folder is this process's own, which it cannot change; `subprocess` elsewhere. With the
first child of a process comes what watches over all of them: the control groups, the guard.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from typing import Dict, List, Optional, Protocol, Sequence, Tuple

from jobc.interpreter import guard
from jobc.interpreter.cgroups import Group, groups, process_limit
from jobc.interpreter.process_tree import brand, engine_mark


class StartError(Exception):
    """The program cannot be started; the message says why and what to do."""


class Child(Protocol):
    """A process that was started: `pid` leads its session; `streams` are its pipes by their names."""

    pid: int
    group: Optional[Group]
    streams: Dict[int, str]

    def end_fd(self) -> Optional[int]:
        """What becomes readable when it has ended; None where the system has no such thing."""

    def poll(self) -> Optional[int]:
        """Its exit code, or a signal's number negative; None while it runs."""

    def wait(self) -> int:
        """`poll` when it has ended."""

    def close(self) -> None:
        """Release what belongs to it, but not the pipes."""


class Spawned:
    """A child of this process."""

    def __init__(self, pid: int, streams: Dict[int, str], group: Optional[Group]) -> None:
        self.pid = pid
        self.streams = streams
        self.group = group
        self._pidfd: Optional[int] = None
        self._status: Optional[int] = None
        self._lock = threading.Lock()
        opener = getattr(os, "pidfd_open", None)
        if opener is not None:
            try:
                self._pidfd = opener(pid)
            except OSError:
                self._pidfd = None

    def end_fd(self) -> Optional[int]:
        return self._pidfd

    def poll(self) -> Optional[int]:
        if self._status is None and self._lock.acquire(False):  # else another thread waits, and will know
            try:
                self._reap(os.WNOHANG)
            finally:
                self._lock.release()
        return self._status

    def wait(self) -> int:
        with self._lock:
            self._reap(0)
        assert self._status is not None
        return self._status

    def _reap(self, options: int) -> None:
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, options)
            except ChildProcessError:
                # Somebody else in this process waited for it; how it ended is not known.
                self._status = 255
            else:
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)


def spawn(
    argv: Sequence[str],
    env: Dict[str, str],
    cwd: str,
    pass_fds: Tuple[int, ...] = (),
    group: Optional[Group] = None,
) -> Spawned:
    """Start a program. `env` is its whole environment; `group` what it enters by itself. Raises StartError."""
    prepare()
    enters = group is not None
    if group is None:
        group = groups.take()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    started = False
    try:
        pid = _spawn(argv, env, out_write, err_write) if not pass_fds and _is_here(cwd) else None
        if pid is None:
            pid = start(argv, env, cwd, out_write, err_write, pass_fds)
        started = True
    except OSError as error:
        raise StartError(_message(argv[0], cwd, error)) from None
    except ValueError as error:
        raise StartError("%s cannot be started: %s" % (argv[0], error)) from None
    finally:
        os.close(out_write)
        os.close(err_write)
        if not started:
            os.close(out_read)
            os.close(err_read)
            if group is not None:
                groups.give_back(group)
    if group is not None and not enters:
        with contextlib.suppress(OSError):  # it has ended already
            group.enter(pid)
    return Spawned(pid, {out_read: "stdout", err_read: "stderr"}, group)


def prepare() -> None:
    """What must be there before the first child."""
    groups.open(engine_mark())
    pid = guard.start(groups.root, groups.bounds)
    if pid is not None:
        groups.probe(pid)
        if groups.root is None or _limited():
            import resource  # noqa: F401 (there must be no wait for it between a start and its limit)


def _is_here(cwd: str) -> bool:
    try:
        return os.path.samestat(os.stat(cwd), os.stat("."))
    except OSError:
        return False


def _spawn(argv: Sequence[str], env: Dict[str, str], out: int, err: int) -> Optional[int]:
    """Start a program in this process's working folder; None where the system cannot do it this way."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, err, 2),
        *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inherited()),
    ]
    program = find(argv[0], env)
    try:
        pid = os.posix_spawn(program, list(argv), env, file_actions=actions, setsid=True, setsigdef=_SIGNALS)
    except (NotImplementedError, AttributeError):
        return None
    hold(pid)
    return pid


#: What Python ignores, and a program must not.
_SIGNALS = [number for number in (getattr(signal, name, None) for name in ("SIGPIPE", "SIGXFSZ")) if number]


def start(
    argv: Sequence[str], env: Dict[str, str], cwd: str, out: int, err: int, pass_fds: Tuple[int, ...]
) -> int:
    """Start a program in a session of its own; its process number, which the caller waits for. Raises OSError."""
    import subprocess

    child = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        env=env,
        cwd=cwd,
        start_new_session=True,
        pass_fds=pass_fds,
    )
    child.returncode = 0  # it is waited for here, and not by its `__del__`
    hold(child.pid)
    return child.pid


_found: Dict[Tuple[str, Optional[str]], str] = {}


def find(program: str, env: Dict[str, str]) -> str:
    """Where a program is on the PATH of `env`. Raises OSError."""
    if os.sep in program:
        return program
    key = (program, env.get("PATH"))
    known = _found.get(key)
    if known is not None and os.access(known, os.X_OK):
        return known
    denied = False
    for folder in os.get_exec_path(env):
        path = os.path.join(folder, program)
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                if os.path.isabs(folder):
                    _found[key] = path
                return path
            denied = True
    raise OSError(errno.EACCES if denied else errno.ENOENT, "")


_inherited_fds: Optional[List[int]] = None


def _inherited() -> List[int]:
    """The descriptors that this process was started with and that are none of a stage's business."""
    global _inherited_fds
    if _inherited_fds is None:
        found = []
        try:
            for name in os.listdir("/proc/self/fd"):
                try:
                    if int(name) > 2 and os.get_inheritable(int(name)):
                        found.append(int(name))
                except OSError:
                    continue
        except OSError:
            pass
        _inherited_fds = found
    return _inherited_fds


def _limited() -> bool:
    """Whether a limit of processes must be set on the child itself: no group does it, and root is above it."""
    return os.geteuid() != 0 and not groups.bounded


def hold(pid: int) -> None:
    """Brand a child, and bound what it may fork, where no control group does."""
    if groups.root is None:
        brand(pid)
    if _limited():
        limit_processes(pid)


def limit_processes(pid: int) -> None:
    """Let a child's user have so many more processes than there are now: a fork bomb ends there."""
    import resource

    if not hasattr(resource, "prlimit"):
        return
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            now = int(file.read().split()[3].partition("/")[2])
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        most = now + process_limit()
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.prlimit(pid, resource.RLIMIT_NPROC, (most, most))
    except (OSError, ValueError, IndexError):
        return


def _message(program: str, cwd: str, error: OSError) -> str:
    if not os.path.isdir(cwd):
        return "the working folder %s does not exist" % cwd
    if error.errno == errno.ENOENT:
        return "%s is not installed here, or not on PATH; install it or name another `shell`" % program
    if error.errno == errno.EACCES:
        return "%s may not be executed; check its permissions" % program
    if error.errno == errno.E2BIG:
        return "the environment is too large for %s to start; pass large values through files" % program
    if error.errno == errno.EAGAIN:
        return (
            "%s cannot be started: this user may have no more processes; end some, or raise `ulimit -u`"
            % program
        )
    return "%s cannot be started: %s" % (program, error.strerror or error)
