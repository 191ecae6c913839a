"""What a dead engine left: processes that work on without it, and folders.

Every process of a run has the run's mark in its environment, a random text that stands in the journal too. So a
process is told by what it is, not by a number that another one may have by now. One that cleared its
environment is found by its session, which is its stage's own, or by its parents. They get SIGKILL: whatever they
would still do, the stage that is run again does once more.

Looked for again until nothing is found, since a process may fork while it is looked for. Where there is no /proc,
nothing can be found, and nothing is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time

from jobc.errors import StateError
from jobc.interpreter import scratch
from jobc.interpreter.mark import MARK
from jobc.interpreter.process_tree import Stat, environ, processes

#: The longest that killed processes may take to be gone, in seconds.
PATIENCE = 5.0


def end_leftovers(mark: str) -> int:
    """End all processes of the run with that mark, and remove the folders of engines that died; how many processes there were."""
    if not mark:
        return 0
    ended: set[int] = set()
    deadline = time.monotonic() + PATIENCE
    while found := _processes(mark):
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        ended |= found
        if time.monotonic() > deadline:
            numbers = ", ".join(map(str, sorted(found)))
            raise StateError(
                f"the engine that died left processes that cannot be ended: {numbers}",
                help="end them yourself, then resume again; nothing was started",
            )
        time.sleep(0.005)
    scratch.sweep(tempfile.gettempdir())
    return len(ended)


def _processes(mark: str) -> set[int]:
    table = {pid: each for pid, each in processes().items() if each.state not in b"ZX"}
    needle = f"{MARK}={mark}".encode()
    spared = _with_parents(os.getpid(), table)
    marked = {pid for pid in table if pid not in spared and needle in environ(pid).split(b"\0")}
    sessions = {table[pid].session for pid in marked} - {table[pid].session for pid in spared if pid in table}
    found = marked | {pid for pid in table if table[pid].session in sessions}
    for pid in table:
        if pid not in found and found & _with_parents(pid, table):
            found.add(pid)
    return found - spared


def _with_parents(pid: int, table: dict[int, Stat]) -> set[int]:
    found: set[int] = set()
    while pid > 0 and pid not in found:
        found.add(pid)
        pid = table[pid].parent if pid in table else 0
    return found
