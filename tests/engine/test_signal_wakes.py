"""A signal is never lost, wherever it comes."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from jobc.engine import signals
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


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "HURRY", 1000.0)


def wait(interrupts: Interrupts, told: list[float]) -> None:
    end = time.monotonic() + 60
    interrupts.wait(lambda: time.monotonic() > end, 1000.0, told.append)
    assert time.monotonic() < end, "no signal ended it"


def test_one_that_the_run_did_not_hear_is_the_first_of_what_follows(patient: None) -> None:
    told: list[float] = []
    with Interrupts(Control()) as interrupts:
        signal.raise_signal(signal.SIGINT)
        interrupts.run_ended()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        wait(interrupts, told)
    assert len(told) == 1
    assert (interrupts.ended_by, interrupts.cut_by) == (None, signal.SIGINT)


def test_one_that_the_run_heard_does_not_shorten_what_follows(patient: None) -> None:
    told: list[float] = []
    control = Control()
    with Interrupts(control) as interrupts:
        signal.raise_signal(signal.SIGTERM)
        while control.inbox.get(timeout=10)[0] != "cancel":
            pass
        interrupts.run_ended()
        interrupts.wait(lambda: False, 0.05, told.append)
        assert (told, interrupts.ended_by, interrupts.cut_by) == ([], signal.SIGTERM, None)
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
        wait(interrupts, told)
    assert interrupts.cut_by == signal.SIGINT


def test_two_that_the_run_did_not_hear_leave_no_time(patient: None) -> None:
    told: list[float] = []
    with Interrupts(Control()) as interrupts:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        interrupts.run_ended()
        wait(interrupts, told)
    assert not told
    assert interrupts.cut_by == signal.SIGINT


def test_what_is_through_in_time_is_not_cut(patient: None) -> None:
    told: list[float] = []
    control, through = Control(), threading.Event()
    with Interrupts(control) as interrupts:
        interrupts.run_ended()
        signal.raise_signal(signal.SIGINT)

        def deliver() -> None:
            through.set()
            control.wake()

        threading.Timer(0.05, deliver).start()
        interrupts.wait(through.is_set, 1000.0, told.append)
    assert len(told) == 1
    assert interrupts.cut_by is None
