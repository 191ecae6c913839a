"""SIGINT, SIGTERM and SIGHUP while a run runs: the first lets it come to a graceful end, the second kills.

A handler does nothing but put a message into the scheduler's inbox. SIGHUP is a closed terminal: what runs is in
sessions of its own and would be left behind. Where it is ignored, as under `nohup`, it stays so.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from jobc.engine.control import Control

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """A context manager, for the main thread (elsewhere it does nothing). `first` is the signal that came first."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._before: dict[signal.Signals, Any] = {}
        self.first: int | None = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                    continue
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.first is None:
            self.first = number
            self._control.cancel(f"interrupted by {signal.Signals(number).name}")
        else:
            self._control.kill()
