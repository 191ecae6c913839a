"""No container of a docker stage is left behind: when the process that runs it dies without a word, the guard removes it.

The guard is a process of its own that waits at the end of a pipe whose other end only that process holds. It is told the names
of the containers, one JSON object a line; when the pipe closes without the word `end`, it removes those that are left. The Docker
library is imported only then.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

from jobc.interpreter.guard import package_root

#: Seconds between the two looks at what is left: a request of the dead process may still be under way.
AGAIN = 1.0

_BOOT = (
    "import sys; sys.path[:] = sys.argv[1].split('\\n'); from jobc.backends.docker.guard import main; main()"
)


class Guard:
    """Started with the first container; it is told what runs on which daemon, and what has gone."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def add(self, name: str, host: str) -> None:
        self._tell({"add": name, "host": host})

    def remove(self, name: str) -> None:
        self._tell({"remove": name})

    def _tell(self, words: dict[str, str]) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._owner != os.getpid():
                self._start()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.write(json.dumps(words).encode() + b"\n")
                self._process.stdin.flush()

    def _start(self) -> None:
        self._owner = os.getpid()
        path = [package_root(), *(folder for folder in sys.path if folder)]
        kept = ("DOCKER_", "SSH_", "XDG_")
        env = {
            name: value
            for name, value in os.environ.items()
            if name in ("PATH", "HOME", "LD_LIBRARY_PATH", "USER") or name.startswith(kept)
        }
        self._process = subprocess.Popen(
            [sys.executable or "python3", "-I", "-S", "-c", _BOOT, "\n".join(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=env,
            start_new_session=True,
        )
        atexit.register(self.end)

    def end(self) -> None:
        """Let the guard go: this process ends as it should."""
        with self._lock:
            process, self._process = self._process, None
            if process is None or process.stdin is None or self._owner != os.getpid():
                return
            self._owner = 0
            with contextlib.suppress(OSError):
                process.stdin.write(b"end\n")
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2.0)


def main() -> None:
    """The guard's own process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    left: dict[str, str] = {}
    for line in sys.stdin.buffer:
        if line == b"end\n":
            return
        with contextlib.suppress(ValueError):  # the process died while it wrote it
            words = json.loads(line)
            if "add" in words:
                left[words["add"]] = words["host"]
            else:
                left.pop(words["remove"], None)
    if left:
        _remove(left)
        time.sleep(AGAIN)
        _remove(left)


def _remove(left: dict[str, str]) -> None:
    from jobc.backends.api import BackendError
    from jobc.backends.docker import container as containers
    from jobc.backends.docker.client import connect

    for host in sorted(set(left.values())):
        with contextlib.suppress(BackendError):
            client = connect(host).client
            for name in [name for name, where in left.items() if where == host]:
                found = containers.find(client, name)
                if found is not None:
                    containers.remove(found)
