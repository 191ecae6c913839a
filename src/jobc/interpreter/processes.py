"""One child process: its lines as they come, and an end that leaves nothing behind.

The child runs in a session of its own. One loop, in the caller's thread, waits on everything that can
happen: bytes on either pipe, the child's end (a pidfd where the system has them, else a thread that
waits), the cancellation (a byte on a pipe, written by a listener), and the next deadline. Nothing polls.

The end has three steps. On cancellation the whole tree gets SIGTERM and `grace` seconds; then SIGKILL.
When the child itself has ended, its output is read for `DRAIN` seconds more, for a background process may
still hold the pipe; then that process is killed.
What belongs to the tree is `process_tree`'s business.

A line goes out when its newline has come; a longer one than `LINE_BOUND` goes out in pieces, never cut
inside a character or a secret. The caller handles each line before more is read, so a flood waits in
the pipe, not in memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import threading
import time
from typing import Callable, Dict, Optional, Sequence, Tuple

from jobc.interpreter.api import Cancellation
from jobc.interpreter.masking import Masker
from jobc.interpreter.process_tree import COOKIE, group_alive, kill_tree, signal_tree

LINE_BOUND = 64 * 1024
CHUNK = 64 * 1024
#: How long a background process may go on writing after the child has ended, in seconds.
DRAIN = 0.5

LineSink = Callable[[str, str], None]


class StartError(Exception):
    """The program cannot be started; the message says why and what to do."""


class Exit:
    """How a process ended: `code` for an exit, `signal` for a death by signal; `cut` says that it was cancelled.

    `group` is its process group if something in it still runs, with `cookie` its mark.
    """

    __slots__ = ("code", "cookie", "cut", "group", "signal")

    def __init__(self, returncode: int, cut: bool, group: Optional[int], cookie: str) -> None:
        self.code: Optional[int] = returncode if returncode >= 0 else None
        self.signal: Optional[int] = -returncode if returncode < 0 else None
        self.cut = cut
        self.group = group
        self.cookie = cookie


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number


class Lines:
    """Bytes of one stream in, lines out."""

    __slots__ = ("_buffer", "_masker", "_sink", "_stream")

    def __init__(self, stream: str, masker: Masker, sink: LineSink) -> None:
        self._buffer = bytearray()
        self._masker = masker
        self._sink = sink
        self._stream = stream

    def feed(self, chunk: bytes) -> None:
        if b"\n" not in chunk:
            self._buffer += chunk
        else:
            head, _, rest = chunk.rpartition(b"\n")
            block = bytes(self._buffer) + head if self._buffer else head
            self._buffer = bytearray(rest)
            for line in block.split(b"\n"):
                self._line(line)
        room = LINE_BOUND + self._masker.reach
        if len(self._buffer) > room:
            self._buffer = bytearray(self._pieces(bytes(self._buffer), room))

    def end(self) -> None:
        if self._buffer:
            self._line(bytes(self._buffer))
            self._buffer.clear()

    def _line(self, line: bytes) -> None:
        if line.endswith(b"\r"):
            line = line[:-1]
        if len(line) > LINE_BOUND:
            line = self._pieces(line, LINE_BOUND)
        self._emit(line)

    def _pieces(self, data: bytes, room: int) -> bytes:
        """Emit the front of `data` until at most `room` bytes are left; gives those."""
        at = 0
        while len(data) - at > room:
            cut = at + LINE_BOUND
            while cut > at + 1 and cut < len(data) and data[cut] & 0xC0 == 0x80:
                cut -= 1
            cut = self._masker.safe_cut(data, at, cut)
            self._emit(data[at:cut])
            at = cut
        return data[at:]

    def _emit(self, data: bytes) -> None:
        self._sink(self._stream, self._masker.mask(data.decode("utf-8", "replace")))


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
) -> Exit:
    """Run a program to its end, giving its lines (masked) to `sink(stream, text)`.

    `env` is the whole environment, `grace` in seconds. Raises StartError where nothing could be started.
    """
    cookie = os.urandom(12).hex()
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env, **{COOKIE: cookie}),
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
            bufsize=0,
        )
    except OSError as error:
        raise StartError(_start_message(argv[0], cwd, error)) from None
    except ValueError as error:
        raise StartError("%s cannot be started: %s" % (argv[0], error)) from None
    with _Watch(child, cookie, cancellation, grace) as watch:
        return watch.run(masker, sink)


def _start_message(program: str, cwd: str, error: OSError) -> str:
    if not os.path.isdir(cwd):
        return "the working folder %s does not exist" % cwd
    if error.errno == errno.ENOENT:
        return "%s is not installed here, or not on PATH; install it or name another `shell`" % program
    if error.errno == errno.EACCES:
        return "%s may not be executed; check its permissions" % program
    if error.errno == errno.E2BIG:
        return "the environment is too large for %s to start; pass large values through files" % program
    return "%s cannot be started: %s" % (program, error.strerror or error)


class _Watch:
    """The loop over one child's life."""

    def __init__(
        self, child: "subprocess.Popen[bytes]", cookie: str, cancellation: Cancellation, grace: float
    ) -> None:
        self.child = child
        self.cookie = cookie
        self.cancellation = cancellation
        self.grace = grace
        self.selector = selectors.DefaultSelector()
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        self.selector.register(self.wake_read, selectors.EVENT_READ, None)
        self.closing = threading.Lock()
        self.closed = False
        self.pidfd: Optional[int] = None
        self.deadline: Optional[float] = None
        self.cut = False
        self.killed = False

    def __enter__(self) -> "_Watch":
        opener = getattr(os, "pidfd_open", None)
        if opener is not None:
            try:
                self.pidfd = opener(self.child.pid)
            except OSError:
                self.pidfd = None
        if self.pidfd is not None:
            self.selector.register(self.pidfd, selectors.EVENT_READ, None)
        else:
            threading.Thread(target=self._await_end, daemon=True).start()
        self.cancellation.listen(self._wake)
        return self

    def __exit__(self, *_: object) -> None:
        self.cancellation.unlisten(self._wake)
        if self.child.returncode is None:
            kill_tree(self.child.pid, self.cookie)
            self.child.wait()
        self.selector.close()
        with self.closing:
            self.closed = True
            os.close(self.wake_read)
            os.close(self.wake_write)
        if self.pidfd is not None:
            os.close(self.pidfd)
        for pipe in (self.child.stdout, self.child.stderr):
            if pipe is not None:
                pipe.close()

    def _await_end(self) -> None:
        self.child.wait()
        self._wake()

    def _wake(self) -> None:
        with self.closing:
            if not self.closed:
                with contextlib.suppress(BlockingIOError):
                    os.write(self.wake_write, b"x")

    def run(self, masker: Masker, sink: LineSink) -> Exit:
        assert self.child.stdout is not None
        assert self.child.stderr is not None
        streams: Dict[int, Lines] = {}
        for name, pipe in (("stdout", self.child.stdout), ("stderr", self.child.stderr)):
            streams[pipe.fileno()] = Lines(name, masker, sink)
            self.selector.register(pipe.fileno(), selectors.EVENT_READ, None)
        everything = list(streams.values())
        ended = False
        while True:
            self._heed_cancellation(ended)
            if not ended and self.child.poll() is not None:
                ended = True
                if self.pidfd is not None:
                    self.selector.unregister(self.pidfd)
                if not self.cut or self.deadline is None:
                    self.deadline = time.monotonic() + DRAIN
            if ended and not streams:
                break
            now = time.monotonic()
            if self.deadline is not None and now >= self.deadline:
                if self.killed and ended:
                    break
                kill_tree(self.child.pid, self.cookie)
                self.killed = True
                self.deadline = now + DRAIN
            wait = None if self.deadline is None else max(0.0, self.deadline - now)
            for key, _ in self.selector.select(wait):
                fd = key.fd
                if fd == self.wake_read:
                    _drain(fd)
                elif fd in streams:
                    chunk = os.read(fd, CHUNK)
                    if chunk:
                        streams[fd].feed(chunk)
                    else:
                        self.selector.unregister(fd)
                        del streams[fd]
        for lines in everything:
            lines.end()
        left = group_alive(self.child.pid)
        if self.cut:
            kill_tree(self.child.pid, self.cookie)
            left = False
        returncode = self.child.returncode
        assert returncode is not None
        return Exit(returncode, self.cut, self.child.pid if left else None, self.cookie)

    def _heed_cancellation(self, ended: bool) -> None:
        if not self.cancellation.thrown:
            return
        now = time.monotonic()
        if ended and not self.cut:
            if not self.killed:
                self.deadline = now
            return
        if not self.cut:
            self.cut = True
            if not self.cancellation.killed and self.grace > 0:
                signal_tree(self.child.pid, self.cookie, signal.SIGTERM)
                self.deadline = now + self.grace
        if not self.killed and (self.cancellation.killed or self.grace <= 0):
            self.deadline = now


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 512):
            pass
    except BlockingIOError:
        pass
