"""Other processes that check a share of the files, forked from this one, which has the front end loaded by then.

Shares are dealt by size, the largest file first, each to whoever has least so far; this process takes one of them
itself. A worker sends what it found in its whole share as one JSON text when it is done. A share of which nothing
arrives (the worker met a defect, or was killed) is left to the one who asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

#: Bytes of files from which on a further process pays for its start.
WORTH = 40_000


def shares(sizes: Sequence[int], cores: int) -> list[list[int]]:
    """The indices of files of these sizes, dealt to as many processes as are worth it (one at least)."""
    count = max(1, min(cores, len(sizes), 1 + sum(sizes) // WORTH))
    dealt: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    for i in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        least = loads.index(min(loads))
        dealt[least].append(i)
        loads[least] += sizes[i]
    return dealt


class Worker:
    """A forked process that does `work(i)` for each `i` of its share; the results must be JSON."""

    __slots__ = ("_pid", "_pipe", "share")

    def __init__(self, share: list[int], work: Callable[[int], Any]) -> None:
        self.share = share
        self._pipe, ours = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._pipe)
            _serve(ours, share, work)
        os.close(ours)

    def results(self) -> list[Any]:
        """The results in the order of the share, once all are there; none where the worker failed."""
        with open(self._pipe, "rb") as stream:
            data = stream.read()
        _, status = os.waitpid(self._pid, 0)
        results: list[Any] = json.loads(data) if status == 0 else []
        return results


def _serve(pipe: int, share: list[int], work: Callable[[int], Any]) -> NoReturn:
    status = 1
    try:
        data = json.dumps([work(i) for i in share]).encode()
        with open(pipe, "wb") as stream:
            stream.write(data)
        status = 0
    finally:
        os._exit(status)
