"""SIGINT, SIGTERM and SIGHUP while a run runs: the first lets it come to a graceful end, the second kills.

A handler does nothing but put a message into the scheduler's inbox. SIGHUP is a closed terminal: what runs is in
sessions of its own and would be left behind. A signal that is ignored when the run begins stays so: SIGHUP under
`nohup`, SIGINT in a script's background job, which a Ctrl-C in the terminal is not meant for.

When the run has ended (`run_ended`), others still have something to do: hooks, traces, whoever reads the results. From then
on the first signal shortens what is waited for to `HURRY` seconds and has it said, the second ends it. One that the run
did not hear, because it ended at that moment, is the first.

A signal that comes between the interpreter's last look for signals and the main thread's going to sleep would only be seen when
something else wakes it. So each signal also writes to a pipe (`set_wakeup_fd`), and a thread that reads it puts a message that
means nothing into the inbox: whoever sleeps there wakes, and the handler runs.

One cause may send a signal twice: `timeout` to its child and to its child's group, a closing terminal from the kernel and
from the shell. So a second SIGTERM counts only if it does not come at once, and a second SIGHUP never.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty
from types import FrameType
from typing import Any

from jobc.engine.control import Control

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Seconds within which a SIGTERM that comes again is the same one.
TOGETHER = 0.1
#: Seconds that what follows a run still has after a signal.
HURRY = 3.0


class Interrupts:
    """A context manager, for the main thread (elsewhere it does nothing). `first` is the signal that came first.

    `ended_by` is the signal that the run heard, `cut_by` the one that ended the wait for what follows it.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._before: dict[signal.Signals, Any] = {}
        self.first: int | None = None
        self.ended_by: int | None = None
        self.cut_by: int | None = None
        #: When each signal was last counted, and all that were, in order.
        self._at: dict[int, float] = {}
        self._heard: list[int] = []
        self._run_ended = False
        #: How many of those heard came after the run.
        self._late = 0
        self._until: float | None = None
        self._breaks = False
        self._pipe: tuple[int, int] | None = None
        self._waker: threading.Thread | None = None
        self._fd_before = -1

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._listen()
            for number in SIGNALS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._pipe is None or self._waker is None:
            return
        signal.set_wakeup_fd(self._fd_before)
        reader, writer = self._pipe
        os.close(writer)
        self._waker.join()
        os.close(reader)

    def _listen(self) -> None:
        reader, writer = self._pipe = os.pipe()
        os.set_blocking(writer, False)
        self._fd_before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

        def wake() -> None:
            while os.read(reader, 64):
                self._control.wake()

        self._waker = threading.Thread(target=wake, name="jobc-signals", daemon=True)
        self._waker.start()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._same(number, now):
            return
        self._at[number] = now
        self._heard.append(number)
        if self._run_ended:
            self._late += 1
            if self._breaks and self._late > 1:
                raise KeyboardInterrupt
        elif self.first is None:
            self.first = number
            self._control.cancel(_words(number))
        else:
            self._control.kill()

    def _same(self, number: int, now: float) -> bool:
        """Whether this is an earlier signal once more, rather than another one."""
        if number not in self._at:
            return False
        return number == signal.SIGHUP or (number == signal.SIGTERM and now - self._at[number] < TOGETHER)

    # After the run

    def run_ended(self) -> None:
        """Whoever ran the run no longer reads the control's inbox."""
        self._run_ended = True
        unheard = sum(
            kind == "kill" or (kind == "cancel" and self.first is not None and message == _words(self.first))
            for kind, message in self._control.unread()
        )
        self._late += unheard
        if self.first is not None and len(self._heard) > self._late:
            self.ended_by = self.first

    @contextmanager
    def results(self) -> Iterator[None]:
        """While results are written a second signal ends that: their reader may have stopped reading."""
        try:
            self._breaks = True
            yield
        except KeyboardInterrupt:
            self.cut_by = self._heard[-1] if self._heard else signal.SIGINT
        finally:
            self._breaks = False

    def wait(self, over: Callable[[], bool], seconds: float, tell: Callable[[float], None]) -> None:
        """Wait until `over()`, at most so long; whoever makes it so calls `Control.wake`.

        After a first signal `tell(seconds)` is called, and so many seconds are left to all waits together; after a second, none.
        """
        deadline = time.monotonic() + seconds
        told = False
        while not over():
            now = time.monotonic()
            if self._late > 1:
                self._until = now
            if self._late and self._until is None:
                self._until = now + HURRY
            end = deadline if self._until is None else min(deadline, self._until)
            if end <= now:
                if end < deadline:
                    self.cut_by = self._heard[-1]
                return
            if self._until is not None and not told:
                told = True
                tell(end - now)
            try:
                self._control.inbox.get(timeout=end - now)
            except Empty:
                continue


def _words(number: int) -> str:
    return f"interrupted by {signal.Signals(number).name}"
