"""SIGINT, SIGTERM and SIGHUP while a run runs: the first lets it come to a graceful end, the second kills.

A handler does nothing but put a message into the scheduler's inbox. SIGHUP is a closed terminal: what runs is in
sessions of its own and would be left behind. A signal that is ignored when the run begins stays so: SIGHUP under
`nohup`, SIGINT in a script's background job, which a Ctrl-C in the terminal is not meant for.

A signal that comes between the interpreter's last look for signals and the scheduler's going to sleep would only be seen when
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
from types import FrameType
from typing import Any

from jobc.engine.control import Control

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Seconds within which a SIGTERM that comes again is the same one.
TOGETHER = 0.1


class Interrupts:
    """A context manager, for the main thread (elsewhere it does nothing). `first` is the signal that came first."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._before: dict[signal.Signals, Any] = {}
        self.first: int | None = None
        self._at = 0.0
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
        if self.first is None:
            self.first, self._at = number, time.monotonic()
            self._control.cancel(f"interrupted by {signal.Signals(number).name}")
        elif not self._same(number):
            self._control.kill()

    def _same(self, number: int) -> bool:
        """Whether this is the first signal once more, rather than a second one."""
        if number != self.first:
            return False
        return number == signal.SIGHUP or (
            number == signal.SIGTERM and time.monotonic() - self._at < TOGETHER
        )
