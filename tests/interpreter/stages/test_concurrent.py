"""Tasks on threads: never more at once than the limit, in order, all of them unless one ends it."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobc.interpreter.stages.concurrent import run_all


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=1, max_value=6), st.integers(min_value=0, max_value=20), st.data())
def test_what_holds_for_any_number_and_limit(limit: int, count: int, data: st.DataObject) -> None:
    ending = data.draw(st.none() | st.integers(min_value=0, max_value=max(0, count - 1)))
    lock, now, most, started = threading.Lock(), 0, 0, []

    def task(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
            started.append(number)
        with lock:
            now -= 1
        return number

    tasks = [lambda number=number: task(number) for number in range(count)]
    results = run_all(tasks, limit, lambda result: result == ending)
    assert most <= limit
    assert sorted(started) == list(range(len(started))), "they start in order, none is left out"
    assert results == [number if number in started else None for number in range(count)]
    if ending is None or not count:
        assert len(started) == count
    else:
        assert len(started) > ending


def test_the_limit_is_used() -> None:
    meeting = threading.Barrier(3, timeout=30)
    assert run_all([meeting.wait] * 3, 3, lambda result: False).count(None) == 0


def test_after_the_end_nothing_starts() -> None:
    started: list[int] = []

    def task(number: int) -> int:
        started.append(number)
        return number

    results = run_all([lambda n=n: task(n) for n in range(10)], 1, lambda result: result == 3)
    assert started == [0, 1, 2, 3]
    assert results == [0, 1, 2, 3, *[None] * 6]


def test_an_exception_is_raised_when_the_others_have_ended() -> None:
    ended = threading.Event()
    meeting = threading.Barrier(2, timeout=30)

    def failing() -> None:
        meeting.wait()
        raise ValueError("mine")

    def slow() -> None:
        meeting.wait()
        ended.set()

    with pytest.raises(ValueError, match="mine"):
        run_all([failing, slow], 2, lambda result: False)
    assert ended.is_set()
