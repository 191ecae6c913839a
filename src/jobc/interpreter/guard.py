"""Nothing is orphaned: when the process that runs jobc dies without a word, what it started dies too.

Beside the first child a guard is started, a shell that does nothing but wait at the end of a pipe whose other end only
this process holds. An orderly end writes `end` into it, and the guard is gone. Where the pipe closes without
that word, by SIGKILL say, or because the process ends while something that it started still runs (`running`), the shell becomes a Python that kills everything with this process's mark (control group,
cookie, session, ancestry, brand) and removes its folder for
temporary files. Waiting costs a shell's half megabyte, and
starting it less than a millisecond.

In a session of its own the guard outlives a closed terminal and a signal to the process group. Where there is no
/proc there is no guard: sessions of their own are all that is known of orphans there.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
from typing import List, Optional, Set

from jobc.interpreter.process_tree import branded, engine_mark, kill_pids, members

_WAIT = (
    'trap \'\' HUP INT QUIT TERM; while IFS= read -r word; do [ "$word" = end ] && exit 0; done; exec "$@"'
)
#: How long the guard goes on looking for what is left, in seconds.
_LONGEST = 10.0

#: What is watched of this process's children; each adds and removes itself.
running: Set[object] = set()
_lock = threading.Lock()
_owner = 0
_pipe = -1
_pid = 0


def start(group: Optional[str], bound: Optional[str]) -> Optional[int]:
    """Start the guard of this process, once; its process number. `group`, `bound`: where its control groups are (`cgroups`).

    A machine without a shell or a Python runs without a guard.
    """
    global _owner, _pipe, _pid
    if _owner == os.getpid() or not os.path.isdir("/proc/self"):
        return None
    with _lock:
        if _owner == os.getpid():
            return None
        _owner = os.getpid()
        reading, writing = os.pipe()
        boot = "import sys; sys.path.insert(0, sys.argv[1]); from jobc.interpreter.guard import main; main(*sys.argv[2:])"
        argv = ["sh", "-c", _WAIT, "jobc-guard", sys.executable or "python3", "-I", "-S", "-c", boot]
        argv += [package_root(), engine_mark(), group or "", bound or ""]
        env = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            actions = [
                (os.POSIX_SPAWN_DUP2, reading, 0),
                (os.POSIX_SPAWN_DUP2, null, 1),
                (os.POSIX_SPAWN_DUP2, null, 2),
            ]
            _pid = os.posix_spawn("/bin/sh", argv, env, file_actions=actions, setsid=True)
            _pipe = writing
            atexit.register(stop)
            return _pid
        except (OSError, NotImplementedError, AttributeError):
            os.close(writing)
            return None
        finally:
            os.close(reading)
            os.close(null)


def stop() -> None:
    """Let the guard go: this process ends. As it should, if nothing is left that it watches; else the guard ends that."""
    global _owner, _pipe
    with _lock:
        if _owner != os.getpid() or _pipe < 0:
            return
        with contextlib.suppress(OSError):
            if not running:
                os.write(_pipe, b"end\n")
        os.close(_pipe)
        _owner, _pipe = 0, -1
        with contextlib.suppress(ChildProcessError):
            os.waitpid(_pid, os.WNOHANG)


def main(mark: str, group: str, bound: str) -> None:
    """The guard after the death of the process that it stands for."""
    from jobc.interpreter.cgroups import Group

    until = time.monotonic() + _LONGEST
    if group:
        Group(group).kill()
    while time.monotonic() < until:
        found: List[int] = sorted({*members(mark, set()), *branded(mark)})
        if group:
            found = sorted({*found, *Group(group).pids()} - {os.getpid()})
        if not found:
            break
        kill_pids(found, signal.SIGKILL)
        time.sleep(0.005)
    while group and any(map(os.path.isdir, (group, bound))) and time.monotonic() < until:
        Group(group, bound or None).remove()  # refused while one of the killed is not gone altogether
        time.sleep(0.005)
    import tempfile

    from jobc.interpreter.scratch import sweep

    sweep(tempfile.gettempdir())


def package_root() -> str:
    """The folder or zip file that holds the `jobc` package."""
    root = os.path.abspath(__file__)
    for _ in range(3):
        root = os.path.dirname(root)
    return root
