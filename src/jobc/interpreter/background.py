"""What stages leave running, and its end.

A stage may start a server for the stages after it (`server &`): a process that outlives its stage lives until its job's
combination ends, whether it holds the stage's output or not, and what it writes goes into that stage's log. Then it
gets SIGTERM, `PATIENCE` seconds at most, and SIGKILL, and the log says so. What an attempt that failed left running
ends with it, so that the next one finds its port free. Nothing outlives its job; a service that must is a service
manager's business.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import Callable, Dict, List, Optional

from jobc.interpreter import guard
from jobc.interpreter.census import census
from jobc.interpreter.cgroups import Group, groups
from jobc.interpreter.lines import Output
from jobc.interpreter.process_tree import environ, kill_all, kill_pids, kill_tree, members, reap, stat, tree

#: The most that a background process has between SIGTERM and SIGKILL, in seconds.
PATIENCE = 2.0
_CHUNK = 64 * 1024
_SHOWN = 80

#: Takes the path of a stage and a line for its log.
Say = Callable[[str, str], None]


class Leftover:
    """What one child left running. Reads on what its streams still give."""

    def __init__(
        self, root: int, cookie: str, group: Optional[Group], output: Output, streams: Dict[int, str]
    ) -> None:
        self.root = root
        self.cookie = cookie
        self.group = group
        self._output = output
        self._streams = streams
        self._thread: Optional[threading.Thread] = None
        self._wake = -1
        guard.running.add(self)
        if streams:
            reading, self._wake = os.pipe()
            self._thread = threading.Thread(target=self._read, args=(reading,), daemon=True)
            self._thread.start()

    def _read(self, wake: int) -> None:
        poller = select.poll()
        for fd in (wake, *self._streams):
            poller.register(fd, select.POLLIN)
        open_streams = dict(self._streams)
        stopping = False
        while open_streams:
            ready = [fd for fd, _ in poller.poll(0 if stopping else None)]
            for fd in ready:
                if fd == wake:
                    stopping = True
                    poller.unregister(wake)
                    continue
                chunk = os.read(fd, _CHUNK)
                if chunk:
                    self._output.feed(open_streams[fd], chunk)
                else:
                    poller.unregister(fd)
                    del open_streams[fd]
            if stopping and not ready:
                break
        os.close(wake)

    def pids(self) -> List[int]:
        inside = self.group.pids() if self.group is not None else []
        return sorted({*inside, *tree(self.root, self.cookie)})

    def end(self) -> None:
        """Kill what is left of it and read the last of its output."""
        kill_tree(self.root, self.cookie, self.group)
        if self._thread is not None:
            with contextlib.suppress(OSError):
                os.write(self._wake, b"x")
            self._thread.join()
            os.close(self._wake)
        for fd in self._streams:
            os.close(fd)
        self._output.end()
        if self.group is not None:
            groups.give_back(self.group)
        guard.running.discard(self)


def end_background(family: str, leftovers: List[Leftover], grace: float, say: Say) -> None:
    """End all that the children of a family left running; `grace` in seconds."""
    strays = [] if groups.root is not None else census.strays(family)
    end_leftovers(leftovers, strays, grace, say)
    if strays:

        def once() -> List[int]:
            found = [pid for pid in {*members(family, set()), *strays} if _lives(pid)]
            kill_pids(found, signal.SIGKILL)
            return found

        kill_all(once)
        reap(strays)


def end_leftovers(leftovers: List[Leftover], strays: List[int], grace: float, say: Say) -> None:
    """End what some children left running, and further processes that were found to be theirs."""
    if not leftovers and not strays:
        return
    roots = {left.root for left in leftovers}
    living = sorted({pid for left in leftovers for pid in left.pids()} | set(strays))
    for pid in living:
        say(
            _of(pid, "JOBC_STAGE"),
            "ended %s (pid %d), which this stage had left running" % (_command(pid), pid),
        )
    kill_pids(living, signal.SIGTERM)
    _await(living, min(grace, PATIENCE))
    for left in leftovers:
        left.end()
    reap([pid for pid in living if pid not in roots])


def _lives(pid: int) -> bool:
    about = stat(pid)
    return about is not None and about.state not in b"ZX"


def _await(pids: List[int], seconds: float) -> None:
    """Return when all have ended, or when the time is over."""
    until = time.monotonic() + seconds
    opener = getattr(os, "pidfd_open", None)
    for pid in pids:
        left = until - time.monotonic()
        if left <= 0:
            return
        if opener is None:
            while _lives(pid) and time.monotonic() < until:
                time.sleep(0.01)
            continue
        with contextlib.suppress(OSError):
            fd = opener(pid)
            try:
                poller = select.poll()
                poller.register(fd, select.POLLIN)
                poller.poll(int(left * 1000) + 1)
            finally:
                os.close(fd)


def _of(pid: int, name: str) -> str:
    start = ("%s=" % name).encode()
    for entry in environ(pid).split(b"\0"):
        if entry.startswith(start):
            return entry[len(start) :].decode("utf-8", "replace")
    return ""


def _command(pid: int) -> str:
    """What a process is, without its arguments, which may hold a secret."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            name = file.read(4096).split(b"\0")[0].decode("utf-8", "replace")
    except OSError:
        name = ""
    return "`%s`" % os.path.basename(name)[:_SHOWN] if name else "a process"
