"""One child process: its lines as they come, and an end that leaves nothing behind.

The child runs in a session of its own, and in a control group of its own where there are any. One loop, in the caller's
thread, waits on everything that can happen: bytes on either pipe, the child's end (a pidfd where the system has
them, else a thread that waits), the cancellation (a byte on a pipe, written by a listener), and the next deadline,
on the monotonic clock. Nothing polls.

On cancellation the whole tree gets SIGTERM and `grace` seconds; then SIGKILL. What belongs to the tree is
`process_tree`'s business. When the child itself has ended, its output is read for `DRAIN` seconds more; a background process that
still holds the pipe then is a leftover: it lives on, its output is read on, until `background` ends it with the job.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from typing import Dict, Optional, Sequence, Tuple

from jobc.interpreter import guard
from jobc.interpreter.api import Cancellation
from jobc.interpreter.background import Leftover
from jobc.interpreter.census import census
from jobc.interpreter.cgroups import Group, groups
from jobc.interpreter.lines import LIMIT, LineSink, Output
from jobc.interpreter.masking import Masker
from jobc.interpreter.process_tree import COOKIE, group_alive, kill_tree, new_cookie, new_family, signal_tree
from jobc.interpreter.spawning import Child, StartError, spawn

__all__ = ["DRAIN", "Exit", "LineSink", "StartError", "run_process", "signal_name", "watch"]

CHUNK = 64 * 1024
#: How long the output of a child that has ended is waited for, in seconds.
DRAIN = 0.5


class Exit:
    """How a process ended: `code` for an exit, `signal` for a death by signal; `cut` says that it was cancelled.

    `left` is what it left running in the background; `refused` says that it wanted more processes than it may have.
    """

    __slots__ = ("code", "cut", "left", "refused", "signal")

    def __init__(self, returncode: int, cut: bool, left: Optional[Leftover], refused: bool = False) -> None:
        self.code: Optional[int] = returncode if returncode >= 0 else None
        self.signal: Optional[int] = -returncode if returncode < 0 else None
        self.cut = cut
        self.left = left
        self.refused = refused


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


def run_process(
    argv: Sequence[str],
    *,
    env: Dict[str, str],
    cwd: str,
    cancellation: Cancellation,
    grace: float,
    masker: Masker,
    sink: LineSink,
    pass_fds: Tuple[int, ...] = (),
    family: str = "",
    limit: int = LIMIT,
    group: Optional[Group] = None,
) -> Exit:
    """Run a program to its end, giving its lines (masked) to `sink` (`lines.LineSink`).

    `env` is the whole environment, `grace` in seconds; `family` begins the cookie (`process_tree`); of more than
    `limit` bytes of output the middle is dropped; `group` is what the program enters by itself. Raises StartError
    where nothing could be started.
    """
    cookie = new_cookie(family or new_family())
    child = spawn(argv, dict(env, **{COOKIE: env.get(COOKIE, "") + cookie}), cwd, pass_fds, group)
    if family and groups.root is None:
        census.begin(family)
    return watch(child, cookie, cancellation, grace, Output(masker, sink, limit))


def watch(child: Child, cookie: str, cancellation: Cancellation, grace: float, output: Output) -> Exit:
    """See a child to its end."""
    with _Watch(child, cookie, cancellation, grace, output) as loop:
        return loop.run()


class _Waker:
    """A pipe that a thread waits at; one a thread, used by one watch after the other."""

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()
        os.set_blocking(self.reading, False)
        os.set_blocking(self._writing, False)

    def wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._writing, b"x")

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self.reading, 512):
                pass

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.reading)
            os.close(self._writing)


class _Wakers(threading.local):
    def __init__(self) -> None:
        self.waker = _Waker()


_wakers = _Wakers()


class _Watch:
    """The loop over one child's life."""

    def __init__(
        self, child: Child, cookie: str, cancellation: Cancellation, grace: float, output: Output
    ) -> None:
        self.child = child
        self.cookie = cookie
        self.cancellation = cancellation
        self.grace = grace
        self.output = output
        self.streams = dict(child.streams)
        self.returncode: Optional[int] = None
        self.deadline: Optional[float] = None
        self.cut = False
        self.killed = False
        self.waker = _wakers.waker
        self.poller = select.poll()

    def __enter__(self) -> "_Watch":
        guard.running.add(self)
        self.poller.register(self.waker.reading, select.POLLIN)
        for fd in self.streams:
            self.poller.register(fd, select.POLLIN)
        end = self.child.end_fd()
        if end is not None:
            self.poller.register(end, select.POLLIN)
        else:
            threading.Thread(target=self._await_end, daemon=True).start()
        self.cancellation.listen(self.waker.wake)
        return self

    def __exit__(self, *_: object) -> None:
        self.cancellation.unlisten(self.waker.wake)
        if self.returncode is None:
            self._kill()
            self.child.wait()
        self.child.close()
        for fd in self.streams:
            os.close(fd)
        guard.running.discard(self)

    def _await_end(self) -> None:
        self.child.wait()
        self.waker.wake()

    def run(self) -> Exit:
        while True:
            if self.cancellation.thrown:
                self._heed_cancellation()
            if self.returncode is None:
                self.returncode = self.child.poll()
                if self.returncode is not None:
                    self._ended()
            if self.returncode is not None and not self.streams:
                break
            now = time.monotonic()
            if self.deadline is not None and now >= self.deadline:
                if self.returncode is not None and (self.killed or not self.cancellation.thrown):
                    break
                self._kill()
                self.killed = True
                self.deadline = now + DRAIN
            self._wait(None if self.deadline is None else self.deadline - now)
        return self._exit()

    def _ended(self) -> None:
        end = self.child.end_fd()
        if end is not None:
            self.poller.unregister(end)
        if self.streams and (not self.cut or self.deadline is None):
            self.deadline = time.monotonic() + DRAIN

    def _wait(self, seconds: Optional[float]) -> None:
        milliseconds = None if seconds is None else max(0, int(seconds * 1000) + 1)
        for fd, _ in self.poller.poll(milliseconds):
            if fd == self.waker.reading:
                self.waker.drain()
            elif fd in self.streams:
                chunk = os.read(fd, CHUNK)
                if chunk:
                    self.output.feed(self.streams[fd], chunk)
                else:
                    self.poller.unregister(fd)
                    del self.streams[fd]
                    os.close(fd)

    def _exit(self) -> Exit:
        returncode, group = self.returncode, self.child.group
        assert returncode is not None
        refused = group is not None and returncode != 0 and group.refused()
        left: Optional[Leftover] = None
        if self.cut:
            self._kill()
        elif self.streams or (group is not None and group.populated()) or group_alive(self.child.pid):
            left = Leftover(self.child.pid, self.cookie, group, self.output, self.streams)
            self.streams = {}
        if left is None:
            self.output.end()
            if group is not None:
                groups.give_back(group)
        return Exit(returncode, self.cut, left, refused)

    def _kill(self) -> None:
        kill_tree(self.child.pid, self.cookie, self.child.group)

    def _heed_cancellation(self) -> None:
        now = time.monotonic()
        if self.returncode is not None and not self.cut:
            if not self.killed:
                self.deadline = now
            return
        if not self.cut:
            self.cut = True
            if not self.cancellation.killed and self.grace > 0:
                signal_tree(self.child.pid, self.cookie, signal.SIGTERM, self.child.group)
                self.deadline = now + self.grace
        if not self.killed and (self.cancellation.killed or self.grace <= 0):
            self.deadline = now
