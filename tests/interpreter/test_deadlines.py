"""Deadlines: in order, once, and not after they were taken back."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from jobc.interpreter.deadlines import Deadlines


def test_they_come_in_the_order_of_their_instants() -> None:
    deadlines, seen, done = Deadlines(), [], threading.Event()
    for seconds in (0.09, 0.01, 0.05):
        deadlines.after(seconds, lambda seconds=seconds: seen.append(seconds))  # type: ignore[misc]
    deadlines.after(0.1, done.set)
    assert done.wait(30)
    assert seen == [0.01, 0.05, 0.09]


def test_one_that_was_taken_back_does_not_come() -> None:
    deadlines, seen, done = Deadlines(), [], threading.Event()
    kept = [deadlines.after(0.05, lambda n=n: seen.append(n)) for n in range(300)]  # type: ignore[misc]
    for deadline in kept[1:]:
        deadlines.cancel(deadline)
        deadlines.cancel(deadline)
    deadlines.after(0.06, done.set)
    assert done.wait(30)
    assert seen == [0]


def test_a_limit_of_a_thousand_years_is_one() -> None:
    deadlines, done = Deadlines(), threading.Event()
    deadlines.after(3e10, done.set)
    deadlines.after(0.01, done.set)
    assert done.wait(30)


def test_all_of_them_have_one_thread() -> None:
    deadlines = Deadlines()
    before = threading.active_count()
    for _ in range(1000):
        deadlines.after(1000.0, lambda: None)
    assert threading.active_count() == before + 1


def test_a_forked_process_has_its_own() -> None:
    deadlines = Deadlines()
    deadlines.after(1000.0, lambda: None)
    pid = os.fork()
    if pid == 0:
        deadlines.after(0.01, lambda: os._exit(7))
        time.sleep(60)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_stage_with_a_timeout_costs_no_thread(build: Any, run: Any) -> None:
    threads: set[str] = set()
    run.host.on_event = lambda event: threads.update(each.name for each in threading.enumerate())
    stages = [build.empty("fine", timeout=1000) for _ in range(3)]
    assert run(build.job(*stages)).status == "success"
    assert not [name for name in threads if name.startswith("Thread-")]
    assert "jobc-deadlines" in threads
