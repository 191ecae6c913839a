"""`--watch`: check again whenever a file changes.

Sizes and times of the files are looked at a few times a second: a hundred files cost less than a millisecond, nothing
has to be installed, and it works on every file system. What new files there are is found out in the same round.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

#: Seconds between two looks.
INTERVAL = 0.3

#: path -> (time, size); None where there is no such file.
State = dict[str, tuple[int, int] | None]


def state(paths: Iterable[str]) -> State:
    """How files are now."""
    found: State = {}
    for path in paths:
        try:
            stat = os.stat(path)
            found[path] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            found[path] = None
    return found


def watch(round: Callable[[], Iterable[str]], paths: Callable[[], Iterable[str]]) -> None:
    """Run `round`, and again after each change, until interrupted (raises KeyboardInterrupt).

    `round` gives the files that it read; `paths` the files that it would begin with now.
    """
    with _interrupts() as look:
        while True:
            # As they were before the round: a change during it counts as one after it.
            before = state(paths())
            read = [path for path in round() if path not in before]
            before.update(state(read))
            look()
            while state((*paths(), *read)) == before:
                time.sleep(INTERVAL)
                look()


@contextmanager
def _interrupts() -> Iterator[Callable[[], None]]:
    """What raises KeyboardInterrupt if one was raised before, and got lost.

    It does where it comes while an object is finalized, or in a callback of a library: Python prints or drops it there.
    """
    came = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    def look() -> None:
        if came:
            raise KeyboardInterrupt

    heard = threading.current_thread() is threading.main_thread()
    if not heard or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        yield look
        return
    kept = signal.signal(signal.SIGINT, handle)
    try:
        yield look
    finally:
        signal.signal(signal.SIGINT, kept)
