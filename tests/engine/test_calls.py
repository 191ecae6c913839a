from __future__ import annotations

import threading

from jobc.engine.calls import Calls

LONG = 60.0


def test_without_threads_a_call_is_made_at_once() -> None:
    made: list[threading.Thread] = []
    Calls("x", 0).do(lambda: made.append(threading.current_thread()))
    assert made == [threading.current_thread()]


def test_no_more_calls_at_once_than_the_bound_and_all_of_them_in_order() -> None:
    calls = Calls("x", 2)
    lock = threading.Lock()
    go = threading.Semaphore(0)
    running, most, made = 0, 0, []

    def call(number: int) -> None:
        nonlocal running, most
        with lock:
            made.append(number)
            running += 1
            most = max(most, running)
        assert go.acquire(timeout=LONG)
        with lock:
            running -= 1

    for number in range(10):
        calls.do(lambda number=number: call(number))  # type: ignore[misc]
    for _ in range(10):
        go.release()
    calls.close(LONG)
    assert (most, sorted(made)) == (2, list(range(10)))
    assert made[:2] in ([0, 1], [1, 0])


def test_a_call_is_not_kept_waiting_while_a_thread_could_be_had() -> None:
    calls = Calls("x", 2)
    both = threading.Barrier(2, timeout=LONG)
    for _ in range(2):
        calls.do(lambda: both.wait() and None)
    calls.close(LONG)
    assert not both.broken


def test_what_lasts_too_long_is_left_to_itself_when_it_is_closed() -> None:
    calls = Calls("x", 1)
    started, release = threading.Event(), threading.Event()
    made: list[int] = []

    def stuck() -> None:
        started.set()
        release.wait(LONG)

    calls.do(stuck)
    calls.do(lambda: made.append(1))
    assert started.wait(LONG)
    calls.close(0.01)
    release.set()
    assert made == []
    calls.do(lambda: made.append(2))
    assert made == []
