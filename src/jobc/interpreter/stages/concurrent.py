"""Tasks on a bounded number of threads, started in order."""

from __future__ import annotations

import threading
from typing import Callable, List, Optional, Sequence, TypeVar

T = TypeVar("T")


def run_all(tasks: Sequence[Callable[[], T]], limit: int, ends: Callable[[T], bool]) -> List[Optional[T]]:
    """Run tasks, at most `limit` at a time; their results in order, None for what was not started.

    After a result that `ends` says yes to, nothing further starts. An exception of a task is raised when the others
    have ended.
    """
    results: List[Optional[T]] = [None] * len(tasks)
    if limit == 1 or len(tasks) == 1:
        for position, task in enumerate(tasks):
            result = results[position] = task()
            if ends(result):
                break
        return results
    lock = threading.Lock()
    waiting = iter(range(len(tasks)))
    stopped = False
    raised: List[BaseException] = []

    def work() -> None:
        nonlocal stopped
        while True:
            with lock:
                position = None if stopped else next(waiting, None)
            if position is None:
                return
            try:
                result = results[position] = tasks[position]()
                over = ends(result)
            except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
                raised.append(error)
                over = True
            if over:
                with lock:
                    stopped = True

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(limit, len(tasks)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return results
