"""Starting supervisors, and hearing of their ends whether or not this process started them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from jobc.runner.folders import TaskFolder

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervisor.py")
#: What asks a supervisor to end its task, and what makes it end it at once.
CANCEL, KILL = signal.SIGTERM, signal.SIGQUIT


class Supervisor:
    """A supervisor that lives, by a descriptor that never means another process."""

    __slots__ = ("_fd", "_loop", "pid")

    def __init__(self, pid: int, ended: Callable[[], None]) -> None:
        """Raises ProcessLookupError where there is no such process any more. `ended` is called once, in the loop."""
        self.pid = pid
        self._loop = asyncio.get_running_loop()
        self._fd = os.pidfd_open(pid)

        def gone() -> None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(ChildProcessError):  # a server before this one may have started it
                os.waitpid(pid, os.WNOHANG)
            ended()

        self._loop.add_reader(self._fd, gone)

    def send(self, number: signal.Signals) -> None:
        if self._fd >= 0:
            with contextlib.suppress(ProcessLookupError):  # it may end just now
                signal.pidfd_send_signal(self._fd, number)

    def leave(self) -> None:
        """Listen no more; the supervisor goes on."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


def start(folder: TaskFolder, spec_path: str, hold: int) -> int:
    """Start the supervisor of a task; its process number. `hold` is the descriptor of `folder.hold()`, and is closed.

    Raises OSError.
    """
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", _SCRIPT, spec_path],
            {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (
                    os.POSIX_SPAWN_OPEN,
                    2,
                    os.path.join(folder.path, "supervisor.err"),
                    os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                    0o600,
                ),
                (os.POSIX_SPAWN_DUP2, hold, 3),
            ],
            setsid=True,
            setsigmask=[CANCEL, KILL],
        )
    finally:
        os.close(hold)
