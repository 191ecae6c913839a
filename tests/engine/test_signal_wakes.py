"""A signal is never lost, wherever it comes."""

from __future__ import annotations

import os
import signal
import threading

from jobc.engine.control import Control
from jobc.engine.signals import Interrupts


def test_a_signal_wakes_whoever_sleeps_at_the_inbox_even_if_its_handler_ran_elsewhere() -> None:
    control = Control()
    with Interrupts(control) as interrupts:
        signal.raise_signal(signal.SIGTERM)
        kinds = {control.inbox.get(timeout=10)[0], control.inbox.get(timeout=10)[0]}
    assert kinds == {"cancel", "wake"}
    assert interrupts.first == signal.SIGTERM


def test_nothing_is_left_behind() -> None:
    threads, files = (
        threading.active_count(),
        os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else [],
    )
    for _ in range(3):
        with Interrupts(Control()):
            pass
    assert threading.active_count() == threads
    if files:
        assert len(os.listdir("/proc/self/fd")) == len(files)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
