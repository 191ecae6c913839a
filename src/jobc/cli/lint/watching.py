"""`--watch`: check again whenever a file changes.

Sizes and times of the files are looked at a few times a second: a hundred files cost less than a millisecond, nothing
has to be installed, and it works on every file system. What new files there are is found out in the same round.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

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
    """Run `round`, and again after each change, until interrupted (KeyboardInterrupt passes through).

    `round` gives the files that it read; `paths` the files that it would begin with now.
    """
    while True:
        # As they were before the round: a change during it counts as one after it.
        before = state(paths())
        read = [path for path in round() if path not in before]
        before.update(state(read))
        while state((*paths(), *read)) == before:
            time.sleep(INTERVAL)
